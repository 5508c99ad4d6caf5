//! Lists: elements in order, quick at both ends.

mod change;
mod index;
mod moving;
mod pop;
mod position;
mod push;
mod range;

use crate::spec::{Argument, Arity, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec};

/// The commands on lists, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[
    BLMOVE, BLMPOP, BLPOP, BRPOP, BRPOPLPUSH, LINDEX, LINSERT, LLEN, LMOVE, LMPOP, LPOP, LPOS,
    LPUSH, LPUSHX, LRANGE, LREM, LSET, LTRIM, RPOP, RPOPLPUSH, RPUSH, RPUSHX,
];

const BLMOVE: KeyspaceCommand = Command {
    spec: Spec {
        name: "blmove",
        summary: "Moves an element from one end of a list to one of another, waiting for one where there is none.",
        since: "6.2.0",
        group: Group::List,
        arity: Arity::Exactly(6),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Blocking],
        keys: &[
            KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete]),
            KeySpec::at(2).does(KeyAccess::ReadWrite, &[KeyEffect::Insert]),
        ],
        arguments: &[
            Argument::key("source", 0),
            Argument::key("destination", 1),
            Argument::one_of(
                "wherefrom",
                &[Argument::word("left", "LEFT"), Argument::word("right", "RIGHT")],
            ),
            Argument::one_of(
                "whereto",
                &[Argument::word("left", "LEFT"), Argument::word("right", "RIGHT")],
            ),
            Argument::double("timeout"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Blocking(moving::BLMOVE)),
};

const BLMPOP: KeyspaceCommand = Command {
    spec: Spec {
        name: "blmpop",
        summary: "Takes elements from the first list that has some, waiting where none has.",
        since: "7.0.0",
        complexity: "O(N + M) for N keys and M elements.",
        group: Group::List,
        arity: Arity::AtLeast(5),
        flags: &[Flag::Write, Flag::Blocking, Flag::MovableKeys],
        keys: &[KeySpec::numbered(2, 1)
            .does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[
            Argument::double("timeout"),
            Argument::integer("numkeys"),
            Argument::key("key", 0).multiple(),
            Argument::one_of(
                "where",
                &[Argument::word("left", "LEFT"), Argument::word("right", "RIGHT")],
            ),
            Argument::integer("count").token("COUNT").optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Blocking(pop::BLMPOP)),
};

const BLPOP: KeyspaceCommand = Command {
    spec: Spec {
        name: "blpop",
        summary: "Takes the first element of the first list that has one, waiting where none has.",
        since: "2.0.0",
        complexity: "O(N) for N keys.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::Blocking],
        keys: &[KeySpec::range(1, -2, 1)
            .does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[Argument::key("key", 0).multiple(), Argument::double("timeout")],
        history: &[("6.0.0", "The timeout may have fractions.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Blocking(pop::BLPOP)),
};

const BRPOP: KeyspaceCommand = Command {
    spec: Spec {
        name: "brpop",
        summary: "Takes the last element of the first list that has one, waiting where none has.",
        since: "2.0.0",
        complexity: "O(N) for N keys.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::Blocking],
        keys: &[KeySpec::range(1, -2, 1)
            .does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[Argument::key("key", 0).multiple(), Argument::double("timeout")],
        history: &[("6.0.0", "The timeout may have fractions.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Blocking(pop::BRPOP)),
};

const BRPOPLPUSH: KeyspaceCommand = Command {
    spec: Spec {
        name: "brpoplpush",
        summary: "Moves the last element of a list to the front of another, waiting for one where there is none.",
        since: "2.2.0",
        group: Group::List,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Blocking],
        keys: &[
            KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete]),
            KeySpec::at(2).does(KeyAccess::ReadWrite, &[KeyEffect::Insert]),
        ],
        arguments: &[
            Argument::key("source", 0),
            Argument::key("destination", 1),
            Argument::double("timeout"),
        ],
        history: &[("6.0.0", "The timeout may have fractions.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Blocking(moving::BRPOPLPUSH)),
};

const LINDEX: KeyspaceCommand = Command {
    spec: Spec {
        name: "lindex",
        summary: "Returns the element of a number.",
        since: "1.0.0",
        complexity: "O(1) at the ends, O(N / 1000000) in the middle of N elements.",
        group: Group::List,
        arity: Arity::Exactly(3),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[Argument::key("key", 0), Argument::integer("index")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::lindex)),
};

const LINSERT: KeyspaceCommand = Command {
    spec: Spec {
        name: "linsert",
        summary: "Puts an element before or behind another.",
        since: "2.2.0",
        complexity: "O(N) for N elements that are passed over.",
        group: Group::List,
        arity: Arity::Exactly(5),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Insert])],
        arguments: &[
            Argument::key("key", 0),
            Argument::one_of(
                "where",
                &[Argument::word("before", "BEFORE"), Argument::word("after", "AFTER")],
            ),
            Argument::string("pivot"),
            Argument::string("element"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(change::linsert)),
};

const LLEN: KeyspaceCommand = Command {
    spec: Spec {
        name: "llen",
        summary: "Returns the number of elements.",
        since: "1.0.0",
        group: Group::List,
        arity: Arity::Exactly(2),
        flags: &[Flag::Readonly, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[])],
        arguments: &[Argument::key("key", 0)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::llen)),
};

const LMOVE: KeyspaceCommand = Command {
    spec: Spec {
        name: "lmove",
        summary: "Moves an element from one end of a list to one of another.",
        since: "6.2.0",
        group: Group::List,
        arity: Arity::Exactly(5),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[
            KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete]),
            KeySpec::at(2).does(KeyAccess::ReadWrite, &[KeyEffect::Insert]),
        ],
        arguments: &[
            Argument::key("source", 0),
            Argument::key("destination", 1),
            Argument::one_of(
                "wherefrom",
                &[Argument::word("left", "LEFT"), Argument::word("right", "RIGHT")],
            ),
            Argument::one_of(
                "whereto",
                &[Argument::word("left", "LEFT"), Argument::word("right", "RIGHT")],
            ),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(moving::lmove)),
};

const LMPOP: KeyspaceCommand = Command {
    spec: Spec {
        name: "lmpop",
        summary: "Takes elements from the first list that has some.",
        since: "7.0.0",
        complexity: "O(N + M) for N keys and M elements.",
        group: Group::List,
        arity: Arity::AtLeast(4),
        flags: &[Flag::Write, Flag::MovableKeys],
        keys: &[KeySpec::numbered(1, 1)
            .does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[
            Argument::integer("numkeys"),
            Argument::key("key", 0).multiple(),
            Argument::one_of(
                "where",
                &[Argument::word("left", "LEFT"), Argument::word("right", "RIGHT")],
            ),
            Argument::integer("count").token("COUNT").optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(pop::lmpop)),
};

const LPOP: KeyspaceCommand = Command {
    spec: Spec {
        name: "lpop",
        summary: "Takes elements from the front.",
        since: "1.0.0",
        complexity: "O(N) for N elements.",
        group: Group::List,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[Argument::key("key", 0), Argument::integer("count").since("6.2.0").optional()],
        history: &[("6.2.0", "Takes a count.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(pop::lpop)),
};

const LPOS: KeyspaceCommand = Command {
    spec: Spec {
        name: "lpos",
        summary: "Returns where elements of a list are that equal a given one.",
        since: "6.0.6",
        complexity: "O(N) for N elements that are looked at.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            Argument::key("key", 0),
            Argument::string("element"),
            Argument::integer("rank").token("RANK").optional(),
            Argument::integer("num-matches").token("COUNT").optional(),
            Argument::integer("len").token("MAXLEN").optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(position::lpos)),
};

const LPUSH: KeyspaceCommand = Command {
    spec: Spec {
        name: "lpush",
        summary: "Adds elements at the front of a list, which is made where the key is absent.",
        since: "1.0.0",
        complexity: "O(N) for N elements.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Insert])],
        arguments: &[Argument::key("key", 0), Argument::string("element").multiple()],
        history: &[("2.4.0", "Takes several elements.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(push::lpush)),
};

const LPUSHX: KeyspaceCommand = Command {
    spec: Spec {
        name: "lpushx",
        summary: "Adds elements at the front of a list that is there.",
        since: "2.2.0",
        complexity: "O(N) for N elements.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Insert])],
        arguments: &[Argument::key("key", 0), Argument::string("element").multiple()],
        history: &[("4.0.0", "Takes several elements.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(push::lpushx)),
};

const LRANGE: KeyspaceCommand = Command {
    spec: Spec {
        name: "lrange",
        summary: "Returns the elements of a range.",
        since: "1.0.0",
        complexity: "O(N) for N elements that are returned.",
        group: Group::List,
        arity: Arity::Exactly(4),
        flags: &[Flag::Readonly],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("start"),
            Argument::integer("stop"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Read(range::lrange)),
};

const LREM: KeyspaceCommand = Command {
    spec: Spec {
        name: "lrem",
        summary: "Removes elements that equal a given one.",
        since: "1.0.0",
        complexity: "O(N) for N elements.",
        group: Group::List,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Delete])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("count"),
            Argument::string("element"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(change::lrem)),
};

const LSET: KeyspaceCommand = Command {
    spec: Spec {
        name: "lset",
        summary: "Puts an element in the place of another.",
        since: "1.0.0",
        complexity: "O(1) at the ends, O(N / 1000000) in the middle of N elements.",
        group: Group::List,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Update])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("index"),
            Argument::string("element"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(change::lset)),
};

const LTRIM: KeyspaceCommand = Command {
    spec: Spec {
        name: "ltrim",
        summary: "Removes all elements outside a range.",
        since: "1.0.0",
        complexity: "O(N) for N elements that are removed.",
        group: Group::List,
        arity: Arity::Exactly(4),
        flags: &[Flag::Write],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Delete])],
        arguments: &[
            Argument::key("key", 0),
            Argument::integer("start"),
            Argument::integer("stop"),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(change::ltrim)),
};

const RPOP: KeyspaceCommand = Command {
    spec: Spec {
        name: "rpop",
        summary: "Takes elements from the back.",
        since: "1.0.0",
        complexity: "O(N) for N elements.",
        group: Group::List,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])],
        arguments: &[Argument::key("key", 0), Argument::integer("count").since("6.2.0").optional()],
        history: &[("6.2.0", "Takes a count.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(pop::rpop)),
};

const RPOPLPUSH: KeyspaceCommand = Command {
    spec: Spec {
        name: "rpoplpush",
        summary: "Moves the last element of a list to the front of another.",
        since: "1.2.0",
        group: Group::List,
        arity: Arity::Exactly(3),
        flags: &[Flag::Write, Flag::DenyOom],
        keys: &[
            KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete]),
            KeySpec::at(2).does(KeyAccess::ReadWrite, &[KeyEffect::Insert]),
        ],
        arguments: &[Argument::key("source", 0), Argument::key("destination", 1)],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(moving::rpoplpush)),
};

const RPUSH: KeyspaceCommand = Command {
    spec: Spec {
        name: "rpush",
        summary: "Adds elements at the back of a list, which is made where the key is absent.",
        since: "1.0.0",
        complexity: "O(N) for N elements.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Insert])],
        arguments: &[Argument::key("key", 0), Argument::string("element").multiple()],
        history: &[("2.4.0", "Takes several elements.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(push::rpush)),
};

const RPUSHX: KeyspaceCommand = Command {
    spec: Spec {
        name: "rpushx",
        summary: "Adds elements at the back of a list that is there.",
        since: "2.2.0",
        complexity: "O(N) for N elements.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadWrite, &[KeyEffect::Insert])],
        arguments: &[Argument::key("key", 0), Argument::string("element").multiple()],
        history: &[("4.0.0", "Takes several elements.")],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Write(push::rpushx)),
};
