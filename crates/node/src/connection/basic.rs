//! Signs of life, the choice of a database, and the end.

use crate::session::{After, Context};
use base::number::parse_i64;
use commands::{CommandError, Outcome};
use resp::{Args, Reply};
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn echo(_: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.bulk(&args[1]);
    Ok(())
}

pub(super) fn ping(_: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    match args.len() {
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
    let index = parse_i64(&args[1]).ok_or(CommandError::NotInteger)?;
    let index = i32::try_from(index).map_err(|_| {
        CommandError::Text(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        )
    })?;
    let databases = context.node.keyspace.databases();
    let index = usize::try_from(index).ok().filter(|&index| index < databases);
    context.state.database = index.ok_or(CommandError::Text("ERR DB index is out of range"))?;
    context.state.client.database.store(context.state.database, Relaxed);
    reply.ok();
    Ok(())
}
