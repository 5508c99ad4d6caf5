//! When the append-only file is rewritten by itself.

use base::Monotonic;
use std::time::Duration;

/// So many rewrites in a row may fail before the next has to wait.
const FAILURES_MAX: u32 = 3;

/// The longest that a rewrite has to wait, in minutes.
const DELAY_MINUTES_MAX: u32 = 60;

/// What the configuration asks for.
#[derive(Clone, Copy, Debug)]
pub struct RewriteRule {
    /// The growth over the base after which a rewrite is due, in percent; 0 is never (`auto-aof-rewrite-percentage`).
    pub growth_percent: u32,
    /// The size up to which it is not, in bytes (`auto-aof-rewrite-min-size`).
    pub bytes_min: u64,
}

/// How large the files are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// What they had in bytes after the last rewrite, or when they were loaded the base; 0 where there is no base.
    pub base: u64,
    /// What they have now.
    pub current: u64,
}

/// Counts failures, and puts off what fails again and again.
#[derive(Clone, Copy, Debug, Default)]
pub struct RewriteSchedule {
    failures: u32,
    delay_minutes: u32,
    not_before: Option<Monotonic>,
}

/// Whether a rewrite is to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// No.
    No,
    /// Yes: the files have grown by so many percent.
    Yes(u64),
    /// It would be, but too many have failed: the next is tried after so many minutes. Told once.
    PutOff(u32),
}

impl RewriteSchedule {
    /// Takes note that a rewrite has ended, well or not.
    pub fn ended(&mut self, well: bool) {
        if well {
            *self = RewriteSchedule::default();
        } else {
            self.failures += 1;
        }
    }

    /// How many rewrites in a row have failed.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether a rewrite is to begin now; asked while none goes on.
    pub fn due(&mut self, rule: RewriteRule, sizes: Sizes, now: Monotonic) -> Due {
        if rule.growth_percent == 0 || sizes.current <= rule.bytes_min {
            return Due::No;
        }
        let grown = u128::from(sizes.current) * 100 / u128::from(sizes.base.max(1));
        let growth = u64::try_from(grown.saturating_sub(100)).unwrap_or(u64::MAX);
        if growth < u64::from(rule.growth_percent) {
            return Due::No;
        }
        if self.failures < FAILURES_MAX {
            return Due::Yes(growth);
        }
        match self.not_before {
            Some(time) if now < time => Due::No,
            Some(_) => {
                self.not_before = None;
                Due::Yes(growth)
            }
            None => {
                self.delay_minutes = (self.delay_minutes * 2).clamp(1, DELAY_MINUTES_MAX);
                self.not_before =
                    Some(now + Duration::from_secs(60 * u64::from(self.delay_minutes)));
                Due::PutOff(self.delay_minutes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: RewriteRule = RewriteRule { growth_percent: 100, bytes_min: 1000 };

    #[test]
    fn files_are_rewritten_when_they_have_grown() {
        let now = Monotonic::default();
        let due = |rule, base, current| {
            RewriteSchedule::default().due(rule, Sizes { base, current }, now)
        };
        assert_eq!(due(RULE, 500, 1000), Due::No, "not above the least size");
        assert_eq!(due(RULE, 1000, 1999), Due::No);
        assert_eq!(due(RULE, 1000, 2000), Due::Yes(100));
        assert_eq!(due(RULE, 2000, 1500), Due::No, "it has shrunk");
        assert_eq!(due(RULE, 0, 1001), Due::Yes(100_000), "there is no base");
        assert_eq!(due(RewriteRule { growth_percent: 0, ..RULE }, 1, 1 << 40), Due::No);
        assert_eq!(due(RULE, 0, u64::MAX), Due::Yes(u64::MAX));
    }

    #[test]
    fn what_fails_again_and_again_is_put_off_longer_each_time() {
        let mut schedule = RewriteSchedule::default();
        let sizes = Sizes { base: 1, current: 5000 };
        let mut seconds = 0;
        let mut due = |schedule: &mut RewriteSchedule, later: u64| {
            seconds += later;
            schedule.due(RULE, sizes, Monotonic::from_millis(seconds * 1000))
        };
        let yes = Due::Yes(499_900);
        for _ in 0..3 {
            assert_eq!(due(&mut schedule, 1), yes);
            schedule.ended(false);
        }
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(due(&mut schedule, 1), Due::PutOff(minutes));
            assert_eq!(due(&mut schedule, u64::from(minutes) * 60 - 1), Due::No);
            assert_eq!(due(&mut schedule, 1), yes);
            schedule.ended(false);
        }
        assert_eq!(schedule.failures(), 11);
        schedule.ended(true);
        assert_eq!((schedule.failures(), due(&mut schedule, 0)), (0, yes));
    }
}
