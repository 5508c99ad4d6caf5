//! HSCAN.

use super::read::reply_item;
use crate::Outcome;
use crate::scan::{Found, ScanOptions, Scanned, parse_cursor};
use engine::View;
use resp::{Args, Reply};
use values::{Hash, Item};

pub(super) fn hscan(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(&args[2])?;
    let now = view.moment().now.0;
    let mut found = Found::new(reply);
    let Some(hash) = view.typed::<Hash>(&args[1])? else {
        // The options are not looked at, as in Valkey.
        found.write_step(0, reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args.iter_from(3), Scanned::Fields)?;
    let next = options.walk(cursor, |cursor, visited| {
        hash.scan(cursor, now, &mut |field, value| {
            *visited += 1;
            if options.matches(field) {
                found.add(field);
                if !options.without_values {
                    found.add_with(|reply| reply_item(Item::Bytes(value), reply));
                }
            }
        })
    });
    found.write_step(next, reply);
    Ok(())
}
