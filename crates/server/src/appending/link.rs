//! What workers and the thread of the append-only file share.

use super::asked::Asked;
use super::gathering::Gathering;
use super::open::OpenLog;
use crate::clock;
use node::Node;
use parking_lot::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, Thread};

/// The files, and the way to the thread.
#[derive(Default)]
pub(crate) struct AppenderLink {
    /// The files, while there are any. Workers only try to have them.
    pub(super) files: Mutex<Option<OpenLog>>,
    thread: OnceLock<Thread>,
    is_stopped: AtomicBool,
    pub(super) asked: Mutex<Vec<Asked>>,
    /// While the thread lets clients gather: how many it waits for. Else 0.
    gathering: AtomicUsize,
}

impl AppenderLink {
    /// Has the thread look what there is to do.
    pub(crate) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// The thread is there, before anybody can have anything to say: it looks by itself at first.
    pub(super) fn open(&self, thread: Thread) {
        // Nobody else sets it.
        let _ = self.thread.set(thread);
        self.wake();
    }

    /// Whether the thread is there.
    pub(super) fn is_open(&self) -> bool {
        self.thread.get().is_some()
    }

    /// Has the thread end.
    pub(super) fn stop(&self) {
        self.is_stopped.store(true, SeqCst);
        self.wake();
    }

    /// Whether the thread is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(SeqCst)
    }

    /// Writes what was logged, or leaves it to whoever does; whether there is more since. For a worker whose turn ends.
    pub(crate) fn write(&self, node: &Node) -> bool {
        let Some(mut files) = self.files.try_lock() else {
            self.wake_for_clients(node);
            return false;
        };
        let Some(log) = files.as_mut() else { return false };
        if !log.is_for_workers(node) {
            drop(files);
            self.wake_for_clients(node);
            return false;
        }
        log.drain(node, node.log_end());
        let is_for_workers = log.is_for_workers(node);
        if !log.is_good() {
            // What is asked for from here on is refused rather than done and not answered.
            node.note_log(log.status());
        }
        drop(files);
        if !is_for_workers {
            self.wake();
            return false;
        }
        node.log_bytes() > 0
    }

    /// Has the thread write, unless it waits for more clients than there are.
    fn wake_for_clients(&self, node: &Node) {
        let gathering = self.gathering.load(SeqCst);
        if gathering == 0 || node.log_waiters() >= gathering {
            self.wake();
        }
    }

    /// Waits on the thread until enough clients wait for the log.
    pub(super) fn gather(&self, node: &Node, gathering: Gathering) {
        let end = clock::monotonic() + gathering.time_max;
        self.gathering.store(gathering.clients, SeqCst);
        while node.log_waiters() < gathering.clients {
            let left = end.since(clock::monotonic());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
        self.gathering.store(0, SeqCst);
    }
}
