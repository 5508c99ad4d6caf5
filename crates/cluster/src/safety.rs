//! What this node does beyond Redis so that no acknowledged write is lost. It concerns nodes of ours alone, and
//! stands in nobody else's way.
//!
//! **Leases.** A primary that waits for replicas (`write-acks`) acknowledges only while a majority has answered
//! pings that it sent within the node timeout. Who has answered votes for no replica of it before that time has
//! passed: whoever wins has the vote of one that has not heard of the old primary for that long, and by then the
//! old primary, wherever it is, acknowledges nothing any more.
//!
//! **Asking.** A primary that comes back does not serve before it has heard of its replicas. One that has more
//! takes over first.

use crate::machine::{LogLevel, Machine, Output};
use crate::manual::Manual;
use crate::nodes::{MYSELF, NodeIndex};
use crate::wire::{Header, MessageFlags, NodeFlags};
use base::Monotonic;

/// Until when this primary may acknowledge writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lease {
    /// Nothing is asked of it.
    Free,
    /// Until this moment, where no more answers come.
    Until(Monotonic),
}

impl Machine {
    /// Whether this node acknowledges only what it has a lease for.
    pub(crate) fn leases(&self) -> bool {
        self.config.leases && self.nodes[MYSELF].votes()
    }

    /// Tells the shell until when it may acknowledge, where that has changed.
    pub(crate) fn renew_lease(&mut self) {
        let lease = self.lease();
        if lease != self.failover.lease {
            self.failover.lease = lease;
            self.output(Output::Leased(lease));
        }
    }

    fn lease(&self) -> Lease {
        // This node is one of the majority.
        let others = self.quorum().saturating_sub(1);
        let Some(last) = others.checked_sub(1).filter(|_| self.leases()) else {
            return Lease::Free;
        };
        let voters = self.nodes.iter().filter(|(index, node)| *index != MYSELF && node.votes());
        let mut answers: Vec<Option<Monotonic>> = voters.map(|(_, node)| node.answered).collect();
        answers.sort_unstable_by(|a, b| b.cmp(a));
        let oldest = answers.get(last).copied().flatten();
        Lease::Until(oldest.map_or(Monotonic::default(), |at| at + self.node_timeout()))
    }

    /// Whether a primary of ours may still be acknowledging because this node has answered it.
    pub(crate) fn has_promised(&self, primary: NodeIndex) -> bool {
        let node = &self.nodes[primary];
        let heard = node.data_received.map(|at| self.now.monotonic.since(at));
        node.redstart && node.says_ok && heard.is_some_and(|ago| ago < self.node_timeout())
    }

    /// A reachable replica of ours, of the same primary, that has more than a candidate tells of itself.
    pub(crate) fn fresher_sibling(&self, candidate: NodeIndex, offset: u64) -> Option<NodeIndex> {
        let primary = self.nodes[candidate].replica_of.filter(|_| self.nodes[candidate].redstart);
        let is_fresher = |(index, node): &(NodeIndex, &crate::node::Node)| {
            *index != candidate
                && node.redstart
                && node.replica_of == primary
                && !node.is_unreachable()
                && !node.is(NodeFlags::NOFAILOVER)
                && node.offset > offset
        };
        primary?;
        self.nodes.iter().find(is_fresher).map(|(index, _)| index)
    }

    /// Whether this primary, which was one before its start, does not know yet that no replica has more than it.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        self.failover.asking
    }

    /// Looks whether the replicas were heard of, and what they have.
    pub(crate) fn pursue_asking(&mut self) {
        if !self.failover.asking {
            return;
        }
        let (mine, id) = (self.failover.data, self.my_id());
        // Keys without a place in the stream are those of an append-only file, which is not behind.
        let knows_place = mine.offset > 0 || !mine.has_keys;
        let patience = self.node_timeout().max(crate::state::START_DELAY);
        let is_late = self.now.monotonic.since(self.state_clock.started()) > patience;
        let is_mine = |node: &crate::node::Node| node.replica_of == Some(id);
        let (mut waits, mut fresher): (_, Option<NodeIndex>) = (false, None);
        for (index, node) in self.nodes.iter().filter(|(_, node)| is_mine(node)) {
            // That it failed before this node's start says nothing: it is given as long as this node waits anyway.
            let is_given_up = node.is_unreachable() && !self.just_started();
            if is_given_up || node.is(NodeFlags::NOADDR) {
                continue;
            }
            waits |= node.data_received.is_none();
            let most = fresher.map_or(mine.offset, |best| self.nodes[best].offset);
            if node.redstart && node.offset > most && knows_place {
                fresher = Some(index);
            }
        }
        // One that was not heard of yet may have more still.
        let fresher = fresher.filter(|_| !waits || is_late);
        if fresher != self.failover.fresher {
            self.failover.fresher = fresher;
            if let Some(replica) = fresher {
                let (name, has) = (self.describe(replica), self.nodes[replica].offset);
                self.log(LogLevel::Warning, || {
                    format!("Replica {name} has data up to offset {has}, this node up to {}: it is to take over.", mine.offset)
                });
            }
        }
        if fresher.is_none() && (!waits || is_late) {
            self.failover.asking = false;
            self.pending.state = true;
        }
    }

    /// Whether this node's heartbeats ask a replica to take over: the one that has most, where that is known here.
    /// What replicas know of each other is older.
    pub(crate) fn gives_way_to(&self, replica: Option<NodeIndex>) -> bool {
        let ends = self.failover.is_ending && self.stands_still();
        ends || self.failover.asking && replica.is_some() && replica == self.failover.fresher
    }

    /// The primary has come back with less than this node has, or is about to end.
    pub(crate) fn note_giving_way(&mut self, sender: NodeIndex, header: &Header<'_>) {
        let flags = header.message_flags;
        let gives_way = flags.from_redstart() && flags.0[1] & MessageFlags::GIVES_WAY != 0;
        if !gives_way || self.my_primary() != Some(sender) || self.failover.manual.is_some() {
            return;
        }
        let ends = self.now.monotonic + self.config.manual_failover_timeout;
        if flags.has(MessageFlags::PAUSED) && self.rank() == 0 {
            self.failover.manual = Some(Manual::up_to(header.offset, ends));
            self.log(LogLevel::Notice, || "The master is about to end: taking over.".to_owned());
        } else if !flags.has(MessageFlags::PAUSED) && self.nodes[MYSELF].offset > header.offset {
            self.failover.manual = Some(Manual::ready(ends));
            self.log(LogLevel::Notice, || {
                "The master has come back with less data than are here: taking over.".to_owned()
            });
        }
    }
}
