//! Single bits, and changing a string that bits are written to.

use crate::string::value::{STRING_BYTES_MAX, length, make_room, with_bytes};
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::{Change, Edit, EventClass, Expiry, NewValue, Object, View};
use resp::{Args, Reply};

const NOT_A_BIT: CommandError = CommandError::Text("ERR bit is not an integer or out of range");

pub(super) fn getbit(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let offset = parse_offset(&args[2])?;
    let bit = match view.find(&args[1]) {
        Some(record) => with_bytes(record, |bytes| {
            bytes.get(offset >> 3).is_some_and(|byte| byte & mask(offset) != 0)
        })?,
        None => false,
    };
    reply.integer(i64::from(bit));
    Ok(())
}

pub(super) fn setbit(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let offset = parse_offset(&args[2])?;
    let bit = match parse_i64(&args[3]) {
        Some(0) => false,
        Some(1) => true,
        Some(_) | None => return Err(NOT_A_BIT),
    };
    let old = change_bits(edit, &args[1], (offset >> 3) + 1, |bytes, grown| {
        let byte = &mut bytes[offset >> 3];
        let old = *byte & mask(offset) != 0;
        *byte = if bit { *byte | mask(offset) } else { *byte & !mask(offset) };
        (u64::from(grown || old != bit), old)
    })?;
    reply.integer(i64::from(old));
    Ok(())
}

/// The place of a bit in its byte.
fn mask(offset: usize) -> u8 {
    0x80 >> (offset & 7)
}

/// The number of a bit.
fn parse_offset(argument: &[u8]) -> Result<usize, CommandError> {
    checked_offset(parse_i64(argument))
}

/// A bit's number where a string may have such a bit.
pub(super) fn checked_offset(offset: Option<i64>) -> Result<usize, CommandError> {
    offset
        .and_then(|offset| usize::try_from(offset).ok())
        .filter(|offset| offset >> 3 < STRING_BYTES_MAX)
        .ok_or(CommandError::Text("ERR bit offset is not an integer or out of range"))
}

/// Changes the bits of a string, which is made and filled up with zeros to `least` bytes first. `change` learns whether that made it longer, and
/// tells with its first result how many changes it counts.
pub(super) fn change_bits<T>(
    edit: &mut Edit<'_, '_>,
    key: &[u8],
    least: usize,
    change: impl FnOnce(&mut [u8], bool) -> (u64, T),
) -> Result<T, CommandError> {
    let is_new = edit.update(key, |record| match record {
        Some(record) => length(record).map(|_| Change::None),
        None => {
            let object = Box::new(Object::String(vec![0; least].into()));
            Ok(Change::Put(NewValue::Object(object), Expiry::Clear))
        }
    })?;
    let changed = edit.modify_string_if(key, |bytes| {
        let is_longer = bytes.len() < least;
        if is_longer {
            make_room(bytes, least);
            bytes.resize(least, 0);
        }
        let (changes, result) = change(bytes, is_new || is_longer);
        (changes > 0, (changes, result))
    });
    let (changes, result) = changed.expect("the key holds a string");
    if changes > 0 {
        edit.notify(EventClass::String, "setbit", key);
        edit.changed(changes);
    }
    Ok(result)
}
