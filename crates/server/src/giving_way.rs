//! Giving way: a thread that works in the background lets others run whenever it could.
//!
//! A worker that wakes up while such a thread has its core waits until that thread's slice ends, a millisecond or more on Linux, and a lower priority does not
//! make that shorter: it gives less of the time, not later. What does is to give the core up every few microseconds, when nothing is held.
//! On a core that is never idle that would leave next to nothing, though, and what is saved ahead of the walk would fill the memory until writes wait for it.
//! So a share is taken there, and only there: on a core that is idle for longer than the share, the work is done in that time.

use crate::clock;
use base::Monotonic;
use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// Where others want the core all the time, one part of so many is taken.
const SHARE: u32 = 4;

/// How much of the share others may have before it is taken, where the thread has had more than that until then: what comes in bursts does not wait.
const CREDIT_MAX: Duration = Duration::from_millis(25);

/// The longest that the core is kept for the share. Where others had it for long, or the machine gave it to nobody, to take the share at a stroke would add a stall to a stall.
const KEPT_MAX: Duration = Duration::from_micros(500);

/// Where it took less to get the core back, nobody else had it.
const ALONE_MAX: Duration = Duration::from_micros(10);

/// Gives way between two steps of its work. Clones have one share together.
#[derive(Clone, Default)]
pub(crate) struct GivingWay(Rc<Cell<State>>);

#[derive(Clone, Copy, Default)]
struct State {
    share: Share,
    /// The processor time of the thread when the share was last reckoned; nothing before.
    reckoned: Option<Duration>,
    /// Until then the share is taken that was missed.
    keeps_until: Monotonic,
}

impl GivingWay {
    /// Lets others run that are ready. Nothing may be held.
    pub(crate) fn give_way(&self) {
        let mut state = self.0.get();
        let before = clock::monotonic();
        if before < state.keeps_until {
            return;
        }
        thread::yield_now();
        let after = clock::monotonic();
        let waited = after.since(before);
        if waited <= ALONE_MAX {
            return;
        }
        let has_run = clock::thread();
        let ran = has_run.saturating_sub(state.reckoned.unwrap_or(has_run));
        state.reckoned = Some(has_run);
        state.keeps_until = after + state.share.missed(ran, waited);
        self.0.set(state);
    }
}

/// Of the time of a thread, by how much it is more than its share, in nanoseconds; less where it is negative.
#[derive(Clone, Copy, Default)]
struct Share(i64);

impl Share {
    /// Takes in that the thread ran for so long, and then waited for others; how much of its share it has missed.
    fn missed(&mut self, ran: Duration, waited: Duration) -> Duration {
        let nanos = |time: Duration| time.as_nanos() as i64;
        let more = self.0 + nanos(ran) - nanos((ran + waited) / SHARE);
        self.0 = more.clamp(-nanos(KEPT_MAX), nanos(CREDIT_MAX));
        Duration::from_nanos(self.0.min(0).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn the_share_is_taken_only_where_others_leave_less() {
        let mut share = Share::default();
        for _ in 0..100 {
            assert_eq!(share.missed(MILLI, 2 * MILLI), Duration::ZERO);
        }
        // A burst.
        assert_eq!(share.missed(Duration::ZERO, 90 * MILLI), Duration::ZERO);
        // Nothing is left.
        let missed = (0..10).map(|_| share.missed(Duration::ZERO, 3 * MILLI)).last();
        assert_eq!(missed, Some(KEPT_MAX));
        // What it takes then is its own.
        assert_eq!(share.missed(KEPT_MAX, Duration::ZERO), KEPT_MAX / 4);
    }
}
