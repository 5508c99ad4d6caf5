//! ZRANGE, the commands that it has replaced, and ZRANGESTORE.

use super::bounds::{Bounds, By, Limit};
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::{Edit, EventClass, Expiry, View};
use resp::{Args, Protocol, Reply};
use std::ops::Range;
use values::{SortedSet, SortedSetRef};

/// What a command asks for before its options are read.
#[derive(Clone, Copy)]
struct Form {
    /// Where the key stands; the ends of the range follow it.
    key: usize,
    /// `None`: `BYSCORE` or `BYLEX` may say so.
    by: Option<By>,
    /// `None`: `REV` may say so.
    backwards: Option<bool>,
    can_have_scores: bool,
}

const ZRANGE: Form = Form { key: 1, by: None, backwards: None, can_have_scores: true };

pub(super) fn zrange(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    range(view, args, ZRANGE, reply)
}

pub(super) fn zrevrange(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let form = Form { by: Some(By::Rank), backwards: Some(true), ..ZRANGE };
    range(view, args, form, reply)
}

pub(super) fn zrangebyscore(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let form = Form { by: Some(By::Score), backwards: Some(false), ..ZRANGE };
    range(view, args, form, reply)
}

pub(super) fn zrevrangebyscore(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let form = Form { by: Some(By::Score), backwards: Some(true), ..ZRANGE };
    range(view, args, form, reply)
}

pub(super) fn zrangebylex(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let form = Form { by: Some(By::Bytes), backwards: Some(false), ..ZRANGE };
    range(view, args, form, reply)
}

pub(super) fn zrevrangebylex(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let form = Form { by: Some(By::Bytes), backwards: Some(true), ..ZRANGE };
    range(view, args, form, reply)
}

fn range(view: &mut View<'_, '_>, args: Args<'_>, form: Form, reply: &mut Reply<'_>) -> Outcome {
    let wanted = Wanted::parse(args, form)?;
    match view.typed::<SortedSet>(&args[1])? {
        None => reply.array(0),
        Some(set) => {
            reply_members(set, wanted.ranks(set), wanted.backwards, wanted.with_scores, reply);
        }
    }
    Ok(())
}

pub(super) fn zrangestore(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let form = Form { key: 2, by: None, backwards: None, can_have_scores: false };
    let wanted = Wanted::parse(args, form)?;
    let rules = edit.rules();
    let source = edit.typed::<SortedSet>(&args[2])?;
    let is_there = source.is_some();
    let mut result = SortedSet::new();
    if let Some(set) = source {
        set.visit(wanted.ranks(set), wanted.backwards, |member, score| {
            result.insert(member, score, &rules);
        });
    }
    edit.count_lookup_of(&args[2], is_there);
    reply.count(result.len());
    store(edit, &args[1], result, "zrangestore");
    Ok(())
}

/// Puts a result under a key, which goes where nothing has come out.
pub(crate) fn store(edit: &mut Edit<'_, '_>, key: &[u8], result: SortedSet, event: &'static str) {
    if !result.is_empty() {
        edit.put_value(key, result, Expiry::Clear);
        edit.notify(EventClass::SortedSet, event, key);
        edit.changed(1);
    } else if edit.remove(key) {
        edit.notify(EventClass::Generic, "del", key);
        edit.changed(1);
    }
}

/// Replies members; in RESP3 a member and its score are a pair.
pub(super) fn reply_members(
    set: SortedSetRef<'_>,
    ranks: Range<usize>,
    backwards: bool,
    with_scores: bool,
    reply: &mut Reply<'_>,
) {
    let in_pairs = with_scores && reply.protocol() == Protocol::Resp3;
    reply.array(if with_scores && !in_pairs { 2 * ranks.len() } else { ranks.len() });
    set.visit(ranks, backwards, |member, score| {
        if in_pairs {
            reply.array(2);
        }
        reply.bulk(member);
        if with_scores {
            reply.double(score);
        }
    });
}

/// Which members a command asks for, and how.
struct Wanted<'a> {
    bounds: Bounds<'a>,
    limit: Limit,
    backwards: bool,
    with_scores: bool,
}

impl<'a> Wanted<'a> {
    fn parse(args: Args<'a>, form: Form) -> Result<Wanted<'a>, CommandError> {
        let (mut by, mut backwards, mut with_scores) = (form.by, form.backwards, false);
        let mut limit = Limit::ALL;
        let mut index = form.key + 3;
        while let Some(word) = args.get(index) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if form.can_have_scores && is("withscores") {
                with_scores = true;
            } else if is("limit") && index + 2 < args.len() {
                let number = |at: usize| parse_i64(&args[at]).ok_or(CommandError::NotInteger);
                limit = Limit { offset: number(index + 1)?, count: number(index + 2)? };
                index += 2;
            } else if backwards.is_none() && is("rev") {
                backwards = Some(true);
            } else if by.is_none() && is("bylex") {
                by = Some(By::Bytes);
            } else if by.is_none() && is("byscore") {
                by = Some(By::Score);
            } else {
                return Err(CommandError::Syntax);
            }
            index += 1;
        }
        let (by, backwards) = (by.unwrap_or(By::Rank), backwards.unwrap_or(false));
        if by == By::Rank && limit.count == -1 {
            limit = Limit::ALL;
        }
        if limit.count != -1 && by == By::Rank {
            return Err(CommandError::Text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Bytes {
            return Err(CommandError::Text(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let mut ends = args.iter_from(form.key + 1);
        let (first, second) = (ends.next().unwrap_or_default(), ends.next().unwrap_or_default());
        // Backwards, the greater end comes first; of ranks it is the same number from the other end.
        let swaps = backwards && by != By::Rank;
        let (low, high) = if swaps { (second, first) } else { (first, second) };
        Ok(Wanted { bounds: Bounds::parse(by, low, high)?, limit, backwards, with_scores })
    }

    fn ranks(&self, set: SortedSetRef<'_>) -> Range<usize> {
        self.limit.of(self.bounds.ranks(set, self.backwards), self.backwards)
    }
}
