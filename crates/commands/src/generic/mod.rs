//! Keys of any type.

mod copy;
mod del;
mod exists;
mod expire;
mod object;
pub(crate) mod pattern;
mod rename;
mod restore;
mod scan;
#[cfg(test)]
mod tests;
mod ttl;

use crate::spec::{Argument, Arity, Category, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Outcome, Run, Spec};
use engine::View;
use resp::{Args, Reply};

/// The commands on keys of any type, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[
    COPY,
    DEL,
    DUMP,
    EXISTS,
    EXPIRE,
    EXPIREAT,
    EXPIRETIME,
    KEYS,
    MOVE,
    OBJECT,
    PERSIST,
    PEXPIRE,
    PEXPIREAT,
    PEXPIRETIME,
    PTTL,
    RANDOMKEY,
    RENAME,
    RENAMENX,
    RESTORE,
    RESTORE_ASKING,
    SCAN,
    TOUCH,
    TTL,
    TYPE,
    UNLINK,
];

/// Under which condition an expiry is set.
const CONDITION: Argument = Argument::one_of(
    "condition",
    &[
        Argument::word("nx", "NX"),
        Argument::word("xx", "XX"),
        Argument::word("gt", "GT"),
        Argument::word("lt", "LT"),
    ],
)
.since("7.0.0")
.optional();

const COPY: KeyspaceCommand = Command {
    spec: Spec {
        name: "copy",
        summary: "Copies a key, under another name or into another database.",
        since: "6.2.0",
        complexity: "O(N) for a value of N elements, O(1) for a string.",
        group: Group::Generic,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[
            KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access]),
            KeySpec::at(2).does(KeyAccess::Overwrite, &[KeyEffect::Update]),
        ],
        arguments: &[
            Argument::key("source", 0),
            Argument::key("destination", 1),
            Argument::integer("destination-db").token("DB").optional(),
            Argument::word("replace", "REPLACE").optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(copy::copy)),
};

const DEL: KeyspaceCommand = Command {
    spec: Spec {
        name: "del",
        summary: "Deletes one or more keys.",
        since: "1.0.0",
        complexity: "O(N) for N keys, and O(M) more for each that holds M elements.",
        group: Group::Generic,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        keys: &[KeySpec::range(1, -1, 1).does(KeyAccess::Remove, &[KeyEffect::Delete])],
        arguments: &[Argument::key("key", 0).multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(del::del)),
};

const DUMP: KeyspaceCommand = Command {
    spec: Spec {
        name: "dump",
        summary: "Returns the value of a key as a payload for RESTORE.",
        since: "2.6.0",
        complexity: "O(N) for a value of N elements, O(1) for a short string.",
        group: Group::Generic,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(restore::dump)),
};

const EXISTS: KeyspaceCommand = Command {
    spec: Spec {
        name: "exists",
        summary: "Counts how many of the keys are there.",
        since: "1.0.0",
        complexity: "O(N) for N keys.",
        group: Group::Generic,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly, Flag::Fast],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        keys: &[KeySpec::range(1, -1, 1)],
        arguments: &[Argument::key("key", 0).multiple()],
        history: &[("3.0.3", "More than one key may be given.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(exists::exists)),
};

const EXPIRE: KeyspaceCommand = Command {
    spec: Spec {
        name: "expire",
        summary: "Lets a key expire in a number of seconds.",
        since: "1.0.0",
        group: Group::Generic,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[Argument::key("key", 0), Argument::integer("seconds"), CONDITION],
        history: &[("7.0.0", "The conditions NX, XX, GT and LT.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(expire::expire)),
};

const EXPIREAT: KeyspaceCommand = Command {
    spec: Spec {
        name: "expireat",
        summary: "Lets a key expire at a second of Unix time.",
        since: "1.2.0",
        group: Group::Generic,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[Argument::key("key", 0), Argument::unix_time("unix-time-seconds"), CONDITION],
        history: &[("7.0.0", "The conditions NX, XX, GT and LT.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(expire::expireat)),
};

const EXPIRETIME: KeyspaceCommand = Command {
    spec: Spec {
        name: "expiretime",
        summary: "Returns the second of Unix time at which a key expires.",
        since: "7.0.0",
        group: Group::Generic,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(ttl::expiretime)),
};

const KEYS: KeyspaceCommand = Command {
    spec: Spec {
        name: "keys",
        summary: "Returns the names of all keys that match a pattern.",
        since: "1.0.0",
        complexity: "O(N) for N keys in the database.",
        group: Group::Generic,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly],
        categories: &[Category::Dangerous],
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        arguments: &[Argument::pattern("pattern")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Whole(scan::keys)),
};

const MOVE: KeyspaceCommand = Command {
    spec: Spec {
        name: "move",
        summary: "Moves a key to another database.",
        since: "1.0.0",
        group: Group::Generic,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])],
        arguments: &[Argument::key("key", 0), Argument::integer("db")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(copy::move_key)),
};

const OBJECT: KeyspaceCommand = Command {
    spec: Spec {
        name: "object",
        summary: "Tells how the value of a key is kept.",
        since: "2.2.3",
        complexity: "That of the subcommand.",
        group: Group::Generic,
        arity: Arity::AtLeast(2),
        ..Spec::DEFAULT
    },
    body: Body::Subcommands(&[
        about_value("encoding", "Returns how a value is laid out.", "2.2.3", object::encoding_of),
        about_value("freq", "Returns how often a key was used of late.", "4.0.0", object::freq),
        OBJECT_HELP,
        about_value("idletime", "Returns how long a key was not used.", "2.2.3", object::idletime),
        about_value("refcount", "Returns how often a value is shared.", "2.2.3", object::refcount),
    ]),
};

const OBJECT_HELP: KeyspaceCommand = Command {
    spec: Spec {
        name: "help",
        summary: "Tells about the subcommands.",
        since: "6.2.0",
        group: Group::Generic,
        arity: Arity::Exactly(2),
        flags: &[Flag::Loading, Flag::Stale],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Whole(object::help)),
};

const SECOND_ARGUMENT: &[KeySpec] = &[KeySpec::at(2)];
const ONE_KEY: &[Argument] = &[Argument::key("key", 0)];

/// A subcommand of OBJECT that answers about one key.
const fn about_value(
    name: &'static str,
    summary: &'static str,
    since: &'static str,
    run: fn(&mut View<'_, '_>, Args<'_>, &mut Reply<'_>) -> Outcome,
) -> KeyspaceCommand {
    Command {
        spec: Spec {
            name,
            summary,
            since,
            group: Group::Generic,
            arity: Arity::Exactly(3),
            flags: &[Flag::Readonly],
            tips: &["nondeterministic_output"],
            keys: SECOND_ARGUMENT,
            arguments: ONE_KEY,
            ..Spec::DEFAULT
        },
        body: Body::Run(Run::Read(run)),
    }
}

const PERSIST: KeyspaceCommand = Command {
    spec: Spec {
        name: "persist",
        summary: "Takes the expiry of a key away.",
        since: "2.2.0",
        group: Group::Generic,
        arity: Arity::Exactly(2),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(expire::persist)),
};

const PEXPIRE: KeyspaceCommand = Command {
    spec: Spec {
        name: "pexpire",
        summary: "Lets a key expire in a number of milliseconds.",
        since: "2.6.0",
        group: Group::Generic,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[Argument::key("key", 0), Argument::integer("milliseconds"), CONDITION],
        history: &[("7.0.0", "The conditions NX, XX, GT and LT.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(expire::pexpire)),
};

const PEXPIREAT: KeyspaceCommand = Command {
    spec: Spec {
        name: "pexpireat",
        summary: "Lets a key expire at a millisecond of Unix time.",
        since: "2.6.0",
        group: Group::Generic,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::unix_time("unix-time-milliseconds"),
            CONDITION,
        ],
        history: &[("7.0.0", "The conditions NX, XX, GT and LT.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(expire::pexpireat)),
};

const PEXPIRETIME: KeyspaceCommand = Command {
    spec: Spec {
        name: "pexpiretime",
        summary: "Returns the millisecond of Unix time at which a key expires.",
        since: "7.0.0",
        group: Group::Generic,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(ttl::pexpiretime)),
};

const PTTL: KeyspaceCommand = Command {
    spec: Spec {
        name: "pttl",
        summary: "Returns in how many milliseconds a key expires.",
        since: "2.6.0",
        group: Group::Generic,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        tips: &["nondeterministic_output"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0)],
        history: &[("2.8.0", "The reply -2.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(ttl::pttl)),
};

const RANDOMKEY: KeyspaceCommand = Command {
    spec: Spec {
        name: "randomkey",
        summary: "Returns the name of a key, chosen by chance.",
        since: "1.0.0",
        group: Group::Generic,
        arity: Arity::Exactly(1),
        flags: &[Flag::Readonly],
        tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Whole(scan::randomkey)),
};

const RENAME: KeyspaceCommand = Command {
    spec: Spec {
        name: "rename",
        summary: "Renames a key, in the place of what bears the new name.",
        since: "1.0.0",
        complexity: "O(1), and O(M) more to free a value of M elements that stood under the new name.",
        group: Group::Generic,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write],
        keys: &[
            KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete]),
            KeySpec::at(2).does(KeyAccess::Overwrite, &[KeyEffect::Update]),
        ],
        arguments: &[Argument::key("key", 0), Argument::key("newkey", 1)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(rename::rename)),
};

const RENAMENX: KeyspaceCommand = Command {
    spec: Spec {
        name: "renamenx",
        summary: "Renames a key where no other bears the new name.",
        since: "1.0.0",
        group: Group::Generic,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[
            KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete]),
            KeySpec::at(2).does(KeyAccess::Overwrite, &[KeyEffect::Insert]),
        ],
        arguments: &[Argument::key("key", 0), Argument::key("newkey", 1)],
        history: &[("3.2.0", "Equal names are no error any more.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(rename::renamenx)),
};

const RESTORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "restore",
        summary: "Creates a key from the payload that DUMP gave.",
        since: "2.6.0",
        complexity: "O(N) for a value of N elements, O(N*log(N)) for a sorted set, O(1) for a short string.",
        group: Group::Generic,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write, Flag::DenyOom],
        categories: &[Category::Dangerous],
        keys: &[KeySpec::at(1).does(KeyAccess::Overwrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("ttl"),
            Argument::string("serialized-value"),
            Argument::word("replace", "REPLACE").since("3.0.0").optional(),
            Argument::word("absttl", "ABSTTL").since("5.0.0").optional(),
            Argument::integer("seconds").token("IDLETIME").since("5.0.0").optional(),
            Argument::integer("frequency").token("FREQ").since("5.0.0").optional(),
        ],
        history: &[
            ("3.0.0", "The option REPLACE."),
            ("5.0.0", "The option ABSTTL."),
            ("5.0.0", "The options IDLETIME and FREQ."),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(restore::restore)),
};

/// RESTORE at the node that a slot is on its way to.
const RESTORE_ASKING: KeyspaceCommand = Command {
    spec: Spec {
        name: "restore-asking",
        summary: "Creates a key that comes from the node that its slot is leaving.",
        since: "3.0.0",
        group: Group::Server,
        flags: &[Flag::Write, Flag::DenyOom, Flag::Asking],
        categories: &[Category::Keyspace, Category::Dangerous],
        is_for_tests: true,
        ..RESTORE.spec
    },
    body: Body::Run(Run::Write(restore::restore)),
};

const SCAN: KeyspaceCommand = Command {
    spec: Spec {
        name: "scan",
        summary: "Goes over the names of the keys in steps.",
        since: "2.8.0",
        complexity: "O(1) for a step, O(N) in all for N keys in the database.",
        group: Group::Generic,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
        arguments: &[
            Argument::integer("cursor"),
            Argument::pattern("pattern").token("MATCH").optional(),
            Argument::integer("count").token("COUNT").optional(),
            Argument::string("type").token("TYPE").since("6.0.0").optional(),
        ],
        history: &[("6.0.0", "The option TYPE.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Whole(scan::scan)),
};

const TOUCH: KeyspaceCommand = Command {
    spec: Spec {
        name: "touch",
        summary: "Counts how many of the keys are there, and marks them as used now.",
        since: "3.2.1",
        complexity: "O(N) for N keys.",
        group: Group::Generic,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly, Flag::Fast],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        keys: &[KeySpec::range(1, -1, 1)],
        arguments: &[Argument::key("key", 0).multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(exists::touch)),
};

const TTL: KeyspaceCommand = Command {
    spec: Spec {
        name: "ttl",
        summary: "Returns in how many seconds a key expires.",
        since: "1.0.0",
        group: Group::Generic,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        tips: &["nondeterministic_output"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0)],
        history: &[("2.8.0", "The reply -2.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(ttl::ttl)),
};

const TYPE: KeyspaceCommand = Command {
    spec: Spec {
        name: "type",
        summary: "Returns the type of the value of a key.",
        since: "1.0.0",
        group: Group::Generic,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1)],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(exists::type_of)),
};

const UNLINK: KeyspaceCommand = Command {
    spec: Spec {
        name: "unlink",
        summary: "Deletes one or more keys; what they hold is freed later.",
        since: "4.0.0",
        complexity: "O(N) for N keys.",
        group: Group::Generic,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write, Flag::Fast],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        keys: &[KeySpec::range(1, -1, 1).does(KeyAccess::Remove, &[KeyEffect::Delete])],
        arguments: &[Argument::key("key", 0).multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(del::del)),
};
