//! CLIENT PAUSE: which commands have to wait, and until when.
//!
//! A session that finds its command paused marks its client, looks once more, and waits. Whoever ends the pause says so first and
//! wakes the marked clients after: with a fence between the two steps of both, no client sleeps on.

use crate::table::Entry;
use base::Monotonic;
use commands::spec::Flag;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

/// Which commands have to wait.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PauseKind {
    /// Those that write.
    Write,
    /// All.
    All,
}

impl PauseKind {
    /// The word that INFO gives (`paused_actions`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            PauseKind::Write => "write",
            PauseKind::All => "all",
        }
    }
}

/// What is held back with the commands that write, for replicas would be told of it.
const REPLICATED: [&str; 3] = ["pfcount", "publish", "spublish"];

/// Whether a command has to wait when those that write do. Of EXEC, its commands decide.
pub(crate) fn waits_with_writes(entry: &Entry) -> bool {
    entry.spec.has(Flag::Write) || REPLICATED.contains(&entry.spec.name)
}

/// Whether commands have to wait.
#[derive(Default)]
pub(crate) struct Pause {
    /// What `state` says, to be read before every command: 0 none, 1 writes, 2 all.
    kind: AtomicU8,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What clients have paused, and until when.
    by_clients: Option<(PauseKind, Monotonic)>,
    /// Why commands that write wait beside that: a bit for each [`WaitReason`].
    reasons: u8,
}

/// Why commands that write have to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WaitReason {
    /// The log is full.
    Log = 1,
    /// A save has too much in memory that is not written to its file.
    Save = 2,
    /// A replica is about to take over (FAILOVER).
    Failover = 4,
    /// The same in a cluster (CLUSTER FAILOVER).
    Yielding = 8,
}

impl State {
    fn kind(&self) -> Option<PauseKind> {
        let by_clients = self.by_clients.map(|(kind, _)| kind);
        by_clients.max((self.reasons != 0).then_some(PauseKind::Write))
    }
}

impl Pause {
    /// Begins a pause, or makes the present one longer or stricter; never shorter or laxer.
    pub(crate) fn begin(&self, kind: PauseKind, end: Monotonic) {
        let mut state = self.state.lock();
        let (kind, end) = match state.by_clients {
            Some((now, until)) => (kind.max(now), end.max(until)),
            None => (kind, end),
        };
        state.by_clients = Some((kind, end));
        self.publish(&state);
    }

    /// Lets commands that write wait until this is called again, or not any more, beside what clients have paused.
    pub(crate) fn hold_writes(&self, reason: WaitReason, holds: bool) {
        let mut state = self.state.lock();
        let others = state.reasons & !(reason as u8);
        state.reasons = others | if holds { reason as u8 } else { 0 };
        self.publish(&state);
    }

    /// Whether commands that write wait for this reason.
    pub(crate) fn holds(&self, reason: WaitReason) -> bool {
        self.state.lock().reasons & reason as u8 != 0
    }

    fn publish(&self, state: &State) {
        self.kind.store(state.kind().map_or(0, |kind| kind as u8 + 1), Ordering::SeqCst);
    }

    /// Ends the pause if there is one and `is_over` says so of its end.
    pub(crate) fn end_if(&self, is_over: impl FnOnce(Monotonic) -> bool) -> bool {
        let mut state = self.state.lock();
        if !state.by_clients.is_some_and(|(_, end)| is_over(end)) {
            return false;
        }
        state.by_clients = None;
        self.publish(&state);
        true
    }

    /// What clients have paused, and until when.
    pub(crate) fn state(&self) -> Option<(PauseKind, Monotonic)> {
        self.state.lock().by_clients
    }

    /// Which commands have to wait: what stands in the way of every command when there is no pause is this load.
    #[inline]
    pub(crate) fn kind(&self) -> Option<PauseKind> {
        match self.kind.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(PauseKind::Write),
            _ => Some(PauseKind::All),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_pause_only_adds_to_the_first() {
        let at = Monotonic::from_millis;
        let pause = Pause::default();
        assert_eq!(pause.kind(), None);
        pause.begin(PauseKind::All, at(50));
        pause.begin(PauseKind::Write, at(20));
        assert_eq!(pause.state(), Some((PauseKind::All, at(50))));
        pause.begin(PauseKind::Write, at(80));
        assert_eq!(pause.state(), Some((PauseKind::All, at(80))));
        assert!(!pause.end_if(|end| end <= at(79)));
        assert!(pause.end_if(|end| end <= at(80)));
        assert!(!pause.end_if(|_| true), "it has ended");
        assert_eq!(pause.kind(), None);
    }
}
