//! The clocks of the process, read here and nowhere else.

use base::{Monotonic, UnixMillis};
use node::Now;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The moment that monotonic time counts from.
static START: OnceLock<Instant> = OnceLock::new();

/// Both clocks.
pub(crate) fn now() -> Now {
    Now { wall: wall(), monotonic: monotonic() }
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
