//! Emptying databases.

use crate::{CommandError, Outcome, Whole};
use resp::{Args, Reply};

pub(super) fn flushdb(whole: &mut Whole<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let database = whole.database;
    flush(whole, args, reply, Some(database))
}

pub(super) fn flushall(
    whole: &mut Whole<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    flush(whole, args, reply, None)
}

/// SYNC and ASYNC come to the same: the keys are gone at once, and their memory is freed where the time does not matter.
fn flush(
    whole: &mut Whole<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    database: Option<usize>,
) -> Outcome {
    let is_mode =
        |word: &[u8]| [&b"sync"[..], b"async"].iter().any(|mode| word.eq_ignore_ascii_case(mode));
    if args.len() > 2 || !args.iter_from(1).all(is_mode) {
        return Err(CommandError::Syntax);
    }
    let flushed = whole.reach.flush(database, whole.worker);
    whole.changes += flushed.keys();
    whole.flushed.push(flushed);
    reply.ok();
    Ok(())
}
