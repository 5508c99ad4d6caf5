//! One node of the cluster, as this node knows it.

use crate::links::LinkId;
use crate::nodes::NodeIndex;
use crate::wire::{NodeFlags, NodeStatus};
use base::{Epoch, Monotonic, NodeId};
use core::net::IpAddr;

/// Where a node listens.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Address {
    /// Unknown for a node without address, and for ourselves before the first MEET.
    pub(crate) ip: Option<IpAddr>,
    /// The client port.
    pub(crate) port: u16,
    /// The client port with TLS, 0 for none.
    pub(crate) tls_port: u16,
    /// The bus port.
    pub(crate) bus_port: u16,
}

/// That a primary holds a node for failing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FailureReport {
    pub(crate) reporter: NodeIndex,
    pub(crate) at: Monotonic,
}

/// What is known of a node. Which slots it owns stands in the slot table.
///
/// The fields that every tick and every gossip entry looks at come first, so that they share cache lines: a
/// heartbeat in a large cluster goes through hundreds of nodes.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) flags: NodeFlags,
    /// How many slots the slot table gives it.
    pub(crate) slot_count: u16,
    pub(crate) reports: Vec<FailureReport>,
    /// When the ping that has no answer yet was sent.
    pub(crate) ping_sent: Option<Monotonic>,
    pub(crate) pong_received: Option<Monotonic>,
    /// When anything last came from it, on either link.
    pub(crate) data_received: Option<Monotonic>,
    pub(crate) outbound: Option<LinkId>,
    /// The last heartbeat of ours whose gossip speaks of it, so that no packet does twice.
    pub(crate) gossiped_in: u64,
    pub(crate) address: Address,
    pub(crate) inbound: Option<LinkId>,
    /// Since when it has no link to us.
    pub(crate) inbound_lost: Monotonic,
    pub(crate) shard: NodeId,
    /// The primary, for a replica whose primary is known to us by id.
    pub(crate) replica_of: Option<NodeId>,
    /// As the node's own packets last said; a replica's is of no use, its primary's counts.
    pub(crate) config_epoch: Epoch,
    pub(crate) offset: u64,
    pub(crate) hostname: Option<Box<str>>,
    pub(crate) human_nodename: Option<Box<str>>,
    pub(crate) status: Option<Box<NodeStatus>>,
    /// When the last of our pings that it has answered was sent.
    pub(crate) answered: Option<Monotonic>,
    /// Whether it believes that the cluster is ok, as it says itself.
    pub(crate) says_ok: bool,
    /// Its packets carry our mark.
    pub(crate) redstart: bool,
    /// A packet of its own link has come under a seal: it is not believed without one any more.
    pub(crate) knows_secret: bool,
    /// It has sent a shard id, or says of itself that it knows extensions: it is no Redis 7.0, which logs
    /// every type but the hostname.
    pub(crate) knows_shard_ids: bool,
    pub(crate) created_at: Monotonic,
    pub(crate) failed_at: Option<Monotonic>,
    /// Since when it has slots and no replica, as a replica of another primary has seen.
    pub(crate) orphaned: Option<Monotonic>,
    pub(crate) connect_tried: Option<Monotonic>,
}

impl Node {
    /// A node of which nothing but its id, flags and address is known.
    pub(crate) fn new(id: NodeId, flags: NodeFlags, address: Address, now: Monotonic) -> Node {
        Node {
            id,
            flags,
            address,
            shard: id,
            replica_of: None,
            config_epoch: Epoch(0),
            offset: 0,
            slot_count: 0,
            hostname: None,
            human_nodename: None,
            status: None,
            answered: None,
            says_ok: false,
            redstart: false,
            knows_secret: false,
            knows_shard_ids: false,
            created_at: now,
            ping_sent: None,
            pong_received: None,
            data_received: None,
            failed_at: None,
            orphaned: None,
            connect_tried: None,
            inbound_lost: now,
            reports: Vec::new(),
            outbound: None,
            inbound: None,
            gossiped_in: 0,
        }
    }

    pub(crate) fn is(&self, flags: NodeFlags) -> bool {
        self.flags.has(flags)
    }

    pub(crate) fn is_primary(&self) -> bool {
        self.flags.has(NodeFlags::PRIMARY)
    }

    pub(crate) fn is_replica(&self) -> bool {
        self.flags.has(NodeFlags::REPLICA)
    }

    pub(crate) fn in_handshake(&self) -> bool {
        self.flags.has(NodeFlags::HANDSHAKE)
    }

    pub(crate) fn is_myself(&self) -> bool {
        self.flags.has(NodeFlags::MYSELF)
    }

    /// Failing, or believed to be.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.flags.has(NodeFlags::PFAIL | NodeFlags::FAIL)
    }

    /// A primary with slots: what counts towards majorities.
    pub(crate) fn votes(&self) -> bool {
        self.is_primary() && self.slot_count > 0
    }

    /// The last sign of life, direct or told by others.
    pub(crate) fn last_seen(&self) -> Option<Monotonic> {
        self.data_received.max(self.pong_received)
    }
}
