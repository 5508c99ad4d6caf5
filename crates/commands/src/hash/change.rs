//! Setting and removing fields.

use super::expire::Fields;
use super::read::reply_value;
use crate::{CommandError, Outcome};
use engine::{Edit, EventClass};
use resp::{Args, Reply};
use values::{FieldExpiry, Hash};

pub(super) fn hset(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let added = set_pairs(edit, args, "hset")?;
    reply.count(added);
    Ok(())
}

pub(super) fn hmset(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_pairs(edit, args, "hmset")?;
    reply.ok();
    Ok(())
}

/// Sets the fields that the arguments name; how many are new.
fn set_pairs(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    command: &str,
) -> Result<usize, CommandError> {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::WrongArity(command.to_owned()));
    }
    let (rules, now) = (edit.rules(), edit.moment().now.0);
    let added = edit.modify_or_create(&args[1], |hash: &mut Hash| {
        hash.prepare(args.iter_from(2), &rules);
        let mut words = args.iter_from(2);
        let mut added = 0;
        while let (Some(field), Some(value)) = (words.next(), words.next()) {
            let expiry = (FieldExpiry::Clear, now);
            added += usize::from(hash.set(field, value, expiry, &rules));
        }
        added
    })?;
    edit.notify(EventClass::Hash, "hset", &args[1]);
    edit.changed(args.len() as u64 / 2 - 1);
    Ok(added)
}

pub(super) fn hsetnx(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (rules, now) = (edit.rules(), edit.moment().now.0);
    let mut is_timed = false;
    let is_set = edit.modify_or_create_if(&args[1], |hash: &mut Hash| {
        if hash.view().contains(&args[2], now) {
            return (false, false);
        }
        is_timed = hash.view().earliest_time().is_some();
        hash.prepare(args.iter_from(2), &rules);
        hash.set(&args[2], &args[3], (FieldExpiry::Clear, now), &rules);
        (true, true)
    })?;
    if is_set {
        // It may have been there, with a time that had come.
        if is_timed {
            edit.log(&[b"HSET", &args[1], &args[2], &args[3]]);
        }
        edit.notify(EventClass::Hash, "hset", &args[1]);
        edit.changed(1);
    }
    reply.integer(i64::from(is_set));
    Ok(())
}

pub(super) fn hdel(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = edit.moment().now.0;
    let removed = edit.modify_as(&args[1], EventClass::Hash, |hash: &mut Hash| {
        let removed = args.iter_from(2).filter(|field| hash.remove(field, now)).count();
        ((removed > 0).then_some("hdel"), removed)
    })?;
    let removed = removed.unwrap_or(0);
    edit.changed(removed as u64);
    reply.count(removed);
    Ok(())
}

pub(super) fn hgetdel(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = edit.moment().now.0;
    let fields = Fields::parse(args, 2, 1)?;
    edit.typed::<Hash>(&args[1])?;
    reply.array(fields.count);
    let removed = edit.modify_as(&args[1], EventClass::Hash, |hash: &mut Hash| {
        let mut removed = 0;
        for field in fields.names(args) {
            reply_value(hash.view().get(field, now), reply);
            removed += u64::from(hash.remove(field, now));
        }
        ((removed > 0).then_some("hdel"), removed)
    })?;
    if removed.is_none() {
        (0..fields.count).for_each(|_| reply.null());
    }
    edit.changed(removed.unwrap_or(0));
    Ok(())
}
