//! CLIENT: what clients are told of each other, tell of themselves, and may do to one another.

mod arguments;
mod filter;
mod line;
mod modes;
pub(super) mod names;
mod others;
mod tracking;

use crate::help::help;
use crate::session::Context;
use crate::table::{SessionCommand, SessionRun};
use commands::spec::{Argument, Arity, Flag, Group};
use commands::{Body, Command, Outcome, Spec};
use resp::{Args, Reply};

pub(super) const CLIENT: SessionCommand = Command {
    spec: Spec {
        name: "client",
        summary: "Contains the commands about client connections.",
        since: "2.4.0",
        complexity: "As the subcommand says.",
        group: Group::Connection,
        arity: Arity::AtLeast(2),
        ..Spec::DEFAULT
    },
    body: Body::Subcommands(&[
        CACHING,
        GETNAME,
        GETREDIR,
        HELP,
        ID,
        INFO,
        KILL,
        LIST,
        NO_EVICT,
        NO_TOUCH,
        PAUSE,
        REPLY,
        SETINFO,
        SETNAME,
        TRACKING,
        TRACKINGINFO,
        UNBLOCK,
        UNPAUSE,
        WRITE_ACKS,
    ]),
};

const PLAIN: &[Flag] = &[Flag::Noscript, Flag::Loading, Flag::Stale];
const EVEN_WHEN_BUSY: &[Flag] = &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::AllowBusy];
const ADMIN: &[Flag] = &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale];
const ON_ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];
const CLIENTS: &str = "O(N) for N connected clients.";

const fn subcommand(spec: Spec, run: SessionRun) -> SessionCommand {
    Command { spec: Spec { group: Group::Connection, ..spec }, body: Body::Run(run) }
}

const CACHING: SessionCommand = subcommand(
    Spec {
        name: "caching",
        summary: "Says whether the keys of the next command are tracked.",
        since: "6.0.0",
        arity: Arity::Exactly(3),
        flags: EVEN_WHEN_BUSY,
        arguments: &[Argument::one_of("mode", arguments::YES_NO)],
        ..Spec::DEFAULT
    },
    tracking::caching,
);

const GETNAME: SessionCommand = subcommand(
    Spec {
        name: "getname",
        summary: "Returns the name that the connection was given.",
        since: "2.6.9",
        arity: Arity::Exactly(2),
        flags: EVEN_WHEN_BUSY,
        ..Spec::DEFAULT
    },
    names::getname,
);

const GETREDIR: SessionCommand = subcommand(
    Spec {
        name: "getredir",
        summary: "Returns the id of the client that gets the connection's tracking messages.",
        since: "6.0.0",
        arity: Arity::Exactly(2),
        flags: EVEN_WHEN_BUSY,
        ..Spec::DEFAULT
    },
    tracking::getredir,
);

const HELP: SessionCommand = subcommand(
    Spec {
        name: "help",
        summary: "Explains the subcommands.",
        since: "5.0.0",
        arity: Arity::Exactly(2),
        flags: &[Flag::Loading, Flag::Stale],
        ..Spec::DEFAULT
    },
    show_help,
);

const ID: SessionCommand = subcommand(
    Spec {
        name: "id",
        summary: "Returns the id of the connection.",
        since: "5.0.0",
        arity: Arity::Exactly(2),
        flags: EVEN_WHEN_BUSY,
        ..Spec::DEFAULT
    },
    names::id,
);

const INFO: SessionCommand = subcommand(
    Spec {
        name: "info",
        summary: "Describes the connection in one line.",
        since: "6.2.0",
        arity: Arity::Exactly(2),
        flags: PLAIN,
        tips: &["nondeterministic_output"],
        ..Spec::DEFAULT
    },
    names::info,
);

const KILL: SessionCommand = subcommand(
    Spec {
        name: "kill",
        summary: "Closes connections.",
        since: "2.4.0",
        complexity: CLIENTS,
        arity: Arity::AtLeast(3),
        flags: ADMIN,
        arguments: &[Argument::one_of("filter", arguments::KILL_FORMS)],
        history: &[
            ("2.8.12", "Takes filters."),
            ("2.8.12", "Has the filter `ID`."),
            ("3.2.0", "`TYPE` knows `master`."),
            ("5.0.0", "`TYPE` knows `replica`; `slave` means the same."),
            ("6.2.0", "Has the filter `LADDR`."),
            ("8.0.0", "Has the filter `MAXAGE`."),
            ("8.0.0", "`TYPE` knows `primary`; `master` means the same."),
            ("8.1.0", "`ID` takes many ids."),
            ("9.0.0", "Filters by more fields of CLIENT LIST, and by their absence with `NOT-`."),
        ],
        ..Spec::DEFAULT
    },
    others::kill,
);

const LIST: SessionCommand = subcommand(
    Spec {
        name: "list",
        summary: "Describes the connected clients, each in a line.",
        since: "2.4.0",
        complexity: CLIENTS,
        arity: Arity::AtLeast(2),
        flags: ADMIN,
        tips: &["nondeterministic_output"],
        arguments: arguments::LIST_FILTERS,
        history: &[
            ("2.8.12", "Tells the field `id`."),
            ("5.0.0", "Has the filter `TYPE`."),
            ("6.0.0", "Tells the field `user`."),
            ("6.2.0", "Tells `argv-mem`, `tot-mem`, `laddr` and `redir`; has the filter `ID`."),
            ("7.0.0", "Tells `resp`, `multi-mem`, `rbs` and `rbp`."),
            ("7.0.3", "Tells the field `ssub`."),
            ("8.0.0", "`TYPE` knows `primary`; `master` means the same."),
            ("8.1.0", "Has the filters `USER`, `ADDR`, `LADDR`, `SKIPME` and `MAXAGE`."),
            ("9.0.0", "Filters by more fields of the lines, and by their absence with `NOT-`."),
        ],
        ..Spec::DEFAULT
    },
    others::list,
);

const NO_EVICT: SessionCommand = subcommand(
    Spec {
        name: "no-evict",
        summary: "Exempts the connection from being closed for want of memory.",
        since: "7.0.0",
        arity: Arity::Exactly(3),
        flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale, Flag::AllowBusy],
        arguments: &[Argument::one_of("enabled", arguments::ON_OFF)],
        ..Spec::DEFAULT
    },
    modes::no_evict,
);

const NO_TOUCH: SessionCommand = subcommand(
    Spec {
        name: "no-touch",
        summary: "Says whether the connection's commands count as uses of their keys.",
        since: "7.2.0",
        arity: Arity::Exactly(3),
        flags: EVEN_WHEN_BUSY,
        arguments: &[Argument::one_of("enabled", arguments::ON_OFF)],
        ..Spec::DEFAULT
    },
    modes::no_touch,
);

const PAUSE: SessionCommand = subcommand(
    Spec {
        name: "pause",
        summary: "Lets the commands of all clients wait for a while.",
        since: "3.0.0",
        arity: Arity::AtLeast(3),
        flags: ADMIN,
        arguments: &[
            Argument::integer("timeout"),
            Argument::one_of("mode", arguments::WRITE_ALL).since("6.2.0").optional(),
        ],
        history: &[("6.2.0", "Takes `mode`; with `WRITE` only commands that write wait.")],
        ..Spec::DEFAULT
    },
    others::pause,
);

const REPLY: SessionCommand = subcommand(
    Spec {
        name: "reply",
        summary: "Says whether the connection's commands are answered.",
        since: "3.2.0",
        arity: Arity::Exactly(3),
        flags: &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::NoMulti, Flag::AllowBusy],
        arguments: &[Argument::one_of("action", arguments::ON_OFF_SKIP)],
        ..Spec::DEFAULT
    },
    modes::reply,
);

const SETINFO: SessionCommand = subcommand(
    Spec {
        name: "setinfo",
        summary: "Tells which library the client uses.",
        since: "7.2.0",
        arity: Arity::Exactly(4),
        flags: EVEN_WHEN_BUSY,
        tips: ON_ALL_NODES,
        arguments: &[Argument::one_of("attr", arguments::LIBRARY)],
        ..Spec::DEFAULT
    },
    names::setinfo,
);

const SETNAME: SessionCommand = subcommand(
    Spec {
        name: "setname",
        summary: "Gives the connection a name.",
        since: "2.6.9",
        arity: Arity::Exactly(3),
        flags: EVEN_WHEN_BUSY,
        tips: ON_ALL_NODES,
        arguments: &[Argument::string("connection-name")],
        ..Spec::DEFAULT
    },
    names::setname,
);

const TRACKING: SessionCommand = subcommand(
    Spec {
        name: "tracking",
        summary: "Says whether the client is told when keys that it has read change.",
        since: "6.0.0",
        complexity: "O(1); more with some options.",
        arity: Arity::AtLeast(3),
        flags: PLAIN,
        arguments: arguments::TRACKING,
        ..Spec::DEFAULT
    },
    tracking::tracking,
);

const TRACKINGINFO: SessionCommand = subcommand(
    Spec {
        name: "trackinginfo",
        summary: "Describes how the connection's keys are tracked.",
        since: "6.2.0",
        arity: Arity::Exactly(2),
        flags: PLAIN,
        ..Spec::DEFAULT
    },
    tracking::trackinginfo,
);

const UNBLOCK: SessionCommand = subcommand(
    Spec {
        name: "unblock",
        summary: "Ends the waiting of a client that a blocking command holds.",
        since: "5.0.0",
        complexity: "O(log N) for N connected clients.",
        arity: Arity::AtLeast(3),
        flags: ADMIN,
        arguments: &[
            Argument::integer("client-id"),
            Argument::one_of("unblock-type", arguments::TIMEOUT_ERROR).optional(),
        ],
        ..Spec::DEFAULT
    },
    others::unblock,
);

const UNPAUSE: SessionCommand = subcommand(
    Spec {
        name: "unpause",
        summary: "Ends a pause before its time.",
        since: "6.2.0",
        complexity: "O(N) for N waiting clients.",
        arity: Arity::Exactly(2),
        flags: ADMIN,
        ..Spec::DEFAULT
    },
    others::unpause,
);

const WRITE_ACKS: SessionCommand = subcommand(
    Spec {
        name: "write-acks",
        summary: "Says how many replicas have to have what the connection writes before it is told.",
        since: "0.1.0",
        arity: Arity::Exactly(3),
        flags: PLAIN,
        arguments: &[Argument::one_of(
            "acks",
            &[Argument::integer("number"), Argument::word("default", "DEFAULT")],
        )],
        ..Spec::DEFAULT
    },
    modes::write_acks,
);

fn show_help(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    help(reply, "CLIENT", HELP_LINES);
    Ok(())
}

const HELP_LINES: &[&str] = &[
    "CACHING (YES|NO)",
    "    Track the keys of the next command, or do not; needs CLIENT TRACKING.",
    "GETNAME",
    "    Tell the name of this connection.",
    "GETREDIR",
    "    Tell the id of the client that gets this connection's tracking messages.",
    "ID",
    "    Tell the id of this connection.",
    "INFO",
    "    Describe this connection.",
    "KILL <ip:port>",
    "    Close the connection from this address.",
    "KILL <filter> <value> [<filter> <value> [...]]",
    "    Close the connections that pass all filters: those of LIST; SKIPME is YES unless given.",
    "LIST [<filter> <value> [...]]",
    "    Describe all connections, or those that pass all filters:",
    "    * ID <client-id> [<client-id>...]",
    "    * TYPE (NORMAL|PRIMARY|REPLICA|PUBSUB)",
    "    * ADDR <ip:port>, LADDR <ip:port>, IP <ip>",
    "    * NAME <name>, USER <username>, LIB-NAME <name>, LIB-VER <version>",
    "    * DB <index>, FLAGS <letters>, CAPA <letters>",
    "    * MAXAGE <seconds>, IDLE <seconds>",
    "      Connected, or idle, for so long or longer.",
    "    * SKIPME (YES|NO)",
    "      Leave this connection out.",
    "    All but MAXAGE, IDLE and SKIPME have a contrary that begins with NOT-.",
    "NO-EVICT (ON|OFF)",
    "    Exempt this connection from being closed for want of memory.",
    "NO-TOUCH (ON|OFF)",
    "    Do not count this connection's commands as uses of their keys.",
    "PAUSE <milliseconds> [WRITE|ALL]",
    "    Let all commands wait, or those that write.",
    "REPLY (ON|OFF|SKIP)",
    "    Answer this connection's commands, or none, or all but the next.",
    "SETINFO (LIB-NAME|LIB-VER) <value>",
    "    Tell the name or the version of the client's library.",
    "SETNAME <name>",
    "    Name this connection.",
    "TRACKING (ON|OFF) [REDIRECT <client-id>] [BCAST] [PREFIX <prefix> [...]]",
    "         [OPTIN] [OPTOUT] [NOLOOP]",
    "    Tell the client when keys that it has read, or that begin with a prefix, change.",
    "TRACKINGINFO",
    "    Describe how this connection's keys are tracked.",
    "UNBLOCK <client-id> [TIMEOUT|ERROR]",
    "    End the waiting of a blocked client, as if its time were over or with an error.",
    "UNPAUSE",
    "    End a pause now.",
    "WRITE-ACKS (<number>|DEFAULT)",
    "    Tell this connection what it has written when so many replicas have it.",
];
