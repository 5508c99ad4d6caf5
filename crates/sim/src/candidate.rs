//! A replica of another server, as far as voters see it: it answers heartbeats, and asks for votes again and
//! again.
//!
//! Our nodes are no replicas yet, but vote for those of others. Two candidates for one primary that ask at
//! the same time put that vote to the test. They never take over: an election that is won and then
//! abandoned is a legal end, and the harder one for those who voted.

use base::{Epoch, NodeId, Rng};
use cluster::wire::{
    Body, Header, MessageFlags, NodeFlags, Packet, PacketType, PacketWriter, decode, encode,
};
use cluster::{Input, LinkId, Now, Output, SlotBitmap};
use core::net::IpAddr;
use std::collections::{BTreeMap, VecDeque};

/// Every so many ticks it pings everyone.
const TICKS_PER_PING: u64 = 5;

/// In how many of a hundred ticks it asks for votes.
const REQUEST_PERCENT: u64 = 3;

pub(crate) struct Candidate {
    id: NodeId,
    primary: NodeId,
    port: u16,
    current_epoch: Epoch,
    /// What its primary last claimed, and with which epoch.
    claim: SlotBitmap,
    claim_epoch: Epoch,
    peers: Vec<IpAddr>,
    /// Its own links, by peer, and whether they stand.
    outbound: BTreeMap<LinkId, (usize, bool)>,
    next_link: u64,
    ticks: u64,
    /// Whether it asks for votes at present.
    asks: bool,
    rng: Rng,
    outputs: VecDeque<Output>,
}

impl Candidate {
    pub(crate) fn new(primary: NodeId, peers: Vec<IpAddr>, port: u16, mut rng: Rng) -> Candidate {
        Candidate {
            id: NodeId::random(&mut rng),
            primary,
            port,
            current_epoch: Epoch(0),
            claim: SlotBitmap::new(),
            claim_epoch: Epoch(0),
            peers,
            outbound: BTreeMap::new(),
            next_link: 0,
            ticks: 0,
            asks: false,
            rng,
            outputs: VecDeque::new(),
        }
    }

    pub(crate) fn id(&self) -> NodeId {
        self.id
    }

    pub(crate) fn ask(&mut self, asks: bool) {
        self.asks = asks;
    }

    pub(crate) fn accept(&mut self) -> LinkId {
        self.next_link += 1;
        LinkId(self.next_link)
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn handle(&mut self, _now: Now, input: Input<'_>) {
        match input {
            Input::Tick => self.tick(),
            Input::Connected { link, .. } => {
                if let Some((_, connected)) = self.outbound.get_mut(&link) {
                    *connected = true;
                }
                self.heartbeat(link, PacketType::Ping);
            }
            Input::Closed { link } | Input::Overflowed { link } | Input::Unframed { link } => {
                self.outbound.remove(&link);
            }
            Input::Packet { link, bytes } => self.packet(link, bytes),
        }
    }

    fn tick(&mut self) {
        self.ticks += 1;
        for peer in 0..self.peers.len() {
            if self.outbound.values().all(|(linked, _)| *linked != peer) {
                let link = self.accept();
                self.outbound.insert(link, (peer, false));
                let ip = self.peers[peer];
                self.outputs.push_back(Output::Connect { link, ip, port: self.port + 10_000 });
            }
        }
        if self.ticks.is_multiple_of(TICKS_PER_PING) {
            self.standing().into_iter().for_each(|link| self.heartbeat(link, PacketType::Ping));
        }
        if self.asks && self.rng.percent(REQUEST_PERCENT) {
            self.request_votes();
        }
    }

    fn standing(&self) -> Vec<LinkId> {
        let standing = self.outbound.iter().filter(|(_, (_, connected))| *connected);
        standing.map(|(link, _)| *link).collect()
    }

    /// Asks everyone, as after CLUSTER FAILOVER FORCE: voters need not have seen the primary fail.
    fn request_votes(&mut self) {
        self.current_epoch = self.current_epoch.next();
        let mut header = self.header();
        header.message_flags.0[0] |= MessageFlags::FORCE_ACK;
        let bytes = encode(&Packet { header, body: Body::AuthRequest });
        for link in self.standing() {
            self.outputs.push_back(Output::Send { link, bytes: bytes.clone() });
        }
    }

    fn packet(&mut self, link: LinkId, bytes: &[u8]) {
        let Ok(packet) = decode(bytes) else { return };
        self.current_epoch = self.current_epoch.max(packet.header.current_epoch);
        if packet.header.sender == self.primary {
            self.claim = packet.header.slots.iter().collect();
            self.claim_epoch = packet.header.config_epoch;
        }
        if matches!(packet.packet_type(), Some(PacketType::Ping | PacketType::Meet)) {
            self.heartbeat(link, PacketType::Pong);
        }
    }

    fn heartbeat(&mut self, link: LinkId, kind: PacketType) {
        let bytes = PacketWriter::new(&self.header(), kind).finish();
        self.outputs.push_back(Output::Send { link, bytes });
    }

    fn header(&self) -> Header<'_> {
        Header {
            port: self.port,
            current_epoch: self.current_epoch,
            config_epoch: self.claim_epoch,
            offset: 1,
            sender: self.id,
            slots: self.claim.bits(),
            replica_of: Some(self.primary),
            announced_ip: None,
            other_port: 0,
            bus_port: self.port + 10_000,
            flags: NodeFlags::MYSELF | NodeFlags::REPLICA,
            state: 0,
            message_flags: MessageFlags::default(),
        }
    }
}
