//! Members that are taken out from either end, at once or when there are some.

use crate::{Attempt, Blocking, CommandError, Outcome, Timeout, parse_timeout};
use base::number::{parse_i64, with_digits};
use engine::{Edit, EventClass, Kind, WrongKind};
use resp::{Args, Protocol, Reply};
use values::SortedSet;

/// From which end members are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Lowest,
    Highest,
}

impl End {
    /// The command that takes members from it.
    fn command(self) -> &'static [u8] {
        match self {
            End::Lowest => b"ZPOPMIN",
            End::Highest => b"ZPOPMAX",
        }
    }

    fn event(self) -> &'static str {
        match self {
            End::Lowest => "zpopmin",
            End::Highest => "zpopmax",
        }
    }
}

type Popped = Vec<(Vec<u8>, f64)>;

/// Takes up to `count` members; `None` where the key is absent.
fn pop(
    edit: &mut Edit<'_, '_>,
    key: &[u8],
    end: End,
    count: usize,
) -> Result<Option<Popped>, WrongKind> {
    let popped = edit.modify_as(key, EventClass::SortedSet, |set: &mut SortedSet| {
        let count = count.min(set.len());
        let ranks = match end {
            End::Lowest => 0..count,
            End::Highest => set.len() - count..set.len(),
        };
        let mut popped = Vec::with_capacity(count);
        set.view().visit(ranks.clone(), end == End::Highest, |member, score| {
            popped.push((member.to_vec(), score));
        });
        set.remove_range(ranks);
        ((count > 0).then(|| end.event()), popped)
    })?;
    if let Some(popped) = &popped {
        edit.changed(popped.len() as u64);
    }
    Ok(popped)
}

pub(super) fn zpopmin(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    pop_one_key(edit, args, End::Lowest, reply)
}

pub(super) fn zpopmax(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    pop_one_key(edit, args, End::Highest, reply)
}

fn pop_one_key(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    end: End,
    reply: &mut Reply<'_>,
) -> Outcome {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let count = args.get(2).map(|text| {
        let count = parse_i64(text).and_then(|count| usize::try_from(count).ok());
        count.ok_or(CommandError::MustBePositive)
    });
    let count = count.transpose()?;
    let popped = pop(edit, &args[1], end, count.unwrap_or(1))?.unwrap_or_default();
    // Without a count there is one pair at most, which is not nested.
    if count.is_some() && reply.protocol() == Protocol::Resp3 {
        reply_pairs(&popped, reply);
    } else {
        reply.array(2 * popped.len());
        for (member, score) in &popped {
            reply.bulk(member);
            reply.double(*score);
        }
    }
    Ok(())
}

fn reply_pairs(popped: &Popped, reply: &mut Reply<'_>) {
    reply.array(popped.len());
    for (member, score) in popped {
        reply.array(2);
        reply.bulk(member);
        reply.double(*score);
    }
}

/// `numkeys key [key ...] <MIN | MAX> [COUNT count]`
struct ManyKeys {
    first_key: usize,
    keys: usize,
    end: End,
    count: usize,
}

impl ManyKeys {
    fn parse(args: Args<'_>, number: usize) -> Result<ManyKeys, CommandError> {
        let positive = |text: &[u8]| {
            parse_i64(text).and_then(|value| usize::try_from(value).ok()).filter(|&value| value > 0)
        };
        let keys = positive(&args[number])
            .ok_or(CommandError::Text("ERR numkeys should be greater than 0"))?;
        let end = args.get(keys.saturating_add(number + 1)).ok_or(CommandError::Syntax)?;
        let end = if end.eq_ignore_ascii_case(b"min") {
            End::Lowest
        } else if end.eq_ignore_ascii_case(b"max") {
            End::Highest
        } else {
            return Err(CommandError::Syntax);
        };
        let mut count = None;
        let mut options = args.iter_from(number + keys + 2);
        while let Some(word) = options.next() {
            let value = options.next().filter(|_| word.eq_ignore_ascii_case(b"count"));
            let value = value.filter(|_| count.is_none()).ok_or(CommandError::Syntax)?;
            let value =
                positive(value).ok_or(CommandError::Text("ERR count should be greater than 0"))?;
            count = Some(value);
        }
        Ok(ManyKeys { first_key: number + 1, keys, end, count: count.unwrap_or(1) })
    }

    fn keys<'a>(&self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> {
        args.iter_from(self.first_key).take(self.keys)
    }

    /// Takes members out of the first key that is there, and replies them.
    fn pop_first<'a>(
        &self,
        edit: &mut Edit<'_, '_>,
        keys: impl Iterator<Item = &'a [u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<Attempt, CommandError> {
        for key in keys {
            if let Some(popped) = pop(edit, key, self.end, self.count)? {
                with_digits(popped.len() as i64, |count| {
                    edit.log(&[self.end.command(), key, count]);
                });
                reply.array(2);
                reply.bulk(key);
                reply_pairs(&popped, reply);
                return Ok(Attempt::Served);
            }
        }
        Ok(Attempt::Wait)
    }
}

pub(super) fn zmpop(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let many = ManyKeys::parse(args, 1)?;
    if many.pop_first(edit, many.keys(args), reply)? == Attempt::Wait {
        reply.null_array();
    }
    Ok(())
}

/// What the waiting commands have in common.
const WAITS: Blocking = Blocking {
    timeout: last_timeout,
    attempt: bzpopmin,
    nothing: |reply| reply.null_array(),
    kind: Kind::SortedSet,
    destination: None,
    wakes_without_key: false,
    rewrite: None,
};

/// BZMPOP.
pub(super) const BZMPOP: Blocking = Blocking { timeout: first_timeout, attempt: bzmpop, ..WAITS };

/// BZPOPMAX.
pub(super) const BZPOPMAX: Blocking = Blocking { attempt: bzpopmax, ..WAITS };

/// BZPOPMIN.
pub(super) const BZPOPMIN: Blocking = WAITS;

fn first_timeout(args: Args<'_>) -> Result<Timeout, CommandError> {
    ManyKeys::parse(args, 2)?;
    parse_timeout(&args[1])
}

fn last_timeout(args: Args<'_>) -> Result<Timeout, CommandError> {
    parse_timeout(&args[args.len() - 1])
}

fn bzmpop(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    only: Option<&[u8]>,
    reply: &mut Reply<'_>,
) -> Result<Attempt, CommandError> {
    let many = ManyKeys::parse(args, 2)?;
    match only {
        Some(key) => many.pop_first(edit, std::iter::once(key), reply),
        None => many.pop_first(edit, many.keys(args), reply),
    }
}

fn bzpopmin(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    only: Option<&[u8]>,
    reply: &mut Reply<'_>,
) -> Result<Attempt, CommandError> {
    wait_for_one(edit, args, only, End::Lowest, reply)
}

fn bzpopmax(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    only: Option<&[u8]>,
    reply: &mut Reply<'_>,
) -> Result<Attempt, CommandError> {
    wait_for_one(edit, args, only, End::Highest, reply)
}

fn wait_for_one(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    only: Option<&[u8]>,
    end: End,
    reply: &mut Reply<'_>,
) -> Result<Attempt, CommandError> {
    let keys = args.iter_from(1).take(args.len() - 2);
    for key in keys.filter(|key| only.is_none_or(|only| only == *key)) {
        let popped = pop(edit, key, end, 1)?;
        if let Some((member, score)) = popped.and_then(|popped| popped.into_iter().next()) {
            edit.log(&[end.command(), key]);
            reply.array(3);
            reply.bulk(key);
            reply.bulk(&member);
            reply.double(score);
            return Ok(Attempt::Served);
        }
    }
    Ok(Attempt::Wait)
}
