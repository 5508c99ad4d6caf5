//! Replication: which history the data have, who follows this node, and whom it follows.
//!
//! # Design
//!
//! The log is the stream ([`crate::log`]): an offset of the protocol is an offset of the log, moved by a constant that changes when the node takes over another
//! history. What is kept of the log for replicas is kept once; a replica is a place in it ([`Replica`]), and its connection takes from there what its socket
//! has room for. One that needs everything gets a snapshot first, which is cut at the offset at which its stream begins ([`transfer`]).

mod apply;
mod commands;
mod cron;
mod failover;
mod following;
mod primary;
mod psync;
mod replconf;
mod replica;
mod replicaof;
mod report;
#[cfg(test)]
mod tests;
mod transfer;
mod wait;

pub use apply::{Applied, Applier, StreamFailures};
pub(crate) use commands::COMMANDS;
pub(crate) use following::PrimaryReport;
pub use following::{LinkStage, Primary};
pub use replica::{Fed, Replica};
pub(crate) use report::{ReplicaReport, earlier_fields};
pub use transfer::{Abandoned, Mark, TRANSFER_BYTES_MAX, Transfer};
pub(crate) use wait::ReplicaWait;

use crate::blocking::Unblock;
use crate::clients::Client;
use crate::event::Event;
use crate::node::Node;
use ::replication::{History, ReplicationId};
use base::{Monotonic, Rng};
use failover::Failover;
use following::Following;
use parking_lot::{Mutex, MutexGuard};
use replica::Stage;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};

/// What a node knows of its replication.
pub(crate) struct Replication {
    state: Mutex<State>,
    /// Whether it follows a primary.
    is_replica: AtomicBool,
    /// How many replicas get the stream.
    online: AtomicUsize,
    /// How much of the stream a replica may leave unread before it is disconnected, in bytes; 0 without limit.
    unread_bytes_max: AtomicU64,
    pub(crate) following: Following,
    /// Held while a stretch of the primary's stream is applied: what is cut between has what was relayed, and nothing else.
    applying: Mutex<()>,
    /// Clients that wait for replicas (WAIT, WAITAOF), and how they were told not to.
    waiting: Mutex<Vec<(Arc<Client>, Option<Unblock>)>>,
    /// The end of the log when replicas were last asked how far they are.
    asked: AtomicU64,
    failover: Mutex<Option<Failover>>,
    /// How many replicas have said lately that they follow, as it was last counted.
    pub(crate) near: AtomicUsize,
    /// Held while the log begins or ends to be kept for replicas.
    keeping: Mutex<()>,
    /// What happened and has to be logged.
    events: Mutex<Vec<Event>>,
}

struct State {
    rng: Rng,
    history: History,
    /// An offset of the protocol is one of the log and this.
    shift: i64,
    /// Whether the log is kept for replicas.
    is_kept: bool,
    replicas: Vec<Arc<Replica>>,
    /// Since when there are no replicas.
    alone_since: Option<Monotonic>,
    pinged_at: Monotonic,
    looked_at: Monotonic,
    counts: SyncCounts,
}

/// How often replicas have got on the stream.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct SyncCounts {
    /// With everything.
    pub(crate) full: u64,
    /// From where they were.
    pub(crate) partial: u64,
    /// They wanted to go on from where they were, and could not.
    pub(crate) refused: u64,
}

/// A place in the stream, as a snapshot tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamPlace {
    /// The name of the history.
    pub id: ReplicationId,
    /// The offset in it.
    pub offset: u64,
    /// The database of the last command before it.
    pub database: usize,
}

impl State {
    /// Has one more replica.
    fn admit(&mut self, replica: &Arc<Replica>) {
        self.alone_since = None;
        self.replicas.push(Arc::clone(replica));
    }
}

impl Replication {
    pub(crate) fn new(run_id: &str, now: Monotonic, primary: Option<(String, u16)>) -> Replication {
        // The first name follows from the run's, which is random and no secret.
        let seed = run_id.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let mut rng = Rng::from_seed(seed.unwrap_or_default());
        Replication {
            state: Mutex::new(State {
                history: History::new(ReplicationId::random(&mut rng)),
                rng,
                shift: 0,
                is_kept: false,
                replicas: Vec::new(),
                alone_since: None,
                pinged_at: now,
                looked_at: now,
                counts: SyncCounts::default(),
            }),
            online: AtomicUsize::new(0),
            unread_bytes_max: AtomicU64::new(0),
            is_replica: AtomicBool::new(primary.is_some()),
            following: Following::new(primary),
            applying: Mutex::new(()),
            waiting: Mutex::default(),
            asked: AtomicU64::new(0),
            failover: Mutex::new(None),
            near: AtomicUsize::new(0),
            keeping: Mutex::new(()),
            events: Mutex::default(),
        }
    }

    /// Whether the node follows a primary.
    #[inline]
    pub(crate) fn is_replica(&self) -> bool {
        self.is_replica.load(SeqCst)
    }

    /// Lets nothing of the primary's stream be applied while the guard lives.
    pub(crate) fn pause_applying(&self) -> MutexGuard<'_, ()> {
        self.applying.lock()
    }

    /// Something for the log.
    pub(crate) fn tell(&self, event: Event) {
        self.events.lock().push(event);
    }

    /// Takes another name for the history of the data set (DEBUG CHANGE-REPL-ID).
    pub(crate) fn change_id(&self) {
        let mut state = self.state.lock();
        let id = ReplicationId::random(&mut state.rng);
        state.history = History::new(id);
    }

    /// Begins to count anew.
    pub(crate) fn reset_statistics(&self) {
        self.state.lock().counts = SyncCounts::default();
    }

    /// Wakes the replicas that have not read up to `end`; one that has left too much unread is disconnected.
    pub(crate) fn wake_behind(&self, end: u64) {
        if self.online.load(SeqCst) == 0 {
            return;
        }
        let most = self.unread_bytes_max.load(SeqCst);
        for replica in &self.state.lock().replicas {
            let stage = replica.stage.lock();
            let Some(reader) = stage.reader() else { continue };
            let unread = end.saturating_sub(reader.offset());
            if most != 0 && unread > most {
                replica.client.kill_for_unread();
            } else if unread > 0 && matches!(*stage, Stage::Online { .. }) {
                replica.client.wake();
            }
        }
    }

    /// Counts anew how many replicas get the stream.
    pub(crate) fn renew_online(&self) {
        let state = self.state.lock();
        let is_fed = |replica: &&Arc<Replica>| {
            // One that waits for a snapshot reads nothing of the log.
            !matches!(*replica.stage.lock(), Stage::Waiting { .. })
        };
        self.online.store(state.replicas.iter().filter(is_fed).count(), SeqCst);
    }
}

impl Node {
    /// Up to which offset of the protocol the stream has come.
    #[must_use]
    pub fn replication_offset(&self) -> u64 {
        self.told_offset(self.log_end())
    }

    /// An offset of the log as the protocol has it.
    pub(crate) fn told_offset(&self, log_offset: u64) -> u64 {
        log_offset.wrapping_add_signed(self.replication.state.lock().shift)
    }

    /// The same, where it is in the history that the data have.
    pub(crate) fn offset_told(&self, log_offset: u64) -> Option<u64> {
        log_offset.checked_add_signed(self.replication.state.lock().shift)
    }

    /// Where in the stream the data are that are there. All slots are held, and nothing is being applied; `None` where nobody would be sent a stream, or
    /// where the data are not those that the history tells of.
    pub(crate) fn stream_place(&self) -> Option<StreamPlace> {
        if self.replication.following.is_torn() {
            return None;
        }
        let state = self.replication.state.lock();
        let (end, database) = self.log_place();
        state.is_kept.then(|| StreamPlace {
            id: state.history.id,
            offset: end.wrapping_add_signed(state.shift),
            database: database.unwrap_or(0),
        })
    }

    /// What happened in replication since this was last called, for the log.
    pub fn take_replication_events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.replication.events.lock())
    }
}
