//! The append-only file, as commands and INFO have it: a thread of the server writes and rewrites it.

use super::{LOG_FAILED, SaveOrder};
use crate::log::LogUser;
use crate::node::Node;
use crate::pause::PauseKind;
use crate::worker::Now;
use base::Monotonic;
use engine::WorkerId;
use parking_lot::Mutex;
use std::time::Duration;

/// What is known of the append-only file.
#[derive(Default)]
pub(crate) struct Aof(Mutex<State>);

#[derive(Default)]
struct State {
    status: LogStatus,
    /// A rewrite is to begin as soon as it can.
    is_ordered: bool,
    rewrites: u64,
    /// How many rewrites have failed since one went well.
    failures: u32,
    took: Option<Duration>,
}

/// How the files are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogStatus {
    /// Why nothing can be written, where that is so.
    pub failure: Option<String>,
    /// The length of all files, in bytes.
    pub bytes: u64,
    /// The same after the last rewrite, or when they were loaded.
    pub base_bytes: u64,
    /// Whether a sync runs.
    pub syncs: bool,
}

/// What INFO tells.
pub(crate) struct AofReport {
    pub(crate) status: LogStatus,
    pub(crate) is_scheduled: bool,
    pub(crate) running_since: Option<Monotonic>,
    pub(crate) rewrites: u64,
    pub(crate) failures: u32,
    pub(crate) took: Option<Duration>,
    /// What was logged and not taken, in bytes.
    pub(crate) waiting_bytes: usize,
}

/// What becomes of a rewrite that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ordered {
    /// It begins.
    Begun,
    /// It begins when the save has ended that is being written.
    Scheduled,
    /// One is being written.
    InProgress,
}

impl Node {
    /// Has the files rewritten.
    pub(crate) fn order_rewrite(&self) -> Ordered {
        let saving = self.persistence.state.lock().running.as_ref().map(|one| one.is_rewrite);
        let mut state = self.persistence.aof.0.lock();
        if saving == Some(true) || (saving.is_none() && state.is_ordered) {
            return Ordered::InProgress;
        }
        state.is_ordered = true;
        state.failures = 0;
        drop(state);
        self.host.wake_log_reader();
        if saving.is_some() { Ordered::Scheduled } else { Ordered::Begun }
    }

    /// Whether a rewrite was asked for that has not begun.
    pub fn is_rewrite_ordered(&self) -> bool {
        self.persistence.aof.0.lock().is_ordered
    }

    /// How many rewrites have failed one after the other.
    pub fn failed_rewrites(&self) -> u32 {
        self.persistence.aof.0.lock().failures
    }

    /// Begins a rewrite, and with it, where `logs`, to log: the offset of the log from which on it stands for itself, and what was before it, to be
    /// written. `is_first` where the files hold nothing of the data before it is finished. `None` while something else is being saved, or everybody is paused.
    pub fn begin_rewrite(
        &self,
        by: (WorkerId, Now),
        logs: bool,
        is_first: bool,
    ) -> Option<(u64, SaveOrder)> {
        // The last save before the end, which pauses everybody, comes first.
        let is_ending = self.pause_kind() == Some(PauseKind::All);
        if is_ending || self.is_loading() || self.persistence.state.lock().running.is_some() {
            return None;
        }
        let begun = if logs {
            self.begin_log(LogUser::File, by.0, by.1, |all, offset| {
                (offset, self.begin_base(by.1, is_first, all))
            })
        } else {
            let moment = self.load_moment(by.1);
            let _applied = self.replication.pause_applying();
            let all = &mut self.keyspace.hold_all(0, by.0, moment);
            (self.log_end(), self.begin_base(by.1, is_first, all))
        };
        let (offset, order) = (begun.0, begun.1?);
        let mut state = self.persistence.aof.0.lock();
        state.is_ordered = false;
        state.rewrites += 1;
        Some((offset, order))
    }

    /// Tells how a rewrite ended.
    pub fn end_rewrite(&self, order: &SaveOrder, is_ok: bool, now: Now) {
        let begun = self.end_running(order, is_ok).map(|running| running.begun.monotonic);
        let mut state = self.persistence.aof.0.lock();
        state.took = begun.map(|begun| now.monotonic.since(begun)).or(state.took);
        if is_ok {
            state.failures = 0;
        } else if order.snapshot.is_cancelled() {
            // What is being loaded, or saved last, comes first.
            state.is_ordered = true;
        } else {
            state.failures += 1;
        }
        drop(state);
        self.persistence.ended.notify_all();
    }

    /// No rewrite is to begin any more.
    pub fn forget_ordered_rewrite(&self) {
        self.persistence.aof.0.lock().is_ordered = false;
    }

    /// Tells that a rewrite could not begin.
    pub fn note_failed_rewrite(&self) {
        let mut state = self.persistence.aof.0.lock();
        state.is_ordered = false;
        state.failures += 1;
    }

    /// Tells how the files are.
    pub fn note_log(&self, status: LogStatus) {
        self.persistence.set_hindrance(LOG_FAILED, status.failure.is_some());
        self.persistence.aof.0.lock().status = status;
    }

    /// Why commands that write are refused, where that is so.
    pub(crate) fn log_failure(&self) -> Option<String> {
        if self.persistence.hindrances() & LOG_FAILED == 0 {
            return None;
        }
        let text = self.persistence.aof.0.lock().status.failure.clone()?;
        // The system's word alone, as Redis has it.
        Some(text.rsplit(": ").next().unwrap_or_default().to_owned())
    }

    pub(crate) fn aof_report(&self) -> AofReport {
        let running = self.running_rewrite();
        let state = self.persistence.aof.0.lock();
        AofReport {
            status: state.status.clone(),
            is_scheduled: state.is_ordered,
            running_since: running,
            rewrites: state.rewrites,
            failures: state.failures,
            took: state.took,
            waiting_bytes: self.log_bytes(),
        }
    }
}
