//! Open slots: those on their way between two nodes, key by key (CLUSTER SETSLOT).
//!
//! BACKGROUND: an operator opens a slot at both ends, moves its keys with MIGRATE, and closes it. At the source the slot is
//! *migrating*: keys that are there are served, for others the client is told to ask the target. At the target it is
//! *importing*: it serves who says that he was told so. Neither changes who owns the slot; closing it does, with an epoch
//! that nobody was asked for.
//!
//! *Invariant*: every open slot names a node of the table; a node that goes takes its entries with it.
//!
//! BEHAVIOR, when somebody else claims an open slot: within the shard at its other end that was a failover, and the slot
//! stays open toward the new primary. Anybody else has been given the slot by an operator, and it is closed. A source that
//! gives up a slot which is still being imported from it has closed it at its end: the importer takes it, lest it be
//! nobody's.

use crate::error::ClusterError;
use crate::machine::{LogLevel, Machine, Now};
use crate::nodes::{MYSELF, NodeIndex};
use crate::wire::PacketType;
use crate::{Bump, SlotBits};
use base::{Epoch, NodeId, Slot};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The slots that are open here, with the node at the other end.
#[derive(Clone, Default, Debug)]
pub(crate) struct OpenSlots {
    migrating: BTreeMap<Slot, NodeIndex>,
    importing: BTreeMap<Slot, NodeIndex>,
}

/// What CLUSTER SETSLOT is to do; ids as the client wrote them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetSlot<'a> {
    /// Keys of the slot leave for this node.
    Migrating(&'a [u8]),
    /// Keys of the slot come from this node.
    Importing(&'a [u8]),
    /// The slot is not open.
    Stable,
    /// This node owns the slot.
    Node(&'a [u8]),
}

/// The same, checked.
#[derive(Clone, Copy)]
enum Checked {
    Migrating(NodeIndex),
    Importing(NodeIndex),
    Stable,
    Node(NodeIndex),
}

/// Which way an open slot goes, as `nodes.conf` writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    To,
    From,
}

impl OpenSlots {
    pub(crate) fn migrating(&self) -> &BTreeMap<Slot, NodeIndex> {
        &self.migrating
    }

    pub(crate) fn importing(&self) -> &BTreeMap<Slot, NodeIndex> {
        &self.importing
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.migrating.is_empty() && self.importing.is_empty()
    }

    /// Opens a slot.
    pub(crate) fn open(&mut self, slot: Slot, way: Way, other: NodeIndex) {
        match way {
            Way::To => self.migrating.insert(slot, other),
            Way::From => self.importing.insert(slot, other),
        };
    }

    /// Closes a slot.
    pub(crate) fn close(&mut self, slot: Slot) {
        self.migrating.remove(&slot);
        self.importing.remove(&slot);
    }

    /// A slot was taken that nobody owned: it comes from nowhere.
    pub(crate) fn stop_importing(&mut self, slot: Slot) {
        self.importing.remove(&slot);
    }

    /// Forgets a node that is removed.
    pub(crate) fn forget(&mut self, node: NodeIndex) {
        self.migrating.retain(|_, other| *other != node);
        self.importing.retain(|_, other| *other != node);
    }

    pub(crate) fn clear(&mut self) {
        *self = OpenSlots::default();
    }
}

impl Machine {
    /// CLUSTER SETSLOT: opens or closes a slot. `has_keys` tells whether there are keys of the slot here.
    ///
    /// # Errors
    /// [`ClusterError`] for what the slot's owner or the other node do not allow; nothing has changed then.
    pub fn set_slot(
        &mut self,
        now: Now,
        slot: Slot,
        order: SetSlot<'_>,
        has_keys: bool,
    ) -> Result<(), ClusterError> {
        let checked = self.checked(slot, order, has_keys)?;
        self.begin(now);
        match checked {
            Checked::Migrating(to) => {
                let to_whom = self.describe(to);
                self.log(LogLevel::Notice, || format!("Migrating slot {slot} to node {to_whom}"));
                self.slots.open.open(slot, Way::To, to);
            }
            Checked::Importing(from) => {
                let from_whom = self.describe(from);
                self.log(LogLevel::Notice, || {
                    format!("Importing slot {slot} from node {from_whom}")
                });
                self.slots.open.open(slot, Way::From, from);
            }
            Checked::Stable => {
                self.log(LogLevel::Notice, || format!("Marking slot {slot} stable"));
                self.slots.open.close(slot);
            }
            Checked::Node(owner) => self.assign(slot, owner, has_keys),
        }
        self.changed();
        self.save(true);
        self.finish();
        Ok(())
    }

    /// Whether CLUSTER SETSLOT would be refused.
    ///
    /// # Errors
    /// As [`Machine::set_slot`].
    pub fn check_set_slot(
        &self,
        slot: Slot,
        order: SetSlot<'_>,
        has_keys: bool,
    ) -> Result<(), ClusterError> {
        self.checked(slot, order, has_keys).map(|_| ())
    }

    /// The node that a slot's keys leave for, where it is migrating.
    #[must_use]
    pub fn migrating_to(&self, slot: Slot) -> Option<NodeId> {
        self.slots.open.migrating.get(&slot).map(|&index| self.nodes[index].id)
    }

    fn checked(
        &self,
        slot: Slot,
        order: SetSlot<'_>,
        has_keys: bool,
    ) -> Result<Checked, ClusterError> {
        if self.is_replica() {
            return Err(ClusterError::SetSlotAtReplica);
        }
        let mine = self.slots.owner(slot) == Some(MYSELF);
        match order {
            SetSlot::Migrating(_) if !mine => Err(ClusterError::SlotNotMine(slot)),
            SetSlot::Migrating(id) => self.other_end(id).map(Checked::Migrating),
            SetSlot::Importing(_) if mine => Err(ClusterError::SlotMine(slot)),
            SetSlot::Importing(id) => self.other_end(id).map(Checked::Importing),
            SetSlot::Stable => Ok(Checked::Stable),
            SetSlot::Node(id) => {
                let owner = self.known(id).ok_or_else(|| ClusterError::unknown_node(id))?;
                if self.nodes[owner].is_replica() {
                    return Err(ClusterError::NotPrimary);
                }
                if mine && owner != MYSELF && has_keys {
                    return Err(ClusterError::SlotHasKeys(slot));
                }
                Ok(Checked::Node(owner))
            }
        }
    }

    /// The node at the other end of a slot that is to be opened.
    fn other_end(&self, id: &[u8]) -> Result<NodeIndex, ClusterError> {
        let other = self.known(id).ok_or_else(|| ClusterError::stranger(id))?;
        if other == MYSELF {
            return Err(ClusterError::OtherIsMyself);
        }
        if self.nodes[other].is_replica() {
            return Err(ClusterError::NotPrimary);
        }
        Ok(other)
    }

    fn known(&self, id: &[u8]) -> Option<NodeIndex> {
        NodeId::parse(id).and_then(|id| self.nodes.find(&id))
    }

    /// SETSLOT NODE: the slot has a new owner, and is closed where its keys have arrived or left.
    fn assign(&mut self, slot: Slot, owner: NodeIndex, has_keys: bool) {
        let new = self.describe(owner);
        self.log(LogLevel::Notice, || format!("Assigning slot {slot} to node {new}"));
        if !has_keys {
            self.slots.open.migrating.remove(&slot);
        }
        let was_mine = self.slots.owner(slot) == Some(MYSELF);
        self.bind_slot(slot, Some(owner));
        if was_mine && self.nodes[MYSELF].slot_count == 0 && self.config.allow_replica_migration {
            self.follow(owner);
        }
        if owner == MYSELF && self.slots.open.importing.remove(&slot).is_some() {
            self.take_greatest_epoch(slot);
        }
    }

    /// The slot was moved by hand: a new epoch makes the others believe it, and they are told at once.
    fn take_greatest_epoch(&mut self, slot: Slot) {
        if let Bump::Bumped(_) = self.bump_unilaterally() {
            self.log(LogLevel::Notice, || {
                format!("ConfigEpoch updated after importing slot {slot}")
            });
        }
        self.announce();
    }

    /// Somebody else has won a slot that may be open here.
    pub(crate) fn open_slot_won(&mut self, slot: Slot, winner: NodeIndex) {
        let shard = self.nodes[winner].shard;
        if let Some(&to) = self.slots.open.migrating.get(&slot)
            && self.nodes[MYSELF].shard != shard
        {
            self.slots.open.migrating.remove(&slot);
            let to = self.describe(to);
            self.log(LogLevel::Notice, || {
                format!("Slot {slot} is no longer being migrated to node {to}")
            });
        }
        if let Some(&from) = self.slots.open.importing.get(&slot)
            && from != winner
        {
            if self.nodes[from].shard == shard {
                self.slots.open.open(slot, Way::From, winner);
                let winner = self.describe(winner);
                self.log(LogLevel::Notice, || {
                    format!(
                        "Failover occurred in migration source. Update importing source for slot {slot} to node {winner}"
                    )
                });
            } else {
                self.slots.open.importing.remove(&slot);
                let from = self.describe(from);
                self.log(LogLevel::Notice, || {
                    format!("Slot {slot} is no longer being imported from node {from}")
                });
            }
        }
    }

    /// A primary has told all that it claims: what that says about slots that are open here and that it does not claim.
    pub(crate) fn open_slots_unclaimed(
        &mut self,
        claimant: NodeIndex,
        epoch: Epoch,
        claimed: SlotBits<'_>,
    ) {
        if self.slots.open.is_empty() {
            return;
        }
        let shard = self.nodes[claimant].shard;
        let taken_over = |to: NodeIndex| {
            let node = &self.nodes[to];
            let is_behind = node.config_epoch < epoch || node.is_replica();
            to != claimant && is_behind && node.shard == shard
        };
        let unclaimed = |(&slot, &other): (&Slot, &NodeIndex)| {
            (!claimed.contains(slot)).then_some((slot, other))
        };
        let migrating = self.slots.open.migrating.iter().filter_map(unclaimed);
        let followed: Vec<Slot> =
            migrating.filter(|&(_, to)| taken_over(to)).map(|(slot, _)| slot).collect();
        let importing = self.slots.open.importing.iter().filter_map(unclaimed);
        let given_up: Vec<Slot> =
            importing.filter(|&(_, from)| from == claimant).map(|(slot, _)| slot).collect();
        let who = self.describe(claimant);
        for slot in followed {
            self.slots.open.open(slot, Way::To, claimant);
            self.log(LogLevel::Notice, || {
                format!("Failover occurred in migration target. Slot {slot} is now being migrated to node {who}")
            });
            self.changed();
            self.save(true);
        }
        for slot in given_up {
            self.slots.open.importing.remove(&slot);
            self.log(LogLevel::Notice, || {
                format!("Slot {slot} is no longer being imported from node {who}; Clear my importing source for the slot.")
            });
            if self.slots.owner(slot) != Some(MYSELF) {
                self.bind_slot(slot, Some(MYSELF));
                self.take_greatest_epoch(slot);
            }
            self.changed();
            self.save(true);
        }
    }

    /// Tells everyone at once what this node claims, with a PONG that nobody asked for.
    pub(crate) fn announce(&mut self) {
        let links: Vec<_> = self
            .nodes
            .iter()
            .filter(|(_, node)| !node.in_handshake())
            .filter_map(|(_, node)| node.outbound)
            .collect();
        for link in links {
            self.heartbeat(link, PacketType::Pong);
        }
    }

    /// Appends the open slots as `nodes.conf` and CLUSTER NODES have them.
    pub(crate) fn write_open_slots(&self, out: &mut String) {
        let OpenSlots { migrating, importing } = &self.slots.open;
        let of = |way: Way| {
            let open = if way == Way::To { migrating } else { importing };
            open.iter().map(move |(&slot, &other)| (slot, way, other))
        };
        let mut all: Vec<(Slot, Way, NodeIndex)> =
            of(Way::From).filter(|(slot, ..)| !migrating.contains_key(slot)).collect();
        all.extend(of(Way::To));
        all.sort_unstable_by_key(|&(slot, ..)| slot);
        for (slot, way, other) in all {
            let sign = if way == Way::To { '>' } else { '<' };
            let _ = write!(out, " [{slot}-{sign}-{}]", self.nodes[other].id);
        }
    }
}

/// Reads an open slot of `nodes.conf`: `[slot->-id]` or `[slot-<-id]`.
pub(crate) fn parse_open_slot(text: &str) -> Option<(Slot, Way, NodeId)> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let (number, rest) = inner.split_once('-')?;
    let (way, id) = match rest.split_at_checked(2)? {
        (">-", id) => (Way::To, id),
        ("<-", id) => (Way::From, id),
        _ => return None,
    };
    let number = base::number::parse_u64(number.as_bytes())?;
    let slot = u16::try_from(number).ok().and_then(Slot::new)?;
    Some((slot, way, NodeId::parse(id.as_bytes())?))
}

#[cfg(test)]
mod tests;
