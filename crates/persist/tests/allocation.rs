//! Memory is taken for what has come: 4 KiB of input never cost more than 64 MiB, whatever they claim.
// The only test of its program, for it goes by the memory of the process.

use collections::Listpack;
use persist::rdb::{Event, Reader};
use std::fs;
use values::Rules;

const INPUT_BYTES: usize = 4096;
const MEMORY_MAX: u64 = 64 << 20;

/// The most memory that the process ever had, in bytes.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the system tells of the process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("the system tells of the memory") << 10
}

/// Reads all keys of a file with this beginning, and keeps them.
fn load(version: &str, body: &[u8]) {
    let mut file = version.as_bytes().to_vec();
    file.extend(&body[..body.len().min(INPUT_BYTES - 9)]);
    file.push(0xff);
    let Ok(mut reader) = Reader::new(&file[..], Rules::DEFAULT, false) else { return };
    let mut kept = Vec::new();
    while let Ok(Some(event)) = reader.next() {
        if let Event::Key(key) = event {
            let record: engine::KeyRecord =
                engine::Record::new(key.name, key.value, key.expire_at, 0);
            kept.push(record);
        }
    }
}

/// 264 bytes of nothing in three, over and over: the densest that compressed data can be.
fn compressed(bytes: usize) -> Vec<u8> {
    let mut data = vec![0, 0];
    let mut length = 1;
    while data.len() + 3 < bytes {
        data.extend([0xe0, 0xff, 0]);
        length += 264;
    }
    let mut string = vec![0xc3, 0x80];
    string.extend((data.len() as u32).to_be_bytes());
    string.push(0x80);
    string.extend((length as u32).to_be_bytes());
    string.extend(data);
    string
}

#[test]
fn four_kibibytes_cost_no_more_than_64_mebibytes() {
    let huge_lengths: [&[u8]; 3] = [
        &[0x80, 0xff, 0xff, 0xff, 0xff],
        &[0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ];
    // What the process has for itself, once it has done all this before.
    load("REDIS0011", &[&[0, 1, b'k'][..], &compressed(4000)].concat());
    let before = peak_bytes();
    for version in ["REDIS0011", "REDIS0012", "VALKEY080"] {
        for kind in 0..30u8 {
            for length in huge_lengths {
                let head = [&[kind, 1, b'k'][..], length].concat();
                // Elements that are short, that are empty, and that claim as much again.
                for element in [&b"\x01a"[..], b"\0", length, b"\x02\x01a", b"\x01\x01a"] {
                    load(version, &[&head[..], &element.repeat(INPUT_BYTES)].concat());
                }
                let packed = [&[kind, 1, b'k', 1][..], length, &[0; 100]].concat();
                load(version, &packed);
            }
            load(version, &[&[kind, 1, b'k'][..], &compressed(4000)].concat());
            let few = compressed(40);
            let many = [&[kind, 1, b'k', 0x40, 0xff][..], &few.repeat(100)].concat();
            load(version, &many);
        }
    }
    // A node of a stream that names more fields than it has.
    let mut pack = Listpack::new();
    for item in [1, 0, i64::MAX, 7, 0, 2, 0, 0, 8, 4] {
        pack.push_back_integer(item);
    }
    let node = [&[0x15, 1, b'k', 1, 16][..], &[0; 7], &[1], &[0; 8], &[pack.bytes().len() as u8]];
    load("REDIS0011", &[&node.concat()[..], pack.bytes()].concat());
    let grown = peak_bytes() - before;
    assert!(grown <= MEMORY_MAX, "{grown} bytes");
}
