//! What a session has to say, and what it waits for: the append-only file, and replicas.

use super::Session;
use crate::node::Node;
use config::WriteAcksPolicy;
use resp::Reply;
use std::time::Duration;

impl Session {
    /// Up to which offset the log has to be confirmed before what this session has to say may leave; `None` where it may.
    #[inline]
    #[must_use]
    pub fn awaited(&self, node: &Node) -> Option<u64> {
        if !node.confirmation.is_asked_for() && self.state.write_acks.is_none() {
            return None;
        }
        let acks = node.acks(self.state.write_acks);
        let shown_up_to = self.state.has_looked.then_some(self.state.shown_up_to);
        node.awaited(self.unconfirmed(), acks, shown_up_to)
    }

    /// Whether what waits for this offset may leave; the client is woken when it is time to ask again.
    #[must_use]
    pub fn may_leave(&self, node: &Node, offset: u64) -> bool {
        let acks = node.acks(self.state.write_acks);
        node.may_leave(offset, self.unconfirmed(), acks, &self.state.client)
    }

    /// How long what it has to say waits for replicas (`write-acks-timeout`); `None` where it does not.
    #[must_use]
    pub fn ack_patience(&self, node: &Node) -> Option<Duration> {
        let millis = node.settings.current().replication.write_acks_timeout_ms;
        (node.acks(self.state.write_acks) > 0 || node.is_leased())
            .then(|| Duration::from_millis(u64::from(millis)))
    }

    /// Waits for replicas no longer, for what has waited until `offset`: what every reply that waits is replaced with, or none where they are sent as
    /// they are. `None` where the append-only file is waited for, too.
    #[must_use]
    pub fn give_up_acks(&mut self, node: &Node, offset: u64) -> Option<Option<Vec<u8>>> {
        if !node.give_up_acks(offset, self.unconfirmed(), &self.state.client) {
            return None;
        }
        self.state.given_up = self.state.log_offset;
        let replication = &node.settings.current().replication;
        let mut error = Vec::new();
        if !node.holds_lease() {
            // Whoever leads the others may not have it.
            Reply::new(&mut error, self.state.protocol).error(format_args!(
                "UNACKED a majority of the cluster did not answer within the node timeout: what was written may be kept or lost"
            ));
            return Some(Some(error));
        }
        if replication.write_acks_policy == WriteAcksPolicy::Degrade {
            return Some(None);
        }
        let (acks, millis) = (node.acks(self.state.write_acks), replication.write_acks_timeout_ms);
        Reply::new(&mut error, self.state.protocol).error(format_args!(
            "UNACKED {acks} replicas did not acknowledge within {millis} ms: what was written may be kept or lost"
        ));
        Some(Some(error))
    }

    /// Up to where the log tells of what it has written, and was not told to be unsure of.
    fn unconfirmed(&self) -> u64 {
        let written = self.state.log_offset;
        if written > self.state.given_up { written } else { 0 }
    }
}
