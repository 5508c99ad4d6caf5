//! Members one by one, counts, and members by chance.

use super::{COUNT, KEY, WITHSCORE, WITHSCORES};
use crate::sorted_set::{add, random, read, scan};
use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

pub(in crate::sorted_set) const ZADD: KeyspaceCommand = Command {
    spec: Spec {
        name: "zadd",
        summary: "Adds members to a sorted set, or gives them other scores.",
        since: "1.2.0",
        complexity: "O(log(N)) for each member, with N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[
            KEY,
            Argument::one_of(
                "condition",
                &[Argument::word("nx", "NX"), Argument::word("xx", "XX")],
            )
            .since("3.0.2")
            .optional(),
            Argument::one_of(
                "comparison",
                &[Argument::word("gt", "GT"), Argument::word("lt", "LT")],
            )
            .since("6.2.0")
            .optional(),
            Argument::word("change", "CH").since("3.0.2").optional(),
            Argument::word("increment", "INCR").since("3.0.2").optional(),
            Argument::block("data", &[Argument::double("score"), Argument::member("member")])
                .multiple(),
        ],
        history: &[
            ("2.4.0", "Takes more than one member."),
            ("3.0.2", "The options `XX`, `NX`, `CH` and `INCR`."),
            ("6.2.0", "The options `GT` and `LT`."),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(add::zadd)),
};

pub(in crate::sorted_set) const ZCARD: KeyspaceCommand = Command {
    spec: Spec {
        name: "zcard",
        summary: "Returns the number of members of a sorted set.",
        since: "1.2.0",
        group: Group::SortedSet,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[])],
        arguments: &[KEY],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::zcard)),
};

pub(in crate::sorted_set) const ZCOUNT: KeyspaceCommand = Command {
    spec: Spec {
        name: "zcount",
        summary: "Counts the members of a sorted set in a range of scores.",
        since: "2.0.0",
        complexity: "O(log(N)) with N members.",
        group: Group::SortedSet,
        arity: Arity::Exactly(4),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, Argument::double("min"), Argument::double("max")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::zcount)),
};

pub(in crate::sorted_set) const ZINCRBY: KeyspaceCommand = Command {
    spec: Spec {
        name: "zincrby",
        summary: "Adds to the score of a member, which is 0 where it is absent.",
        since: "1.2.0",
        complexity: "O(log(N)) with N members.",
        group: Group::SortedSet,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])],
        arguments: &[KEY, Argument::integer("increment"), Argument::member("member")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(add::zincrby)),
};

pub(in crate::sorted_set) const ZLEXCOUNT: KeyspaceCommand = Command {
    spec: Spec {
        name: "zlexcount",
        summary: "Counts the members of a sorted set in a range of bytes.",
        since: "2.8.9",
        complexity: "O(log(N)) with N members.",
        group: Group::SortedSet,
        arity: Arity::Exactly(4),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, Argument::string("min"), Argument::string("max")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::zlexcount)),
};

pub(in crate::sorted_set) const ZMSCORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "zmscore",
        summary: "Returns the scores of members.",
        since: "6.2.0",
        complexity: "O(N) for N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, Argument::member("member").multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::zmscore)),
};

pub(in crate::sorted_set) const ZRANDMEMBER: KeyspaceCommand = Command {
    spec: Spec {
        name: "zrandmember",
        summary: "Returns members of a sorted set by chance.",
        since: "6.2.0",
        complexity: "O(N*log(M)) for N of M members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            KEY,
            Argument::block("options", &[Argument::integer("count"), WITHSCORES]).optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(random::zrandmember)),
};

pub(in crate::sorted_set) const ZRANK: KeyspaceCommand = Command {
    spec: Spec {
        name: "zrank",
        summary: "Returns how many members stand before a member.",
        since: "2.0.0",
        complexity: "O(log(N)) with N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, Argument::member("member"), WITHSCORE],
        history: &[("7.2.0", "The option `WITHSCORE`.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::zrank)),
};

pub(in crate::sorted_set) const ZREVRANK: KeyspaceCommand = Command {
    spec: Spec {
        name: "zrevrank",
        summary: "Returns how many members stand behind a member.",
        since: "2.0.0",
        complexity: "O(log(N)) with N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, Argument::member("member"), WITHSCORE],
        history: &[("7.2.0", "The option `WITHSCORE`.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::zrevrank)),
};

pub(in crate::sorted_set) const ZSCAN: KeyspaceCommand = Command {
    spec: Spec {
        name: "zscan",
        summary: "Iterates over the members and scores of a sorted set.",
        since: "2.8.0",
        complexity: "O(1) for a call, O(N) for a whole iteration over N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output"],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            KEY,
            Argument::integer("cursor"),
            Argument::pattern("pattern").token("MATCH").optional(),
            COUNT,
            Argument::word("noscores", "NOSCORES").optional(),
        ],
        history: &[("8.0.0", "The option `NOSCORES`.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(scan::zscan)),
};

pub(in crate::sorted_set) const ZSCORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "zscore",
        summary: "Returns the score of a member.",
        since: "1.2.0",
        group: Group::SortedSet,
        arity: Arity::Exactly(3),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[KEY, Argument::member("member")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(read::zscore)),
};
