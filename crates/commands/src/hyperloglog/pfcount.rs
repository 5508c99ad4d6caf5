//! PFCOUNT and PFMERGE.

use super::pfadd::change_sketch;
use super::sketch::{self, Form, Union};
use crate::string::value::with_bytes;
use crate::{CommandError, Outcome};
use engine::{Edit, EventClass};
use resp::{Args, Reply};

pub(super) fn pfcount(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let count = if args.len() == 2 {
        count_one(edit, &args[1])?
    } else {
        union(edit, args)?.0.cardinality()
    };
    reply.integer(count.cast_signed());
    Ok(())
}

/// The count of one HyperLogLog, which remembers it. That counts as a change of the key, as in Redis: its bytes are others.
fn count_one(edit: &mut Edit<'_, '_>, key: &[u8]) -> Result<u64, CommandError> {
    let Some(record) = edit.find_counted(key) else { return Ok(0) };
    let (count, is_new) = with_bytes(record, |bytes| {
        let form = Form::of(bytes)?;
        Ok::<_, CommandError>(match sketch::remembered(bytes) {
            Some(count) => (count, false),
            None => (sketch::cardinality(bytes, form)?, true),
        })
    })??;
    if is_new {
        edit.modify_string(key, |bytes| sketch::remember(bytes, count));
        edit.changed(1);
    }
    Ok(count)
}

pub(super) fn pfmerge(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = &args[1];
    let (union, any_dense) = union(edit, args)?;
    let changes = change_sketch(edit, key, |bytes, form, _, sparse_bytes| {
        if any_dense {
            sketch::make_dense(bytes, form)?;
        }
        union.write(bytes, form, sparse_bytes)?;
        sketch::forget(bytes);
        Ok(1)
    })?;
    edit.notify(EventClass::String, "pfadd", key);
    edit.changed(changes);
    reply.ok();
    Ok(())
}

/// What all keys of a request have seen, and whether any of them is dense.
fn union(edit: &mut Edit<'_, '_>, args: Args<'_>) -> Result<(Union, bool), CommandError> {
    let mut union = Union::new();
    let mut any_dense = false;
    for key in args.iter_from(1) {
        let Some(record) = edit.find_counted(key) else { continue };
        with_bytes(record, |bytes| {
            let form = Form::of(bytes)?;
            any_dense |= form == Form::Dense;
            Ok::<_, CommandError>(union.take(bytes, form)?)
        })??;
    }
    Ok((union, any_dense))
}
