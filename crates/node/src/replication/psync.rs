//! PSYNC and SYNC: a replica gets on the stream, from where it was or with everything.

use super::replica::{Replica, Stage};
use crate::clients::flag;
use crate::cluster::ClusterNode;
use crate::event::Event;
use crate::session::{Answered, Context, ReplyMode};
use ::replication::ReplicationId;
use base::number;
use commands::{CommandError, Outcome};
use resp::{Args, Reply};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// `PSYNC replicationid offset`.
pub(super) fn psync(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.get(3).is_some_and(|word| word.eq_ignore_ascii_case(b"failover")) {
        context.take_over(&args[1])?;
    }
    let Some(replica) = context.begin_replica()? else { return Ok(()) };
    let next = number::parse_i64(&args[2]).ok_or(CommandError::NotInteger)?;
    let wanted = ReplicationId::parse(&args[1]).zip(u64::try_from(next).ok());
    if let Some((id, next)) = wanted {
        if context.node.go_on(&replica, id, next) {
            let renamed = replica.introduction.lock().follows_renames;
            let id = context.node.replication.state.lock().history.id;
            reply.simple(&if renamed { format!("CONTINUE {id}") } else { "CONTINUE".to_owned() });
            context.join(&replica);
            return Ok(());
        }
        context.node.replication.state.lock().counts.refused += 1;
    }
    context.events.push(Event::Replication {
        message: format!("Full resync requested by replica {}", replica.log_name()),
    });
    context.join(&replica);
    Ok(())
}

/// `SYNC`: everything, without a word about where that is.
pub(super) fn sync(context: &mut Context<'_>, _: Args<'_>, _: &mut Reply<'_>) -> Outcome {
    let Some(replica) = context.begin_replica()? else { return Ok(()) };
    replica.introduction.lock().is_old = true;
    context.join(&replica);
    Ok(())
}

impl Context<'_> {
    /// What the client has told of itself as a replica; `None` where it is one already.
    fn begin_replica(&mut self) -> Result<Option<Arc<Replica>>, CommandError> {
        if self.state.client.has_flag(flag::REPLICA) {
            return Ok(None);
        }
        if self.node.fails_over() {
            // What is sent now may not be what the next primary has.
            return Err(CommandError::Text("NOMASTERLINK Can't SYNC while failing over"));
        }
        if self.node.cluster.as_ref().is_some_and(ClusterNode::is_asking) {
            return Err(CommandError::Text(
                "NOMASTERLINK Can't SYNC before it is known whether a replica has more than this master",
            ));
        }
        if self.node.replication.is_replica() && !self.node.is_link_up() {
            return Err(CommandError::Text(
                "NOMASTERLINK Can't SYNC while not connected with my master",
            ));
        }
        Ok(Some(self.introduced()))
    }

    /// The primary asks this replica to take over.
    fn take_over(&mut self, id: &[u8]) -> Outcome {
        if !self.node.replication.is_replica() {
            return Err(CommandError::Text("ERR PSYNC FAILOVER can't be sent to a master."));
        }
        let own = self.node.replication.state.lock().history.id;
        if ReplicationId::parse(id) != Some(own) {
            return Err(CommandError::Text("ERR PSYNC FAILOVER replid must match my replid."));
        }
        if self.node.promote((self.worker, self.now))? {
            self.events.push(Event::Replication {
                message: "Failover request received for this node: it is the primary from here on."
                    .to_owned(),
            });
        }
        Ok(())
    }

    /// What the client has told of itself as a replica, or nothing yet.
    pub(super) fn introduced(&mut self) -> Arc<Replica> {
        let (client, now) = (&self.state.client, self.now.monotonic);
        let replica = || Arc::new(Replica::new(Arc::clone(client), now));
        Arc::clone(self.state.replica.get_or_insert_with(replica))
    }

    /// The client is a replica from here on.
    fn join(&mut self, replica: &Arc<Replica>) {
        let now = self.now.monotonic;
        replica.acknowledged_at.store(now.millis(), SeqCst);
        self.state.client.set_flag(flag::REPLICA, true);
        // What stands behind this answer is the stream: nothing else is said in it.
        self.state.answered = Answered::Begun;
        self.state.reply_mode = ReplyMode::Off;
        self.node.join_replica(replica, self.worker, self.now);
        self.events.append(&mut self.node.take_replication_events());
    }
}

impl crate::Node {
    /// Has a replica go on from where it was, where that is possible.
    fn go_on(&self, replica: &Arc<Replica>, id: ReplicationId, next: u64) -> bool {
        let mut state = self.replication.state.lock();
        let Some(offset) = next.checked_sub(1) else { return false };
        if !state.is_kept || !state.history.continues(id, next) {
            return false;
        }
        let Some(reader) = self.log_reader(offset.wrapping_add_signed(-state.shift)) else {
            return false;
        };
        *replica.stage.lock() = Stage::Online { reader };
        // Under the lock: where the history changes, all that follow it are there to be disconnected.
        state.admit(replica);
        state.counts.partial += 1;
        drop(state);
        self.replication.tell(Event::Replication {
            message: format!(
                "Partial resynchronization request from {} accepted. Sending the stream from offset {next}.",
                replica.log_name()
            ),
        });
        true
    }
}
