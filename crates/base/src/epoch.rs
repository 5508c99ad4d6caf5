//! Cluster epochs: the logical clock that settles who owns a slot.

use std::fmt;

/// A cluster epoch: a current epoch (the cluster's) or a config epoch (one primary's claim to its slots).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch after this one. The last one stays: epochs come from other nodes' packets, and must never fall.
    #[must_use]
    pub const fn next(self) -> Epoch {
        Epoch(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_a_peer_has_driven_to_the_end_does_not_fall() {
        assert_eq!(Epoch(7).next(), Epoch(8));
        assert_eq!(Epoch(u64::MAX).next(), Epoch(u64::MAX));
    }
}
