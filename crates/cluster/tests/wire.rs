//! The codec from outside: pinned offsets, round trips, and bytes that are no packets.

use base::{Epoch, NodeId, Slot};
use cluster::wire::{
    Body, Extension, GossipEntry, HEADER_BYTES, Header, MessageFlags, NodeFlags, NodeStatus,
    Packet, PacketError, PacketType, PacketWriter, decode, encode, packet_bytes,
};
use cluster::{SlotBitmap, SlotBits};
use proptest::prelude::*;

fn id(byte: u8) -> NodeId {
    NodeId::parse(&[byte; 40]).expect("letters and digits make an id")
}

fn header(slots: SlotBits<'_>) -> Header<'_> {
    Header {
        port: 0x1b58,
        current_epoch: Epoch(0x0102_0304_0506_0708),
        config_epoch: Epoch(0x1112_1314_1516_1718),
        offset: 0x2122_2324_2526_2728,
        sender: id(b'a'),
        slots,
        replica_of: Some(id(b'b')),
        announced_ip: "10.1.2.3".parse().ok(),
        other_port: 0x1bbc,
        bus_port: 0x4268,
        flags: NodeFlags::REPLICA | NodeFlags::EXTENSIONS,
        state: 1,
        message_flags: MessageFlags::OURS,
    }
}

#[test]
fn every_header_field_lies_where_redis_pins_it() {
    let slots: SlotBitmap = [0, 9].into_iter().filter_map(Slot::new).collect();
    let bytes = encode(&Packet { header: header(slots.bits()), body: Body::AuthRequest });
    assert_eq!(bytes.len(), HEADER_BYTES);
    let at = |offset: usize, expected: &[u8]| {
        assert_eq!(&bytes[offset..offset + expected.len()], expected, "at {offset}");
    };
    at(0, b"RCmb\x00\x00\x08\xd0\x00\x01\x1b\x58\x00\x05\x00\x00");
    at(16, &[1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18]);
    at(32, &[0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28]);
    at(40, &[b'a'; 40]);
    at(80, &[1, 2, 0]);
    at(2128, &[b'b'; 40]);
    at(2168, b"10.1.2.3\0");
    at(2214, &[0; 32]);
    at(2246, &[0x1b, 0xbc, 0x42, 0x68, 0x04, 0x02, 1, 4, 0, 0xa5]);
}

#[test]
fn packets_have_the_sizes_of_the_protocol() {
    let size = |body| encode(&Packet { header: header(SlotBits::EMPTY), body }).len();
    assert_eq!(size(Body::Fail(id(b'c'))), 2296);
    let update = Body::Update { config_epoch: Epoch(1), owner: id(b'c'), slots: SlotBits::EMPTY };
    assert_eq!(size(update), 4352);
    let publish = Body::Publish { sharded: true, channel: b"ch", message: b"hello" };
    assert_eq!(size(publish), 2264 + 2 + 5);
    assert_eq!(size(Body::Module { module: &[0; 8], kind: 1, payload: b"abc" }), 2269 + 3);
    let mut ping = PacketWriter::new(&header(SlotBits::EMPTY), PacketType::Ping);
    (0..3).for_each(|_| ping.gossip(&gossip(b'd', 1)));
    ping.extension(&Extension::ShardId(id(b'e')));
    assert_eq!(ping.finish().len(), 2616);
}

fn gossip(byte: u8, seconds: u32) -> GossipEntry {
    GossipEntry {
        id: id(byte),
        ping_sent_s: seconds,
        pong_received_s: seconds + 1,
        ip: "fe80::1".parse().ok(),
        port: 7000,
        bus_port: 17_000,
        flags: NodeFlags::PRIMARY,
        other_port: 0,
    }
}

#[test]
fn a_wrong_length_or_version_is_told_apart() {
    let bytes = encode(&Packet { header: header(SlotBits::EMPTY), body: Body::Fail(id(b'c')) });
    let mut other = bytes.clone();
    other[9] = 2;
    assert_eq!(decode(&other).err(), Some(PacketError::Version(2)));
    let mut long = bytes.clone();
    long.push(0);
    long[4..8].copy_from_slice(&2297u32.to_be_bytes());
    assert_eq!(decode(&long).err(), Some(PacketError::Length { kind: 3, length: 2297 }));
    let mut upper = bytes;
    upper[40] = b'A';
    assert_eq!(decode(&upper).err(), Some(PacketError::NodeId));
}

#[test]
fn counts_beyond_the_packet_are_refused_without_reserving_for_them() {
    for (offset, value) in [(14usize, 0xffffu16), (2214, 0xffff)] {
        let ping = PacketWriter::new(&header(SlotBits::EMPTY), PacketType::Ping);
        let mut bytes = ping.finish();
        bytes[offset..offset + 2].copy_from_slice(&value.to_be_bytes());
        assert!(decode(&bytes).is_err());
    }
    let publish = Body::Publish { sharded: false, channel: b"c", message: b"m" };
    let mut bytes = encode(&Packet { header: header(SlotBits::EMPTY), body: publish });
    bytes[2256..2260].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(decode(&bytes).is_err());
}

/// What a fuzz target runs: no bytes make the codec panic, and what it accepts it writes back.
fn decode_anything(bytes: &[u8]) {
    let _ = packet_bytes(bytes);
    if let Ok(packet) = decode(bytes) {
        let again = encode(&packet);
        let same = decode(&again).map(|packet| packet.header);
        assert_eq!(same.ok(), Some(packet.header));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        decode_anything(&bytes);
    }

    #[test]
    fn damaged_packets_never_panic(
        kind in 0u16..14,
        count in 0u16..5,
        extensions in 0u16..5,
        body in proptest::collection::vec(any::<u8>(), 0..600),
        damage in proptest::collection::vec((0usize..2856, any::<u8>()), 0..6),
    ) {
        let mut bytes = encode(&Packet { header: header(SlotBits::EMPTY), body: Body::AuthAck });
        bytes.extend_from_slice(&body);
        let length = bytes.len() as u32;
        bytes[4..8].copy_from_slice(&length.to_be_bytes());
        bytes[12..14].copy_from_slice(&kind.to_be_bytes());
        bytes[14..16].copy_from_slice(&count.to_be_bytes());
        bytes[2214..2216].copy_from_slice(&extensions.to_be_bytes());
        for (at, byte) in damage {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        decode_anything(&bytes);
    }

    #[test]
    fn heartbeats_are_read_as_written(
        slots in proptest::collection::vec(0u16..16_384, 0..40),
        seconds in proptest::collection::vec(any::<u32>().prop_map(|s| s / 2), 0..12),
        hostname in "[a-z0-9.-]{1,40}",
        nodename in "[a-zA-Z0-9_.-]{1,40}",
        zone in "[a-z0-9-]{0,64}",
        load in any::<u16>(),
        ttl in any::<u64>(),
    ) {
        let slots: SlotBitmap = slots.into_iter().filter_map(Slot::new).collect();
        let header = header(slots.bits());
        let entries: Vec<GossipEntry> = seconds.iter().map(|s| gossip(b'x', *s)).collect();
        let extensions = vec![
            Extension::Hostname(&hostname),
            Extension::HumanNodename(&nodename),
            Extension::Forgotten { id: id(b'f'), ttl_s: ttl },
            Extension::ShardId(id(b's')),
            Extension::Status(NodeStatus { availability_zone: zone, load_permille: load }),
        ];
        let mut writer = PacketWriter::new(&header, PacketType::Pong);
        entries.iter().for_each(|entry| writer.gossip(entry));
        extensions.iter().for_each(|extension| writer.extension(extension));
        let bytes = writer.finish();
        prop_assert_eq!(packet_bytes(&bytes), Ok(Some(bytes.len())));
        let packet = decode(&bytes).expect("it was written by us");
        prop_assert_eq!(packet.header, header);
        let Body::Pong(heartbeat) = packet.body else { panic!("it was a PONG") };
        let read: Result<Vec<GossipEntry>, _> =
            heartbeat.gossip.iter().map(|entry| entry.read()).collect();
        prop_assert_eq!(read, Ok(entries));
        prop_assert_eq!(heartbeat.extensions.iter().collect::<Vec<_>>(), extensions);
        prop_assert_eq!(encode(&packet), bytes);
    }
}
