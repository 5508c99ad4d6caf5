//! The table against a `BTreeMap`, under good and bad hashes. Segments are small here (see `directory`), so
//! that a few hundred records split and merge them; `tests/table_at_scale.rs` has the real ones.

use super::buckets::{BUCKET_WORDS, Bucket, capacity, fitting, grown, home};
use super::scan::CURSOR_BITS;
use super::segment::Segment;
use super::{KeyHasher, Table, record};
use crate::record::Record;
use crate::record::{NewValue, Value};
use crate::word::Word;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// How a test's hashes are spread.
#[derive(Clone, Copy, Debug)]
enum Hashes {
    Good,
    AllEqual,
    /// All that a table of depth 26 looks at is equal.
    TagsEqual,
    /// Four values in the first 20 bits.
    Clustered,
}

impl KeyHasher for Hashes {
    fn hash(&self, key: &[u8]) -> u64 {
        let good = key.iter().fold(7, |state, &byte| mixed(state ^ u64::from(byte)));
        match self {
            Hashes::Good => good,
            Hashes::AllEqual => 0x8000_1234_5678_9abc,
            Hashes::TagsEqual => u64::MAX << 16 | good & 0xffff,
            Hashes::Clustered => (good & 3) << 50 | good >> 20,
        }
    }
}

fn mixed(state: u64) -> u64 {
    let state = (state ^ state >> 30).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ state >> 31
}

/// A boxed value that counts itself.
struct Counted {
    number: i64,
    live: Rc<Cell<usize>>,
}

impl Counted {
    fn boxed(number: i64, live: &Rc<Cell<usize>>) -> Box<Counted> {
        live.set(live.get() + 1);
        Box::new(Counted { number, live: Rc::clone(live) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.live.set(self.live.get() - 1);
    }
}

#[derive(Clone, Debug, PartialEq)]
enum ModelValue {
    Integer(i64),
    Bytes(Vec<u8>),
    Compact(u8, Vec<u8>),
    Object(i64),
}

impl ModelValue {
    fn to_new<'a>(&'a self, live: &Rc<Cell<usize>>) -> NewValue<'a, Counted> {
        match self {
            ModelValue::Integer(number) => NewValue::Integer(*number),
            ModelValue::Bytes(bytes) => NewValue::Bytes(bytes),
            ModelValue::Compact(tag, bytes) => NewValue::Compact(*tag, bytes),
            ModelValue::Object(number) => NewValue::Object(Counted::boxed(*number, live)),
        }
    }

    fn of(value: Value<'_, Counted>) -> ModelValue {
        match value {
            Value::Integer(number) => ModelValue::Integer(number),
            Value::Bytes(bytes) => ModelValue::Bytes(bytes.to_vec()),
            Value::Compact(tag, bytes) => ModelValue::Compact(tag, bytes.to_vec()),
            Value::Object(object) => ModelValue::Object(object.number),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(u16, ModelValue, Option<i64>),
    SetValue(u16, ModelValue),
    Expire(u16, Option<i64>),
    Append(u16, Vec<u8>),
    Remove(u16),
    InsertMany(u16, u16),
    RemoveMany(u16, u16),
    Clear,
}

const KEYS: u16 = if cfg!(miri) { 60 } else { 1_500 };

fn key(number: u16) -> Vec<u8> {
    let mut key = format!("key:{number}").into_bytes();
    key.resize(key.len() + usize::from(number % 7) * 5, b'-');
    key
}

fn value() -> impl Strategy<Value = ModelValue> {
    prop_oneof![
        any::<i64>().prop_map(ModelValue::Integer),
        (0usize..80, any::<u8>()).prop_map(|(len, byte)| ModelValue::Bytes(vec![byte; len])),
        (any::<u8>(), 0usize..300, any::<u8>())
            .prop_map(|(tag, len, byte)| ModelValue::Compact(tag, vec![byte; len])),
        (0usize..3_000, any::<u8>()).prop_map(|(len, byte)| ModelValue::Bytes(vec![byte; len])),
        any::<i64>().prop_map(ModelValue::Object),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0..KEYS;
    let many = 1..KEYS / 3;
    prop_oneof![
        6 => (number.clone(), value(), any::<Option<i64>>()).prop_map(|(k, v, e)| Step::Set(k, v, e)),
        2 => (number.clone(), value()).prop_map(|(k, v)| Step::SetValue(k, v)),
        2 => (number.clone(), any::<Option<i64>>()).prop_map(|(k, e)| Step::Expire(k, e)),
        2 => (number.clone(), prop::collection::vec(any::<u8>(), 0..100))
            .prop_map(|(k, tail)| Step::Append(k, tail)),
        3 => number.clone().prop_map(Step::Remove),
        4 => (number.clone(), many.clone()).prop_map(|(k, n)| Step::InsertMany(k, n)),
        3 => (number, many).prop_map(|(k, n)| Step::RemoveMany(k, n)),
        1 => Just(Step::Clear),
    ]
}

fn hashes() -> impl Strategy<Value = Hashes> {
    prop_oneof![
        4 => Just(Hashes::Good),
        1 => Just(Hashes::AllEqual),
        1 => Just(Hashes::TagsEqual),
        1 => Just(Hashes::Clustered),
    ]
}

/// A table and what it has to be equal to.
struct Pair {
    hashes: Hashes,
    table: Table<Counted>,
    model: BTreeMap<Vec<u8>, (ModelValue, Option<i64>)>,
    live: Rc<Cell<usize>>,
}

impl Pair {
    fn new(hashes: Hashes) -> Pair {
        let live = Rc::new(Cell::new(0));
        Pair { hashes, table: Table::new(), model: BTreeMap::new(), live }
    }

    fn set(&mut self, key: &[u8], value: ModelValue, expire_at: Option<i64>) {
        let hash = self.hashes.hash(key);
        let new = value.to_new(&self.live);
        if let Some(mut found) = self.table.find_mut(hash, key) {
            let old = found.set(new, expire_at);
            let (model, _) = &self.model[key];
            assert_eq!(old.is_some(), matches!(model, ModelValue::Object(_)));
        } else {
            let record = Record::new(key, new, expire_at, 5);
            self.table.insert(&self.hashes, hash, record);
        }
        self.model.insert(key.to_vec(), (value, expire_at));
    }

    fn remove(&mut self, key: &[u8]) {
        let removed = self.table.remove(self.hashes.hash(key), key);
        let model = self.model.remove(key);
        assert_eq!(removed.is_some(), model.is_some());
        if let (Some(record), Some((value, expire_at))) = (removed, model) {
            assert_eq!((record.key(), record.expire_at()), (key, expire_at));
            assert_eq!(ModelValue::of(record.value()), value);
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Set(number, value, expire_at) => self.set(&key(number), value, expire_at),
            Step::SetValue(number, value) => {
                let key = key(number);
                let expire_at = self.model.get(&key).map(|(_, expire_at)| *expire_at);
                let new = value.to_new(&self.live);
                let found = self.table.find_mut(self.hashes.hash(&key), &key);
                assert_eq!(found.is_some(), expire_at.is_some());
                if let (Some(mut found), Some(expire_at)) = (found, expire_at) {
                    drop(found.set_value(new));
                    self.model.insert(key, (value, expire_at));
                }
            }
            Step::Expire(number, expire_at) => {
                let key = key(number);
                if let Some(mut found) = self.table.find_mut(self.hashes.hash(&key), &key) {
                    found.set_expire_at(expire_at);
                    self.model.get_mut(&key).expect("in both").1 = expire_at;
                }
            }
            Step::Append(number, tail) => {
                let key = key(number);
                if let Some((ModelValue::Bytes(bytes), _)) = self.model.get_mut(&key) {
                    let found = self.table.find_mut(self.hashes.hash(&key), &key);
                    found.expect("in both").append(&tail);
                    bytes.extend(tail);
                }
            }
            Step::Remove(number) => self.remove(&key(number)),
            Step::InsertMany(first, count) => {
                for number in first..first + count {
                    let expire_at = (number % 3 == 0).then_some(i64::from(number));
                    self.set(&key(number), ModelValue::Integer(i64::from(number)), expire_at);
                }
            }
            Step::RemoveMany(first, count) => {
                for number in first..first + count {
                    self.remove(&key(number));
                }
            }
            Step::Clear => {
                self.table.clear();
                self.model.clear();
            }
        }
    }

    fn check(&self) {
        check_invariants(&self.table, &self.hashes);
        assert_eq!(self.table.len(), self.model.len());
        let volatile = self.model.values().filter(|(_, expire_at)| expire_at.is_some()).count();
        assert_eq!(self.table.volatile_len(), volatile);
        let objects =
            self.model.values().filter(|(value, _)| matches!(value, ModelValue::Object(_))).count();
        assert_eq!(self.live.get(), objects);
        for (key, (value, expire_at)) in &self.model {
            let record = self.table.find(self.hashes.hash(key), key).expect("in the model");
            assert_eq!(
                (record.key(), record.expire_at(), record.access()),
                (&key[..], *expire_at, 5)
            );
            assert_eq!(&ModelValue::of(record.value()), value);
            self.table.hint().prefetch_bucket(self.hashes.hash(key));
            self.table.prefetch_record(self.hashes.hash(key));
        }
        let keys: BTreeSet<_> = self.table.iter().map(Record::key).collect();
        assert!(keys.into_iter().eq(self.model.keys().map(Vec::as_slice)));
        assert!(self.table.find(self.hashes.hash(b"absent"), b"absent").is_none());
    }
}

/// What the module says of itself.
fn check_invariants<O>(table: &Table<O>, hashes: &Hashes) {
    let mut memory = 0;
    let (mut len, mut deepest, mut next) = (0, 0, 0);
    let depth = table.root.depth();
    while next < table.descriptor_count() {
        let segment = table.segment(next);
        let run = table.run_of(segment);
        assert_eq!(next % run, 0);
        // SAFETY: the segment is alive, and unchanged while the table is borrowed.
        let buckets = unsafe { segment.buckets() };
        for descriptor in next..next + run {
            let copy = table.segment(descriptor);
            // SAFETY: as above.
            assert_eq!(unsafe { copy.buckets() }.as_ptr(), buckets.as_ptr());
            assert_eq!((copy.depth(), copy.bucket_count()), (segment.depth(), buckets.len()));
        }
        let mut words = 0;
        for (at, bucket) in buckets.iter().enumerate() {
            words += bucket.words().count();
            assert!(bucket.0[bucket.words().count()..].iter().all(|word| word.is_empty()));
            for word in bucket.words() {
                let record = record::<O>(word);
                let hash = hashes.hash(record.key());
                assert_eq!(table.index_of(hash), next);
                assert_eq!(segment.tag(hash), word.tag());
                assert_eq!(word.is_volatile(), record.expire_at().is_some());
                let mut passed = home(word.tag(), buckets.len());
                while passed != at {
                    assert!(buckets[passed].is_full(), "a gap before a displaced word");
                    passed = (passed + 1) % buckets.len();
                }
                memory += record.memory_bytes();
            }
        }
        assert_eq!(words, segment.len());
        assert!(words <= capacity(buckets.len()));
        memory += buckets.len() * 64;
        deepest += u32::from(depth > 0 && segment.depth() == depth);
        len += words;
        next += run;
    }
    if depth > 0 {
        memory += size_of::<Segment>() * (1 + (1 << depth));
        assert_eq!(table.deepest(), deepest);
        assert!(deepest >= 2);
    }
    assert_eq!((table.len(), table.memory_bytes()), (len, memory));
    assert!(len > 0 || memory == 0, "an empty table owns memory");
}

fn cases() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 200 },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn table_is_a_map(hashes in hashes(), steps in prop::collection::vec(step(), 1..40)) {
        let mut pair = Pair::new(hashes);
        for step in steps {
            pair.apply(step);
            check_invariants(&pair.table, &hashes);
        }
        pair.check();
        for number in 0..u16::MAX {
            if pair.model.is_empty() { break }
            pair.remove(&key(number));
        }
        pair.check();
        prop_assert_eq!(pair.table.memory_bytes(), 0);
    }

    #[test]
    fn dropping_a_table_drops_every_object(hashes in hashes(), step in step()) {
        let mut pair = Pair::new(hashes);
        for number in 0..KEYS / 2 {
            pair.set(&key(number), ModelValue::Object(1), None);
        }
        pair.apply(step);
        let live = Rc::clone(&pair.live);
        drop(pair);
        prop_assert_eq!(live.get(), 0);
    }

    /// Keys below `stable` stay; all others come and go between the calls.
    #[test]
    fn scan_visits_all_that_stays(
        hashes in hashes(),
        stable in 0..KEYS / 4,
        before in prop::collection::vec(step(), 0..6),
        between in prop::collection::vec(step(), 0..60),
    ) {
        let mut pair = Pair::new(hashes);
        before.into_iter().for_each(|step| pair.apply(step));
        for number in 0..stable {
            let expire_at = (number % 2 == 0).then_some(1);
            pair.set(&key(number), ModelValue::Integer(0), expire_at);
        }
        let mut between = between.into_iter().filter_map(|step| avoiding(step, stable));
        let (mut seen, mut seen_volatile) = (BTreeSet::new(), BTreeSet::new());
        let (mut cursor, mut cursor_volatile) = (Some(0), Some(0));
        while cursor.is_some() || cursor_volatile.is_some() {
            cursor = cursor.and_then(|cursor| {
                let next = pair.table.scan(cursor, &mut |record| {
                    seen.insert(record.key().to_vec());
                });
                assert!(next >> CURSOR_BITS == 0 && (next == 0 || next > cursor));
                (next != 0).then_some(next)
            });
            cursor_volatile = cursor_volatile.and_then(|cursor| {
                let next = pair.table.scan_volatile(cursor, 2, &mut |record| {
                    assert!(record.expire_at().is_some());
                    seen_volatile.insert(record.key().to_vec());
                });
                (next != 0).then_some(next)
            });
            if let Some(step) = between.next() {
                pair.apply(step);
            }
        }
        for number in 0..stable {
            prop_assert!(seen.contains(&key(number)), "{} was not visited", number);
            prop_assert!(number % 2 != 0 || seen_volatile.contains(&key(number)));
        }
    }

    #[test]
    fn intervals_have_each_record_once(hashes in hashes(), count in 0..KEYS, bits in 0u32..=8) {
        let mut pair = Pair::new(hashes);
        for number in 0..count {
            pair.set(&key(number), ModelValue::Integer(1), None);
        }
        let mut visited = BTreeSet::new();
        for prefix in 0..1 << bits {
            pair.table.visit_interval((prefix, bits), &mut |record| {
                let hash = hashes.hash(record.key());
                assert_eq!(hash.checked_shr(64 - bits).unwrap_or(0), prefix);
                assert!(visited.insert(record.key().to_vec()), "visited twice");
            });
        }
        prop_assert_eq!(visited.len(), usize::from(count));
    }

    #[test]
    fn scan_of_a_table_at_rest_visits_each_once(hashes in hashes(), count in 0..KEYS) {
        let mut pair = Pair::new(hashes);
        pair.apply(Step::InsertMany(0, count));
        let (mut cursor, mut visited) = (0, Vec::new());
        loop {
            cursor = pair.table.scan(cursor, &mut |record| visited.push(record.key().to_vec()));
            if cursor == 0 { break }
        }
        visited.sort();
        prop_assert!(visited.iter().eq(pair.model.keys()));
    }

    #[test]
    fn both_ways_to_compare_tags_agree(tags in prop::array::uniform8(0u32..1 << 18), of in 0usize..8) {
        let mut bucket = Bucket([Word::EMPTY; BUCKET_WORDS]);
        for (index, tag) in tags.into_iter().enumerate().skip(of) {
            let address = std::ptr::without_provenance_mut(0xffff_ffff_fff8);
            bucket.0[index] = Word::new(address, tag % 2 == 0).with_tag(tag & !3);
        }
        for tag in tags.map(|tag| tag & !3).into_iter().chain([0, (1 << 18) - 1]) {
            prop_assert_eq!(bucket.matches(tag), bucket.matches_portable(tag));
        }
    }
}

/// The step without what would remove a stable key; `None` if nothing is left.
fn avoiding(step: Step, stable: u16) -> Option<Step> {
    match step {
        Step::Remove(number) => (number >= stable).then_some(Step::Remove(number)),
        Step::RemoveMany(first, count) => {
            let begin = first.max(stable);
            (begin < first + count).then(|| Step::RemoveMany(begin, first + count - begin))
        }
        Step::Clear => None,
        // Expiries of stable keys are fixed, so that `scan_volatile` has to visit them.
        Step::Set(number, value, expire_at) => {
            (number >= stable).then_some(Step::Set(number, value, expire_at))
        }
        Step::Expire(number, expire_at) => {
            (number >= stable).then_some(Step::Expire(number, expire_at))
        }
        Step::InsertMany(first, count) => {
            let begin = first.max(stable);
            (begin < first + count).then(|| Step::InsertMany(begin, first + count - begin))
        }
        Step::SetValue(..) | Step::Append(..) => Some(step),
    }
}

#[test]
fn growth_is_by_a_sixth_and_a_fit_leaves_room() {
    let mut buckets = 1;
    while buckets < 4_000 {
        let next = grown(buckets);
        assert!(next > buckets && next <= buckets + (buckets / 6).max(1), "{buckets}");
        buckets = next;
    }
    for len in 0..20_000 {
        let buckets = fitting(len);
        assert!(capacity(buckets) > len && (len < 50 || buckets * 5 <= len), "{len}: {buckets}");
    }
}

#[test]
fn equal_hashes_cost_time_but_no_directory() {
    let count = if cfg!(miri) { 50 } else { 5_000 };
    for hashes in [Hashes::AllEqual, Hashes::TagsEqual] {
        let mut pair = Pair::new(hashes);
        for number in 0..count {
            pair.set(&key(number), ModelValue::Object(2), Some(1));
        }
        pair.check();
        assert!(pair.table.descriptor_count() <= pair.table.len() / 4);
        let mut visited = 0;
        assert_eq!(pair.table.scan(0, &mut |_| visited += 1) == 0, visited == count);
        for number in 0..count {
            pair.remove(&key(number));
        }
        pair.check();
    }
}

#[test]
fn no_record_is_probable_where_a_bucket_has_room() {
    let mut pair = Pair::new(Hashes::Good);
    assert!((0..64).all(|bit| pair.table.probable(1 << bit).is_none()));
    pair.apply(Step::InsertMany(0, 20));
    // An empty word seems to have tag 0, which a hash has as often as any other.
    for bit in 0..64 {
        if let Some(record) = pair.table.probable(1 << bit) {
            assert!(pair.model.contains_key(record.key()));
        }
    }
    assert!(pair.table.probable(0).is_none_or(|record| pair.model.contains_key(record.key())));
}

#[test]
fn sample_is_almost_uniform_and_never_misses_in_a_table_that_is_not_empty() {
    let count: u16 = if cfg!(miri) { 20 } else { 900 };
    let mut pair = Pair::new(Hashes::Good);
    assert!(pair.table.sample(1).is_none());
    pair.apply(Step::InsertMany(0, count));
    let draws = u64::from(count) * 200;
    let mut seen = BTreeMap::<Vec<u8>, u32>::new();
    for draw in 0..draws {
        let record = pair.table.sample(mixed(draw)).expect("not empty");
        *seen.entry(record.key().to_vec()).or_default() += 1;
    }
    assert_eq!(seen.len(), usize::from(count));
    // 200 expected, with a deviation of 14: five of them, and what the share's rounding adds.
    assert!(seen.values().all(|&times| (110..300).contains(&times)), "{:?}", seen.values());
    // One record in a directory full of empty segments is still found.
    for number in 1..count {
        pair.remove(&key(number));
        assert!(pair.table.sample(u64::from(number)).is_some());
    }
}

#[test]
fn panic_in_a_hasher_leaves_the_table_whole() {
    struct Failing(Cell<u32>);
    impl KeyHasher for Failing {
        fn hash(&self, key: &[u8]) -> u64 {
            assert!(self.0.get() > 0, "the hasher fails");
            self.0.set(self.0.get() - 1);
            Hashes::Good.hash(key)
        }
    }
    let mut pair = Pair::new(Hashes::Good);
    pair.apply(Step::InsertMany(0, 28));
    assert_eq!(pair.table.root.depth(), 0);
    let key = key(28);
    let record = Record::new(&key, NewValue::Integer(0), None, 5);
    let failing = Failing(Cell::new(10));
    let insert = std::panic::AssertUnwindSafe(|| {
        pair.table.insert(&failing, Hashes::Good.hash(&key), record);
    });
    assert!(std::panic::catch_unwind(insert).is_err());
    pair.check();
    pair.apply(Step::InsertMany(28, 1));
    assert!(pair.table.root.depth() > 0);
    pair.check();
}
