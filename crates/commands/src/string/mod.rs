//! Strings: bytes, integers and floating-point numbers under a key.

mod condition;
mod counter;
mod delete;
mod get;
mod lcs;
mod many;
mod range;
mod set;
#[cfg(test)]
mod tests;
pub(crate) mod value;

use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

/// The commands on strings, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[
    APPEND,
    DECR,
    DECRBY,
    DELEX,
    DELIFEQ,
    DIGEST,
    GET,
    GETDEL,
    GETEX,
    GETRANGE,
    GETSET,
    INCR,
    INCRBY,
    INCRBYFLOAT,
    LCS,
    MGET,
    MSET,
    MSETEX,
    MSETNX,
    PSETEX,
    SET,
    SETEX,
    SETNX,
    SETRANGE,
    STRLEN,
    SUBSTR,
];

const SECONDS: Argument = Argument::integer("seconds").token("EX");
const MILLISECONDS: Argument = Argument::integer("milliseconds").token("PX");
const UNIX_SECONDS: Argument = Argument::unix_time("unix-time-seconds").token("EXAT");
const UNIX_MILLISECONDS: Argument = Argument::unix_time("unix-time-milliseconds").token("PXAT");
const KEEPTTL: Argument = Argument::word("keepttl", "KEEPTTL");
const IFEQ: Argument = Argument::string("ifeq-value").token("IFEQ");
const IFNE: Argument = Argument::string("ifne-value").token("IFNE");
const IFDEQ: Argument = Argument::string("ifdeq-digest").token("IFDEQ");
const IFDNE: Argument = Argument::string("ifdne-digest").token("IFDNE");
const PAIRS: Argument =
    Argument::block("data", &[Argument::key("key", 0), Argument::string("value")]).multiple();

const APPEND: KeyspaceCommand = Command {
    spec: Spec {
        name: "append",
        summary: "Appends bytes to a string, which is empty where the key is absent.",
        since: "2.0.0",
        complexity: "O(1) for a short addition: the string keeps room to grow.",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Insert])],
        arguments: &[Argument::key("key", 0), Argument::string("value")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(range::append)),
};

const DECR: KeyspaceCommand = Command {
    spec: Spec {
        name: "decr",
        summary: "Subtracts one from an integer, which is 0 where the key is absent.",
        since: "1.0.0",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(counter::decr)),
};

const DECRBY: KeyspaceCommand = Command {
    spec: Spec {
        name: "decrby",
        summary: "Subtracts from an integer, which is 0 where the key is absent.",
        since: "1.0.0",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])],
        arguments: &[Argument::key("key", 0), Argument::integer("decrement")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(counter::decrby)),
};

const DELEX: KeyspaceCommand = Command {
    spec: Spec {
        name: "delex",
        summary: "Deletes a key, where asked only if it holds a string with this value or digest, or with another.",
        since: "8.4.0",
        complexity: "O(1); O(N) for a digest of N bytes.",
        group: Group::String,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Delete])],
        arguments: &[
            Argument::key("key", 0),
            Argument::one_of("condition", &[IFEQ, IFNE, IFDEQ, IFDNE]).optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(delete::delex)),
};

const DELIFEQ: KeyspaceCommand = Command {
    spec: Spec {
        name: "delifeq",
        summary: "Deletes a key where it holds the given string.",
        since: "9.0.0",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::Remove, &[KeyEffect::Delete])],
        arguments: &[Argument::key("key", 0), Argument::string("value")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(delete::delifeq)),
};

const DIGEST: KeyspaceCommand = Command {
    spec: Spec {
        name: "digest",
        summary: "Returns the XXH3 digest of a string in hexadecimal digits.",
        since: "8.4.0",
        complexity: "O(N) for N bytes.",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(get::digest)),
};

const GET: KeyspaceCommand = Command {
    spec: Spec {
        name: "get",
        summary: "Returns the string under a key.",
        since: "1.0.0",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(get::get)),
};

const GETDEL: KeyspaceCommand = Command {
    spec: Spec {
        name: "getdel",
        summary: "Returns the string under a key and deletes the key.",
        since: "6.2.0",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(delete::getdel)),
};

const GETEX: KeyspaceCommand = Command {
    spec: Spec {
        name: "getex",
        summary: "Returns the string under a key and sets or clears its expiry.",
        since: "6.2.0",
        group: Group::String,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1)
            .does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])
            .notes("RW and UPDATE because it changes the TTL")],
        arguments: &[
            Argument::key("key", 0),
            Argument::one_of(
                "expiration",
                &[
                    SECONDS,
                    MILLISECONDS,
                    UNIX_SECONDS,
                    UNIX_MILLISECONDS,
                    Argument::word("persist", "PERSIST"),
                ],
            )
            .optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(get::getex)),
};

const GETRANGE: KeyspaceCommand = Command {
    spec: Spec {
        name: "getrange",
        summary: "Returns a part of the string under a key.",
        since: "2.4.0",
        complexity: "O(N) for a part of N bytes.",
        group: Group::String,
        arity: Arity::Exactly(4),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0), Argument::integer("start"), Argument::integer("end")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::getrange)),
};

const GETSET: KeyspaceCommand = Command {
    spec: Spec {
        name: "getset",
        summary: "Sets a key to a string and returns the one that was there.",
        since: "1.0.0",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])],
        arguments: &[Argument::key("key", 0), Argument::string("value")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(set::getset)),
};

const INCR: KeyspaceCommand = Command {
    spec: Spec {
        name: "incr",
        summary: "Adds one to an integer, which is 0 where the key is absent.",
        since: "1.0.0",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(counter::incr)),
};

const INCRBY: KeyspaceCommand = Command {
    spec: Spec {
        name: "incrby",
        summary: "Adds to an integer, which is 0 where the key is absent.",
        since: "1.0.0",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])],
        arguments: &[Argument::key("key", 0), Argument::integer("increment")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(counter::incrby)),
};

const INCRBYFLOAT: KeyspaceCommand = Command {
    spec: Spec {
        name: "incrbyfloat",
        summary: "Adds to a floating-point number, which is 0 where the key is absent.",
        since: "2.6.0",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])],
        arguments: &[Argument::key("key", 0), Argument::double("increment")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(counter::incrbyfloat)),
};

const LCS: KeyspaceCommand = Command {
    spec: Spec {
        name: "lcs",
        summary: "Finds the longest common subsequence of two strings.",
        since: "7.0.0",
        complexity: "O(N*M) for strings of N and M bytes, in time and in memory.",
        group: Group::String,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::range(1, 1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            Argument::key("key1", 0),
            Argument::key("key2", 0),
            Argument::word("len", "LEN").optional(),
            Argument::word("idx", "IDX").optional(),
            Argument::integer("min-match-len").token("MINMATCHLEN").optional(),
            Argument::word("withmatchlen", "WITHMATCHLEN").optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(lcs::lcs)),
};

const MGET: KeyspaceCommand = Command {
    spec: Spec {
        name: "mget",
        summary: "Returns the strings under several keys at one moment.",
        since: "1.0.0",
        complexity: "O(N) for N keys.",
        group: Group::String,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly, Flag::Fast],
        tips: &["request_policy:multi_shard"],
        keys: &[KeySpec::range(1, -1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0).multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(many::mget)),
};

const MSET: KeyspaceCommand = Command {
    spec: Spec {
        name: "mset",
        summary: "Sets several keys to strings at one moment.",
        since: "1.0.1",
        complexity: "O(N) for N keys.",
        group: Group::String,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        keys: &[KeySpec::range(1, -1, 2).does(KeyAccess::Overwrite, &[KeyEffect::Update])],
        arguments: &[PAIRS],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(many::mset)),
};

const MSETEX: KeyspaceCommand = Command {
    spec: Spec {
        name: "msetex",
        summary: "Sets several keys to strings at one moment, with one expiry for all.",
        since: "9.1.0",
        complexity: "O(N) for N keys.",
        group: Group::String,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write, Flag::DenyOom, Flag::MovableKeys],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        keys: &[KeySpec::numbered(1, 2).does(KeyAccess::Overwrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::integer("numkeys"),
            PAIRS,
            Argument::one_of(
                "condition",
                &[Argument::word("nx", "NX"), Argument::word("xx", "XX")],
            )
            .optional(),
            Argument::one_of(
                "expiration",
                &[SECONDS, MILLISECONDS, UNIX_SECONDS, UNIX_MILLISECONDS, KEEPTTL],
            )
            .optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(many::msetex)),
};

const MSETNX: KeyspaceCommand = Command {
    spec: Spec {
        name: "msetnx",
        summary: "Sets several keys to strings at one moment where all of them are absent.",
        since: "1.0.1",
        complexity: "O(N) for N keys.",
        group: Group::String,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[KeySpec::range(1, -1, 2).does(KeyAccess::Overwrite, &[KeyEffect::Insert])],
        arguments: &[PAIRS],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(many::msetnx)),
};

const PSETEX: KeyspaceCommand = Command {
    spec: Spec {
        name: "psetex",
        summary: "Sets a key to a string that expires after so many milliseconds.",
        since: "2.6.0",
        group: Group::String,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[KeySpec::at(1).does(KeyAccess::Overwrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("milliseconds"),
            Argument::string("value"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(set::psetex)),
};

const SET: KeyspaceCommand = Command {
    spec: Spec {
        name: "set",
        summary: "Sets a key to a string, whatever it held before.",
        since: "1.0.0",
        group: Group::String,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[KeySpec::at(1)
            .does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])
            .variable("RW and ACCESS due to the optional `GET` argument")],
        arguments: &[
            Argument::key("key", 0),
            Argument::string("value"),
            Argument::one_of(
                "condition",
                &[
                    Argument::word("nx", "NX").since("2.6.12"),
                    Argument::word("xx", "XX").since("2.6.12"),
                    Argument::string("comparison-value")
                        .token("IFEQ")
                        .since("8.1.0")
                        .summary("Sets the key only where it holds this string."),
                    IFNE.since("8.4.0"),
                    IFDEQ.since("8.4.0"),
                    IFDNE.since("8.4.0"),
                ],
            )
            .optional(),
            Argument::word("get", "GET").since("6.2.0").optional(),
            Argument::one_of(
                "expiration",
                &[
                    SECONDS.since("2.6.12"),
                    MILLISECONDS.since("2.6.12"),
                    UNIX_SECONDS.since("6.2.0"),
                    UNIX_MILLISECONDS.since("6.2.0"),
                    KEEPTTL.since("6.0.0"),
                ],
            )
            .optional(),
        ],
        history: &[
            ("2.6.12", "The options `EX`, `PX`, `NX` and `XX`."),
            ("6.0.0", "The option `KEEPTTL`."),
            ("6.2.0", "The options `GET`, `EXAT` and `PXAT`."),
            ("7.0.0", "`NX` and `GET` may stand together."),
            ("8.1.0", "The option `IFEQ`."),
            ("8.4.0", "The options `IFNE`, `IFDEQ` and `IFDNE`."),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(set::set)),
};

const SETEX: KeyspaceCommand = Command {
    spec: Spec {
        name: "setex",
        summary: "Sets a key to a string that expires after so many seconds.",
        since: "2.0.0",
        group: Group::String,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[KeySpec::at(1).does(KeyAccess::Overwrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("seconds"),
            Argument::string("value"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(set::setex)),
};

const SETNX: KeyspaceCommand = Command {
    spec: Spec {
        name: "setnx",
        summary: "Sets a key to a string where it is absent.",
        since: "1.0.0",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::Overwrite, &[KeyEffect::Insert])],
        arguments: &[Argument::key("key", 0), Argument::string("value")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(set::setnx)),
};

const SETRANGE: KeyspaceCommand = Command {
    spec: Spec {
        name: "setrange",
        summary: "Overwrites a part of a string, which grows with zeros as needed.",
        since: "2.2.0",
        complexity: "O(N) for N bytes written, and as many more as the string has to grow.",
        group: Group::String,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("offset"),
            Argument::string("value"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(range::setrange)),
};

const STRLEN: KeyspaceCommand = Command {
    spec: Spec {
        name: "strlen",
        summary: "Returns the length of the string under a key.",
        since: "2.2.0",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(get::strlen)),
};

const SUBSTR: KeyspaceCommand = Command {
    spec: Spec {
        name: "substr",
        summary: "Returns a part of the string under a key; the older name of GETRANGE.",
        since: "1.0.0",
        complexity: "O(N) for a part of N bytes.",
        group: Group::String,
        arity: Arity::Exactly(4),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0), Argument::integer("start"), Argument::integer("end")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::getrange)),
};
