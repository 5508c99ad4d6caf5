//! Time as an argument. Clocks are read in one file of `server`, and in `sim`; everything else is told.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Wall-clock time: milliseconds since 1970-01-01 UTC. May jump; expiry times are of this kind.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Whole seconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Monotonic time: the time since some fixed moment of this process. Never goes back; timers use it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Monotonic(Duration);

impl Monotonic {
    /// The moment that lies `since` after the fixed one.
    #[must_use]
    pub const fn from_duration(since: Duration) -> Monotonic {
        Monotonic(since)
    }

    /// The moment that lies this many milliseconds after the fixed one.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Monotonic {
        Monotonic(Duration::from_millis(millis))
    }

    /// Whole milliseconds since the fixed moment.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0.as_millis() as u64
    }

    /// Whole microseconds since the fixed moment.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0.as_micros() as u64
    }

    /// The time from `earlier` to this moment; zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Monotonic) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Monotonic {
    type Output = Monotonic;
    fn add(self, span: Duration) -> Monotonic {
        Monotonic(self.0 + span)
    }
}

impl Sub<Duration> for Monotonic {
    type Output = Monotonic;
    /// The moment `span` before, but not before the fixed one.
    fn sub(self, span: Duration) -> Monotonic {
        Monotonic(self.0.saturating_sub(span))
    }
}
