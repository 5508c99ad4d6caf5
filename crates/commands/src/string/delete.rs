//! Removing a string while looking at it.

use super::condition::Condition;
use super::value::{reply_string, with_bytes};
use crate::{CommandError, Outcome};
use engine::{Change, Edit, EventClass};
use resp::{Args, Reply};

pub(super) fn getdel(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut found = false;
    let removed = edit.update(&args[1], |record| {
        let Some(record) = record else {
            reply.null();
            return Ok(Change::None);
        };
        found = true;
        reply_string(record, reply)?;
        Ok::<_, CommandError>(Change::Remove)
    });
    edit.count_lookup_of(&args[1], found);
    tell_removed(edit, removed?, &args[1]);
    Ok(())
}

pub(super) fn delifeq(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let removed = edit.update(&args[1], |record| {
        let equal = match record {
            Some(record) => with_bytes(record, |bytes| *bytes == args[2])?,
            None => false,
        };
        Ok::<_, CommandError>(if equal { Change::Remove } else { Change::None })
    })?;
    tell_removed(edit, removed, &args[1]);
    reply.integer(i64::from(removed));
    Ok(())
}

pub(super) fn delex(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = &args[1];
    let condition = match args.len() {
        2 => Condition::Always,
        4 => Condition::comparing(&args[2], args.get(3))?
            .ok_or(CommandError::Text("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"))?,
        _ => return Err(CommandError::WrongArity("delex".to_owned())),
    };
    let removed = edit.update(key, |record| {
        let removes = record.is_some() && condition.holds(record)?;
        Ok::<_, CommandError>(if removes { Change::Remove } else { Change::None })
    })?;
    tell_removed(edit, removed, key);
    reply.integer(i64::from(removed));
    Ok(())
}

/// Tells of a key that was removed, and counts it.
fn tell_removed(edit: &mut Edit<'_, '_>, removed: bool, key: &[u8]) {
    if removed {
        edit.notify(EventClass::Generic, "del", key);
        edit.changed(1);
        edit.log(&[b"DEL", key]);
    }
}
