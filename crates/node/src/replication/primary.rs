//! What a node does for its replicas: they come, get a snapshot, and go.

use super::replica::{Replica, Stage};
use super::transfer::{Mark, Transfer};
use crate::event::Event;
use crate::log::LogUser;
use crate::node::Node;
use crate::worker::Now;
use ::replication::{History, ReplicationId};
use base::Monotonic;
use config::WriteAcksPolicy;
use engine::WorkerId;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

impl Node {
    /// A client has become a replica.
    pub(super) fn join_replica(&self, replica: &Arc<Replica>, worker: WorkerId, now: Now) {
        let mut state = self.replication.state.lock();
        // One that goes on from where it was is there already.
        if !state.replicas.iter().any(|one| Arc::ptr_eq(one, replica)) {
            state.admit(replica);
        }
        drop(state);
        self.replication.renew_online();
        self.renew_replica_count(now.monotonic);
        self.begin_due_sync(worker, now);
    }

    /// A replica's connection has ended.
    pub(crate) fn leave_replica(&self, replica: &Arc<Replica>, now: Monotonic) {
        let mut state = self.replication.state.lock();
        let before = state.replicas.len();
        state.replicas.retain(|one| !Arc::ptr_eq(one, replica));
        if state.replicas.len() == before {
            return;
        }
        if state.replicas.is_empty() {
            state.alone_since = Some(now);
        }
        drop(state);
        // Nothing is begun for it any more.
        replica.leave();
        self.replication.renew_online();
        self.renew_replica_count(now);
        self.replication.tell(Event::Replication {
            message: format!("Connection with replica {} lost.", replica.log_name()),
        });
    }

    /// Begins a snapshot for the replicas that wait for one, where it is time and nothing else is being saved.
    pub(crate) fn begin_due_sync(&self, worker: WorkerId, now: Now) {
        let config = self.settings.current();
        let settings = &config.replication;
        let (waiting, since, reads_unsized) = {
            let state = self.replication.state.lock();
            let mut oldest = None::<Monotonic>;
            let waits = |replica: &&Arc<Replica>| match *replica.stage.lock() {
                Stage::Waiting { since } => {
                    oldest = Some(oldest.map_or(since, |oldest| oldest.min(since)));
                    true
                }
                Stage::Receiving { .. } | Stage::Loading { .. } | Stage::Online { .. } => false,
            };
            let waiting: Vec<_> = state.replicas.iter().filter(waits).cloned().collect();
            let all = waiting.iter().all(|one| one.introduction.lock().reads_unsized);
            (waiting, oldest, all)
        };
        let Some(since) = since else { return };
        let is_direct = settings.repl_diskless_sync && reads_unsized;
        let delay = Duration::from_secs(u64::from(settings.repl_diskless_sync_delay_seconds));
        let enough = settings.repl_diskless_sync_max_replicas as usize;
        let is_enough = enough != 0 && waiting.len() >= enough;
        if is_direct && !is_enough && now.monotonic.since(since) < delay {
            return;
        }
        self.begin_sync(&waiting, is_direct, worker, now);
    }

    /// Begins a snapshot for these replicas, straight to them or by way of a file.
    fn begin_sync(&self, waiting: &[Arc<Replica>], is_direct: bool, worker: WorkerId, now: Now) {
        if !self.may_begin_sync() {
            return;
        }
        self.keep_stream(worker, now);
        let mark = is_direct.then(|| self.random_mark());
        let clients = waiting.iter().map(|replica| Arc::clone(&replica.client));
        let transfer = Arc::new(Transfer::new(clients, mark));
        let begun = self.begin_sync_save(&transfer, worker, now, |offset| {
            let state = self.replication.state.lock();
            let (id, told) = (state.history.id, offset.wrapping_add_signed(state.shift));
            for (number, replica) in waiting.iter().enumerate() {
                // It may have gone since.
                let is_there = state.replicas.iter().any(|one| Arc::ptr_eq(one, replica));
                let waits = is_there && matches!(*replica.stage.lock(), Stage::Waiting { .. });
                let Some(reader) = self.log_reader(offset).filter(|_| waits) else {
                    transfer.leave(number);
                    continue;
                };
                let is_old = replica.introduction.lock().is_old;
                let greeting =
                    if is_old { String::new() } else { format!("+FULLRESYNC {id} {told}\r\n") };
                *replica.stage.lock() = Stage::Receiving {
                    transfer: Arc::clone(&transfer),
                    number,
                    greeting: greeting.into_bytes(),
                    reader,
                    begun: false,
                };
            }
        });
        if !begun {
            return;
        }
        self.replication.state.lock().counts.full += waiting.len() as u64;
        self.replication.renew_online();
        let target = if is_direct { "replicas sockets" } else { "disk" };
        self.replication.tell(Event::Replication {
            message: format!("Starting BGSAVE for SYNC with target: {target}"),
        });
        waiting.iter().for_each(|replica| replica.client.wake());
    }

    /// Keeps the log for replicas from here on, where it was not: what it goes on from has a name of its own.
    pub(super) fn keep_stream(&self, worker: WorkerId, now: Now) {
        let _keeping = self.replication.keeping.lock();
        let mut state = self.replication.state.lock();
        if state.is_kept {
            return;
        }
        state.is_kept = true;
        if !self.replication.is_replica() {
            let id = ReplicationId::random(&mut state.rng);
            state.history = History::new(id);
        }
        drop(state);
        self.keep_log(self.settings.current().replication.repl_backlog_size);
        self.begin_log(LogUser::Replicas, worker, now, |_, _| ());
        self.cut_log();
    }

    /// Keeps the log for replicas no longer, unless there are some; whether it was kept.
    pub(super) fn forget_stream(&self, worker: WorkerId, now: Now) -> bool {
        let _keeping = self.replication.keeping.lock();
        {
            let mut state = self.replication.state.lock();
            if !state.is_kept || !state.replicas.is_empty() || self.replication.is_replica() {
                return false;
            }
            state.is_kept = false;
            let id = ReplicationId::random(&mut state.rng);
            state.history = History::new(id);
        }
        self.end_log(LogUser::Replicas, worker, now);
        true
    }

    /// Tells replicas of a message, where there are any; it is in the stream, and in no file.
    pub(crate) fn publish_to_replicas(&self, by: WorkerId, command: &[&[u8]]) {
        if self.replication.online.load(SeqCst) > 0 {
            self.log_for_replicas(by, command);
        }
    }

    fn random_mark(&self) -> Mark {
        let mut mark = [0; 40];
        let id = ReplicationId::random(&mut self.replication.state.lock().rng).to_string();
        mark.copy_from_slice(id.as_bytes());
        mark
    }

    /// Counts the replicas that are near enough for writes to be accepted (`min-replicas-to-write`), and to confirm them (`write-acks`).
    pub(crate) fn renew_replica_count(&self, now: Monotonic) {
        let config = self.settings.current();
        let settings = &config.replication;
        let is_primary = !self.replication.is_replica();
        let near = self.near_replicas(now);
        let least = match settings.min_replicas_max_lag_seconds {
            0 => 0,
            _ => settings.min_replicas_to_write as usize,
        };
        let acks = settings.write_acks as usize;
        let (least, acks) = match settings.write_acks_policy {
            WriteAcksPolicy::Refuse => (least.max(acks), acks),
            // While there are not so many, nobody waits for them.
            WriteAcksPolicy::Degrade => (least, if near < acks { 0 } else { acks }),
        };
        self.replication.near.store(near, SeqCst);
        self.note_too_few_replicas(is_primary && near < least);
        if is_primary {
            self.ask_replicas_to_confirm(acks);
            return;
        }
        let ended = self.end_ack_waits();
        if ended > 0 {
            self.replication.tell(Event::Replication {
                message: format!(
                    "Disconnected {ended} clients: replicas have not acknowledged what they wrote, and it may be lost, for this node is a replica now."
                ),
            });
        }
    }

    /// How many replicas have said lately that they follow.
    pub(crate) fn near_replicas(&self, now: Monotonic) -> usize {
        let most = u64::from(self.settings.current().replication.min_replicas_max_lag_seconds);
        let state = self.replication.state.lock();
        let is_near = |one: &&Arc<Replica>| one.is_online() && one.lag_seconds(now) <= most;
        state.replicas.iter().filter(is_near).count()
    }
}
