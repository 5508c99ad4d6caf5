//! How a value is written: under which type, and what of it.

use super::Version;
use super::encode::Encoder;
use super::format::{NODE_PACKED, NODE_PLAIN, kind};
use collections::{Item, Listpack, ListpackSlice};
use engine::{KeyRecord, Object, Value};
use std::io::{self, Write};
use values::stream::{Group, StreamId};
use values::{Compact, Hash, HashRef, List, ListRef, SetRef, SortedSetRef, Stream};

/// Listpacks up to this length hold no item that is of a disputed size.
const UNDISPUTED_BYTES_MAX: usize = 0x3fff;

/// Nodes of lists with one element are written as that element from this length on.
const PLAIN_NODE_BYTES: usize = 4096;

/// What is written for a number that is not known.
const UNKNOWN: u64 = u64::MAX;

/// How a value is written.
pub(super) enum Form<'a> {
    Integer(i64),
    String(&'a [u8]),
    /// The bytes of a small value under this type.
    Bytes(u8, &'a [u8]),
    /// Nodes.
    List(ListRef<'a>),
    /// Elements, for those that know no such nodes.
    ListElements(ListRef<'a>),
    Set(SetRef<'a>),
    SortedSet(SortedSetRef<'a>),
    Hash(HashRef<'a>),
    /// Fields with the times at which they expire.
    HashTimes(HashRef<'a>, FieldTimes),
    Stream(&'a Stream, Version),
}

impl<'a> Form<'a> {
    /// How the value of a record is written.
    ///
    /// # Errors
    ///
    /// Where the version cannot carry it: the times of fields.
    pub(super) fn of(record: &'a KeyRecord, version: Version) -> io::Result<Form<'a>> {
        Ok(match record.value() {
            Value::Integer(integer) => Form::Integer(integer),
            Value::Bytes(bytes) => Form::String(bytes),
            Value::Compact(tag, bytes) => Form::of_compact(Compact::of_tag(tag), bytes, version),
            Value::Object(Object::String(bytes)) => Form::String(bytes),
            Value::Object(Object::List(list)) => Form::of_list(list, version),
            Value::Object(Object::Set(set)) => match set.compact() {
                Some((compact, bytes)) => Form::of_compact(compact, bytes, version),
                None => Form::Set(set.view()),
            },
            Value::Object(Object::SortedSet(set)) => match set.compact() {
                Some((compact, bytes)) => Form::of_compact(compact, bytes, version),
                None => Form::SortedSet(set.view()),
            },
            Value::Object(Object::Hash(hash)) => return Form::of_hash(hash, version),
            Value::Object(Object::Stream(stream)) => Form::Stream(stream, version),
        })
    }

    fn of_compact(compact: Compact, bytes: &'a [u8], version: Version) -> Form<'a> {
        let is_carried = match compact {
            Compact::Intset => return Form::Bytes(kind::SET_INTSET, bytes),
            Compact::Set => version.has(11),
            Compact::List | Compact::SortedSet | Compact::Hash => version.has(10),
        };
        let is_blob = is_carried && !is_disputed(ListpackSlice::of(bytes));
        let form = match compact {
            Compact::List if is_blob => ListRef::of_compact(compact, bytes).map(Form::List),
            Compact::List => ListRef::of_compact(compact, bytes).map(Form::ListElements),
            Compact::Set if is_blob => Some(Form::Bytes(kind::SET_LISTPACK, bytes)),
            Compact::SortedSet if is_blob => Some(Form::Bytes(kind::SORTED_SET_LISTPACK, bytes)),
            Compact::Hash if is_blob => Some(Form::Bytes(kind::HASH_LISTPACK, bytes)),
            Compact::Set | Compact::Intset => SetRef::of_compact(compact, bytes).map(Form::Set),
            Compact::SortedSet => SortedSetRef::of_compact(compact, bytes).map(Form::SortedSet),
            Compact::Hash => HashRef::of_compact(compact, bytes).map(Form::Hash),
        };
        form.expect("the type of the bytes is the one that they are read as")
    }

    fn of_list(list: &'a List, version: Version) -> Form<'a> {
        let list = list.view();
        // An element that has a node for itself is written without one.
        let is_disputed = |node: &ListpackSlice| is_disputed(node) && node.len() > 1;
        if version.has(10) && !list.nodes(UNDISPUTED_BYTES_MAX).any(|node| is_disputed(&node)) {
            Form::List(list)
        } else {
            Form::ListElements(list)
        }
    }

    fn of_hash(hash: &'a Hash, version: Version) -> io::Result<Form<'a>> {
        if let Some((compact, bytes)) = hash.compact() {
            return Ok(Form::of_compact(compact, bytes, version));
        }
        let hash = hash.view();
        Ok(match hash.earliest_time() {
            None => Form::Hash(hash),
            Some(first) => Form::HashTimes(hash, FieldTimes::of(version, first)?),
        })
    }

    /// The byte that tells how the value is to be read.
    pub(super) fn kind(&self) -> u8 {
        match self {
            Form::Integer(_) | Form::String(_) => kind::STRING,
            Form::Bytes(kind, _) => *kind,
            Form::List(_) => kind::LIST_NODES,
            Form::ListElements(_) => kind::LIST,
            Form::Set(_) => kind::SET,
            Form::SortedSet(_) => kind::SORTED_SET,
            Form::Hash(_) => kind::HASH,
            Form::HashTimes(_, times) => times.kind(),
            Form::Stream(_, version) if version.has(11) => kind::STREAM_3,
            Form::Stream(_, version) if version.has(10) => kind::STREAM_2,
            Form::Stream(..) => kind::STREAM,
        }
    }

    /// Writes the value.
    pub(super) fn write<W: Write>(&self, encoder: &mut Encoder<W>) {
        match *self {
            Form::Integer(integer) => encoder.integer(integer),
            Form::String(bytes) | Form::Bytes(_, bytes) => encoder.string(bytes),
            Form::List(list) => {
                encoder.length(list.node_count() as u64);
                for node in list.nodes(0) {
                    if !encoder.goes_on() {
                        return;
                    }
                    encoder.list_node(&node);
                }
            }
            Form::ListElements(list) => {
                encoder.length(list.len() as u64);
                for element in list.iter_from(0) {
                    if !encoder.goes_on() {
                        return;
                    }
                    encoder.string(&element.to_vec());
                }
            }
            Form::Set(set) => {
                encoder.length(set.len() as u64);
                set.iter().for_each(|member| encoder.item(member));
            }
            Form::SortedSet(set) => {
                encoder.length(set.len() as u64);
                // From the last on, for those that build a list from its head.
                set.visit(0..set.len(), true, |member, score| encoder.scored(member, score));
            }
            Form::Hash(hash) => {
                encoder.length(hash.len() as u64);
                hash.visit(i64::MIN, |field, value| {
                    encoder.item(field);
                    encoder.item(value);
                });
            }
            Form::HashTimes(hash, times) => {
                times.begin(encoder);
                encoder.length(hash.len() as u64);
                hash.visit(i64::MIN, |field, value| {
                    let time = field.with_bytes(|field| hash.time(field));
                    times.field(encoder, field, value, time);
                });
            }
            Form::Stream(stream, version) => encoder.stream(stream, version),
        }
    }
}

/// How the times at which fields of a hash expire are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FieldTimes {
    /// In the way of Valkey: behind each value the time, or -1.
    Times,
    /// In the way of Redis: the first time, and before each field how far behind it its own is.
    Distances(i64),
}

impl FieldTimes {
    /// How a version tells them; the first of them is known.
    ///
    /// # Errors
    ///
    /// Where it cannot.
    pub(crate) fn of(version: Version, first: i64) -> io::Result<FieldTimes> {
        match version {
            Version::Valkey(_) => Ok(FieldTimes::Times),
            Version::Redis(12..) => Ok(FieldTimes::Distances(first)),
            Version::Redis(_) => {
                let text = format!("{version} cannot carry fields of hashes that expire");
                Err(io::Error::new(io::ErrorKind::Unsupported, text))
            }
        }
    }

    pub(super) fn kind(self) -> u8 {
        match self {
            FieldTimes::Times => kind::HASH_TIMES_VALKEY,
            FieldTimes::Distances(_) => kind::HASH_TIMES,
        }
    }

    /// What stands before the number of fields.
    pub(super) fn begin<W: Write>(self, encoder: &mut Encoder<W>) {
        if let FieldTimes::Distances(first) = self {
            encoder.time(first);
        }
    }

    /// A field with its value.
    pub(crate) fn field<W: Write>(
        self,
        encoder: &mut Encoder<W>,
        field: Item<'_>,
        value: Item<'_>,
        time: Option<i64>,
    ) {
        if let FieldTimes::Distances(first) = self {
            // Zero is none, so the first time is one.
            encoder.length(time.map_or(0, |time| (time - first) as u64 + 1));
        }
        encoder.item(field);
        encoder.item(value);
        if self == FieldTimes::Times {
            encoder.time(time.unwrap_or(-1));
        }
    }
}

/// Whether other servers could not read a listpack, for one of its items is of a size of which they make another entry.
fn is_disputed(pack: &ListpackSlice) -> bool {
    pack.bytes().len() >= UNDISPUTED_BYTES_MAX && pack.iter().any(Listpack::is_disputed)
}

/// The parts of values.
impl<W: Write> Encoder<W> {
    /// An item of a collection.
    #[inline]
    pub fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Integer(integer) => self.integer(integer),
            Item::Bytes(bytes) => self.string(bytes),
        }
    }

    /// A member of a sorted set.
    pub fn scored(&mut self, member: &[u8], score: f64) {
        self.string(member);
        self.double(score);
    }

    /// A node of a list.
    pub fn list_node(&mut self, node: &ListpackSlice) {
        if node.bytes().len() >= PLAIN_NODE_BYTES
            && node.len() == 1
            && let Some(Item::Bytes(element)) = node.iter().next()
        {
            self.length(NODE_PLAIN);
            self.string(element);
        } else {
            self.length(NODE_PACKED);
            self.string(node.bytes());
        }
    }

    fn stream(&mut self, stream: &Stream, version: Version) {
        let log = stream.log();
        self.length(log.node_count() as u64);
        for (id, node) in log.node_listpacks() {
            if !self.goes_on() {
                return;
            }
            self.length(16);
            self.stream_id(id);
            self.string(node.bytes());
        }
        self.length(log.len());
        self.stream_id_lengths(log.last_id());
        if version.has(10) {
            self.stream_id_lengths(log.first_id());
            self.stream_id_lengths(log.max_deleted_id());
            self.length(log.entries_added());
        }
        self.length(stream.group_count() as u64);
        for (name, group) in stream.groups() {
            self.string(name);
            self.stream_group(group, version);
        }
    }

    fn stream_group(&mut self, group: &Group, version: Version) {
        self.stream_id_lengths(group.last_id());
        if version.has(10) {
            self.length(group.entries_read().unwrap_or(UNKNOWN));
        }
        self.length(group.pending_len() as u64);
        for (id, pending) in group.pending_range(StreamId::MIN, StreamId::MAX) {
            if !self.goes_on() {
                return;
            }
            self.stream_id(id);
            self.time(pending.delivered_at);
            self.length(pending.deliveries);
        }
        self.length(group.consumers().len() as u64);
        for consumer in group.consumers() {
            self.string(consumer.name());
            self.time(consumer.seen_at);
            if version.has(11) {
                self.time(consumer.active_at.unwrap_or(-1));
            }
            self.length(consumer.pending_len() as u64);
            consumer.pending_ids().for_each(|id| self.stream_id(id));
        }
    }

    fn stream_id(&mut self, id: StreamId) {
        self.bytes(&id.ms.to_be_bytes());
        self.bytes(&id.seq.to_be_bytes());
    }

    fn stream_id_lengths(&mut self, id: StreamId) {
        self.length(id.ms);
        self.length(id.seq);
    }
}
