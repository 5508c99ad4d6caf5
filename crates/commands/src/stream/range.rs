//! Reading by id: XRANGE, XREVRANGE, XLEN.

use super::id::{parse_end, parse_start};
use super::reply::reply_entries;
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::View;
use resp::{Args, Reply};
use values::Stream;

pub(super) fn xlen(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let length = view.typed::<Stream>(&args[1])?.map_or(0, Stream::len);
    reply.count(length);
    Ok(())
}

pub(super) fn xrange(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    range(view, args, reply, false)
}

pub(super) fn xrevrange(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    range(view, args, reply, true)
}

fn range(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    is_reverse: bool,
) -> Outcome {
    let (start, end) = if is_reverse { (&args[3], &args[2]) } else { (&args[2], &args[3]) };
    let (start, end) = (parse_start(start)?, parse_end(end)?);
    let count = parse_count_option(args, 4)?;
    let Some(stream) = view.typed::<Stream>(&args[1])? else {
        reply.array(0);
        return Ok(());
    };
    if count == Some(0) {
        reply.null_array();
        return Ok(());
    }
    let log = stream.log();
    let entries = if is_reverse { log.range_reversed(start, end) } else { log.range(start, end) };
    reply_entries(reply, entries, count);
    Ok(())
}

/// The last `COUNT` of the options from `from` on, at least 0; -1 is 0 as well.
fn parse_count_option(args: Args<'_>, from: usize) -> Result<Option<u64>, CommandError> {
    let mut count = None;
    let mut index = from;
    while let Some(word) = args.get(index) {
        let value = args.get(index + 1).filter(|_| word.eq_ignore_ascii_case(b"COUNT"));
        let value = parse_i64(value.ok_or(CommandError::Syntax)?);
        count = Some(value.ok_or(CommandError::NotInteger)?.max(0) as u64);
        index += 2;
    }
    Ok(count)
}
