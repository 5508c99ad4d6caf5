use super::*;
use crate::aof::BaseFormat;
use crate::aof::testing::{Sample, command, encode, layout, load, sample};
use crate::storage::MemoryStorage;
use base::Rng;

/// The length of the files that are tested at every byte; the time grows with its square. `EVERY_BYTE=65536` is the full test.
fn length() -> usize {
    let given = std::env::var("EVERY_BYTE").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(16 * 1024)
}

const INCREMENT: &str = "appendonlydir/appendonly.aof.1.incr.aof";
const SECOND: &str = "appendonlydir/appendonly.aof.2.incr.aof";

fn one_increment() -> Manifest {
    Manifest::default().with_increment(&layout())
}

fn disk(bytes: &[u8]) -> MemoryStorage {
    let disk = MemoryStorage::new();
    disk.put(INCREMENT, bytes);
    disk
}

fn cut_everywhere(sample: &Sample) {
    let manifest = one_increment();
    let disk = MemoryStorage::new();
    let mut ends = sample.ends.iter().peekable();
    let mut whole = 0;
    for length in 0..=sample.bytes.len() {
        while let Some((_, commands)) = ends.next_if(|(end, _)| *end <= length) {
            whole = *commands;
        }
        disk.put(INCREMENT, &sample.bytes[..length]);
        let strict = load(&disk, &manifest, false);
        let loaded = load(&disk, &manifest, true).expect("a prefix is loaded");
        assert!(loaded.commands == sample.commands[..whole], "cut at {length}");
        match (strict, loaded.truncations.as_slice()) {
            (Ok(strict), []) => assert!(strict.commands == loaded.commands),
            (Err(ReadError::Truncated { offset, .. }), [truncation]) => {
                assert_eq!((truncation.offset, truncation.length), (offset, length as u64));
                assert_eq!(disk.get(INCREMENT).unwrap(), sample.bytes[..offset as usize]);
                if length % 7 == 0 {
                    let again = load(&disk, &manifest, false).expect("it was mended");
                    assert!(again.commands == loaded.commands);
                }
            }
            other => panic!("cut at {length}: {other:?}"),
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_gives_the_commands_that_are_whole() {
    let seed = 20_260_728;
    cut_everywhere(&sample(&mut Rng::from_seed(seed), length(), false));
}

#[test]
fn a_file_of_batches_cut_at_any_byte_gives_the_batches_that_are_whole() {
    let seed = 20_260_729;
    cut_everywhere(&sample(&mut Rng::from_seed(seed), length(), true));
}

#[test]
fn a_changed_bit_in_a_file_of_batches_is_found_or_harmless() {
    let mut rng = Rng::from_seed(20_260_730);
    let sample = sample(&mut rng, length(), true);
    let manifest = one_increment();
    let disk = MemoryStorage::new();
    let mut bytes = sample.bytes.clone();
    let (mut found, mut harmless) = (0, 0);
    for at in 0..bytes.len() {
        let bit = 1 << rng.below(8);
        bytes[at] ^= bit;
        disk.put(INCREMENT, &bytes);
        match load(&disk, &manifest, true) {
            Err(ReadError::Damaged { .. }) => found += 1,
            Ok(loaded) => {
                assert!(loaded.commands == sample.commands, "byte {at}, bit {bit}");
                harmless += 1;
            }
            Err(other) => panic!("byte {at}, bit {bit}: {other}"),
        }
        bytes[at] ^= bit;
    }
    // Harmless is what stands in times and in the name of a line.
    assert!(found > bytes.len() * 9 / 10 && harmless > 0, "{found} found, {harmless} harmless");
}

#[test]
fn a_changed_bit_in_a_bare_file_gives_commands_or_a_refusal() {
    let mut rng = Rng::from_seed(20_260_731);
    let sample = sample(&mut rng, length(), false);
    let disk = MemoryStorage::new();
    let mut bytes = sample.bytes.clone();
    for at in 0..bytes.len() {
        let bit = 1 << rng.below(8);
        bytes[at] ^= bit;
        disk.put(INCREMENT, &bytes);
        let _ = load(&disk, &one_increment(), true);
        bytes[at] ^= bit;
    }
}

#[test]
fn a_batch_that_is_missing_or_stands_twice_is_found() {
    let sample = sample(&mut Rng::from_seed(7), 4000, true);
    let ends: Vec<usize> = sample.ends.iter().map(|(end, _)| *end).collect();
    for pair in ends[..ends.len() - 1].windows(2) {
        let (before, batch, after) =
            (&sample.bytes[..pair[0]], &sample.bytes[pair[0]..pair[1]], &sample.bytes[pair[1]..]);
        for bytes in [[before, after].concat(), [before, batch, batch, after].concat()] {
            let loaded = load(&disk(&bytes), &one_increment(), true);
            assert!(matches!(loaded, Err(ReadError::Damaged { .. })), "{loaded:?}");
        }
    }
}

#[test]
fn batches_and_commands_longer_than_what_is_read_at_once_are_read() {
    let mut rng = Rng::from_seed(8);
    let mut value = vec![0; 3 << 20];
    rng.fill(&mut value);
    let long = vec![b"SET".to_vec(), b"k".to_vec(), value];
    let commands: Vec<_> = (0..3).map(|_| long.clone()).collect();
    let batch: Vec<u8> = commands.iter().flat_map(|command| encode(command)).collect();
    let mut bytes = encode(&commands[0]);
    let offset = bytes.len() as u64;
    crate::aof::annotation::push_batch(&mut bytes, offset, &batch);
    bytes.extend(&batch);
    let loaded = load(&disk(&bytes), &one_increment(), true).expect("all is whole");
    assert!(loaded.commands == [&commands[..1], &commands].concat());
    let middle = bytes.len() - batch.len() / 2;
    bytes[middle] ^= 1;
    let damaged = load(&disk(&bytes), &one_increment(), true);
    assert!(matches!(damaged, Err(ReadError::Damaged { .. })));
}

#[test]
fn what_others_write_is_read() {
    let bytes = b"# a remark\r\n#TS:1700000000\r\n*1\r\n$8\r\nFLUSHALL\r\n#TS:nonsense\n*2\r\n$3\r\nDEL\r\n$0\r\n\r\n";
    let loaded = load(&disk(bytes), &one_increment(), false).expect("Redis reads it too");
    assert_eq!(loaded.commands, [command(&["FLUSHALL"]), command(&["DEL", ""])]);
}

#[test]
fn refusals_say_where_and_what_was_expected() {
    let good = "*1\r\n$4\r\nPING\r\n";
    for (bytes, expected) in [
        ("!x", "At offset 14: expected a command ('*') or an annotation ('#'), found '!'."),
        ("*0\r\n", "At offset 14: expected a number of arguments, found none."),
        ("*-1\r\n", "At offset 14: expected a number of arguments, found none."),
        ("*x\r\n", "At offset 14: expected a command, found invalid multibulk length."),
        ("*1\r\n+OK\r\n", "At offset 14: expected a command, found expected '$', got '+'."),
        ("*1\r\n$-1\r\n", "At offset 14: expected a command, found invalid bulk length."),
        ("*1\r\n$1\r\nabc", "At offset 14: expected a command, found invalid CRLF in request."),
        (
            "#BATCH:1:00000000:00000000\r\n",
            "At offset 14: expected a #BATCH line that is whole and in its place, \
             found #BATCH:1:00000000:00000000.",
        ),
    ] {
        let error = load(&disk(format!("{good}{bytes}").as_bytes()), &one_increment(), true);
        let text = error.expect_err(bytes).to_string();
        let start = "Bad file format reading the append only file appendonly.aof.1.incr.aof: \
                     make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest> (";
        assert_eq!(text, format!("{start}{expected})"));
    }
    let long = format!("#{}\r\n", "x".repeat(1023));
    let error = load(&disk(long.as_bytes()), &one_increment(), true).expect_err("too long");
    assert!(error.to_string().contains("expected an annotation, found a longer line"), "{error}");
    let error = load(&disk(b"*1\r\n$9\r\nPI"), &one_increment(), false).expect_err("too short");
    assert_eq!(
        error.to_string(),
        "Unexpected end of file reading the append only file appendonly.aof.1.incr.aof. You can: \
         1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. \
         2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server. \
         (At offset 0: expected the rest of a command, found the end of the file, at 10.)"
    );
}

#[test]
fn a_transaction_without_its_end_is_cut_off() {
    let disk = disk(b"*1\r\n$4\r\nPING\r\n*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nPING\r\n*1\r\n$4");
    let loaded = load(&disk, &one_increment(), true).expect("it is allowed");
    assert_eq!(loaded.commands, [command(&["PING"])]);
    let [truncation] = loaded.truncations.as_slice() else { panic!("{loaded:?}") };
    assert_eq!(truncation.log_lines().len(), 4);
    assert_eq!(disk.get(INCREMENT).unwrap(), b"*1\r\n$4\r\nPING\r\n");
}

#[test]
fn a_transaction_must_end_in_its_batch() {
    let batch = b"*1\r\n$4\r\nPING\r\n*1\r\n$5\r\nMULTI\r\n";
    let mut bytes = Vec::new();
    crate::aof::annotation::push_batch(&mut bytes, 0, batch);
    bytes.extend(batch);
    let error = load(&disk(&bytes), &one_increment(), true).expect_err("it would be damaged");
    assert!(error.to_string().contains("expected EXEC after MULTI"), "{error}");
}

#[test]
fn only_the_last_file_with_anything_in_it_may_end_early() {
    let manifest = one_increment().with_increment(&layout());
    let short: &[u8] = b"*1\r\n$4\r\nPING\r\n*1\r\n";
    let disk = disk(short);
    let missing = load(&disk, &manifest, true).expect_err("the second is not there");
    assert_eq!(
        missing.to_string(),
        "The append log file appendonly.aof.2.incr.aof doesn't exist: No such file or directory"
    );
    disk.put(SECOND, b"*1\r\n$4\r\nPING\r\n");
    let refused = load(&disk, &manifest, true).expect_err("what follows rests on what is missing");
    assert!(
        refused.to_string().starts_with("Fatal error: the truncated file is not the last file")
    );
    assert_eq!(disk.get(INCREMENT).unwrap(), short, "nothing was cut off");
    disk.put(SECOND, b"");
    let loaded = load(&disk, &manifest, true).expect("nothing follows");
    assert_eq!((loaded.commands.len(), loaded.truncations.len()), (1, 1));
}

#[test]
fn an_rdb_is_given_to_the_caller_and_commands_may_follow_it() {
    for magic in ["REDIS0011", "VALKEY080"] {
        let layout = layout();
        let manifest = Manifest::default().with_base(&layout, BaseFormat::Rdb, 1);
        let manifest = manifest.with_increment(&layout);
        let disk = disk(b"*1\r\n$4\r\nPING\r\n");
        let base = format!("{magic}...*1\r\n$4\r\nECHO\r\n");
        disk.put("appendonlydir/appendonly.aof.1.base.rdb", base.as_bytes());
        let mut reader = Reader::new(&disk, &layout, &manifest, true).expect("all are there");
        assert_eq!(reader.total_bytes(), base.len() as u64 + 14);
        match reader.next_step() {
            Ok(Some(Step::Rdb { name, file })) => {
                assert_eq!(name, b"appendonly.aof.1.base.rdb");
                assert_eq!(file.length().unwrap(), base.len() as u64);
            }
            _ => panic!("an RDB comes first"),
        }
        reader.resume(12).expect("it can be read");
        let mut names = Vec::new();
        while let Some(step) = reader.next_step().expect("all is whole") {
            match step {
                Step::Command { args, offset, .. } => names.push((args.name().to_vec(), offset)),
                Step::End { name, .. } => names.push((name.to_vec(), 0)),
                Step::Rdb { .. } => panic!("only once"),
            }
        }
        let expected: [(&[u8], u64); 4] = [
            (b"ECHO", 12),
            (b"appendonly.aof.1.base.rdb", 0),
            (b"PING", 0),
            (b"appendonly.aof.1.incr.aof", 0),
        ];
        assert_eq!(names.len(), expected.len());
        for ((name, offset), expected) in names.iter().zip(expected) {
            assert_eq!((name.as_slice(), *offset), expected);
        }
    }
}
