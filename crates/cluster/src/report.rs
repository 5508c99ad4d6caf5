//! What CLUSTER INFO, SLOTS, SHARDS, LINKS and COUNT-FAILURE-REPORTS tell.

use crate::config::PreferredEndpoint;
use crate::counters::Counters;
use crate::error::ClusterError;
use crate::links::{Direction, LinkId};
use crate::machine::{Machine, Now};
use crate::node::Node;
use crate::nodes::{MYSELF, NodeIndex};
use crate::wire::{NodeFlags, NodeStatus, PacketType};
use base::{NodeId, SLOT_COUNT, SlotRange, UnixMillis};
use std::collections::BTreeMap;
use std::fmt::Write;

/// One range of slots in CLUSTER SLOTS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotsEntry {
    /// The slots.
    pub range: SlotRange,
    /// Their primary, then its replicas that serve.
    pub nodes: Vec<SlotsNode>,
}

/// A node in CLUSTER SLOTS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotsNode {
    /// The preferred endpoint; `None` is a nil reply.
    pub endpoint: Option<String>,
    /// The port for this client.
    pub port: u16,
    /// The node.
    pub id: NodeId,
    /// Names that are not the preferred endpoint.
    pub metadata: Vec<(&'static str, String)>,
}

/// A shard in CLUSTER SHARDS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardInfo {
    /// The shard.
    pub id: NodeId,
    /// The slots it serves.
    pub ranges: Vec<SlotRange>,
    /// Its nodes, the primary first.
    pub nodes: Vec<ShardNode>,
}

/// A node in CLUSTER SHARDS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardNode {
    /// The node.
    pub id: NodeId,
    /// The port without TLS, 0 for none.
    pub port: u16,
    /// The port with TLS, 0 for none.
    pub tls_port: u16,
    /// The address; empty when unknown.
    pub ip: String,
    /// The preferred endpoint; `None` is a nil reply.
    pub endpoint: Option<String>,
    /// The hostname, if announced.
    pub hostname: Option<String>,
    /// Primary or replica.
    pub role: Role,
    /// The replication offset.
    pub offset: u64,
    /// How it is.
    pub health: Health,
    /// What a node of ours tells of itself.
    pub status: Option<NodeStatus>,
}

/// A node's role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// `master` on the wire.
    Primary,
    /// `replica`.
    Replica,
}

/// A node's health in CLUSTER SHARDS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Health {
    /// `online`
    Online,
    /// `fail`
    Fail,
    /// `loading`: a replica that has no data yet.
    Loading,
}

/// A link in CLUSTER LINKS. What its buffers hold the shell knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkInfo {
    /// Its name.
    pub link: LinkId,
    /// Who opened it.
    pub direction: Direction,
    /// The node at its other end.
    pub node: NodeId,
    /// When it was opened.
    pub created_at: UnixMillis,
}

impl Machine {
    /// The text of CLUSTER INFO.
    #[must_use]
    pub fn info(&self) -> String {
        let [pfail_slots, fail_slots] = [NodeFlags::PFAIL, NodeFlags::FAIL].map(|flag| {
            let slots = |node: &Node| if node.is(flag) { usize::from(node.slot_count) } else { 0 };
            self.nodes.iter().map(|(_, node)| slots(node)).sum::<usize>()
        });
        let count = |test: &dyn Fn(&Node) -> bool| -> usize {
            self.nodes.iter().filter(|(_, node)| test(node)).count()
        };
        let assigned = SLOT_COUNT - self.slots.unowned();
        let mut out = String::new();
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            let _ = write!(out, "{name}:{value}\r\n");
        };
        line("cluster_state", &self.state);
        line("cluster_slots_assigned", &assigned);
        line("cluster_slots_ok", &(assigned - pfail_slots - fail_slots));
        line("cluster_slots_pfail", &pfail_slots);
        line("cluster_slots_fail", &fail_slots);
        line("cluster_nodes_pfail", &count(&|node| node.is(NodeFlags::PFAIL)));
        line("cluster_nodes_fail", &count(&|node| node.is(NodeFlags::FAIL)));
        let voting_and = |flag| count(&|node| node.votes() && node.is(flag));
        line("cluster_voting_nodes_pfail", &voting_and(NodeFlags::PFAIL));
        line("cluster_voting_nodes_fail", &voting_and(NodeFlags::FAIL));
        line("cluster_known_nodes", &self.nodes.len());
        line("cluster_size", &self.voting_primaries());
        line("cluster_current_epoch", &self.current_epoch);
        line("cluster_my_epoch", &self.nodes[MYSELF].config_epoch);
        let counters = &self.counters;
        let kinds =
            |of: &dyn Fn(PacketType) -> u64| PacketType::ALL.map(|kind| (kind.name(), of(kind)));
        for (name, sent) in kinds(&|kind| counters.sent_of(kind)) {
            if sent > 0 {
                line(&format!("cluster_stats_messages_{name}_sent"), &sent);
            }
        }
        line("cluster_stats_messages_sent", &counters.sent_total());
        for (name, received) in kinds(&|kind| counters.received_of(kind)) {
            if received > 0 {
                line(&format!("cluster_stats_messages_{name}_received"), &received);
            }
        }
        line("cluster_stats_messages_received", &counters.received_total());
        line("cluster_stats_bytes_sent", &counters.bytes_sent);
        line("cluster_stats_bytes_received", &counters.bytes_received);
        line("cluster_stats_pubsub_bytes_sent", &counters.pubsub_bytes_sent);
        line("cluster_stats_pubsub_bytes_received", &counters.pubsub_bytes_received);
        line("cluster_stats_module_bytes_sent", &0);
        line("cluster_stats_module_bytes_received", &counters.module_bytes_received);
        line("cluster_bus_auth", &self.config.auth.mode.name());
        line("cluster_bus_links_sealed", &self.sealed_links());
        line("cluster_bus_packets_malformed", &counters.malformed);
        line("cluster_bus_packets_forged", &counters.forged);
        line("cluster_bus_packets_replayed", &counters.replayed);
        line("cluster_bus_packets_plain_refused", &counters.plain_refused);
        line("total_cluster_links_buffer_limit_exceeded", &counters.links_overflowed);
        out
    }

    /// What CLUSTER SLOTS tells a client whose connection uses TLS or not.
    #[must_use]
    pub fn cluster_slots(&self, tls: bool) -> Vec<SlotsEntry> {
        let replicas = self.replicas_by_primary();
        let entry = |(owner, range): (NodeIndex, SlotRange)| {
            let owner = &self.nodes[owner];
            let serving = replicas
                .get(&owner.id)
                .into_iter()
                .flatten()
                .filter(|replica| !replica.is(NodeFlags::FAIL) && replica.offset > 0);
            let nodes = std::iter::once(owner)
                .chain(serving.copied())
                .map(|node| self.slots_node(node, tls))
                .collect();
            SlotsEntry { range, nodes }
        };
        self.slots.ranges().into_iter().map(entry).collect()
    }

    fn slots_node(&self, node: &Node, tls: bool) -> SlotsNode {
        let mut metadata = Vec::new();
        let preferred = self.config.preferred_endpoint;
        if preferred != PreferredEndpoint::Ip {
            metadata.push(("ip", ip_text(node)));
        }
        if let Some(name) = &node.hostname
            && preferred != PreferredEndpoint::Hostname
        {
            metadata.push(("hostname", name.to_string()));
        }
        SlotsNode {
            endpoint: self.preferred(node),
            port: if tls { node.address.tls_port } else { node.address.port },
            id: node.id,
            metadata,
        }
    }

    /// What CLUSTER SHARDS tells.
    #[must_use]
    pub fn cluster_shards(&self) -> Vec<ShardInfo> {
        let ranges = self.slots.ranges();
        let mut shards: BTreeMap<NodeId, Vec<(NodeIndex, &Node)>> = BTreeMap::new();
        for (index, node) in self.nodes.by_id().filter(|(_, node)| !node.in_handshake()) {
            shards.entry(node.shard).or_default().push((index, node));
        }
        let shard = |(id, mut nodes): (NodeId, Vec<(NodeIndex, &Node)>)| {
            nodes.sort_by_key(|(_, node)| node.is_replica());
            let ranges = ranges
                .iter()
                .filter(|(owner, _)| nodes.iter().any(|(index, _)| index == owner))
                .map(|(_, range)| *range)
                .collect();
            let nodes = nodes.iter().map(|(_, node)| self.shard_node(node)).collect();
            ShardInfo { id, ranges, nodes }
        };
        shards.into_iter().map(shard).collect()
    }

    fn shard_node(&self, node: &Node) -> ShardNode {
        ShardNode {
            id: node.id,
            port: node.address.port,
            tls_port: node.address.tls_port,
            ip: ip_text(node),
            endpoint: self.preferred(node),
            hostname: node.hostname.as_deref().map(str::to_owned),
            role: if node.is_replica() { Role::Replica } else { Role::Primary },
            offset: node.offset,
            health: if node.is(NodeFlags::FAIL) {
                Health::Fail
            } else if node.is_replica() && node.offset == 0 {
                Health::Loading
            } else {
                Health::Online
            },
            status: node.status.as_deref().cloned(),
        }
    }

    /// What CLUSTER LINKS tells: the links whose node is known.
    pub fn cluster_links(&self) -> impl Iterator<Item = LinkInfo> {
        self.links.iter().filter_map(|(id, link)| {
            Some(LinkInfo {
                link: id,
                direction: link.direction,
                node: self.nodes[link.node?].id,
                created_at: self.wall_of(link.created_at),
            })
        })
    }

    /// CLUSTER COUNT-FAILURE-REPORTS.
    ///
    /// # Errors
    /// [`ClusterError::UnknownNode`].
    pub fn count_failure_reports(&mut self, now: Now, id: NodeId) -> Result<usize, ClusterError> {
        self.now = now;
        let index = self.nodes.find(&id).ok_or_else(|| ClusterError::unknown(id))?;
        Ok(self.valid_reports(index))
    }

    /// Packets and bytes so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many nodes are known, those being met and this one included.
    #[must_use]
    pub fn known_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// A number over everything that packets may change: nodes, flags, addresses, epochs, owners, state. Equal
    /// digests mean equal knowledge; times and counters are left out.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut fold = Fold::default();
        fold.number(self.current_epoch.0);
        fold.number(self.last_vote_epoch.0);
        fold.number(u64::from(self.is_ok()));
        for (index, node) in self.nodes.by_id() {
            fold.bytes(node.id.as_bytes());
            fold.number(u64::from(index.0) << 16 | u64::from(node.flags.0));
            fold.number(node.config_epoch.0);
            fold.number(u64::from(node.address.port) << 16 | u64::from(node.address.bus_port));
            fold.bytes(ip_text(node).as_bytes());
            fold.bytes(node.hostname.as_deref().unwrap_or_default().as_bytes());
            fold.bytes(node.shard.as_bytes());
            fold.bytes(node.replica_of.as_ref().map_or(&[][..], |id| id.as_bytes()));
            fold.number(node.reports.len() as u64);
        }
        for owners in self.slots.owners().as_chunks::<4>().0 {
            fold.number(owners.iter().fold(0, |sum, owner| sum << 16 | u64::from(*owner)));
        }
        fold.0
    }

    /// A number over what nodes of a healthy cluster agree on: who is in it, in which role and shard, with which
    /// epoch, who fails and who owns which slot. Nodes that are being met make it differ.
    #[must_use]
    pub fn agreement(&self) -> u64 {
        let mut fold = Fold::default();
        let mut ids = vec![0; usize::from(self.nodes.index_end())];
        for (index, node) in self.nodes.by_id() {
            fold.bytes(node.id.as_bytes());
            let shared = NodeFlags::PRIMARY.0
                | NodeFlags::REPLICA.0
                | NodeFlags::FAIL.0
                | NodeFlags::PFAIL.0
                | NodeFlags::NOADDR.0
                | NodeFlags::HANDSHAKE.0;
            fold.number(u64::from(node.flags.0 & shared));
            // A replica has no claim of its own; what is known of its last one goes with it.
            fold.number(if node.is_primary() { node.config_epoch.0 } else { 0 });
            node.replica_of.iter().for_each(|id| fold.bytes(id.as_bytes()));
            fold.bytes(node.shard.as_bytes());
            let mut id = Fold::default();
            id.bytes(node.id.as_bytes());
            ids[usize::from(index.0)] = id.0;
        }
        fold.number(self.current_epoch.0);
        for owner in self.slots.owners() {
            fold.number(ids.get(usize::from(*owner)).copied().unwrap_or(0));
        }
        fold.0
    }

    /// The slots that this node claims for itself.
    #[must_use]
    pub fn my_slots(&self) -> crate::SlotBits<'_> {
        self.slots.mine()
    }

    fn preferred(&self, node: &Node) -> Option<String> {
        match self.config.preferred_endpoint {
            PreferredEndpoint::Ip => Some(ip_text(node)),
            PreferredEndpoint::Hostname => Some(node.hostname.as_deref().unwrap_or("?").to_owned()),
            PreferredEndpoint::Unknown => None,
        }
    }

    fn replicas_by_primary(&self) -> BTreeMap<NodeId, Vec<&Node>> {
        let mut replicas: BTreeMap<NodeId, Vec<&Node>> = BTreeMap::new();
        for (_, node) in self.nodes.by_id() {
            if let Some(primary) = node.replica_of {
                replicas.entry(primary).or_default().push(node);
            }
        }
        replicas
    }
}

fn ip_text(node: &Node) -> String {
    node.address.ip.map(|ip| ip.to_string()).unwrap_or_default()
}

/// FNV-1a over words: fast and the same everywhere; nobody gains by forging a digest.
struct Fold(u64);

impl Default for Fold {
    fn default() -> Fold {
        Fold(0xcbf2_9ce4_8422_2325)
    }
}

impl Fold {
    fn number(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            self.number(chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }
}
