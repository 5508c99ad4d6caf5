//! Heartbeats: what this node tells of itself and of others, and what it learns from others' words.

use crate::limits::{FORGOTTEN_ANNOUNCED_MAX, NODES_MAX};
use crate::links::LinkId;
use crate::machine::Machine;
use crate::node::{Address, Node};
use crate::nodes::{MYSELF, NodeIndex};
use crate::state::ClusterState;
use crate::wire::{
    Extension, Extensions, Gossip, GossipEntry, GossipRef, Header, MessageFlags, NodeFlags,
    NodeStatus, PacketType, PacketWriter,
};
use base::{Monotonic, NodeId};
use std::time::Duration;

/// The least entries in a heartbeat, where there are as many nodes.
const ENTRIES_MIN: usize = 3;

/// The share of the known nodes that a heartbeat speaks of.
const ENTRIES_PERCENT: usize = 10;

/// How much further than our own clock a gossiped time may be.
const CLOCK_TOLERANCE_MS: i64 = 500;

/// The flags that are believed of a node heard of for the first time. Whether it fails we find out.
const BELIEVED: u16 = NodeFlags::PRIMARY.0
    | NodeFlags::REPLICA.0
    | NodeFlags::MIGRATE_TO.0
    | NodeFlags::NOFAILOVER.0
    | NodeFlags::EXTENSIONS.0;

impl Machine {
    /// What this node says of itself in every packet.
    pub(crate) fn header(&self) -> Header<'_> {
        let me = &self.nodes[MYSELF];
        let mut message_flags = self.message_flags();
        if self.stands_still() {
            message_flags.0[0] |= MessageFlags::PAUSED;
        }
        Header {
            port: me.address.port,
            current_epoch: self.current_epoch,
            config_epoch: self.nodes[self.my_head()].config_epoch,
            offset: me.offset,
            sender: me.id,
            slots: self.slots.told(),
            replica_of: me.replica_of,
            announced_ip: self.config.announce_ip,
            other_port: me.address.tls_port,
            bus_port: me.address.bus_port,
            flags: me.flags,
            state: match self.state {
                ClusterState::Ok => 0,
                ClusterState::Fail => 1,
            },
            message_flags,
        }
    }

    /// Sends a PING, PONG or MEET with gossip, and with extensions where the peer knows them.
    pub(crate) fn heartbeat(&mut self, link_id: LinkId, kind: PacketType) {
        let Some(link) = self.links.get(link_id) else { return };
        let (peer, link_knows_extensions) = (link.node, link.extensions);
        self.heartbeats += 1;
        if kind != PacketType::Pong
            && let Some(peer) = peer
        {
            let now = self.now.monotonic;
            self.nodes[peer].ping_sent.get_or_insert(now);
        }
        let mut header = self.header();
        if self.gives_way_to(peer) {
            header.message_flags.0[1] |= MessageFlags::GIVES_WAY;
        }
        let mut writer = PacketWriter::new(&header, kind);
        self.write_gossip(&mut writer, peer);
        let knows_extensions = link_knows_extensions
            || peer.is_some_and(|peer| self.nodes[peer].is(NodeFlags::EXTENSIONS));
        if knows_extensions {
            self.write_extensions(&mut writer, peer);
        }
        self.send(link_id, kind, writer.finish());
        if kind != PacketType::Pong {
            self.introduced_on(link_id);
        }
    }

    fn write_gossip(&mut self, writer: &mut PacketWriter, peer: Option<NodeIndex>) {
        let others = self.nodes.len().saturating_sub(2);
        let wanted = ENTRIES_MIN.max(self.nodes.len() * ENTRIES_PERCENT / 100).min(others);
        writer.reserve_gossip(wanted);
        let sequence = self.heartbeats;
        let mut written = 0;
        for _ in 0..wanted * 3 {
            if written == wanted {
                break;
            }
            let index = self.nodes.sample(&mut self.rng);
            let Some(node) = self.nodes.at(index) else { continue };
            let told = node.gossiped_in == sequence;
            let uncertain = node.is(NodeFlags::HANDSHAKE | NodeFlags::NOADDR | NodeFlags::PFAIL);
            let idle = node.outbound.is_none() && node.slot_count == 0;
            if index == MYSELF || Some(index) == peer || told || uncertain || idle {
                continue;
            }
            writer.gossip(&self.gossip_of(node));
            self.nodes[index].gossiped_in = sequence;
            written += 1;
        }
        // Whom we believe to fail stands in every heartbeat, so that reports add up quickly.
        for index in self.suspects.iter().filter(|suspect| Some(**suspect) != peer) {
            writer.gossip(&self.gossip_of(&self.nodes[*index]));
        }
    }

    fn gossip_of(&self, node: &Node) -> GossipEntry {
        let seconds = |moment| (self.wall_or_zero(moment) / 1000) as u32;
        GossipEntry {
            id: node.id,
            ping_sent_s: seconds(node.ping_sent),
            pong_received_s: seconds(node.pong_received),
            ip: node.address.ip,
            port: node.address.port,
            bus_port: node.address.bus_port,
            flags: node.flags,
            other_port: node.address.tls_port,
        }
    }

    fn write_extensions(&mut self, writer: &mut PacketWriter, peer: Option<NodeIndex>) {
        let now = self.now.monotonic;
        let peer = peer.map(|peer| &self.nodes[peer]);
        if !self.config.hostname.is_empty() {
            writer.extension(&Extension::Hostname(&self.config.hostname));
        }
        // Redis 7.0 knows no other type, and logs each one that it does not know.
        if !peer.is_some_and(|node| node.knows_shard_ids) {
            return;
        }
        if !self.config.human_nodename.is_empty() {
            writer.extension(&Extension::HumanNodename(&self.config.human_nodename));
        }
        for forgotten in self.forgotten.iter().take(FORGOTTEN_ANNOUNCED_MAX) {
            let ttl_s = forgotten.until.since(now).as_secs();
            if ttl_s > 0 {
                writer.extension(&Extension::Forgotten { id: forgotten.id, ttl_s });
            }
        }
        writer.extension(&Extension::ShardId(self.nodes[MYSELF].shard));
        if peer.is_some_and(|node| node.redstart) {
            writer.extension(&Extension::Status(NodeStatus {
                availability_zone: self.config.availability_zone.clone(),
                load_permille: self.load_permille,
            }));
        }
    }

    /// Takes in what a known node says of others.
    pub(crate) fn gossip_received(&mut self, sender: NodeIndex, gossip: Gossip<'_>) {
        for entry in gossip.iter() {
            match self.nodes.find_bytes(entry.id_bytes()) {
                Some(MYSELF) => {}
                Some(subject) => self.gossip_about(sender, subject, entry),
                None => self.introduced(entry),
            }
        }
    }

    /// A node that we know is spoken of.
    fn gossip_about(&mut self, sender: NodeIndex, subject: NodeIndex, entry: GossipRef<'_>) {
        let flags = entry.flags();
        let failing = flags.has(NodeFlags::PFAIL | NodeFlags::FAIL);
        if subject != sender {
            if failing && self.nodes[sender].votes() {
                self.failure_reported(subject, sender);
            } else if !failing && !self.nodes[subject].reports.is_empty() {
                self.failure_withdrawn(subject, sender);
            }
        }
        let node = &self.nodes[subject];
        if !failing && !node.is_unreachable() {
            if node.ping_sent.is_none() && node.reports.is_empty() {
                let pong = self.heard_at(entry.pong_received_s());
                let node = &mut self.nodes[subject];
                node.pong_received = node.pong_received.max(pong);
            }
        } else if node.is_unreachable() && !failing && !flags.has(NodeFlags::NOADDR) {
            self.moved(subject, entry);
        }
    }

    /// The moment of ours at which somebody else had a PONG; `None` if it is not to be believed.
    fn heard_at(&self, pong_received_s: u32) -> Option<Monotonic> {
        let ahead_ms = i64::from(pong_received_s) * 1000 - self.now.wall.0;
        if pong_received_s == 0 || ahead_ms > CLOCK_TOLERANCE_MS {
            return None;
        }
        let ago = Duration::from_millis(ahead_ms.min(0).unsigned_abs());
        (ago <= self.now.monotonic.since(Monotonic::default())).then(|| self.now.monotonic - ago)
    }

    /// A node that we cannot reach is reached by the sender, perhaps at another address.
    fn moved(&mut self, subject: NodeIndex, entry: GossipRef<'_>) {
        let Ok(entry) = entry.read() else { return };
        let address = address_of(&entry);
        if address.ip.is_none() || address == self.nodes[subject].address {
            return;
        }
        self.disconnect(subject);
        let node = &mut self.nodes[subject];
        node.address = address;
        node.flags.clear(NodeFlags::NOADDR);
        self.changed();
    }

    /// A node that we have not heard of is known to somebody we know.
    fn introduced(&mut self, entry: GossipRef<'_>) {
        let Ok(entry) = entry.read() else { return };
        let usable = !entry.flags.has(NodeFlags::NOADDR | NodeFlags::HANDSHAKE);
        let address = address_of(&entry);
        if !usable || address.ip.is_none() || self.is_forgotten(&entry.id) {
            return;
        }
        if self.nodes.len() >= NODES_MAX {
            return;
        }
        let flags = NodeFlags(entry.flags.0 & BELIEVED);
        let mut node = Node::new(entry.id, flags, address, self.now.monotonic);
        node.shard = NodeId::random(&mut self.rng);
        self.nodes.add(node);
        self.changed();
    }

    /// Takes in what a known node says of itself beyond the header. What it leaves out it no longer has.
    pub(crate) fn extensions_received(&mut self, sender: NodeIndex, extensions: Extensions<'_>) {
        let (mut hostname, mut human_nodename, mut status) = (None, None, None);
        let mut shard = None;
        for extension in extensions.iter() {
            match extension {
                Extension::Hostname(name) => hostname = (!name.is_empty()).then_some(name),
                Extension::HumanNodename(name) => {
                    human_nodename = (!name.is_empty()).then_some(name);
                }
                Extension::Forgotten { id, ttl_s } => self.forgotten_elsewhere(sender, id, ttl_s),
                Extension::ShardId(id) => shard = Some(id),
                Extension::Status(said) => status = Some(Box::new(said)),
                Extension::Unknown { .. } => {}
            }
        }
        let shard = shard.inspect(|_| self.nodes[sender].knows_shard_ids = true).or_else(|| {
            let primary = self.nodes.find(&self.nodes[sender].replica_of?)?;
            Some(self.nodes[primary].shard)
        });
        let node = &mut self.nodes[sender];
        node.status = status;
        let mut changed = false;
        if node.hostname.as_deref() != hostname {
            node.hostname = hostname.map(Into::into);
            changed = true;
        }
        if node.human_nodename.as_deref() != human_nodename {
            node.human_nodename = human_nodename.map(Into::into);
            changed = true;
        }
        if let Some(shard) = shard.filter(|shard| *shard != node.shard) {
            node.shard = shard;
            changed = true;
            if self.my_primary() == Some(sender) {
                self.nodes[MYSELF].shard = shard;
            }
        }
        if changed {
            self.changed();
        }
    }
}

fn address_of(entry: &GossipEntry) -> Address {
    Address { ip: entry.ip, port: entry.port, tls_port: entry.other_port, bus_port: entry.bus_port }
}
