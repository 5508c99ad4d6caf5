//! LPOS: where elements stand.

use super::index::parse_signed_count;
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::View;
use resp::{Args, Reply};
use values::List;

/// What LPOS is asked for.
struct Options {
    /// Which match comes first; negative ones count from the last element.
    rank: i64,
    /// How many are told, 0 for all; `None` for one, told without an array.
    count: Option<i64>,
    /// How many elements are compared, 0 for all.
    compared_max: i64,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, CommandError> {
        let mut options = Options { rank: 1, count: None, compared_max: 0 };
        let mut at = 3;
        while at < args.len() {
            let (word, value) = (&args[at], args.get(at + 1).ok_or(CommandError::Syntax)?);
            let natural = |refusal| {
                let number = parse_i64(value).filter(|&number| number >= 0);
                number.ok_or(CommandError::Text(refusal))
            };
            if word.eq_ignore_ascii_case(b"rank") {
                options.rank = match parse_signed_count(value)? {
                    0 => return Err(CommandError::Text(ZERO_RANK)),
                    rank => rank,
                };
            } else if word.eq_ignore_ascii_case(b"count") {
                options.count = Some(natural("ERR COUNT can't be negative")?);
            } else if word.eq_ignore_ascii_case(b"maxlen") {
                options.compared_max = natural("ERR MAXLEN can't be negative")?;
            } else {
                return Err(CommandError::Syntax);
            }
            at += 2;
        }
        Ok(options)
    }
}

const ZERO_RANK: &str = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second \
                         ... or use negative to start from the end of the list";

pub(super) fn lpos(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Options { rank, count, compared_max } = Options::parse(args)?;
    let Some(list) = view.typed::<List>(&args[1])? else {
        match count {
            Some(_) => reply.array(0),
            None => reply.null(),
        }
        return Ok(());
    };
    let unlimited = |number: i64| match usize::try_from(number) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(number) => number,
    };
    let last = list.len().saturating_sub(1);
    let items = if rank > 0 { list.iter_from(0) } else { list.iter_back_from(last) };
    let mut found = items
        .take(unlimited(compared_max))
        .enumerate()
        .filter(|(_, item)| item.eq_bytes(&args[2]))
        .map(|(place, _)| if rank > 0 { place } else { last - place })
        .skip(rank.unsigned_abs() as usize - 1);
    match count {
        None => match found.next() {
            Some(place) => reply.count(place),
            None => reply.null(),
        },
        Some(count) => {
            let later = reply.array_later();
            let mut told = 0;
            for place in found.take(unlimited(count)) {
                reply.count(place);
                told += 1;
            }
            reply.close(later, told);
        }
    }
    Ok(())
}
