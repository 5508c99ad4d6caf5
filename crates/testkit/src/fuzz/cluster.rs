//! The cluster bus: any packet is decoded or refused, and whatever it says leaves a node sound.

use std::sync::OnceLock;

use base::{Monotonic, Rng, UnixMillis};
use cluster::wire::{
    HEADER_BYTES, Light, SIGNATURE, VERSION, decode, decode_light, encode, encode_light_publish,
    packet_bytes,
};
use cluster::{Config, Input, Machine, Now, limits};

use super::Source;

/// Packets as redis-server and Valkey send them; inputs are edits of them.
const CAPTURED: [&str; 12] = [
    include_str!("../../../cluster/tests/packets/redis-7.0.15-auth-request.hex"),
    include_str!("../../../cluster/tests/packets/redis-7.0.15-fail.hex"),
    include_str!("../../../cluster/tests/packets/redis-7.0.15-meet-gossip2-ext1.hex"),
    include_str!("../../../cluster/tests/packets/redis-7.0.15-ping-gossip3-ext1.hex"),
    include_str!("../../../cluster/tests/packets/redis-7.0.15-ping-gossip3.hex"),
    include_str!("../../../cluster/tests/packets/redis-7.0.15-publish.hex"),
    include_str!("../../../cluster/tests/packets/redis-7.0.15-update.hex"),
    include_str!("../../../cluster/tests/packets/valkey-9.1.2-auth-request.hex"),
    include_str!("../../../cluster/tests/packets/valkey-9.1.2-fail.hex"),
    include_str!("../../../cluster/tests/packets/valkey-9.1.2-meet-gossip3.hex"),
    include_str!("../../../cluster/tests/packets/valkey-9.1.2-ping-gossip3.hex"),
    include_str!("../../../cluster/tests/packets/valkey-9.1.2-update.hex"),
];

/// No packet is shorter than a light header.
const LIGHT_BYTES: usize = 16;

const PACKETS_MAX: usize = 4;
const EDITS_MAX: u8 = 24;
const TAIL_BYTES_MAX: usize = 512;

/// Any stream of packets: none panics, those that decode come back from their encoding, and a node that
/// gets them keeps its identity, its epochs and its bounds, and writes a `nodes.conf` that it can read.
pub fn cluster_packet(bytes: &[u8]) {
    let mut source = Source(bytes);
    // Reading and writing nodes.conf takes most of the time.
    let writes_conf = source.byte() % 4 == 0;
    let mut machine = node().clone();
    let mut now = time(1000);
    let peer = "127.0.0.1".parse().expect("an address");
    let link = machine.accept(now, peer, peer).expect("the first link is taken");
    for round in 1..=PACKETS_MAX {
        let packet = packet(&mut source);
        check_codec(&packet);
        let before = (machine.my_id(), machine.current_epoch(), machine.last_vote_epoch());
        match packet_bytes(&packet) {
            Ok(Some(length)) if length == packet.len() => {
                machine.handle(now, Input::Packet { link, bytes: &packet });
            }
            Ok(_) => {}
            Err(_) => machine.handle(now, Input::Unframed { link }),
        }
        now = time(1000 + 100 * round as u64);
        machine.handle(now, Input::Tick);
        assert_eq!(machine.my_id(), before.0);
        assert!(machine.current_epoch() >= before.1, "the epoch fell");
        assert!(machine.last_vote_epoch() >= before.2, "the vote's epoch fell");
        let outputs = std::iter::from_fn(|| machine.poll_output()).count();
        assert!(outputs <= limits::OUTPUTS_MAX);
        if source.is_empty() {
            break;
        }
    }
    if writes_conf {
        check_conf(&machine, now);
    }
}

fn check_conf(machine: &Machine, now: Now) {
    let conf = machine.nodes_conf();
    let again = Machine::from_nodes_conf(config(), Rng::from_seed(2), now, &conf);
    let again = again.unwrap_or_else(|error| panic!("{error} in:\n{conf}"));
    let again = again.unwrap_or_else(|| panic!("nothing is read from:\n{conf}"));
    assert_eq!(again.my_id(), machine.my_id());
    // A config epoch beyond it, which only a forged packet brings, raises it on loading, as in Redis.
    assert!(again.current_epoch() >= machine.current_epoch());
}

fn time(millis: u64) -> Now {
    Now {
        monotonic: Monotonic::from_millis(millis),
        wall: UnixMillis(1_700_000_000_000 + millis as i64),
    }
}

fn config() -> Config {
    Config::for_port(7000)
}

fn captured() -> &'static [Vec<u8>] {
    static PACKETS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    PACKETS.get_or_init(|| CAPTURED.map(unhex).to_vec())
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A node that knows those who sent the captured packets, and serves some slots.
fn node() -> &'static Machine {
    static NODE: OnceLock<Machine> = OnceLock::new();
    NODE.get_or_init(|| {
        let mut text = format!(
            "{} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-9999\n",
            "f".repeat(40)
        );
        let mut senders = Vec::new();
        for packet in captured() {
            let sender = decode(packet).expect("a captured packet").header.sender;
            if !senders.contains(&sender) {
                senders.push(sender);
            }
        }
        for (index, sender) in senders.iter().enumerate() {
            let port = 7001 + index;
            let bus = port + 10_000;
            text +=
                &format!("{sender} 127.0.0.1:{port}@{bus} master - 0 0 {} connected\n", index + 2);
        }
        text += "vars currentEpoch 9 lastVoteEpoch 3\n";
        Machine::from_nodes_conf(config(), Rng::from_seed(1), time(0), &text)
            .expect("the file is right")
            .expect("it has a node")
    })
}

/// Bytes of the fuzzer's own, or edits of a captured packet; most often with a right frame.
fn packet(source: &mut Source<'_>) -> Vec<u8> {
    let control = source.byte();
    let choice = usize::from(control & 0x0f);
    let mut packet = match captured().get(choice) {
        Some(captured) => captured.clone(),
        None if choice == 15 => return source.bytes(2 * HEADER_BYTES).to_vec(),
        None => vec![0; HEADER_BYTES],
    };
    for _ in 0..source.byte() % EDITS_MAX {
        let (at, value) = (source.number(), source.byte());
        let length = packet.len();
        if let Some(place) = packet.get_mut(at % length) {
            *place = value;
        }
    }
    if control & 0x20 != 0 {
        packet.truncate(packet.len() - source.number() % (packet.len() - HEADER_BYTES + 1));
    }
    if control & 0x40 != 0 {
        let length = source.number() % TAIL_BYTES_MAX;
        packet.extend_from_slice(source.bytes(length));
    }
    if control & 0x80 == 0 {
        let length = packet.len() as u32;
        packet.splice(..4, SIGNATURE);
        packet.splice(4..8, length.to_be_bytes());
        packet.splice(8..10, VERSION.to_be_bytes());
    }
    packet
}

fn check_codec(bytes: &[u8]) {
    if let Ok(Some(length)) = packet_bytes(bytes) {
        assert!((LIGHT_BYTES..=limits::FRAME_BYTES_MAX).contains(&length));
    }
    if let Ok(Light::Publish { sharded, channel, message }) = decode_light(bytes) {
        let again = encode_light_publish(sharded, channel, message);
        assert_eq!(decode_light(&again), Ok(Light::Publish { sharded, channel, message }));
    }
    let Ok(packet) = decode(bytes) else { return };
    let once = encode(&packet);
    let again = decode(&once).unwrap_or_else(|error| panic!("what we encode is refused: {error}"));
    assert_eq!(again.header, packet.header);
    assert_eq!(again.packet_type(), packet.packet_type());
    assert!(encode(&again) == once, "the second encoding differs from the first");
}
