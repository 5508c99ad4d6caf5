//! Who fails: what this node believes by itself (PFAIL), and what the majority agrees on (FAIL).
//!
//! ```text
//!            no answer and no data for the node timeout        reports of a majority, or a FAIL packet
//!   reachable ------------------------------------------> PFAIL ------------------------------> FAIL
//!       ^                    a PONG                          |                                    |
//!       +----------------------------------------------------+                                    |
//!       +------ a PONG, and no replica of it may be taking over --------------------+
//! ```

use crate::machine::{LogLevel, Machine};
use crate::node::FailureReport;
use crate::nodes::{MYSELF, NodeIndex};
use crate::wire::{Body, NodeFlags, Packet, PacketType, encode};
use std::time::Duration;

/// A report counts for this many node timeouts, and a failed primary that comes back with slots stays
/// failed as long.
const VALIDITY_TIMEOUTS: u32 = 2;

impl Machine {
    fn report_validity(&self) -> Duration {
        self.node_timeout() * VALIDITY_TIMEOUTS
    }

    /// This node believes that another fails.
    pub(crate) fn believe_failing(&mut self, index: NodeIndex) {
        self.nodes[index].flags |= NodeFlags::PFAIL;
        self.suspects.push(index);
        let node = self.describe(index);
        self.log(LogLevel::Debug, || format!("*** NODE {node} possibly failing"));
        self.pending.state = true;
        self.agree_on_failure(index);
        self.report_to_replicas(index);
    }

    /// Tells the replicas of a primary at once that it is believed to fail: they are the first that have to know.
    ///
    /// BACKGROUND: reports go with heartbeats, and the next one may be half a node timeout away. To tell
    /// everybody would be a packet for each pair of nodes; the replicas are few, and tell all others when it is
    /// agreed.
    fn report_to_replicas(&mut self, index: NodeIndex) {
        if !self.nodes[MYSELF].votes() || !self.nodes[index].votes() {
            return;
        }
        let id = self.nodes[index].id;
        let replicas = self.nodes.iter().filter(|(_, node)| node.replica_of == Some(id));
        let links: Vec<_> = replicas.filter_map(|(_, node)| node.outbound).collect();
        links.into_iter().for_each(|link| self.heartbeat(link, PacketType::Ping));
    }

    /// This node no longer believes by itself that another fails.
    pub(crate) fn trust(&mut self, index: NodeIndex) {
        if self.nodes[index].is(NodeFlags::PFAIL) {
            self.nodes[index].flags.clear(NodeFlags::PFAIL);
            self.suspects.retain(|suspect| *suspect != index);
        }
    }

    /// `reporter` holds `subject` for failing.
    pub(crate) fn failure_reported(&mut self, subject: NodeIndex, reporter: NodeIndex) {
        let at = self.now.monotonic;
        let reports = &mut self.nodes[subject].reports;
        let is_new = match reports.iter_mut().find(|report| report.reporter == reporter) {
            Some(report) => {
                report.at = at;
                false
            }
            None => {
                reports.push(FailureReport { reporter, at });
                true
            }
        };
        if is_new {
            let (reporter, subject) = (self.describe(reporter), self.describe(subject));
            self.log(LogLevel::Verbose, || {
                format!("Node {reporter} reported node {subject} as not reachable.")
            });
        }
        self.agree_on_failure(subject);
    }

    /// `reporter` no longer holds `subject` for failing.
    pub(crate) fn failure_withdrawn(&mut self, subject: NodeIndex, reporter: NodeIndex) {
        let reports = &mut self.nodes[subject].reports;
        let before = reports.len();
        reports.retain(|report| report.reporter != reporter);
        if reports.len() < before {
            let (reporter, subject) = (self.describe(reporter), self.describe(subject));
            self.log(LogLevel::Verbose, || {
                format!("Node {reporter} reported node {subject} is back online.")
            });
        }
    }

    /// Reports about a node that still count.
    pub(crate) fn valid_reports(&mut self, subject: NodeIndex) -> usize {
        let (now, validity) = (self.now.monotonic, self.report_validity());
        let reports = &mut self.nodes[subject].reports;
        reports.retain(|report| now.since(report.at) <= validity);
        reports.len()
    }

    /// Turns PFAIL into FAIL, and tells everyone, when a majority of the voting primaries agrees.
    fn agree_on_failure(&mut self, subject: NodeIndex) {
        let node = &self.nodes[subject];
        if !node.is(NodeFlags::PFAIL) || node.is(NodeFlags::FAIL) {
            return;
        }
        let agreeing = self.valid_reports(subject) + usize::from(self.nodes[MYSELF].votes());
        if agreeing < self.quorum() {
            return;
        }
        let node = self.describe(subject);
        self.log(LogLevel::Notice, || format!("Marking node {node} as failing (quorum reached)."));
        self.mark_failed(subject);
        let body = Body::Fail(self.nodes[subject].id);
        let bytes = encode(&Packet { header: self.header(), body });
        self.broadcast(PacketType::Fail, &bytes);
    }

    fn mark_failed(&mut self, subject: NodeIndex) {
        let now = self.now.monotonic;
        self.trust(subject);
        let node = &mut self.nodes[subject];
        node.flags |= NodeFlags::FAIL;
        node.failed_at = Some(now);
        self.changed();
    }

    /// A known node says that the majority agreed.
    pub(crate) fn fail_received(&mut self, sender: NodeIndex, subject: NodeIndex) {
        if subject == MYSELF || self.nodes[subject].is(NodeFlags::FAIL) {
            return;
        }
        let (sender, node) = (self.describe(sender), self.describe(subject));
        self.log(LogLevel::Notice, || format!("FAIL message received from {sender} about {node}"));
        self.mark_failed(subject);
    }

    /// A PONG came on our own link to the node.
    pub(crate) fn answered(&mut self, index: NodeIndex) {
        let now = self.now.monotonic;
        let node = &mut self.nodes[index];
        node.pong_received = Some(now);
        node.answered = node.ping_sent.take().or(node.answered);
        if node.is(NodeFlags::PFAIL) {
            self.trust(index);
            self.pending.state = true;
            self.pending.save = true;
        } else if node.is(NodeFlags::FAIL) {
            self.clear_failure(index);
        }
    }

    /// A failed node answers again. A primary with slots stays failed for a while, to give its replicas the
    /// time to take over what the majority already gave up. Redis waits also where there is no replica; then
    /// nobody can take over, and waiting would only keep the slots down.
    fn clear_failure(&mut self, index: NodeIndex) {
        let (now, validity) = (self.now.monotonic, self.report_validity());
        let node = &self.nodes[index];
        let long_ago = node.failed_at.is_none_or(|at| now.since(at) > validity);
        let replaceable = self.nodes.iter().any(|(_, other)| other.replica_of == Some(node.id));
        if node.votes() && replaceable && !long_ago {
            return;
        }
        let why = match (node.is_replica(), node.slot_count) {
            (true, _) => "replica is reachable again.",
            (false, 0) => "master without slots is reachable again.",
            (false, _) => "is reachable again and nobody is serving its slots after some time.",
        };
        self.nodes[index].flags.clear(NodeFlags::FAIL);
        self.nodes[index].failed_at = None;
        let node = self.describe(index);
        self.log(LogLevel::Notice, || format!("Clear FAIL state for node {node}: {why}"));
        self.changed();
    }

    /// Primaries with slots: those whose majority decides.
    pub(crate) fn voting_primaries(&self) -> usize {
        self.nodes.iter().filter(|(_, node)| node.votes()).count()
    }

    /// How many voting primaries make a majority.
    pub(crate) fn quorum(&self) -> usize {
        self.voting_primaries() / 2 + 1
    }
}
