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

/// Where others want the core all the time, one part of so many is taken.
const SHARE: u32 = 4;

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
        self.keeps_until.set(after + after.since(before) / (SHARE - 1));
    }
}
