//! Databases and memory: the commands of group `server` that need only the keyspace.

mod databases;
mod flush;
pub mod memory;

use crate::spec::{Argument, Arity, Category, Flag, Group, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

/// The commands on the keyspace as a whole, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[DBSIZE, FLUSHALL, FLUSHDB, MEMORY, SWAPDB];

/// When the memory of removed keys is freed.
const FLUSH_TYPE: Argument = Argument::one_of(
    "flush-type",
    &[
        Argument::word("async", "ASYNC").since("4.0.0"),
        Argument::word("sync", "SYNC").since("6.2.0"),
    ],
)
.optional();

const DBSIZE: KeyspaceCommand = Command {
    spec: Spec {
        name: "dbsize",
        summary: "Returns how many keys the database holds.",
        since: "1.0.0",
        group: Group::Server,
        arity: Arity::Exactly(1),
        flags: &[Flag::Readonly, Flag::Fast],
        categories: &[Category::Keyspace],
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Whole(databases::dbsize)),
};

const FLUSHALL: KeyspaceCommand = Command {
    spec: Spec {
        name: "flushall",
        summary: "Removes all keys of all databases.",
        since: "1.0.0",
        complexity: "O(N) for N keys in all databases.",
        group: Group::Server,
        arity: Arity::AtLeast(1),
        flags: &[Flag::Write],
        categories: &[Category::Keyspace, Category::Dangerous],
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        arguments: &[FLUSH_TYPE],
        history: &[("4.0.0", "The word ASYNC."), ("6.2.0", "The word SYNC.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Whole(flush::flushall)),
};

const FLUSHDB: KeyspaceCommand = Command {
    spec: Spec {
        name: "flushdb",
        summary: "Removes all keys of the database.",
        since: "1.0.0",
        complexity: "O(N) for N keys in the database.",
        group: Group::Server,
        arity: Arity::AtLeast(1),
        flags: &[Flag::Write],
        categories: &[Category::Keyspace, Category::Dangerous],
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        arguments: &[FLUSH_TYPE],
        history: &[("4.0.0", "The word ASYNC."), ("6.2.0", "The word SYNC.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Whole(flush::flushdb)),
};

const MEMORY: KeyspaceCommand = Command {
    spec: Spec {
        name: "memory",
        summary: "Tells what takes memory.",
        since: "4.0.0",
        complexity: "That of the subcommand.",
        group: Group::Server,
        arity: Arity::AtLeast(2),
        ..Spec::DEFAULT
    },
    // A node joins its own subcommands to this one.
    body: Body::Subcommands(&[MEMORY_USAGE]),
};

const MEMORY_USAGE: KeyspaceCommand = Command {
    spec: Spec {
        name: "usage",
        summary: "Returns how many bytes a key and its value take.",
        since: "4.0.0",
        complexity: "O(1)",
        group: Group::Server,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(2)],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("count").token("SAMPLES").optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(memory::usage)),
};

const SWAPDB: KeyspaceCommand = Command {
    spec: Spec {
        name: "swapdb",
        summary: "Exchanges the contents of two databases.",
        since: "4.0.0",
        complexity: "O(N) for N clients that watch or wait for keys of either.",
        group: Group::Server,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write, Flag::Fast],
        categories: &[Category::Keyspace, Category::Dangerous],
        arguments: &[Argument::integer("index1"), Argument::integer("index2")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Whole(databases::swapdb)),
};
