//! Streams: entries in the order of their ids, and groups of consumers who read them.

mod add;
mod delete;
mod group;
mod id;
mod info;
mod range;
mod read;
mod reading;
mod reply;
mod set_id;
mod trim_options;

use crate::spec::{Argument, Arity, Begin, Find, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

/// The commands on streams, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[
    group::XACK,
    group::XACKDEL,
    XADD,
    group::XAUTOCLAIM,
    group::XCLAIM,
    XDEL,
    XDELEX,
    group::XGROUP,
    XINFO,
    XLEN,
    group::XPENDING,
    XRANGE,
    XREAD,
    group::XREADGROUP,
    XREVRANGE,
    XSETID,
    XTRIM,
];

const KEY: Argument = Argument::key("key", 0);
const ID: Argument = Argument::string("id");
const COUNT: Argument = Argument::integer("count").token("COUNT").optional();
const BLOCK: Argument = Argument::integer("milliseconds").token("BLOCK").optional();

/// What becomes of the references that groups have to entries that go.
const REFERENCES: Argument = Argument::one_of(
    "condition",
    &[
        Argument::word("keepref", "KEEPREF"),
        Argument::word("delref", "DELREF"),
        Argument::word("acked", "ACKED"),
    ],
)
.since("8.2.0")
.optional();

const IDS: Argument =
    Argument::block("ids", &[Argument::integer("numids"), Argument::string("id").multiple()])
        .token("IDS");

const TRIM: Argument = Argument::block(
    "trim",
    &[
        Argument::one_of(
            "strategy",
            &[Argument::word("maxlen", "MAXLEN"), Argument::word("minid", "MINID").since("6.2.0")],
        ),
        Argument::one_of(
            "operator",
            &[Argument::word("equal", "="), Argument::word("approximately", "~")],
        )
        .optional(),
        Argument::string("threshold"),
        Argument::integer("count").token("LIMIT").since("6.2.0").optional(),
    ],
);

const STREAMS: Argument =
    Argument::block("streams", &[KEY.multiple(), ID.multiple()]).token("STREAMS");

/// Keys that stand behind the word STREAMS, half of what follows it.
const fn streams_from(from: i64) -> KeySpec {
    KeySpec {
        begin: Begin::Keyword { word: "STREAMS", from, read: Some(reading::first_key) },
        find: Find::Range { last: -1, step: 1, limit: 2 },
        ..KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])
    }
}

const READS_KEY: &[KeySpec] = &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])];
const UPDATES_KEY: &[KeySpec] = &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])];
const DELETES_FROM_KEY: &[KeySpec] =
    &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Delete])];

const XADD: KeyspaceCommand = Command {
    spec: Spec {
        name: "xadd",
        summary: "Appends an entry to a stream, which is made where the key is absent.",
        since: "5.0.0",
        complexity: "O(1) to append, O(N) to remove N entries.",
        group: Group::Stream,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        tips: &["nondeterministic_output"],
        keys: &[KeySpec::at(1)
            .does(KeyAccess::ReadWrite, &[KeyEffect::Update])
            .notes("UPDATE instead of INSERT because of the optional trimming feature")],
        arguments: &[
            KEY,
            Argument::word("nomkstream", "NOMKSTREAM").since("6.2.0").optional(),
            REFERENCES,
            TRIM.optional(),
            Argument::one_of("id-selector", &[Argument::word("auto-id", "*"), ID]),
            Argument::block("data", &[Argument::string("field"), Argument::string("value")])
                .multiple(),
        ],
        history: &[
            ("6.2.0", "NOMKSTREAM, MINID and LIMIT."),
            ("7.0.0", "Ids of the form `<ms>-*`."),
            ("8.2.0", "KEEPREF, DELREF and ACKED."),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(add::xadd)),
};

const XDEL: KeyspaceCommand = Command {
    spec: Spec {
        name: "xdel",
        summary: "Deletes entries and returns how many they were.",
        since: "5.0.0",
        complexity: "O(1) for each id.",
        group: Group::Stream,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::Fast],
        keys: DELETES_FROM_KEY,
        arguments: &[KEY, ID.multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(delete::xdel)),
};

const XDELEX: KeyspaceCommand = Command {
    spec: Spec {
        name: "xdelex",
        summary: "Deletes entries, with a say in what becomes of references to them.",
        since: "8.2.0",
        complexity: "O(1) for each id, and for each group where references matter.",
        group: Group::Stream,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Write, Flag::Fast],
        keys: DELETES_FROM_KEY,
        arguments: &[KEY, REFERENCES, IDS],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(delete::xdelex)),
};

const ABOUT_SECOND: &[KeySpec] = &[KeySpec::at(2).does(KeyAccess::ReadOnly, &[KeyEffect::Access])];

const XINFO: KeyspaceCommand = Command {
    spec: Spec {
        name: "xinfo",
        summary: "Tells about streams, groups and consumers.",
        since: "5.0.0",
        complexity: "That of the subcommand.",
        group: Group::Stream,
        arity: Arity::AtLeast(2),
        ..Spec::DEFAULT
    },
    body: Body::Subcommands(&[XINFO_CONSUMERS, XINFO_GROUPS, XINFO_HELP, XINFO_STREAM]),
};

const XINFO_CONSUMERS: KeyspaceCommand = Command {
    spec: Spec {
        name: "consumers",
        summary: "Returns what is known of the consumers of a group.",
        since: "5.0.0",
        group: Group::Stream,
        arity: Arity::Exactly(4),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output"],
        keys: ABOUT_SECOND,
        arguments: &[KEY, Argument::string("group")],
        history: &[("7.2.0", "`inactive`; `idle` means something else.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(info::consumers)),
};

const XINFO_GROUPS: KeyspaceCommand = Command {
    spec: Spec {
        name: "groups",
        summary: "Returns what is known of the groups of a stream.",
        since: "5.0.0",
        group: Group::Stream,
        arity: Arity::Exactly(3),
        flags: &[Flag::Readonly],
        keys: ABOUT_SECOND,
        arguments: &[KEY],
        history: &[("7.0.0", "`entries-read` and `lag`.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(info::groups)),
};

const XINFO_HELP: KeyspaceCommand = Command {
    spec: Spec {
        name: "help",
        summary: "Tells about the subcommands.",
        since: "5.0.0",
        group: Group::Stream,
        arity: Arity::Exactly(2),
        flags: &[Flag::Loading, Flag::Stale],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Whole(info::help)),
};

const XINFO_STREAM: KeyspaceCommand = Command {
    spec: Spec {
        name: "stream",
        summary: "Returns what is known of a stream.",
        since: "5.0.0",
        complexity: "O(N) for N nodes of the stream; they are counted.",
        group: Group::Stream,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly],
        keys: ABOUT_SECOND,
        arguments: &[
            KEY,
            Argument::block("full-block", &[Argument::word("full", "FULL"), COUNT]).optional(),
        ],
        history: &[
            ("6.0.0", "FULL."),
            (
                "7.0.0",
                "`max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read`, `lag`.",
            ),
            ("7.2.0", "`active-time`; `seen-time` means something else."),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(info::stream)),
};

const XLEN: KeyspaceCommand = Command {
    spec: Spec {
        name: "xlen",
        summary: "Returns how many entries a stream has.",
        since: "5.0.0",
        group: Group::Stream,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1)],
        arguments: &[KEY],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::xlen)),
};

const XRANGE: KeyspaceCommand = Command {
    spec: Spec {
        name: "xrange",
        summary: "Returns the entries between two ids.",
        since: "5.0.0",
        complexity: "O(N) for N entries.",
        group: Group::Stream,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Readonly],
        keys: READS_KEY,
        arguments: &[KEY, Argument::string("start"), Argument::string("end"), COUNT],
        history: &[("6.2.0", "Intervals without their ends.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::xrange)),
};

const XREAD: KeyspaceCommand = Command {
    spec: Spec {
        name: "xread",
        summary: "Returns the entries of streams behind given ids, and may wait for them.",
        since: "5.0.0",
        complexity: "",
        group: Group::Stream,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Readonly, Flag::Blocking, Flag::MovableKeys],
        keys: &[streams_from(1)],
        arguments: &[COUNT, BLOCK, STREAMS],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Blocking(read::XREAD)),
};

const XREVRANGE: KeyspaceCommand = Command {
    spec: Spec {
        name: "xrevrange",
        summary: "Returns the entries between two ids, the last one first.",
        since: "5.0.0",
        complexity: "O(N) for N entries.",
        group: Group::Stream,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Readonly],
        keys: READS_KEY,
        arguments: &[KEY, Argument::string("end"), Argument::string("start"), COUNT],
        history: &[("6.2.0", "Intervals without their ends.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::xrevrange)),
};

const XSETID: KeyspaceCommand = Command {
    spec: Spec {
        name: "xsetid",
        summary: "Sets the counters of a stream, for replication.",
        since: "5.0.0",
        group: Group::Stream,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: UPDATES_KEY,
        arguments: &[
            KEY,
            Argument::string("last-id"),
            Argument::integer("entries-added").token("ENTRIESADDED").since("7.0.0").optional(),
            Argument::string("max-deleted-id").token("MAXDELETEDID").since("7.0.0").optional(),
        ],
        history: &[("7.0.0", "ENTRIESADDED and MAXDELETEDID.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(set_id::xsetid)),
};

const XTRIM: KeyspaceCommand = Command {
    spec: Spec {
        name: "xtrim",
        summary: "Removes the oldest entries of a stream.",
        since: "5.0.0",
        complexity: "O(N) for N entries that go; they go by nodes of many entries.",
        group: Group::Stream,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write],
        tips: &["nondeterministic_output"],
        keys: DELETES_FROM_KEY,
        arguments: &[KEY, TRIM, REFERENCES],
        history: &[("6.2.0", "MINID and LIMIT."), ("8.2.0", "KEEPREF, DELREF and ACKED.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(add::xtrim)),
};
