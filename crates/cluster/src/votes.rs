//! Votes for the replicas of others: when a failed primary's replica asks, at most one gets our voice in an
//! epoch.
//!
//! *Invariants*: 1. One vote for each epoch. 2. The vote is on disk before it is sent (see
//! `Machine::finish`). 3. No vote shortly after the start, when a newer configuration may not have arrived.

use crate::links::LinkId;
use crate::machine::{LogLevel, Machine};
use crate::nodes::{MYSELF, NodeIndex};
use crate::wire::{Body, Header, MessageFlags, NodeFlags, Packet, PacketType, encode};

/// Why a request gets no vote.
enum Denial {
    /// We have no say: no slots, or just started.
    NoSay,
    /// The request is of an epoch that has passed.
    EpochPassed,
    /// This epoch's vote is given.
    AlreadyVoted,
    /// The requester is no replica of a primary that we know.
    NoReplica,
    /// Its primary does not fail.
    PrimaryUp,
    /// It may be acknowledging writes for this node has answered it.
    Promised,
    /// Another replica has more.
    StaleData(NodeIndex),
    /// Somebody claims one of the slots with a greater epoch.
    StaleClaim(NodeIndex),
    /// There is no link to send the vote on.
    NoLink,
}

impl Machine {
    /// A node asks for our vote.
    pub(crate) fn vote_requested(&mut self, requester: NodeIndex, header: &Header<'_>) {
        let verdict = self.judge(requester, header);
        let id = self.describe(requester);
        let (why, epoch) = match verdict {
            Ok(link) => return self.vote(requester, link),
            Err(Denial::NoSay) => return,
            Err(Denial::EpochPassed) => ("its epoch has passed", header.current_epoch),
            Err(Denial::AlreadyVoted) => ("already voted for this epoch", self.last_vote_epoch),
            Err(Denial::NoReplica) => ("it is no replica of a known master", header.current_epoch),
            Err(Denial::PrimaryUp) => ("its master is up", header.current_epoch),
            Err(Denial::Promised) => ("its master was heard of too lately", header.current_epoch),
            Err(Denial::StaleData(sibling)) => {
                let sibling = self.describe(sibling);
                let offset = header.offset;
                return self.log(LogLevel::Notice, || {
                    format!(
                        "Failover auth denied to {id}: replica {sibling} has more than its {offset}"
                    )
                });
            }
            Err(Denial::NoLink) => ("there is no link to it", header.current_epoch),
            Err(Denial::StaleClaim(owner)) => {
                if let Some(link) = self.nodes[requester].outbound {
                    self.send_update(link, owner);
                }
                ("one of its slots is claimed with a greater epoch", header.config_epoch)
            }
        };
        self.log(LogLevel::Notice, || {
            format!("Failover auth denied to {id}: {why} (epoch {epoch})")
        });
    }

    fn judge(&self, requester: NodeIndex, header: &Header<'_>) -> Result<LinkId, Denial> {
        if !self.nodes[MYSELF].votes() || self.just_started() {
            return Err(Denial::NoSay);
        }
        if header.current_epoch < self.current_epoch {
            return Err(Denial::EpochPassed);
        }
        if self.last_vote_epoch >= self.current_epoch {
            return Err(Denial::AlreadyVoted);
        }
        let node = &self.nodes[requester];
        let primary = node
            .replica_of
            .filter(|_| node.is_replica())
            .and_then(|id| self.nodes.find(&id))
            .ok_or(Denial::NoReplica)?;
        let forced = header.message_flags.has(MessageFlags::FORCE_ACK);
        if !self.nodes[primary].is(NodeFlags::FAIL) && !forced {
            return Err(Denial::PrimaryUp);
        }
        if !forced && self.has_promised(primary) {
            return Err(Denial::Promised);
        }
        if !forced && let Some(sibling) = self.fresher_sibling(requester, header.offset) {
            return Err(Denial::StaleData(sibling));
        }
        let newer_owner = header.slots.iter().find_map(|slot| {
            let owner = self.slots.owner(slot)?;
            (self.nodes[owner].config_epoch > header.config_epoch).then_some(owner)
        });
        if let Some(owner) = newer_owner {
            return Err(Denial::StaleClaim(owner));
        }
        let link = node.outbound.ok_or(Denial::NoLink)?;
        self.links.get(link).filter(|link| link.connected).ok_or(Denial::NoLink)?;
        Ok(link)
    }

    fn vote(&mut self, requester: NodeIndex, link: LinkId) {
        self.last_vote_epoch = self.current_epoch;
        self.save(true);
        let bytes = encode(&Packet { header: self.header(), body: Body::AuthAck });
        self.send(link, PacketType::AuthAck, bytes);
        let (id, epoch) = (self.describe(requester), self.current_epoch);
        self.log(LogLevel::Notice, || format!("Failover auth granted to {id} for epoch {epoch}"));
    }
}
