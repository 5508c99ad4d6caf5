//! Databases as a whole: their size, and exchanging two of them.

use crate::database::parse_database_pair;
use crate::{CommandError, Outcome, Whole};
use resp::{Args, Reply};

pub(super) fn dbsize(whole: &mut Whole<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(whole.reach.totals(whole.database).keys.max(0));
    Ok(())
}

/// A database may be exchanged with itself; that counts as a change, too.
pub(super) fn swapdb(whole: &mut Whole<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if whole.in_cluster {
        return Err(CommandError::Text("ERR SWAPDB is not allowed in cluster mode"));
    }
    let (a, b) = parse_database_pair(&args[1], &args[2], whole.reach.keyspace().databases())?;
    whole.reach.swap(a, b, whole.worker, whole.moment.now);
    whole.changes += 1;
    reply.ok();
    Ok(())
}
