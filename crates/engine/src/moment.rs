//! The time of a batch of commands, and the access clock that eviction goes by.

use crate::events::EventClasses;
use base::UnixMillis;

/// What the access clock of a record counts; decided by `maxmemory-policy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AccessPolicy {
    /// The second of the last access (24 bits: it wraps after 194 days).
    #[default]
    Lru,
    /// The minute of the last decay (16 bits) and a logarithmic counter (8 bits).
    Lfu {
        /// `lfu-log-factor`.
        log_factor: u32,
        /// `lfu-decay-time`, in minutes.
        decay_minutes: u32,
    },
}

/// The counter of a new key under LFU, so that it is not evicted before it could be used.
const LFU_INITIAL: u8 = 5;

/// The clock of seconds wraps behind this.
const LRU_MAX: u32 = 0x00ff_ffff;

/// One reading of the clock, used for all commands of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Wall-clock time, by which keys expire.
    pub now: UnixMillis,
    /// Wall-clock time, for what is noted of it, and for times that count from it. It is later than `now` while an append-only file is run again, when nothing expires.
    pub clock: UnixMillis,
    /// What the access clock counts.
    pub policy: AccessPolicy,
    /// Whether reads and writes set the access clock (`CLIENT NO-TOUCH` turns it off).
    pub touch: bool,
    /// The classes of events that are published.
    pub events: EventClasses,
    /// Whether keys whose time has come stay where they are when they are read, though nobody sees them.
    pub keeps_expired: bool,
}

impl Moment {
    /// A moment under the LRU policy.
    #[must_use]
    pub const fn at(now: UnixMillis) -> Moment {
        Moment {
            now,
            clock: now,
            policy: AccessPolicy::Lru,
            touch: true,
            events: EventClasses::NONE,
            keeps_expired: false,
        }
    }

    /// Whether what is run has been done before, or elsewhere: it is in a file, or a primary's stream.
    #[must_use]
    pub const fn is_repeated(&self) -> bool {
        self.clock.0 > self.now.0
    }

    /// The access clock of a key that is created now.
    #[must_use]
    pub fn fresh_access(&self) -> u32 {
        match self.policy {
            AccessPolicy::Lru => self.lru_seconds(),
            AccessPolicy::Lfu { .. } => (self.lfu_minutes() << 8) | u32::from(LFU_INITIAL),
        }
    }

    /// The access clock of a key with clock `access` that is used now. `random` decides whether the logarithmic
    /// counter goes up.
    #[must_use]
    pub fn used_access(&self, access: u32, random: impl FnOnce() -> u64) -> u32 {
        match self.policy {
            AccessPolicy::Lru => self.lru_seconds(),
            AccessPolicy::Lfu { log_factor, .. } => {
                let counter = self.lfu_counter(access);
                let excess = u64::from(counter.saturating_sub(LFU_INITIAL));
                let odds = excess * u64::from(log_factor) + 1;
                let counter = counter.saturating_add(u8::from(random().is_multiple_of(odds)));
                (self.lfu_minutes() << 8) | u32::from(counter)
            }
        }
    }

    /// The decayed counter in an LFU access clock.
    #[must_use]
    pub fn lfu_counter(&self, access: u32) -> u8 {
        let AccessPolicy::Lfu { decay_minutes, .. } = self.policy else { return access as u8 };
        let passed = self.lfu_minutes().wrapping_sub(access >> 8) & 0xffff;
        let periods = passed.checked_div(decay_minutes).unwrap_or(0);
        (access as u8).saturating_sub(periods.min(255) as u8)
    }

    /// Whole seconds since the last access by an LRU access clock.
    #[must_use]
    pub fn idle_seconds(&self, access: u32) -> u32 {
        self.lru_seconds().wrapping_sub(access) & LRU_MAX
    }

    /// The access clock of a key that was last used so many seconds ago; `None` where the policy counts no such time. Half the clock is
    /// the most that it can tell.
    #[must_use]
    pub fn idle_access(&self, seconds: u64) -> Option<u32> {
        let seconds = seconds.min(u64::from(LRU_MAX / 2)) as u32;
        let access = self.lru_seconds().wrapping_sub(seconds) & LRU_MAX;
        (self.policy == AccessPolicy::Lru).then_some(access)
    }

    /// The access clock of a key whose logarithmic counter is this; `None` where the policy has none.
    #[must_use]
    pub fn counted_access(&self, counter: u8) -> Option<u32> {
        let access = self.lfu_minutes() << 8 | u32::from(counter);
        (self.policy != AccessPolicy::Lru).then_some(access)
    }

    fn lru_seconds(&self) -> u32 {
        self.clock.seconds() as u32 & LRU_MAX
    }

    fn lfu_minutes(&self) -> u32 {
        (self.clock.seconds() / 60) as u32 & 0xffff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_what_passed_since_the_access() {
        let then = Moment::at(UnixMillis(1_700_000_000_000));
        let later = Moment::at(UnixMillis(1_700_000_090_500));
        assert_eq!(later.idle_seconds(then.fresh_access()), 90);
        for (told, kept) in [(0, 0), (90, 90), (1 << 40, 0x7f_ffff)] {
            let access = later.idle_access(told).expect("it counts seconds");
            assert_eq!(later.idle_seconds(access), kept);
        }
        assert_eq!(later.counted_access(7), None);
    }

    #[test]
    fn the_lfu_counter_grows_with_use_and_decays_with_time() {
        let policy = AccessPolicy::Lfu { log_factor: 0, decay_minutes: 1 };
        let moment = Moment { policy, ..Moment::at(UnixMillis(0)) };
        let mut access = moment.fresh_access();
        for _ in 0..10 {
            access = moment.used_access(access, || 0);
        }
        assert_eq!(moment.lfu_counter(access), 15);
        let later = Moment { policy, ..Moment::at(UnixMillis(5 * 60_000)) };
        assert_eq!(later.lfu_counter(access), 10);
        let access = moment.counted_access(200).expect("it counts uses");
        assert_eq!((moment.lfu_counter(access), later.lfu_counter(access)), (200, 195));
        assert_eq!(moment.idle_access(7), None);
    }
}
