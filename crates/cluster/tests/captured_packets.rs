//! Packets captured from redis-server 7.0.15 and Valkey 9.1.2: all of them decode, and encode to the same
//! bytes. They hold facts of the protocol only.

use cluster::wire::{Body, PacketType, decode, encode, packet_bytes};
use std::path::{Path, PathBuf};

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.bytes().filter_map(|byte| (byte as char).to_digit(16)).map(|d| d as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn captured() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packets");
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .expect("the folder exists")
        .map(|entry| entry.expect("it is readable").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            let name = file.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            (name, unhex(&std::fs::read_to_string(file).expect("it is readable")))
        })
        .collect()
}

#[test]
fn captured_packets_encode_to_the_bytes_they_were_read_from() {
    let packets = captured();
    assert!(packets.len() >= 10);
    for (name, bytes) in packets {
        assert_eq!(packet_bytes(&bytes), Ok(Some(bytes.len())), "{name}");
        let packet = decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(encode(&packet) == bytes, "{name}");
        let kind = packet.packet_type().map(PacketType::name).unwrap();
        assert!(name.contains(&kind.replace("req", "request")), "{name} is {kind}");
    }
}

#[test]
fn captured_heartbeats_carry_what_their_names_say() {
    for (name, bytes) in captured() {
        let packet = decode(&bytes).unwrap();
        if let Body::Ping(heartbeat) | Body::Meet(heartbeat) = packet.body {
            let gossip = heartbeat.gossip.len();
            let extensions = heartbeat.extensions.iter().count();
            assert_eq!(name.contains(&format!("gossip{gossip}")), gossip > 0, "{name}");
            assert_eq!(name.contains(&format!("ext{extensions}")), extensions > 0, "{name}");
            for entry in heartbeat.gossip.iter() {
                assert!(entry.read().unwrap().ip.is_some(), "{name}");
            }
        }
    }
}

#[test]
fn captured_packets_cut_short_or_flipped_never_panic() {
    for (name, bytes) in captured() {
        for end in (0..bytes.len()).step_by(7) {
            assert!(decode(&bytes[..end]).is_err(), "{name} cut at {end}");
        }
        let mut changed = bytes.clone();
        for at in (0..bytes.len()).filter(|at| !(80..2128).contains(at)) {
            changed[at] ^= 0xff;
            if let Ok(packet) = decode(&changed) {
                assert!(!encode(&packet).is_empty());
            }
            changed[at] = bytes[at];
        }
    }
}
