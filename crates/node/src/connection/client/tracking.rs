//! CLIENT TRACKING, CACHING, TRACKINGINFO and GETREDIR: notices to clients that keep what they have read.

use super::modes::on_or_off;
use crate::clients::{ClientId, flag};
use crate::session::Context;
use crate::tracking::{Mode, Tracker, TrackingOptions};
use base::number::parse_i64;
use commands::{CommandError, Outcome};
use resp::{Args, Reply};
use std::sync::Arc;

pub(super) fn tracking(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let options = parse_options(context, args)?;
    if on_or_off(&args[2])? {
        let (node, client) = (context.node, &context.state.client);
        let tracker = node.tracking.enable(&node.keyspace, client, options);
        let tracker = tracker.map_err(|error| CommandError::Owned(error.to_string()))?;
        context.state.tracker = Some(tracker);
    } else {
        context.stop_tracking();
    }
    context.state.caching = false;
    reply.ok();
    Ok(())
}

fn parse_options(context: &Context<'_>, args: Args<'_>) -> Result<TrackingOptions, CommandError> {
    let mut options = TrackingOptions::default();
    let mut words = args.iter_from(3);
    while let Some(word) = words.next() {
        match &word.to_ascii_lowercase()[..] {
            b"redirect" => {
                let id = words.next().ok_or(CommandError::Syntax)?;
                if options.redirect.is_some() {
                    return Err(CommandError::Text(
                        "ERR A client can only redirect to a single other client",
                    ));
                }
                let id = parse_i64(id).ok_or(CommandError::NotInteger)?;
                let target = u64::try_from(id).ok().map(ClientId);
                let target = target.and_then(|id| context.node.clients.find(id));
                options.redirect = Some(target.ok_or(CommandError::Text(
                    "ERR The client ID you want redirect to does not exist",
                ))?);
            }
            b"prefix" => options.prefixes.push(words.next().ok_or(CommandError::Syntax)?.into()),
            b"bcast" => options.broadcast = true,
            b"optin" => options.opt_in = true,
            b"optout" => options.opt_out = true,
            b"noloop" => options.no_loop = true,
            _ => return Err(CommandError::Syntax),
        }
    }
    Ok(options)
}

pub(super) fn caching(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Some(tracker) = &context.state.tracker else {
        return Err(CommandError::Text(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT \
             mode enabled",
        ));
    };
    let (mode, error) = match &args[2].to_ascii_lowercase()[..] {
        b"yes" => (
            Mode::OptIn,
            "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
        ),
        b"no" => (
            Mode::OptOut,
            "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
        ),
        _ => return Err(CommandError::Syntax),
    };
    if tracker.mode != mode {
        return Err(CommandError::Text(error));
    }
    context.state.caching = true;
    reply.ok();
    Ok(())
}

pub(super) fn trackinginfo(
    context: &mut Context<'_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let state = &*context.state;
    let words = match &state.tracker {
        None => vec!["off"],
        Some(tracker) => flags(context, tracker),
    };
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(words.len());
    words.iter().for_each(|word| reply.bulk(word.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(redirect(state.tracker.as_ref()));
    reply.bulk(b"prefixes");
    let prefixes = state.tracker.iter().flat_map(|tracker| &tracker.prefixes);
    reply.array(prefixes.clone().count());
    prefixes.for_each(|prefix| reply.bulk(prefix));
    Ok(())
}

/// The words that tell how a client tracks.
fn flags(context: &Context<'_>, tracker: &Tracker) -> Vec<&'static str> {
    let mode: &[&str] = match (tracker.mode, context.state.caching) {
        (Mode::Read, _) => &[],
        (Mode::Broadcast, _) => &["bcast"],
        (Mode::OptIn, false) => &["optin"],
        (Mode::OptIn, true) => &["optin", "caching-yes"],
        (Mode::OptOut, false) => &["optout"],
        (Mode::OptOut, true) => &["optout", "caching-no"],
    };
    let mut words = vec!["on"];
    words.extend(mode);
    if tracker.no_loop {
        words.push("noloop");
    }
    if tracker.client.has_flag(flag::BROKEN_REDIRECT) {
        words.push("broken_redirect");
    }
    words
}

pub(super) fn getredir(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(redirect(context.state.tracker.as_ref()));
    Ok(())
}

/// Who gets the notices: 0 where that is the client itself, -1 where it does not track.
fn redirect(tracker: Option<&Arc<Tracker>>) -> i64 {
    let target = |tracker: &Arc<Tracker>| tracker.redirect.as_ref().map(|target| target.id.0);
    tracker.map_or(-1, |tracker| target(tracker).map_or(0, |id| id as i64))
}

impl Context<'_> {
    /// Ends tracking.
    pub(crate) fn stop_tracking(&mut self) {
        self.state.tracker = None;
        self.state.caching = false;
        self.node.tracking.disable(&self.node.keyspace, &self.state.client);
    }
}
