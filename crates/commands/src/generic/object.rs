//! OBJECT: how a value is kept, and when it was used.

use crate::help::{HelpEntry, reply_help};
use crate::{CommandError, Outcome, Whole};
use engine::{AccessPolicy, View, encoding};
use resp::{Args, Reply};

const NO_FREQUENCY: &str = "ERR An LFU maxmemory policy is not selected, access frequency not \
    tracked. Please note that when switching between policies at runtime LRU and LFU data will \
    take some time to adjust.";
const NO_IDLE_TIME: &str = "ERR An LFU maxmemory policy is selected, idle time not tracked. \
    Please note that when switching between policies at runtime LRU and LFU data will take some \
    time to adjust.";

const HELP: &[HelpEntry] = &[
    ("ENCODING <key>", &["How the value of <key> is laid out in memory."]),
    (
        "FREQ <key>",
        &[
            "How often <key> was used of late: a counter that grows with the logarithm",
            "of the accesses and decays with time. Kept under LFU policies only.",
        ],
    ),
    ("IDLETIME <key>", &["For how many seconds <key> has not been used."]),
    ("REFCOUNT <key>", &["How many references there are to the value of <key>: always 1."]),
];

pub(super) fn help(_: &mut Whole<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply_help(reply, "OBJECT", HELP);
    Ok(())
}

pub(super) fn encoding_of(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let record = view.inspect_quietly(&args[2]);
    reply.bulk_or_null(record.map(|record| encoding(record).name().as_bytes()));
    Ok(())
}

pub(super) fn freq(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let moment = *view.moment();
    match (view.inspect_quietly(&args[2]), moment.policy) {
        (None, _) => reply.null(),
        (Some(_), AccessPolicy::Lru) => return Err(CommandError::Text(NO_FREQUENCY)),
        (Some(record), AccessPolicy::Lfu { .. }) => {
            reply.integer(moment.lfu_counter(record.access()).into());
        }
    }
    Ok(())
}

pub(super) fn idletime(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let moment = *view.moment();
    match (view.inspect_quietly(&args[2]), moment.policy) {
        (None, _) => reply.null(),
        (Some(_), AccessPolicy::Lfu { .. }) => return Err(CommandError::Text(NO_IDLE_TIME)),
        (Some(record), AccessPolicy::Lru) => {
            reply.integer(moment.idle_seconds(record.access()).into());
        }
    }
    Ok(())
}

/// Values are never shared.
pub(super) fn refcount(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    match view.inspect_quietly(&args[2]) {
        Some(_) => reply.integer(1),
        None => reply.null(),
    }
    Ok(())
}
