//! DEBUG OBJECT: what the record of a key looks like.

use super::check_arguments;
use crate::{CommandError, Outcome};
use engine::{AccessPolicy, KeyRecord, Object, Value, View, encoding};
use resp::{Args, Reply};

/// `DEBUG OBJECT key [fast]`: one line about the record; its slot is held. `serializedlength` is that of the RDB form without compression.
///
/// # Errors
///
/// Where the key is absent, or the number of arguments is wrong.
pub fn object(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    check_arguments(args, 3..=4)?;
    let moment = *view.moment();
    let record = view.peek(&args[2]).ok_or(CommandError::NoSuchKey)?;
    let access = record.access();
    let used = match moment.policy {
        AccessPolicy::Lru => {
            format!("lru:{access} lru_seconds_idle:{}", moment.idle_seconds(access))
        }
        AccessPolicy::Lfu { .. } => {
            format!("lfu_freq:{} lfu_access_time_minutes:{}", access & 0xff, access >> 8)
        }
    };
    reply.simple(&format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} {used}",
        record.key().as_ptr(),
        encoding(record).name(),
        serialized_bytes(record),
    ));
    Ok(())
}

/// The length of a value in an RDB file.
fn serialized_bytes(record: &KeyRecord) -> usize {
    match record.value() {
        Value::Integer(integer) => integer_bytes(integer),
        Value::Bytes(bytes) | Value::Compact(_, bytes) => string_bytes(bytes.len()),
        Value::Object(Object::String(bytes)) => string_bytes(bytes.len()),
        // About as long; exactly, once there are files to write.
        Value::Object(object) => object.memory_bytes(),
    }
}

/// A byte that tells the width, and the integer; as a string of digits beyond 32 bits.
fn integer_bytes(integer: i64) -> usize {
    if i8::try_from(integer).is_ok() {
        2
    } else if i16::try_from(integer).is_ok() {
        3
    } else if i32::try_from(integer).is_ok() {
        5
    } else {
        string_bytes(integer.to_string().len())
    }
}

/// The length, in 6, 14, 32 or 64 bits with their mark, and the bytes.
fn string_bytes(length: usize) -> usize {
    let head = match length {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0xffff_ffff => 5,
        _ => 9,
    };
    head + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_file_format() {
        for (integer, bytes) in
            [(0, 2), (-128, 2), (128, 3), (-32769, 5), (1 << 31, 11), (i64::MIN, 21)]
        {
            assert_eq!(integer_bytes(integer), bytes, "{integer}");
        }
        assert_eq!([63, 64, 16384].map(string_bytes), [64, 66, 16389]);
    }
}
