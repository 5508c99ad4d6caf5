//! Unions, intersections and differences of sorted sets, and of sets, whose members have the score 1.

use super::range::{reply_members, store};
use crate::{CommandError, Outcome};
use base::double::parse_double;
use base::number::parse_i64;
use engine::{Edit, KeyRecord, Kind, Rules, View, WrongKind, kind, value_of};
use resp::{Args, Reply};
use values::{Item, Set, SetRef, SortedSet, SortedSetRef};

/// How sets are combined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Union,
    Intersection,
    Difference,
}

pub(super) fn zunion(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply_combined(view, args, How::Union, "zunion", reply)
}

pub(super) fn zinter(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply_combined(view, args, How::Intersection, "zinter", reply)
}

pub(super) fn zdiff(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply_combined(view, args, How::Difference, "zdiff", reply)
}

fn reply_combined(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    how: How,
    name: &str,
    reply: &mut Reply<'_>,
) -> Outcome {
    let keys = keys_of(args, 1, name)?;
    let sources = view.find_all(args.iter_from(2).take(keys), source)?;
    let options = Options::parse(args, 2 + keys, keys, how, true)?;
    // What is not stored is never small: a listpack knows no negative zero.
    let mut rules = Rules::DEFAULT;
    rules.sorted_set.entries = 0;
    let result = combined(sources, how, &options, &rules);
    reply_members(result.view(), 0..result.len(), false, options.with_scores, reply);
    Ok(())
}

pub(super) fn zunionstore(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    store_combined(edit, args, How::Union, "zunionstore", reply)
}

pub(super) fn zinterstore(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    store_combined(edit, args, How::Intersection, "zinterstore", reply)
}

pub(super) fn zdiffstore(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    store_combined(edit, args, How::Difference, "zdiffstore", reply)
}

fn store_combined(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    how: How,
    name: &'static str,
    reply: &mut Reply<'_>,
) -> Outcome {
    let keys = keys_of(args, 2, name)?;
    let rules = edit.rules();
    let sources = edit.find_all(args.iter_from(3).take(keys), source)?;
    let options = Options::parse(args, 3 + keys, keys, how, false)?;
    let result = combined(sources, how, &options, &rules);
    reply.count(result.len());
    store(edit, &args[1], result, name);
    Ok(())
}

pub(super) fn zintercard(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let keys = keys_of(args, 1, "zintercard")?;
    let sources = view.find_all(args.iter_from(2).take(keys), source)?;
    let mut limit = usize::MAX;
    let mut options = args.iter_from(2 + keys);
    while let Some(word) = options.next() {
        let value = options.next().filter(|_| word.eq_ignore_ascii_case(b"limit"));
        let value = parse_i64(value.ok_or(CommandError::Syntax)?);
        let value = value.and_then(|value| usize::try_from(value).ok());
        limit = value.ok_or(CommandError::Text("ERR LIMIT can't be negative"))?;
        if limit == 0 {
            limit = usize::MAX;
        }
    }
    let Some((smallest, others)) = smallest_first(sources) else {
        reply.count(0);
        return Ok(());
    };
    let mut count = 0;
    smallest.visit_while(|member, _| {
        count += usize::from(others.iter().all(|other| other.score(member).is_some()));
        count < limit
    });
    reply.count(count);
    Ok(())
}

/// How many keys the argument at `number` announces.
fn keys_of(args: Args<'_>, number: usize, name: &str) -> Result<usize, CommandError> {
    let keys = parse_i64(&args[number]).ok_or(CommandError::NotInteger)?;
    if keys < 1 {
        return Err(CommandError::Owned(format!(
            "ERR at least 1 input key is needed for '{name}' command"
        )));
    }
    let keys = usize::try_from(keys).ok().filter(|&keys| keys < args.len() - number);
    keys.ok_or(CommandError::Syntax)
}

/// How scores of a member are made one.
#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Least,
    Greatest,
}

impl Aggregate {
    fn parse(word: &[u8]) -> Result<Aggregate, CommandError> {
        if word.eq_ignore_ascii_case(b"sum") {
            Ok(Aggregate::Sum)
        } else if word.eq_ignore_ascii_case(b"min") {
            Ok(Aggregate::Least)
        } else if word.eq_ignore_ascii_case(b"max") {
            Ok(Aggregate::Greatest)
        } else {
            Err(CommandError::Syntax)
        }
    }

    fn of(self, one: f64, other: f64) -> f64 {
        match self {
            Aggregate::Sum => or_zero(one + other),
            // Of zeros of both signs, the first stays.
            Aggregate::Least => {
                if other < one {
                    other
                } else {
                    one
                }
            }
            Aggregate::Greatest => {
                if other > one {
                    other
                } else {
                    one
                }
            }
        }
    }
}

/// What would be no number is 0: infinity times 0, and infinity less infinity.
fn or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

struct Options {
    /// One for each key, or none: 1 each.
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
}

impl Options {
    fn parse(
        args: Args<'_>,
        first: usize,
        keys: usize,
        how: How,
        is_reply: bool,
    ) -> Result<Options, CommandError> {
        let mut options =
            Options { weights: Vec::new(), aggregate: Aggregate::Sum, with_scores: false };
        let mut index = first;
        while let Some(word) = args.get(index) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let rest = args.len() - index - 1;
            if how != How::Difference && is("weights") && rest >= keys {
                let weights = args.iter_from(index + 1).take(keys).map(parse_double);
                options.weights = weights
                    .collect::<Option<_>>()
                    .ok_or(CommandError::Text("ERR weight value is not a float"))?;
                index += keys;
            } else if how != How::Difference && is("aggregate") && rest >= 1 {
                options.aggregate = Aggregate::parse(&args[index + 1])?;
                index += 1;
            } else if is_reply && is("withscores") {
                options.with_scores = true;
            } else {
                return Err(CommandError::Syntax);
            }
            index += 1;
        }
        Ok(options)
    }
}

/// A value whose members are combined.
#[derive(Clone, Copy)]
enum Source<'a> {
    Scored(SortedSetRef<'a>),
    Plain(SetRef<'a>),
}

fn source(record: &KeyRecord) -> Result<Source<'_>, WrongKind> {
    if kind(record) == Kind::Set {
        value_of::<Set>(record).map(Source::Plain)
    } else {
        value_of::<SortedSet>(record).map(Source::Scored)
    }
}

impl Source<'_> {
    fn len(self) -> usize {
        match self {
            Source::Scored(set) => set.len(),
            Source::Plain(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Scored(set) => set.score(member),
            Source::Plain(set) => set.contains(Item::Bytes(member)).then_some(1.0),
        }
    }

    fn visit(self, mut visit: impl FnMut(&[u8], f64)) {
        self.visit_while(|member, score| {
            visit(member, score);
            true
        });
    }

    /// Visits members until one is not followed by more.
    fn visit_while(self, mut visit: impl FnMut(&[u8], f64) -> bool) {
        match self {
            Source::Scored(set) => {
                set.visit_while(0..set.len(), false, visit);
            }
            Source::Plain(set) => {
                for member in set.iter() {
                    if !member.with_bytes(|bytes| visit(bytes, 1.0)) {
                        return;
                    }
                }
            }
        }
    }
}

/// The smallest of sources that are all there, and the others.
fn smallest_first(sources: Vec<Option<Source<'_>>>) -> Option<(Source<'_>, Vec<Source<'_>>)> {
    let mut sources: Vec<_> = sources.into_iter().collect::<Option<_>>()?;
    sources.sort_by_key(|source| source.len());
    let smallest = *sources.first()?;
    Some((smallest, sources.split_off(1)))
}

fn combined(
    sources: Vec<Option<Source<'_>>>,
    how: How,
    options: &Options,
    rules: &Rules,
) -> SortedSet {
    let weight = |index: usize| options.weights.get(index).copied().unwrap_or(1.0);
    let all_there = sources.iter().all(Option::is_some);
    let first_there = sources.first().is_some_and(Option::is_some);
    let present = sources.iter().enumerate();
    let mut sources: Vec<(Source<'_>, f64)> =
        present.filter_map(|(index, source)| Some(((*source)?, weight(index)))).collect();
    // Sums depend on their order: the smallest first, as Redis has it.
    if how != How::Difference {
        sources.sort_by_key(|(source, _)| source.len());
    }
    match how {
        How::Union => union(&sources, options.aggregate, rules),
        How::Intersection if all_there => intersection(&sources, options.aggregate, rules),
        How::Difference if first_there => difference(&sources, rules),
        How::Intersection | How::Difference => SortedSet::new(),
    }
}

fn union(sources: &[(Source<'_>, f64)], aggregate: Aggregate, rules: &Rules) -> SortedSet {
    let mut result = SortedSet::new();
    for &(source, weight) in sources {
        source.visit(|member, score| {
            let score = or_zero(score * weight);
            let old = result.view().score(member);
            let score = old.map_or(score, |old| aggregate.of(old, score));
            // An equal score would stay, and a zero keep its sign.
            if score == 0.0 && old == Some(0.0) {
                result.remove(member);
            }
            result.insert(member, score, rules);
        });
    }
    result
}

fn intersection(sources: &[(Source<'_>, f64)], aggregate: Aggregate, rules: &Rules) -> SortedSet {
    let mut result = SortedSet::new();
    let Some(((smallest, weight), others)) = sources.split_first() else { return result };
    smallest.visit(|member, score| {
        // A further score that is no number makes a sum 0, and is neither less nor greater.
        let score = others.iter().try_fold(or_zero(score * weight), |sum, (other, weight)| {
            Some(aggregate.of(sum, other.score(member)? * weight))
        });
        if let Some(score) = score {
            result.insert(member, score, rules);
        }
    });
    result
}

fn difference(sources: &[(Source<'_>, f64)], rules: &Rules) -> SortedSet {
    let mut result = SortedSet::new();
    let Some(((first, _), others)) = sources.split_first() else { return result };
    first.visit(|member, score| {
        if others.iter().all(|(other, _)| other.score(member).is_none()) {
            result.insert(member, score, rules);
        }
    });
    result
}
