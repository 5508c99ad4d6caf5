//! The connection itself: greeting, authentication, names, and what it may do to others.

mod basic;

use crate::table::SessionCommand;
use commands::spec::{Argument, Arity, Category, Flag, Group};
use commands::{Body, Command, Spec};

/// The commands on the connection, by name.
pub(crate) const COMMANDS: &[SessionCommand] = &[ECHO, PING, QUIT, SELECT];

const ECHO: SessionCommand = Command {
    spec: Spec {
        name: "echo",
        summary: "Returns the message that it is given.",
        since: "1.0.0",
        group: Group::Connection,
        arity: Arity::Exactly(2),
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        categories: &[Category::Connection],
        arguments: &[Argument::string("message")],
        ..Spec::DEFAULT
    },
    body: Body::Run(basic::echo),
};

const PING: SessionCommand = Command {
    spec: Spec {
        name: "ping",
        summary: "Tells that the connection and the server are alive.",
        since: "1.0.0",
        group: Group::Connection,
        arity: Arity::AtLeast(1),
        flags: &[Flag::Fast],
        categories: &[Category::Connection],
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        arguments: &[Argument::string("message").optional()],
        ..Spec::DEFAULT
    },
    body: Body::Run(basic::ping),
};

const QUIT: SessionCommand = Command {
    spec: Spec {
        name: "quit",
        summary: "Closes the connection.",
        since: "1.0.0",
        group: Group::Connection,
        arity: Arity::AtLeast(1),
        flags: &[
            Flag::AllowBusy,
            Flag::NoAuth,
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
        ],
        categories: &[Category::Connection],
        deprecated: Some(("7.2.0", "just closing the connection")),
        ..Spec::DEFAULT
    },
    body: Body::Run(basic::quit),
};

const SELECT: SessionCommand = Command {
    spec: Spec {
        name: "select",
        summary: "Changes the database of the connection.",
        since: "1.0.0",
        group: Group::Connection,
        arity: Arity::Exactly(2),
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        categories: &[Category::Connection],
        arguments: &[Argument::integer("index")],
        ..Spec::DEFAULT
    },
    body: Body::Run(basic::select),
};
