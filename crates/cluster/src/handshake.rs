//! How nodes come and go: MEET, the handshake that follows, addresses that change, FORGET.
//!
//! ```text
//!   CLUSTER MEET ----> handshake, sends MEET --+                      +--> known node (renamed)
//!   MEET received ---> handshake, sends PING --+-- PONG with real id -+
//!                            |                                        +--> was known already: dropped
//!                            +-- no PONG within the handshake timeout: dropped
//! ```

use crate::error::ClusterError;
use crate::limits::{FORGOTTEN_MAX, HANDSHAKES_MAX, NODES_MAX};
use crate::links::{Direction, LinkId};
use crate::machine::{LogLevel, Machine, Output};
use crate::node::{Address, Node};
use crate::nodes::{MYSELF, NodeIndex};
use crate::wire::{Header, NodeFlags};
use base::{Monotonic, NodeId};
use core::net::IpAddr;
use std::time::Duration;

/// The least time that a handshake may take.
const HANDSHAKE_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// How long CLUSTER FORGET keeps a node out.
pub(crate) const FORGET_TTL: Duration = Duration::from_secs(60);

/// A node that was removed and may not come back yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forgotten {
    pub(crate) id: NodeId,
    pub(crate) until: Monotonic,
}

impl Machine {
    pub(crate) fn handshake_timeout(&self) -> Duration {
        self.node_timeout().max(HANDSHAKE_TIMEOUT_MIN)
    }

    /// Begins to get to know a node, unless that has begun already.
    pub(crate) fn begin_handshake(
        &mut self,
        address: Address,
        flags: NodeFlags,
    ) -> Result<(), ClusterError> {
        let mut handshakes = 0;
        for (_, node) in self.nodes.iter().filter(|(_, node)| node.in_handshake()) {
            handshakes += 1;
            let known = &node.address;
            if known.ip == address.ip && known.bus_port == address.bus_port {
                return Ok(());
            }
        }
        if handshakes >= HANDSHAKES_MAX || self.nodes.len() >= NODES_MAX {
            return Err(ClusterError::TooManyNodes);
        }
        let id = NodeId::random(&mut self.rng);
        let node = Node::new(id, flags | NodeFlags::HANDSHAKE, address, self.now.monotonic);
        self.nodes.add(node);
        Ok(())
    }

    /// A MEET of somebody we do not know.
    pub(crate) fn met(&mut self, link: LinkId, header: &Header<'_>) {
        let peer = self.links.get(link).and_then(|link| link.peer);
        let address = address_of(header, peer);
        if address.ip.is_some() && address.bus_port != 0 {
            // Too many at a time: the peer sends MEET again.
            let _ = self.begin_handshake(address, NodeFlags::NONE);
        }
    }

    /// The first packet on our link to a node whose real id we do not know yet. Returns whether the node is
    /// a new one of ours now.
    pub(crate) fn introduced_itself(&mut self, temporary: NodeIndex, header: &Header<'_>) -> bool {
        if let Some(known) = self.nodes.find(&header.sender) {
            if known != MYSELF {
                let address = self.nodes[temporary].address;
                self.adopt_address(known, Address { tls_port: header.other_port, ..address });
            }
            let node = self.describe(known);
            self.log(LogLevel::Verbose, || format!("Handshake: we already know node {node}."));
            self.remove_node(temporary);
            return false;
        }
        if self.is_forgotten(&header.sender) {
            self.remove_node(temporary);
            return false;
        }
        self.nodes.rename(temporary, header.sender);
        let shard = NodeId::random(&mut self.rng);
        let node = &mut self.nodes[temporary];
        node.flags.clear(NodeFlags::HANDSHAKE | NodeFlags::MEET);
        node.flags |=
            if header.replica_of.is_some() { NodeFlags::REPLICA } else { NodeFlags::PRIMARY };
        node.shard = shard;
        let id = node.id;
        self.log(LogLevel::Debug, || format!("Handshake with node {id} completed."));
        self.changed();
        true
    }

    /// A known node pings us: it is where its link comes from, and listens where its header says.
    pub(crate) fn refresh_address(&mut self, index: NodeIndex, link: LinkId, header: &Header<'_>) {
        let Some(inbound) = self.links.get(link) else { return };
        if inbound.direction == Direction::Outbound {
            return;
        }
        self.adopt_address(index, address_of(header, inbound.peer));
    }

    fn adopt_address(&mut self, index: NodeIndex, address: Address) {
        if address.ip.is_none() || address == self.nodes[index].address {
            return;
        }
        self.disconnect(index);
        let node = &mut self.nodes[index];
        node.address = address;
        node.flags.clear(NodeFlags::NOADDR);
        let node = self.describe(index);
        self.log(LogLevel::Notice, || {
            let ip = address.ip.map(|ip| ip.to_string()).unwrap_or_default();
            format!("Address updated for node {node}, now {ip}:{}", address.port)
        });
        self.changed();
    }

    /// Somebody else answers at a node's address.
    pub(crate) fn is_somebody_else(&mut self, index: NodeIndex, sender: NodeId) {
        let node = self.describe(index);
        self.log(LogLevel::Notice, || {
            format!("PONG contains mismatching sender ID {sender}; expected node {node}")
        });
        self.disconnect(index);
        let node = &mut self.nodes[index];
        node.flags |= NodeFlags::NOADDR;
        node.address = Address::default();
        self.changed();
    }

    /// Our own address, where others do not see us otherwise: the local end of a link somebody made to us.
    pub(crate) fn learn_own_address(&mut self, link: LinkId) {
        let local = self.links.get(link).and_then(|link| link.local);
        let me = &mut self.nodes[MYSELF];
        if self.config.announce_ip.is_some() || local.is_none() || local == me.address.ip {
            return;
        }
        me.address.ip = local;
        let ip = local.map(|ip| ip.to_string()).unwrap_or_default();
        self.log(LogLevel::Notice, || format!("IP address for this node updated to {ip}"));
        self.changed();
    }

    /// Closes our link to a node.
    pub(crate) fn disconnect(&mut self, index: NodeIndex) {
        if let Some(link) = self.nodes[index].outbound {
            self.close_link(link);
        }
    }

    /// Closes a link and tells the shell.
    pub(crate) fn close_link(&mut self, link: LinkId) {
        if self.links.get(link).is_some() {
            self.link_closed(link);
            self.output(Output::CloseLink { link });
        }
    }

    /// A link is gone.
    pub(crate) fn link_closed(&mut self, id: LinkId) {
        let now = self.now.monotonic;
        let Some(link) = self.links.close(id) else { return };
        let Some(index) = link.node else { return };
        let node = &mut self.nodes[index];
        match link.direction {
            Direction::Outbound if node.outbound == Some(id) => {
                node.outbound = None;
                // Without a pending ping a node that cannot be connected to would never be found to fail.
                node.ping_sent.get_or_insert(now);
            }
            Direction::Inbound if node.inbound == Some(id) => {
                node.inbound = None;
                node.inbound_lost = now;
            }
            Direction::Outbound | Direction::Inbound => {}
        }
    }

    /// Binds an inbound link to its node; a node has one, so an older one goes.
    pub(crate) fn identify_link(&mut self, id: LinkId, index: NodeIndex) {
        let old = self.nodes[index].inbound.replace(id);
        self.links.identify(id, index);
        if let Some(old) = old.filter(|old| *old != id) {
            self.close_link(old);
            self.nodes[index].inbound = Some(id);
        }
    }

    /// Removes a node with all that refers to it.
    pub(crate) fn remove_node(&mut self, index: NodeIndex) {
        self.unbind_all(index);
        self.slots.open.forget(index);
        self.trust(index);
        self.forget_yielding_to(index);
        for link in [self.nodes[index].outbound, self.nodes[index].inbound].into_iter().flatten() {
            self.close_link(link);
        }
        let removed = self.nodes.remove(index);
        for (_, node) in self.nodes.iter_mut() {
            node.reports.retain(|report| report.reporter != index);
        }
        if !removed.in_handshake() {
            self.changed();
        }
    }

    /// Keeps a node out for a while.
    pub(crate) fn remember_forgotten(&mut self, id: NodeId, ttl: Duration) {
        let until = self.now.monotonic + ttl;
        self.expire_forgotten();
        self.forgotten.retain(|forgotten| forgotten.id != id);
        if self.forgotten.len() >= FORGOTTEN_MAX {
            self.forgotten.remove(0);
        }
        self.forgotten.push(Forgotten { id, until });
    }

    pub(crate) fn expire_forgotten(&mut self) {
        let now = self.now.monotonic;
        self.forgotten.retain(|forgotten| forgotten.until > now);
    }

    pub(crate) fn is_forgotten(&self, id: &NodeId) -> bool {
        let now = self.now.monotonic;
        self.forgotten.iter().any(|forgotten| forgotten.id == *id && forgotten.until > now)
    }

    /// A known node has removed another, and we follow.
    pub(crate) fn forgotten_elsewhere(&mut self, sender: NodeIndex, id: NodeId, ttl_s: u64) {
        let Some(index) = self.nodes.find(&id) else { return };
        let is_needed = index == MYSELF || self.my_primary() == Some(index);
        if is_needed || index == sender || ttl_s == 0 {
            return;
        }
        let sender = self.describe(sender);
        self.log(LogLevel::Notice, || format!("Node {id} is forgotten, as node {sender} asks"));
        self.remember_forgotten(id, Duration::from_secs(ttl_s).min(FORGET_TTL));
        self.remove_node(index);
    }
}

/// Where a packet's sender listens, seen from a link whose other end is `peer`.
fn address_of(header: &Header<'_>, peer: Option<IpAddr>) -> Address {
    Address {
        ip: header.announced_ip.or(peer),
        port: header.port,
        tls_port: header.other_port,
        bus_port: header.bus_port,
    }
}
