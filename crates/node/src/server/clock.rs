//! TIME.

use crate::session::Context;
use commands::Outcome;
use resp::{Args, Reply};

const MICROS_PER_SECOND: i64 = 1_000_000;

pub(super) fn time(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let micros = context.node.host.unix_micros(context.now.wall);
    reply.array(2);
    reply.bulk_integer(micros.div_euclid(MICROS_PER_SECOND));
    reply.bulk_integer(micros.rem_euclid(MICROS_PER_SECOND));
    Ok(())
}
