//! What a key may hold beyond what fits into its record.

use crate::access::object_bytes;
use collections::{Record, Value};

/// Strings up to this length stand in the record itself; longer ones, and those that commands append to, have an
/// allocation of their own.
pub const EMBEDDED_BYTES_MAX: usize = 1024;

/// The longest string that `OBJECT ENCODING` calls `embstr`.
const EMBSTR_BYTES_MAX: usize = 44;

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

/// The bytes of memory that a key takes: its record, and what its value owns beyond it.
#[must_use]
pub fn memory_bytes(record: &KeyRecord) -> usize {
    record.memory_bytes() + object_bytes(record)
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
        Value::Bytes(bytes) if bytes.len() <= EMBSTR_BYTES_MAX => Encoding::Embstr,
        Value::Bytes(_) | Value::Object(Object::String(_)) => Encoding::Raw,
    }
}
