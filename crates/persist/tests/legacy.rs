//! What older servers wrote: fixtures made by hand from the format, for no server of today writes them.

mod samples;

use engine::{KeyRecord, Object, Record, Value};
use persist::rdb::{Event, Reader, Usage};
use samples::{exercise, opened, rules};
use values::stream::StreamId;

fn open(file: &[u8]) -> Reader<&[u8]> {
    Reader::new(file, rules(false), true).expect("it is a file")
}

/// The only value of a file of one key, `k`.
fn only_value(version: &str, kind: u8, value: &[u8]) -> KeyRecord {
    let mut file = [version.as_bytes(), &[0xfe, 0, kind, 1, b'k'], value, &[0xff]].concat();
    if version > "REDIS0004" {
        file.extend([0; 8]);
    }
    let mut reader = open(&file);
    assert!(matches!(reader.next(), Ok(Some(Event::Select(0)))));
    let record = match reader.next() {
        Ok(Some(Event::Key(key))) => Record::new(key.name, key.value, key.expire_at, 0),
        other => panic!("{other:?}"),
    };
    assert!(matches!(reader.next(), Ok(None)));
    exercise(&record);
    record
}

/// A string in a file, of any length.
fn blob(bytes: &[u8]) -> Vec<u8> {
    [&[0x80][..], &(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// A ziplist of short strings.
fn ziplist(items: &[&[u8]]) -> Vec<u8> {
    let (mut entries, mut before, mut last) = (Vec::new(), 0, 0);
    for item in items {
        last = entries.len();
        entries.extend([before, item.len() as u8]);
        entries.extend(*item);
        before = 2 + item.len() as u8;
    }
    let mut bytes = (entries.len() as u32 + 11).to_le_bytes().to_vec();
    bytes.extend((last as u32 + 10).to_le_bytes());
    bytes.extend((items.len() as u16).to_le_bytes());
    bytes.extend(entries);
    bytes.push(0xff);
    bytes
}

fn list(record: &KeyRecord) -> Vec<Vec<u8>> {
    let Some(Object::List(list)) = opened(record) else { panic!("a list") };
    list.view().iter_from(0).map(|element| element.to_vec()).collect()
}

fn hash(record: &KeyRecord) -> Vec<(Vec<u8>, Vec<u8>)> {
    let Some(Object::Hash(hash)) = opened(record) else { panic!("a hash") };
    let mut all = Vec::new();
    hash.view().visit(i64::MIN, |field, value| all.push((field.to_vec(), value.to_vec())));
    all.sort();
    all
}

fn sorted_set(record: &KeyRecord) -> Vec<(Vec<u8>, f64)> {
    let Some(Object::SortedSet(set)) = opened(record) else { panic!("a sorted set") };
    let mut all = Vec::new();
    set.view().visit_all(|member, score| all.push((member.to_vec(), score)));
    all
}

fn pair(field: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
    (field.into(), value.into())
}

#[test]
fn the_first_version_has_neither_checksum_nor_milliseconds() {
    // Database 9, a key that expires at second 100, a list, a sorted set whose scores are text.
    let file = [
        &b"REDIS0001\xfe\x09"[..],
        b"\xfd\x64\0\0\0\0\x01s\x05hello",
        b"\x01\x01l\x02\x01a\xc0\xff",
        b"\x03\x01z\x02\x01a\x042.25\x01b\xff",
        b"\xff",
    ]
    .concat();
    let mut reader = open(&file);
    assert!(matches!(reader.next(), Ok(Some(Event::Select(9)))));
    match reader.next() {
        Ok(Some(Event::Key(key))) => {
            assert_eq!((key.name, key.expire_at), (&b"s"[..], Some(100_000)))
        }
        other => panic!("{other:?}"),
    }
    let mut record = || match reader.next() {
        Ok(Some(Event::Key(key))) => Record::new(key.name, key.value, key.expire_at, 0),
        other => panic!("{other:?}"),
    };
    let first: KeyRecord = record();
    assert_eq!((first.expire_at(), list(&first)), (None, vec![b"a".to_vec(), b"-1".to_vec()]));
    let expected = vec![(b"b".to_vec(), f64::NEG_INFINITY), (b"a".to_vec(), 2.25)];
    assert_eq!(sorted_set(&record()), expected);
    assert!(matches!(reader.next(), Ok(None)));
    assert_eq!(reader.checksum(), None);
}

#[test]
fn small_hashes_were_zipmaps() {
    // Two fields; behind the first value there are two bytes of room.
    let zipmap = b"\x02\x01a\x01\x021  \x03foo\x03\0bar\xff";
    let record = only_value("REDIS0002", 9, &blob(zipmap));
    assert_eq!(hash(&record), [pair("a", "1"), pair("foo", "bar")]);
    assert!(matches!(record.value(), Value::Compact(..)));
    // With a value that is longer than a listpack may have.
    let long = "x".repeat(100);
    let zipmap = [b"\x01\x01a\x64\0", long.as_bytes(), b"\xff"].concat();
    let record = only_value("REDIS0002", 9, &blob(&zipmap));
    assert_eq!(hash(&record), [pair("a", &long)]);
    assert!(matches!(record.value(), Value::Object(_)));
}

#[test]
fn small_collections_were_ziplists() {
    let items: [&[u8]; 4] = [b"one", b"1", b"two", b"2"];
    let ziplist = blob(&ziplist(&items));
    assert_eq!(list(&only_value("REDIS0006", 10, &ziplist)), items);
    let record = only_value("REDIS0006", 13, &ziplist);
    assert_eq!(hash(&record), [pair("one", "1"), pair("two", "2")]);
    let record = only_value("REDIS0006", 12, &ziplist);
    assert_eq!(sorted_set(&record), [(b"one".to_vec(), 1.0), (b"two".to_vec(), 2.0)]);
}

#[test]
fn nodes_of_lists_were_ziplists() {
    let nodes = [ziplist(&[b"a", b"b"]), ziplist(&[]), ziplist(&[b"12"])];
    let value = [vec![3], nodes.iter().flat_map(|node| blob(node)).collect()].concat();
    let record = only_value("REDIS0007", 14, &value);
    assert_eq!(list(&record), [&b"a"[..], b"b", b"12"]);
}

#[test]
fn streams_of_redis_5_had_no_counters() {
    // One node with the entry 1-1 f v; length, last id; a group at 1-1 with one pending entry of the consumer c, seen at 7.
    let id = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    let node = b"\x1d\0\0\0\x0a\0\x01\x01\0\x01\x01\x01\x81f\x02\0\x01\x02\x01\0\x01\0\x01\x81v\x02\x04\x01\xff";
    let time = 7i64.to_le_bytes();
    let stream = [
        &[1, 16][..],
        &id,
        &blob(node),
        b"\x01\x01\x01",
        b"\x01\x01g\x01\x01",
        &[1],
        &id,
        &time,
        &[2],
        b"\x01\x01c",
        &time,
        &[1],
        &id,
    ]
    .concat();
    let record = only_value("REDIS0009", 15, &stream);
    let Some(Object::Stream(stream)) = opened(&record) else { panic!("a stream") };
    let log = stream.log();
    let one = StreamId::new(1, 1);
    assert_eq!((log.len(), log.first_id(), log.last_id(), log.entries_added()), (1, one, one, 1));
    let group = stream.group(b"g").expect("the group is there");
    assert_eq!((group.last_id(), group.entries_read(), group.pending_len()), (one, Some(1), 1));
    let consumer = group.consumers().next().expect("the consumer is there");
    assert_eq!((consumer.name(), consumer.seen_at, consumer.active_at), (&b"c"[..], 7, Some(7)));
}

#[test]
fn what_stands_between_keys_is_told_or_passed_over() {
    let file = [
        &b"VALKEY080"[..],
        b"\xfa\x0avalkey-ver\x059.1.2",
        b"\xf5\x0f#!lua name=mine",
        // Slots on their way: a name, one range.
        b"\xf3\x04name\x01\x01\x05",
        b"\xfe\x00\xfb\x02\x01",
        b"\xfa\x09slot-info\x095061,2,1,",
        b"\xf4\x53\xc5\x02\x01",
        b"\xf8\x05\x00\x01a\x01b",
        b"\xf9\xff\xfc\x01\0\0\0\0\0\0\0\x00\x01c\x01d",
        b"\xff\0\0\0\0\0\0\0\0",
    ]
    .concat();
    let mut reader = open(&file);
    let mut events = Vec::new();
    while let Some(event) = reader.next().expect("the file is whole") {
        events.push(match event {
            Event::Aux(name, text) => {
                format!("aux {} {}", name.escape_ascii(), text.escape_ascii())
            }
            Event::Function(text) => format!("function {}", text.escape_ascii()),
            Event::Select(number) => format!("select {number}"),
            Event::Resize { keys, volatile } => format!("resize {keys} {volatile}"),
            Event::Slot { slot, keys, volatile } => format!("slot {slot} {keys} {volatile}"),
            Event::Key(key) => {
                let usage = match key.usage {
                    Some(Usage::Idle(seconds)) => format!("idle {seconds}"),
                    Some(Usage::Frequency(counter)) => format!("frequency {counter}"),
                    None => String::new(),
                };
                format!("key {} {:?} {usage}", key.name.escape_ascii(), key.expire_at)
            }
            Event::EmptyKey(_) => "empty".to_owned(),
        });
    }
    assert_eq!(
        events,
        [
            "aux valkey-ver 9.1.2",
            "function #!lua name=mine",
            "select 0",
            "resize 2 1",
            "slot 5061 2 1",
            "slot 5061 2 1",
            "key a None idle 5",
            "key c Some(1) frequency 255",
        ]
    );
}
