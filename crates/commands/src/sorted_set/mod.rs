//! Sorted sets: members with scores, in the order of these.
//!
//! The declarations stand in `manual`, by topic.

mod add;
mod bounds;
mod combine;
mod manual;
mod pop;
mod random;
mod range;
mod read;
mod remove;
mod scan;

pub(crate) use add::add_places;
pub(crate) use range::store;

use crate::KeyspaceCommand;

/// The commands on sorted sets, by name.
pub const COMMANDS: &[KeyspaceCommand] = &[
    manual::removals::BZMPOP,
    manual::removals::BZPOPMAX,
    manual::removals::BZPOPMIN,
    manual::members::ZADD,
    manual::members::ZCARD,
    manual::members::ZCOUNT,
    manual::combinations::ZDIFF,
    manual::combinations::ZDIFFSTORE,
    manual::members::ZINCRBY,
    manual::combinations::ZINTER,
    manual::combinations::ZINTERCARD,
    manual::combinations::ZINTERSTORE,
    manual::members::ZLEXCOUNT,
    manual::removals::ZMPOP,
    manual::members::ZMSCORE,
    manual::removals::ZPOPMAX,
    manual::removals::ZPOPMIN,
    manual::members::ZRANDMEMBER,
    manual::ranges::ZRANGE,
    manual::ranges::ZRANGEBYLEX,
    manual::ranges::ZRANGEBYSCORE,
    manual::ranges::ZRANGESTORE,
    manual::members::ZRANK,
    manual::removals::ZREM,
    manual::removals::ZREMRANGEBYLEX,
    manual::removals::ZREMRANGEBYRANK,
    manual::removals::ZREMRANGEBYSCORE,
    manual::ranges::ZREVRANGE,
    manual::ranges::ZREVRANGEBYLEX,
    manual::ranges::ZREVRANGEBYSCORE,
    manual::members::ZREVRANK,
    manual::members::ZSCAN,
    manual::members::ZSCORE,
    manual::combinations::ZUNION,
    manual::combinations::ZUNIONSTORE,
];
