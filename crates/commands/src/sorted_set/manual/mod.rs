//! The declarations, and the arguments that several of them have.

pub(super) mod combinations;
pub(super) mod members;
pub(super) mod ranges;
pub(super) mod removals;

use crate::spec::Argument;

const KEY: Argument = Argument::key("key", 0);
const DESTINATION: Argument = Argument::key("destination", 0);
const KEYS: Argument = Argument::key("key", 0).multiple();
const SOURCES: Argument = Argument::key("key", 1).multiple();
const COUNT: Argument = Argument::integer("count").token("COUNT").optional();
const WITHSCORE: Argument = Argument::word("withscore", "WITHSCORE").optional();
const WEIGHTS: Argument = Argument::integer("weight").token("WEIGHTS").multiple().optional();
const WITHSCORES: Argument = Argument::word("withscores", "WITHSCORES").optional();
const WHERE: Argument =
    Argument::one_of("where", &[Argument::word("min", "MIN"), Argument::word("max", "MAX")]);
const LIMIT: Argument =
    Argument::block("limit", &[Argument::integer("offset"), Argument::integer("count")])
        .token("LIMIT")
        .optional();
const AGGREGATE: Argument = Argument::one_of(
    "aggregate",
    &[Argument::word("sum", "SUM"), Argument::word("min", "MIN"), Argument::word("max", "MAX")],
)
.token("AGGREGATE")
.optional();
