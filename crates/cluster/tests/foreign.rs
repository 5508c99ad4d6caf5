//! Nodes of another make, played packet by packet: a primary with a replica, its failover, votes, and an
//! address that somebody else has taken over.

use base::{Epoch, Monotonic, NodeId, Rng, Slot, SlotRange, UnixMillis};
use cluster::wire::{
    Body, Header, MessageFlags, NodeFlags, Packet, PacketType, PacketWriter, decode, encode,
};
use cluster::{Config, Input, LinkId, Machine, Now, Output, SlotBitmap, SlotBits};
use core::net::{IpAddr, Ipv4Addr};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Our node, and the time.
struct Stage {
    machine: Machine,
    millis: u64,
}

/// A node that exists in packets only.
struct Peer {
    id: NodeId,
    port: u16,
    link: LinkId,
}

impl Stage {
    /// Our node owns slots 0 to 99 with epoch 1.
    fn new() -> Stage {
        let mut stage = Stage {
            machine: Machine::new(Config::for_port(7000), Rng::from_seed(5), at(1_000_000)),
            millis: 1_000_000,
        };
        let slot = |number| Slot::new(number).expect("a slot");
        let range = SlotRange { first: slot(0), last: slot(99) };
        stage.machine.set_config_epoch(at(1_000_000), 1).expect("it is alone");
        stage.machine.add_slots(at(1_000_000), &[range]).expect("they are free");
        stage
    }

    fn input(&mut self, input: Input<'_>) -> Vec<Output> {
        self.millis += 10;
        self.machine.handle(at(self.millis), input);
        std::iter::from_fn(|| self.machine.poll_output()).collect()
    }

    /// Meets a peer, which answers with this header.
    fn meet(&mut self, letter: u8, port: u16, header: impl Fn(&Peer) -> Header<'static>) -> Peer {
        let now = at(self.millis);
        self.machine.meet(now, "127.0.0.1", i64::from(port), None).expect("it is an address");
        let id = NodeId::parse(&[letter; 40]).expect("an id");
        let outputs = self.input(Input::Tick);
        let link = outputs
            .iter()
            .find_map(|output| {
                let Output::Connect { link, port: bus, .. } = output else { return None };
                (*bus == port + 10_000).then_some(*link)
            })
            .expect("it connects to whom it meets");
        self.input(Input::Connected { link, local: Some(LOCALHOST) });
        let peer = Peer { id, port, link };
        let pong = PacketWriter::new(&header(&peer), PacketType::Pong).finish();
        self.input(Input::Packet { link, bytes: &pong });
        peer
    }

    /// A packet on a new link that the peer has opened.
    fn hear(&mut self, header: &Header<'_>, body: Option<Body<'_>>) -> Vec<Output> {
        let now = at(self.millis);
        let link = self.machine.accept(now, LOCALHOST, LOCALHOST).expect("there is room");
        let bytes = match body {
            Some(body) => encode(&Packet { header: *header, body }),
            None => PacketWriter::new(header, PacketType::Ping).finish(),
        };
        self.input(Input::Packet { link, bytes: &bytes })
    }

    fn line_of(&self, peer: &Peer) -> String {
        let nodes = self.machine.cluster_nodes();
        let line = nodes.lines().find(|line| line.starts_with(peer.id.as_str()));
        line.expect("it is known").to_owned()
    }
}

fn at(millis: u64) -> Now {
    Now { monotonic: Monotonic::from_millis(millis), wall: UnixMillis(millis as i64) }
}

fn said<'a>(peer: &Peer, epoch: u64, slots: SlotBits<'a>, primary: Option<NodeId>) -> Header<'a> {
    Header {
        port: peer.port,
        current_epoch: Epoch(epoch),
        config_epoch: Epoch(epoch),
        offset: 100,
        sender: peer.id,
        slots,
        replica_of: primary,
        announced_ip: None,
        other_port: 0,
        bus_port: peer.port + 10_000,
        flags: if primary.is_some() { NodeFlags::REPLICA } else { NodeFlags::PRIMARY },
        state: 0,
        message_flags: MessageFlags::default(),
    }
}

/// A primary with slots 100 to 16383 and epoch 2, and its replica.
fn shard(stage: &mut Stage) -> (Peer, Peer, SlotBitmap) {
    let slots: SlotBitmap = Slot::all().skip(100).collect();
    let primary = stage.meet(b'p', 7001, |peer| said(peer, 2, SlotBits::EMPTY, None));
    stage.hear(&said(&primary, 2, slots.bits(), None), None);
    let id = primary.id;
    let replica = stage.meet(b'r', 7002, |peer| said(peer, 2, SlotBits::EMPTY, Some(id)));
    stage.hear(&said(&replica, 2, slots.bits(), Some(id)), None);
    (primary, replica, slots)
}

/// The vote among some outputs, and whether the configuration was synced before it.
fn vote(outputs: &[Output], replica: &Peer) -> Option<bool> {
    let sent = outputs.iter().position(|output| {
        let Output::Send { link, bytes } = output else { return false };
        let packet = decode(bytes).expect("machines send packets");
        *link == replica.link && packet.packet_type() == Some(PacketType::AuthAck)
    })?;
    Some(outputs[..sent].contains(&Output::SaveConfig { fsync: true }))
}

#[test]
fn a_promoted_replica_gets_the_slots_and_its_old_primary_becomes_a_replica() {
    let mut stage = Stage::new();
    let (primary, replica, slots) = shard(&mut stage);
    assert!(stage.line_of(&primary).contains(" master - "), "{}", stage.line_of(&primary));
    assert!(stage.line_of(&primary).ends_with(" 2 connected 100-16383"));
    let as_replica = format!(" slave {} ", primary.id);
    assert!(stage.line_of(&replica).contains(&as_replica), "{}", stage.line_of(&replica));
    stage.hear(&said(&replica, 3, slots.bits(), None), None);
    assert!(stage.line_of(&replica).contains(" master - "));
    assert!(stage.line_of(&replica).ends_with(" 3 connected 100-16383"));
    assert!(stage.line_of(&primary).ends_with(" 2 connected"));
    stage.hear(&said(&primary, 3, slots.bits(), Some(replica.id)), None);
    assert!(stage.line_of(&primary).contains(&format!(" slave {} ", replica.id)));
    assert!(stage.line_of(&replica).ends_with(" 3 connected 100-16383"));
}

#[test]
fn a_stale_claim_is_answered_with_an_update_and_takes_nothing() {
    let mut stage = Stage::new();
    let (primary, replica, slots) = shard(&mut stage);
    stage.hear(&said(&replica, 3, slots.bits(), None), None);
    let outputs = stage.hear(&said(&primary, 2, slots.bits(), None), None);
    let update = outputs.iter().find_map(|output| {
        let Output::Send { link, bytes } = output else { return None };
        (*link == primary.link).then_some(bytes)
    });
    let packet = decode(update.expect("it is corrected")).expect("machines send packets");
    let Body::Update { config_epoch, owner, slots: owned } = packet.body else {
        panic!("no UPDATE")
    };
    assert_eq!((config_epoch, owner), (Epoch(3), replica.id));
    assert!(owned == slots.bits());
    assert!(stage.line_of(&replica).ends_with(" 3 connected 100-16383"));
}

#[test]
fn a_vote_needs_a_failed_primary_and_is_given_once_and_synced_first() {
    let mut stage = Stage::new();
    let (primary, replica, slots) = shard(&mut stage);
    let request = |epoch| Header {
        current_epoch: Epoch(epoch),
        ..said(&replica, 2, slots.bits(), Some(primary.id))
    };
    let too_early = stage.hear(&request(4), Some(Body::AuthRequest));
    assert_eq!(vote(&too_early, &replica), None, "it started less than two seconds ago");
    stage.millis += 2_100;
    let up = stage.hear(&request(5), Some(Body::AuthRequest));
    assert_eq!(vote(&up, &replica), None, "the primary is up");
    let fail = said(&replica, 2, slots.bits(), Some(primary.id));
    stage.hear(&fail, Some(Body::Fail(primary.id)));
    assert!(stage.line_of(&primary).contains("master,fail "));
    let old = stage.hear(&request(4), Some(Body::AuthRequest));
    assert_eq!(vote(&old, &replica), None, "the epoch has passed");
    let granted = stage.hear(&request(6), Some(Body::AuthRequest));
    assert_eq!(vote(&granted, &replica), Some(true), "{granted:?}");
    assert_eq!(stage.machine.last_vote_epoch(), Epoch(6));
    let again = stage.hear(&request(6), Some(Body::AuthRequest));
    assert_eq!(vote(&again, &replica), None, "one vote for each epoch");
    assert!(stage.machine.nodes_conf().ends_with("vars currentEpoch 6 lastVoteEpoch 6\n"));
}

#[test]
fn a_request_with_a_stale_claim_gets_no_vote() {
    let mut stage = Stage::new();
    let (primary, replica, slots) = shard(&mut stage);
    stage.millis += 2_100;
    stage.hear(&said(&primary, 9, slots.bits(), None), None);
    let fail = said(&replica, 2, slots.bits(), Some(primary.id));
    stage.hear(&fail, Some(Body::Fail(primary.id)));
    let request = Header { current_epoch: Epoch(12), ..fail };
    let outputs = stage.hear(&request, Some(Body::AuthRequest));
    assert_eq!(vote(&outputs, &replica), None);
}

#[test]
fn a_node_that_moved_is_followed_and_one_whose_place_is_taken_has_no_address() {
    let mut stage = Stage::new();
    let (primary, replica, slots) = shard(&mut stage);
    let moved = Header { port: 7005, bus_port: 17_005, ..said(&primary, 2, slots.bits(), None) };
    let outputs = stage.hear(&moved, None);
    assert!(stage.line_of(&primary).contains(" 127.0.0.1:7005@17005 "));
    assert!(outputs.contains(&Output::CloseLink { link: primary.link }));
    let other = Peer { id: NodeId::parse(&[b'o'; 40]).expect("an id"), ..replica };
    let pong =
        PacketWriter::new(&said(&other, 0, SlotBits::EMPTY, None), PacketType::Pong).finish();
    let outputs = stage.input(Input::Packet { link: replica.link, bytes: &pong });
    assert!(stage.line_of(&replica).contains(" :0@0 slave,noaddr "), "{}", stage.line_of(&replica));
    assert!(outputs.contains(&Output::CloseLink { link: replica.link }));
}
