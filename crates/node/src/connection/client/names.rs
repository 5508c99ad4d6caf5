//! What a client tells of itself, and what it is told of itself.

use crate::connection::client::line::Line;
use crate::session::Context;
use commands::{CommandError, Outcome};
use resp::{Args, Reply};

pub(super) fn id(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(context.state.client.id.0 as i64);
    Ok(())
}

pub(super) fn info(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    context.state.publish();
    let line = Line::new(context, args);
    let mut text = line.of(&context.state.client);
    text.push('\n');
    reply.verbatim(&text);
    Ok(())
}

pub(super) fn getname(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let names = context.state.client.names.lock();
    reply.bulk_or_null(Some(&names.name[..]).filter(|name| !name.is_empty()));
    Ok(())
}

pub(super) fn setname(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    check_name(&args[2])?;
    context.state.client.names.lock().name = args[2].to_vec();
    reply.ok();
    Ok(())
}

pub(super) fn setinfo(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (option, value) = (&args[2], &args[3]);
    let is_name = option.eq_ignore_ascii_case(b"lib-name");
    if !is_name && !option.eq_ignore_ascii_case(b"lib-ver") {
        return Err(CommandError::echo("ERR Unrecognized option '", option, "'"));
    }
    if !fits_line(value) {
        let after = " cannot contain spaces, newlines or special characters.";
        return Err(CommandError::echo("ERR ", option, after));
    }
    let mut names = context.state.client.names.lock();
    if is_name {
        names.library = value.to_vec();
    } else {
        names.library_version = value.to_vec();
    }
    reply.ok();
    Ok(())
}

/// Whether a client may be called so. An empty name takes the name away.
pub(in crate::connection) fn check_name(name: &[u8]) -> Outcome {
    if fits_line(name) {
        return Ok(());
    }
    Err(CommandError::Text(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}

/// Whether a value can stand in a line of CLIENT LIST, whose fields are split at spaces.
fn fits_line(value: &[u8]) -> bool {
    told(value).iter().all(|byte| matches!(byte, b'!'..=b'~'))
}

/// What a line of CLIENT LIST tells of a value: as in Redis, up to a zero byte.
pub(super) fn told(value: &[u8]) -> &[u8] {
    value.split(|&byte| byte == 0).next().unwrap_or_default()
}
