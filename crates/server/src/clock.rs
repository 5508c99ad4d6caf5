//! The clocks of the process, read here and nowhere else.

use base::{Monotonic, UnixMillis};
use node::Now;
use rustix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The moment that monotonic time counts from.
static START: OnceLock<Instant> = OnceLock::new();

/// By how much wall-clock time is ahead of monotonic time, in microseconds.
static AHEAD_MICROS: AtomicI64 = AtomicI64::new(0);

/// Compares the two clocks, so that a batch need read only one of them. The timer calls it in every cycle: a step of the wall clock
/// is followed that late.
pub(crate) fn synchronise() {
    AHEAD_MICROS.store(wall_micros() - monotonic().micros() as i64, Relaxed);
}

/// Both clocks, by one reading of the monotonic one. [`synchronise`] has to have been called.
pub(crate) fn now() -> Now {
    let monotonic = monotonic();
    let micros = AHEAD_MICROS.load(Relaxed) + monotonic.micros() as i64;
    Now { wall: UnixMillis(micros / 1000), monotonic }
}

/// Wall-clock time; the epoch itself where the clock stands before it.
pub(crate) fn wall() -> UnixMillis {
    UnixMillis(wall_micros() / 1000)
}

/// The same in microseconds since 1970.
pub(crate) fn wall_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64
}

/// Monotonic time since the process first asked.
pub(crate) fn monotonic() -> Monotonic {
    Monotonic::from_duration(START.get_or_init(Instant::now).elapsed())
}

/// The processor time that all threads of the process have taken.
pub(crate) fn processor() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
