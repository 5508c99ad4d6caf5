//! Strings as numbers that are counted up and down.

use super::value::{integer, with_bytes};
use crate::{CommandError, Outcome};
use base::LongDouble;
use base::number::parse_i64;
use engine::{Change, Edit, EventClass, Expiry, NewValue, new_bytes};
use resp::{Args, Reply};

pub(super) fn incr(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    add(edit, &args[1], 1, reply)
}

pub(super) fn decr(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    add(edit, &args[1], -1, reply)
}

pub(super) fn incrby(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let by = parse_i64(&args[2]).ok_or(CommandError::NotInteger)?;
    add(edit, &args[1], by, reply)
}

pub(super) fn decrby(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let by = parse_i64(&args[2]).ok_or(CommandError::NotInteger)?;
    let by = by.checked_neg().ok_or(CommandError::Text("ERR decrement would overflow"))?;
    add(edit, &args[1], by, reply)
}

#[inline]
fn add(edit: &mut Edit<'_, '_>, key: &[u8], by: i64, reply: &mut Reply<'_>) -> Outcome {
    let mut sum = 0;
    edit.update(key, |record| {
        let old = record.map_or(Ok(0), integer)?;
        sum = old.checked_add(by).ok_or(CommandError::Overflow)?;
        Ok::<_, CommandError>(Change::Put(NewValue::Integer(sum), Expiry::Keep))
    })?;
    edit.notify(EventClass::String, "incrby", key);
    edit.changed(1);
    reply.integer(sum);
    Ok(())
}

pub(super) fn incrbyfloat(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let mut text = Vec::new();
    let written = &mut text;
    edit.update(&args[1], |record| {
        let old = match record {
            Some(record) => with_bytes(record, LongDouble::parse)?,
            None => Some(LongDouble::from(0)),
        };
        let old = old.ok_or(CommandError::NotFloat)?;
        let by = LongDouble::parse(&args[2]).ok_or(CommandError::NotFloat)?;
        let sum = old.checked_add(by);
        sum.ok_or(CommandError::Text("ERR increment would produce NaN or Infinity"))?
            .push_decimal(written);
        Ok::<_, CommandError>(Change::Put(new_bytes(written), Expiry::Keep))
    })?;
    edit.notify(EventClass::String, "incrbyfloat", &args[1]);
    edit.changed(1);
    edit.log(&[b"SET", &args[1], &text, b"KEEPTTL"]);
    reply.bulk(&text);
    Ok(())
}
