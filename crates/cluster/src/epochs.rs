//! Epochs: the cluster's logical clock, and the version of each primary's claim to its slots.
//!
//! *Invariants*: 1. The current epoch never falls. 2. It is at least every config epoch known here. 3. The
//! config epochs of primaries end up distinct.

use crate::machine::{LogLevel, Machine};
use crate::nodes::{MYSELF, NodeIndex};
use base::Epoch;

/// What CLUSTER BUMPEPOCH did; `Display` is its reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bump {
    /// This node has a new, greatest config epoch.
    Bumped(Epoch),
    /// It had the greatest one already.
    Still(Epoch),
}

impl std::fmt::Display for Bump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bump::Bumped(epoch) => write!(f, "BUMPED {epoch}"),
            Bump::Still(epoch) => write!(f, "STILL {epoch}"),
        }
    }
}

impl Machine {
    /// A packet of a known node carries the greatest epoch it has seen.
    pub(crate) fn current_epoch_seen(&mut self, epoch: Epoch) {
        if epoch > self.current_epoch {
            self.current_epoch = epoch;
            self.save(false);
        }
    }

    /// A heartbeat of a primary carries the epoch of its claim; a replica's is its primary's, and comes from
    /// there.
    ///
    /// BACKGROUND: Redis takes the config epoch from every packet, but the slots only from heartbeats. In
    /// between it knows the new epoch with the old slots, and if it corrects somebody just then, its UPDATE
    /// gives a slot back to a node that has lost it. The simulator found this.
    ///
    /// BEHAVIOR: epoch and slots of a claim are taken from the same packet, together.
    pub(crate) fn config_epoch_seen(&mut self, claimant: NodeIndex, epoch: Epoch) {
        if epoch > self.nodes[claimant].config_epoch {
            self.nodes[claimant].config_epoch = epoch;
            self.current_epoch = self.current_epoch.max(epoch);
            self.epoch_is_taken(epoch);
            self.save(false);
        }
    }

    /// Two primaries claim the same config epoch.
    ///
    /// BACKGROUND: an election cannot cause this, for a majority votes; moving slots by hand can, and so can a
    /// cluster made of nodes that all start at zero. Two owners of one slot with equal epochs would never be
    /// settled.
    ///
    /// BEHAVIOR: the node with the smaller id takes the next epoch. The greatest id never moves, so any number
    /// of colliding nodes ends with distinct epochs. The new epoch spreads with the heartbeats. [invariant 3]
    pub(crate) fn settle_collision(&mut self, sender: NodeIndex, sender_epoch: Epoch) {
        let (mine, theirs) = (&self.nodes[MYSELF], &self.nodes[sender]);
        if mine.config_epoch != sender_epoch || !mine.is_primary() || !theirs.is_primary() {
            return;
        }
        if theirs.id <= mine.id {
            return;
        }
        self.current_epoch = self.current_epoch.next();
        let epoch = self.current_epoch;
        self.nodes[MYSELF].config_epoch = epoch;
        self.save(true);
        let other = self.describe(sender);
        self.log(LogLevel::Notice, || {
            format!("configEpoch collision with node {other}. configEpoch set to {epoch}")
        });
    }

    /// Takes the next epoch without asking, unless this node has the greatest already.
    pub(crate) fn bump_unilaterally(&mut self) -> Bump {
        let greatest = self.greatest_epoch();
        let mine = self.nodes[MYSELF].config_epoch;
        if mine != Epoch(0) && mine == greatest {
            return Bump::Still(mine);
        }
        self.current_epoch = self.current_epoch.next();
        let epoch = self.current_epoch;
        self.nodes[MYSELF].config_epoch = epoch;
        self.save(true);
        self.log(LogLevel::Notice, || {
            format!("New configEpoch set to {epoch}, without asking for votes")
        });
        Bump::Bumped(epoch)
    }

    fn greatest_epoch(&self) -> Epoch {
        let config = self.nodes.iter().map(|(_, node)| node.config_epoch).max();
        config.unwrap_or_default().max(self.current_epoch)
    }
}
