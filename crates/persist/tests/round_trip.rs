//! Whatever is written is read as it was: values of all types in all layouts, in files of every version and in payloads.

mod samples;

use engine::{KeyRecord, Record, Value};
use persist::rdb::{Event, Options, Reader, Usage, Version, Writer, dump, restore};
use proptest::prelude::*;
use samples::{Sample, a_sample, has_field_times, rules, same_value, without_field_times};

const VERSIONS: [Version; 5] =
    [Version::REDIS_9, Version::REDIS_10, Version::REDIS_11, Version::REDIS_12, Version::VALKEY_80];

fn restored(payload: &[u8], small: bool) -> KeyRecord {
    let mut text = Vec::new();
    let value = restore(payload, true, &rules(small), &mut text)
        .unwrap_or_else(|error| panic!("{error}: b\"{}\"", payload.escape_ascii()));
    Record::new(b"k", value, None, 0)
}

proptest! {
    #[test]
    fn payloads_come_back(sample in a_sample(), small in any::<bool>()) {
        let record = sample.record(b"k", None, small);
        let payload = dump(&record);
        // Also where other rules decide of the layout.
        for small in [small, !small] {
            let again = restored(&payload, small);
            prop_assert!(same_value(&record, &again), "{:?} {:?}", record.value(), again.value());
        }
        prop_assert_eq!(dump(&restored(&payload, small)).len(), payload.len());
    }

    #[test]
    fn files_of_every_version_come_back(
        samples in prop::collection::vec(
            (a_sample(), proptest::option::of(any::<i64>()), a_usage()), 0..6,
        ),
        version in prop::sample::select(&VERSIONS[..]),
        compress in any::<bool>(),
        checksum in any::<bool>(),
        small in any::<bool>(),
    ) {
        let mut writer = Writer::new(Vec::new(), Options { version, compress, checksum });
        writer.aux(b"redis-ver", b"7.2.4")?;
        writer.function(b"#!lua name=l\n")?;
        writer.select(3)?;
        writer.resize(samples.len() as u64, 1)?;
        let mut expected = Vec::new();
        for (index, (sample, expire_at, usage)) in samples.into_iter().enumerate() {
            let key = format!("key:{index}");
            let sample = if carries_times(version) { sample } else { without_field_times(sample) };
            let record = sample.record(key.as_bytes(), expire_at, small);
            writer.record(&record, usage)?;
            expected.push((record, usage));
        }
        let file = writer.finish()?;

        let mut reader = Reader::new(&file[..], rules(small), true)?;
        prop_assert_eq!(reader.version(), version);
        prop_assert!(matches!(reader.next()?, Some(Event::Aux(b"redis-ver", b"7.2.4"))));
        prop_assert!(matches!(reader.next()?, Some(Event::Function(b"#!lua name=l\n"))));
        prop_assert!(matches!(reader.next()?, Some(Event::Select(3))));
        let resized = matches!(reader.next()?, Some(Event::Resize { volatile: 1, .. }));
        prop_assert!(resized);
        for (record, usage) in expected {
            let Some(Event::Key(key)) = reader.next()? else { panic!("a key follows") };
            prop_assert_eq!((key.name, key.expire_at), (record.key(), record.expire_at()));
            prop_assert_eq!(key.usage, usage);
            let again: KeyRecord = Record::new(key.name, key.value, key.expire_at, 0);
            prop_assert!(
                same_as_of(&record, &again, version),
                "{:?} {:?}", record.value(), again.value()
            );
        }
        prop_assert!(reader.next()?.is_none());
        prop_assert!(reader.next()?.is_none(), "the end is the end");
        prop_assert_eq!(reader.offset(), file.len() as u64);
    }
}

fn a_usage() -> impl Strategy<Value = Option<Usage>> {
    proptest::option::of(prop_oneof![
        any::<u64>().prop_map(Usage::Idle),
        any::<u8>().prop_map(Usage::Frequency)
    ])
}

fn carries_times(version: Version) -> bool {
    matches!(version, Version::REDIS_12 | Version::VALKEY_80)
}

/// Older versions know less of streams.
fn same_as_of(one: &KeyRecord, other: &KeyRecord, version: Version) -> bool {
    use engine::{Object, Value::Object as Large};
    if let (Large(Object::Stream(one)), Large(Object::Stream(other)), Version::Redis(9 | 10)) =
        (one.value(), other.value(), version)
    {
        return one.log().node_listpacks().eq(other.log().node_listpacks())
            && one.group_count() == other.group_count();
    }
    same_value(one, other)
}

#[test]
fn a_version_that_cannot_carry_a_value_says_so() {
    let fields = vec![(b"f".to_vec(), b"v".to_vec(), Some(5))];
    let record = Sample::Hash(fields).record(b"k", None, false);
    assert!(has_field_times(&record));
    for version in VERSIONS {
        let mut writer = Writer::new(Vec::new(), Options { version, ..Options::default() });
        assert_eq!(writer.record(&record, None).is_ok(), carries_times(version), "{version}");
    }
}

#[test]
fn strings_are_as_short_as_they_can_be() {
    let payload = |text: &[u8]| {
        let record = Sample::String(text.to_vec()).record(b"k", None, false);
        let payload = dump(&record);
        assert!(same_value(&record, &restored(&payload, false)));
        payload[..payload.len() - 10].to_vec()
    };
    assert_eq!(payload(b"10"), b"\0\xc0\x0a");
    assert_eq!(payload(b"-129"), b"\0\xc1\x7f\xff");
    assert_eq!(payload(b"-2147483648"), b"\0\xc2\0\0\0\x80");
    assert_eq!(payload(b"2147483648"), b"\0\x0a2147483648");
    assert_eq!(payload(b"010"), b"\0\x03010");
    assert_eq!(payload(&[b'a'; 30]), b"\0\xc3\x05\x1e\0a\xe0\x14\0");
    // It is compressed in pieces, the last of which is not short.
    let letters = |at: usize| b"abcdefgh"[at * at % 8];
    assert!(payload(&(0..(3 << 20) + 1).map(letters).collect::<Vec<u8>>()).len() < 1 << 17);
    let long: Vec<u8> =
        (0..200_000u32).flat_map(|at| at.wrapping_mul(0x9e37_79b1).to_le_bytes()).collect();
    assert!(payload(&long).len() <= long.len() + 6);
    assert!(matches!(
        restored(&dump(&Sample::String(long).record(b"k", None, false)), true).value(),
        Value::Object(_)
    ));
}
