//! What is done about replicas by the timer.

use super::replica::{Replica, Stage};
use super::transfer::Transfer;
use crate::event::Event;
use crate::node::Node;
use crate::pause::WaitReason;
use crate::worker::Now;
use base::Monotonic;
use config::{Config, OutputLimit};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// How often replicas are looked at.
const CYCLE: Duration = Duration::from_secs(1);

impl Node {
    /// What has to be done about replicas about every 100 ms.
    pub(crate) fn tick_replication(&self, now: Now) {
        let config = self.settings.current();
        let settings = &config.replication;
        let replica_limit = &config.network.client_output_buffer_limit.replica;
        // Less than what is kept for all anyway would be no limit of this one.
        let most = match replica_limit.hard_bytes {
            0 => 0,
            bytes => bytes.max(settings.repl_backlog_size),
        };
        self.replication.unread_bytes_max.store(most, SeqCst);
        let (is_kept, is_due) = {
            let mut state = self.replication.state.lock();
            let is_due = now.monotonic.since(state.looked_at) >= CYCLE;
            if is_due {
                state.looked_at = now.monotonic;
            }
            (state.is_kept, is_due)
        };
        if is_kept {
            self.keep_log(settings.repl_backlog_size);
        }
        self.begin_due_sync(self.upkeep(), now);
        self.advance_failover(self.upkeep(), now);
        if self.confirmation.takes_late_question() && !self.replication.is_replica() {
            // Whoever was asked before may have gone without an answer.
            self.ask_for_acknowledgements(self.upkeep());
        }
        if is_due {
            self.look_at_replicas(&config, now);
            self.renew_replica_count(now.monotonic);
            self.wake_waiting();
        }
    }

    /// Signs of life in both directions, once a second.
    fn look_at_replicas(&self, config: &Config, now: Now) {
        let settings = &config.replication;
        let patience = u64::from(settings.repl_timeout_seconds);
        let period = Duration::from_secs(u64::from(settings.repl_ping_replica_period_seconds));
        let (replicas, pings, alone_since) = {
            let mut state = self.replication.state.lock();
            let pings = !state.replicas.is_empty()
                // An offset that is waited for must not move on.
                && self.replication.failover.lock().is_none()
                && !self.pause.holds(WaitReason::Yielding)
                && !self.replication.is_replica()
                && now.monotonic.since(state.pinged_at) >= period;
            if pings {
                state.pinged_at = now.monotonic;
            }
            (state.replicas.clone(), pings, state.alone_since)
        };
        if pings {
            self.log_for_replicas(self.upkeep(), &[b"PING"]);
        }
        let limit = &config.network.client_output_buffer_limit.replica;
        for replica in &replicas {
            self.look_at_replica(replica, patience, now.monotonic);
            self.bound_unread(replica, limit, now.monotonic);
        }
        let ttl = settings.repl_backlog_ttl_seconds;
        let is_over = |since: Monotonic| now.monotonic.since(since) > Duration::from_secs(ttl);
        if ttl != 0 && !self.replication.is_replica() && alone_since.is_some_and(is_over) {
            if self.forget_stream(self.upkeep(), now) {
                let message = format!(
                    "Replication backlog freed after {ttl} seconds without connected replicas."
                );
                self.replication.tell(Event::Replication { message });
            }
            self.replication.state.lock().alone_since = None;
        }
    }

    /// Disconnects a replica that has left more unread of the stream than it may for so long (the soft part of `client-output-buffer-limit`).
    fn bound_unread(&self, replica: &Replica, limit: &OutputLimit, now: Monotonic) {
        let end = self.log_end();
        let unread =
            replica.stage.lock().reader().map_or(0, |one| end.saturating_sub(one.offset()));
        let mut since = replica.beyond_soft_limit.lock();
        if limit.soft_bytes == 0 || unread <= limit.soft_bytes {
            *since = None;
            return;
        }
        let since = *since.get_or_insert(now);
        if now.since(since) >= Duration::from_secs(limit.soft_seconds) {
            replica.client.kill_for_unread();
        }
    }

    /// Disconnects the replica that has read least of a snapshot, where so much had to be kept in memory meanwhile that it is more than replicas may leave unread.
    pub(crate) fn bound_transfer(&self, transfer: &Transfer, saved_bytes: usize) {
        let most = self.replication.unread_bytes_max.load(SeqCst);
        if most == 0 || saved_bytes as u64 <= most {
            return;
        }
        if let Some(client) = transfer.slowest().filter(|client| !client.is_killed()) {
            self.replication.tell(Event::Replication {
                message: format!(
                    "Disconnecting replica {}: it reads its snapshot more slowly than keys change, and {saved_bytes} bytes had to be kept. Raise client-output-buffer-limit for replicas, or set repl-diskless-sync no.",
                    client.origin.address
                ),
            });
            client.kill_for_unread();
        }
    }

    fn look_at_replica(&self, replica: &Arc<Replica>, patience: u64, now: Monotonic) {
        let what = match &*replica.stage.lock() {
            Stage::Waiting { .. } | Stage::Receiving { begun: false, .. } => {
                replica.is_greeted.store(true, SeqCst);
                replica.client.wake();
                return;
            }
            Stage::Receiving { .. } => "full sync",
            Stage::Loading { .. } | Stage::Online { .. } => "streaming sync",
        };
        if replica.lag_seconds(now) > patience && !replica.introduction.lock().is_old {
            self.replication.tell(Event::Replication {
                message: format!("Disconnecting timedout replica ({what}): {}", replica.log_name()),
            });
            replica.client.kill();
        }
    }
}
