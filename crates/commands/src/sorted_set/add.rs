//! ZADD and ZINCRBY: members with scores.

use crate::{CommandError, Outcome};
use base::double::parse_double;
use engine::{Edit, EventClass, Rules, WrongKind};
use resp::{Args, Reply};
use values::SortedSet;

/// When a member is added or its score changed, and what is replied.
#[derive(Clone, Copy, Default)]
struct Options {
    /// `NX`: only new members.
    only_new: bool,
    /// `XX`: only members that are there.
    only_present: bool,
    /// `GT`, `LT`: only to a greater or a lower score; new members are added.
    only_greater: bool,
    only_less: bool,
    /// `CH`: members whose score has changed are counted as well as new ones.
    counts_changed: bool,
    /// `INCR`: the score is added to the one that the member has.
    increments: bool,
}

impl Options {
    /// Reads options from argument 2 on, and where the first score stands.
    fn parse(args: Args<'_>) -> (Options, usize) {
        let mut options = Options::default();
        for (index, word) in args.iter_from(2).enumerate() {
            let set = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if set("nx") {
                options.only_new = true;
            } else if set("xx") {
                options.only_present = true;
            } else if set("ch") {
                options.counts_changed = true;
            } else if set("incr") {
                options.increments = true;
            } else if set("gt") {
                options.only_greater = true;
            } else if set("lt") {
                options.only_less = true;
            } else {
                return (options, index + 2);
            }
        }
        (options, args.len())
    }

    fn check(&self, pairs: usize) -> Result<(), CommandError> {
        if self.only_new && self.only_present {
            return Err(CommandError::Text(
                "ERR XX and NX options at the same time are not compatible",
            ));
        }
        let one_direction = self.only_greater != self.only_less;
        if (self.only_greater || self.only_less) && (self.only_new || !one_direction) {
            return Err(CommandError::Text(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if self.increments && pairs > 1 {
            return Err(CommandError::Text(
                "ERR INCR option supports a single increment-element pair",
            ));
        }
        Ok(())
    }
}

/// What became of members.
#[derive(Clone, Copy, Default)]
struct Done {
    added: usize,
    changed: usize,
    /// The score of the last member that the options let through.
    score: Option<f64>,
}

pub(super) fn zadd(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (options, first) = Options::parse(args);
    add(edit, args, options, first, reply)
}

pub(super) fn zincrby(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (options, first) = Options::parse(args);
    add(edit, args, Options { increments: true, ..options }, first, reply)
}

fn add(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    options: Options,
    first: usize,
    reply: &mut Reply<'_>,
) -> Outcome {
    let count = args.len() - first;
    if count == 0 || !count.is_multiple_of(2) {
        return Err(CommandError::Syntax);
    }
    options.check(count / 2)?;
    // All scores are read before the first is used, and again then: reading is cheaper than keeping them.
    let scores = args.iter_from(first).step_by(2).map(parse_double);
    if scores.clone().any(|score| score.is_none()) {
        return Err(CommandError::NotFloat);
    }
    let members = args.iter_from(first + 1).step_by(2);
    let done = put(edit, &args[1], scores.flatten().zip(members), options)?;
    if options.increments {
        reply_score(done.score, reply);
    } else {
        reply.count(if options.counts_changed { done.added + done.changed } else { done.added });
    }
    Ok(())
}

fn reply_score(score: Option<f64>, reply: &mut Reply<'_>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

/// What GEOADD adds, as ZADD adds it; the reply's number, and whether anything was changed.
pub(crate) fn add_places(
    edit: &mut Edit<'_, '_>,
    key: &[u8],
    places: &[(f64, &[u8])],
    (only_new, only_present, counts_changed): (bool, bool, bool),
) -> Result<(usize, bool), CommandError> {
    let options = Options { only_new, only_present, counts_changed, ..Options::default() };
    let done = put(edit, key, places.iter().copied(), options)?;
    let changes = done.added + done.changed;
    Ok((if counts_changed { changes } else { done.added }, changes > 0))
}

fn put<'m>(
    edit: &mut Edit<'_, '_>,
    key: &[u8],
    pairs: impl Iterator<Item = (f64, &'m [u8])> + Clone,
    options: Options,
) -> Result<Done, CommandError> {
    let rules = edit.rules();
    let outcome: Result<Result<Done, CommandError>, WrongKind> =
        edit.modify_or_create_if(key, |set: &mut SortedSet| {
            let (count, longest) = pairs.clone().fold((0, 0), |(count, longest), (_, member)| {
                (count + 1, longest.max(member.len()))
            });
            set.expect(count, longest, &rules);
            let mut done = Done::default();
            for (score, member) in pairs {
                if let Err(error) = put_one(set, (score, member), options, &rules, &mut done) {
                    return (done.added + done.changed > 0, Err(error));
                }
            }
            (done.added + done.changed > 0, Ok(done))
        });
    let done = outcome??;
    let changes = done.added + done.changed;
    if changes > 0 {
        edit.changed(changes as u64);
        let event = if options.increments { "zincr" } else { "zadd" };
        edit.notify(EventClass::SortedSet, event, key);
    }
    Ok(done)
}

fn put_one(
    set: &mut SortedSet,
    (score, member): (f64, &[u8]),
    options: Options,
    rules: &Rules,
    done: &mut Done,
) -> Result<(), CommandError> {
    // Without conditions one look-up tells what was there.
    let is_plain = !(options.only_new
        || options.only_present
        || options.only_greater
        || options.only_less
        || options.increments);
    if is_plain {
        match set.insert(member, score, rules) {
            None => done.added += 1,
            Some(old) if old != score => done.changed += 1,
            Some(_) => {}
        }
        return Ok(());
    }
    let Some(old) = set.view().score(member) else {
        if !options.only_present {
            set.insert(member, score, rules);
            done.added += 1;
            done.score = Some(score);
        }
        return Ok(());
    };
    let score = if options.increments { old + score } else { score };
    if options.only_new {
        return Ok(());
    }
    if score.is_nan() {
        return Err(CommandError::Text("ERR resulting score is not a number (NaN)"));
    }
    if (options.only_greater && score <= old) || (options.only_less && score >= old) {
        return Ok(());
    }
    if score != old {
        set.insert(member, score, rules);
        done.changed += 1;
    }
    done.score = Some(score);
    Ok(())
}
