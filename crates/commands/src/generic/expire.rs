//! When a key shall go: EXPIRE and its kin, and PERSIST.

use crate::Outcome;
use crate::expiry::{Conditions, TimeKind};
use base::number::with_digits;
use engine::{Edit, EventClass, Removal};
use resp::{Args, Reply};

pub(super) fn expire(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_expiry(edit, args, reply, (TimeKind::EX, "expire"))
}

pub(super) fn pexpire(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_expiry(edit, args, reply, (TimeKind::PX, "pexpire"))
}

pub(super) fn expireat(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_expiry(edit, args, reply, (TimeKind::EXAT, "expireat"))
}

pub(super) fn pexpireat(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_expiry(edit, args, reply, (TimeKind::PXAT, "pexpireat"))
}

fn set_expiry(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    (kind, command): (TimeKind, &'static str),
) -> Outcome {
    let conditions = Conditions::parse(args.iter_from(3))?;
    let now = edit.moment().now;
    let at = kind.any_moment(&args[2], edit.moment(), command)?;
    let key = &args[1];
    let allowed = edit.find(key).is_some_and(|record| conditions.allow(record.expire_at(), at));
    if !allowed {
        reply.integer(0);
        return Ok(());
    }
    if at <= now.0 {
        edit.remove(key);
        edit.tell_expired(key);
        edit.log_removal(Removal::Expired, key);
    } else {
        edit.set_expire_at(key, Some(at));
        edit.notify(EventClass::Generic, "expire", key);
        if edit.logs() {
            with_digits(at, |at| {
                let words = [&b"PEXPIREAT"[..], key, at].into_iter();
                edit.log_words(words.chain(args.iter_from(3)));
            });
        }
    }
    edit.changed(1);
    reply.integer(1);
    Ok(())
}

pub(super) fn persist(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let has_expiry = edit.find(&args[1]).is_some_and(|record| record.expire_at().is_some());
    if has_expiry {
        edit.set_expire_at(&args[1], None);
        edit.notify(EventClass::Generic, "persist", &args[1]);
        edit.changed(1);
    }
    reply.integer(i64::from(has_expiry));
    Ok(())
}
