//! Epochs: the cluster's logical clock, and the version of each primary's claim to its slots.
//!
//! *Invariants*: 1. The current epoch never falls. 2. It is at least every config epoch known here. 3. The
//! config epochs of primaries end up distinct.

use crate::machine::{LogLevel, Machine};
use crate::nodes::{MYSELF, NodeIndex};
use crate::wire::Header;
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
    /// A packet of a known node carries its epochs. A replica's config epoch is its primary's, and comes
    /// from there.
    pub(crate) fn epochs_seen(&mut self, sender: NodeIndex, header: &Header<'_>) {
        let (current, config) = (header.current_epoch, header.config_epoch);
        if current > self.current_epoch {
            self.current_epoch = current;
            self.save(false);
        }
        let node = &mut self.nodes[sender];
        if header.replica_of.is_none() && config > node.config_epoch {
            node.config_epoch = config;
            self.current_epoch = self.current_epoch.max(config);
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
