//! Strings as arrays of bits, the most significant bit of a byte first.

mod bit;
mod count;
mod field;
mod integer;
mod operation;
mod range;
#[cfg(test)]
mod tests;

use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

/// The commands on bits, by name.
pub const COMMANDS: &[KeyspaceCommand] =
    &[BITCOUNT, BITFIELD, BITFIELD_RO, BITOP, BITPOS, GETBIT, SETBIT];

const KEY: Argument = Argument::key("key", 0);
const ENCODING: Argument = Argument::string("encoding");
const OFFSET: Argument = Argument::integer("offset");
const GET: Argument = Argument::block("get-block", &[ENCODING, OFFSET]).token("GET");
const RANGE: Argument = Argument::block(
    "range",
    &[
        Argument::integer("start"),
        Argument::block(
            "end-unit-block",
            &[
                Argument::integer("end"),
                Argument::one_of(
                    "unit",
                    &[Argument::word("byte", "BYTE"), Argument::word("bit", "BIT")],
                )
                .since("7.0.0")
                .optional(),
            ],
        )
        .optional(),
    ],
)
.optional();
const READ: KeySpec = KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access]);
const READ_AND_WRITE: KeySpec =
    KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update]);

const BITCOUNT: KeyspaceCommand = Command {
    spec: Spec {
        name: "bitcount",
        summary: "Counts the bits that are 1 in a string or a part of it.",
        since: "2.6.0",
        complexity: "O(N) for N bytes.",
        group: Group::Bitmap,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly],
        keys: &[READ],
        arguments: &[KEY, RANGE],
        history: &[
            ("7.0.0", "The options `BYTE` and `BIT`."),
            ("8.0.0", "`end` may be left out: the last byte."),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(count::bitcount)),
};

const BITFIELD: KeyspaceCommand = Command {
    spec: Spec {
        name: "bitfield",
        summary: "Reads, sets and increments integers of any width in a string.",
        since: "3.2.0",
        complexity: "O(1) for each operation.",
        group: Group::Bitmap,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[
            READ_AND_WRITE.variable("This command allows both access and modification of the key")
        ],
        arguments: &[
            KEY,
            Argument::one_of(
                "operation",
                &[
                    GET,
                    Argument::block(
                        "write",
                        &[
                            Argument::one_of(
                                "overflow-block",
                                &[
                                    Argument::word("wrap", "WRAP"),
                                    Argument::word("sat", "SAT"),
                                    Argument::word("fail", "FAIL"),
                                ],
                            )
                            .token("OVERFLOW")
                            .optional(),
                            Argument::one_of(
                                "write-operation",
                                &[
                                    Argument::block(
                                        "set-block",
                                        &[ENCODING, OFFSET, Argument::integer("value")],
                                    )
                                    .token("SET"),
                                    Argument::block(
                                        "incrby-block",
                                        &[ENCODING, OFFSET, Argument::integer("increment")],
                                    )
                                    .token("INCRBY"),
                                ],
                            ),
                        ],
                    ),
                ],
            )
            .optional()
            .multiple(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(field::bitfield)),
};

const BITFIELD_RO: KeyspaceCommand = Command {
    spec: Spec {
        name: "bitfield_ro",
        summary: "Reads integers of any width in a string.",
        since: "6.0.0",
        complexity: "O(1) for each operation.",
        group: Group::Bitmap,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[READ],
        arguments: &[KEY, GET.optional().multiple_with_token()],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(field::bitfield_ro)),
};

const BITOP: KeyspaceCommand = Command {
    spec: Spec {
        name: "bitop",
        summary: "Combines strings bit by bit and stores the result.",
        since: "2.6.0",
        complexity: "O(N) for N bytes of all strings together.",
        group: Group::Bitmap,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[
            KeySpec::at(2).does(KeyAccess::Overwrite, &[KeyEffect::Update]),
            KeySpec::range(3, -1, 1).does(KeyAccess::ReadOnly, &[KeyEffect::Access]),
        ],
        arguments: &[
            Argument::one_of(
                "operation",
                &[
                    Argument::word("and", "AND"),
                    Argument::word("or", "OR"),
                    Argument::word("xor", "XOR"),
                    Argument::word("not", "NOT"),
                    Argument::word("diff", "DIFF").since("8.2.0"),
                    Argument::word("diff1", "DIFF1").since("8.2.0"),
                    Argument::word("andor", "ANDOR").since("8.2.0"),
                    Argument::word("one", "ONE").since("8.2.0"),
                ],
            ),
            Argument::key("destkey", 0),
            Argument::key("key", 1).multiple(),
        ],
        history: &[("8.2.0", "The operations `DIFF`, `DIFF1`, `ANDOR` and `ONE`.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(operation::bitop)),
};

const BITPOS: KeyspaceCommand = Command {
    spec: Spec {
        name: "bitpos",
        summary: "Finds the first bit that is 1, or 0, in a string or a part of it.",
        since: "2.8.7",
        complexity: "O(N) for N bytes.",
        group: Group::Bitmap,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly],
        keys: &[READ],
        arguments: &[KEY, Argument::integer("bit"), RANGE],
        history: &[("7.0.0", "The options `BYTE` and `BIT`.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(count::bitpos)),
};

const GETBIT: KeyspaceCommand = Command {
    spec: Spec {
        name: "getbit",
        summary: "Returns one bit of a string; 0 behind its end.",
        since: "2.2.0",
        group: Group::Bitmap,
        arity: Arity::Exactly(3),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[READ],
        arguments: &[KEY, OFFSET],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(bit::getbit)),
};

const SETBIT: KeyspaceCommand = Command {
    spec: Spec {
        name: "setbit",
        summary: "Sets one bit of a string, which grows with zeros as needed, and returns the old one.",
        since: "2.2.0",
        complexity: "O(1), and as many bytes as the string has to grow.",
        group: Group::Bitmap,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[READ_AND_WRITE],
        arguments: &[KEY, OFFSET, Argument::integer("value")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(bit::setbit)),
};
