//! PUBSUB: what is listened to.

use super::subscriptions::Kind;
use crate::session::Context;
use commands::{CommandError, Outcome};
use resp::{Args, Reply};

pub(super) fn channels(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    names(context, Kind::Channel, args, reply)
}

pub(super) fn shard_channels(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    names(context, Kind::ShardChannel, args, reply)
}

pub(super) fn numsub(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    numbers(context, Kind::Channel, args, reply);
    Ok(())
}

pub(super) fn shard_numsub(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    numbers(context, Kind::ShardChannel, args, reply);
    Ok(())
}

pub(super) fn numpat(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(context.node.channels.counts().patterns);
    Ok(())
}

fn names(context: &mut Context<'_>, kind: Kind, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() > 3 {
        let after = "'. Try PUBSUB HELP.";
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        return Err(CommandError::echo(before, &args[1], after));
    }
    let names = context.node.channels.names(kind, args.get(2));
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name));
    Ok(())
}

fn numbers(context: &Context<'_>, kind: Kind, args: Args<'_>, reply: &mut Reply<'_>) {
    // Pairs; in RESP3 too an array, as in Redis.
    reply.array(2 * (args.len() - 2));
    for name in args.iter_from(2) {
        reply.bulk(name);
        reply.count(context.node.channels.subscribers(kind, name));
    }
}

pub(super) fn help(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    crate::help::help(
        reply,
        "PUBSUB",
        &[
            "CHANNELS [<pattern>]",
            "    Return the channels that somebody listens to, or those that match <pattern>.",
            "NUMPAT",
            "    Return how many different patterns are listened to.",
            "NUMSUB [<channel> ...]",
            "    Return how many clients listen to each channel, those with a pattern left out.",
            "SHARDCHANNELS [<pattern>]",
            "    Return the shard channels that somebody listens to, or those that match <pattern>.",
            "SHARDNUMSUB [<shardchannel> ...]",
            "    Return how many clients listen to each shard channel.",
        ],
    );
    Ok(())
}
