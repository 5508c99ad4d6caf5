//! SUBSCRIBE, UNSUBSCRIBE, PUBLISH and their kin.

use super::subscriptions::{Kind, Name};
use crate::session::{Answered, Context};
use base::Slot;
use cluster::{Access, KeySlots, Presence, Request};
use commands::{CommandError, Outcome};
use resp::{Args, Reply};

/// Appends what a client is told of a subscription that has begun or ended.
pub(super) fn tell(reply: &mut Reply<'_>, what: &[u8], name: Option<&[u8]>, told: usize) {
    reply.push(3);
    reply.bulk(what);
    reply.bulk_or_null(name);
    reply.count(told);
}

pub(super) fn subscribe(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    begin(context, Kind::Channel, args, reply);
    Ok(())
}

pub(super) fn psubscribe(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    begin(context, Kind::Pattern, args, reply);
    Ok(())
}

/// No slot is held: a slot may be lost after it was found served here. Who loses it says so first and ends the listening of all in the
/// registry after; so the client is entered first, and then it is asked again.
pub(super) fn ssubscribe(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    if context.state.is_in_exec {
        // In a transaction: the words are those of Redis.
        return Err(CommandError::Text("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"));
    }
    context.route_channels(args)?;
    begin(context, Kind::ShardChannel, args, reply);
    if context.route_channels(args).is_err() {
        args.iter_from(1).map(Slot::of_key).for_each(|slot| context.node.channels.drop_slot(slot));
    }
    Ok(())
}

pub(super) fn unsubscribe(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    end(context, Kind::Channel, args, reply);
    Ok(())
}

pub(super) fn punsubscribe(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    end(context, Kind::Pattern, args, reply);
    Ok(())
}

pub(super) fn sunsubscribe(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    context.route_channels(args)?;
    end(context, Kind::ShardChannel, args, reply);
    Ok(())
}

pub(super) fn publish(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (channel, payload) = (&args[1], &args[2]);
    reply.count(context.node.channels.publish(channel, payload));
    context.spread(false, channel, payload);
    Ok(())
}

pub(super) fn spublish(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    context.route_channels(args)?;
    let (channel, payload) = (&args[1], &args[2]);
    reply.count(context.node.channels.publish_to_shard(channel, payload));
    context.spread(true, channel, payload);
    Ok(())
}

/// Begins to listen to all that the arguments name.
fn begin(context: &mut Context<'_>, kind: Kind, args: Args<'_>, reply: &mut Reply<'_>) {
    let client = &context.state.client;
    for name in args.iter_from(1) {
        let told = context.node.channels.subscribe(client, kind, name);
        tell(reply, kind.begun(), Some(name), told);
    }
    context.state.answered = Answered::Begun;
}

/// Ends the listening to all that the arguments name; without any, to all of the kind.
fn end(context: &mut Context<'_>, kind: Kind, args: Args<'_>, reply: &mut Reply<'_>) {
    let client = &context.state.client;
    let mut end = |name: &[u8]| {
        let (_, told) = context.node.channels.unsubscribe(client, kind, name);
        tell(reply, kind.ended(), Some(name), told);
    };
    if args.len() > 1 {
        args.iter_from(1).for_each(&mut end);
    } else {
        let (names, told): (Vec<Name>, usize) = {
            let subscriptions = client.subscriptions.lock();
            (subscriptions.of(kind).iter().cloned().collect(), subscriptions.told(kind))
        };
        names.iter().for_each(|name| end(name));
        if names.is_empty() {
            tell(reply, kind.ended(), None, told);
        }
    }
    context.state.answered = Answered::Ended;
}

impl Context<'_> {
    /// Refuses shard channels that are not of this node: all arguments, or only the first of SPUBLISH.
    fn route_channels(&self, args: Args<'_>) -> Outcome {
        let Some(cluster) = &self.node.cluster else { return Ok(()) };
        let is_publish = args.name().eq_ignore_ascii_case(b"spublish");
        let names = if is_publish { 1 } else { usize::MAX };
        let slots =
            args.iter_from(1).take(names).map(Slot::of_key).fold(KeySlots::None, KeySlots::and);
        let view = cluster.view();
        let access = Access::ShardChannel;
        let request = Request { slots, access, asks: false, migrates: false, tls: false };
        view.route(request, Presence::default)
            .map_err(|refusal| CommandError::Owned(refusal.to_string()))
    }
}
