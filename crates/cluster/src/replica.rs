//! This node as a replica: whom it follows, and how it becomes a primary again.
//!
//! What the data are the shell knows, and tells before each step ([`Machine::report_data`]); whom to follow the
//! machine says ([`Output::Follow`]), whenever that or its address has changed.
//!
//! *Invariants*: 1. A replica owns no slots. 2. A node claims the slots of its old primary only when the shell
//! has made its data its own ([`Machine::promoted`]): no client finds a slot served that cannot be written yet.

use crate::election::Election;
use crate::machine::{LogLevel, Machine, Now, Output};
use crate::manual::{Manual, Yielding};
use crate::nodes::{MYSELF, NodeIndex};
use crate::safety::Lease;
use crate::wire::NodeFlags;
use base::{Epoch, Monotonic, NodeId, Slot};
use core::net::IpAddr;

/// What the shell tells of this node's data.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Data {
    /// How far they are in the replication stream; 0 where they are nowhere in it.
    pub offset: u64,
    /// The primary whose stream has come last, whether it still does or not.
    pub fed_by: Option<NodeId>,
    /// Whether there are keys; of interest where the offset is 0.
    pub has_keys: bool,
    /// When something of a primary's stream last came.
    pub heard: Option<Monotonic>,
}

/// The primary of a replica, and where clients and replicas reach it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leader {
    /// The node.
    pub id: NodeId,
    /// Its address.
    pub ip: IpAddr,
    /// Its client port without TLS.
    pub port: u16,
}

/// What a node remembers for failovers.
#[derive(Clone, Debug)]
pub(crate) struct Failover {
    pub(crate) data: Data,
    /// Whether the data are of the shard's history. They are not from when another shard is joined, or a
    /// primary has lost its slots, until the primary's stream comes.
    pub(crate) is_of_shard: bool,
    /// Whom the shell was last told to follow.
    led_by: Option<Leader>,
    pub(crate) election: Option<Election>,
    /// A failover that an operator has ordered of this node.
    pub(crate) manual: Option<Manual>,
    /// A replica of this node is about to take over, for an operator has ordered that.
    pub(crate) yielding: Option<Yielding>,
    /// What the shell was last told.
    pub(crate) lease: Lease,
    /// This node was a primary before its start, and does not know yet whether a replica has more.
    pub(crate) asking: bool,
    /// This primary is about to end, and a replica is to take over.
    pub(crate) is_ending: bool,
    /// One that has.
    pub(crate) fresher: Option<NodeIndex>,
}

impl Failover {
    pub(crate) fn new() -> Failover {
        Failover {
            data: Data::default(),
            is_of_shard: true,
            led_by: None,
            election: None,
            manual: None,
            yielding: None,
            lease: Lease::Free,
            asking: false,
            is_ending: false,
            fresher: None,
        }
    }
}

impl Machine {
    /// Takes over what the shell knows of the data. To be told before each step.
    pub fn report_data(&mut self, data: Data) {
        self.failover.data = data;
        let primary = self.nodes[MYSELF].replica_of;
        self.failover.is_of_shard |= primary.is_some() && data.fed_by == primary;
        self.nodes[MYSELF].offset = if self.failover.is_of_shard { data.offset } else { 0 };
    }

    /// Whether this node is a replica.
    #[must_use]
    pub fn is_replica(&self) -> bool {
        self.nodes[MYSELF].is_replica()
    }

    /// The primary that this node follows.
    pub(crate) fn my_primary(&self) -> Option<NodeIndex> {
        self.nodes.find(&self.nodes[MYSELF].replica_of?)
    }

    /// Who takes the writes of this node's shard.
    pub(crate) fn my_head(&self) -> NodeIndex {
        self.my_primary().unwrap_or(MYSELF)
    }

    /// The other replicas of this node's primary.
    pub(crate) fn siblings(&self) -> impl Iterator<Item = NodeIndex> {
        let primary = self.nodes[MYSELF].replica_of;
        let is_sibling = move |of: Option<NodeId>| of.is_some() && of == primary;
        self.nodes
            .iter()
            .filter(move |(index, node)| *index != MYSELF && is_sibling(node.replica_of))
            .map(|(index, _)| index)
    }

    /// Follows a primary from here on, and gives up all slots.
    pub(crate) fn follow(&mut self, primary: NodeIndex) {
        let (id, shard) = (self.nodes[primary].id, self.nodes[primary].shard);
        let me = &self.nodes[MYSELF];
        if me.replica_of == Some(id) {
            return;
        }
        // One that followed goes on within the same history; what a primary wrote last, nobody else may have.
        self.failover.is_of_shard &= me.is_replica() && me.shard == shard;
        self.end_failovers();
        self.unbind_all(MYSELF);
        self.slots.open.clear();
        let me = &mut self.nodes[MYSELF];
        me.flags.clear(NodeFlags::PRIMARY | NodeFlags::MIGRATE_TO);
        me.flags |= NodeFlags::REPLICA;
        me.replica_of = Some(id);
        me.shard = shard;
        if !self.failover.is_of_shard {
            me.offset = 0;
        }
        self.nodes[primary].flags |= NodeFlags::MIGRATE_TO;
        self.follow_slots(Some(primary));
        self.changed();
        let primary = self.describe(primary);
        self.log(LogLevel::Notice, || {
            format!("Configuration change detected. Reconfiguring myself as a replica of {primary}")
        });
        // The primary has to know its replica before it can be asked to give way to it.
        self.announce();
    }

    /// A primary that has become a replica itself has none: those follow whom it follows.
    pub(crate) fn reattach(&mut self) {
        let Some(primary) = self.my_primary() else { return };
        let above = self.nodes[primary].replica_of.and_then(|id| self.nodes.find(&id));
        if let Some(above) = above.filter(|&above| above != MYSELF)
            && self.nodes[above].is_primary()
        {
            self.follow(above);
        }
    }

    /// Follows nobody from here on.
    pub(crate) fn stand_alone(&mut self) {
        self.end_failovers();
        let me = &mut self.nodes[MYSELF];
        me.flags.clear(NodeFlags::REPLICA);
        me.flags |= NodeFlags::PRIMARY;
        me.replica_of = None;
        self.failover.is_of_shard = true;
        self.failover.led_by = None;
        self.follow_slots(None);
        self.changed();
    }

    /// The shell has made the data this node's own, as [`Output::Promote`] asked: the slots are claimed.
    pub fn promoted(&mut self, now: Now) {
        self.begin(now);
        let election = self.failover.election.as_ref();
        let won = election.and_then(Election::won);
        let asked_nobody = election.is_some_and(Election::asked_nobody);
        match (won, self.my_primary()) {
            // Another replica has won an earlier epoch, and has claimed meanwhile what this one is elected for.
            (Some(epoch), Some(primary))
                if !asked_nobody && self.nodes[primary].slot_count == 0 =>
            {
                self.log(LogLevel::Notice, || {
                    format!("The election of epoch {epoch} is void: its slots have another owner.")
                });
                self.failover.election = None;
                self.failover.led_by = None;
            }
            (Some(epoch), Some(primary)) => self.take_over(primary, epoch),
            // The order was taken back since: the shell is told again whom to follow.
            _ => self.failover.led_by = None,
        }
        self.finish();
    }

    fn take_over(&mut self, primary: NodeIndex, epoch: Epoch) {
        let slots: Vec<Slot> =
            Slot::all().filter(|&slot| self.slots.owner(slot) == Some(primary)).collect();
        self.stand_alone();
        slots.into_iter().for_each(|slot| self.bind_slot(slot, Some(MYSELF)));
        let me = &mut self.nodes[MYSELF];
        me.config_epoch = me.config_epoch.max(epoch);
        let epoch = me.config_epoch;
        self.current_epoch = self.current_epoch.max(epoch);
        self.log(LogLevel::Notice, || {
            format!("configEpoch set to {epoch} after successful failover")
        });
        self.save(true);
        self.announce();
    }

    /// Tells the shell whom to follow, where that has changed.
    pub(crate) fn direct(&mut self) {
        let Some(leader) = self.leader() else { return };
        if self.failover.led_by != Some(leader) {
            self.failover.led_by = Some(leader);
            self.output(Output::Follow(leader));
        }
    }

    /// The primary that this node follows, where its address is known.
    #[must_use]
    pub fn leader(&self) -> Option<Leader> {
        let node = &self.nodes[self.my_primary()?];
        Some(Leader { id: node.id, ip: node.address.ip?, port: node.address.port })
    }

    /// Gives up elections and manual failovers.
    pub(crate) fn end_failovers(&mut self) {
        self.failover.election = None;
        self.failover.manual = None;
        self.failover.asking = false;
        self.failover.fresher = None;
        self.failover.is_ending = false;
        self.end_yielding();
    }
}
