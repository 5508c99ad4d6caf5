//! Members in a range of ranks, scores or bytes.

use super::{KEY, LIMIT, WITHSCORES};
use crate::sorted_set::range;
use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

pub(in crate::sorted_set) const ZRANGE: KeyspaceCommand = Command {
    spec: Spec {
        name: "zrange",
        summary: "Returns the members of a sorted set in a range of ranks, scores or bytes.",
        since: "1.2.0",
        complexity: "O(log(N)+M) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            KEY,
            Argument::string("start"),
            Argument::string("stop"),
            Argument::one_of(
                "sortby",
                &[Argument::word("byscore", "BYSCORE"), Argument::word("bylex", "BYLEX")],
            )
            .since("6.2.0")
            .optional(),
            Argument::word("rev", "REV").since("6.2.0").optional(),
            Argument::block("limit", &[Argument::integer("offset"), Argument::integer("count")])
                .token("LIMIT")
                .since("6.2.0")
                .optional(),
            WITHSCORES,
        ],
        history: &[("6.2.0", "The options `REV`, `BYSCORE`, `BYLEX` and `LIMIT`.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::zrange)),
};

pub(in crate::sorted_set) const ZRANGEBYLEX: KeyspaceCommand = Command {
    spec: Spec {
        name: "zrangebylex",
        summary: "Returns the members of a sorted set in a range of bytes.",
        since: "2.8.9",
        complexity: "O(log(N)+M) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, Argument::string("min"), Argument::string("max"), LIMIT],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::zrangebylex)),
};

pub(in crate::sorted_set) const ZRANGEBYSCORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "zrangebyscore",
        summary: "Returns the members of a sorted set in a range of scores.",
        since: "1.0.5",
        complexity: "O(log(N)+M) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            KEY,
            Argument::double("min"),
            Argument::double("max"),
            Argument::word("withscores", "WITHSCORES").since("2.0.0").optional(),
            LIMIT,
        ],
        history: &[("2.0.0", "The option `WITHSCORES`.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::zrangebyscore)),
};

pub(in crate::sorted_set) const ZRANGESTORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "zrangestore",
        summary: "Stores the members of a sorted set in a range under a key.",
        since: "6.2.0",
        complexity: "O(log(N)+M*log(M)) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[
            KeySpec::at(1).does(KeyAccess::Overwrite, &[KeyEffect::Update]),
            KeySpec::at(2).does(KeyAccess::ReadOnly, &[KeyEffect::Access]),
        ],
        arguments: &[
            Argument::key("dst", 0),
            Argument::key("src", 1),
            Argument::string("min"),
            Argument::string("max"),
            Argument::one_of(
                "sortby",
                &[Argument::word("byscore", "BYSCORE"), Argument::word("bylex", "BYLEX")],
            )
            .optional(),
            Argument::word("rev", "REV").optional(),
            LIMIT,
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(range::zrangestore)),
};

pub(in crate::sorted_set) const ZREVRANGE: KeyspaceCommand = Command {
    spec: Spec {
        name: "zrevrange",
        summary: "Returns the members of a sorted set in a range of ranks, counted from the highest score.",
        since: "1.2.0",
        complexity: "O(log(N)+M) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, Argument::integer("start"), Argument::integer("stop"), WITHSCORES],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::zrevrange)),
};

pub(in crate::sorted_set) const ZREVRANGEBYLEX: KeyspaceCommand = Command {
    spec: Spec {
        name: "zrevrangebylex",
        summary: "Returns the members of a sorted set in a range of bytes, backwards.",
        since: "2.8.9",
        complexity: "O(log(N)+M) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, Argument::string("max"), Argument::string("min"), LIMIT],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::zrevrangebylex)),
};

pub(in crate::sorted_set) const ZREVRANGEBYSCORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "zrevrangebyscore",
        summary: "Returns the members of a sorted set in a range of scores, backwards.",
        since: "2.2.0",
        complexity: "O(log(N)+M) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, Argument::double("max"), Argument::double("min"), WITHSCORES, LIMIT],
        history: &[("2.1.6", "`min` and `max` may be excluded.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::zrevrangebyscore)),
};
