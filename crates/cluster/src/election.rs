//! Elections: a replica whose primary fails asks for votes, and takes over with those of a majority.
//!
//! ```text
//!   primary FAIL --> scheduled --delay, by rank--> requested, in a new epoch --majority--> won --> promoted
//!                        ^                              |
//!                        +------ no majority in time ---+
//! ```
//!
//! *Invariants*: 1. The epoch of an election is on disk before anybody is asked. 2. A vote counts once, and only
//! if it was given in that epoch or later.

use crate::machine::{LogLevel, Machine, Output};
use crate::nodes::{MYSELF, NodeIndex};
use crate::wire::{Body, Header, MessageFlags, NodeFlags, Packet, PacketType, encode};
use base::{Epoch, Monotonic, NodeId};
use std::time::Duration;

/// The delay of an election is a share of the node timeout, as Valkey 9 scales it, and no more than this.
const DELAY_MAX: Duration = Duration::from_millis(500);
const DELAY_SHARE: u32 = 30;

/// How much longer a replica waits that is nowhere in the stream: it has nothing to offer.
const DELAY_WITHOUT_DATA: Duration = Duration::from_millis(500);

/// The least time that votes are waited for.
const VOTING_TIME_MIN: Duration = Duration::from_secs(2);

/// An election of this node.
#[derive(Clone, Debug)]
pub(crate) struct Election {
    scheduled: Monotonic,
    starts: Monotonic,
    /// How many replicas are better suited, and how many shards are before this one.
    rank: u32,
    is_manual: bool,
    /// From when votes were asked for.
    epoch: Option<Epoch>,
    votes: Vec<NodeId>,
    is_won: bool,
}

impl Election {
    /// The epoch of an election that was won.
    pub(crate) fn won(&self) -> Option<Epoch> {
        self.epoch.filter(|_| self.is_won)
    }

    /// Whether it went without voters.
    pub(crate) fn asked_nobody(&self) -> bool {
        self.votes.is_empty()
    }

    /// An election without voters (CLUSTER FAILOVER TAKEOVER).
    pub(crate) fn taken(now: Monotonic, epoch: Epoch) -> Election {
        Election {
            scheduled: now,
            starts: now,
            rank: 0,
            is_manual: true,
            epoch: Some(epoch),
            votes: Vec::new(),
            is_won: true,
        }
    }
}

impl Machine {
    /// What a replica does about its primary's failure, or about an operator's order.
    pub(crate) fn pursue_failover(&mut self) {
        let Some(primary) = self.my_primary() else { return };
        let is_manual = self.pursue_manual();
        if !is_manual && !self.may_stand(primary) {
            return;
        }
        let now = self.now.monotonic;
        let (voting_time, retry_time) = self.voting_times();
        let is_over = self.failover.election.as_ref().is_none_or(|election| {
            now.since(election.scheduled) > retry_time || election.is_manual != is_manual
        });
        if is_over {
            self.schedule_election(is_manual);
        }
        let rank = self.rank();
        let step = self.election_delay() * 2;
        let Some(election) = &mut self.failover.election else { return };
        if election.epoch.is_some() {
            return;
        }
        if !is_manual && rank != election.rank {
            election.starts = if rank > election.rank {
                election.starts + step * (rank - election.rank)
            } else {
                election.starts - step * (election.rank - rank)
            };
            election.rank = rank;
        }
        let is_late = now.since(election.scheduled) > voting_time;
        if now >= election.starts && !is_late {
            self.ask_for_votes();
        }
    }

    /// How long votes are waited for, and when they are asked for again.
    ///
    /// BACKGROUND: voters of Redis vote for one replica of a primary in two node timeouts, whatever the epoch, so
    /// there is no use in asking again earlier. Ours look at epochs alone, and may have refused for a reason that
    /// passes soon: a sibling that had more and has died since.
    fn voting_times(&self) -> (Duration, Duration) {
        let is_ours = |(index, node): (NodeIndex, &crate::node::Node)| {
            index == MYSELF || !node.votes() || node.redstart || node.is_unreachable()
        };
        if self.nodes.iter().all(is_ours) {
            let time = (self.node_timeout() / 2).max(VOTING_TIME_MIN / 4);
            return (time, time);
        }
        let time = (self.node_timeout() * 2).max(VOTING_TIME_MIN);
        (time, time * 2)
    }

    /// Whether this node may take over by itself.
    fn may_stand(&self, primary: NodeIndex) -> bool {
        let primary = &self.nodes[primary];
        let nothing_to_offer = self.nodes[MYSELF].offset == 0 && primary.offset > 0;
        primary.is(NodeFlags::FAIL)
            && primary.slot_count > 0
            && !self.config.replica_no_failover
            && !nothing_to_offer
            && self.data_are_valid()
    }

    /// Whether the data are fresh enough (`cluster-replica-validity-factor`).
    fn data_are_valid(&self) -> bool {
        let factor = self.config.replica_validity_factor;
        if factor == 0 {
            return true;
        }
        let Some(heard) = self.failover.data.heard else { return false };
        let timeout = self.node_timeout();
        let age = self.now.monotonic.since(heard);
        let age = if age > timeout { age - timeout } else { age };
        age <= self.config.ping_replica_period + timeout.saturating_mul(factor)
    }

    fn election_delay(&self) -> Duration {
        (self.node_timeout() / DELAY_SHARE).min(DELAY_MAX)
    }

    /// How many replicas of the same primary are better suited than this one.
    pub(crate) fn rank(&self) -> u32 {
        let me = &self.nodes[MYSELF];
        let is_better = |index: &NodeIndex| {
            let other = &self.nodes[*index];
            !other.is(NodeFlags::NOFAILOVER | NodeFlags::FAIL)
                && (other.offset > me.offset || other.offset == me.offset && other.id < me.id)
        };
        self.siblings().filter(is_better).count() as u32
    }

    /// How many failed primaries' replicas go first: two elections at a time take each other's votes.
    fn shards_before(&self) -> u32 {
        let shard = self.nodes[MYSELF].shard;
        let is_before = |node: &crate::node::Node| {
            node.is(NodeFlags::FAIL) && node.votes() && node.shard < shard
        };
        let has_replica =
            |id: NodeId| self.nodes.iter().any(|(_, node)| node.replica_of == Some(id));
        let failed = self.nodes.iter().filter(|(_, node)| is_before(node));
        failed.filter(|(_, node)| has_replica(node.id)).count() as u32
    }

    fn schedule_election(&mut self, is_manual: bool) {
        let now = self.now.monotonic;
        let (rank, shards) = if is_manual { (0, 0) } else { (self.rank(), self.shards_before()) };
        let offset = self.nodes[MYSELF].offset;
        let delay = if is_manual {
            Duration::ZERO
        } else {
            let unit = self.election_delay();
            let jitter = Duration::from_micros(self.rng.below(unit.as_micros().max(1) as u64));
            let without_data = if offset == 0 { DELAY_WITHOUT_DATA } else { Duration::ZERO };
            unit + jitter + unit * 2 * rank + unit * shards + without_data
        };
        self.failover.election = Some(Election {
            scheduled: now,
            starts: now + delay,
            rank,
            is_manual,
            epoch: None,
            votes: Vec::new(),
            is_won: false,
        });
        self.log(LogLevel::Notice, || {
            format!(
                "Start of election delayed for {} milliseconds (rank #{rank}, primary rank #{shards}, offset {offset}).",
                delay.as_millis()
            )
        });
        // They learn how far this node is, and it learns how far they are.
        let links: Vec<_> =
            self.siblings().filter_map(|sibling| self.nodes[sibling].outbound).collect();
        links.into_iter().for_each(|link| self.heartbeat(link, PacketType::Pong));
    }

    fn ask_for_votes(&mut self) {
        self.current_epoch = self.current_epoch.next();
        let epoch = self.current_epoch;
        let Some(election) = &mut self.failover.election else { return };
        election.epoch = Some(epoch);
        let is_manual = election.is_manual;
        self.save(true);
        self.log(LogLevel::Notice, || format!("Starting a failover election for epoch {epoch}."));
        let mut header = self.header();
        if is_manual {
            // It is up, and gives way: voters need not have seen it fail.
            header.message_flags.0[0] |= MessageFlags::FORCE_ACK;
        }
        let bytes = encode(&Packet { header, body: Body::AuthRequest });
        self.broadcast(PacketType::AuthRequest, &bytes);
    }

    /// A vote has come.
    pub(crate) fn vote_received(&mut self, sender: NodeIndex, header: &Header<'_>) {
        let (votes, id) = (self.nodes[sender].votes(), self.nodes[sender].id);
        let quorum = self.quorum();
        let Some(election) = &mut self.failover.election else { return };
        let Some(epoch) = election.epoch.filter(|_| votes && !election.is_won) else { return };
        if header.current_epoch < epoch || election.votes.contains(&id) {
            return;
        }
        election.votes.push(id);
        if election.votes.len() < quorum || !self.nodes[MYSELF].is_replica() {
            return;
        }
        election.is_won = true;
        self.log(LogLevel::Notice, || "Failover election won: I'm the new master.".to_owned());
        self.output(Output::Promote);
    }

    /// Somebody claims slots with an epoch that this node's election is for: it was not given to this node.
    pub(crate) fn epoch_is_taken(&mut self, epoch: Epoch) {
        let lost = |election: &Election| election.epoch.is_some_and(|mine| epoch >= mine);
        if self.failover.election.as_ref().is_some_and(|one| lost(one) && !one.is_won) {
            self.failover.election = None;
        }
    }
}
