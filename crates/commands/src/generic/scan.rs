//! Going over the keys: SCAN in steps, KEYS at once, RANDOMKEY by chance.

use super::pattern::KeyPattern;
use crate::scan::{Found, ScanOptions, Scanned, parse_cursor};
use crate::{Outcome, Whole};
use engine::{KeyRecord, kind};
use resp::{Args, Reply};

pub(super) fn scan(whole: &mut Whole<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(&args[1])?;
    let options = ScanOptions::parse(args.iter_from(2), Scanned::Keys)?;
    let pattern = options.pattern.map_or(KeyPattern::ALL, KeyPattern::new);
    let is_wanted = |record: &KeyRecord| {
        let name = kind(record).name().as_bytes();
        options.kind.is_none_or(|kind| kind.eq_ignore_ascii_case(name))
            && pattern.matches(record.key())
    };
    let now = whole.moment.now;
    let mut found = Found::new(reply);
    let due = &mut whole.due;
    let visit = |record: &KeyRecord, is_due: bool| {
        if !is_wanted(record) {
            return;
        }
        if is_due {
            due.push(record.key().into());
        } else {
            found.add(record.key());
        }
    };
    let (database, count) = (whole.database, options.count);
    let next = match pattern.slot() {
        Some(slot) => whole.reach.scan_slot((database, slot), cursor, count, now, visit),
        None => whole.reach.scan(database, cursor, count, now, visit),
    };
    found.write_step(next, reply);
    Ok(())
}

pub(super) fn keys(whole: &mut Whole<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let pattern = KeyPattern::new(&args[1]);
    let mut found = Found::new(reply);
    let visit = |record: &KeyRecord| {
        if pattern.matches(record.key()) {
            found.add(record.key());
        }
    };
    let now = whole.moment.now;
    match pattern.slot() {
        Some(slot) => whole.reach.visit_slot(whole.database, slot, now, visit),
        None => whole.reach.visit_all(whole.database, now, visit),
    }
    found.write(reply);
    Ok(())
}

pub(super) fn randomkey(whole: &mut Whole<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = whole.reach.random_key(whole.database, whole.rng, whole.moment.now);
    reply.bulk_or_null(key.as_deref());
    Ok(())
}
