use super::*;
use crate::aof::CommandWriter;
use crate::rdb::{Event, Options, Reader, Version};
use crate::save::KeyFile;
use engine::KeyRecord;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use values::stream::{NewId, StreamId};
use values::{End, FieldExpiry, Hash, List, Rules, SortedSet, Stream};

const RULES: Rules = Rules::DEFAULT;

fn frozen(value: FrozenValue) -> FrozenRecord {
    FrozenRecord { key: b"k"[..].into(), expire_at: None, access: 0, value, bytes: 0 }
}

fn frozen_hash(hash: &Hash) -> FrozenHash {
    hash.freeze().expect("it is large")
}

/// Every third field expires, the first of them at 5000.
fn timed_hash() -> Hash {
    let mut hash = Hash::new();
    for number in 0..1000_i64 {
        let time = 5000 + number * number;
        let expiry = if number % 3 == 0 { FieldExpiry::At(time) } else { FieldExpiry::Keep };
        hash.set(format!("f{number}").as_bytes(), b"v", (expiry, 0), &RULES);
    }
    hash
}

/// A length, as the format has it.
fn length(length: u64) -> Vec<u8> {
    match length {
        0..=0x3f => vec![length as u8],
        0x40..=0x3fff => vec![0x40 | (length >> 8) as u8, length as u8],
        _ => [&[0x80][..], &(length as u32).to_be_bytes()].concat(),
    }
}

#[test]
fn times_of_fields_are_written_in_pieces_as_redis_has_them() {
    let hash = timed_hash();
    // From `rdbSaveObject` of Redis 7.4: the type, the key, the first time, and before each field how far behind it its own is, plus one.
    let mut fixture = b"REDIS0012\x18\x01k".to_vec();
    fixture.extend_from_slice(&5000_i64.to_le_bytes());
    fixture.extend(length(1000));
    for (field, value, time) in frozen_hash(&hash).iter() {
        fixture.extend(length(time.map_or(0, |time| time as u64 - 5000 + 1)));
        for text in [field, value] {
            fixture.extend(length(text.len() as u64));
            fixture.extend_from_slice(text);
        }
    }
    fixture.push(0xff);
    let options = Options { version: Version::REDIS_12, ..Options::default() };
    let mut writer = Writer::new(Vec::new(), options);
    let record = frozen(FrozenValue::Hash(Box::new(frozen_hash(&hash))));
    KeyFile::frozen(&mut writer, record, None).expect("version 12 carries it");
    let file = writer.finish().expect("memory takes all");
    assert_eq!(file[..fixture.len()], fixture);
    // It is read as it was.
    let mut reader = Reader::new(&file[..], RULES, true).expect("it is a file");
    let event = reader.next().expect("it is well-formed");
    let Some(Event::Key(key)) = event else { panic!("{event:?} is no key") };
    let record: KeyRecord = Record::new(key.name, key.value, None, 0);
    let Value::Object(Object::Hash(read)) = record.value() else { panic!("it is no hash") };
    assert_eq!(read.view().len(), 1000);
    for (field, _, time) in frozen_hash(&hash).iter() {
        assert_eq!(read.view().time(field), time, "{}", field.escape_ascii());
    }
}

#[test]
fn a_version_without_times_of_fields_says_so() {
    for version in [Version::REDIS_10, Version::REDIS_11] {
        let mut writer = Writer::new(Vec::new(), Options { version, ..Options::default() });
        let record = frozen(FrozenValue::Hash(Box::new(frozen_hash(&timed_hash()))));
        let error = KeyFile::frozen(&mut writer, record, None).expect_err("it cannot carry them");
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    }
}

/// Eight megabytes or more of each type.
fn large_values() -> Vec<(&'static str, FrozenValue)> {
    let mut rng = base::Rng::from_seed(9);
    let mut noise = |bytes: usize| {
        let mut noise = vec![0; bytes];
        rng.fill(&mut noise);
        noise
    };
    let (mut list, mut set, mut stream) = (List::new(), Set::hashtable(&RULES), Stream::new());
    let (mut sorted_set, mut hash) = (SortedSet::new(), Hash::new());
    for number in 1..=40_000 {
        let element = noise(200);
        list.push_all(End::Right, [&element[..]].into_iter(), &RULES);
        set.add(&RULES, Item::Bytes(&element));
        sorted_set.insert(&element, number as f64, &RULES);
        hash.set(&element, b"v", (FieldExpiry::Keep, 0), &RULES);
        let fields = [(&b"field"[..], &element[..])].into_iter();
        let appended =
            stream.log_mut().append(NewId::Exactly(StreamId::new(number, 0)), fields, RULES.stream);
        appended.expect("the id is above the last");
    }
    let whole = |object| FrozenValue::Whole(Box::new(object));
    vec![
        ("string", whole(Object::String(noise(8 << 20).into()))),
        ("list", whole(Object::List(list))),
        ("set", whole(Object::Set(set))),
        ("sorted set", FrozenValue::SortedSet(Box::new(sorted_set.freeze().expect("it is large")))),
        ("hash", FrozenValue::Hash(Box::new(frozen_hash(&hash)))),
        ("stream", whole(Object::Stream(stream))),
    ]
}

/// Counts what comes, and says after the first of it that nobody wants more.
#[derive(Clone, Default)]
struct Cancelling {
    is_cancelled: Arc<AtomicBool>,
    bytes: Arc<AtomicUsize>,
}

impl Write for Cancelling {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.fetch_add(bytes.len(), Relaxed);
        self.is_cancelled.store(true, Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes values of all types, each of which has to be given up in its middle.
fn assert_given_up<F: KeyFile>(open: impl Fn(Cancelling) -> F) {
    for (what, value) in large_values() {
        let sink = Cancelling::default();
        let mut file = open(sink.clone());
        file.cancel_with(Arc::clone(&sink.is_cancelled));
        let error = file.frozen(frozen(value), None).expect_err(what);
        assert_eq!(error.kind(), io::ErrorKind::Interrupted, "{what}");
        let written = sink.bytes.load(Relaxed);
        assert!((1..2 << 20).contains(&written), "{what}, {written} bytes");
    }
}

#[test]
fn a_value_is_given_up_in_its_middle() {
    let options = |version, compress| Options { version, compress, ..Options::default() };
    for compress in [false, true] {
        assert_given_up(|sink| Writer::new(sink, options(Version::REDIS_10, compress)));
    }
    // Lists as elements.
    assert_given_up(|sink| Writer::new(sink, options(Version::REDIS_9, false)));
}

#[test]
fn a_value_of_commands_is_given_up_in_its_middle() {
    assert_given_up(|sink| {
        // What stands before keys is no reason to give up.
        let is_cancelled = Arc::clone(&sink.is_cancelled);
        let writer = CommandWriter::new(sink, None).expect("it takes all");
        is_cancelled.store(false, Relaxed);
        writer
    });
}
