//! MEMORY: what a key takes.

use crate::help::HelpEntry;
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::{View, memory_bytes};
use resp::{Args, Reply};

/// What MEMORY HELP, which the node answers, tells about the subcommand of this crate.
pub const HELP: &[HelpEntry] = &[(
    "USAGE <key> [SAMPLES <count>]",
    &[
        "How many bytes <key> and its value take. The number is counted, not",
        "estimated: <count> is accepted and changes nothing.",
    ],
)];

pub(super) fn usage(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut options = args.iter_from(3);
    while let Some(option) = options.next() {
        let samples = options
            .next()
            .filter(|_| option.eq_ignore_ascii_case(b"samples"))
            .ok_or(CommandError::Syntax)?;
        if parse_i64(samples).ok_or(CommandError::NotInteger)? < 0 {
            return Err(CommandError::Syntax);
        }
    }
    match view.peek(&args[2]) {
        Some(record) => reply.count(memory_bytes(record)),
        None => reply.null(),
    }
    Ok(())
}
