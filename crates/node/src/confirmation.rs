//! Up to where the log is in safety, and who waits for that before it is told what its commands have done.
//!
//! Whoever confirms says so first and then wakes those that wait, under the lock under which they look once more before they wait: nobody sleeps on.

use crate::clients::{Client, ClientId};
use crate::node::Node;
use base::Monotonic;
use cluster::Lease;
use config::WriteAcksPolicy;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// The offset of a log that nobody waits for.
const ALL: u64 = u64::MAX;

/// The end of a lease that nobody asks for.
const FREE: u64 = u64::MAX;

/// Up to where the log is confirmed: by the append-only file, and by replicas (`write-acks`).
pub(crate) struct Confirmation {
    /// By the file.
    by_file: AtomicU64,
    /// Whether what was read waits for the file, too, for what may have been seen.
    covers_reads: AtomicBool,
    /// How many replicas have to confirm (`write-acks`), where a client does not say otherwise; 0 where none has to.
    acks: AtomicUsize,
    /// Up to where replicas have the log, the one that has most first. What they once had is confirmed, though they go.
    by_replicas: Mutex<Vec<u64>>,
    /// Somebody waits for replicas who did not when they were last asked.
    wants_acks: AtomicBool,
    /// Replicas have not confirmed in time, and nobody waits for them to show what was read.
    is_stalled: AtomicBool,
    /// Whether anybody has to wait who does not say so himself.
    is_asked_for: AtomicBool,
    /// Until when writes may be acknowledged, in microseconds of monotonic time (see `cluster::Lease`).
    leased_until: AtomicU64,
    /// Up to where the append-only file is on the disk.
    synced: AtomicU64,
    /// By client.
    waiting: Mutex<BTreeMap<ClientId, Waiting>>,
    /// By worker, those that wait no longer and were not woken yet.
    released: Box<[Mutex<Vec<Arc<Client>>>]>,
    pub(crate) waits: AckWaits,
}

/// One that waits.
struct Waiting {
    needs: Needs,
    client: Arc<Client>,
}

/// Up to where the log has to be confirmed by whom before something may leave.
#[derive(Clone, Copy, Debug)]
struct Needs {
    by_file: u64,
    by_replicas: u64,
    /// By so many of them.
    acks: usize,
    /// Whether it has to be sure that nobody else takes writes.
    is_leased: bool,
}

/// How long clients have waited for replicas.
#[derive(Default)]
pub(crate) struct AckWaits {
    /// How many waited.
    pub(crate) count: AtomicU64,
    /// How long all of them did, in microseconds.
    pub(crate) micros: AtomicU64,
    /// How many waited in vain.
    pub(crate) timeouts: AtomicU64,
}

impl Confirmation {
    pub(crate) fn new(workers: usize) -> Confirmation {
        Confirmation {
            by_file: AtomicU64::new(ALL),
            covers_reads: AtomicBool::new(false),
            acks: AtomicUsize::new(0),
            by_replicas: Mutex::default(),
            wants_acks: AtomicBool::new(false),
            is_stalled: AtomicBool::new(false),
            is_asked_for: AtomicBool::new(false),
            leased_until: AtomicU64::new(FREE),
            synced: AtomicU64::new(0),
            waiting: Mutex::default(),
            released: (0..workers).map(|_| Mutex::default()).collect(),
            waits: AckWaits::default(),
        }
    }

    /// Whether anybody has to wait who does not say so himself.
    #[inline]
    pub(crate) fn is_asked_for(&self) -> bool {
        self.is_asked_for.load(SeqCst)
    }

    /// What is needed by one who has written up to `written`, and may show what others have written up to `offset`.
    fn needs(&self, offset: u64, written: u64, acks: usize) -> Needs {
        let up_to = |covers_reads: bool| if covers_reads { offset } else { offset.min(written) };
        Needs {
            by_file: up_to(self.covers_reads.load(SeqCst)),
            by_replicas: up_to(!self.is_stalled.load(SeqCst)),
            acks,
            is_leased: written > 0 && self.is_leased(),
        }
    }

    /// Whether writes may be acknowledged only for a time.
    fn is_leased(&self) -> bool {
        self.leased_until.load(SeqCst) != FREE
    }

    /// Whether that time is not over at this moment, in microseconds.
    fn holds_lease(&self, now_micros: u64) -> bool {
        now_micros < self.leased_until.load(SeqCst)
    }

    fn is_confirmed(&self, needs: &Needs, now_micros: impl FnOnce() -> u64) -> bool {
        needs.by_file <= self.by_file.load(SeqCst)
            && (!needs.is_leased || self.holds_lease(now_micros()))
            && needs.acks.checked_sub(1).is_none_or(|last| {
                let by_replicas = self.by_replicas.lock();
                needs.by_replicas <= by_replicas.get(last).copied().unwrap_or(0)
            })
    }

    /// Whether somebody waits for replicas who did not when they were last asked.
    pub(crate) fn takes_late_question(&self) -> bool {
        self.wants_acks.swap(false, SeqCst)
    }

    fn renew(&self) {
        let is_asked_for =
            self.by_file.load(SeqCst) != ALL || self.acks.load(SeqCst) > 0 || self.is_leased();
        self.is_asked_for.store(is_asked_for, SeqCst);
    }
}

impl Node {
    /// Writes may be acknowledged so long.
    pub(crate) fn note_lease(&self, lease: Lease, now: Monotonic) {
        let confirmation = &self.confirmation;
        let until = match lease {
            Lease::Free => FREE,
            Lease::Until(until) => until.micros(),
        };
        let before = confirmation.leased_until.swap(until, SeqCst);
        if (before == FREE) != (until == FREE) {
            confirmation.renew();
        }
        // Those that found it over wait.
        if before <= now.micros() && until > now.micros() {
            self.release_confirmed(false);
        }
    }

    /// Whether writes may be acknowledged only for a time.
    pub(crate) fn is_leased(&self) -> bool {
        self.confirmation.is_leased()
    }

    /// Whether they may be at this moment.
    pub(crate) fn holds_lease(&self) -> bool {
        self.confirmation.holds_lease(self.host.monotonic_micros())
    }

    /// Lets go what tells of the log up to `offset`, as far as the append-only file is concerned. With `covers_reads` nobody is shown, from here on, what is not confirmed.
    pub fn confirm_log(&self, offset: u64, covers_reads: bool) {
        let confirmation = &self.confirmation;
        if covers_reads {
            self.note_last_changes();
        }
        let was_covered = confirmation.covers_reads.swap(covers_reads, SeqCst);
        if confirmation.by_file.swap(offset, SeqCst) == offset && was_covered == covers_reads {
            return;
        }
        confirmation.renew();
        self.release_confirmed(was_covered && !covers_reads);
    }

    /// Has so many replicas confirm what is written, from here on (`write-acks`).
    pub(crate) fn ask_replicas_to_confirm(&self, acks: usize) {
        if acks > 0 {
            self.note_last_changes();
        }
        if self.confirmation.acks.swap(acks, SeqCst) != acks {
            self.confirmation.renew();
            self.release_confirmed(true);
        }
    }

    /// The node is a replica: nobody is asked any more to confirm what its clients have written before. Those that wait to be told are disconnected, for
    /// what they wrote may be lost; how many.
    pub(crate) fn end_ack_waits(&self) -> usize {
        let confirmation = &self.confirmation;
        let now = || self.host.monotonic_micros();
        let mut waiting = confirmation.waiting.lock();
        let before = waiting.len();
        waiting.retain(|_, one| {
            let waits = one.needs.acks > 0 || one.needs.is_leased;
            let is_in_vain = waits && !confirmation.is_confirmed(&one.needs, now);
            if is_in_vain {
                one.client.kill();
            }
            !is_in_vain
        });
        // Under the lock: who finds that nobody is asked finds that he is disconnected, too.
        confirmation.acks.store(0, SeqCst);
        let ended = before - waiting.len();
        drop(waiting);
        confirmation.renew();
        ended
    }

    /// Lets go what replicas have: up to which offsets of the log each has it.
    pub(crate) fn confirm_by_replicas(&self, mut offsets: Vec<u64>) {
        offsets.sort_unstable_by(|a, b| b.cmp(a));
        let mut known = self.confirmation.by_replicas.lock();
        let longest = offsets.len().max(known.len());
        offsets.resize(longest, 0);
        known.resize(longest, 0);
        let has_more = offsets.iter().zip(&*known).any(|(new, old)| new > old);
        // What a replica once had is confirmed, though it goes: it was there when somebody was told so.
        for (old, new) in known.iter_mut().zip(offsets) {
            *old = new.max(*old);
        }
        drop(known);
        if has_more {
            self.confirmation.is_stalled.store(false, SeqCst);
            self.release_confirmed(false);
        }
    }

    /// Whether replicas are to be asked how far they are: somebody waits for them, and the one that is furthest has the log up to `asked`.
    pub(crate) fn takes_ack_question(&self, asked: u64) -> bool {
        let confirmation = &self.confirmation;
        confirmation.wants_acks.load(SeqCst)
            && confirmation.by_replicas.lock().first().is_some_and(|&furthest| furthest >= asked)
            && confirmation.wants_acks.swap(false, SeqCst)
    }

    /// The data are others from here on: what replicas had says nothing of them.
    pub(crate) fn forget_confirmed_by_replicas(&self) {
        self.confirmation.by_replicas.lock().clear();
    }

    /// Wakes those that wait no longer; with `all`, everybody, to look again.
    fn release_confirmed(&self, all: bool) {
        let confirmation = &self.confirmation;
        let mut waiting = confirmation.waiting.lock();
        if waiting.is_empty() {
            return;
        }
        let now = || self.host.monotonic_micros();
        let mut released: Vec<Vec<_>> = vec![Vec::new(); confirmation.released.len()];
        waiting.retain(|_, one| {
            let goes = all || confirmation.is_confirmed(&one.needs, now);
            if goes {
                released[one.client.origin.worker].push(Arc::clone(&one.client));
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

    /// Up to where the append-only file has the log on the disk; `None` where it has not all of the data.
    pub(crate) fn synced_log(&self) -> Option<u64> {
        Some(self.confirmation.synced.load(SeqCst)).filter(|&offset| offset != 0)
    }

    /// The append-only file has the log up to here on the disk; 0 where it has not all of the data.
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

    /// Lets go everything, as far as the append-only file is concerned: there is none, or nothing is promised of it.
    pub fn confirm_all(&self) {
        self.confirm_log(ALL, false);
    }

    /// How many replicas have to confirm what a client writes that says so, or does not.
    pub(crate) fn acks(&self, wanted: Option<usize>) -> usize {
        let Some(wanted) = wanted else { return self.confirmation.acks.load(SeqCst) };
        let policy = self.settings.current().replication.write_acks_policy;
        let has_too_few = self.replication.near.load(SeqCst) < wanted;
        if has_too_few && policy == WriteAcksPolicy::Degrade { 0 } else { wanted }
    }

    /// What a session has to wait for that has written up to `written` and, where it has looked at keys, may show what the log tells of up to
    /// `shown_up_to`; `None` where nothing.
    #[cold]
    pub(crate) fn awaited(
        &self,
        written: u64,
        acks: usize,
        shown_up_to: Option<u64>,
    ) -> Option<u64> {
        let until = shown_up_to.map_or(written, |noted| written.max(self.shown_up_to(noted)));
        let confirmation = &self.confirmation;
        let needs = confirmation.needs(until, written, acks);
        let now = || self.host.monotonic_micros();
        (!confirmation.is_confirmed(&needs, now)).then_some(until)
    }

    /// Whether a session may say what waits for `offset`, where it has written up to `written` itself. Its client is woken when it is time to ask again.
    pub(crate) fn may_leave(
        &self,
        offset: u64,
        written: u64,
        acks: usize,
        client: &Arc<Client>,
    ) -> bool {
        let confirmation = &self.confirmation;
        let needs = confirmation.needs(offset, written, acks);
        let mut waiting = confirmation.waiting.lock();
        let now = || self.host.monotonic_micros();
        let is_confirmed = confirmation.is_confirmed(&needs, now) && !client.is_killed();
        if !is_confirmed {
            waiting.insert(client.id, Waiting { needs, client: Arc::clone(client) });
            if acks > 0 {
                confirmation.wants_acks.store(true, SeqCst);
            }
        }
        is_confirmed
    }

    /// A client has gone: it waits for nothing.
    pub(crate) fn end_wait_for_log(&self, client: &Client) {
        self.confirmation.waiting.lock().remove(&client.id);
    }

    /// A client has waited for replicas so long.
    pub fn note_ack_wait(&self, time: Duration) {
        self.confirmation.waits.count.fetch_add(1, SeqCst);
        self.confirmation.waits.micros.fetch_add(time.as_micros() as u64, SeqCst);
    }

    /// How many clients have waited for replicas, how long all of them did, in microseconds, and how many in vain.
    pub(crate) fn ack_waits(&self) -> (u64, u64, u64) {
        let AckWaits { count, micros, timeouts } = &self.confirmation.waits;
        (count.load(SeqCst), micros.load(SeqCst), timeouts.load(SeqCst))
    }

    /// Lets a session wait for replicas no longer that has done so for too long; false where it waits for the append-only file, too.
    pub(crate) fn give_up_acks(&self, offset: u64, written: u64, client: &Arc<Client>) -> bool {
        let confirmation = &self.confirmation;
        let needs = Needs { is_leased: false, ..confirmation.needs(offset, written, 0) };
        if !confirmation.is_confirmed(&needs, || 0) {
            return false;
        }
        confirmation.waiting.lock().remove(&client.id);
        confirmation.waits.timeouts.fetch_add(1, SeqCst);
        // Others that only read are not held up as long.
        if !confirmation.is_stalled.swap(true, SeqCst) {
            self.release_confirmed(true);
        }
        true
    }
}
