//! Who owns which slot, and how claims change that.
//!
//! *Invariants*: 1. A slot has one owner or none. 2. A node's `slot_count` is the number of slots bound to
//! it. 3. A claim moves a slot only to a greater config epoch, or from an owner that no longer claims it,
//! or from nobody.
//!
//! Slots on their way between nodes are in `open_slots`.

use crate::bitmap::{SlotBitmap, SlotBits};
use crate::links::LinkId;
use crate::machine::{LogLevel, Machine, Output};
use crate::nodes::{MYSELF, NodeIndex};
use crate::open_slots::OpenSlots;
use crate::wire::{Body, Header, Packet, PacketType, encode};
use base::{Epoch, SLOT_COUNT, Slot, SlotRange};

/// Stands for no owner; no node has that index.
pub(crate) const NO_OWNER: u16 = u16::MAX;

/// The owner of each slot.
#[derive(Clone, Debug)]
pub(crate) struct SlotTable {
    owners: Box<[u16; SLOT_COUNT]>,
    unowned: usize,
    mine: SlotBitmap,
    /// The primary that this node is a replica of, and its slots.
    followed: Option<NodeIndex>,
    followed_slots: SlotBitmap,
    /// Slots whose owner has stopped claiming them: the next claim wins, whatever its epoch.
    abandoned: SlotBitmap,
    /// Those on their way between this node and another.
    pub(crate) open: OpenSlots,
}

impl SlotTable {
    pub(crate) fn new() -> SlotTable {
        SlotTable {
            owners: Box::new([NO_OWNER; SLOT_COUNT]),
            unowned: SLOT_COUNT,
            mine: SlotBitmap::new(),
            followed: None,
            followed_slots: SlotBitmap::new(),
            abandoned: SlotBitmap::new(),
            open: OpenSlots::default(),
        }
    }

    pub(crate) fn owner(&self, slot: Slot) -> Option<NodeIndex> {
        match self.owners[slot.index()] {
            NO_OWNER => None,
            index => Some(NodeIndex(index)),
        }
    }

    pub(crate) fn owners(&self) -> &[u16; SLOT_COUNT] {
        &self.owners
    }

    /// Slots without an owner.
    pub(crate) fn unowned(&self) -> usize {
        self.unowned
    }

    /// The slots bound to this node.
    pub(crate) fn mine(&self) -> SlotBits<'_> {
        self.mine.bits()
    }

    /// The slots of the primary that this node is a replica of.
    pub(crate) fn followed(&self) -> SlotBits<'_> {
        self.followed_slots.bits()
    }

    /// The slots that this node's packets tell: its own, or its primary's.
    pub(crate) fn told(&self) -> SlotBits<'_> {
        if self.followed.is_some() { self.followed() } else { self.mine() }
    }

    /// The slots that `owner` has and claims.
    pub(crate) fn claimed_by(&self, owner: NodeIndex) -> SlotBitmap {
        Slot::all()
            .filter(|&slot| self.owners[slot.index()] == owner.0)
            .filter(|&slot| !self.abandoned.bits().contains(slot))
            .collect()
    }

    /// The ranges of slots with one owner, ascending.
    pub(crate) fn ranges(&self) -> Vec<(NodeIndex, SlotRange)> {
        self.ranges_where(|_| true)
    }

    /// The same without what was abandoned: after a restart that is nobody's, or its last owner's epoch would
    /// stand for it.
    pub(crate) fn ranges_to_keep(&self) -> Vec<(NodeIndex, SlotRange)> {
        self.ranges_where(|slot| !self.abandoned.bits().contains(slot))
    }

    fn ranges_where(&self, is_told: impl Fn(Slot) -> bool) -> Vec<(NodeIndex, SlotRange)> {
        let mut ranges: Vec<(NodeIndex, SlotRange)> = Vec::new();
        for slot in Slot::all().filter(|&slot| is_told(slot)) {
            let Some(owner) = self.owner(slot) else { continue };
            match ranges.last_mut() {
                Some((last, range))
                    if *last == owner && range.last.number() + 1 == slot.number() =>
                {
                    range.last = slot;
                }
                _ => ranges.push((owner, SlotRange { first: slot, last: slot })),
            }
        }
        ranges
    }
}

impl Machine {
    /// Gives a slot to a node, or to nobody, and keeps the counts.
    pub(crate) fn bind_slot(&mut self, slot: Slot, owner: Option<NodeIndex>) {
        match self.slots.owner(slot) {
            None => self.slots.unowned -= 1,
            Some(old) => self.nodes[old].slot_count -= 1,
        }
        if self.slots.owners[slot.index()] == MYSELF.0 {
            self.slots.mine.remove(slot);
        }
        match owner {
            None => self.slots.unowned += 1,
            Some(new) => self.nodes[new].slot_count += 1,
        }
        if owner == Some(MYSELF) {
            self.slots.mine.insert(slot);
        }
        if owner.is_some() && owner == self.slots.followed {
            self.slots.followed_slots.insert(slot);
        } else {
            self.slots.followed_slots.remove(slot);
        }
        self.slots.owners[slot.index()] = owner.map_or(NO_OWNER, |owner| owner.0);
        self.slots.abandoned.remove(slot);
    }

    /// The slots of this primary are those that this node may show.
    pub(crate) fn follow_slots(&mut self, primary: Option<NodeIndex>) {
        let slots = &mut self.slots;
        slots.followed = primary;
        slots.followed_slots = match primary {
            Some(primary) => {
                Slot::all().filter(|slot| slots.owners[slot.index()] == primary.0).collect()
            }
            None => SlotBitmap::new(),
        };
    }

    /// Leaves all slots of a node without an owner.
    pub(crate) fn unbind_all(&mut self, owner: NodeIndex) {
        if self.nodes[owner].slot_count > 0 {
            Slot::all()
                .filter(|slot| self.slots.owners[slot.index()] == owner.0)
                .collect::<Vec<Slot>>()
                .into_iter()
                .for_each(|slot| self.bind_slot(slot, None));
            self.changed();
        }
    }

    /// Whether a claim is just what the slot table says already.
    pub(crate) fn claim_is_known(&self, claimant: NodeIndex, slots: SlotBits<'_>) -> bool {
        let mut claimed = 0u16;
        let all_bound = slots.iter().all(|slot| {
            claimed += 1;
            self.slots.owners[slot.index()] == claimant.0
        });
        all_bound
            && claimed == self.nodes[claimant].slot_count
            && (claimed == 0 || !self.slots.abandoned.bits().intersects(slots))
    }

    /// A primary claims `slots` with its config epoch.
    ///
    /// BACKGROUND: every heartbeat repeats the whole claim, so a claim that loses here loses everywhere, and
    /// packets may be lost, late or twice. Silence takes nothing away: a slot that its owner no longer claims
    /// stays bound, lest a slot on its way between nodes be nobody's for a moment.
    ///
    /// BEHAVIOR: each claimed slot goes to the claimant if it was nobody's, if its owner's epoch is smaller,
    /// or if its owner has stopped claiming it. A shard whose primary loses its last slot like that follows the
    /// claimant: it has won an election, or has taken everything. Else the keys of lost slots go.
    pub(crate) fn claim_slots(&mut self, claimant: NodeIndex, epoch: Epoch, slots: SlotBits<'_>) {
        if claimant == MYSELF || self.claim_is_known(claimant, slots) {
            return;
        }
        let head = self.my_head();
        let (mut gained, mut lost_by_head, mut bound) = (0u32, 0u32, 0u16);
        let mut lost = Vec::new();
        for slot in slots.iter() {
            let wins = match self.slots.owner(slot) {
                Some(owner) if owner == claimant => {
                    self.slots.abandoned.remove(slot);
                    false
                }
                Some(owner) => {
                    self.nodes[owner].config_epoch < epoch
                        || self.slots.abandoned.bits().contains(slot)
                }
                None => true,
            };
            if wins {
                self.open_slot_won(slot, claimant);
                let owner = self.slots.owner(slot);
                lost_by_head += u32::from(owner == Some(head));
                lost.extend((owner == Some(MYSELF)).then_some(slot));
                self.bind_slot(slot, Some(claimant));
                gained += 1;
            }
            bound += u16::from(self.slots.owners[slot.index()] == claimant.0);
        }
        if bound < self.nodes[claimant].slot_count {
            self.abandon(claimant, slots);
        }
        self.open_slots_unclaimed(claimant, epoch, slots);
        if gained > 0 {
            self.changed();
        }
        if !lost.is_empty() {
            // After a restart it would claim them again.
            self.save(true);
            let (count, name) = (lost.len(), self.describe(claimant));
            self.log(LogLevel::Notice, || {
                format!("Lost {count} slots to node {name}, which claims them with epoch {epoch}")
            });
        }
        let same_shard = self.nodes[claimant].shard == self.nodes[MYSELF].shard;
        let is_left_alone = lost_by_head > 0 && self.nodes[head].slot_count == 0;
        if is_left_alone && (same_shard || self.config.allow_replica_migration) {
            self.follow(claimant);
        } else {
            lost.into_iter().for_each(|slot| self.output(Output::DropKeysInSlot(slot)));
        }
    }

    /// The shard has another primary, and this node has lost all its slots to it.
    ///
    /// BACKGROUND: a node that comes back hears from gossip of who has taken over, and not of which shard that one
    /// is: its own word of that may come after its claim.
    pub(crate) fn rejoin_shard(&mut self, sender: NodeIndex) {
        let (mine, theirs) = (&self.nodes[MYSELF], &self.nodes[sender]);
        let is_superseded = mine.is_primary() && mine.slot_count == 0 && theirs.votes();
        if is_superseded && theirs.shard == mine.shard && theirs.config_epoch > mine.config_epoch {
            self.follow(sender);
        }
    }

    /// Marks the slots of a node that it no longer claims.
    fn abandon(&mut self, claimant: NodeIndex, claimed: SlotBits<'_>) {
        let abandoned: Vec<Slot> = Slot::all()
            .filter(|slot| self.slots.owners[slot.index()] == claimant.0)
            .filter(|slot| !claimed.contains(*slot))
            .collect();
        abandoned.into_iter().for_each(|slot| self.slots.abandoned.insert(slot));
    }

    /// Tells a sender about the first slot of its claim (a replica's is its primary's) that somebody owns
    /// with a greater epoch.
    pub(crate) fn correct_claim(
        &mut self,
        sender: NodeIndex,
        claimant: NodeIndex,
        header: &Header<'_>,
    ) {
        let Some(link) = self.nodes[sender].outbound else { return };
        let greater = header.slots.iter().find_map(|slot| {
            let owner = self.slots.owner(slot)?;
            let newer = self.nodes[owner].config_epoch > header.config_epoch;
            (owner != claimant && newer).then_some(owner)
        });
        if let Some(owner) = greater {
            self.send_update(link, owner);
        }
    }

    /// Sends who owns what with which epoch.
    pub(crate) fn send_update(&mut self, link: LinkId, owner: NodeIndex) {
        let slots = self.slots.claimed_by(owner);
        let body = Body::Update {
            config_epoch: self.nodes[owner].config_epoch,
            owner: self.nodes[owner].id,
            slots: slots.bits(),
        };
        let bytes = encode(&Packet { header: self.header(), body });
        self.send(link, PacketType::Update, bytes);
    }

    /// Somebody says that `owner` has `slots` with an epoch that we may not know yet.
    pub(crate) fn update_received(&mut self, owner: NodeIndex, epoch: Epoch, slots: SlotBits<'_>) {
        if owner == MYSELF || self.nodes[owner].config_epoch >= epoch {
            return;
        }
        self.set_primary(owner);
        self.nodes[owner].config_epoch = epoch;
        self.save(false);
        self.epoch_is_taken(epoch);
        self.claim_slots(owner, epoch, slots);
        self.reattach();
    }

    pub(crate) fn slot_counts_agree(&self) -> bool {
        // Counting 16,384 slots after each step would cost more than the step: every 64th heartbeat.
        if !self.heartbeats.is_multiple_of(64) {
            return true;
        }
        let owned: usize = self.nodes.iter().map(|(_, node)| usize::from(node.slot_count)).sum();
        owned + self.slots.unowned == SLOT_COUNT
            && self.slots.mine.bits().count() == usize::from(self.nodes[MYSELF].slot_count)
    }
}
