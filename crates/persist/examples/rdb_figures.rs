//! How fast files are written and read: `cargo run --release -p redstart-persist --example rdb_figures`.

use engine::{KeyRecord, NewValue, Object, Record};
use persist::rdb::{Event, Options, Reader, Writer};
use std::io::{self, Write};
use std::time::Instant;
use values::{Compact, End, FieldExpiry, Hash, Item, List, Listpack, Rules, Set, SortedSet};

const STRINGS: usize = 2_000_000;
const HASHES: usize = 200_000;
const MEMBERS: usize = 1_000_000;

/// Takes all and keeps nothing.
struct Nowhere(u64);

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Text by chance of a length, as values are in benchmarks.
fn text(seed: usize, length: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'a' + (state >> 59) as u8 % 26
    };
    (0..length).map(|_| next()).collect()
}

fn string(number: usize) -> KeyRecord {
    let value = text(number, 32);
    Record::new(format!("key:{number:012}").as_bytes(), NewValue::Bytes(&value), None, 0)
}

fn hash(number: usize) -> KeyRecord {
    let mut pack = Listpack::new();
    for field in 0..10 {
        pack.push_back(format!("field:{field}").as_bytes());
        pack.push_back(&text(number * 10 + field, 16));
    }
    let value = NewValue::Compact(Compact::Hash.tag(), pack.bytes());
    Record::new(format!("hash:{number:011}").as_bytes(), value, None, 0)
}

fn write<W: Write>(records: &[KeyRecord], compress: bool, sink: W) -> io::Result<W> {
    let mut writer = Writer::new(sink, Options { compress, ..Options::default() });
    writer.select(0)?;
    for record in records {
        writer.record(record, None)?;
    }
    writer.finish()
}

fn figures(name: &str, records: &[KeyRecord]) -> io::Result<()> {
    for compress in [false, true] {
        let begin = Instant::now();
        let bytes = write(records, compress, Nowhere(0))?.0;
        let wrote = begin.elapsed();
        let file = write(records, compress, Vec::new())?;
        let begin = Instant::now();
        let mut reader = Reader::new(&file[..], Rules::DEFAULT, true).map_err(io::Error::other)?;
        let mut keys = 0;
        while let Some(event) = reader.next().map_err(io::Error::other)? {
            keys += usize::from(matches!(event, Event::Key(_)));
        }
        let read = begin.elapsed();
        let how = if compress { "compressed" } else { "plain" };
        writeln!(
            io::stdout(),
            "{name}, {how}: {keys} keys, {bytes} bytes, written in {wrote:.3?}, read in {read:.3?}"
        )?;
    }
    Ok(())
}

/// One key with a million elements of each type.
fn large() -> Vec<(&'static str, KeyRecord)> {
    let rules = Rules::DEFAULT;
    let member = |number: usize| format!("member:{number:09}").into_bytes();
    let mut list = List::new();
    let mut set = Set::new();
    let mut sorted_set = SortedSet::new();
    let mut hash = Hash::new();
    set.expect(&rules, b"a", MEMBERS);
    hash.outgrow(MEMBERS, &rules);
    for number in 0..MEMBERS {
        let member = member(number);
        list.push_all(End::Right, std::iter::once(&member[..]), &rules);
        set.add(&rules, Item::Bytes(&member));
        sorted_set.insert(&member, (number * 7919 % MEMBERS) as f64, &rules);
        hash.set(&member, &text(number, 16), (FieldExpiry::Clear, i64::MIN), &rules);
    }
    [
        ("a list", Object::List(list)),
        ("a set", Object::Set(set)),
        ("a sorted set", Object::SortedSet(sorted_set)),
        ("a hash", Object::Hash(hash)),
    ]
    .map(|(name, object)| (name, Record::new(b"k", NewValue::Object(Box::new(object)), None, 0)))
    .into()
}

fn main() -> io::Result<()> {
    for (name, record) in large() {
        figures(name, &[record])?;
    }
    figures("strings of 16 + 32", &(0..STRINGS).map(string).collect::<Vec<_>>())?;
    figures("hashes of 10 fields", &(0..HASHES).map(hash).collect::<Vec<_>>())
}
