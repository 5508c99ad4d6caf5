//! CLUSTER REPLICATE, REPLICAS and FAILOVER.

use super::orders::{bus_time, enabled, has_keys, node_id, operate, refused, too_many_arguments};
use crate::clients::flag;
use crate::session::Context;
use cluster::Takeover;
use commands::{CommandError, Outcome};
use resp::{Args, Reply};

/// `CLUSTER REPLICATE node-id`, `CLUSTER REPLICATE NO ONE`.
pub(super) fn replicate(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let now = bus_time(context);
    if args.len() > 3 {
        let is = |index: usize, word: &[u8]| args[index].eq_ignore_ascii_case(word);
        if args.len() > 4 || !is(2, b"no") || !is(3, b"one") {
            return Err(too_many_arguments(args));
        }
        operate(context, |machine| machine.detach(now))?;
    } else {
        let (id, has_keys) = (node_id(&args[2])?, has_keys(context));
        operate(context, |machine| machine.replicate(now, id, has_keys))?.map_err(refused)?;
    }
    settle(context)?;
    reply.ok();
    Ok(())
}

/// The node has the role that was ordered when the reply leaves.
pub(super) fn settle(context: &Context<'_>) -> Outcome {
    let (node, by, now) = (context.node, context.worker, context.now);
    enabled(context)?.settle_role(node, by, now);
    Ok(())
}

/// `CLUSTER REPLICAS node-id`.
pub(super) fn replicas(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let cluster = enabled(context)?;
    let id = node_id(&args[2])?;
    let lines = cluster.ask(|machine| machine.cluster_replicas(id)).map_err(refused)?;
    reply.array(lines.len());
    lines.iter().for_each(|line| reply.bulk(line.as_bytes()));
    Ok(())
}

/// `CLUSTER FAILOVER [FORCE|TAKEOVER]`; in a primary's stream, `CLUSTER FAILOVER FORCE REPLICAID node-id`.
pub(super) fn failover(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let now = bus_time(context);
    let is = |index: usize, word: &[u8]| {
        args.get(index).is_some_and(|one| one.eq_ignore_ascii_case(word))
    };
    if context.state.client.has_flag(flag::PRIMARY) && is(3, b"replicaid") && args.len() == 5 {
        let id = node_id(&args[4])?;
        operate(context, |machine| {
            if machine.my_id() == id {
                machine.inherit(now);
            }
        })?;
        reply.ok();
        return Ok(());
    }
    let how = match args.len() {
        2 => Takeover::Agreed,
        3 if is(2, b"force") => Takeover::Forced,
        3 if is(2, b"takeover") => Takeover::Unilateral,
        _ => return Err(CommandError::Syntax),
    };
    operate(context, |machine| machine.fail_over(now, how))?.map_err(refused)?;
    settle(context)?;
    reply.ok();
    Ok(())
}
