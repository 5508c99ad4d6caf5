//! Fields as numbers.

use crate::{CommandError, Outcome};
use base::LongDouble;
use base::number::{parse_i64, with_digits};
use engine::{Edit, EventClass};
use resp::{Args, Reply};
use values::{FieldExpiry, Hash, Item};

pub(super) fn hincrby(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let by = parse_i64(&args[3]).ok_or(CommandError::NotInteger)?;
    let now = edit.moment().now.0;
    let hash = edit.typed::<Hash>(&args[1])?;
    let old = hash.and_then(|hash| hash.get(&args[2], now));
    let old = match old {
        None => 0,
        Some(value) => value
            .with_bytes(parse_i64)
            .ok_or(CommandError::Text("ERR hash value is not an integer"))?,
    };
    let sum = old.checked_add(by).ok_or(CommandError::Overflow)?;
    with_digits(sum, |text| set(edit, args, text, "hincrby"))?;
    reply.integer(sum);
    Ok(())
}

pub(super) fn hincrbyfloat(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let by = LongDouble::parse(&args[3]).ok_or(CommandError::NotFloat)?;
    if by.is_infinite() {
        return Err(CommandError::Text("ERR value is NaN or Infinity"));
    }
    let now = edit.moment().now.0;
    let hash = edit.typed::<Hash>(&args[1])?;
    let old = match hash.and_then(|hash| hash.get(&args[2], now)) {
        None => LongDouble::from(0),
        Some(Item::Integer(integer)) => LongDouble::from(integer),
        Some(Item::Bytes(bytes)) => {
            LongDouble::parse(bytes).ok_or(CommandError::Text("ERR hash value is not a float"))?
        }
    };
    let sum = old.checked_add(by);
    let mut text = Vec::new();
    sum.ok_or(CommandError::Text("ERR increment would produce NaN or Infinity"))?
        .push_decimal(&mut text);
    set(edit, args, &text, "hincrbyfloat")?;
    reply.bulk(&text);
    Ok(())
}

/// Sets the field to a number; its time stays.
fn set(edit: &mut Edit<'_, '_>, args: Args<'_>, number: &[u8], event: &'static str) -> Outcome {
    let (rules, now) = (edit.rules(), edit.moment().now.0);
    let (key, field) = (&args[1], &args[2]);
    let (is_timed, time) = edit.modify_or_create(key, |hash: &mut Hash| {
        // What was added to may have been a field whose time had come: the log does not tell when.
        let is_timed = hash.view().earliest_time().is_some();
        hash.prepare([field, number].into_iter(), &rules);
        hash.set(field, number, (FieldExpiry::Keep, now), &rules);
        (is_timed, hash.view().time(field))
    })?;
    edit.notify(EventClass::Hash, event, key);
    edit.changed(1);
    match time {
        Some(time) => with_digits(time, |time| {
            edit.log(&[b"HSETEX", key, b"PXAT", time, b"FIELDS", b"1", field, number]);
        }),
        None if is_timed || event == "hincrbyfloat" => edit.log(&[b"HSET", key, field, number]),
        None => {}
    }
    Ok(())
}
