//! Signs of life, the choice of a database, and the end.

use crate::clients::flag;
use crate::session::{After, Context};
use commands::{CommandError, Outcome, parse_database};
use resp::{Args, Protocol, Reply};
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn echo(_: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.bulk(&args[1]);
    Ok(())
}

pub(super) fn ping(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let is_listening = context.state.client.has_flag(flag::SUBSCRIBED);
    match args.len() {
        1 | 2 if is_listening && reply.protocol() == Protocol::Resp2 => {
            // A client that reads messages reads arrays.
            reply.array(2);
            reply.bulk(b"pong");
            reply.bulk(args.get(1).unwrap_or_default());
        }
        1 => reply.simple("PONG"),
        2 => reply.bulk(&args[1]),
        _ => return Err(CommandError::WrongArity("ping".to_owned())),
    }
    Ok(())
}

pub(super) fn quit(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.ok();
    context.state.after = After::Close;
    Ok(())
}

pub(super) fn select(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    context.state.database = parse_database(&args[1], context.node.keyspace.databases())?;
    context.state.client.database.store(context.state.database, Relaxed);
    reply.ok();
    Ok(())
}
