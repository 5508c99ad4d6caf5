//! What a key may hold beyond what fits into its record.

use crate::access::object_bytes;
use base::number::parse_i64;
use collections::{NewValue, Record, Value};

/// Strings up to this length stand in the record itself; longer ones, and those that commands append to, have an
/// allocation of their own.
pub const EMBEDDED_BYTES_MAX: usize = 1024;

/// The largest allocation of key and string together that `OBJECT ENCODING` calls `embstr`: two cache lines, as in Valkey 9.
const EMBSTR_ALLOCATION_BYTES_MAX: usize = 128;

/// A key, its value, its expiry and its access clock.
pub type KeyRecord = Record<Object>;

/// A value with an allocation of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A string that is long, or that commands modify in place.
    String(Vec<u8>),
}

impl Object {
    /// The bytes of memory that the object owns, itself included.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Object>()
            + match self {
                Object::String(bytes) => bytes.capacity(),
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
        NewValue::Object(Box::new(Object::String(value.to_vec())))
    }
}

/// The types of values as `TYPE` names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A string: `int`, `embstr` or `raw`.
    String,
}

impl Kind {
    /// The name that `TYPE` gives and `SCAN ... TYPE` takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
        }
    }
}

/// How a value is laid out, as `OBJECT ENCODING` tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// An integer of 64 bits.
    Int,
    /// A short string beside its key.
    Embstr,
    /// Any other string.
    Raw,
}

impl Encoding {
    /// The name that `OBJECT ENCODING` gives.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Int => "int",
            Encoding::Embstr => "embstr",
            Encoding::Raw => "raw",
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
        Value::Integer(_) | Value::Bytes(_) | Value::Object(Object::String(_)) => Kind::String,
    }
}

/// The encoding of a record's value.
#[must_use]
pub fn encoding(record: &KeyRecord) -> Encoding {
    match record.value() {
        Value::Integer(_) => Encoding::Int,
        Value::Bytes(bytes) if is_embstr(record, bytes.len()) => Encoding::Embstr,
        Value::Bytes(_) | Value::Object(Object::String(_)) => Encoding::Raw,
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
