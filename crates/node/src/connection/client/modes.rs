//! How the connection itself is served: CLIENT REPLY, NO-EVICT, NO-TOUCH, and tracking, which is always off.

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

pub(super) fn tracking(_: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if on_or_off(&args[2])? {
        return Err(CommandError::Text(
            "ERR CLIENT TRACKING ON is not supported by this version of Redstart",
        ));
    }
    reply.ok();
    Ok(())
}

pub(super) fn caching(_: &mut Context<'_>, _: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    Err(CommandError::Text(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT \
         mode enabled",
    ))
}

pub(super) fn trackinginfo(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(1);
    reply.bulk(b"off");
    reply.bulk(b"redirect");
    reply.integer(-1);
    reply.bulk(b"prefixes");
    reply.array(0);
    Ok(())
}

pub(super) fn getredir(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(-1);
    Ok(())
}

fn on_or_off(value: &[u8]) -> Result<bool, CommandError> {
    match &value.to_ascii_lowercase()[..] {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(CommandError::Syntax),
    }
}
