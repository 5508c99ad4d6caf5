//! Going over a set in steps.

use super::reply::reply_member;
use crate::Outcome;
use crate::scan::{Found, ScanOptions, Scanned, parse_cursor};
use engine::View;
use resp::{Args, Reply};
use values::Set;

pub(super) fn sscan(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(&args[2])?;
    let mut found = Found::new(reply);
    let Some(set) = view.typed::<Set>(&args[1])? else {
        // The options are not looked at, as in Valkey.
        found.write_step(0, reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args.iter_from(3), Scanned::Members)?;
    let next = options.walk(cursor, |cursor, visited| {
        set.scan(cursor, &mut |member| {
            *visited += 1;
            if member.with_bytes(|bytes| options.matches(bytes)) {
                found.add_with(|reply| reply_member(reply, member));
            }
        })
    });
    found.write_step(next, reply);
    Ok(())
}
