//! The cron: links to open, pings to send, answers that stay away.

use crate::links::{Direction, Link, LinkId};
use crate::machine::{Machine, Output};
use crate::nodes::{MYSELF, NodeIndex};
use crate::seal::Seal;
use crate::state::ClusterState;
use crate::wire::{NodeFlags, PacketType};
use base::Monotonic;
use core::net::IpAddr;
use std::time::Duration;

/// Every so many ticks, a second, one node of a random sample is pinged.
const TICKS_PER_SAMPLE: u64 = 10;
const SAMPLE_NODES: usize = 5;

/// The bounds of the time between two attempts to connect to the same node.
const RECONNECT_MIN: Duration = Duration::from_millis(100);
const RECONNECT_MAX: Duration = Duration::from_secs(1);

/// What the cron finds to do about one node.
enum Due {
    Nothing,
    Drop,
    Connect(IpAddr),
    CloseLink,
    Ping(LinkId),
    Meet(LinkId),
    Believe,
}

impl Machine {
    /// A tenth of a second has passed.
    pub(crate) fn tick(&mut self) {
        self.last_tick = Some(self.now.monotonic);
        self.ticks += 1;
        self.expire_forgotten();
        self.pursue_yielding();
        if self.ticks.is_multiple_of(TICKS_PER_SAMPLE) {
            self.ping_one_of_sample();
            self.adopt_orphan();
        }
        for index in 1..self.nodes.index_end() {
            let index = NodeIndex(index);
            match self.due(index) {
                Due::Nothing => {}
                Due::Drop => self.remove_node(index),
                Due::Connect(ip) => self.connect(index, ip),
                Due::CloseLink => self.disconnect(index),
                Due::Ping(link) => self.heartbeat(link, PacketType::Ping),
                Due::Meet(link) => self.heartbeat(link, PacketType::Meet),
                Due::Believe => self.believe_failing(index),
            }
        }
        self.pending.state = true;
    }

    /// BACKGROUND: a ping waits for its answer up to the node timeout. When half of that has passed without a
    /// sound, the fault may be the link's, so a new one is tried while there is time.
    ///
    /// BEHAVIOR: at most one thing is done about a node in a tick; the next tick is soon.
    fn due(&self, index: NodeIndex) -> Due {
        let Some(node) = self.nodes.at(index) else { return Due::Nothing };
        let now = self.now.monotonic;
        let timeout = self.node_timeout();
        if node.in_handshake() && now.since(node.created_at) > self.handshake_timeout() {
            return Due::Drop;
        }
        let pinged = node.ping_sent.map(|at| now.since(at));
        let silent = node.data_received.map_or(Duration::MAX, |at| now.since(at));
        if pinged.is_some_and(|pinged| pinged.min(silent) > timeout)
            && !node.is_unreachable()
            && !node.in_handshake()
        {
            return Due::Believe;
        }
        let Some(link_id) = node.outbound else {
            return match node.address.ip {
                Some(ip) if !node.is(NodeFlags::NOADDR) && self.may_connect(node.connect_tried) => {
                    Due::Connect(ip)
                }
                _ => Due::Nothing,
            };
        };
        let patience = timeout / 2;
        let Some(pinged) = pinged else {
            let pong_age = node.pong_received.map_or(Duration::MAX, |at| now.since(at));
            // What others tell of it is no answer to this node.
            let answer_age = node.answered.map_or(Duration::MAX, |at| now.since(at));
            let wants_answer = self.leases() && node.votes() && answer_age > patience / 2;
            if pong_age <= patience && !wants_answer {
                return Due::Nothing;
            }
            let unheard = node.inbound.is_none()
                && node.redstart
                && now.since(node.inbound_lost) > self.handshake_timeout();
            return if unheard { Due::Meet(link_id) } else { Due::Ping(link_id) };
        };
        let Some(link) = self.links.get(link_id) else { return Due::Nothing };
        let age = now.since(link.created_at);
        // While it connects, the peer's own link may be fine, so its silence is no measure.
        let gave_up = !link.connected && age > patience;
        // Silence on both links for half the timeout; or an answer that stays away for all of it although the
        // peer is heard of: then this link is broken, whatever the peer's own link does.
        let unanswered = pinged > patience && silent > patience;
        let broken = age > timeout && (unanswered || pinged > timeout);
        if gave_up || broken { Due::CloseLink } else { Due::Nothing }
    }

    fn may_connect(&self, tried: Option<Monotonic>) -> bool {
        let interval = (self.node_timeout() / 20).clamp(RECONNECT_MIN, RECONNECT_MAX);
        tried.is_none_or(|tried| self.now.monotonic.since(tried) >= interval)
    }

    /// Pings, of a few random nodes, the one that was silent longest.
    fn ping_one_of_sample(&mut self) {
        let mut oldest: Option<(Option<Monotonic>, LinkId)> = None;
        for _ in 0..SAMPLE_NODES {
            let index = self.nodes.sample(&mut self.rng);
            let Some(node) = self.nodes.at(index) else { continue };
            let Some(link) = node.outbound else { continue };
            if node.ping_sent.is_some() || node.is_myself() || node.in_handshake() {
                continue;
            }
            if oldest.is_none_or(|(pong, _)| node.pong_received < pong) {
                oldest = Some((node.pong_received, link));
            }
        }
        if let Some((_, link)) = oldest {
            self.heartbeat(link, PacketType::Ping);
        }
    }

    fn connect(&mut self, index: NodeIndex, ip: IpAddr) {
        let now = self.now.monotonic;
        let link = self.links.open(Link {
            direction: Direction::Outbound,
            node: Some(index),
            connected: false,
            created_at: now,
            peer: None,
            local: None,
            extensions: false,
            seal: Seal::Plain,
            pings: 0,
            introduced: false,
        });
        let node = &mut self.nodes[index];
        node.outbound = Some(link);
        node.connect_tried = Some(now);
        // The ping that the link is opened for: a node that never lets us connect has to be found out too.
        node.ping_sent.get_or_insert(now);
        let port = node.address.bus_port;
        self.output(Output::Connect { link, ip, port });
    }

    /// A link that we opened stands. Where it has to be sealed it carries nothing before it is.
    pub(crate) fn connected(&mut self, link_id: LinkId, local: Option<IpAddr>) {
        let Some(link) = self.links.get_mut(link_id) else { return };
        link.local = local;
        let Some(index) = link.node else { return };
        if self.greets_first(index) { self.greet(link_id) } else { self.open_for_packets(link_id) }
    }

    /// A link of ours takes packets from now on: the first one is MEET for a node being met, else PING.
    pub(crate) fn open_for_packets(&mut self, link_id: LinkId) {
        let Some(link) = self.links.get_mut(link_id) else { return };
        link.connected = true;
        let Some(index) = link.node else { return };
        let meet = self.nodes[index].is(NodeFlags::MEET);
        self.heartbeat(link_id, if meet { PacketType::Meet } else { PacketType::Ping });
    }

    /// Takes over what the configuration says of this node, which may have been changed at run time.
    pub(crate) fn adopt_config(&mut self) {
        let config = &self.config;
        let me = &mut self.nodes[MYSELF];
        let mut address = me.address;
        address.ip = config.announce_ip.or(address.ip);
        address.port = config.port;
        address.tls_port = config.tls_port;
        address.bus_port = config.bus_port;
        let name = |name: &str| (!name.is_empty()).then(|| name.into());
        me.flags.set(NodeFlags::NOFAILOVER, config.replica_no_failover);
        let (hostname, human_nodename) = (name(&config.hostname), name(&config.human_nodename));
        if me.address != address || me.hostname != hostname || me.human_nodename != human_nodename {
            me.address = address;
            me.hostname = hostname;
            me.human_nodename = human_nodename;
            self.changed();
        }
    }

    /// Whether the state is ok.
    pub(crate) fn is_ok(&self) -> bool {
        self.state == ClusterState::Ok
    }
}
