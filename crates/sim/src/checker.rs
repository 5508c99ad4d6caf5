//! What must hold at every step of every run.
//!
//! *Invariants*:
//! 1. One owner per slot and config epoch: no two nodes ever claim a slot for themselves with the same epoch.
//! 2. While a node runs, its current epoch and its config epoch never fall; what it has synced to disk, its
//!    config epoch and the epoch of its last vote, does not fall over a restart either. (A replica has no config
//!    epoch of its own.)
//! 3. A node gives one vote in an epoch.
//! 4. A replica that becomes a primary has votes of a majority, given in the epoch that it claims its slots with.
//! 5. For a slot and config epoch, one node acknowledges writes.

use crate::world::data::Write;
use base::{Epoch, NodeId, SLOT_COUNT, Slot};
use cluster::SlotBits;
use std::collections::BTreeMap;

/// What the checker looks at of a node after each step.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Which node, by its place in the run.
    pub node: usize,
    /// How often it has been started.
    pub run: u32,
    /// The slots it claims for itself.
    pub slots: SlotBits<'a>,
    /// The epoch it claims them with.
    pub config_epoch: Epoch,
    /// The greatest epoch it has seen.
    pub current_epoch: Epoch,
    /// The epoch of its last vote.
    pub last_vote_epoch: Epoch,
    /// Whether it is a replica.
    pub is_replica: bool,
    /// Its id.
    pub id: NodeId,
}

/// An invariant that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation(pub String);

#[derive(Clone, Default, Debug)]
struct Last {
    run: u32,
    config_epoch: Epoch,
    current_epoch: Epoch,
    last_vote_epoch: Epoch,
    is_replica: bool,
    slots: Vec<u8>,
}

/// The history that the invariants speak of.
#[derive(Clone, Debug)]
pub struct Checker {
    last: Vec<Last>,
    /// For each slot, who has claimed it with which epoch.
    claims: Vec<Vec<(Epoch, usize)>>,
    /// To whom a node gave its vote of an epoch.
    votes: BTreeMap<(usize, Epoch), NodeId>,
    /// Whether the first invariant holds at present.
    claims_checked: bool,
    /// How many votes a replica needs; 0 where there are none.
    quorum: usize,
    /// Who has acknowledged writes to a slot in an epoch.
    acknowledgers: BTreeMap<(Slot, Epoch), usize>,
    acknowledged: Vec<Write>,
}

impl Checker {
    /// A checker of a run with so many nodes.
    #[must_use]
    pub fn new(nodes: usize) -> Checker {
        Checker {
            last: vec![Last::default(); nodes],
            claims: vec![Vec::new(); SLOT_COUNT],
            votes: BTreeMap::new(),
            claims_checked: true,
            quorum: 0,
            acknowledgers: BTreeMap::new(),
            acknowledged: Vec::new(),
        }
    }

    /// Leaves out the first invariant while operators have given a slot to two nodes: these share epochs
    /// until all collisions are settled. From then on it holds again.
    pub fn check_claims(&mut self, checked: bool) {
        self.claims_checked = checked;
        self.claims.iter_mut().for_each(Vec::clear);
        self.last.iter_mut().for_each(|last| last.slots.clear());
    }

    /// From now on a replica needs so many votes to become a primary.
    pub(crate) fn check_elections(&mut self, quorum: usize) {
        self.quorum = quorum;
    }

    /// A node tells a client that its write is done.
    pub(crate) fn acknowledged(
        &mut self,
        node: usize,
        write: Write,
        epoch: Epoch,
    ) -> Result<(), Violation> {
        self.acknowledged.push(write);
        match *self.acknowledgers.entry((write.slot, epoch)).or_insert(node) {
            first if first == node => Ok(()),
            first => Err(Violation(format!(
                "nodes {first} and {node} both acknowledge writes to slot {} in epoch {epoch}",
                write.slot
            ))),
        }
    }

    /// All that was acknowledged and not given up.
    pub(crate) fn acknowledged_writes(&self) -> &[Write] {
        &self.acknowledged
    }

    /// Nobody asks for these any more.
    pub(crate) fn give_up(&mut self, lost: &[Write]) {
        self.acknowledged.retain(|write| !lost.contains(write));
    }

    /// A node after a step.
    ///
    /// # Errors
    /// The [`Violation`] that the step has brought about.
    pub fn observe(&mut self, now: Observed<'_>) -> Result<(), Violation> {
        let last = &mut self.last[now.node];
        let restarted = last.run != now.run;
        let epochs = [
            ("config epoch", last.config_epoch, now.config_epoch, !now.is_replica),
            ("last vote epoch", last.last_vote_epoch, now.last_vote_epoch, true),
            ("current epoch", last.current_epoch, now.current_epoch, !restarted),
        ];
        for (name, before, after, checked) in epochs {
            if checked && after < before {
                let node = now.node;
                return Err(Violation(format!("{name} of node {node} fell: {before} to {after}")));
            }
        }
        let takes_over =
            last.is_replica && !restarted && !now.is_replica && now.slots.iter().next().is_some();
        last.is_replica = now.is_replica;
        let same_claim =
            last.config_epoch == now.config_epoch && last.slots == now.slots.as_bytes();
        last.run = now.run;
        last.config_epoch = now.config_epoch;
        last.current_epoch = now.current_epoch;
        last.last_vote_epoch = now.last_vote_epoch;
        if takes_over {
            self.elected(&now)?;
        }
        let last = &mut self.last[now.node];
        if same_claim || !self.claims_checked {
            return Ok(());
        }
        last.slots.clear();
        last.slots.extend_from_slice(now.slots.as_bytes());
        self.claim(&now)
    }

    fn elected(&self, now: &Observed<'_>) -> Result<(), Violation> {
        let given = self
            .votes
            .iter()
            .filter(|((_, epoch), candidate)| *epoch == now.config_epoch && **candidate == now.id);
        let (node, epoch, votes) = (now.node, now.config_epoch, given.count());
        if votes < self.quorum {
            return Err(Violation(format!(
                "node {node} takes over in epoch {epoch} with {votes} votes of {}",
                self.quorum
            )));
        }
        Ok(())
    }

    fn claim(&mut self, now: &Observed<'_>) -> Result<(), Violation> {
        // Epoch 0 is no version of a claim: nodes that were never in a cluster share it.
        if now.config_epoch == Epoch(0) {
            return Ok(());
        }
        for slot in now.slots.iter() {
            let claims = &mut self.claims[slot.index()];
            match claims.iter().find(|(epoch, _)| *epoch == now.config_epoch) {
                Some((_, owner)) if *owner == now.node => {}
                Some((epoch, owner)) => {
                    return Err(Violation(format!(
                        "slot {slot} has two owners in epoch {epoch}: nodes {owner} and {}",
                        now.node
                    )));
                }
                None => claims.push((now.config_epoch, now.node)),
            }
        }
        Ok(())
    }

    /// A node sends a vote.
    ///
    /// # Errors
    /// The [`Violation`] when it voted for another in the same epoch.
    pub fn vote(&mut self, voter: usize, epoch: Epoch, candidate: NodeId) -> Result<(), Violation> {
        match self.votes.insert((voter, epoch), candidate) {
            Some(other) if other != candidate => Err(Violation(format!(
                "node {voter} voted twice in epoch {epoch}: for {other} and {candidate}"
            ))),
            _ => Ok(()),
        }
    }

    /// How many votes were seen.
    #[must_use]
    pub fn votes(&self) -> usize {
        self.votes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Slot;
    use cluster::SlotBitmap;

    fn seen(node: usize, slots: SlotBits<'_>, epoch: u64) -> Observed<'_> {
        let epoch = Epoch(epoch);
        Observed {
            node,
            run: 1,
            slots,
            config_epoch: epoch,
            current_epoch: epoch,
            last_vote_epoch: Epoch(0),
            is_replica: false,
            id: NodeId::parse(&[b'a'; 40]).unwrap(),
        }
    }

    /// The canary: a checker that cannot fail would pass every simulation.
    #[test]
    fn two_owners_in_one_epoch_are_found_even_at_different_times() {
        let slots: SlotBitmap = Slot::new(7).into_iter().collect();
        let mut checker = Checker::new(2);
        checker.observe(seen(0, slots.bits(), 3)).unwrap();
        checker.observe(seen(0, SlotBits::EMPTY, 3)).unwrap();
        checker.observe(seen(1, slots.bits(), 4)).unwrap();
        let mut broken = checker.clone();
        let violation = broken.observe(seen(0, slots.bits(), 4)).unwrap_err();
        assert!(violation.0.contains("slot 7 has two owners in epoch 4"), "{violation:?}");
        checker.observe(seen(0, slots.bits(), 5)).unwrap();
    }

    #[test]
    fn epochs_that_fall_are_found() {
        let mut checker = Checker::new(1);
        checker.observe(seen(0, SlotBits::EMPTY, 3)).unwrap();
        let mut lower_current = seen(0, SlotBits::EMPTY, 3);
        lower_current.current_epoch = Epoch(2);
        assert!(checker.clone().observe(lower_current).is_err());
        lower_current.run = 2;
        assert!(checker.clone().observe(lower_current).is_ok(), "it was not synced");
        assert!(checker.observe(seen(0, SlotBits::EMPTY, 2)).is_err());
    }

    #[test]
    fn a_second_vote_in_an_epoch_is_found() {
        let mut checker = Checker::new(1);
        let [a, b] = [b'a', b'b'].map(|byte| NodeId::parse(&[byte; 40]).unwrap());
        checker.vote(0, Epoch(1), a).unwrap();
        checker.vote(0, Epoch(1), a).unwrap();
        checker.vote(0, Epoch(2), b).unwrap();
        assert!(checker.vote(0, Epoch(2), a).is_err());
    }

    #[test]
    fn two_that_acknowledge_in_one_epoch_are_found() {
        let mut checker = Checker::new(2);
        let write = |id| Write { id, slot: Slot::FIRST };
        checker.acknowledged(0, write(1), Epoch(3)).unwrap();
        checker.acknowledged(1, write(2), Epoch(4)).unwrap();
        assert!(checker.acknowledged(1, write(3), Epoch(3)).is_err());
    }

    #[test]
    fn who_takes_over_without_a_majority_is_found() {
        let slots: SlotBitmap = Slot::new(7).into_iter().collect();
        let mut checker = Checker::new(3);
        checker.check_elections(2);
        let mut replica = seen(0, SlotBits::EMPTY, 0);
        (replica.is_replica, replica.current_epoch) = (true, Epoch(5));
        checker.observe(replica).unwrap();
        let primary = seen(0, slots.bits(), 5);
        checker.vote(1, Epoch(5), primary.id).unwrap();
        assert!(checker.clone().observe(primary).is_err(), "one vote");
        checker.vote(2, Epoch(4), primary.id).unwrap();
        assert!(checker.clone().observe(primary).is_err(), "the other one is of another epoch");
        checker.vote(2, Epoch(5), primary.id).unwrap();
        checker.observe(primary).unwrap();
    }
}
