//! ROLE: a primary, for there are no replicas.

use crate::session::Context;
use commands::Outcome;
use resp::{Args, Reply};

/// `master`, the replication offset, the replicas.
pub(super) fn role(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array(3);
    reply.bulk(b"master");
    reply.integer(0);
    reply.array(0);
    Ok(())
}
