//! Several sorted sets, or sets, in one.

use super::{AGGREGATE, DESTINATION, KEYS, SOURCES, WEIGHTS, WITHSCORES};
use crate::sorted_set::combine;
use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

pub(in crate::sorted_set) const ZDIFF: KeyspaceCommand = Command {
    spec: Spec {
        name: "zdiff",
        summary: "Returns the members of a sorted set that others do not have.",
        since: "6.2.0",
        complexity: "O(L+(N-K)*log(N)) for L members in all inputs, N in the first and K in the result.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly, Flag::MovableKeys],
        keys: &[KeySpec::numbered(1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::integer("numkeys"), KEYS, WITHSCORES],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(combine::zdiff)),
};

pub(in crate::sorted_set) const ZDIFFSTORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "zdiffstore",
        summary: "Stores the members of a sorted set that others do not have.",
        since: "6.2.0",
        complexity: "O(L+(N-K)*log(N)) for L members in all inputs, N in the first and K in the result.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write, Flag::DenyOom, Flag::MovableKeys],
        keys: &[
            KeySpec::at(1).does(KeyAccess::Overwrite, &[KeyEffect::Update]),
            KeySpec::numbered(2, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access]),
        ],
        arguments: &[DESTINATION, Argument::integer("numkeys"), SOURCES],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(combine::zdiffstore)),
};

pub(in crate::sorted_set) const ZINTER: KeyspaceCommand = Command {
    spec: Spec {
        name: "zinter",
        summary: "Returns the members that all of several sorted sets have.",
        since: "6.2.0",
        complexity: "O(N*K)+O(M*log(M)) for N members in the smallest of K inputs and M in the result.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly, Flag::MovableKeys],
        keys: &[KeySpec::numbered(1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::integer("numkeys"), KEYS, WEIGHTS, AGGREGATE, WITHSCORES],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(combine::zinter)),
};

pub(in crate::sorted_set) const ZINTERCARD: KeyspaceCommand = Command {
    spec: Spec {
        name: "zintercard",
        summary: "Counts the members that all of several sorted sets have.",
        since: "7.0.0",
        complexity: "O(N*K) for N members in the smallest of K inputs.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly, Flag::MovableKeys],
        keys: &[KeySpec::numbered(1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            Argument::integer("numkeys"),
            KEYS,
            Argument::integer("limit").token("LIMIT").optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(combine::zintercard)),
};

pub(in crate::sorted_set) const ZINTERSTORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "zinterstore",
        summary: "Stores the members that all of several sorted sets have.",
        since: "2.0.0",
        complexity: "O(N*K)+O(M*log(M)) for N members in the smallest of K inputs and M in the result.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write, Flag::DenyOom, Flag::MovableKeys],
        keys: &[
            KeySpec::at(1).does(KeyAccess::Overwrite, &[KeyEffect::Update]),
            KeySpec::numbered(2, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access]),
        ],
        arguments: &[DESTINATION, Argument::integer("numkeys"), SOURCES, WEIGHTS, AGGREGATE],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(combine::zinterstore)),
};

pub(in crate::sorted_set) const ZUNION: KeyspaceCommand = Command {
    spec: Spec {
        name: "zunion",
        summary: "Returns the members that any of several sorted sets has.",
        since: "6.2.0",
        complexity: "O(N)+O(M*log(M)) for N members in all inputs and M in the result.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly, Flag::MovableKeys],
        keys: &[KeySpec::numbered(1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::integer("numkeys"), KEYS, WEIGHTS, AGGREGATE, WITHSCORES],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(combine::zunion)),
};

pub(in crate::sorted_set) const ZUNIONSTORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "zunionstore",
        summary: "Stores the members that any of several sorted sets has.",
        since: "2.0.0",
        complexity: "O(N)+O(M*log(M)) for N members in all inputs and M in the result.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write, Flag::DenyOom, Flag::MovableKeys],
        keys: &[
            KeySpec::at(1).does(KeyAccess::Overwrite, &[KeyEffect::Update]),
            KeySpec::numbered(2, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access]),
        ],
        arguments: &[DESTINATION, Argument::integer("numkeys"), SOURCES, WEIGHTS, AGGREGATE],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(combine::zunionstore)),
};
