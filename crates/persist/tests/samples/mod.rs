//! Values of all types, in all layouts.
#![allow(dead_code, unreachable_pub, reason = "each test uses some of it")]

use engine::{KeyRecord, NewValue, Object, Record, Value, new_string};
use proptest::prelude::*;
use values::stream::{Group, NewId, Pending, StreamId};
use values::{
    Compact, End, FieldExpiry, Hash, HashRules, Item, List, Rules, Set, SetRules, SortedSet,
    SortedSetRules, Stream,
};

/// What a value is made of.
#[derive(Clone, Debug)]
pub enum Sample {
    String(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(Vec<Vec<u8>>),
    SortedSet(Vec<(Vec<u8>, f64)>),
    Hash(Vec<(Vec<u8>, Vec<u8>, Option<i64>)>),
    Stream(StreamSample),
}

/// How far an entry's id is from the one before, and its fields.
type EntrySample = (u8, Vec<(Vec<u8>, Vec<u8>)>);

/// Which entry is pending, for which consumer, since when, and how often it was delivered.
type PendingSample = (usize, u8, i64, u8);

#[derive(Clone, Debug)]
pub struct StreamSample {
    entries: Vec<EntrySample>,
    deleted: Vec<usize>,
    /// By group: how far it has read, what is pending, and how many entries it has read.
    groups: Vec<(usize, Vec<PendingSample>, Option<u64>)>,
}

/// Rules that make values large early, or late.
pub fn rules(small: bool) -> Rules {
    if !small {
        return Rules::DEFAULT;
    }
    Rules {
        hash: HashRules { entries: 4, value_bytes: 10 },
        set: SetRules { intset_entries: 5, listpack_entries: 3, listpack_value_bytes: 10 },
        sorted_set: SortedSetRules { entries: 3, value_bytes: 10 },
        list_node_size: 3,
        ..Rules::DEFAULT
    }
}

pub fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-c]{0,3}".prop_map(String::into_bytes),
        4 => (-300..300i64).prop_map(|number| number.to_string().into_bytes()),
        2 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        2 => prop::collection::vec(any::<u8>(), 0..80),
        1 => (any::<u8>(), 0..9000usize).prop_map(|(byte, count)| vec![byte; count]),
        1 => Just(vec![b'x'; 16_378]),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-5..5i32).prop_map(f64::from),
        any::<f64>().prop_filter("a number", |score| !score.is_nan()),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
    ]
}

fn fields() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    prop::collection::vec(("[ab]", text()), 1..4).prop_map(|fields| {
        fields.into_iter().map(|(name, value)| (name.into_bytes(), value)).collect()
    })
}

fn a_stream() -> impl Strategy<Value = StreamSample> {
    let group = (
        0..20usize,
        prop::collection::vec((0..20usize, 0..3u8, 0..i64::MAX, any::<u8>()), 0..6),
        proptest::option::of(0..50u64),
    );
    (
        prop::collection::vec((any::<u8>(), fields()), 0..20),
        prop::collection::vec(0..20usize, 0..5),
        prop::collection::vec(group, 0..3),
    )
        .prop_map(|(entries, deleted, groups)| StreamSample { entries, deleted, groups })
}

pub fn a_sample() -> impl Strategy<Value = Sample> {
    let few = 0..8usize;
    prop_oneof![
        text().prop_map(Sample::String),
        prop::collection::vec(text(), 1..8).prop_map(Sample::List),
        prop::collection::vec("[a-f]{0,12}", 100..400)
            .prop_map(|all| { Sample::List(all.into_iter().map(String::into_bytes).collect()) }),
        prop::collection::btree_set(text(), 1..8)
            .prop_map(|all| Sample::Set(all.into_iter().collect())),
        prop::collection::btree_set(any::<i16>(), 1..700).prop_map(|all| {
            Sample::Set(all.iter().map(|one| one.to_string().into_bytes()).collect())
        }),
        prop::collection::btree_map(text(), score(), 1..8)
            .prop_map(|all| Sample::SortedSet(all.into_iter().collect())),
        prop::collection::btree_map("[a-z]{4}", score(), 120..200).prop_map(|all| {
            Sample::SortedSet(all.into_iter().map(|(one, score)| (one.into(), score)).collect())
        }),
        a_hash(few.clone(), proptest::option::of(0..i64::MAX)),
        a_hash(few, Just(None)),
        a_stream().prop_map(Sample::Stream),
    ]
}

fn a_hash(
    few: std::ops::Range<usize>,
    time: impl Strategy<Value = Option<i64>>,
) -> impl Strategy<Value = Sample> {
    prop::collection::btree_map(text(), (text(), time), few.start + 1..few.end).prop_map(|all| {
        Sample::Hash(all.into_iter().map(|(field, (value, at))| (field, value, at)).collect())
    })
}

pub fn without_field_times(mut sample: Sample) -> Sample {
    if let Sample::Hash(fields) = &mut sample {
        fields.iter_mut().for_each(|(_, _, at)| *at = None);
    }
    sample
}

impl Sample {
    /// A record that holds it.
    pub fn record(&self, key: &[u8], expire_at: Option<i64>, small: bool) -> KeyRecord {
        let rules = rules(small);
        let object = match self {
            Sample::String(text) => return Record::new(key, new_string(text), expire_at, 0),
            Sample::List(elements) => {
                let mut list = List::new();
                for element in elements {
                    list.push_all(End::Right, std::iter::once(&element[..]), &rules);
                }
                Object::List(list)
            }
            Sample::Set(members) => {
                let mut set = Set::new();
                set.expect(&rules, &members[0], members.len());
                members.iter().for_each(|member| {
                    set.add(&rules, Item::Bytes(member));
                });
                Object::Set(set)
            }
            Sample::SortedSet(members) => {
                let mut set = SortedSet::new();
                for (member, score) in members {
                    set.insert(member, *score, &rules);
                }
                Object::SortedSet(set)
            }
            Sample::Hash(fields) => {
                let mut hash = Hash::new();
                for (field, value, at) in fields {
                    hash.prepare([&field[..], value].into_iter(), &rules);
                    let expiry = at.map_or(FieldExpiry::Clear, FieldExpiry::At);
                    hash.set(field, value, (expiry, i64::MIN), &rules);
                }
                Object::Hash(hash)
            }
            Sample::Stream(sample) => Object::Stream(stream(sample, &rules)),
        };
        stored(key, object, expire_at)
    }
}

/// Small values stand in their record, as the keyspace keeps them.
fn stored(key: &[u8], object: Object, expire_at: Option<i64>) -> KeyRecord {
    let compact = match &object {
        Object::List(list) => list.compact(),
        Object::Set(set) => set.compact(),
        Object::SortedSet(set) => set.compact(),
        Object::Hash(hash) => hash.compact(),
        Object::String(_) | Object::Stream(_) => None,
    };
    let small = compact
        .filter(|(_, bytes)| bytes.len() <= engine::COMPACT_BYTES_MAX)
        .map(|(compact, bytes)| (compact, bytes.to_vec()));
    match small {
        Some((compact, bytes)) => {
            Record::new(key, NewValue::Compact(compact.tag(), &bytes), expire_at, 0)
        }
        None => Record::new(key, NewValue::Object(Box::new(object)), expire_at, 0),
    }
}

fn stream(sample: &StreamSample, rules: &Rules) -> Stream {
    let mut stream = Stream::new();
    let mut rules = rules.stream;
    rules.node_entries = 5;
    let mut ids = Vec::new();
    for (step, fields) in &sample.entries {
        let fields = fields.iter().map(|(name, value)| (&name[..], &value[..]));
        let last = stream.log().last_id();
        let id = NewId::Exactly(StreamId::new(last.ms + u64::from(*step) / 16, last.seq + 1));
        ids.push(stream.log_mut().append(id, fields, rules).expect("ids ascend"));
    }
    for index in &sample.deleted {
        if let Some(id) = ids.get(*index) {
            stream.log_mut().delete(*id);
        }
    }
    for (number, (read, pending, entries_read)) in sample.groups.iter().enumerate() {
        let last = ids.get(*read).copied().unwrap_or_default();
        let mut group = Group::new(last, *entries_read);
        group.ensure_consumer(b"idle", 77);
        for (index, consumer, at, deliveries) in pending {
            let Some(id) = ids.get(*index) else { continue };
            let (consumer, _) = group.ensure_consumer(&[b'a' + consumer], 1000);
            group.consumer_mut(consumer).active_at = Some(2000);
            let deliveries = u64::from(*deliveries);
            group.set_pending(*id, Pending { consumer, delivered_at: *at, deliveries });
        }
        assert!(stream.add_group(&[number as u8], group));
    }
    stream
}

/// Whether two records hold the same, however it is laid out.
pub fn same_value(one: &KeyRecord, other: &KeyRecord) -> bool {
    match (opened(one), opened(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => string(one) == string(other),
        _ => false,
    }
}

fn string(record: &KeyRecord) -> Vec<u8> {
    match record.value() {
        Value::Integer(integer) => integer.to_string().into_bytes(),
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::Object(Object::String(bytes)) => bytes.to_vec(),
        other @ (Value::Compact(..) | Value::Object(_)) => panic!("no string: {other:?}"),
    }
}

/// What is no string, as an object.
pub fn opened(record: &KeyRecord) -> Option<Object> {
    Some(match record.value() {
        Value::Integer(_) | Value::Bytes(_) | Value::Object(Object::String(_)) => return None,
        Value::Object(object) => object.clone(),
        Value::Compact(tag, bytes) => {
            let compact = Compact::of_tag(tag);
            match compact {
                Compact::List => Object::List(List::of_compact(compact, bytes)?),
                Compact::Intset | Compact::Set => Object::Set(Set::of_compact(compact, bytes)?),
                Compact::SortedSet => Object::SortedSet(SortedSet::of_compact(compact, bytes)?),
                Compact::Hash => Object::Hash(Hash::of_compact(compact, bytes)?),
            }
        }
    })
}

pub fn has_field_times(record: &KeyRecord) -> bool {
    matches!(record.value(), Value::Object(Object::Hash(hash)) if hash.view().earliest_time().is_some())
}

/// Samples without chance, one for each type and layout at least.
pub fn all_kinds() -> Vec<(&'static str, Sample)> {
    let words = |count: usize| (0..count).map(|at| format!("word-{at}").into_bytes());
    let entries = (0..12u8).map(|at| {
        let fields = vec![(b"f".to_vec(), vec![at]), (b"g".to_vec(), b"12".to_vec())];
        (at, if at % 5 == 0 { fields[..1].to_vec() } else { fields })
    });
    let groups = vec![
        (3, vec![(1, 0, 1_700_000_000_000, 1), (2, 1, 1_700_000_000_001, 200)], Some(4)),
        (0, vec![], None),
    ];
    let stream = StreamSample { entries: entries.collect(), deleted: vec![0, 7], groups };
    let empty = StreamSample { entries: vec![], deleted: vec![], groups: vec![] };
    let times = |at: usize| at.is_multiple_of(2).then_some(1_900_000_000_000 + at as i64);
    let field = |(at, word): (usize, Vec<u8>)| (word, at.to_string().into_bytes());
    vec![
        ("integer", Sample::String(b"-12345".to_vec())),
        ("short string", Sample::String(b"hello".to_vec())),
        ("long string", Sample::String((0..3000u32).map(|at| ((at * at) >> 3) as u8).collect())),
        ("compressed string", Sample::String(b"abc".repeat(500))),
        ("listpack list", Sample::List(words(5).collect())),
        ("quicklist", Sample::List(words(2000).collect())),
        ("list of long elements", Sample::List(vec![vec![b'x'; 16_378], b"y".to_vec()])),
        ("intset", Sample::Set((0..9i64).map(|at| (at * 9999).to_string().into()).collect())),
        ("listpack set", Sample::Set(words(9).collect())),
        ("hashtable set", Sample::Set(words(300).collect())),
        (
            "listpack sorted set",
            Sample::SortedSet(words(9).zip([1.5, -2.0, 0.0, 7.0, 1e20]).collect()),
        ),
        (
            "skiplist",
            Sample::SortedSet(words(300).enumerate().map(|(at, w)| (w, at as f64 / 3.0)).collect()),
        ),
        (
            "listpack hash",
            Sample::Hash(words(9).enumerate().map(field).map(|(f, v)| (f, v, None)).collect()),
        ),
        (
            "hashtable hash",
            Sample::Hash(words(600).enumerate().map(field).map(|(f, v)| (f, v, None)).collect()),
        ),
        (
            "hash with times",
            Sample::Hash(
                words(9).enumerate().map(|(at, w)| (w, b"v".to_vec(), times(at))).collect(),
            ),
        ),
        ("stream", Sample::Stream(stream)),
        ("empty stream", Sample::Stream(empty)),
    ]
}

/// Does everything to a value that its type knows, and takes it apart to the end: what a broken promise would be found by.
pub fn exercise(record: &KeyRecord) {
    let rules = rules(false);
    match opened(record) {
        None | Some(Object::String(_)) => {
            string(record);
        }
        Some(Object::List(mut list)) => {
            let len = list.len();
            let all: Vec<Vec<u8>> =
                list.view().iter_from(0).map(|element| element.to_vec()).collect();
            assert_eq!(all.len(), len);
            assert_eq!(list.view().iter_back_from(len - 1).count(), len);
            list.insert(len / 2, b"new", &rules);
            list.set(0, &[b'y'; 100], &rules);
            list.push_all(End::Left, [&b"12"[..], b"x"].into_iter(), &rules);
            list.rotate(End::Left, End::Right, &rules);
            list.remove_equal(b"new", (End::Right, 1), &rules);
            while !list.is_empty() {
                list.pop(End::Left, list.len().div_ceil(3), &rules);
            }
        }
        Some(Object::Set(mut set)) => {
            let all: Vec<Vec<u8>> = set.view().iter().map(|member| member.to_vec()).collect();
            assert_eq!(all.len(), set.len());
            for member in &all {
                assert!(set.view().contains(Item::Bytes(member)));
                assert!(!set.add(&rules, Item::Bytes(member)));
            }
            set.add(&rules, Item::Bytes(b"certainly new"));
            set.remove(Item::Bytes(b"certainly new"));
            for member in &all {
                assert!(set.remove(Item::Bytes(member)), "{member:?} of {all:?}");
            }
            assert!(set.is_empty());
        }
        Some(Object::SortedSet(mut set)) => {
            let mut all = Vec::new();
            set.view().visit_all(|member, score| all.push((member.to_vec(), score)));
            assert_eq!(all.len(), set.len());
            for (rank, (member, score)) in all.iter().enumerate() {
                assert_eq!(set.view().rank(member), Some((rank, *score)));
            }
            set.insert(b"certainly new", 0.5, &rules);
            assert_eq!(set.remove(b"certainly new"), Some(0.5));
            for (member, score) in &all {
                assert_eq!(set.remove(member), Some(*score));
            }
            assert!(set.is_empty());
        }
        Some(Object::Hash(mut hash)) => {
            let mut all = Vec::new();
            hash.view().visit(i64::MIN, |field, value| all.push((field.to_vec(), value.to_vec())));
            assert_eq!(all.len(), hash.view().len());
            for (field, value) in &all {
                let own = hash.view().get(field, i64::MIN).map(Item::to_vec);
                assert_eq!(own.as_ref(), Some(value));
                let expiry = (FieldExpiry::Keep, i64::MIN);
                assert!(!hash.set(field, b"another value, which is longer", expiry, &rules));
            }
            hash.remove_due(i64::MAX, usize::MAX);
            for (field, _) in &all {
                hash.remove(field, i64::MIN);
            }
            assert!(hash.is_empty());
        }
        Some(Object::Stream(mut stream)) => exercise_stream(&mut stream, &rules),
    }
}

fn exercise_stream(stream: &mut Stream, rules: &Rules) {
    let ids: Vec<StreamId> =
        stream.log().range(StreamId::MIN, StreamId::MAX).map(|entry| entry.id).collect();
    assert_eq!(ids.len(), stream.len());
    let back = stream.log().range_reversed(StreamId::MIN, StreamId::MAX);
    assert!(back.map(|entry| entry.id).eq(ids.iter().rev().copied()));
    let fields = || [(&b"f"[..], &b"v"[..])].into_iter();
    let _ = stream.log_mut().append(NewId::Auto(5), fields(), rules.stream);
    let names: Vec<Vec<u8>> = stream.groups().map(|(name, _)| name.to_vec()).collect();
    for name in &names {
        stream.change_group(name, |log, group| {
            let _ = group.lag(log);
            let pending: Vec<StreamId> = group
                .pending_range(StreamId::MIN, StreamId::MAX)
                .map(|(id, pending)| {
                    assert!(group.consumer(pending.consumer).pending_ids().any(|own| own == id));
                    id
                })
                .collect();
            let first = pending.first().copied().unwrap_or_default();
            assert_eq!(group.forget(first), !pending.is_empty());
            group.read_up_to(log, log.last_id());
            let consumers: Vec<Vec<u8>> =
                group.consumers().map(|consumer| consumer.name().to_vec()).collect();
            for consumer in consumers {
                group.remove_consumer(&consumer);
            }
            assert_eq!(group.pending_len(), 0);
        });
        stream.remove_group(name);
    }
    for id in &ids {
        assert!(stream.log_mut().delete(*id));
    }
}
