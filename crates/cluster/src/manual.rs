//! Failovers that an operator orders (CLUSTER FAILOVER).
//!
//! ```text
//!   replica                              primary
//!      | ---------- MFSTART ---------------> |  writes wait
//!      | <--- PING, PAUSED, offset --------- |
//!      |  the stream has come that far       |
//!      | ---- AUTH_REQUEST, FORCEACK ------> all primaries
//! ```

use crate::election::Election;
use crate::epochs::Bump;
use crate::error::ClusterError;
use crate::machine::{LogLevel, Machine, Now, Output};
use crate::nodes::{MYSELF, NodeIndex};
use crate::wire::{Body, Header, MessageFlags, NodeFlags, Packet, PacketType, encode};
use base::Monotonic;

/// How much is asked before a replica takes over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takeover {
    /// The primary hands over, the majority votes.
    Agreed,
    /// The primary is not asked (FORCE).
    Forced,
    /// Nobody is (TAKEOVER).
    Unilateral,
}

/// An order to take over that goes on.
#[derive(Clone, Debug)]
pub(crate) struct Manual {
    ends: Monotonic,
    /// Where the primary has stopped.
    offset: Option<u64>,
    is_ready: bool,
}

/// A primary that lets a replica take over.
#[derive(Clone, Debug)]
pub(crate) struct Yielding {
    to: NodeIndex,
    ends: Monotonic,
    /// Writes wait, all that were under way are in the stream.
    is_paused: bool,
}

impl Manual {
    /// One for which nothing has to be waited for.
    pub(crate) fn ready(ends: Monotonic) -> Manual {
        Manual { ends, offset: None, is_ready: true }
    }

    /// One for which the stream has to come so far.
    pub(crate) fn up_to(offset: u64, ends: Monotonic) -> Manual {
        Manual { ends, offset: Some(offset), is_ready: false }
    }
}

impl Machine {
    /// CLUSTER FAILOVER: this replica takes over.
    ///
    /// # Errors
    /// [`ClusterError`] for a primary, and where the primary cannot be asked.
    pub fn fail_over(&mut self, now: Now, how: Takeover) -> Result<(), ClusterError> {
        if !self.is_replica() {
            return Err(ClusterError::FailoverOfPrimary);
        }
        let primary = self.my_primary().ok_or(ClusterError::PrimaryUnknown)?;
        let link = self.nodes[primary].outbound;
        if how == Takeover::Agreed && (self.nodes[primary].is(NodeFlags::FAIL) || link.is_none()) {
            return Err(ClusterError::PrimaryDown);
        }
        self.begin(now);
        self.end_failovers();
        match how {
            Takeover::Unilateral => {
                self.log(LogLevel::Notice, || "Taking over the master (user request).".to_owned());
                let (Bump::Bumped(epoch) | Bump::Still(epoch)) = self.bump_unilaterally();
                self.failover.election = Some(Election::taken(now.monotonic, epoch));
                self.output(Output::Promote);
            }
            Takeover::Agreed | Takeover::Forced => {
                let is_ready = how == Takeover::Forced;
                let ends = now.monotonic + self.config.manual_failover_timeout;
                self.failover.manual = Some(Manual { ends, offset: None, is_ready });
                self.log(LogLevel::Notice, || match is_ready {
                    true => "Forced failover user request accepted.".to_owned(),
                    false => "Manual failover user request accepted.".to_owned(),
                });
                if let Some(link) = link.filter(|_| !is_ready) {
                    let body = Body::ManualFailoverStart;
                    let bytes = encode(&Packet { header: self.header(), body });
                    self.send(link, PacketType::ManualFailoverStart, bytes);
                }
            }
        }
        self.finish();
        Ok(())
    }

    /// Whether an order to take over has come so far that votes may be asked for.
    pub(crate) fn pursue_manual(&mut self) -> bool {
        let (now, offset) = (self.now.monotonic, self.failover.data.offset);
        let Some(manual) = &mut self.failover.manual else { return false };
        if now > manual.ends {
            self.failover.manual = None;
            self.log(LogLevel::Warning, || "Manual failover timed out.".to_owned());
            return false;
        }
        if !manual.is_ready && manual.offset.is_some_and(|stop| offset >= stop) {
            manual.is_ready = true;
            self.log(LogLevel::Notice, || {
                "All master replication stream processed, manual failover can start.".to_owned()
            });
        }
        self.failover.manual.as_ref().is_some_and(|manual| manual.is_ready)
    }

    /// The primary may have told where it has stopped.
    pub(crate) fn note_stop(&mut self, sender: NodeIndex, header: &Header<'_>) {
        if !header.message_flags.has(MessageFlags::PAUSED) || self.my_primary() != Some(sender) {
            return;
        }
        let Some(manual) = self.failover.manual.as_mut().filter(|one| one.offset.is_none()) else {
            return;
        };
        manual.offset = Some(header.offset);
        let offset = header.offset;
        self.log(LogLevel::Notice, || {
            format!("Received replication offset for paused master manual failover: {offset}")
        });
    }

    /// A replica asks this primary to give way.
    pub(crate) fn asked_to_yield(&mut self, sender: NodeIndex) {
        let mine = self.my_id();
        if self.is_replica() || self.nodes[sender].replica_of != Some(mine) {
            return;
        }
        let replica = self.describe(sender);
        self.log(LogLevel::Warning, || format!("Manual failover requested by replica {replica}."));
        self.yield_to(sender);
    }

    fn yield_to(&mut self, replica: NodeIndex) {
        let ends = self.now.monotonic + self.config.manual_failover_timeout;
        self.failover.yielding = Some(Yielding { to: replica, ends, is_paused: false });
        self.output(Output::PauseWrites);
    }

    /// Has the replica of ours take over that is furthest, for this primary is about to end
    /// (`shutdown-on-sigterm failover`); whether there is one.
    pub fn give_way(&mut self, now: Now) -> bool {
        self.begin(now);
        let id = self.my_id();
        let is_able = |node: &crate::node::Node| {
            node.replica_of == Some(id) && node.redstart && !node.is_unreachable()
        };
        let able = self.nodes.iter().filter(|(_, node)| is_able(node) && node.outbound.is_some());
        let best = able.max_by_key(|(_, node)| node.offset).map(|(index, _)| index);
        let best = best.filter(|_| self.nodes[MYSELF].votes());
        if let Some(replica) = best {
            let name = self.describe(replica);
            self.log(LogLevel::Notice, || format!("Replica {name} is to take over."));
            self.yield_to(replica);
            self.failover.is_ending = true;
        }
        self.finish();
        best.is_some()
    }

    /// Whether a replica is about to take over.
    #[must_use]
    pub fn is_yielding(&self) -> bool {
        self.failover.yielding.is_some()
    }

    /// Writes wait, as [`Output::PauseWrites`] asked, and what were under way are in the stream: how far that is
    /// was reported.
    pub fn writes_paused(&mut self, now: Now) {
        self.begin(now);
        if let Some(yielding) = &mut self.failover.yielding {
            yielding.is_paused = true;
            self.tell_stop();
        }
        self.finish();
    }

    /// Whether this node's offset stands still, for a replica to reach it.
    #[must_use]
    pub(crate) fn stands_still(&self) -> bool {
        self.failover.yielding.as_ref().is_some_and(|one| one.is_paused)
    }

    /// Tells the replica that is to take over how far it has to come, or takes the writes back where it does not.
    pub(crate) fn pursue_yielding(&mut self) {
        let Some(yielding) = &self.failover.yielding else { return };
        if self.now.monotonic > yielding.ends {
            self.log(LogLevel::Warning, || "Manual failover timed out.".to_owned());
            self.end_yielding();
        } else if yielding.is_paused {
            self.tell_stop();
        }
    }

    fn tell_stop(&mut self) {
        let to = self.failover.yielding.as_ref().and_then(|one| self.nodes.at(one.to));
        if let Some(link) = to.and_then(|node| node.outbound) {
            self.heartbeat(link, PacketType::Ping);
        }
    }

    pub(crate) fn end_yielding(&mut self) {
        self.pending.resume |= self.failover.yielding.take().is_some();
    }

    /// A node is gone: it takes over nothing.
    pub(crate) fn forget_yielding_to(&mut self, index: NodeIndex) {
        if self.failover.yielding.as_ref().is_some_and(|one| one.to == index) {
            self.end_yielding();
        }
    }

    /// CLUSTER FAILOVER FORCE in the primary's stream: it ends, and has chosen this node.
    pub fn inherit(&mut self, now: Now) {
        if self.nodes[MYSELF].is_replica() {
            // Of a replica with a known primary nothing is refused; of any other there is nothing to take over.
            let _ = self.fail_over(now, Takeover::Forced);
        }
    }
}
