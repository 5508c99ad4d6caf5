//! The commands that make a key: what a base is made of that is not RDB (`aof-use-rdb-preamble no`).
//!
//! As Valkey writes them, up to 64 elements a command. Two things are not told by commands: when a consumer was last heard of, and pending entries
//! that the stream no longer holds.

use base::double::push_shortest;
use base::number::{push_i64, push_u64, with_digits};
use collections::Item;
use engine::{KeyRecord, Object, Value};
use std::convert::Infallible;
use values::stream::{Group, StreamId};
use values::{Compact, HashRef, ListRef, SetRef, SortedSetRef, Stream};

/// The most elements of one command.
pub(super) const ELEMENTS_MAX: usize = 64;

/// Appends the command that chooses a database.
pub fn push_select(out: &mut Vec<u8>, database: usize) {
    command(out, &[b"SELECT", database.to_string().as_bytes()]);
}

/// Appends the commands that make the key of a record, in the database that is chosen.
pub fn push_key(out: &mut Vec<u8>, record: &KeyRecord) {
    let key = record.key();
    match record.value() {
        Value::Integer(integer) => {
            with_digits(integer, |digits| command(out, &[b"SET", key, digits]));
        }
        Value::Bytes(bytes) => command(out, &[b"SET", key, bytes]),
        Value::Compact(tag, bytes) => compact(out, key, Compact::of_tag(tag), bytes),
        Value::Object(Object::String(bytes)) => command(out, &[b"SET", key, bytes]),
        Value::Object(Object::List(value)) => list(out, key, value.view()),
        Value::Object(Object::Set(value)) => set(out, key, value.view()),
        Value::Object(Object::SortedSet(value)) => sorted_set(out, key, value.view()),
        Value::Object(Object::Hash(value)) => hash(out, key, value.view()),
        Value::Object(Object::Stream(value)) => {
            let Ok(()) = stream::<Infallible>(out, key, value, &mut |_| Ok(()));
        }
    }
    if let Some(time) = record.expire_at() {
        with_digits(time, |digits| command(out, &[b"PEXPIREAT", key, digits]));
    }
}

fn compact(out: &mut Vec<u8>, key: &[u8], compact: Compact, bytes: &[u8]) {
    let known = match compact {
        Compact::List => ListRef::of_compact(compact, bytes).map(|value| list(out, key, value)),
        Compact::Set | Compact::Intset => {
            SetRef::of_compact(compact, bytes).map(|value| set(out, key, value))
        }
        Compact::SortedSet => {
            SortedSetRef::of_compact(compact, bytes).map(|value| sorted_set(out, key, value))
        }
        Compact::Hash => HashRef::of_compact(compact, bytes).map(|value| hash(out, key, value)),
    };
    known.expect("the type of the bytes is the one that they are read as");
}

fn list(out: &mut Vec<u8>, key: &[u8], list: ListRef<'_>) {
    let mut pushes = Elements::new(out, (b"RPUSH", key), 1, list.len());
    list.visit(0, list.len(), |element| pushes.next().argument(&element.to_vec()));
}

fn set(out: &mut Vec<u8>, key: &[u8], set: SetRef<'_>) {
    let mut adds = Elements::new(out, (b"SADD", key), 1, set.len());
    set.iter().for_each(|member| adds.next().item(member));
}

fn sorted_set(out: &mut Vec<u8>, key: &[u8], set: SortedSetRef<'_>) {
    let mut adds = Elements::new(out, (b"ZADD", key), 2, set.len());
    let mut text = Vec::new();
    set.visit(0..set.len(), false, |member, score| {
        push_score(adds.next(), &mut text, member, score);
    });
}

/// Appends a member of a sorted set with its score; `text` is overwritten.
pub(super) fn push_score(add: &mut Elements<'_>, text: &mut Vec<u8>, member: &[u8], score: f64) {
    text.clear();
    push_shortest(text, score);
    add.argument(text);
    add.argument(member);
}

fn hash(out: &mut Vec<u8>, key: &[u8], hash: HashRef<'_>) {
    let mut sets = Elements::new(out, (b"HMSET", key), 2, hash.len());
    hash.visit(i64::MIN, |field, value| {
        let set = sets.next();
        set.item(field);
        set.item(value);
    });
    if hash.earliest_time().is_none() {
        return;
    }
    hash.visit(i64::MIN, |field, _| {
        field.with_bytes(|field| {
            if let Some(time) = hash.time(field) {
                with_digits(time, |digits| {
                    command(out, &[b"HPEXPIREAT", key, digits, b"FIELDS", b"1", field]);
                });
            }
        });
    });
}

/// Appends the commands that make a stream; `settle` may take what was appended, after each.
pub(super) fn stream<E>(
    out: &mut Vec<u8>,
    key: &[u8],
    stream: &Stream,
    settle: &mut impl FnMut(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let log = stream.log();
    for entry in log.range(StreamId::MIN, StreamId::MAX) {
        let fields = entry.fields.clone().count();
        begin(out, 3 + 2 * fields);
        argument(out, b"XADD");
        argument(out, key);
        argument(out, &id(entry.id));
        for (name, value) in entry.fields {
            argument(out, &name.to_vec());
            argument(out, &value.to_vec());
        }
        settle(out)?;
    }
    if log.is_empty() {
        // A stream may be empty, but no command makes one that is.
        command(out, &[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]);
    }
    let added = log.entries_added().to_string();
    let (last, deleted) = (id(log.last_id()), id(log.max_deleted_id()));
    let added = added.as_bytes();
    command(out, &[b"XSETID", key, &last, b"ENTRIESADDED", added, b"MAXDELETEDID", &deleted]);
    for (name, group) in stream.groups() {
        stream_group(out, (key, name), group, settle)?;
    }
    Ok(())
}

fn stream_group<E>(
    out: &mut Vec<u8>,
    (key, name): (&[u8], &[u8]),
    group: &Group,
    settle: &mut impl FnMut(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let mut read = Vec::new();
    match group.entries_read() {
        Some(entries) => push_u64(&mut read, entries),
        None => push_i64(&mut read, -1),
    }
    let last = id(group.last_id());
    command(out, &[b"XGROUP", b"CREATE", key, name, &last, b"ENTRIESREAD", &read]);
    for consumer in group.consumers() {
        command(out, &[b"XGROUP", b"CREATECONSUMER", key, name, consumer.name()]);
    }
    for (pending_id, pending) in group.pending_range(StreamId::MIN, StreamId::MAX) {
        let consumer = group.consumer(pending.consumer).name();
        let (time, count) = (pending.delivered_at.to_string(), pending.deliveries.to_string());
        let (time, count) = (time.as_bytes(), count.as_bytes());
        let id = id(pending_id);
        let claim: [&[u8]; 12] = [
            b"XCLAIM",
            key,
            name,
            consumer,
            b"0",
            &id,
            b"TIME",
            time,
            b"RETRYCOUNT",
            count,
            b"JUSTID",
            b"FORCE",
        ];
        command(out, &claim);
        settle(out)?;
    }
    Ok(())
}

fn id(id: StreamId) -> Vec<u8> {
    let mut text = Vec::new();
    id.push_to(&mut text);
    text
}

/// A command whose elements go on for as many commands as they need.
pub(super) struct Elements<'a> {
    out: &'a mut Vec<u8>,
    /// The name of the command, and its key.
    head: (&'a [u8], &'a [u8]),
    /// How many arguments an element has.
    arguments: usize,
    /// How many elements are to come, and how many of them in the command that was begun.
    left: usize,
    open: usize,
}

impl<'a> Elements<'a> {
    pub(super) fn new(
        out: &'a mut Vec<u8>,
        head: (&'a [u8], &'a [u8]),
        arguments: usize,
        count: usize,
    ) -> Elements<'a> {
        Elements { out, head, arguments, left: count, open: 0 }
    }

    /// Goes on to the next element, whose arguments follow.
    pub(super) fn next(&mut self) -> &mut Self {
        if self.open == 0 {
            self.open = self.left.min(ELEMENTS_MAX);
            begin(self.out, 2 + self.open * self.arguments);
            argument(self.out, self.head.0);
            argument(self.out, self.head.1);
        }
        self.open -= 1;
        self.left -= 1;
        self
    }

    pub(super) fn argument(&mut self, bytes: &[u8]) {
        argument(self.out, bytes);
    }

    pub(super) fn item(&mut self, item: Item<'_>) {
        item.with_bytes(|bytes| argument(self.out, bytes));
    }
}

pub(super) fn command(out: &mut Vec<u8>, words: &[&[u8]]) {
    begin(out, words.len());
    words.iter().for_each(|word| argument(out, word));
}

fn begin(out: &mut Vec<u8>, arguments: usize) {
    out.push(b'*');
    push_u64(out, arguments as u64);
    out.extend_from_slice(b"\r\n");
}

fn argument(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'$');
    push_u64(out, bytes.len() as u64);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}
