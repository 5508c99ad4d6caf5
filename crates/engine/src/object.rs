//! What a key may hold beyond what fits into its record.

use crate::access::object_bytes;
use crate::typed::ValueType;
use base::number::parse_i64;
use collections::{Held, NewValue, Record, Value};
use values::{Compact, Encoding, Hash, List, Set, SortedSet, Stream};

/// Strings up to this length stand in the record itself; longer ones, and those that commands append to, have an
/// allocation of their own.
pub const EMBEDDED_BYTES_MAX: usize = 1024;

/// Small values of other types up to this length stand in the record, too. A change copies them twice, which costs less than the allocation of
/// their own that it saves.
pub const COMPACT_BYTES_MAX: usize = 512;

/// The largest allocation of key and string together that `OBJECT ENCODING` calls `embstr`: two cache lines, as in Valkey 9.
const EMBSTR_ALLOCATION_BYTES_MAX: usize = 128;

/// A key, its value, its expiry and its access clock.
pub type KeyRecord = Record<Object>;

/// A value with an allocation of its own. A clone shares most of what is large until either is changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A string that is long, or that commands modify in place.
    String(Held<Vec<u8>>),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    SortedSet(SortedSet),
    /// A hash.
    Hash(Hash),
    /// A stream.
    Stream(Stream),
}

impl Object {
    /// The bytes of memory that the object owns, itself included. Takes the same time whatever its size.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Object>()
            + match self {
                Object::String(bytes) => bytes.capacity(),
                Object::List(list) => list.heap_bytes(),
                Object::Set(set) => set.heap_bytes(),
                Object::SortedSet(set) => set.heap_bytes(),
                Object::Hash(hash) => hash.heap_bytes(),
                Object::Stream(stream) => stream.heap_bytes(),
            }
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Object::String(_) => Kind::String,
            Object::List(_) => Kind::List,
            Object::Set(_) => Kind::Set,
            Object::SortedSet(_) => Kind::SortedSet,
            Object::Hash(_) => Kind::Hash,
            Object::Stream(_) => Kind::Stream,
        }
    }

    /// Asks the processor to bring in what the look-up of a member reads at its `step`-th access to memory beyond the object, from 0 on; `hash` is the
    /// member's [`Keyspace::hash_member`](crate::Keyspace::hash_member). Whether another step follows.
    #[inline]
    pub(crate) fn prefetch_member(&self, hash: u64, step: usize) -> bool {
        match self {
            Object::Set(set) => set.prefetch(hash, step),
            Object::SortedSet(set) => set.prefetch(hash, step),
            Object::Hash(map) => map.prefetch(hash, step),
            Object::String(_) | Object::List(_) | Object::Stream(_) => false,
        }
    }

    fn encoding(&self) -> Encoding {
        match self {
            Object::String(_) => Encoding::Raw,
            Object::List(list) => list.view().encoding(),
            Object::Set(set) => set.view().encoding(),
            Object::SortedSet(set) => set.view().encoding(),
            Object::Hash(hash) => hash.view().encoding(),
            Object::Stream(stream) => stream.encoding(),
        }
    }

    /// About how many allocations are freed when it is dropped.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match self {
            Object::String(_) => 1,
            Object::List(list) => list.free_effort(),
            Object::Set(set) => set.free_effort(),
            Object::SortedSet(set) => set.free_effort(),
            Object::Hash(hash) => hash.free_effort(),
            Object::Stream(stream) => stream.free_effort(),
        }
    }
}

/// A string as it is stored: as an integer where it is the canonical form of one, else beside its key where short, else in an
/// allocation of its own.
#[inline]
#[must_use]
pub fn new_string(value: &[u8]) -> NewValue<'_, Object> {
    match parse_i64(value) {
        Some(integer) => NewValue::Integer(integer),
        None => new_bytes(value),
    }
}

/// The same for a string that is not stored as an integer even where it could be (INCRBYFLOAT's result).
#[inline]
#[must_use]
pub fn new_bytes(value: &[u8]) -> NewValue<'_, Object> {
    if value.len() <= EMBEDDED_BYTES_MAX {
        NewValue::Bytes(value)
    } else {
        NewValue::Object(Box::new(Object::String(value.to_vec().into())))
    }
}

/// Stores a value as small ones and large ones are.
pub(crate) fn new_value<T: ValueType, R>(
    value: T,
    store: impl FnOnce(NewValue<'_, Object>) -> R,
) -> R {
    match value.compact().filter(|(_, bytes)| bytes.len() <= COMPACT_BYTES_MAX) {
        Some((compact, bytes)) => store(NewValue::Compact(compact.tag(), bytes)),
        None => store(NewValue::Object(Box::new(value.into_object()))),
    }
}

/// The types of values as `TYPE` names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A string: `int`, `embstr` or `raw`.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    SortedSet,
    /// A hash.
    Hash,
    /// A stream.
    Stream,
}

impl Kind {
    /// The name that `TYPE` gives and `SCAN ... TYPE` takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::List => "list",
            Kind::Set => "set",
            Kind::SortedSet => "zset",
            Kind::Hash => "hash",
            Kind::Stream => "stream",
        }
    }
}

/// What the table keeps of a key beside its record, in bytes: a word.
const WORD_BYTES: usize = 8;

/// The bytes of memory that a key takes: its record, its word in the table, and what its value owns beyond them.
#[must_use]
pub fn memory_bytes(record: &KeyRecord) -> usize {
    record.memory_bytes() + WORD_BYTES + object_bytes(record)
}

/// The type of a record's value.
#[must_use]
pub fn kind(record: &KeyRecord) -> Kind {
    match record.value() {
        Value::Integer(_) | Value::Bytes(_) => Kind::String,
        Value::Compact(tag, _) => match Compact::of_tag(tag) {
            Compact::List => Kind::List,
            Compact::Intset | Compact::Set => Kind::Set,
            Compact::SortedSet => Kind::SortedSet,
            Compact::Hash => Kind::Hash,
        },
        Value::Object(object) => object.kind(),
    }
}

/// The encoding of a record's value.
#[must_use]
pub fn encoding(record: &KeyRecord) -> Encoding {
    match record.value() {
        Value::Integer(_) => Encoding::Int,
        Value::Bytes(bytes) if is_embstr(record, bytes.len()) => Encoding::Embstr,
        Value::Bytes(_) => Encoding::Raw,
        Value::Compact(tag, _) if Compact::of_tag(tag) == Compact::Intset => Encoding::Intset,
        Value::Compact(..) => Encoding::Listpack,
        Value::Object(object) => object.encoding(),
    }
}

/// Whether Valkey 9 keeps a string of this length in the allocation of its key: where both fit [`EMBSTR_ALLOCATION_BYTES_MAX`]
/// with all that they need. Valkey decides this as it stores the value, and counts eight bytes more where the key that is
/// overwritten has an expiry; that history is not kept here.
fn is_embstr(record: &KeyRecord, value_bytes: usize) -> bool {
    /// Type, encoding and reference count; the length of the key's header.
    const OBJECT_BYTES: usize = 8 + 1;
    /// A header of length, capacity and flags, and a zero behind the bytes.
    const STRING_BYTES: usize = 3 + 1;
    /// The same with a length of five bits in the flags.
    const SHORT_STRING_BYTES: usize = 1 + 1;
    const SHORT_STRING_MAX: usize = 31;
    let key = record.key().len();
    let key = key + if key <= SHORT_STRING_MAX { SHORT_STRING_BYTES } else { STRING_BYTES };
    OBJECT_BYTES + key + STRING_BYTES + value_bytes <= EMBSTR_ALLOCATION_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding_of(key_bytes: usize, value_bytes: usize, expire_at: Option<i64>) -> &'static str {
        let (key, value) = (vec![b'k'; key_bytes], vec![b'v'; value_bytes]);
        encoding(&Record::new(&key, new_string(&value), expire_at, 0)).name()
    }

    /// Asked of Valkey 9.1.2: length of the key, and of the shortest value that is `raw`.
    #[test]
    fn a_string_is_embstr_while_it_fits_the_allocation_of_its_key() {
        for (key, first_raw) in [(1, 113), (10, 104), (31, 83), (32, 80), (40, 72), (100, 12)] {
            assert_eq!(encoding_of(key, first_raw - 1, None), "embstr", "key of {key}");
            assert_eq!(encoding_of(key, first_raw, None), "raw", "key of {key}");
            assert_eq!(encoding_of(key, first_raw - 1, Some(1)), "embstr", "key of {key}");
        }
        assert_eq!(encoding_of(114, 0, None), "raw");
    }

    #[test]
    fn only_canonical_integers_are_stored_as_int() {
        let key = b"k";
        for (text, name) in [("12", "int"), ("012", "embstr"), ("1.5", "embstr"), ("-1", "int")] {
            let value = new_string(text.as_bytes());
            assert_eq!(encoding(&Record::new(key, value, None, 0)).name(), name, "{text}");
        }
        assert_eq!(encoding(&Record::new(key, new_bytes(b"12"), None, 0)).name(), "embstr");
    }
}
