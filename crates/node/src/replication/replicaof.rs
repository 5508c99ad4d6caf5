//! REPLICAOF: whom the node follows, and what changes with it.

use crate::blocking::Unblock;
use crate::event::Event;
use crate::node::Node;
use crate::session::{Context, LOADING};
use crate::worker::Now;
use ::replication::{History, ReplicationId};
use base::number;
use commands::{CommandError, Outcome};
use config::{Config, ReplicaOf};
use engine::WorkerId;
use resp::{Args, Reply};
use std::sync::atomic::Ordering::SeqCst;

/// `REPLICAOF host port`, `REPLICAOF NO ONE`.
pub(super) fn replicaof(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let node = context.node;
    if node.cluster.is_some() {
        return Err(CommandError::Text("ERR REPLICAOF not allowed in cluster mode."));
    }
    if node.fails_over() {
        return Err(CommandError::Text("ERR REPLICAOF not allowed while failing over."));
    }
    let by = (context.worker, context.now);
    let client = &context.state.client;
    let asker = format!("id={} addr={}", client.id.0, client.origin.address);
    let is_no_one = args[1].eq_ignore_ascii_case(b"no") && args[2].eq_ignore_ascii_case(b"one");
    if is_no_one {
        if node.promote(by)? {
            let message = format!("MASTER MODE enabled (user request from '{asker}')");
            context.events.push(Event::Replication { message });
        }
        reply.ok();
        return Ok(());
    }
    if client.has_flag(crate::clients::flag::REPLICA) {
        return Err(CommandError::Text("ERR Command is not valid when client is a replica."));
    }
    let port = number::parse_i64(&args[2]).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(CommandError::Text("ERR Invalid master port"))?;
    let host = String::from_utf8(args[1].to_vec());
    let host = host.map_err(|_| CommandError::Text("ERR Invalid master host"))?;
    if node.replication.following.follows(&host, port) {
        reply.simple("OK Already connected to specified master");
        return Ok(());
    }
    let message = format!("REPLICAOF {host}:{port} enabled (user request from '{asker}')");
    node.demote((host, port), context.worker)?;
    context.events.push(Event::Replication { message });
    reply.ok();
    Ok(())
}

impl Node {
    /// Follows a primary from here on. What is there is offered to it to go on from.
    ///
    /// Clients that wait for replicas to have what they wrote go on to wait, until the timer ends that: one whose write has just run is among them by then.
    pub(crate) fn demote(&self, primary: (String, u16), worker: WorkerId) -> Outcome {
        self.change_role(Some(primary), |node| {
            node.note_role(true);
            let was_replica = node.replication.is_replica.swap(true, SeqCst);
            if !was_replica {
                node.note_too_few_replicas(false);
            }
            // No write is under way any more when this has held all slots: what they have done is in the log.
            node.renew_logging(worker);
            if !was_replica {
                node.blocked.unblock_all(Unblock::RoleChange);
                node.unblock_replica_waits();
            }
        })
    }

    /// Follows nobody from here on: what is there is the node's own. Whether it has followed somebody.
    pub(crate) fn promote(&self, (worker, now): (WorkerId, Now)) -> Result<bool, CommandError> {
        if !self.replication.is_replica() {
            return Ok(false);
        }
        self.change_role(None, |node| {
            let end = node.log_end();
            let mut state = node.replication.state.lock();
            let id = ReplicationId::random(&mut state.rng);
            let offset = end.wrapping_add_signed(state.shift);
            let is_torn = node.replication.following.take_torn();
            state.history = if state.is_kept && !is_torn {
                state.history.renamed(id, offset)
            } else {
                History::new(id)
            };
            state.alone_since = Some(now.monotonic);
            drop(state);
            node.replication.is_replica.store(false, SeqCst);
            // Who goes on from here does not know the database.
            node.note_log_database(None);
            node.renew_logging(worker);
            node.note_role(false);
            // They hear of the new name when they come back.
            node.disconnect_replicas();
        })?;
        self.renew_replica_count(now.monotonic);
        Ok(true)
    }

    /// Changes whom the node follows, in the settings, too, and does `change` while nothing of a stream is applied.
    fn change_role(&self, primary: Option<(String, u16)>, change: impl FnOnce(&Node)) -> Outcome {
        let changing = self.settings.begin_change();
        let applied = self.replication.pause_applying();
        if self.is_loading() {
            // It has begun since the command was let in.
            return Err(LOADING);
        }
        if self.cluster.is_none() {
            let mut config = Config::clone(&self.settings.current());
            config.replication.replicaof = ReplicaOf(primary.clone());
            self.settings.replace(config, &changing);
        }
        change(self);
        // Last: whoever asks the primary to go on from where the data are asks when no write is under way any more.
        self.replication.following.change(primary);
        drop(applied);
        drop(changing);
        self.host.follow(self.primary().as_ref());
        Ok(())
    }

    /// Whether clients may not write, for the data are the primary's.
    pub(crate) fn refuses_own_writes(&self) -> bool {
        self.replication.is_replica() && self.settings.current().replication.replica_read_only
    }

    /// Whether what is there is not to be shown, for the primary may have something else by now.
    pub(crate) fn is_stale(&self) -> bool {
        self.replication.is_replica()
            && !self.is_link_up()
            && !self.settings.current().replication.replica_serve_stale_data
    }
}
