//! Sets: members without order under a key.

mod add;
mod combine;
mod contains;
mod random;
mod reply;
mod scan;
#[cfg(test)]
mod tests;

use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

/// The commands on sets, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[
    SADD,
    SCARD,
    SDIFF,
    SDIFFSTORE,
    SINTER,
    SINTERCARD,
    SINTERSTORE,
    SISMEMBER,
    SMEMBERS,
    SMISMEMBER,
    SMOVE,
    SPOP,
    SRANDMEMBER,
    SREM,
    SSCAN,
    SUNION,
    SUNIONSTORE,
];

/// The keys of a command that stores what it makes of others.
const STORING: &[KeySpec] = &[
    KeySpec::at(1).does(KeyAccess::Overwrite, &[KeyEffect::Update]),
    KeySpec::range(2, -1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access]),
];
const STORING_ARGUMENTS: &[Argument] =
    &[Argument::key("destination", 0), Argument::key("key", 1).multiple()];

const SADD: KeyspaceCommand = Command {
    spec: Spec {
        name: "sadd",
        summary: "Adds members to a set, which is made where the key is absent.",
        since: "1.0.0",
        complexity: "O(1) for each member.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Insert])],
        arguments: &[Argument::key("key", 0), Argument::member("member").multiple()],
        history: &[("2.4.0", "Accepts multiple `member` arguments.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(add::sadd)),
};

const SCARD: KeyspaceCommand = Command {
    spec: Spec {
        name: "scard",
        summary: "Returns how many members a set has.",
        since: "1.0.0",
        group: Group::Set,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(contains::scard)),
};

const SDIFF: KeyspaceCommand = Command {
    spec: Spec {
        name: "sdiff",
        summary: "Returns the members of the first set that are in no other.",
        since: "1.0.0",
        complexity: "O(N) for N members in all sets together.",
        group: Group::Set,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output_order"],
        keys: &[KeySpec::range(1, -1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0).multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(combine::sdiff)),
};

const SDIFFSTORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "sdiffstore",
        summary: "Stores the members of the first set that are in no other.",
        since: "1.0.0",
        complexity: "O(N) for N members in all sets together.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: STORING,
        arguments: STORING_ARGUMENTS,
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(combine::sdiffstore)),
};

const SINTER: KeyspaceCommand = Command {
    spec: Spec {
        name: "sinter",
        summary: "Returns the members that are in all sets.",
        since: "1.0.0",
        complexity: "O(N*M) at worst, for N members in the smallest of M sets.",
        group: Group::Set,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output_order"],
        keys: &[KeySpec::range(1, -1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0).multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(combine::sinter)),
};

const SINTERCARD: KeyspaceCommand = Command {
    spec: Spec {
        name: "sintercard",
        summary: "Returns how many members are in all sets.",
        since: "7.0.0",
        complexity: "O(N*M) at worst, for N members in the smallest of M sets.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly, Flag::MovableKeys],
        keys: &[KeySpec::numbered(1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            Argument::integer("numkeys"),
            Argument::key("key", 0).multiple(),
            Argument::integer("limit").token("LIMIT").optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(combine::sintercard)),
};

const SINTERSTORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "sinterstore",
        summary: "Stores the members that are in all sets.",
        since: "1.0.0",
        complexity: "O(N*M) at worst, for N members in the smallest of M sets.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: STORING,
        arguments: STORING_ARGUMENTS,
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(combine::sinterstore)),
};

const SISMEMBER: KeyspaceCommand = Command {
    spec: Spec {
        name: "sismember",
        summary: "Tells whether a member is in a set.",
        since: "1.0.0",
        group: Group::Set,
        arity: Arity::Exactly(3),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[])],
        arguments: &[Argument::key("key", 0), Argument::member("member")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(contains::sismember)),
};

const SMEMBERS: KeyspaceCommand = Command {
    spec: Spec {
        name: "smembers",
        summary: "Returns all members of a set.",
        since: "1.0.0",
        complexity: "O(N) for N members.",
        group: Group::Set,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output_order"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(contains::smembers)),
};

const SMISMEMBER: KeyspaceCommand = Command {
    spec: Spec {
        name: "smismember",
        summary: "Tells of each member whether it is in a set.",
        since: "6.2.0",
        complexity: "O(N) for N members asked for.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0), Argument::member("member").multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(contains::smismember)),
};

const SMOVE: KeyspaceCommand = Command {
    spec: Spec {
        name: "smove",
        summary: "Moves a member from one set to another.",
        since: "1.0.0",
        group: Group::Set,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[
            KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete]),
            KeySpec::at(2).does(KeyAccess::ReadWrite, &[KeyEffect::Insert]),
        ],
        arguments: &[
            Argument::key("source", 0),
            Argument::key("destination", 1),
            Argument::member("member"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(add::smove)),
};

const SPOP: KeyspaceCommand = Command {
    spec: Spec {
        name: "spop",
        summary: "Removes and returns members of a set by chance; the key goes with the last one.",
        since: "1.0.0",
        complexity: "O(1) for each member.",
        group: Group::Set,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write, Flag::Fast],
        tips: &["nondeterministic_output"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[Argument::key("key", 0), Argument::integer("count").since("3.2.0").optional()],
        history: &[("3.2.0", "Added the `count` argument.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(random::spop)),
};

const SRANDMEMBER: KeyspaceCommand = Command {
    spec: Spec {
        name: "srandmember",
        summary: "Returns members of a set by chance.",
        since: "1.0.0",
        complexity: "O(1) for each member, where they are few of those that the set has.",
        group: Group::Set,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0), Argument::integer("count").since("2.6.0").optional()],
        history: &[("2.6.0", "Added the optional `count` argument.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(random::srandmember)),
};

const SREM: KeyspaceCommand = Command {
    spec: Spec {
        name: "srem",
        summary: "Removes members from a set; the key goes with the last one.",
        since: "1.0.0",
        complexity: "O(1) for each member.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Delete])],
        arguments: &[Argument::key("key", 0), Argument::member("member").multiple()],
        history: &[("2.4.0", "Accepts multiple `member` arguments.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(add::srem)),
};

const SSCAN: KeyspaceCommand = Command {
    spec: Spec {
        name: "sscan",
        summary: "Goes over the members of a set in steps.",
        since: "2.8.0",
        complexity: "O(1) for a step, O(N) for all N members.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("cursor"),
            Argument::pattern("pattern").token("MATCH").optional(),
            Argument::integer("count").token("COUNT").optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(scan::sscan)),
};

const SUNION: KeyspaceCommand = Command {
    spec: Spec {
        name: "sunion",
        summary: "Returns the members that are in any of the sets.",
        since: "1.0.0",
        complexity: "O(N) for N members in all sets together.",
        group: Group::Set,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output_order"],
        keys: &[KeySpec::range(1, -1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0).multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(combine::sunion)),
};

const SUNIONSTORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "sunionstore",
        summary: "Stores the members that are in any of the sets.",
        since: "1.0.0",
        complexity: "O(N) for N members in all sets together.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: STORING,
        arguments: STORING_ARGUMENTS,
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(combine::sunionstore)),
};
