//! The commands of replication, as the table has them.

use super::{failover, psync, replconf, replicaof, wait};
use crate::table::{SessionCommand, SessionRun};
use commands::spec::{Argument, Arity, Category, Flag, Group};
use commands::{Body, Command, Spec};

pub(crate) const COMMANDS: &[SessionCommand] = &[
    command(
        Spec {
            name: "failover",
            summary: "Hands over to a replica, and follows it.",
            since: "6.2.0",
            complexity: "O(1)",
            arity: Arity::AtLeast(1),
            flags: &[Flag::Admin, Flag::Noscript, Flag::Stale],
            arguments: &[
                Argument::block(
                    "target",
                    &[
                        Argument::string("host"),
                        Argument::integer("port"),
                        Argument::word("force", "FORCE").optional(),
                    ],
                )
                .token("TO")
                .optional(),
                Argument::word("abort", "ABORT").optional(),
                Argument::integer("milliseconds").token("TIMEOUT").optional(),
            ],
            ..COMMON
        },
        failover::failover,
    ),
    command(
        Spec {
            name: "psync",
            summary: "Makes of the connection a replica that goes on with the stream. For servers.",
            since: "2.8.0",
            arity: Arity::AtLeast(3),
            flags: &[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading, Flag::NoMulti],
            arguments: &[Argument::string("replicationid"), Argument::integer("offset")],
            ..COMMON
        },
        psync::psync,
    ),
    command(
        Spec {
            name: "replconf",
            summary: "Tells a primary of its replica. For servers.",
            since: "3.0.0",
            complexity: "O(1)",
            arity: Arity::AtLeast(1),
            flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale, Flag::AllowBusy],
            ..COMMON
        },
        replconf::replconf,
    ),
    follow(Spec {
        name: "replicaof",
        summary: "Follows a primary, or nobody any more.",
        since: "5.0.0",
        ..FOLLOW
    }),
    follow(Spec {
        name: "slaveof",
        summary: "The same under its old name.",
        since: "1.0.0",
        deprecated: Some(("5.0.0", "`REPLICAOF`")),
        ..FOLLOW
    }),
    command(
        Spec {
            name: "sync",
            summary: "Makes of the connection a replica that gets everything. For servers.",
            since: "1.0.0",
            arity: Arity::Exactly(1),
            flags: &[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading, Flag::NoMulti],
            ..COMMON
        },
        psync::sync,
    ),
    command(
        Spec {
            name: "wait",
            summary: "Waits until replicas have what the connection has written.",
            since: "3.0.0",
            complexity: "O(1)",
            group: Group::Generic,
            arity: Arity::Exactly(3),
            flags: &[Flag::Blocking],
            categories: &[Category::Connection],
            tips: &["request_policy:all_shards", "response_policy:agg_min"],
            arguments: &[Argument::integer("numreplicas"), Argument::integer("timeout")],
            ..COMMON
        },
        wait::wait,
    ),
    command(
        Spec {
            name: "waitaof",
            summary: "Waits until what the connection has written is on disks.",
            since: "7.2.0",
            complexity: "O(1)",
            group: Group::Generic,
            arity: Arity::Exactly(4),
            flags: &[Flag::Blocking],
            categories: &[Category::Connection],
            tips: &["request_policy:all_shards", "response_policy:agg_min"],
            arguments: &[
                Argument::integer("numlocal"),
                Argument::integer("numreplicas"),
                Argument::integer("timeout"),
            ],
            ..COMMON
        },
        wait::wait_aof,
    ),
];

const COMMON: Spec = Spec { group: Group::Server, ..Spec::DEFAULT };

/// What REPLICAOF is by any name.
const FOLLOW: Spec = Spec {
    complexity: "O(1)",
    arity: Arity::Exactly(3),
    flags: &[Flag::Admin, Flag::Noscript, Flag::Stale, Flag::NoAsyncLoading],
    arguments: &[Argument::one_of(
        "args",
        &[
            Argument::block("host-port", &[Argument::string("host"), Argument::integer("port")]),
            Argument::block("no-one", &[Argument::word("no", "NO"), Argument::word("one", "ONE")]),
        ],
    )],
    ..COMMON
};

const fn follow(spec: Spec) -> SessionCommand {
    command(spec, replicaof::replicaof)
}

const fn command(spec: Spec, run: SessionRun) -> SessionCommand {
    Command { spec, body: Body::Run(run) }
}
