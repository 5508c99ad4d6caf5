//! When a key shall go: EXPIRE and its kin, and PERSIST.

use crate::{CommandError, Outcome};
use base::UnixMillis;
use base::number::parse_i64;
use engine::Edit;
use resp::{Args, Reply};

/// How a command tells the time of an expiry.
struct Form {
    command: &'static str,
    /// The length of its unit of time.
    unit_ms: i64,
    /// Whether it is counted from now, and not from 1970.
    relative: bool,
}

pub(super) fn expire(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_expiry(edit, args, reply, &Form { command: "expire", unit_ms: 1000, relative: true })
}

pub(super) fn pexpire(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_expiry(edit, args, reply, &Form { command: "pexpire", unit_ms: 1, relative: true })
}

pub(super) fn expireat(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_expiry(edit, args, reply, &Form { command: "expireat", unit_ms: 1000, relative: false })
}

pub(super) fn pexpireat(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_expiry(edit, args, reply, &Form { command: "pexpireat", unit_ms: 1, relative: false })
}

fn set_expiry(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    form: &Form,
) -> Outcome {
    let conditions = Conditions::parse(args)?;
    let now = edit.moment().now;
    let at = form.resolve(&args[2], now)?;
    let key = &args[1];
    let allowed = edit.find(key).is_some_and(|record| conditions.allow(record.expire_at(), at));
    if !allowed {
        reply.integer(0);
        return Ok(());
    }
    if at <= now.0 {
        edit.remove(key);
    } else {
        edit.set_expire_at(key, Some(at));
    }
    edit.changed(1);
    reply.integer(1);
    Ok(())
}

impl Form {
    /// The time that an argument stands for, in milliseconds since 1970. It may lie in the past.
    fn resolve(&self, argument: &[u8], now: UnixMillis) -> Result<i64, CommandError> {
        let time = parse_i64(argument).ok_or(CommandError::NotInteger)?;
        time.checked_mul(self.unit_ms)
            .and_then(|span| if self.relative { span.checked_add(now.0) } else { Some(span) })
            .ok_or(CommandError::InvalidExpireTime(self.command))
    }
}

/// Under which conditions the expiry is set; several may be given.
#[derive(Default)]
struct Conditions {
    /// Only where there is none.
    nx: bool,
    /// Only where there is one.
    xx: bool,
    /// Only where the new one is later. No expiry is later than any.
    gt: bool,
    /// Only where the new one is earlier.
    lt: bool,
}

impl Conditions {
    fn parse(args: Args<'_>) -> Result<Conditions, CommandError> {
        let mut conditions = Conditions::default();
        for option in args.iter_from(3) {
            let lower = option.to_ascii_lowercase();
            *match &lower[..] {
                b"nx" => &mut conditions.nx,
                b"xx" => &mut conditions.xx,
                b"gt" => &mut conditions.gt,
                b"lt" => &mut conditions.lt,
                _ => {
                    return Err(CommandError::echo("ERR Unsupported option ", option, ""));
                }
            } = true;
        }
        let Conditions { nx, xx, gt, lt } = conditions;
        if nx && (xx || gt || lt) {
            return Err(CommandError::Text(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if gt && lt {
            return Err(CommandError::Text(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(conditions)
    }

    /// Whether an expiry that is `current` may become `new`.
    fn allow(&self, current: Option<i64>, new: i64) -> bool {
        match current {
            None => !self.xx && !self.gt,
            Some(current) => !self.nx && (!self.gt || new > current) && (!self.lt || new < current),
        }
    }
}

pub(super) fn persist(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let has_expiry = edit.find(&args[1]).is_some_and(|record| record.expire_at().is_some());
    if has_expiry {
        edit.set_expire_at(&args[1], None);
        edit.changed(1);
    }
    reply.integer(i64::from(has_expiry));
    Ok(())
}
