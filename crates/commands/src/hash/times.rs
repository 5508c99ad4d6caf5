//! The declarations of the commands on the times of fields.

use super::expire;
use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

pub(super) const HEXPIRE: KeyspaceCommand = Command {
    spec: Spec {
        name: "hexpire",
        summary: "Lets fields expire after some seconds.",
        since: "9.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(6),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("seconds"),
            Argument::one_of(
                "condition",
                &[
                    Argument::word("nx", "NX"),
                    Argument::word("xx", "XX"),
                    Argument::word("gt", "GT"),
                    Argument::word("lt", "LT"),
                ],
            )
            .optional(),
            Argument::block(
                "fields",
                &[Argument::integer("numfields"), Argument::member("field").multiple()],
            )
            .token("FIELDS"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(expire::hexpire)),
};

pub(super) const HEXPIREAT: KeyspaceCommand = Command {
    spec: Spec {
        name: "hexpireat",
        summary: "Lets fields expire at a Unix time in seconds.",
        since: "9.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(6),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("unix-time-seconds"),
            Argument::one_of(
                "condition",
                &[
                    Argument::word("nx", "NX"),
                    Argument::word("xx", "XX"),
                    Argument::word("gt", "GT"),
                    Argument::word("lt", "LT"),
                ],
            )
            .since("9.0.0")
            .optional(),
            Argument::block(
                "fields",
                &[Argument::integer("numfields"), Argument::member("field").multiple()],
            )
            .token("FIELDS"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(expire::hexpireat)),
};

pub(super) const HEXPIRETIME: KeyspaceCommand = Command {
    spec: Spec {
        name: "hexpiretime",
        summary: "Returns the Unix times in seconds at which fields expire.",
        since: "9.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
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
    body: Body::Run(Run::Read(expire::hexpiretime)),
};

pub(super) const HGETEX: KeyspaceCommand = Command {
    spec: Spec {
        name: "hgetex",
        summary: "Returns the values of fields and changes when they expire.",
        since: "9.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::one_of(
                "expiration",
                &[
                    Argument::integer("seconds").token("EX"),
                    Argument::integer("milliseconds").token("PX"),
                    Argument::unix_time("unix-time-seconds").token("EXAT"),
                    Argument::unix_time("unix-time-milliseconds").token("PXAT"),
                    Argument::word("persist", "PERSIST"),
                ],
            )
            .optional(),
            Argument::block(
                "fields",
                &[Argument::integer("numfields"), Argument::member("field").multiple()],
            )
            .token("FIELDS"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(expire::hgetex)),
};

pub(super) const HPERSIST: KeyspaceCommand = Command {
    spec: Spec {
        name: "hpersist",
        summary: "Lets fields expire no more.",
        since: "9.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
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
    body: Body::Run(Run::Write(expire::hpersist)),
};

pub(super) const HPEXPIRE: KeyspaceCommand = Command {
    spec: Spec {
        name: "hpexpire",
        summary: "Lets fields expire after some milliseconds.",
        since: "9.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(6),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("milliseconds"),
            Argument::one_of(
                "condition",
                &[
                    Argument::word("nx", "NX"),
                    Argument::word("xx", "XX"),
                    Argument::word("gt", "GT"),
                    Argument::word("lt", "LT"),
                ],
            )
            .since("9.0.0")
            .optional(),
            Argument::block(
                "fields",
                &[Argument::integer("numfields"), Argument::member("field").multiple()],
            )
            .token("FIELDS"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(expire::hpexpire)),
};

pub(super) const HPEXPIREAT: KeyspaceCommand = Command {
    spec: Spec {
        name: "hpexpireat",
        summary: "Lets fields expire at a Unix time in milliseconds.",
        since: "9.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(6),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("unix-time-milliseconds"),
            Argument::one_of(
                "condition",
                &[
                    Argument::word("nx", "NX"),
                    Argument::word("xx", "XX"),
                    Argument::word("gt", "GT"),
                    Argument::word("lt", "LT"),
                ],
            )
            .since("9.0.0")
            .optional(),
            Argument::block(
                "fields",
                &[Argument::integer("numfields"), Argument::member("field").multiple()],
            )
            .token("FIELDS"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(expire::hpexpireat)),
};

pub(super) const HPEXPIRETIME: KeyspaceCommand = Command {
    spec: Spec {
        name: "hpexpiretime",
        summary: "Returns the Unix times in milliseconds at which fields expire.",
        since: "9.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
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
    body: Body::Run(Run::Read(expire::hpexpiretime)),
};

pub(super) const HPTTL: KeyspaceCommand = Command {
    spec: Spec {
        name: "hpttl",
        summary: "Returns the milliseconds that fields have left.",
        since: "9.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
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
    body: Body::Run(Run::Read(expire::hpttl)),
};

pub(super) const HSETEX: KeyspaceCommand = Command {
    spec: Spec {
        name: "hsetex",
        summary: "Sets fields and when they expire.",
        since: "9.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(6),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Insert])],
        arguments: &[
            Argument::key("key", 0),
            Argument::one_of(
                "key-condition",
                &[Argument::word("nx", "NX"), Argument::word("xx", "XX")],
            )
            .optional(),
            Argument::one_of(
                "fields-condition",
                &[Argument::word("fnx", "FNX"), Argument::word("fxx", "FXX")],
            )
            .optional(),
            Argument::one_of(
                "expiration",
                &[
                    Argument::integer("seconds").token("EX"),
                    Argument::integer("milliseconds").token("PX"),
                    Argument::unix_time("unix-time-seconds").token("EXAT"),
                    Argument::unix_time("unix-time-milliseconds").token("PXAT"),
                    Argument::word("keepttl", "KEEPTTL"),
                ],
            )
            .optional(),
            Argument::block(
                "fields",
                &[
                    Argument::integer("numfields"),
                    Argument::block(
                        "data",
                        &[Argument::member("field"), Argument::string("value")],
                    )
                    .multiple(),
                ],
            )
            .token("FIELDS"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(expire::hsetex)),
};

pub(super) const HTTL: KeyspaceCommand = Command {
    spec: Spec {
        name: "httl",
        summary: "Returns the seconds that fields have left.",
        since: "9.0.0",
        complexity: "O(N) for N fields.",
        group: Group::Hash,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
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
    body: Body::Run(Run::Read(expire::httl)),
};
