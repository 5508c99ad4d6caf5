//! The string that a record holds, however it is stored.

use crate::{CommandError, Outcome};
use base::number::{parse_i64, with_digits};
use engine::{KeyRecord, Object, Value};
use resp::Reply;

/// The longest string (`proto-max-bulk-len` as it is by default), and the most memory that LCS takes for its table.
pub(crate) const STRING_BYTES_MAX: usize = 512 << 20;

/// Appends a record's string.
#[inline]
pub(super) fn reply_string(record: &KeyRecord, reply: &mut Reply<'_>) -> Outcome {
    match record.value() {
        Value::Bytes(bytes) => reply.bulk(bytes),
        Value::Integer(integer) => reply.bulk_integer(integer),
        Value::Object(object) => reply.bulk(object_bytes(object)?),
        Value::Compact(..) => return Err(CommandError::WrongType),
    }
    Ok(())
}

/// Runs `read` on the bytes of a record's string.
pub(crate) fn with_bytes<T>(
    record: &KeyRecord,
    read: impl FnOnce(&[u8]) -> T,
) -> Result<T, CommandError> {
    Ok(match record.value() {
        Value::Bytes(bytes) => read(bytes),
        Value::Integer(integer) => with_digits(integer, read),
        Value::Object(object) => read(object_bytes(object)?),
        Value::Compact(..) => return Err(CommandError::WrongType),
    })
}

/// The integer that a record's string stands for.
#[inline]
pub(super) fn integer(record: &KeyRecord) -> Result<i64, CommandError> {
    match record.value() {
        Value::Integer(integer) => Some(integer),
        Value::Bytes(bytes) => parse_i64(bytes),
        Value::Object(object) => parse_i64(object_bytes(object)?),
        Value::Compact(..) => return Err(CommandError::WrongType),
    }
    .ok_or(CommandError::NotInteger)
}

/// The length of a record's string.
pub(crate) fn length(record: &KeyRecord) -> Result<usize, CommandError> {
    with_bytes(record, <[u8]>::len)
}

/// The sum of two lengths where a string may be that long.
pub(super) fn checked_length(a: usize, b: usize) -> Result<usize, CommandError> {
    a.checked_add(b)
        .filter(|&length| length <= STRING_BYTES_MAX)
        .ok_or(CommandError::Text("ERR string exceeds maximum allowed size (proto-max-bulk-len)"))
}

/// Room for a string of this length, and for as much again, but no more than a mebibyte: a long string shall not take twice its
/// length, and a short one not be copied with every addition.
pub(crate) fn make_room(bytes: &mut Vec<u8>, length: usize) {
    const SPARE_BYTES_MAX: usize = 1 << 20;
    if bytes.capacity() < length {
        let spare = length.min(SPARE_BYTES_MAX);
        bytes.reserve_exact(length + spare - bytes.len());
    }
}

#[inline]
fn object_bytes(object: &Object) -> Result<&[u8], CommandError> {
    match object {
        Object::String(bytes) => Ok(bytes),
        Object::List(_)
        | Object::Set(_)
        | Object::SortedSet(_)
        | Object::Hash(_)
        | Object::Stream(_) => Err(CommandError::WrongType),
    }
}
