//! DEBUG: what tests need of a server. One command to the command table; the second word is looked up here.

mod protocol;
mod reload;

use super::settings::Settings;
use crate::configuration::rewrite_file;
use crate::event::Event;
use crate::help::help;
use crate::session::{After, Context};
use base::glob::{Case, matches};
use commands::{CommandError, Outcome, debug};
use config::Added;
use engine::{Moment, View};
use resp::{Args, Reply};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

const NOT_ALLOWED: CommandError = CommandError::Text(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it \
     from a local connection, otherwise you need to set this option in the configuration file, and then \
     restart the server.",
);

type Run = fn(&mut Context<'_>, Args<'_>, &mut Reply<'_>) -> Outcome;

/// A second word, how many words the request may have, and what runs.
type Subcommand = (&'static str, RangeInclusive<usize>, Run);

/// Those that look at the keyspace check their arguments themselves.
const ANY: RangeInclusive<usize> = 2..=usize::MAX;

const SUBCOMMANDS: &[Subcommand] = &[
    ("change-repl-id", 2..=2, change_replication_id),
    ("config-rewrite-force-all", 2..=2, rewrite_config),
    ("digest", ANY, digest),
    ("digest-value", ANY, digest_value),
    ("error", 3..=3, error),
    ("help", 2..=2, show_help),
    ("loadaof", ANY, reload::load_log),
    ("log", 3..=3, log),
    ("object", ANY, object),
    ("pause-cron", 3..=3, pause_timers),
    ("populate", ANY, populate),
    ("protocol", 3..=3, protocol::protocol),
    ("quicklist-packed-threshold", 3..=3, set_list_alone_bytes),
    ("reload", ANY, reload::reload),
    ("set-active-expire", 3..=3, set_active_expire),
    ("set-skip-checksum-validation", 3..=3, skip_checksums),
    ("sleep", 3..=3, sleep),
    ("stringmatch-test", 2..=2, test_patterns),
];

pub(super) fn debug(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if !Settings::of(context.node).debug_permission().allows(context.state.client.origin.is_local) {
        return Err(NOT_ALLOWED);
    }
    let found = SUBCOMMANDS.iter().find(|(name, words, _)| {
        args[1].eq_ignore_ascii_case(name.as_bytes()) && words.contains(&args.len())
    });
    match found {
        Some((_, _, run)) => run(context, args, reply),
        None => Err(CommandError::Owned(format!(
            "ERR unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.",
            String::from_utf8_lossy(&args[1])
        ))),
    }
}

fn change_replication_id(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    context.node.replication.change_id();
    reply.ok();
    Ok(())
}

fn rewrite_config(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    rewrite_file(context.node, Added::All)?;
    reply.ok();
    Ok(())
}

fn digest(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    context.with_whole(|whole| debug::digest(whole, args, reply))
}

fn populate(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    context.with_whole(|whole| debug::populate(whole, args, reply))
}

fn digest_value(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    hold_untouched(context, args.iter_from(2), |view| debug::digest_value(view, args, reply))
}

fn object(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    hold_untouched(context, args.iter_from(2).take(1), |view| debug::object(view, args, reply))
}

/// Looks at keys and leaves those whose time has come where they are: who removes one has to tell of it.
fn hold_untouched<'k>(
    context: &Context<'_>,
    keys: impl Iterator<Item = &'k [u8]>,
    look: impl FnOnce(&mut View<'_, '_>) -> Outcome,
) -> Outcome {
    let moment = Moment { keeps_expired: true, ..context.moment };
    let keyspace = &context.node.keyspace;
    let mut access = keyspace.hold_keys(keys, context.state.database, context.worker, moment);
    look(&mut access.view())
}

/// The client gets what it gave, as an error.
fn error(_: &mut Context<'_>, args: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    Err(CommandError::Owned(String::from_utf8_lossy(&args[2]).into_owned()))
}

fn log(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let message = String::from_utf8_lossy(&args[2]).into_owned();
    context.events.push(Event::DebugLog { message });
    reply.ok();
    Ok(())
}

fn set_active_expire(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    switch(&context.node.upkeep.is_expiry_active, &args[2], reply)
}

fn skip_checksums(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    switch(&context.node.keyspace.skips_checksums, &args[2], reply)
}

fn set_list_alone_bytes(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    const LONGEST: u64 = 1 << 32;
    let bytes = config::parse_memory(&args[2]).filter(|&bytes| bytes <= LONGEST).ok_or(
        CommandError::Text(
            "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
        ),
    )?;
    let bytes = if bytes == 0 { usize::MAX } else { bytes as usize };
    context.node.keyspace.set_list_alone_bytes(bytes);
    reply.ok();
    Ok(())
}

fn pause_timers(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    switch(&context.node.upkeep.is_paused, &args[2], reply)
}

fn switch(flag: &AtomicBool, word: &[u8], reply: &mut Reply<'_>) -> Outcome {
    flag.store(is_nonzero(word), Relaxed);
    reply.ok();
    Ok(())
}

/// Whether a word begins with a number that is not 0; one that is no number counts as 0, as in Redis.
fn is_nonzero(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"-").or(word.strip_prefix(b"+")).unwrap_or(word);
    digits.iter().take_while(|byte| byte.is_ascii_digit()).any(|&byte| byte != b'0')
}

/// Holds up the thread that serves this connection, and with it all connections of that thread.
fn sleep(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let seconds = std::str::from_utf8(&args[2]).ok().and_then(|word| word.parse::<f64>().ok());
    let time = Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or(Duration::ZERO);
    context.state.after = After::Sleep(time);
    reply.ok();
    Ok(())
}

/// How many patterns are tried, and how long they and the texts are at most.
const PATTERNS: usize = 10_000;
const PATTERN_BYTES_MAX: u64 = 16;

/// Matches patterns by chance against texts by chance: it must come to an end, and a text without special bytes matches itself.
fn test_patterns(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    const BYTES: &[u8] = b"*?[]^-\\abAB\0\xff";
    for _ in 0..PATTERNS {
        let mut word = |bytes: &[u8]| -> Vec<u8> {
            let length = context.rng.below(PATTERN_BYTES_MAX);
            (0..length).map(|_| bytes[context.rng.below(bytes.len() as u64) as usize]).collect()
        };
        let (pattern, text) = (word(BYTES), word(BYTES));
        let _ = matches(&pattern, &text, Case::Sensitive);
        let _ = matches(&pattern, &text, Case::Insensitive);
        let plain = word(b"abAB\0\xff");
        if !matches(&plain, &plain, Case::Sensitive) {
            return Err(CommandError::Text("ERR a text does not match itself as a pattern"));
        }
    }
    reply.simple("Apparently the server did not crash: test passed");
    Ok(())
}

fn show_help(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    help(
        reply,
        "DEBUG",
        &[
            "CHANGE-REPL-ID",
            "    Give the history of the data set another name.",
            "CONFIG-REWRITE-FORCE-ALL",
            "    As CONFIG REWRITE, with every setting.",
            "DIGEST",
            "    Return a digest of all data.",
            "DIGEST-VALUE <key> [<key> ...]",
            "    Return digests of the values of keys.",
            "ERROR <string>",
            "    Return <string> as an error.",
            "LOADAOF",
            "    Write what was logged to the append-only file, empty the keyspace, and load the file.",
            "LOG <message>",
            "    Write <message> to the log.",
            "OBJECT <key> [fast]",
            "    Tell how a key is stored.",
            "PAUSE-CRON <0|1>",
            "    Stop the timers of the keyspace and of the statistics, or let them go on.",
            "POPULATE <count> [<prefix>] [<size>]",
            "    Create <count> keys named <prefix>:<number>, or key:<number>, with values of <size> bytes.",
            "PROTOCOL <type>",
            "    Return a value of a type: string, integer, double, bignum, null, array, set, map,",
            "    attrib, push, verbatim, true, false.",
            "QUICKLIST-PACKED-THRESHOLD <size>",
            "    Put elements of lists that make a node larger than <size> into nodes of their own; 0 ends it.",
            "RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
            "    Save the data, empty the keyspace, and load them again.",
            "SET-ACTIVE-EXPIRE <0|1>",
            "    Stop the search for keys whose time has come, or let it go on.",
            "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
            "    Take payloads whatever their checksum is, or look at it again.",
            "SLEEP <seconds>",
            "    Hold up the thread that serves this connection.",
            "STRINGMATCH-TEST",
            "    Try patterns by chance.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_as_the_number_that_they_begin_with() {
        for (word, expected) in
            [("1", true), ("0", false), ("x", false), ("-2", true), ("007x", true), ("", false)]
        {
            assert_eq!(is_nonzero(word.as_bytes()), expected, "{word}");
        }
    }
}
