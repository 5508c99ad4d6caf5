//! The node's settings: what all threads may read of them, and the CONFIG commands that change them.

mod bus;
mod commands;
mod rules;
mod settings;

pub(crate) use self::commands::rewrite_file;
pub use bus::{AnnounceError, bus_config};
pub(crate) use rules::rules;
pub use settings::{Settings, Tuning};

use crate::table::{SessionCommand, SessionRun};
use ::commands::spec::{Argument, Arity, Flag, Group};
use ::commands::{Body, Command, Spec};

/// The commands on settings.
pub(crate) const COMMANDS: &[SessionCommand] = &[CONFIG];

const CONFIG: SessionCommand = Command {
    spec: Spec {
        name: "config",
        summary: "Contains the commands on the server's settings.",
        since: "2.0.0",
        complexity: "Depends on subcommand.",
        group: Group::Server,
        arity: Arity::AtLeast(2),
        ..Spec::DEFAULT
    },
    body: Body::Subcommands(&[
        subcommand(
            Spec {
                name: "get",
                summary: "Returns the settings that match a pattern.",
                since: "2.0.0",
                complexity: "O(N) for N settings that are looked at.",
                arity: Arity::AtLeast(3),
                flags: ADMIN,
                arguments: &[Argument::string("parameter").multiple()],
                history: &[("7.0.0", "Takes several patterns.")],
                ..DEFAULT
            },
            commands::get,
        ),
        subcommand(
            Spec {
                name: "help",
                summary: "Returns what the subcommands are.",
                since: "5.0.0",
                arity: Arity::Exactly(2),
                flags: &[Flag::Loading, Flag::Stale],
                ..DEFAULT
            },
            commands::help,
        ),
        subcommand(
            Spec {
                name: "resetstat",
                summary: "Begins the server's statistics anew.",
                since: "2.0.0",
                arity: Arity::Exactly(2),
                flags: ADMIN,
                tips: ON_ALL_NODES,
                ..DEFAULT
            },
            commands::reset_stat,
        ),
        subcommand(
            Spec {
                name: "rewrite",
                summary: "Writes the settings into the configuration file.",
                since: "2.8.0",
                arity: Arity::Exactly(2),
                flags: ADMIN,
                tips: ON_ALL_NODES,
                ..DEFAULT
            },
            commands::rewrite,
        ),
        subcommand(
            Spec {
                name: "set",
                summary: "Changes settings while the server runs.",
                since: "2.0.0",
                complexity: "O(N) for N settings.",
                arity: Arity::AtLeast(4),
                flags: ADMIN,
                tips: ON_ALL_NODES,
                arguments: &[Argument::block(
                    "data",
                    &[Argument::string("parameter"), Argument::string("value")],
                )
                .multiple()],
                history: &[("7.0.0", "Takes several settings.")],
                ..DEFAULT
            },
            commands::set,
        ),
    ]),
};

/// What subcommands leave out.
const DEFAULT: Spec = Spec { group: Group::Server, ..Spec::DEFAULT };

const ADMIN: &[Flag] = &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale];

const ON_ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

const fn subcommand(spec: Spec, run: SessionRun) -> SessionCommand {
    Command { spec, body: Body::Run(run) }
}

#[cfg(test)]
mod tests;
