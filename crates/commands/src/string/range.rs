//! Parts of strings: reading one, overwriting one, appending one.

use super::value::{checked_length, length, make_room, with_bytes};
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::{Change, Edit, EventClass, Expiry, NewValue, Object, View, new_string};
use resp::{Args, Reply};
use std::ops::Range;

pub(super) fn getrange(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let start = parse_i64(&args[2]).ok_or(CommandError::NotInteger)?;
    let end = parse_i64(&args[3]).ok_or(CommandError::NotInteger)?;
    match view.find(&args[1]) {
        Some(record) => {
            with_bytes(record, |bytes| reply.bulk(&bytes[resolved(start, end, bytes.len())]))?;
        }
        None => reply.bulk(b""),
    }
    Ok(())
}

/// The bytes from `start` to `end` inclusive of a string of this length. Negative numbers count from its end, and what lies outside of
/// it is cut off.
fn resolved(start: i64, end: i64, length: usize) -> Range<usize> {
    let length = length as i64;
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let from_start = |index: i64| if index < 0 { (index + length).max(0) } else { index };
    let (start, end) = (from_start(start), from_start(end).min(length - 1));
    if start > end { 0..0 } else { start as usize..end as usize + 1 }
}

pub(super) fn setrange(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, value) = (&args[1], &args[3]);
    let offset = parse_i64(&args[2]).ok_or(CommandError::NotInteger)?;
    let offset =
        usize::try_from(offset).map_err(|_| CommandError::Text("ERR offset is out of range"))?;
    let mut old_length = None;
    let added = edit.update(key, |record| {
        if let Some(record) = record {
            old_length = Some(length(record)?);
        }
        if value.is_empty() {
            return Ok(Change::None);
        }
        let end = checked_length(offset, value.len())?;
        Ok::<_, CommandError>(match old_length {
            Some(_) => Change::None,
            None => {
                let mut bytes = vec![0; end];
                bytes[offset..].copy_from_slice(value);
                let object = Box::new(Object::String(bytes.into()));
                Change::Put(NewValue::Object(object), Expiry::Clear)
            }
        })
    })?;
    if value.is_empty() {
        reply.count(old_length.unwrap_or(0));
        return Ok(());
    }
    let end = offset + value.len();
    if !added {
        edit.modify_string(key, |bytes| {
            make_room(bytes, end);
            bytes.resize(bytes.len().max(end), 0);
            bytes[offset..end].copy_from_slice(value);
        });
    }
    edit.notify(EventClass::String, "setrange", key);
    edit.changed(1);
    reply.count(end.max(old_length.unwrap_or(0)));
    Ok(())
}

pub(super) fn append(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, value) = (&args[1], &args[2]);
    let mut total = value.len();
    let added = edit.update(key, |record| {
        let Some(record) = record else {
            return Ok(Change::Put(new_string(value), Expiry::Clear));
        };
        total = checked_length(length(record)?, value.len())?;
        Ok::<_, CommandError>(Change::None)
    })?;
    if !added {
        edit.modify_string(key, |bytes| {
            make_room(bytes, total);
            bytes.extend_from_slice(value);
        });
    }
    edit.notify(EventClass::String, "append", key);
    edit.changed(1);
    reply.count(total);
    Ok(())
}
