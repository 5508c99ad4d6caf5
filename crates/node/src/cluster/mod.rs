//! The node's place in a cluster: the bus's state machine, what it orders, and the CLUSTER commands.

mod orders;
mod replicas;
mod reports;
mod role;
mod slot_stats;
mod state;

pub use state::ClusterNode;

use crate::table::{SessionCommand, SessionRun};
use commands::spec::{Argument, Arity, Category, Flag, Group};
use commands::{Body, Command, Spec};

/// The commands of cluster mode, by name.
pub(crate) const COMMANDS: &[SessionCommand] = &[ASKING, CLUSTER, READONLY, READWRITE];

const ASKING: SessionCommand = Command {
    spec: Spec {
        name: "asking",
        summary: "Tells that the next command follows an ASK redirection.",
        since: "3.0.0",
        group: Group::Cluster,
        arity: Arity::Exactly(1),
        flags: &[Flag::Fast],
        categories: &[Category::Connection],
        ..Spec::DEFAULT
    },
    body: Body::Run(orders::asking),
};

const READONLY: SessionCommand = Command {
    spec: Spec {
        name: "readonly",
        summary: "Lets a replica serve this connection's reads.",
        since: "3.0.0",
        group: Group::Cluster,
        arity: Arity::Exactly(1),
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        categories: &[Category::Connection],
        ..Spec::DEFAULT
    },
    body: Body::Run(orders::readonly),
};

const READWRITE: SessionCommand = Command {
    spec: Spec {
        name: "readwrite",
        summary: "Takes READONLY back.",
        since: "3.0.0",
        group: Group::Cluster,
        arity: Arity::Exactly(1),
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        categories: &[Category::Connection],
        ..Spec::DEFAULT
    },
    body: Body::Run(orders::readwrite),
};

const CLUSTER: SessionCommand = Command {
    spec: Spec {
        name: "cluster",
        summary: "Contains the commands of cluster mode.",
        since: "3.0.0",
        complexity: "Depends on subcommand.",
        group: Group::Cluster,
        arity: Arity::AtLeast(2),
        ..Spec::DEFAULT
    },
    body: Body::Subcommands(&[
        subcommand(
            Spec {
                name: "addslots",
                summary: "Assigns slots to this node.",
                since: "3.0.0",
                arity: Arity::AtLeast(3),
                flags: ORDER,
                arguments: SLOTS,
                ..DEFAULT
            },
            orders::add_slots,
        ),
        subcommand(
            Spec {
                name: "addslotsrange",
                summary: "Assigns ranges of slots to this node.",
                since: "7.0.0",
                arity: Arity::AtLeast(4),
                flags: ORDER,
                arguments: RANGES,
                ..DEFAULT
            },
            orders::add_slots_range,
        ),
        subcommand(
            Spec {
                name: "bumpepoch",
                tips: VARYING,
                summary: "Gives this node the greatest config epoch.",
                since: "3.0.0",
                arity: Arity::Exactly(2),
                flags: ORDER,
                arguments: &[],
                ..DEFAULT
            },
            orders::bump_epoch,
        ),
        subcommand(
            Spec {
                name: "count-failure-reports",
                tips: VARYING,
                summary: "Counts who reports a node as failing.",
                since: "3.0.0",
                arity: Arity::Exactly(3),
                flags: COUNT,
                arguments: NODE,
                ..DEFAULT
            },
            reports::count_failure_reports,
        ),
        subcommand(
            Spec {
                name: "countkeysinslot",
                summary: "Counts the keys of a slot.",
                since: "3.0.0",
                arity: Arity::Exactly(3),
                flags: STORED,
                arguments: SLOT,
                ..DEFAULT
            },
            reports::count_keys_in_slot,
        ),
        subcommand(
            Spec {
                name: "delslots",
                summary: "Makes slots nobody's.",
                since: "3.0.0",
                arity: Arity::AtLeast(3),
                flags: ORDER,
                arguments: SLOTS,
                ..DEFAULT
            },
            orders::del_slots,
        ),
        subcommand(
            Spec {
                name: "delslotsrange",
                summary: "Makes ranges of slots nobody's.",
                since: "7.0.0",
                arity: Arity::AtLeast(4),
                flags: ORDER,
                arguments: RANGES,
                ..DEFAULT
            },
            orders::del_slots_range,
        ),
        subcommand(
            Spec {
                name: "failover",
                summary: "Has this replica take over.",
                since: "3.0.0",
                arity: Arity::AtLeast(2),
                flags: ORDER,
                arguments: FAILOVER,
                ..DEFAULT
            },
            replicas::failover,
        ),
        subcommand(
            Spec {
                name: "flushslots",
                summary: "Gives up all slots of this node.",
                since: "3.0.0",
                arity: Arity::Exactly(2),
                flags: ORDER,
                arguments: &[],
                ..DEFAULT
            },
            orders::flush_slots,
        ),
        subcommand(
            Spec {
                name: "forget",
                summary: "Removes a node from the cluster.",
                since: "3.0.0",
                arity: Arity::Exactly(3),
                flags: ORDER,
                arguments: NODE,
                ..DEFAULT
            },
            orders::forget,
        ),
        subcommand(
            Spec {
                name: "getkeysinslot",
                tips: VARYING,
                summary: "Returns keys of a slot.",
                since: "3.0.0",
                arity: Arity::Exactly(4),
                flags: STORED,
                arguments: SLOT_COUNT,
                ..DEFAULT
            },
            reports::get_keys_in_slot,
        ),
        subcommand(
            Spec {
                name: "help",
                summary: "Returns what the subcommands are.",
                since: "5.0.0",
                arity: Arity::Exactly(2),
                flags: REPORT,
                arguments: &[],
                ..DEFAULT
            },
            reports::help,
        ),
        subcommand(
            Spec {
                name: "info",
                tips: VARYING,
                summary: "Returns the state of the cluster.",
                since: "3.0.0",
                arity: Arity::Exactly(2),
                flags: REPORT,
                arguments: &[],
                ..DEFAULT
            },
            reports::info,
        ),
        subcommand(
            Spec {
                name: "keyslot",
                summary: "Returns the slot of a key.",
                since: "3.0.0",
                arity: Arity::Exactly(3),
                flags: STORED,
                arguments: KEY,
                ..DEFAULT
            },
            reports::key_slot,
        ),
        subcommand(
            Spec {
                name: "links",
                tips: VARYING,
                summary: "Returns the links of the bus.",
                since: "7.0.0",
                arity: Arity::Exactly(2),
                flags: STORED,
                arguments: &[],
                ..DEFAULT
            },
            reports::links,
        ),
        subcommand(
            Spec {
                name: "meet",
                summary: "Introduces a node.",
                since: "3.0.0",
                arity: Arity::AtLeast(4),
                flags: ORDER,
                arguments: MEET,
                ..DEFAULT
            },
            orders::meet,
        ),
        subcommand(
            Spec {
                name: "myid",
                summary: "Returns this node's id.",
                since: "3.0.0",
                arity: Arity::Exactly(2),
                flags: REPORT,
                arguments: &[],
                ..DEFAULT
            },
            reports::my_id,
        ),
        subcommand(
            Spec {
                name: "myshardid",
                tips: VARYING,
                summary: "Returns the id of this node's shard.",
                since: "7.2.0",
                arity: Arity::Exactly(2),
                flags: REPORT,
                arguments: &[],
                ..DEFAULT
            },
            reports::my_shard_id,
        ),
        subcommand(
            Spec {
                name: "nodes",
                tips: VARYING,
                summary: "Returns the nodes as nodes.conf has them.",
                since: "3.0.0",
                arity: Arity::Exactly(2),
                flags: REPORT,
                arguments: &[],
                ..DEFAULT
            },
            reports::nodes,
        ),
        subcommand(
            Spec {
                name: "replicas",
                tips: VARYING,
                summary: "Returns the replicas of a primary.",
                since: "5.0.0",
                arity: Arity::Exactly(3),
                flags: COUNT,
                arguments: NODE,
                ..DEFAULT
            },
            replicas::replicas,
        ),
        subcommand(
            Spec {
                name: "replicate",
                summary: "Makes this node a replica, or a primary that has nothing.",
                since: "3.0.0",
                arity: Arity::AtLeast(3),
                flags: ORDER,
                arguments: REPLICATE,
                ..DEFAULT
            },
            replicas::replicate,
        ),
        subcommand(
            Spec {
                name: "reset",
                summary: "Makes this node leave the cluster.",
                since: "3.0.0",
                arity: Arity::AtLeast(2),
                flags: RESETTING,
                arguments: RESET,
                ..DEFAULT
            },
            orders::reset,
        ),
        subcommand(
            Spec {
                name: "saveconfig",
                summary: "Writes nodes.conf.",
                since: "3.0.0",
                arity: Arity::Exactly(2),
                flags: ORDER,
                arguments: &[],
                ..DEFAULT
            },
            orders::save_config,
        ),
        subcommand(
            Spec {
                name: "set-config-epoch",
                summary: "Sets the first config epoch of a new node.",
                since: "3.0.0",
                arity: Arity::Exactly(3),
                flags: ORDER,
                arguments: EPOCH,
                ..DEFAULT
            },
            orders::set_config_epoch,
        ),
        subcommand(
            Spec {
                name: "setslot",
                summary: "Opens, closes or assigns a slot.",
                since: "3.0.0",
                arity: Arity::AtLeast(4),
                flags: ORDER,
                arguments: SET_SLOT,
                history: &[("8.0.0", "The option TIMEOUT.")],
                ..DEFAULT
            },
            orders::set_slot,
        ),
        subcommand(
            Spec {
                name: "shards",
                tips: VARYING,
                summary: "Returns the shards, their slots and nodes.",
                since: "7.0.0",
                arity: Arity::Exactly(2),
                flags: REPORT,
                arguments: &[],
                ..DEFAULT
            },
            reports::shards,
        ),
        subcommand(
            Spec {
                name: "slaves",
                tips: VARYING,
                summary: "The same as REPLICAS under its old name.",
                since: "3.0.0",
                arity: Arity::Exactly(3),
                flags: COUNT,
                deprecated: Some(("5.0.0", "`CLUSTER REPLICAS`")),
                arguments: NODE,
                ..DEFAULT
            },
            replicas::replicas,
        ),
        subcommand(
            Spec {
                name: "slot-stats",
                tips: &["nondeterministic_output", "request_policy:all_shards"],
                summary: "Returns what the slots of this node hold.",
                since: "8.0.0",
                complexity: "O(N) for N slots, O(N*log(N)) with ORDERBY.",
                arity: Arity::AtLeast(4),
                flags: REPORT,
                arguments: SLOT_STATS,
                ..DEFAULT
            },
            slot_stats::slot_stats,
        ),
        subcommand(
            Spec {
                name: "slots",
                tips: VARYING,
                summary: "Returns who serves which slots.",
                since: "3.0.0",
                arity: Arity::Exactly(2),
                flags: REPORT,
                arguments: &[],
                ..DEFAULT
            },
            reports::slots,
        ),
    ]),
};

/// What subcommands leave out.
const DEFAULT: Spec = Spec { group: Group::Cluster, ..Spec::DEFAULT };

/// Flags of those that change the cluster.
const ORDER: &[Flag] = &[Flag::Admin, Flag::Stale, Flag::NoAsyncLoading];
/// Flags of those that tell what the bus knows.
const REPORT: &[Flag] = &[Flag::Loading, Flag::Stale];
/// Flags of those that look at the keyspace or at links.
const STORED: &[Flag] = &[Flag::Stale];
const COUNT: &[Flag] = &[Flag::Admin, Flag::Stale];
const RESETTING: &[Flag] = &[Flag::Admin, Flag::Noscript, Flag::Stale];

const fn subcommand(spec: Spec, run: SessionRun) -> SessionCommand {
    Command { spec, body: Body::Run(run) }
}

/// The reply depends on more than the data.
const VARYING: &[&str] = &["nondeterministic_output"];

const SLOT_STATS: &[Argument] = &[Argument::one_of(
    "filter",
    &[
        Argument::block(
            "slotsrange",
            &[Argument::integer("start-slot"), Argument::integer("end-slot")],
        )
        .token("SLOTSRANGE"),
        Argument::block(
            "orderby",
            &[
                Argument::string("metric"),
                Argument::integer("limit").token("LIMIT").optional(),
                Argument::one_of(
                    "order",
                    &[Argument::word("asc", "ASC"), Argument::word("desc", "DESC")],
                )
                .optional(),
            ],
        )
        .token("ORDERBY"),
    ],
)];
const SET_SLOT: &[Argument] = &[
    Argument::integer("slot"),
    Argument::one_of(
        "subcommand",
        &[
            Argument::string("importing").token("IMPORTING"),
            Argument::string("migrating").token("MIGRATING"),
            Argument::string("node").token("NODE"),
            Argument::word("stable", "STABLE"),
        ],
    ),
    Argument::integer("timeout").token("TIMEOUT").since("8.0.0").optional(),
];
const SLOTS: &[Argument] = &[Argument::integer("slot").multiple()];
const SLOT: &[Argument] = &[Argument::integer("slot")];
const SLOT_COUNT: &[Argument] = &[Argument::integer("slot"), Argument::integer("count")];
const RANGES: &[Argument] =
    &[Argument::block("range", &[Argument::integer("start-slot"), Argument::integer("end-slot")])
        .multiple()];
const NODE: &[Argument] = &[Argument::string("node-id")];
const FAILOVER: &[Argument] = &[Argument::one_of(
    "options",
    &[Argument::word("force", "FORCE"), Argument::word("takeover", "TAKEOVER")],
)
.optional()];
const REPLICATE: &[Argument] = &[Argument::one_of(
    "args",
    &[
        Argument::string("node-id"),
        Argument::block("no-one", &[Argument::word("no", "NO"), Argument::word("one", "ONE")])
            .since("9.0.0"),
    ],
)];
const KEY: &[Argument] = &[Argument::string("key")];
const EPOCH: &[Argument] = &[Argument::integer("config-epoch")];
const MEET: &[Argument] = &[
    Argument::string("ip"),
    Argument::integer("port"),
    Argument::integer("cluster-bus-port").since("4.0.0").optional(),
];
const RESET: &[Argument] = &[Argument::one_of(
    "reset-type",
    &[Argument::word("hard", "HARD"), Argument::word("soft", "SOFT")],
)
.optional()];
