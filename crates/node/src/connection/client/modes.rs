//! How the connection itself is served: CLIENT REPLY, NO-EVICT, NO-TOUCH.

use crate::clients::flag;
use crate::session::{Context, ReplyMode};
use commands::{CommandError, Outcome};
use resp::{Args, Reply};

pub(super) fn reply(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mode = &mut context.state.reply_mode;
    match &args[2].to_ascii_lowercase()[..] {
        b"on" => {
            *mode = ReplyMode::On;
            reply.ok();
        }
        b"off" => *mode = ReplyMode::Off,
        b"skip" if *mode == ReplyMode::Off => {}
        b"skip" => *mode = ReplyMode::SkipNext,
        _ => return Err(CommandError::Syntax),
    }
    Ok(())
}

pub(super) fn no_evict(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    context.state.client.set_flag(flag::NO_EVICT, on_or_off(&args[2])?);
    reply.ok();
    Ok(())
}

pub(super) fn no_touch(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    context.state.no_touch = on_or_off(&args[2])?;
    context.state.client.set_flag(flag::NO_TOUCH, context.state.no_touch);
    reply.ok();
    Ok(())
}

/// The word for on or off.
pub(super) fn on_or_off(value: &[u8]) -> Result<bool, CommandError> {
    match &value.to_ascii_lowercase()[..] {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(CommandError::Syntax),
    }
}
