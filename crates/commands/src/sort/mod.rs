//! SORT: the elements of lists, sets and sorted sets in order.

mod run;
#[cfg(test)]
mod tests;

use crate::spec::{Argument, Arity, Begin, Category, Flag, Group, KeyAccess, KeyEffect, KeySpec};
use crate::{Body, Command, KeyspaceCommand, Run, Spec, Wide};

/// The commands that sort, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[SORT, SORT_RO];

const COMPLEXITY: &str =
    "O(N+M*log(M)) to sort N elements and give M of them; O(N) where they are not sorted.";
const BY: Argument =
    Argument::pattern("by-pattern").token("BY").shown("pattern").of_key(1).optional();
const GET: Argument = Argument::pattern("get-pattern")
    .token("GET")
    .shown("pattern")
    .of_key(1)
    .multiple_with_token()
    .optional();
const LIMIT: Argument =
    Argument::block("limit", &[Argument::integer("offset"), Argument::integer("count")])
        .token("LIMIT")
        .optional();
const ORDER: Argument =
    Argument::one_of("order", &[Argument::word("asc", "ASC"), Argument::word("desc", "DESC")])
        .optional();
const ALPHA: Argument = Argument::word("sorting", "ALPHA").optional();

/// The keys that BY and GET name.
const NAMED_BY_PATTERNS: KeySpec = KeySpec {
    begin: Begin::Unknown(|_| None),
    ..KeySpec::at(0)
}
.does(KeyAccess::ReadOnly, &[KeyEffect::Access])
.notes("Of BY and GET. Unknown, for the names of these keys are made of the elements that are sorted.");

const SORT: KeyspaceCommand = Command {
    spec: Spec {
        name: "sort",
        summary: "Sorts the elements of a list, a set or a sorted set, and may store the result.",
        since: "1.0.0",
        complexity: COMPLEXITY,
        group: Group::Generic,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Write, Flag::DenyOom, Flag::MovableKeys],
        categories: &[Category::Set, Category::SortedSet, Category::List, Category::Dangerous],
        keys: &[
            KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access]),
            NAMED_BY_PATTERNS,
            KeySpec { begin: Begin::Unknown(run::destination), ..KeySpec::at(0) }
                .does(KeyAccess::Overwrite, &[KeyEffect::Update])
                .notes("Of STORE. Unknown, for the word may stand anywhere among the options."),
        ],
        arguments: &[
            Argument::key("key", 0),
            BY,
            LIMIT,
            GET,
            ORDER,
            ALPHA,
            Argument::key("destination", 2).token("STORE").optional(),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Wide(Wide { run: run::sort, reads_others: run::reads_others })),
};

const SORT_RO: KeyspaceCommand = Command {
    spec: Spec {
        name: "sort_ro",
        summary: "Returns the elements of a list, a set or a sorted set in order.",
        since: "7.0.0",
        complexity: COMPLEXITY,
        group: Group::Generic,
        arity: Arity::AtLeast(2),
        flags: &[Flag::Readonly, Flag::MovableKeys],
        categories: &[Category::Set, Category::SortedSet, Category::List, Category::Dangerous],
        keys: &[KeySpec::at(1).does(KeyAccess::ReadOnly, &[KeyEffect::Access]), NAMED_BY_PATTERNS],
        arguments: &[Argument::key("key", 0), BY, LIMIT, GET, ORDER, ALPHA],
        ..Spec::DEFAULT
    },
    body: Body::Run(Run::Wide(Wide { run: run::sort_ro, reads_others: run::reads_others })),
};
