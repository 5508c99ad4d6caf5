//! The connection itself: greeting, authentication, names, and what it may do to others.

mod auth;
mod basic;
mod client;

use crate::table::SessionCommand;
use commands::spec::{Argument, Arity, Flag, Group};
use commands::{Body, Command, Spec};

/// The commands on the connection, by name.
pub(crate) const COMMANDS: &[SessionCommand] =
    &[AUTH, client::CLIENT, ECHO, HELLO, PING, QUIT, RESET, SELECT];

/// The flags of what opens and ends a connection: it must work at any time.
const AT_ANY_TIME: &[Flag] =
    &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::Fast, Flag::NoAuth, Flag::AllowBusy];

const AUTH: SessionCommand = Command {
    spec: Spec {
        name: "auth",
        summary: "Authenticates the connection.",
        since: "1.0.0",
        complexity: "O(N) for the user's N passwords.",
        group: Group::Connection,
        arity: Arity::AtLeast(2),
        flags: AT_ANY_TIME,
        arguments: &[
            Argument::string("username").since("6.0.0").optional(),
            Argument::string("password"),
        ],
        history: &[("6.0.0", "Takes a user's name before the password.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(auth::auth),
};

const ECHO: SessionCommand = Command {
    spec: Spec {
        name: "echo",
        summary: "Returns the message that it is given.",
        since: "1.0.0",
        group: Group::Connection,
        arity: Arity::Exactly(2),
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        arguments: &[Argument::string("message")],
        ..Spec::DEFAULT
    },
    body: Body::Run(basic::echo),
};

const HELLO: SessionCommand = Command {
    spec: Spec {
        name: "hello",
        summary: "Agrees on the protocol, authenticates and names the connection, and describes the server.",
        since: "6.0.0",
        group: Group::Connection,
        arity: Arity::AtLeast(1),
        flags: AT_ANY_TIME,
        arguments: &[Argument::block(
            "arguments",
            &[
                Argument::integer("protover"),
                Argument::block(
                    "auth",
                    &[Argument::string("username"), Argument::string("password")],
                )
                .token("AUTH")
                .optional(),
                Argument::string("clientname").token("SETNAME").optional(),
            ],
        )
        .optional()],
        history: &[
            ("8.1.0", "Tells `availability_zone`, where `availability-zone` is configured."),
            ("6.2.0", "`protover` may be left out, to keep the protocol."),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(auth::hello),
};

const PING: SessionCommand = Command {
    spec: Spec {
        name: "ping",
        summary: "Tells that the connection and the server are alive.",
        since: "1.0.0",
        group: Group::Connection,
        arity: Arity::AtLeast(1),
        flags: &[Flag::Fast],
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
        flags: AT_ANY_TIME,
        ..Spec::DEFAULT
    },
    body: Body::Run(basic::quit),
};

const RESET: SessionCommand = Command {
    spec: Spec {
        name: "reset",
        summary: "Brings the connection back to the state in which it began.",
        since: "6.2.0",
        group: Group::Connection,
        arity: Arity::Exactly(1),
        flags: AT_ANY_TIME,
        ..Spec::DEFAULT
    },
    body: Body::Run(auth::reset),
};

const SELECT: SessionCommand = Command {
    spec: Spec {
        name: "select",
        summary: "Changes the database of the connection.",
        since: "1.0.0",
        group: Group::Connection,
        arity: Arity::Exactly(2),
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast, Flag::AllowBusy],
        arguments: &[Argument::integer("index")],
        ..Spec::DEFAULT
    },
    body: Body::Run(basic::select),
};
