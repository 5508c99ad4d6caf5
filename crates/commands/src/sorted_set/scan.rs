//! ZSCAN: going over a sorted set in steps.

use crate::Outcome;
use crate::scan::{Found, ScanOptions, Scanned, parse_cursor};
use engine::View;
use resp::{Args, Reply};
use values::SortedSet;

pub(super) fn zscan(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(&args[2])?;
    let set = view.typed::<SortedSet>(&args[1])?;
    let mut found = Found::new(reply);
    let mut next = 0;
    // Where there is none, options are not looked at.
    if let Some(set) = set {
        let options = ScanOptions::parse(args.iter_from(3), Scanned::Scores)?;
        next = set.scan(cursor, options.count, |member, score| {
            if !options.matches(member) {
                return;
            }
            found.add(member);
            if !options.without_values {
                // A string also in RESP3, as scores of ZSCAN are.
                let mut text = Vec::new();
                base::double::push_double(&mut text, score);
                found.add(&text);
            }
        });
    }
    found.write_step(next, reply);
    Ok(())
}
