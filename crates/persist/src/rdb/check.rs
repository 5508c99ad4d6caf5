//! Going over a file: what it holds, and where it is damaged.

use super::Version;
use super::error::LoadError;
use super::format::kind_name;
use super::reader::{Doing, Event, Key, Reader};
use collections::{IntsetSlice, ListpackSlice, NewValue};
use engine::{Kind, Object};
use std::io::Read;
use values::{Compact, Rules};

/// So many of the biggest keys are told.
const BIGGEST_MAX: usize = 10;

/// All types, in the order in which they are told.
const KINDS: [Kind; 6] =
    [Kind::String, Kind::List, Kind::Set, Kind::SortedSet, Kind::Hash, Kind::Stream];

/// What a file holds.
#[derive(Debug, Default)]
pub struct Summary {
    /// The version, once it was read.
    pub version: Option<Version>,
    /// How many bytes were read.
    pub bytes: u64,
    /// How many databases have keys.
    pub databases: u64,
    /// Keys that expire.
    pub expires: u64,
    /// Those of them whose time has come.
    pub expired: u64,
    /// Libraries of functions.
    pub functions: u64,
    /// Keys whose values have no elements, which are not loaded.
    pub empty_keys: u64,
    /// Keys by the type of their value.
    pub kinds: [OfKind; KINDS.len()],
    /// The keys that take the most bytes of the file, the biggest first.
    pub biggest: Vec<Biggest>,
    /// Whether the file has a checksum: the right one, as no other passes.
    pub has_checksum: bool,
}

/// What the keys of one type come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OfKind {
    /// How many keys.
    pub keys: u64,
    /// How many elements they have; a string is one.
    pub elements: u64,
    /// How many bytes of the file.
    pub bytes: u64,
}

/// A key among those that take the most bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Biggest {
    /// Its name.
    pub name: Vec<u8>,
    /// The number of its database.
    pub database: u64,
    /// The type of its value.
    pub kind: Kind,
    /// How many elements it has.
    pub elements: u64,
    /// How many bytes of the file.
    pub bytes: u64,
}

/// What is wrong with a file.
#[derive(Debug)]
pub struct Failure {
    /// Where, and what.
    pub error: LoadError,
    /// What was read.
    pub doing: Doing,
    /// The key that was read.
    pub key: Option<Vec<u8>>,
}

impl Failure {
    /// The type that was read: its number, and what tools call it.
    #[must_use]
    pub fn kind(&self) -> Option<(u8, &'static str)> {
        match self.doing {
            Doing::Key(kind) | Doing::Value(kind) => Some((kind, kind_name(kind))),
            Doing::Start | Doing::Type | Doing::KeyInfo | Doing::Other | Doing::Checksum => None,
        }
    }
}

impl Summary {
    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.keys).sum()
    }

    /// The types with what their keys come to.
    pub fn by_kind(&self) -> impl Iterator<Item = (Kind, OfKind)> {
        KINDS.into_iter().zip(self.kinds)
    }

    fn add(&mut self, key: &Key<'_>, (database, bytes, now): (u64, u64, i64)) {
        let (kind, elements) = extent(&key.value);
        if let Some(at) = key.expire_at {
            self.expires += 1;
            self.expired += u64::from(at < now);
        }
        if let Some(place) = KINDS.iter().position(|one| *one == kind) {
            let sum = &mut self.kinds[place];
            sum.keys += 1;
            sum.elements += elements;
            sum.bytes += bytes;
        }
        let rank = self.biggest.partition_point(|one| one.bytes >= bytes);
        if rank < BIGGEST_MAX {
            let name = key.name.to_vec();
            self.biggest.insert(rank, Biggest { name, database, kind, elements, bytes });
            self.biggest.truncate(BIGGEST_MAX);
        }
    }
}

/// Type and number of elements of a value.
fn extent(value: &NewValue<'_, Object>) -> (Kind, u64) {
    let (kind, elements) = match value {
        NewValue::Integer(_) | NewValue::Bytes(_) => (Kind::String, 1),
        NewValue::Compact(tag, bytes) => match Compact::of_tag(*tag) {
            Compact::List => (Kind::List, ListpackSlice::of(bytes).len()),
            Compact::Set => (Kind::Set, ListpackSlice::of(bytes).len()),
            Compact::Intset => (Kind::Set, IntsetSlice::of(bytes).len()),
            Compact::SortedSet => (Kind::SortedSet, ListpackSlice::of(bytes).len() / 2),
            Compact::Hash => (Kind::Hash, ListpackSlice::of(bytes).len() / 2),
        },
        NewValue::Object(object) => (
            object.kind(),
            match &**object {
                Object::String(_) => 1,
                Object::List(list) => list.len(),
                Object::Set(set) => set.len(),
                Object::SortedSet(set) => set.len(),
                Object::Hash(hash) => hash.view().len(),
                Object::Stream(stream) => stream.len(),
            },
        ),
    };
    (kind, elements as u64)
}

/// Goes over a file. `tell` hears of everything in it and of how many bytes have been read. `now` is in milliseconds since 1970-01-01 UTC. What was
/// found before something went wrong is told in any case.
pub fn check<R: Read>(
    input: R,
    rules: Rules,
    now: i64,
    mut tell: impl FnMut(u64, &Event<'_>),
) -> (Summary, Option<Failure>) {
    let mut summary = Summary::default();
    let mut reader = match Reader::new(input, rules, true) {
        Ok(reader) => reader,
        Err(error) => {
            summary.bytes = error.offset;
            return (summary, Some(Failure { error, doing: Doing::Start, key: None }));
        }
    };
    summary.version = Some(reader.version());
    let error = go_over(&mut reader, &mut summary, now, &mut tell).err();
    summary.bytes = reader.offset();
    summary.has_checksum = reader.checksum().is_some_and(|checksum| checksum != 0);
    let failure = error.map(|error| {
        let doing = reader.doing();
        let key = matches!(doing, Doing::Value(_)).then(|| reader.name().to_vec());
        Failure { error, doing, key }
    });
    (summary, failure)
}

fn go_over<R: Read>(
    reader: &mut Reader<R>,
    summary: &mut Summary,
    now: i64,
    tell: &mut impl FnMut(u64, &Event<'_>),
) -> Result<(), LoadError> {
    let (mut database, mut begin) = (0, reader.offset());
    while let Some((event, end)) = reader.next_with_end()? {
        match &event {
            Event::Select(number) => {
                database = *number;
                summary.databases += 1;
            }
            Event::Function(_) => summary.functions += 1,
            Event::Key(key) => summary.add(key, (database, end - begin, now)),
            Event::EmptyKey(_) => summary.empty_keys += 1,
            Event::Aux(..) | Event::Resize { .. } | Event::Slot { .. } => {}
        }
        tell(end, &event);
        begin = end;
    }
    Ok(())
}
