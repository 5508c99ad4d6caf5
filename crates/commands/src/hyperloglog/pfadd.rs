//! PFADD.

use super::sketch::{self, Corrupt, Form};
use crate::string::value::with_bytes;
use crate::{CommandError, Outcome};
use engine::{Change, Edit, EventClass, Expiry, NewValue, Object};
use resp::{Args, Reply};

pub(super) fn pfadd(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = &args[1];
    let changes = change_sketch(edit, key, |bytes, form, is_new, sparse_bytes| {
        let mut changes = u64::from(is_new);
        for element in args.iter_from(2) {
            changes += u64::from(sketch::add(bytes, form, element, sparse_bytes)?);
        }
        if changes > 0 {
            sketch::forget(bytes);
        }
        Ok(changes)
    })?;
    if changes > 0 {
        edit.notify(EventClass::String, "pfadd", key);
        edit.changed(changes);
    }
    reply.integer(i64::from(changes > 0));
    Ok(())
}

/// Changes a HyperLogLog, which is made where the key is absent. `change` receives its string and form, whether it is new, and how long a sparse one
/// may be; it tells how many changes it counts.
pub(super) fn change_sketch(
    edit: &mut Edit<'_, '_>,
    key: &[u8],
    change: impl FnOnce(&mut Vec<u8>, &mut Form, bool, usize) -> Result<u64, Corrupt>,
) -> Result<u64, CommandError> {
    let sparse_bytes = edit.rules().hyperloglog_sparse_bytes;
    let mut form = Form::Sparse;
    let is_new = edit.update(key, |record| {
        let Some(record) = record else {
            let object = Box::new(Object::String(sketch::empty().into()));
            return Ok(Change::Put(NewValue::Object(object), Expiry::Clear));
        };
        form = with_bytes(record, Form::of)??;
        Ok::<_, CommandError>(Change::None)
    })?;
    let changed = edit.modify_string_if(key, |bytes| {
        let result = change(bytes, &mut form, is_new, sparse_bytes);
        (result.is_ok_and(|changes| changes > 0), result)
    });
    Ok(changed.expect("the key holds a string")?)
}
