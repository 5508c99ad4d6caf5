//! When a key will go: TTL and its kin.

use crate::Outcome;
use engine::View;
use resp::{Args, Reply};

/// The answer about a key that is not there.
const ABSENT: i64 = -2;
/// The answer about a key without an expiry.
const WITHOUT_EXPIRY: i64 = -1;

pub(super) fn ttl(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    answer(view, args, reply, |at, now| rounded_seconds(remaining_ms(at, now)))
}

pub(super) fn pttl(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    answer(view, args, reply, remaining_ms)
}

pub(super) fn expiretime(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    answer(view, args, reply, |at, _| rounded_seconds(at))
}

pub(super) fn pexpiretime(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    answer(view, args, reply, |at, _| at)
}

fn answer(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    tell: impl FnOnce(i64, i64) -> i64,
) -> Outcome {
    let now = view.moment().now;
    reply.integer(match view.inspect(&args[1]).map(|record| record.expire_at()) {
        None => ABSENT,
        Some(None) => WITHOUT_EXPIRY,
        Some(Some(at)) => tell(at, now.0),
    });
    Ok(())
}

fn remaining_ms(at: i64, now: i64) -> i64 {
    at.saturating_sub(now).max(0)
}

/// To the nearest second, half a second upwards.
fn rounded_seconds(ms: i64) -> i64 {
    ms / 1000 + i64::from(ms % 1000 >= 500)
}
