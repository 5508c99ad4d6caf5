//! Reading a string as a whole, and what reading may do to its expiry.

use super::value::{length, reply_string, with_bytes};
use crate::expiry::{ExpiryOption, NewExpiry};
use crate::{CommandError, Outcome};
use base::number::with_digits;
use engine::{Change, Edit, EventClass, Expiry, Removal, View};
use resp::{Args, Reply};

pub(super) fn get(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    match view.find(&args[1]) {
        Some(record) => reply_string(record, reply),
        None => {
            reply.null();
            Ok(())
        }
    }
}

pub(super) fn strlen(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let length = view.find(&args[1]).map_or(Ok(0), length)?;
    reply.count(length);
    Ok(())
}

pub(super) fn getex(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut option = ExpiryOption::None;
    let mut index = 2;
    while index < args.len() {
        index += option.take_or_persist(args, index).ok_or(CommandError::Syntax)?;
    }
    let NewExpiry { expiry, elapsed } = option.resolve(edit.moment(), "getex")?;
    let mut found = false;
    let changed: Result<_, CommandError> = edit.update(&args[1], |record| {
        let Some(record) = record else {
            reply.null();
            return Ok(Change::None);
        };
        found = true;
        reply_string(record, reply)?;
        Ok(match expiry {
            Expiry::At(_) if elapsed => Change::Remove,
            Expiry::At(at) => Change::ExpireAt(Some(at)),
            Expiry::Clear if option == ExpiryOption::Persist && record.expire_at().is_some() => {
                Change::ExpireAt(None)
            }
            Expiry::Clear | Expiry::Keep => Change::None,
        })
    });
    edit.count_lookup_of(&args[1], found);
    if changed? {
        let key = &args[1];
        match expiry {
            Expiry::At(_) if elapsed => {
                edit.tell_expired(key);
                edit.log_removal(Removal::Expired, key);
            }
            Expiry::At(at) => {
                edit.notify(EventClass::Generic, "expire", key);
                with_digits(at, |at| edit.log(&[b"PEXPIREAT", key, at]));
            }
            Expiry::Clear | Expiry::Keep => {
                edit.notify(EventClass::Generic, "persist", key);
                edit.log(&[b"PERSIST", key]);
            }
        }
        edit.changed(1);
    }
    Ok(())
}

pub(super) fn digest(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    match view.find(&args[1]) {
        Some(record) => {
            let digest = with_bytes(record, xxhash_rust::xxh3::xxh3_64)?;
            reply.bulk(format!("{digest:016x}").as_bytes());
        }
        None => reply.null(),
    }
    Ok(())
}
