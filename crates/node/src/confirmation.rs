//! Up to where the log is in safety, and who waits for that before it is told what its commands have done.
//!
//! Whoever confirms says so first and then wakes those that wait, under the lock under which they look once more before they wait: nobody sleeps on.

use crate::clients::Client;
use crate::node::Node;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// The offset of a log that nobody waits for.
const ALL: u64 = u64::MAX;

/// Up to where the log is confirmed.
pub(crate) struct Confirmation {
    offset: AtomicU64,
    /// Up to where the append-only file is on the disk.
    synced: AtomicU64,
    /// Whether what was read waits, too, for what may have been seen.
    covers_reads: AtomicBool,
    /// Those that wait, each with the offset that it waits for.
    waiting: Mutex<Vec<(u64, Arc<Client>)>>,
    /// By worker, those that wait no longer and were not woken yet.
    released: Box<[Mutex<Vec<Arc<Client>>>]>,
}

impl Confirmation {
    pub(crate) fn new(workers: usize) -> Confirmation {
        Confirmation {
            offset: AtomicU64::new(ALL),
            synced: AtomicU64::new(0),
            covers_reads: AtomicBool::new(false),
            waiting: Mutex::default(),
            released: (0..workers).map(|_| Mutex::default()).collect(),
        }
    }

    /// Whether anybody has to wait at all.
    #[inline]
    pub(crate) fn is_asked_for(&self) -> bool {
        self.offset.load(SeqCst) != ALL
    }
}

impl Node {
    /// Lets go what tells of the log up to `offset`. With `covers_reads` nobody is shown, from here on, what is not confirmed.
    pub fn confirm_log(&self, offset: u64, covers_reads: bool) {
        let confirmation = &self.confirmation;
        let was_covered = confirmation.covers_reads.swap(covers_reads, SeqCst);
        if confirmation.offset.swap(offset, SeqCst) == offset && was_covered == covers_reads {
            return;
        }
        let ends_cover = was_covered && !covers_reads;
        let mut waiting = confirmation.waiting.lock();
        let mut released: Vec<Vec<_>> = vec![Vec::new(); confirmation.released.len()];
        waiting.retain(|(until, client)| {
            let goes = *until <= offset || ends_cover;
            if goes {
                released[client.origin.worker].push(Arc::clone(client));
            }
            !goes
        });
        drop(waiting);
        // To wake another thread is a system call: once for each, and not for each of its clients.
        for (worker, clients) in released.into_iter().enumerate().filter(|(_, all)| !all.is_empty())
        {
            confirmation.released[worker].lock().extend(clients);
            self.host.wake_worker(self, worker);
        }
    }

    /// Wakes the clients of a worker that wait no longer for the log. To be called on its thread.
    pub fn wake_released(&self, worker: usize) {
        let released = std::mem::take(&mut *self.confirmation.released[worker].lock());
        released.iter().for_each(|client| client.wake());
    }

    /// Whether the append-only file has the log up to `offset` on the disk.
    pub(crate) fn is_synced(&self, offset: u64) -> bool {
        offset <= self.confirmation.synced.load(SeqCst)
    }

    /// Up to where the append-only file has the log on the disk.
    pub(crate) fn synced_log(&self) -> u64 {
        self.confirmation.synced.load(SeqCst)
    }

    /// The append-only file has the log up to here on the disk.
    pub fn note_synced(&self, offset: u64) {
        if self.confirmation.synced.swap(offset, SeqCst) != offset {
            self.wake_waiting();
        }
    }

    /// How many clients wait for the log.
    #[must_use]
    pub fn log_waiters(&self) -> usize {
        self.confirmation.waiting.lock().len()
    }

    /// Lets go everything: there is no log, or nothing is promised of it.
    pub fn confirm_all(&self) {
        self.confirm_log(ALL, false);
    }

    /// What a session has to wait for that has written up to `written`; `None` where it has not.
    #[cold]
    pub(crate) fn awaited(&self, written: u64) -> Option<u64> {
        let confirmation = &self.confirmation;
        let until = if confirmation.covers_reads.load(SeqCst) { self.log_end() } else { written };
        (until > confirmation.offset.load(SeqCst)).then_some(until)
    }

    /// Whether a session may say what waits for `offset`, where it has written up to `written` itself. Its client is woken when it is time to ask again.
    pub(crate) fn may_leave(&self, offset: u64, written: u64, client: &Arc<Client>) -> bool {
        let covers_reads = self.confirmation.covers_reads.load(SeqCst);
        let offset = if covers_reads { offset } else { offset.min(written) };
        let mut waiting = self.confirmation.waiting.lock();
        let is_confirmed = offset <= self.confirmation.offset.load(SeqCst);
        if !is_confirmed {
            waiting.push((offset, Arc::clone(client)));
        }
        is_confirmed
    }
}
