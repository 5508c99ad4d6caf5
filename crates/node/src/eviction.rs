//! Making room where memory is short: before a command that needs some, and by the timer.
//!
//! A worker evicts while it holds no slot. It stops when there is room, or when its time is up: then the command runs all the same, as in Redis,
//! and the next one goes on.

use crate::node::Node;
use crate::session::Context;
use crate::table::Entry;
use commands::spec::Flag;
use config::{Config, EvictionPolicy};
use engine::{Access, EvictStep, Eviction, EvictionOrder, EvictionRule, Moment, WorkerId};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How many steps of an eviction there are between two looks at the clock.
const STEPS_PER_LOOK: u32 = 16;

/// How long one eviction takes at the tenacity of [`TENACITY_LINEAR`], up to which the time grows with it; beyond, by a seventh each.
const TIME_AT_LINEAR: Duration = Duration::from_micros(500);
const TENACITY_LINEAR: u32 = 10;
const TENACITY_GROWTH: f64 = 1.15;
const TENACITY_MAX: u32 = 100;

/// How long the timer evicts in each of its cycles, at least.
const TIMER_TIME: Duration = Duration::from_millis(25);

/// How much memory may be in use, and what is done about it.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLimit {
    /// `maxmemory`, in bytes; 0 is without limit.
    pub bytes_max: u64,
    /// Which keys are evicted; nothing where commands are refused instead.
    eviction: Option<EvictionRule>,
    /// How long one eviction may take; `None` is as long as it needs.
    time_max: Option<Duration>,
}

impl MemoryLimit {
    /// What these settings mean.
    pub(crate) fn new(config: &Config) -> MemoryLimit {
        let memory = &config.memory;
        MemoryLimit {
            bytes_max: memory.maxmemory,
            eviction: eviction_rule(memory.maxmemory_policy, memory.maxmemory_samples as usize),
            time_max: time_max(memory.maxmemory_eviction_tenacity),
        }
    }
}

fn eviction_rule(policy: EvictionPolicy, samples: usize) -> Option<EvictionRule> {
    use EvictionOrder::{LeastFrequent, LeastRecent, Random, SoonestExpiry};
    let (order, volatile_only) = match policy {
        EvictionPolicy::VolatileLru => (LeastRecent, true),
        EvictionPolicy::VolatileLfu => (LeastFrequent, true),
        EvictionPolicy::VolatileRandom => (Random, true),
        EvictionPolicy::VolatileTtl => (SoonestExpiry, true),
        EvictionPolicy::AllkeysLru => (LeastRecent, false),
        EvictionPolicy::AllkeysLfu => (LeastFrequent, false),
        EvictionPolicy::AllkeysRandom => (Random, false),
        EvictionPolicy::Noeviction => return None,
    };
    Some(EvictionRule { order, volatile_only, samples, foreign: false })
}

/// How long one eviction may take, as Redis scales `maxmemory-eviction-tenacity`.
fn time_max(tenacity: u32) -> Option<Duration> {
    if tenacity >= TENACITY_MAX {
        return None;
    }
    let Some(beyond) = tenacity.checked_sub(TENACITY_LINEAR) else {
        return Some(TIME_AT_LINEAR * tenacity / TENACITY_LINEAR);
    };
    let beyond = i32::try_from(beyond).unwrap_or(i32::MAX);
    Some(TIME_AT_LINEAR.mul_f64(TENACITY_GROWTH.powi(beyond)))
}

/// What is told of eviction: for how long memory was, and is, over its limit. Times are in microseconds.
#[derive(Default)]
pub(crate) struct EvictionStats {
    /// Since when, plus one; 0 where it is not.
    exceeded_since: AtomicU64,
    /// The time of which the end has come.
    exceeded: AtomicU64,
    /// Clients that were disconnected because all of them took too much.
    pub(crate) clients: AtomicU64,
}

impl EvictionStats {
    /// Notes whether there is too much in use now.
    #[inline]
    fn note(&self, is_exceeded: bool, clock: impl FnOnce() -> u64) {
        let since = self.exceeded_since.load(Relaxed);
        if (since != 0) != is_exceeded {
            self.change(since, clock());
        }
    }

    /// Begins or ends the time. Of several threads that see it at once, one does.
    #[cold]
    fn change(&self, since: u64, now: u64) {
        let next = if since == 0 { now + 1 } else { 0 };
        let is_first = self.exceeded_since.compare_exchange(since, next, Relaxed, Relaxed).is_ok();
        if is_first && since != 0 {
            self.exceeded.fetch_add((now + 1).saturating_sub(since), Relaxed);
        }
    }

    /// For how long memory has been over its limit, in milliseconds: in all, and this time.
    pub(crate) fn exceeded_millis(&self, now_micros: u64) -> (u64, u64) {
        let current = match self.exceeded_since.load(Relaxed) {
            0 => 0,
            since => (now_micros + 1).saturating_sub(since),
        };
        ((self.exceeded.load(Relaxed) + current) / 1000, current / 1000)
    }

    pub(crate) fn reset(&self) {
        // A time that has not come to its end begins anew with the next look at the memory.
        self.exceeded_since.store(0, Relaxed);
        self.exceeded.store(0, Relaxed);
        self.clients.store(0, Relaxed);
    }
}

impl Node {
    /// What `maxmemory` limits: what is in use, but for keys that are gone and wait to be freed. What stands beside the keys is as the timer last saw it.
    fn limited_bytes(&self) -> u64 {
        let beside = self.clients.counted_bytes() + self.upkeep.link_bytes();
        (beside + self.keyspace.memory_bytes()).saturating_sub(self.keyspace.unfreed_bytes())
    }

    /// Evicts keys until no more memory is in use than may be, or until the time is up; false where that cannot be reached.
    pub(crate) fn make_room(
        &self,
        limit: &MemoryLimit,
        eviction: &mut Eviction,
        worker: WorkerId,
        moment: &Moment,
    ) -> bool {
        let clock = || self.host.monotonic_micros();
        let outcome = self.evict_until_room(limit, eviction, worker, moment);
        self.upkeep.eviction.note(outcome != Some(true), clock);
        outcome.is_none_or(|has_room| has_room)
    }

    /// The same; `None` where the time is up.
    fn evict_until_room(
        &self,
        limit: &MemoryLimit,
        eviction: &mut Eviction,
        worker: WorkerId,
        moment: &Moment,
    ) -> Option<bool> {
        // Nothing changes during a pause, or beside what is loaded: keys do not go, and nothing is refused for it.
        let leaves_all =
            || self.pause_kind().is_some() || self.is_loading() || self.leaves_eviction();
        let has_room = || self.limited_bytes() <= limit.bytes_max;
        if has_room() || leaves_all() {
            return Some(true);
        }
        // What a flush has left goes before any key, and before a command is refused.
        let start = self.host.monotonic_micros();
        let is_late = || {
            let passed = self.host.monotonic_micros() - start;
            limit.time_max.is_some_and(|time_max| passed > time_max.as_micros() as u64)
        };
        while self.free_flushed_tables() {
            if has_room() {
                return Some(true);
            }
            if is_late() {
                return None;
            }
        }
        let Some(rule) = limit.eviction else { return Some(false) };
        // One that becomes a replica meanwhile does not go on.
        let rule = EvictionRule { foreign: self.replication.is_replica(), ..rule };
        let mut conclude = |access: Access<'_>| {
            if access.has_effects() {
                self.conclude(access, worker, *moment, None);
            }
        };
        for step in 1u32.. {
            match self.keyspace.evict_step(eviction, rule, worker, moment, &mut conclude) {
                EvictStep::Evicted if has_room() => return Some(true),
                EvictStep::Evicted | EvictStep::Searching => {}
                EvictStep::Nothing => return Some(has_room() || leaves_all()),
            }
            if step.is_multiple_of(STEPS_PER_LOOK) && is_late() {
                break;
            }
        }
        None
    }

    /// Whether which keys go is the primary's to say.
    fn leaves_eviction(&self) -> bool {
        self.replication.is_replica()
            && self.settings.current().replication.replica_ignore_maxmemory
    }

    /// Evicts what is too much, for the timer: `maxmemory` may have been lowered, or clients may have come to take more.
    pub(crate) fn evict_by_timer(&self, moment: &Moment) {
        let limit = MemoryLimit::new(&self.settings.current());
        if limit.bytes_max != 0 {
            // Nobody waits for the timer.
            let time_max = limit.time_max.map(|time| time.max(TIMER_TIME));
            let limit = MemoryLimit { time_max, ..limit };
            let mut eviction = self.upkeep.timer_eviction.lock();
            self.make_room(&limit, &mut eviction, self.upkeep(), moment);
        }
    }
}

impl Context<'_> {
    /// Whether there is memory for a command, should it need some. Keys may be evicted for it.
    #[inline]
    pub(crate) fn has_memory_for(&mut self, entry: &Entry) -> bool {
        self.memory.bytes_max == 0 || !entry.spec.has(Flag::DenyOom) || self.make_room()
    }

    fn make_room(&mut self) -> bool {
        // EXEC has asked for all its commands before it held anything; what the primary had room for has room here.
        if self.held.is_some() || self.is_streamed() {
            return true;
        }
        self.node.make_room(&self.memory, self.eviction, self.worker, &self.moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_grows_with_tenacity() {
        assert_eq!(time_max(0), Some(Duration::ZERO));
        assert_eq!(time_max(5), Some(Duration::from_micros(250)));
        assert_eq!(time_max(10), Some(Duration::from_micros(500)));
        assert_eq!(time_max(11), Some(Duration::from_micros(575)));
        assert!(time_max(99).is_some_and(|time| (120..150).contains(&time.as_secs())));
        assert_eq!(time_max(100), None);
    }

    #[test]
    fn time_over_the_limit_is_summed() {
        let stats = EvictionStats::default();
        stats.note(false, || unreachable!("nothing has changed"));
        stats.note(true, || 1000);
        assert_eq!(stats.exceeded_millis(4000), (3, 3));
        stats.note(true, || unreachable!("nothing has changed"));
        stats.note(false, || 6000);
        assert_eq!(stats.exceeded_millis(60_000), (5, 0));
    }
}
