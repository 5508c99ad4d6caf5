//! SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF.

use super::aof::Ordered;
use super::save::{Cancelled, SaveError};
use crate::session::{Context, LOADING};
use crate::table::SessionCommand;
use commands::spec::{Argument, Arity, Category, Flag, Group};
use commands::{Body, CommandError, Outcome, Spec};
use resp::{Args, Reply};

pub(crate) const COMMANDS: &[SessionCommand] = &[
    SessionCommand {
        spec: Spec {
            name: "bgrewriteaof",
            summary: "Rewrites the append-only file in the background.",
            complexity: "O(1), and O(N) for N keys in the background.",
            arity: Arity::Exactly(1),
            flags: &[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading],
            ..COMMON
        },
        body: Body::Run(bgrewriteaof),
    },
    SessionCommand {
        spec: Spec {
            name: "bgsave",
            summary: "Saves the data in the background.",
            complexity: "O(1), and O(N) for N keys in the background.",
            arity: Arity::AtLeast(1),
            flags: &[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading],
            arguments: &[Argument::one_of(
                "operation",
                &[
                    Argument::word("schedule", "SCHEDULE").since("3.2.2"),
                    Argument::word("cancel", "CANCEL").since("8.1.0"),
                ],
            )
            .optional()],
            history: &[("3.2.2", "Takes `SCHEDULE`."), ("8.1.0", "Takes `CANCEL`.")],
            ..COMMON
        },
        body: Body::Run(bgsave),
    },
    SessionCommand {
        spec: Spec {
            name: "lastsave",
            summary: "Returns when the data were last saved, in seconds since 1970.",
            arity: Arity::Exactly(1),
            flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
            categories: &[Category::Admin, Category::Dangerous],
            tips: &["nondeterministic_output"],
            ..COMMON
        },
        body: Body::Run(lastsave),
    },
    SessionCommand {
        spec: Spec {
            name: "save",
            summary: "Saves the data, and replies when they are on the disk.",
            complexity: "O(N) for N keys.",
            arity: Arity::Exactly(1),
            flags: &[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading, Flag::NoMulti],
            ..COMMON
        },
        body: Body::Run(save),
    },
];

const COMMON: Spec = Spec { group: Group::Server, ..Spec::DEFAULT };

const IN_PROGRESS: CommandError = CommandError::Text("ERR Background save already in progress");

const REWRITING: CommandError = CommandError::Text(
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE \
     whenever possible.",
);

fn save(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let by = (context.worker, context.now);
    while let Err(error) = context.node.begin_save(by, context.held.as_mut(), false) {
        match error {
            SaveError::InProgress => return Err(IN_PROGRESS),
            SaveError::Loading => return Err(LOADING),
            // It is not of the same file; only not at the same time.
            SaveError::Rewriting => drop(context.node.wait_for_save()),
        }
    }
    if !context.node.wait_for_save() {
        return Err(CommandError::Text("ERR"));
    }
    reply.ok();
    Ok(())
}

fn bgsave(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut is_patient = context.state.is_in_exec;
    if args.len() > 1 {
        let word = args[1].to_ascii_lowercase();
        match (args.len(), word.as_slice()) {
            (2, b"schedule") => is_patient = true,
            (2, b"cancel") => return cancel(context, reply),
            _ => return Err(CommandError::Syntax),
        }
    }
    let by = (context.worker, context.now);
    match context.held.as_mut() {
        // A transaction that does not hold everything cannot cut. The save begins when it is over.
        Some(access) if !access.holds_all() => {
            if context.node.save_report().keys.is_some() {
                return Err(IN_PROGRESS);
            }
            context.node.schedule_save();
        }
        held => match context.node.begin_save(by, held, true) {
            Ok(()) => {}
            Err(SaveError::InProgress) => return Err(IN_PROGRESS),
            Err(SaveError::Loading) => return Err(LOADING),
            Err(SaveError::Rewriting) if is_patient => {
                context.node.schedule_save();
                reply.simple("Background saving scheduled");
                return Ok(());
            }
            Err(SaveError::Rewriting) => return Err(REWRITING),
        },
    }
    reply.simple("Background saving started");
    Ok(())
}

fn cancel(context: &Context<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.simple(match context.node.cancel_save() {
        Some(Cancelled::Running) => "Background saving cancelled",
        Some(Cancelled::Scheduled) => "Scheduled background saving cancelled",
        None => {
            return Err(CommandError::Text(
                "ERR Background saving is currently not in progress or scheduled",
            ));
        }
    });
    Ok(())
}

fn lastsave(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(context.node.save_report().saved_at);
    Ok(())
}

fn bgrewriteaof(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let ordered = context.node.order_rewrite();
    reply.simple(match ordered {
        Ordered::InProgress => {
            return Err(CommandError::Text(
                "ERR Background append only file rewriting already in progress",
            ));
        }
        Ordered::Begun if !context.state.is_in_exec => {
            "Background append only file rewriting started"
        }
        Ordered::Begun | Ordered::Scheduled => "Background append only file rewriting scheduled",
    });
    Ok(())
}
