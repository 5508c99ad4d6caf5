//! COMMAND: what the table of commands tells about itself, to clients, proxies and people.

mod docs;
mod info;
mod keys;
mod list;

use crate::help::help;
use crate::session::Context;
use crate::table::{SessionCommand, SessionRun};
use commands::spec::{Argument, Arity, Category, Flag, Group};
use commands::{Body, Command, Outcome, Spec};
use resp::{Args, Reply};

/// COMMAND.
pub(crate) const COMMANDS: &[SessionCommand] = &[COMMAND];

const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];
const ASKED: &str = "O(N) for N commands that are asked for.";
const NAMES: &[Argument] = &[Argument::string("command-name").optional().multiple()];
const FULL_COMMAND: &[Argument] =
    &[Argument::string("command"), Argument::string("arg").optional().multiple()];

/// What all of them have in common.
const COMMON: Spec = Spec {
    since: "7.0.0",
    group: Group::Server,
    flags: &[Flag::Loading, Flag::Stale],
    categories: &[Category::Connection],
    ..Spec::DEFAULT
};

const fn subcommand(spec: Spec, run: SessionRun) -> SessionCommand {
    Command { spec, body: Body::Run(run) }
}

const COMMAND: SessionCommand = Command {
    spec: Spec {
        name: "command",
        summary: "Describes all commands for programs.",
        since: "2.8.13",
        complexity: "O(N) for N commands.",
        arity: Arity::AtLeast(1),
        tips: ANY_ORDER,
        ..COMMON
    },
    body: Body::AloneOrSubcommands(
        info::all,
        &[
            subcommand(
                Spec {
                    name: "count",
                    summary: "Returns the number of commands.",
                    since: "2.8.13",
                    arity: Arity::Exactly(2),
                    ..COMMON
                },
                list::count,
            ),
            subcommand(
                Spec {
                    name: "docs",
                    summary: "Describes commands for people.",
                    complexity: ASKED,
                    arity: Arity::AtLeast(2),
                    tips: ANY_ORDER,
                    arguments: NAMES,
                    ..COMMON
                },
                docs::docs,
            ),
            subcommand(
                Spec {
                    name: "getkeys",
                    summary: "Finds the keys in a command.",
                    since: "2.8.13",
                    complexity: "O(N) for a command of N arguments.",
                    arity: Arity::AtLeast(3),
                    arguments: FULL_COMMAND,
                    ..COMMON
                },
                keys::getkeys,
            ),
            subcommand(
                Spec {
                    name: "getkeysandflags",
                    summary: "Finds the keys in a command, and tells what it does with each.",
                    complexity: "O(N) for a command of N arguments.",
                    arity: Arity::AtLeast(3),
                    arguments: FULL_COMMAND,
                    ..COMMON
                },
                keys::getkeysandflags,
            ),
            subcommand(
                Spec {
                    name: "help",
                    summary: "Explains the subcommands.",
                    since: "5.0.0",
                    arity: Arity::Exactly(2),
                    ..COMMON
                },
                show_help,
            ),
            subcommand(
                Spec {
                    name: "info",
                    summary: "Describes some commands, or all, for programs.",
                    since: "2.8.13",
                    complexity: ASKED,
                    arity: Arity::AtLeast(2),
                    tips: ANY_ORDER,
                    arguments: NAMES,
                    history: &[("7.0.0", "Without names, describes all commands.")],
                    ..COMMON
                },
                info::info,
            ),
            subcommand(
                Spec {
                    name: "list",
                    summary: "Returns the names of commands.",
                    complexity: "O(N) for N commands.",
                    arity: Arity::AtLeast(2),
                    tips: ANY_ORDER,
                    arguments: &[Argument::one_of("filterby", list::FILTERS)
                        .token("FILTERBY")
                        .optional()],
                    ..COMMON
                },
                list::list,
            ),
        ],
    ),
};

fn show_help(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    help(
        reply,
        "COMMAND",
        &[
            "(no subcommand)",
            "    Describe all commands for programs.",
            "COUNT",
            "    Tell how many commands there are.",
            "DOCS [<command-name> ...]",
            "    Describe these commands, or all, for people.",
            "GETKEYS <full-command>",
            "    Find the keys in a command.",
            "GETKEYSANDFLAGS <full-command>",
            "    Find the keys in a command, and tell what it does with each.",
            "INFO [<command-name> ...]",
            "    Describe these commands, or all, for programs.",
            "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
            "    Name all commands, or those that pass the filter.",
        ],
    );
    Ok(())
}
