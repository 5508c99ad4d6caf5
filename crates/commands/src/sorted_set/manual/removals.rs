//! Members that are removed, and members that are taken out from either end.

use super::{COUNT, KEY, KEYS, WHERE};
use crate::sorted_set::{pop, remove};
use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

pub(in crate::sorted_set) const BZMPOP: KeyspaceCommand = Command {
    spec: Spec {
        name: "bzmpop",
        summary: "Takes members with the lowest or highest scores out of the first sorted set that is there, and waits for one.",
        since: "7.0.0",
        complexity: "O(K)+O(M*log(N)) for K keys and M of N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Write, Flag::Blocking, Flag::MovableKeys],
        keys: &[KeySpec::numbered(2, 1)
            .does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[Argument::double("timeout"), Argument::integer("numkeys"), KEYS, WHERE, COUNT],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Blocking(pop::BZMPOP)),
};

pub(in crate::sorted_set) const BZPOPMAX: KeyspaceCommand = Command {
    spec: Spec {
        name: "bzpopmax",
        summary: "Takes the member with the highest score out of the first sorted set that is there, and waits for one.",
        since: "5.0.0",
        complexity: "O(log(N)) with N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::Blocking, Flag::Fast],
        keys: &[KeySpec::range(1, -2, 1)
            .does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[KEYS, Argument::double("timeout")],
        history: &[("6.0.0", "The timeout may have fractions.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Blocking(pop::BZPOPMAX)),
};

pub(in crate::sorted_set) const BZPOPMIN: KeyspaceCommand = Command {
    spec: Spec {
        name: "bzpopmin",
        summary: "Takes the member with the lowest score out of the first sorted set that is there, and waits for one.",
        since: "5.0.0",
        complexity: "O(log(N)) with N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::Blocking, Flag::Fast],
        keys: &[KeySpec::range(1, -2, 1)
            .does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[KEYS, Argument::double("timeout")],
        history: &[("6.0.0", "The timeout may have fractions.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Blocking(pop::BZPOPMIN)),
};

pub(in crate::sorted_set) const ZMPOP: KeyspaceCommand = Command {
    spec: Spec {
        name: "zmpop",
        summary: "Takes members with the lowest or highest scores out of the first sorted set that is there.",
        since: "7.0.0",
        complexity: "O(K)+O(M*log(N)) for K keys and M of N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write, Flag::MovableKeys],
        keys: &[KeySpec::numbered(1, 1)
            .does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[Argument::integer("numkeys"), KEYS, WHERE, COUNT],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(pop::zmpop)),
};

pub(in crate::sorted_set) const ZPOPMAX: KeyspaceCommand = Command {
    spec: Spec {
        name: "zpopmax",
        summary: "Takes the members with the highest scores out of a sorted set.",
        since: "5.0.0",
        complexity: "O(log(N)*M) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[KEY, Argument::integer("count").optional()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(pop::zpopmax)),
};

pub(in crate::sorted_set) const ZPOPMIN: KeyspaceCommand = Command {
    spec: Spec {
        name: "zpopmin",
        summary: "Takes the members with the lowest scores out of a sorted set.",
        since: "5.0.0",
        complexity: "O(log(N)*M) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[KEY, Argument::integer("count").optional()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(pop::zpopmin)),
};

pub(in crate::sorted_set) const ZREM: KeyspaceCommand = Command {
    spec: Spec {
        name: "zrem",
        summary: "Removes members of a sorted set.",
        since: "1.2.0",
        complexity: "O(M*log(N)) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Delete])],
        arguments: &[KEY, Argument::member("member").multiple()],
        history: &[("2.4.0", "Takes more than one member.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(remove::zrem)),
};

pub(in crate::sorted_set) const ZREMRANGEBYLEX: KeyspaceCommand = Command {
    spec: Spec {
        name: "zremrangebylex",
        summary: "Removes the members of a sorted set in a range of bytes.",
        since: "2.8.9",
        complexity: "O(log(N)+M) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Delete])],
        arguments: &[KEY, Argument::string("min"), Argument::string("max")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(remove::zremrangebylex)),
};

pub(in crate::sorted_set) const ZREMRANGEBYRANK: KeyspaceCommand = Command {
    spec: Spec {
        name: "zremrangebyrank",
        summary: "Removes the members of a sorted set in a range of ranks.",
        since: "2.0.0",
        complexity: "O(log(N)+M) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Delete])],
        arguments: &[KEY, Argument::integer("start"), Argument::integer("stop")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(remove::zremrangebyrank)),
};

pub(in crate::sorted_set) const ZREMRANGEBYSCORE: KeyspaceCommand = Command {
    spec: Spec {
        name: "zremrangebyscore",
        summary: "Removes the members of a sorted set in a range of scores.",
        since: "1.2.0",
        complexity: "O(log(N)+M) for M of N members.",
        group: Group::SortedSet,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Delete])],
        arguments: &[KEY, Argument::double("min"), Argument::double("max")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(remove::zremrangebyscore)),
};
