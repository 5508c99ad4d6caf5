//! What a client may learn of the others and do to them: CLIENT LIST, KILL, PAUSE, UNPAUSE and UNBLOCK.

use super::filter::Filter;
use super::line::Line;
use crate::blocking::Unblock;
use crate::clients::ClientId;
use crate::pause::PauseKind;
use crate::session::{After, Context};
use base::number::parse_i64;
use commands::{CommandError, Outcome};
use resp::{Args, Reply};
use std::time::Duration;

pub(super) fn list(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    context.state.publish();
    let filter = Filter::parse(args, context.node.keyspace.databases())?;
    let skip_me = filter.skip_me.unwrap_or(false);
    let me = context.state.client.id;
    let line = Line::new(context, args);
    let mut text = String::new();
    for client in context.node.clients.all() {
        if (skip_me && client.id == me) || !filter.matches(&client, context.now) {
            continue;
        }
        text.push_str(&line.of(&client));
        text.push('\n');
    }
    reply.verbatim(&text);
    Ok(())
}

pub(super) fn kill(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let is_old_form = args.len() == 3;
    let filter = if is_old_form {
        Filter::of_address(&args[2])
    } else {
        Filter::parse(args, context.node.keyspace.databases())?
    };
    let skip_me = filter.skip_me.unwrap_or(true);
    let me = context.state.client.id;
    let mut killed = 0;
    for client in context.node.clients.all() {
        if (skip_me && client.id == me) || !filter.matches(&client, context.now) {
            continue;
        }
        killed += 1;
        if client.id == me {
            // It is to hear the answer first.
            context.state.after = After::Close;
        } else {
            client.kill();
        }
    }
    match (is_old_form, killed) {
        (true, 0) => return Err(CommandError::Text("ERR No such client")),
        (true, _) => reply.ok(),
        (false, killed) => reply.count(killed),
    }
    Ok(())
}

pub(super) fn pause(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let kind = match args.get(3).map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"all") => PauseKind::All,
        Some(b"write") => PauseKind::Write,
        Some(_) => {
            return Err(CommandError::Text("ERR CLIENT PAUSE mode must be WRITE or ALL"));
        }
    };
    let timeout_ms = parse_i64(&args[2])
        .ok_or(CommandError::Text("ERR timeout is not an integer or out of range"))?;
    let timeout_ms =
        u64::try_from(timeout_ms).map_err(|_| CommandError::Text("ERR timeout is negative"))?;
    let now = context.now;
    if timeout_ms > (i64::MAX - now.wall.0) as u64 {
        return Err(CommandError::Text("ERR timeout is out of range"));
    }
    context.node.begin_pause(kind, now.monotonic + Duration::from_millis(timeout_ms));
    reply.ok();
    Ok(())
}

pub(super) fn unpause(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    context.node.end_pause();
    reply.ok();
    Ok(())
}

pub(super) fn unblock(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let how = match args.get(3) {
        None => Unblock::Timeout,
        Some(reason) if reason.eq_ignore_ascii_case(b"timeout") => Unblock::Timeout,
        Some(reason) if reason.eq_ignore_ascii_case(b"error") => Unblock::Error,
        Some(_) => {
            return Err(CommandError::Text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
    };
    let id = parse_i64(&args[2]).ok_or(CommandError::NotInteger)?;
    let node = context.node;
    let waited = u64::try_from(id).is_ok_and(|id| {
        node.blocked.unblock(id, how) || node.unblock_replica_wait(ClientId(id), how)
    });
    reply.integer(i64::from(waited));
    Ok(())
}
