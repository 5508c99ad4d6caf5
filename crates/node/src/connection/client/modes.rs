//! How the connection itself is served: CLIENT REPLY, NO-EVICT, NO-TOUCH.

use crate::clients::flag;
use crate::session::{Context, ReplyMode};
use base::number::parse_i64;
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

/// `CLIENT WRITE-ACKS number|default`: how many replicas have to have what this connection writes before it is told.
pub(super) fn write_acks(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    context.state.write_acks = if args[2].eq_ignore_ascii_case(b"default") {
        None
    } else {
        let acks = parse_i64(&args[2]).ok_or(CommandError::NotInteger)?;
        let out_of_range = CommandError::Text("ERR value is out of range, must be positive");
        let acks = usize::try_from(acks).map_err(|_| out_of_range)?;
        if acks > 0 {
            context.node.note_last_changes();
        }
        Some(acks)
    };
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
