//! HyperLogLog: strings that estimate how many different elements were added to them.

mod dense;
mod estimate;
mod hash;
mod inspect;
mod pfadd;
mod pfcount;
mod selftest;
mod sketch;
mod sparse;
#[cfg(test)]
mod tests;

use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

/// The commands on HyperLogLogs, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[PFADD, PFCOUNT, PFDEBUG, PFMERGE, PFSELFTEST];

const PFADD: KeyspaceCommand = Command {
    spec: Spec {
        name: "pfadd",
        summary: "Adds elements to a HyperLogLog, which is made where the key is absent.",
        since: "2.8.9",
        complexity: "O(1) for each element.",
        group: Group::Hyperloglog,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Insert])],
        arguments: &[Argument::key("key", 0), Argument::string("element").optional().multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(pfadd::pfadd)),
};

const PFCOUNT: KeyspaceCommand = Command {
    spec: Spec {
        name: "pfcount",
        summary: "Estimates how many different elements were added to one or more HyperLogLogs.",
        since: "2.8.9",
        complexity: "O(1) for one key, which remembers its count; O(N) with a large constant for N keys.",
        group: Group::Hyperloglog,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::range(1, -1, 1)
            .does(KeyAccess::ReadWrite, &[KeyEffect::Access])
            .notes("RW because it may change the internal representation of the key, and propagate to replicas")],
        arguments: &[Argument::key("key", 0).multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(pfcount::pfcount)),
};

const PFDEBUG: KeyspaceCommand = Command {
    spec: Spec {
        name: "pfdebug",
        summary: "Looks into a HyperLogLog.",
        since: "2.8.9",
        complexity: "N/A",
        group: Group::Hyperloglog,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Admin],
        keys: &[KeySpec::at(2).does(KeyAccess::ReadWrite, &[KeyEffect::Access])],
        arguments: &[Argument::string("subcommand"), Argument::key("key", 0)],
        is_for_tests: true,
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(inspect::pfdebug)),
};

const PFMERGE: KeyspaceCommand = Command {
    spec: Spec {
        name: "pfmerge",
        summary: "Adds all that HyperLogLogs have seen to one of them.",
        since: "2.8.9",
        complexity: "O(N) for N HyperLogLogs, with a large constant.",
        group: Group::Hyperloglog,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[
            KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Insert]),
            KeySpec::range(2, -1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access]),
        ],
        arguments: &[
            Argument::key("destkey", 0),
            Argument::key("sourcekey", 1).optional().multiple(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(pfcount::pfmerge)),
};

const PFSELFTEST: KeyspaceCommand = Command {
    spec: Spec {
        name: "pfselftest",
        summary: "Tests the HyperLogLog of this server.",
        since: "2.8.9",
        complexity: "N/A",
        group: Group::Hyperloglog,
        arity: Arity::Exactly(1),
        flags: &[Flag::Admin],
        is_for_tests: true,
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Whole(selftest::pfselftest)),
};
