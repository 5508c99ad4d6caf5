//! The server itself: what it tells of itself, and what it is told to do.

mod clock;
mod debug;
mod info;
mod lolwut;
mod memory;
mod memory_use;
mod role;
mod settings;
mod shutdown;
#[cfg(test)]
mod tests;

pub(crate) use memory_use::MemoryUse;

use crate::monitor;
use crate::table::{SessionCommand, SessionRun};
use commands::spec::{Argument, Arity, Category, Flag, Group};
use commands::{Body, Command, Spec};

/// The commands on the server, by name.
pub(crate) const COMMANDS: &[SessionCommand] =
    &[DEBUG, INFO, LOLWUT, MEMORY, MONITOR, ROLE, SHUTDOWN, TIME];

/// What all of them have in common.
const COMMON: Spec = Spec { group: Group::Server, ..Spec::DEFAULT };

const VARYING: &[&str] = &["nondeterministic_output"];
const VARYING_BY_NODE: &[&str] =
    &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

const fn command(spec: Spec, run: SessionRun) -> SessionCommand {
    Command { spec, body: Body::Run(run) }
}

const MONITOR: SessionCommand = command(
    Spec {
        name: "monitor",
        summary: "Shows the connection every command that the server runs.",
        complexity: "O(1), and O(N) for N such connections with every command.",
        arity: Arity::Exactly(1),
        flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
        ..COMMON
    },
    monitor::monitor,
);

const DEBUG: SessionCommand = command(
    Spec {
        name: "debug",
        summary: "Contains commands for tests of the server.",
        complexity: "Depends on subcommand.",
        arity: Arity::AtLeast(2),
        flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
        is_for_tests: true,
        ..COMMON
    },
    debug::debug,
);

const INFO: SessionCommand = command(
    Spec {
        name: "info",
        summary: "Returns what the server tells of itself, and statistics.",
        arity: Arity::AtLeast(1),
        flags: &[Flag::Loading, Flag::Stale],
        categories: &[Category::Dangerous],
        tips: VARYING_BY_NODE,
        arguments: &[Argument::string("section").optional().multiple()],
        history: &[("7.0.0", "Takes several sections.")],
        ..COMMON
    },
    info::info,
);

const LOLWUT: SessionCommand = command(
    Spec {
        name: "lolwut",
        summary: "Draws something, and tells the server's version.",
        since: "5.0.0",
        complexity: "",
        arity: Arity::AtLeast(1),
        flags: &[Flag::Readonly, Flag::Fast],
        arguments: &[Argument::integer("version").token("VERSION").optional()],
        ..COMMON
    },
    lolwut::lolwut,
);

const MEMORY: SessionCommand = Command {
    spec: Spec { name: "memory", since: "4.0.0", arity: Arity::AtLeast(2), ..COMMON },
    body: Body::Subcommands(&[
        command(
            Spec {
                name: "doctor",
                summary: "Tells of problems with memory.",
                since: "4.0.0",
                arity: Arity::Exactly(2),
                tips: VARYING_BY_NODE,
                ..COMMON
            },
            memory::doctor,
        ),
        command(
            Spec {
                name: "help",
                summary: "Tells about the subcommands.",
                since: "4.0.0",
                arity: Arity::Exactly(2),
                flags: &[Flag::Loading, Flag::Stale],
                ..COMMON
            },
            memory::help,
        ),
        command(
            Spec {
                name: "malloc-stats",
                summary: "Returns the statistics of the memory allocator.",
                since: "4.0.0",
                complexity: "Depends on how much memory there is.",
                arity: Arity::Exactly(2),
                flags: &[Flag::Loading],
                tips: VARYING_BY_NODE,
                ..COMMON
            },
            memory::malloc_stats,
        ),
        command(
            Spec {
                name: "purge",
                summary: "Frees what was flushed and is still kept.",
                since: "4.0.0",
                complexity: "O(N) for N keys that were flushed.",
                arity: Arity::Exactly(2),
                flags: &[Flag::Loading],
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                ..COMMON
            },
            memory::purge,
        ),
        command(
            Spec {
                name: "stats",
                summary: "Tells what memory is used for.",
                since: "4.0.0",
                arity: Arity::Exactly(2),
                tips: VARYING_BY_NODE,
                ..COMMON
            },
            memory::stats,
        ),
    ]),
};

const ROLE: SessionCommand = command(
    Spec {
        name: "role",
        summary: "Returns the part that the server has in replication.",
        since: "2.8.12",
        arity: Arity::Exactly(1),
        flags: &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::Fast],
        categories: &[Category::Admin, Category::Dangerous],
        ..COMMON
    },
    role::role,
);

const SHUTDOWN: SessionCommand = command(
    Spec {
        name: "shutdown",
        summary: "Stops the server.",
        complexity: "O(N) for N keys where they are saved, else O(1).",
        arity: Arity::AtLeast(1),
        flags: &[
            Flag::Admin,
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::NoMulti,
            Flag::AllowBusy,
        ],
        arguments: shutdown::ARGUMENTS,
        history: &[
            ("7.0.0", "The words `NOW`, `FORCE` and `ABORT`."),
            ("9.0.0", "The words `SAFE` and `FAILOVER`."),
        ],
        ..COMMON
    },
    shutdown::shutdown,
);

const TIME: SessionCommand = command(
    Spec {
        name: "time",
        summary: "Returns the server's time.",
        since: "2.6.0",
        arity: Arity::Exactly(1),
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        tips: VARYING,
        ..COMMON
    },
    clock::time,
);
