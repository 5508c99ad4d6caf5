use super::*;
use crate::aof::annotation::{push_batch, push_timestamp};
use crate::aof::testing::{encode, layout, load, sample};
use crate::storage::MemoryStorage;
use base::Rng;

/// Says yes, and keeps what it is told.
#[derive(Default)]
struct Script {
    told: String,
    progress: Vec<u64>,
}

impl Operator for Script {
    fn tell(&mut self, text: &str) {
        self.told += text;
    }

    fn answer(&mut self) -> Option<u8> {
        Some(b'y')
    }

    fn progress(&mut self, done: u64, total: u64) {
        assert!(done <= total);
        self.progress.push(done);
    }
}

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const INCREMENT: &str = "appendonlydir/appendonly.aof.1.incr.aof";

fn disk(bytes: &[u8]) -> MemoryStorage {
    let disk = MemoryStorage::new();
    disk.put(INCREMENT, bytes);
    disk.put(MANIFEST, &manifest().text());
    disk
}

fn manifest() -> Manifest {
    Manifest::default().with_increment(&layout())
}

fn run(disk: &MemoryStorage, mode: Mode) -> (Result<(), Refused>, String) {
    let mut script = Script::default();
    let result = check(disk, &mut script, Path::new(MANIFEST), mode);
    (result, script.told)
}

/// The tool and a server agree on what is whole, and what was mended is loaded.
fn agree(disk: &MemoryStorage, at: usize, commands: &[Vec<Vec<u8>>]) {
    let before = disk.get(INCREMENT).unwrap();
    let (result, told) = run(disk, Mode::Check);
    let loads = load(disk, &manifest(), false).is_ok();
    assert_eq!(result.is_ok(), loads, "at {at}: {told}");
    assert_eq!(disk.get(INCREMENT).unwrap(), before, "a check changes nothing");
    let (result, told) = run(disk, Mode::Fix);
    assert_eq!(result, Ok(()), "at {at}: {told}");
    let loaded = load(disk, &manifest(), false).unwrap_or_else(|error| panic!("at {at}: {error}"));
    assert!(commands.starts_with(&loaded.commands), "at {at}");
}

#[test]
fn what_is_cut_off_or_changed_is_found_and_mended() {
    let mut rng = Rng::from_seed(20_260_801);
    for annotated in [true, false] {
        let sample = sample(&mut rng, 6000, annotated);
        for at in 0..=sample.bytes.len() {
            agree(&disk(&sample.bytes[..at]), at, &sample.commands);
            if annotated && at < sample.bytes.len() {
                let mut bytes = sample.bytes.clone();
                bytes[at] ^= 1 << rng.below(8);
                agree(&disk(&bytes), at, &sample.commands);
            }
        }
    }
}

#[test]
fn what_is_wrong_with_batches_is_said() {
    let batch = encode(&[b"PING".to_vec()]);
    let mut line = Vec::new();
    push_batch(&mut line, 0, &batch);
    let mut multi = Vec::new();
    let open = encode(&[b"MULTI".to_vec()]);
    push_batch(&mut multi, 0, &open);
    for (bytes, expected) in [
        (
            [&line[..], &batch[..5]].concat(),
            "0x               0: Expected to read a batch of 14 bytes, got 5 bytes",
        ),
        ([&line[..], b"*1\r\n$4\r\nPONG\r\n"].concat(), "Expected a batch with checksum"),
        (
            [b"#\r\n", &line[..], &batch].concat(),
            "0x               3: Expected a #BATCH line that is whole and in its place",
        ),
        (line[..9].to_vec(), "Expected the end of an annotation"),
        ([multi, open].concat(), "Expected EXEC in the batch of its MULTI"),
    ] {
        let (result, told) = run(&disk(&bytes), Mode::Check);
        assert!(result.is_err() && told.contains(expected), "no {expected}: {told}");
    }
}

#[test]
fn a_file_is_cut_at_a_time_and_its_batches_stay_whole() {
    let mut bytes = Vec::new();
    let batch = encode(&[b"PING".to_vec()]);
    let mut ends = Vec::new();
    for seconds in [100, 200, 300] {
        push_timestamp(&mut bytes, seconds);
        let offset = bytes.len() as u64;
        push_batch(&mut bytes, offset, &batch);
        bytes.extend(&batch);
        ends.push(bytes.len());
    }
    let disk = disk(&bytes);
    let (result, told) = run(&disk, Mode::TruncateToTimestamp(250));
    assert_eq!(result, Ok(()), "{told}");
    assert_eq!(disk.get(INCREMENT).unwrap(), bytes[..ends[1]]);
    assert_eq!(load(&disk, &manifest(), false).expect("it is whole").commands.len(), 2);
    let (result, told) = run(&disk, Mode::TruncateToTimestamp(99));
    assert!(result.is_err() && told.contains("has nothing before timestamp 99"), "{told}");
}

#[test]
fn a_long_file_shows_how_far_its_check_is() {
    let bytes = encode(&[b"PING".to_vec()]).repeat(100_000);
    let mut script = Script::default();
    check(&disk(&bytes), &mut script, Path::new(INCREMENT), Mode::Check).expect("it is whole");
    assert!(script.progress.is_sorted() && script.progress.len() > 4);
    assert_eq!(script.progress.last(), Some(&(bytes.len() as u64)));
}

#[test]
fn an_rdb_is_checked_before_what_follows_it() {
    let disk = MemoryStorage::new();
    disk.put("base", b"REDIS0011\xff\0\0\0\0\0\0\0\0*1\r\n$4\r\nPING\r\n");
    let mut script = Script::default();
    check(&disk, &mut script, Path::new("base"), Mode::Check).expect("both are sound");
    assert!(
        script.told.contains("RDB preamble is OK, proceeding with AOF tail..."),
        "{}",
        script.told
    );
    disk.put("base", b"REDIS0011\xfe");
    let mut script = Script::default();
    check(&disk, &mut script, Path::new("base"), Mode::Check).expect_err("it is cut off");
    assert!(script.told.contains("RDB preamble of AOF file is not sane, aborting."));
}
