//! Hashes: fields with values.

mod change;
mod expire;
mod number;
mod random;
mod read;
mod scan;
mod times;

use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};
use times::{
    HEXPIRE, HEXPIREAT, HEXPIRETIME, HGETEX, HPERSIST, HPEXPIRE, HPEXPIREAT, HPEXPIRETIME, HPTTL,
    HSETEX, HTTL,
};

/// The commands on hashes, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[
    HDEL,
    HEXISTS,
    HEXPIRE,
    HEXPIREAT,
    HEXPIRETIME,
    HGET,
    HGETALL,
    HGETDEL,
    HGETEX,
    HINCRBY,
    HINCRBYFLOAT,
    HKEYS,
    HLEN,
    HMGET,
    HMSET,
    HPERSIST,
    HPEXPIRE,
    HPEXPIREAT,
    HPEXPIRETIME,
    HPTTL,
    HRANDFIELD,
    HSCAN,
    HSET,
    HSETEX,
    HSETNX,
    HSTRLEN,
    HTTL,
    HVALS,
];

const HDEL: KeyspaceCommand = Command {
    spec: Spec {
        name: "hdel",
        summary: "Removes fields.",
        since: "2.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Delete])],
        arguments: &[Argument::key("key", 0), Argument::member("field").multiple()],
        history: &[("2.4.0", "Takes several fields.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(change::hdel)),
};

const HEXISTS: KeyspaceCommand = Command {
    spec: Spec {
        name: "hexists",
        summary: "Tells whether a field is there.",
        since: "2.0.0",
        group: Group::Hash,
        arity: Arity::Exactly(3),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[])],
        arguments: &[Argument::key("key", 0), Argument::member("field")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::hexists)),
};

const HGET: KeyspaceCommand = Command {
    spec: Spec {
        name: "hget",
        summary: "Returns the value of a field.",
        since: "2.0.0",
        group: Group::Hash,
        arity: Arity::Exactly(3),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0), Argument::member("field")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::hget)),
};

const HGETALL: KeyspaceCommand = Command {
    spec: Spec {
        name: "hgetall",
        summary: "Returns all fields with their values.",
        since: "2.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output_order"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::hgetall)),
};

const HGETDEL: KeyspaceCommand = Command {
    spec: Spec {
        name: "hgetdel",
        summary: "Returns the values of fields and removes them.",
        since: "9.1.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[
            Argument::key("key", 0),
            Argument::block(
                "fields",
                &[Argument::integer("numfields"), Argument::member("field").multiple()],
            )
            .token("FIELDS"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(change::hgetdel)),
};

const HINCRBY: KeyspaceCommand = Command {
    spec: Spec {
        name: "hincrby",
        summary: "Adds to the integer of a field, which is 0 where the field is absent.",
        since: "2.0.0",
        group: Group::Hash,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::member("field"),
            Argument::integer("increment"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(number::hincrby)),
};

const HINCRBYFLOAT: KeyspaceCommand = Command {
    spec: Spec {
        name: "hincrbyfloat",
        summary: "Adds to the number of a field, which is 0 where the field is absent.",
        since: "2.6.0",
        group: Group::Hash,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::member("field"),
            Argument::double("increment"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(number::hincrbyfloat)),
};

const HKEYS: KeyspaceCommand = Command {
    spec: Spec {
        name: "hkeys",
        summary: "Returns all fields.",
        since: "2.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output_order"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::hkeys)),
};

const HLEN: KeyspaceCommand = Command {
    spec: Spec {
        name: "hlen",
        summary: "Returns the number of fields.",
        since: "2.0.0",
        complexity: "O(1), and O(N) for N fields whose time has just come.",
        group: Group::Hash,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::hlen)),
};

const HMGET: KeyspaceCommand = Command {
    spec: Spec {
        name: "hmget",
        summary: "Returns the values of fields.",
        since: "2.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0), Argument::member("field").multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::hmget)),
};

const HMSET: KeyspaceCommand = Command {
    spec: Spec {
        name: "hmset",
        summary: "Sets fields.",
        since: "2.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::block("data", &[Argument::member("field"), Argument::string("value")])
                .multiple(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(change::hmset)),
};

const HRANDFIELD: KeyspaceCommand = Command {
    spec: Spec {
        name: "hrandfield",
        summary: "Returns fields by chance.",
        since: "6.2.0",
        complexity: "O(N) for N fields that are returned.",
        group: Group::Hash,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            Argument::key("key", 0),
            Argument::block(
                "options",
                &[
                    Argument::integer("count"),
                    Argument::word("withvalues", "WITHVALUES").optional(),
                ],
            )
            .optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(random::hrandfield)),
};

const HSCAN: KeyspaceCommand = Command {
    spec: Spec {
        name: "hscan",
        summary: "Goes over the fields, some with each call.",
        since: "2.8.0",
        complexity: "O(1) a call; O(N) in all for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("cursor"),
            Argument::pattern("pattern").token("MATCH").optional(),
            Argument::integer("count").token("COUNT").optional(),
            Argument::word("novalues", "NOVALUES").optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(scan::hscan)),
};

const HSET: KeyspaceCommand = Command {
    spec: Spec {
        name: "hset",
        summary: "Sets fields of a hash, which is made where the key is absent.",
        since: "2.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::block("data", &[Argument::member("field"), Argument::string("value")])
                .multiple(),
        ],
        history: &[("4.0.0", "Takes several fields.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(change::hset)),
};

const HSETNX: KeyspaceCommand = Command {
    spec: Spec {
        name: "hsetnx",
        summary: "Sets a field where it is absent.",
        since: "2.0.0",
        group: Group::Hash,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Insert])],
        arguments: &[Argument::key("key", 0), Argument::member("field"), Argument::string("value")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(change::hsetnx)),
};

const HSTRLEN: KeyspaceCommand = Command {
    spec: Spec {
        name: "hstrlen",
        summary: "Returns the length of the value of a field.",
        since: "3.2.0",
        group: Group::Hash,
        arity: Arity::Exactly(3),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[])],
        arguments: &[Argument::key("key", 0), Argument::member("field")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::hstrlen)),
};

const HVALS: KeyspaceCommand = Command {
    spec: Spec {
        name: "hvals",
        summary: "Returns all values.",
        since: "2.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output_order"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::hvals)),
};
