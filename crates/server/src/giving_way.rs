//! Giving way: a thread that works in the background lets others run whenever it could.
//!
//! A worker that wakes up while such a thread has its core waits until that thread's slice ends, a millisecond or more on Linux, and a lower priority does not
//! make that shorter: it gives less of the time, not later. What does is to give the core up every few microseconds, when nothing is held.
//! On a core that is never idle that would leave next to nothing, though, and what is saved ahead of the walk would fill the memory until writes wait for it.
//! So a share is taken.

use crate::clock;
use base::Monotonic;
use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// Where others want the core all the time, one part of so many is taken.
const SHARE: u32 = 4;

/// The longest that the core is kept for the share. Where others had it for long, or the machine gave it to nobody, to take the share at a stroke would add a stall to a stall.
const KEPT_MAX: Duration = Duration::from_micros(500);

/// Gives way between two steps of its work. Clones have one share together.
#[derive(Clone, Default)]
pub(crate) struct GivingWay {
    /// Until then the share is taken that was missed.
    keeps_until: Rc<Cell<Monotonic>>,
}

impl GivingWay {
    /// Lets others run that are ready. Nothing may be held.
    pub(crate) fn give_way(&self) {
        let before = clock::monotonic();
        if before < self.keeps_until.get() {
            return;
        }
        thread::yield_now();
        let after = clock::monotonic();
        let share = after.since(before) / (SHARE - 1);
        self.keeps_until.set(after + share.min(KEPT_MAX));
    }
}
