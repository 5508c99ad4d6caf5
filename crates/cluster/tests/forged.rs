//! Packets that nobody of the cluster sent change nothing, and are not logged more than once a minute.

use crate::net::Net;
use base::{Epoch, NodeId, Slot};
use cluster::wire::{
    Body, GossipEntry, Header, MessageFlags, NodeFlags, Packet, PacketType, PacketWriter, encode,
};
use cluster::{Input, Machine, SlotBitmap, SlotBits};
use proptest::prelude::*;

/// Two nodes that know each other, and all slots owned.
fn cluster() -> Net {
    let mut net = Net::new(2, 2000);
    let all = |first, last| {
        let slot = |number| Slot::new(number).expect("a slot");
        [base::SlotRange { first: slot(first), last: slot(last) }]
    };
    net.order(0, |machine, now| machine.add_slots(now, &all(0, 8000))).expect("they are free");
    net.order(1, |machine, now| machine.add_slots(now, &all(8001, 16_383))).expect("free");
    net.meet(0, 1);
    net.run(4000);
    net.trace.clear();
    net
}

fn machine(net: &Net, node: usize) -> &Machine {
    net.machines[node].as_ref().expect("the node runs")
}

fn forged_header<'a>(sender: NodeId, slots: SlotBits<'a>, epoch: u64) -> Header<'a> {
    Header {
        port: 7000,
        current_epoch: Epoch(epoch),
        config_epoch: Epoch(epoch),
        offset: 0,
        sender,
        slots,
        replica_of: None,
        announced_ip: "10.9.9.9".parse().ok(),
        other_port: 0,
        bus_port: 17_009,
        flags: NodeFlags::PRIMARY,
        state: 0,
        message_flags: MessageFlags::OURS,
    }
}

/// All types but MEET, whose purpose it is to come from strangers.
fn forged_packet(net: &Net, kind: u8, sender: NodeId, epoch: u64) -> Vec<u8> {
    let (me, peer) = (machine(net, 0).my_id(), machine(net, 1).my_id());
    let slots: SlotBitmap = Slot::all().collect();
    let header = forged_header(sender, slots.bits(), epoch);
    let body = match kind {
        0 | 1 => {
            let kind = if kind == 0 { PacketType::Ping } else { PacketType::Pong };
            let mut writer = PacketWriter::new(&header, kind);
            for id in [me, peer, NodeId::parse(&[b'z'; 40]).expect("an id")] {
                writer.gossip(&GossipEntry {
                    id,
                    ping_sent_s: 1,
                    pong_received_s: 2,
                    ip: "10.9.9.9".parse().ok(),
                    port: 1,
                    bus_port: 2,
                    flags: NodeFlags::PRIMARY | NodeFlags::FAIL,
                    other_port: 0,
                });
            }
            return writer.finish();
        }
        2 => Body::Fail(peer),
        3 => Body::Update { config_epoch: Epoch(epoch), owner: peer, slots: slots.bits() },
        4 => Body::AuthRequest,
        5 => Body::AuthAck,
        6 => Body::Publish { sharded: false, channel: b"c", message: b"m" },
        7 => Body::ManualFailoverStart,
        _ => Body::Module { module: &[1; 8], kind: 0, payload: b"payload" },
    };
    encode(&Packet { header, body })
}

#[test]
fn a_packet_that_claims_another_sender_than_its_link_changes_nothing() {
    let mut net = cluster();
    let slots: SlotBitmap = Slot::all().collect();
    let known = machine(&net, 1).my_id();
    let bytes = encode(&Packet {
        header: Header { announced_ip: None, ..forged_header(known, SlotBits::EMPTY, 0) },
        body: Body::AuthAck,
    });
    let link = net.inject(0, &bytes).expect("there is room");
    let before = machine(&net, 0).digest();
    let stranger = forged_header(NodeId::parse(&[b'q'; 40]).expect("an id"), slots.bits(), 99);
    let forged = PacketWriter::new(&stranger, PacketType::Ping).finish();
    let now = net.now();
    let malformed = machine(&net, 0).counters().malformed;
    let node = net.machines[0].as_mut().expect("the node runs");
    node.handle(now, Input::Packet { link, bytes: &forged });
    assert_eq!(node.digest(), before);
    assert_eq!(node.counters().malformed, malformed + 1);
}

/// The canary: the digest sees what these packets would do if they were believed.
#[test]
fn the_same_packets_of_a_known_node_do_change_the_digest() {
    for kind in [0, 3] {
        let mut net = cluster();
        let before = machine(&net, 0).digest();
        let known = machine(&net, 1).my_id();
        let bytes = forged_packet(&net, kind, known, 77);
        net.inject(0, &bytes);
        assert_ne!(machine(&net, 0).digest(), before, "kind {kind}");
    }
}

#[test]
fn malformed_packets_are_counted_and_logged_once_a_minute() {
    let mut net = cluster();
    for _ in 0..100 {
        net.inject(0, b"RCmb\0\0\x08\xd0garbage");
    }
    assert_eq!(machine(&net, 0).counters().malformed, 100);
    let logged = |net: &Net| net.trace.iter().filter(|line| line.contains("Malformed")).count();
    assert_eq!(logged(&net), 1);
    net.run(61_000);
    net.inject(0, b"more garbage");
    assert_eq!(logged(&net), 2);
    assert!(net.trace.iter().any(|line| line.contains("99 more since")), "{:?}", net.trace);
}

#[test]
fn a_flood_of_strangers_is_bounded() {
    let mut net = cluster();
    for nth in 0..3000u32 {
        let mut id = [b'0'; 40];
        id[..8].copy_from_slice(format!("{nth:08}").as_bytes());
        let mut header = forged_header(NodeId::parse(&id).expect("an id"), SlotBits::EMPTY, 0);
        header.bus_port = 20_000 + nth as u16;
        net.inject(0, &PacketWriter::new(&header, PacketType::Meet).finish());
    }
    let known = machine(&net, 0).known_nodes();
    assert!(known <= 2 + cluster::limits::HANDSHAKES_MAX, "{known} nodes");
    net.run(5_000);
    assert_eq!(machine(&net, 0).known_nodes(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn forged_packets_change_nothing(
        forged in proptest::collection::vec((0u8..9, 0usize..3, 0u64..1000), 1..20),
    ) {
        let mut net = cluster();
        let strangers = [b'0', b'm', b'z'].map(|byte| NodeId::parse(&[byte; 40]).expect("an id"));
        let before = machine(&net, 0).digest();
        for (kind, stranger, epoch) in forged {
            let bytes = forged_packet(&net, kind, strangers[stranger], epoch);
            net.inject(0, &bytes);
            prop_assert_eq!(machine(&net, 0).digest(), before);
        }
    }

    #[test]
    fn garbage_changes_nothing(garbage in proptest::collection::vec(any::<u8>(), 0..5000)) {
        let mut net = cluster();
        let before = machine(&net, 0).digest();
        net.inject(0, &garbage);
        prop_assert_eq!(machine(&net, 0).digest(), before);
    }
}
