//! Bytes that are wrong: an error, or a value that keeps all promises; never a panic, and no more memory than the bytes are worth.

mod samples;

use engine::{KeyRecord, Record};
use persist::rdb::{Cause, Checksum, Event, LoadError, Options, Reader, RestoreError, Version};
use persist::rdb::{Writer, dump, restore};
use samples::{all_kinds, exercise, rules, same_value};

/// A payload whose body was changed, with a footer that is right.
fn sealed(body: &[u8], version: u16) -> Vec<u8> {
    let mut payload = [body, &version.to_le_bytes()].concat();
    payload.extend(Checksum::of(&payload).to_le_bytes());
    payload
}

fn try_restore(payload: &[u8]) -> Result<KeyRecord, RestoreError> {
    let mut text = Vec::new();
    let value = restore(payload, true, &rules(false), &mut text)?;
    Ok(Record::new(b"k", value, None, 0))
}

/// Refused, or a value that can be used and dumped.
fn try_body(body: &[u8], version: u16) -> bool {
    let Ok(record) = try_restore(&sealed(body, version)) else { return false };
    exercise(&record);
    let again = try_restore(&dump(&record)).expect("what was taken can be dumped and restored");
    assert!(same_value(&record, &again), "b\"{}\"", body.escape_ascii());
    true
}

#[test]
fn a_payload_with_a_flipped_bit_or_cut_short_is_refused() {
    for (name, sample) in all_kinds() {
        let payload = dump(&sample.record(b"k", None, false));
        assert!(try_restore(&payload).is_ok(), "{name}");
        for at in 0..payload.len() {
            for bit in [0x01, 0x80] {
                let mut bad = payload.clone();
                bad[at] ^= bit;
                assert!(try_restore(&bad).is_err(), "{name}: bit {bit} of byte {at}");
            }
            assert!(try_restore(&payload[..at]).is_err(), "{name}: {at} bytes");
        }
        let longer = [&payload[..], b"\0"].concat();
        assert!(try_restore(&longer).is_err(), "{name}");
    }
}

#[test]
fn a_flipped_bit_under_a_right_checksum_does_no_harm() {
    let mut taken = 0;
    for (name, sample) in all_kinds() {
        let payload = dump(&sample.record(b"k", None, false));
        let (body, footer) = payload.split_at(payload.len() - 10);
        let version = u16::from_le_bytes([footer[0], footer[1]]);
        assert!(try_body(body, version), "{name}");
        // Of long ones the beginning, the end, and some between them.
        let places =
            (0..body.len()).filter(|at| *at < 150 || body.len() - at < 150 || at % 37 == 0);
        for at in places {
            for bit in 0..8 {
                let mut bad = body.to_vec();
                bad[at] ^= 1 << bit;
                taken += usize::from(try_body(&bad, version));
            }
            assert!(!try_body(&body[..at], version), "{name}: {at} bytes");
        }
    }
    assert!(taken > 1000, "{taken}: the strings alone have as many");
}

#[test]
fn values_that_contradict_themselves_are_refused() {
    let lp = |items: &[&[u8]]| {
        let mut pack = values::Listpack::new();
        items.iter().for_each(|item| pack.push_back(item));
        [&[pack.bytes().len() as u8][..], pack.bytes()].concat()
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a field without a value", [&b"\x10"[..], &lp(&[b"a", b"1", b"b"])].concat()),
        ("a field twice", [&b"\x10"[..], &lp(&[b"a", b"1", b"a", b"2"])].concat()),
        ("a field twice", b"\x04\x02\x01a\x011\x01a\x012".to_vec()),
        ("a member twice", [&b"\x14"[..], &lp(&[b"a", b"a"])].concat()),
        ("a member twice", b"\x02\x02\x01a\x01a".to_vec()),
        ("a member twice, as text and as a number", b"\x02\x02\x0212\xc0\x0c".to_vec()),
        ("a member twice", [&b"\x11"[..], &lp(&[b"a", b"1", b"a", b"2"])].concat()),
        ("members out of order", [&b"\x11"[..], &lp(&[b"a", b"2", b"b", b"1"])].concat()),
        ("equal scores out of order", [&b"\x11"[..], &lp(&[b"b", b"1", b"a", b"1"])].concat()),
        ("a score that is no number", [&b"\x11"[..], &lp(&[b"a", b"nan"])].concat()),
        ("a member without a score", [&b"\x11"[..], &lp(&[b"a"])].concat()),
        ("a score that is no number", b"\x05\x01\x01a\0\0\0\0\0\0\xf8\x7f".to_vec()),
        ("a score that is no number", b"\x03\x01\x01a\xfd".to_vec()),
        ("integers out of order", b"\x0b\x0c\x02\0\0\0\x02\0\0\0\x02\0\x01\0".to_vec()),
        ("no elements", b"\x02\0".to_vec()),
        ("no elements", b"\x12\0".to_vec()),
        ("no elements", b"\x0b\x08\x02\0\0\0\0\0\0\0".to_vec()),
        ("a node of nothing", b"\x12\x01\x01\0".to_vec()),
        ("a node of no known form", b"\x12\x01\x03\x01a".to_vec()),
        ("a module", b"\x07\x01\x00".to_vec()),
        ("a type of nobody", b"\x63\x01a".to_vec()),
        ("a time before all time", b"\x16\x01\x01a\x011\xfe\xff\xff\xff\xff\xff\xff\xff".to_vec()),
    ];
    for (name, body) in cases {
        assert!(!try_body(&body, 11), "{name}: {}", body.escape_ascii());
    }
}

/// What stands behind the nodes of a stream of version 3: its counters, and one group, `rest`.
fn stream_with(rest: &[u8]) -> Vec<u8> {
    [b"\x15\0\0\x05\0\0\0\0\0\0", rest].concat()
}

#[test]
fn groups_of_streams_that_contradict_themselves_are_refused() {
    let id = |ms: u8| [[0; 7].as_slice(), &[ms], &[0; 8]].concat();
    let pending = |ms: u8| [&id(ms)[..], &[0; 8], &[1]].concat();
    let head = b"\x01g\x05\0\0".to_vec();
    let times = [0u8; 16];
    let consumer = |name: &[u8], ids: &[u8]| {
        let ids: Vec<Vec<u8>> = ids.iter().map(|&ms| id(ms)).collect();
        [name, &times, &[ids.len() as u8], &ids.concat()].concat()
    };
    let good = [
        &b"\x01"[..],
        &head,
        b"\x02",
        &pending(1),
        &pending(2),
        b"\x02",
        &consumer(b"\x01a", &[1]),
        &consumer(b"\x01b", &[2]),
    ]
    .concat();
    assert!(try_body(&stream_with(&good), 11));
    let with = |pending: &[Vec<u8>], consumers: &[Vec<u8>]| {
        let counts = ([pending.len() as u8], [consumers.len() as u8]);
        let parts =
            [&b"\x01"[..], &head, &counts.0, &pending.concat(), &counts.1, &consumers.concat()];
        stream_with(&parts.concat())
    };
    let cases = [
        (
            "an entry of two consumers",
            with(&[pending(1)], &[consumer(b"\x01a", &[1]), consumer(b"\x01b", &[1])]),
        ),
        ("an entry twice", with(&[pending(1), pending(1)], &[consumer(b"\x01a", &[1])])),
        ("an entry twice of one", with(&[pending(1)], &[consumer(b"\x01a", &[1, 1])])),
        ("an entry of nobody", with(&[pending(1)], &[consumer(b"\x01a", &[])])),
        ("an entry that the group does not know", with(&[], &[consumer(b"\x01a", &[1])])),
        ("two consumers of a name", with(&[], &[consumer(b"\x01a", &[]), consumer(b"\x01a", &[])])),
    ];
    for (name, body) in cases {
        assert!(!try_body(&body, 11), "{name}");
    }
    let two_groups = [&b"\x02"[..], &head, b"\0\0", &head, b"\0\0"].concat();
    assert!(!try_body(&stream_with(&two_groups), 11), "two groups of a name");
}

#[test]
fn nodes_of_streams_that_contradict_themselves_are_refused() {
    // Live, deleted, names, f, 0; flags, ms, seq, v, items.
    let node = |items: &[i64]| {
        let mut pack = values::Listpack::new();
        items.iter().for_each(|&item| pack.push_back_integer(item));
        pack
    };
    let body = |nodes: &[(u8, values::Listpack)], last: u8| {
        let mut body = vec![0x15, nodes.len() as u8];
        for (ms, pack) in nodes {
            body.extend(
                [&[16][..], &[0; 7], &[*ms], &[0; 8], &[pack.bytes().len() as u8]].concat(),
            );
            body.extend(pack.bytes());
        }
        body.extend([nodes.len() as u8, last, 0, 0, 0, 0, 0, 2, 0]);
        body
    };
    let one = |items: &[i64]| body(&[(1, node(items))], 9);
    assert!(try_body(&one(&[1, 0, 1, 7, 0, 2, 0, 0, 8, 4]), 11));
    assert!(try_body(&one(&[1, 1, 1, 7, 0, 2, 0, 0, 8, 4, 3, 1, 0, 8, 4]), 11));
    assert!(try_body(&one(&[1, 0, 1, 7, 0, 0, 0, 0, 1, 7, 8, 6]), 11));
    assert!(try_body(&one(&[0, 1, 1, 7, 0, 3, 0, 0, 8, 4]), 11), "all deleted");
    let cases: [(&str, &[i64]); 11] = [
        ("more counted", &[2, 0, 1, 7, 0, 2, 0, 0, 8, 4]),
        ("a deleted one that is not counted", &[1, 0, 1, 7, 0, 3, 0, 0, 8, 4]),
        ("no names", &[1, 0, 0, 0, 2, 0, 0, 3]),
        ("a negative number of names", &[1, 0, -1, 7, 0, 2, 0, 0, 8, 4]),
        ("more names than items", &[1, 0, i64::MAX, 7, 0, 2, 0, 0, 8, 4]),
        ("no zero", &[1, 0, 1, 7, 1, 2, 0, 0, 8, 4]),
        ("unknown flags", &[1, 0, 1, 7, 0, 6, 0, 0, 8, 4]),
        ("a wrong count of items", &[1, 0, 1, 7, 0, 2, 0, 0, 8, 5]),
        ("cut off", &[1, 0, 1, 7, 0, 2, 0, 0, 8]),
        ("before its node", &[1, 0, 1, 7, 0, 2, -1, 0, 8, 4]),
        ("the same id twice", &[2, 0, 1, 7, 0, 2, 0, 0, 8, 4, 2, 0, 0, 8, 4]),
    ];
    for (name, items) in cases {
        assert!(!try_body(&one(items), 11), "{name}");
    }
    let entry = || node(&[1, 0, 1, 7, 0, 2, 3, 0, 8, 4]);
    assert!(try_body(&body(&[(1, entry()), (5, entry())], 9), 11));
    assert!(!try_body(&body(&[(5, entry()), (1, entry())], 9), 11), "nodes out of order");
    assert!(!try_body(&body(&[(1, entry()), (4, entry())], 9), 11), "nodes that overlap");
    assert!(!try_body(&body(&[(1, entry())], 3), 11), "a last id before the last entry");
}

/// All samples in one file.
fn file() -> Vec<u8> {
    let options = Options { version: Version::VALKEY_80, ..Options::default() };
    let mut writer = Writer::new(Vec::new(), options);
    let wrote = "memory takes all";
    writer.aux(b"redis-ver", b"7.2.4").expect(wrote);
    writer.select(0).expect(wrote);
    writer.resize(20, 3).expect(wrote);
    for (name, sample) in all_kinds() {
        // The long ones are looked at above.
        if !matches!(name, "quicklist" | "hashtable hash" | "skiplist" | "hashtable set") {
            let expire_at = (name.len() % 2 == 0).then_some(77);
            writer.record(&sample.record(name.as_bytes(), expire_at, false), None).expect(wrote);
        }
    }
    writer.finish().expect(wrote)
}

/// Reads a file to its end: how many keys it has.
fn load(file: &[u8], verifies: bool) -> Result<usize, LoadError> {
    let mut reader = Reader::new(file, rules(false), verifies)?;
    let mut keys = 0;
    while let Some(event) = reader.next()? {
        if let Event::Key(key) = event {
            let record = Record::new(key.name, key.value, key.expire_at, 0);
            if !verifies {
                exercise(&record);
            }
            keys += 1;
        }
    }
    Ok(keys)
}

#[test]
fn every_byte_of_a_file_counts() {
    let good = file();
    let keys = load(&good, true).expect("the file is whole");
    assert_eq!(keys, all_kinds().len() - 4);
    for at in 0..good.len() {
        let error = load(&good[..at], true).expect_err("the file is cut short");
        let is_head = matches!(error.cause, Cause::NotRdb) && at < 9;
        assert!(is_head || error.cause.is_truncation(), "{at} bytes: {error}");
        assert!(error.offset <= at as u64);
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(load(&bad, true).is_err(), "byte {at}");
        // With no checksum: an error, or harmless.
        let _ = load(&bad, false);
    }
}

#[test]
fn a_checksum_of_zero_is_none() {
    let mut file = file();
    let end = file.len() - 8;
    file[end..].fill(0);
    assert!(load(&file, true).is_ok());
    file[end] = 1;
    let error = load(&file, true).expect_err("it is wrong");
    assert!(matches!(error.cause, Cause::Checksum { expected: 1, .. }), "{error}");
}

#[test]
fn other_files_and_versions_are_named() {
    let text =
        |bytes: &[u8]| load(bytes, true).expect_err("it is no file that is read").to_string();
    assert_eq!(
        text(b""),
        "at byte 0: begins with neither REDIS nor VALKEY and a version: no RDB file"
    );
    assert!(text(b"REDIS0x11\xff").contains("no RDB file"));
    assert!(text(b"REDIS0013\xff").contains("version REDIS0013 is not read"));
    assert!(text(b"VALKEY081\xff").contains("version VALKEY081 is not read"));
    assert!(text(b"REDIS0011\x07\x01k").contains("module"));
    assert!(text(b"REDIS0011\xf7").contains("module"));
    assert!(text(b"REDIS0011\x63\x01k").contains("type 99"));
    assert!(text(b"REDIS0011\xf4\x80\0\0\x40\0\0\0").contains("number of a slot"));
    assert_eq!(load(b"REDIS0001\xff", true).expect("an old file has no checksum"), 0);
}

#[test]
fn a_key_without_elements_is_told_and_left_out() {
    let mut reader = Reader::new(&b"REDIS0004\x02\x01a\0\0\x01b\x01v\xff"[..], rules(false), true)
        .expect("it is a file");
    assert!(matches!(reader.next(), Ok(Some(Event::EmptyKey(b"a")))));
    assert!(matches!(reader.next(), Ok(Some(Event::Key(key))) if key.name == b"b"));
    assert!(matches!(reader.next(), Ok(None)));
}

#[test]
fn whoever_gives_the_bytes_may_give_few_at_a_time_and_fail() {
    struct Dripping<'a>(&'a [u8], usize);
    impl std::io::Read for Dripping<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            self.1 += 1;
            if self.1.is_multiple_of(3) {
                return Err(std::io::ErrorKind::Interrupted.into());
            }
            let Some((byte, rest)) = self.0.split_first() else {
                return Err(std::io::ErrorKind::TimedOut.into());
            };
            (out[0], self.0) = (*byte, rest);
            Ok(1)
        }
    }
    let good = file();
    let count = |bytes: &[u8]| {
        let mut reader = Reader::new(Dripping(bytes, 0), rules(false), true)?;
        let mut events = 0;
        while reader.next()?.is_some() {
            events += 1;
        }
        Ok::<_, LoadError>(events)
    };
    assert_eq!(count(&good).expect("it is whole"), 3 + all_kinds().len() - 4);
    let error = count(&good[..good.len() - 1]).expect_err("the last byte does not come");
    assert!(matches!(error.cause, Cause::Read(_)));
}

/// A string with its length in four bytes.
fn string(bytes: &[u8]) -> Vec<u8> {
    [&b"\x80"[..], &(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

#[test]
fn what_stands_twice_in_a_large_collection_is_refused_however_far_apart() {
    const COUNT: usize = 700;
    // So long that they are not all read before the first are added.
    let value = vec![b'v'; 40_000];
    for (kind, value) in [(2, None), (4, Some(&b"1"[..])), (4, Some(&value[..]))] {
        let body = |name: &dyn Fn(usize) -> usize| {
            let mut body = vec![kind, 0x80];
            body.extend((COUNT as u32).to_be_bytes());
            for number in 0..COUNT {
                body.extend(string(format!("name:{}", name(number)).as_bytes()));
                body.extend(value.map(string).unwrap_or_default());
            }
            body
        };
        assert!(try_body(&body(&|number| number), 11));
        for (again, of) in [(COUNT - 1, 0), (COUNT - 1, COUNT - 2), (1, 0)] {
            let twice = body(&|number| if number == again { of } else { number });
            assert!(!try_body(&twice, 11), "{again} is {of}");
        }
    }
}
