//! Taking elements from an end: of one list, or of the first that has some.

use super::index::parse_end;
use super::range::reply_element;
use crate::{Attempt, Blocking, CommandError, Outcome, Timeout, parse_timeout};
use base::number::{parse_i64, with_digits};
use engine::{Edit, EventClass, Kind};
use resp::{Args, Reply};
use values::{End, List, ListRef};

/// The event of taking elements from an end.
pub(super) fn pop_event(end: End) -> &'static str {
    match end {
        End::Left => "lpop",
        End::Right => "rpop",
    }
}

/// The command that takes elements from an end.
fn pop_command(end: End) -> &'static [u8] {
    match end {
        End::Left => b"LPOP",
        End::Right => b"RPOP",
    }
}

pub(super) fn lpop(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    pop(edit, args, (End::Left, "lpop"), reply)
}

pub(super) fn rpop(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    pop(edit, args, (End::Right, "rpop"), reply)
}

fn pop(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    (end, name): (End, &str),
    reply: &mut Reply<'_>,
) -> Outcome {
    if args.len() > 3 {
        return Err(CommandError::WrongArity(name.to_owned()));
    }
    let count = args.get(2).map(parse_count).transpose()?;
    match count {
        None => {
            if take(edit, &args[1], end, 1, |list| reply_end(list, end, reply))? == 0 {
                reply.null();
            }
        }
        // Nothing is taken, but whether there is a list is told.
        Some(0) => match edit.typed::<List>(&args[1])? {
            Some(_) => reply.array(0),
            None => reply.null_array(),
        },
        Some(count) => {
            let taken =
                take(edit, &args[1], end, count, |list| reply_ends(list, end, count, reply))?;
            if taken == 0 {
                reply.null_array();
            }
        }
    }
    Ok(())
}

/// Takes `count` elements from an end, or as many as there are, after `tell` has told them; how many these were.
fn take(
    edit: &mut Edit<'_, '_>,
    key: &[u8],
    end: End,
    count: usize,
    tell: impl FnOnce(ListRef<'_>),
) -> Result<usize, CommandError> {
    let rules = edit.rules();
    let taken = edit.modify_as(key, EventClass::List, |list: &mut List| {
        tell(list.view());
        let count = count.min(list.len());
        list.pop(end, count, &rules);
        (Some(pop_event(end)), count)
    })?;
    let taken = taken.unwrap_or(0);
    edit.changed(taken as u64);
    Ok(taken)
}

/// Appends the element at an end.
fn reply_end(list: ListRef<'_>, end: End, reply: &mut Reply<'_>) {
    if let Some(item) = list.end(end) {
        reply_element(item, reply);
    }
}

/// Appends an array of the elements at an end, the outermost first.
fn reply_ends(list: ListRef<'_>, end: End, count: usize, reply: &mut Reply<'_>) {
    let count = count.min(list.len());
    reply.array(count);
    match end {
        End::Left => list.visit(0, count, |element| reply_element(element, reply)),
        End::Right => {
            let last = list.len().saturating_sub(1);
            list.iter_back_from(last).take(count).for_each(|element| reply_element(element, reply));
        }
    }
}

fn parse_count(text: &[u8]) -> Result<usize, CommandError> {
    parse_i64(text)
        .and_then(|count| usize::try_from(count).ok())
        .ok_or(CommandError::MustBePositive)
}

/// What LMPOP and BLMPOP are asked for.
struct Several {
    first_key: usize,
    keys: usize,
    end: End,
    count: usize,
}

impl Several {
    /// Reads the arguments from the number of keys on.
    fn parse(args: Args<'_>, number: usize) -> Result<Several, CommandError> {
        let keys = parse_i64(&args[number])
            .filter(|&keys| keys > 0)
            .ok_or(CommandError::Text("ERR numkeys should be greater than 0"))?;
        let first_key = number + 1;
        let end_at = usize::try_from(keys).ok().and_then(|keys| keys.checked_add(first_key));
        let end_at = end_at.filter(|&at| at < args.len()).ok_or(CommandError::Syntax)?;
        let end = parse_end(&args[end_at])?;
        let mut count = None;
        let mut at = end_at + 1;
        while at < args.len() {
            let value = args.get(at + 1).filter(|_| args[at].eq_ignore_ascii_case(b"count"));
            let (Some(value), None) = (value, count) else { return Err(CommandError::Syntax) };
            let number = parse_i64(value).filter(|&number| number > 0);
            count = Some(number.ok_or(CommandError::Text("ERR count should be greater than 0"))?);
            at += 2;
        }
        let count = count.map_or(1, |count| usize::try_from(count).unwrap_or(usize::MAX));
        Ok(Several { first_key, keys: end_at - first_key, end, count })
    }

    /// Takes elements from the first list that has some, or from `only`; whether one had.
    fn take(
        &self,
        edit: &mut Edit<'_, '_>,
        args: Args<'_>,
        only: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<bool, CommandError> {
        let keys = args.iter_from(self.first_key).take(self.keys);
        for key in keys.filter(|&key| only.is_none_or(|only| only == key)) {
            let taken = take(edit, key, self.end, self.count, |list| {
                reply.array(2);
                reply.bulk(key);
                reply_ends(list, self.end, self.count, reply);
            })?;
            if taken > 0 {
                with_digits(taken as i64, |taken| edit.log(&[pop_command(self.end), key, taken]));
                return Ok(true);
            }
        }
        Ok(false)
    }
}

pub(super) fn lmpop(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if !Several::parse(args, 1)?.take(edit, args, None, reply)? {
        reply.null_array();
    }
    Ok(())
}

/// What BLMPOP does.
pub(super) const BLMPOP: Blocking = Blocking {
    timeout: |args| {
        Several::parse(args, 2)?;
        parse_timeout(&args[1])
    },
    attempt: |edit, args, only, reply| {
        let is_served = Several::parse(args, 2)?.take(edit, args, only, reply)?;
        Ok(if is_served { Attempt::Served } else { Attempt::Wait })
    },
    ..POP
};

/// What BLPOP does.
pub(super) const BLPOP: Blocking = Blocking {
    attempt: |edit, args, only, reply| pop_first(edit, args, End::Left, only, reply),
    ..POP
};

/// What BRPOP does.
pub(super) const BRPOP: Blocking = Blocking {
    attempt: |edit, args, only, reply| pop_first(edit, args, End::Right, only, reply),
    ..POP
};

/// What the commands that wait for an element to take have in common.
const POP: Blocking = Blocking {
    timeout: last_argument,
    attempt: |_, _, _, _| Ok(Attempt::Wait),
    nothing: |reply| reply.null_array(),
    kind: Kind::List,
    destination: None,
    wakes_without_key: false,
    rewrite: None,
};

/// The timeout where it is the last argument.
pub(super) fn last_argument(args: Args<'_>) -> Result<Timeout, CommandError> {
    parse_timeout(&args[args.len() - 1])
}

/// Takes one element from the first list that has one, or from `only`.
fn pop_first(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    end: End,
    only: Option<&[u8]>,
    reply: &mut Reply<'_>,
) -> Result<Attempt, CommandError> {
    let keys = args.iter_from(1).take(args.len() - 2);
    for key in keys.filter(|&key| only.is_none_or(|only| only == key)) {
        let taken = take(edit, key, end, 1, |list| {
            reply.array(2);
            reply.bulk(key);
            reply_end(list, end, reply);
        })?;
        if taken > 0 {
            edit.log(&[pop_command(end), key]);
            return Ok(Attempt::Served);
        }
    }
    Ok(Attempt::Wait)
}
