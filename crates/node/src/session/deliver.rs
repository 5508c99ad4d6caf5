//! Messages between the replies: where they go, and what a client that reads them may ask.

use super::{Asking, Context, OUTPUT_BYTES_SOFT_MAX, Session, State};
use crate::clients::flag;
use crate::table::Entry;
use commands::spec::Flag;
use commands::{CommandError, Outcome};
use resp::Protocol;

/// What kind of answer a command has given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Answered {
    /// A reply: it may be left out (CLIENT REPLY), and messages come after it.
    #[default]
    Plain,
    /// It has begun to listen and told so: that is never left out, and messages come after it.
    Begun,
    /// It has stopped listening and told so: that is never left out, and messages that wait were sent before it.
    Ended,
}

/// What a client that listens to channels may ask in RESP2, where messages look like replies.
const WHILE_LISTENING: [&str; 9] = [
    "ping",
    "psubscribe",
    "punsubscribe",
    "quit",
    "reset",
    "ssubscribe",
    "subscribe",
    "sunsubscribe",
    "unsubscribe",
];

/// Messages to other nodes of the cluster that a transaction has published: to send them, the bus may ask for slots that it holds.
pub(crate) type Outbox = Vec<PublishedMessage>;

/// A message to other nodes.
pub(crate) struct PublishedMessage {
    /// Whether to a shard channel.
    sharded: bool,
    channel: Box<[u8]>,
    payload: Box<[u8]>,
}

impl Session {
    /// Appends messages that wait for the client, as far as there is room; for when there is nothing to execute.
    pub fn deliver(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        self.state.take_messages(out);
        self.state.client.add_output((out.len() - start) as u64);
    }
}

impl State {
    /// Appends messages that wait for the client, as far as there is room.
    #[inline]
    pub(super) fn take_messages(&self, out: &mut Vec<u8>) {
        if self.client.has_messages() {
            self.client.mailbox.take_into(out, OUTPUT_BYTES_SOFT_MAX);
        }
    }
}

impl Context<'_> {
    /// After a request was answered from `answer` on: appends messages that wait for the client, and sends what it has published.
    #[inline]
    pub(super) fn deliver(&mut self, entry: Option<&Entry>, answer: usize, out: &mut Vec<u8>) {
        if self.state.client.has_messages() {
            self.place_messages(answer, out);
        }
        if !self.state.outbox.is_empty() {
            self.send_outbox();
        }
        if self.state.caching && self.state.transaction.is_none() {
            // CLIENT CACHING holds for the next command that is none of CLIENT's.
            self.state.caching = entry.is_some_and(|entry| entry.spec.name == "client");
        }
    }

    /// Messages come after the answer, unless they were sent before what it tells.
    #[cold]
    fn place_messages(&mut self, answer: usize, out: &mut Vec<u8>) {
        if self.state.answered == Answered::Ended {
            let told = out.split_off(answer);
            self.state.client.mailbox.take_into(out, usize::MAX);
            out.extend_from_slice(&told);
        }
        self.state.take_messages(out);
    }

    /// Sends a message to the other nodes of the cluster, or of the shard: now, or when nothing is held any more. Outside a cluster, to replicas.
    pub(crate) fn spread(&mut self, sharded: bool, channel: &[u8], payload: &[u8]) {
        if self.node.cluster.is_none() {
            let command: &[u8] = if sharded { b"SPUBLISH" } else { b"PUBLISH" };
            self.node.publish_to_replicas(self.worker, &[command, channel, payload]);
            return;
        }
        self.state.outbox.push(PublishedMessage {
            sharded,
            channel: channel.into(),
            payload: payload.into(),
        });
        if self.held.is_none() {
            self.send_outbox();
        }
    }

    #[cold]
    fn send_outbox(&mut self) {
        let messages = std::mem::take(&mut self.state.outbox);
        let Some(cluster) = &self.node.cluster else { return };
        let now = cluster::Now { monotonic: self.now.monotonic, wall: self.now.wall };
        cluster.operate(self.node, self.worker, |machine| {
            for one in &messages {
                machine.publish(now, one.sharded, &one.channel, &one.payload);
            }
        });
    }

    /// Refuses what a client that listens to channels, or is shown commands, may not ask.
    #[cold]
    pub(super) fn check_listener(&mut self, entry: &Entry) -> Outcome {
        if self.state.asking != Asking::No {
            self.step_asking();
        }
        let name = entry.full_name.as_str();
        let client = &self.state.client;
        let touches_keys = entry.spec.has(Flag::Readonly)
            || entry.spec.has(Flag::Write)
            || ["publish", "spublish"].contains(&name);
        // To Redis, one that is shown commands is a kind of replica.
        if touches_keys && client.has_flag(flag::MONITOR | flag::REPLICA) {
            return Err(CommandError::Text("ERR Replica can't interact with the keyspace"));
        }
        if !client.has_flag(flag::SUBSCRIBED)
            || self.state.protocol == Protocol::Resp3
            // What a transaction has kept was allowed when it came.
            || self.state.is_in_exec
            || WHILE_LISTENING.contains(&name)
        {
            return Ok(());
        }
        Err(CommandError::Owned(format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
             allowed in this context"
        )))
    }
}
