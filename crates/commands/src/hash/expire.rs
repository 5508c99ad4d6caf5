//! When fields expire: HEXPIRE and its kin, HTTL and its kin, HPERSIST, HGETEX and HSETEX.

use super::read::reply_value;
use crate::expiry::{Conditions, ExpiryOption, TimeKind};
use crate::{CommandError, Outcome};
use base::number::{parse_i64, with_digits};
use engine::{Edit, EventClass, Expiry, View};
use resp::{Args, Reply};
use values::{FieldExpiry, Hash};

/// What is told of a field that is not there.
const NO_FIELD: i64 = -2;
/// What is told of a field that does not expire.
const NO_EXPIRY: i64 = -1;
/// What is told of a field whose time had come already: it was removed.
const REMOVED: i64 = 2;

const WRONG_COUNT: CommandError = CommandError::Text(
    "ERR numfields should be greater than 0 and match the provided number of fields",
);

/// The fields that a command names: `FIELDS count field ...`.
pub(super) struct Fields {
    first: usize,
    step: usize,
    pub(super) count: usize,
}

impl Fields {
    /// Reads them from the word `FIELDS` on, which stands at `at`; each field is followed by `step - 1` other words.
    pub(super) fn parse(args: Args<'_>, at: usize, step: usize) -> Result<Fields, CommandError> {
        if !args.get(at).is_some_and(|word| word.eq_ignore_ascii_case(b"fields")) {
            return Err(CommandError::Syntax);
        }
        let count = args.get(at + 1).and_then(parse_i64).ok_or(CommandError::NotInteger)?;
        let first = at + 2;
        let words = args.len().saturating_sub(first);
        let count = usize::try_from(count).ok().filter(|&count| count > 0).ok_or(WRONG_COUNT)?;
        if count.checked_mul(step) != Some(words) {
            return Err(WRONG_COUNT);
        }
        Ok(Fields { first, step, count })
    }

    /// Their names.
    pub(super) fn names<'a>(&self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        args.iter_from(self.first).step_by(self.step)
    }

    /// Their names with the word that follows each.
    fn pairs<'a>(&self, args: Args<'a>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.names(args).zip(args.iter_from(self.first + 1).step_by(self.step))
    }

    /// Where the word `FIELDS` stands, from `from` on: not at the end, where no count follows.
    fn find(args: Args<'_>, from: usize) -> Result<usize, CommandError> {
        let mut places = from..args.len().saturating_sub(1);
        places.find(|&at| args[at].eq_ignore_ascii_case(b"fields")).ok_or(WRONG_COUNT)
    }
}

pub(super) fn hexpire(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    expire(edit, args, reply, (TimeKind::EX, "hexpire"))
}

pub(super) fn hpexpire(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    expire(edit, args, reply, (TimeKind::PX, "hpexpire"))
}

pub(super) fn hexpireat(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    expire(edit, args, reply, (TimeKind::EXAT, "hexpireat"))
}

pub(super) fn hpexpireat(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    expire(edit, args, reply, (TimeKind::PXAT, "hpexpireat"))
}

fn expire(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    (kind, command): (TimeKind, &'static str),
) -> Outcome {
    let (rules, now) = (edit.rules(), edit.moment().now);
    let at = Fields::find(args, 3)?;
    let conditions = Conditions::parse(args.iter_from(3).take(at - 3))?;
    let fields = Fields::parse(args, at, 1)?;
    let time = kind.any_moment(&args[2], edit.moment(), command)?;
    if parse_i64(&args[2]).is_some_and(i64::is_negative) {
        return Err(CommandError::InvalidExpireTime(command));
    }
    edit.typed::<Hash>(&args[1])?;
    reply.array(fields.count);
    let is_elapsed = time <= now.0;
    let mut removed = Vec::new();
    let changed = edit.modify_as(&args[1], EventClass::Hash, |hash: &mut Hash| {
        let mut changed = 0;
        for field in fields.names(args) {
            let result = if !hash.view().contains(field, now.0) {
                NO_FIELD
            } else if !conditions.allow(hash.view().time(field), time) {
                0
            } else if is_elapsed {
                hash.remove(field, now.0);
                removed.push(field);
                REMOVED
            } else {
                hash.set_time(field, Some(time), &rules);
                1
            };
            changed += u64::from(result > 0);
            reply.integer(result);
        }
        let event = if is_elapsed { "hexpired" } else { "hexpire" };
        ((changed > 0).then_some(event), changed)
    })?;
    if changed.is_none() {
        (0..fields.count).for_each(|_| reply.integer(NO_FIELD));
    }
    let changed = changed.unwrap_or(0);
    if is_elapsed {
        edit.count_expired_fields(changed);
    }
    edit.changed(changed);
    if changed > 0 && edit.logs() {
        let key = &args[1];
        if is_elapsed {
            log_removed(edit, key, &removed);
        } else {
            with_digits(time, |time| {
                let words = [&b"HPEXPIREAT"[..], key, time].into_iter();
                edit.log_words(words.chain(args.iter_from(3)));
            });
        }
    }
    Ok(())
}

/// Logs that fields were removed.
fn log_removed(edit: &mut Edit<'_, '_>, key: &[u8], fields: &[&[u8]]) {
    edit.log_words([&b"HDEL"[..], key].into_iter().chain(fields.iter().copied()));
}

/// Logs a command on these fields.
fn log_fields(edit: &mut Edit<'_, '_>, words: &[&[u8]], fields: &[&[u8]]) {
    with_digits(fields.len() as i64, |count| {
        let counted = [&b"FIELDS"[..], count];
        edit.log_words(words.iter().chain(&counted).chain(fields).copied());
    });
}

pub(super) fn hpersist(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (rules, now) = (edit.rules(), edit.moment().now.0);
    let fields = Fields::parse(args, 2, 1)?;
    edit.typed::<Hash>(&args[1])?;
    reply.array(fields.count);
    let changed = edit.modify_as(&args[1], EventClass::Hash, |hash: &mut Hash| {
        let mut changed = 0;
        for field in fields.names(args) {
            let result = match hash.view().time(field) {
                _ if !hash.view().contains(field, now) => NO_FIELD,
                None => NO_EXPIRY,
                Some(_) => {
                    hash.set_time(field, None, &rules);
                    changed += 1;
                    1
                }
            };
            reply.integer(result);
        }
        ((changed > 0).then_some("hpersist"), changed)
    })?;
    if changed.is_none() {
        (0..fields.count).for_each(|_| reply.integer(NO_FIELD));
    }
    edit.changed(changed.unwrap_or(0));
    Ok(())
}

pub(super) fn httl(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    times(view, args, reply, |time, now| (time - now + 500) / 1000)
}

pub(super) fn hpttl(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    times(view, args, reply, |time, now| time - now)
}

pub(super) fn hexpiretime(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    times(view, args, reply, |time, _| time.saturating_add(500) / 1000)
}

pub(super) fn hpexpiretime(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    times(view, args, reply, |time, _| time)
}

/// Appends what `told` makes of each field's time and the time that it is now.
fn times(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    told: fn(i64, i64) -> i64,
) -> Outcome {
    let now = view.moment().now.0;
    // A number that does not fit has another error here than where something is changed.
    let fields = Fields::parse(args, 2, 1)
        .map_err(|error| if error == WRONG_COUNT { CommandError::Syntax } else { error })?;
    let hash = view.typed::<Hash>(&args[1])?;
    reply.array(fields.count);
    for field in fields.names(args) {
        let result = match hash.filter(|hash| hash.contains(field, now)) {
            None => NO_FIELD,
            Some(hash) => hash.time(field).map_or(NO_EXPIRY, |time| told(time, now)),
        };
        reply.integer(result);
    }
    Ok(())
}

pub(super) fn hgetex(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (rules, now) = (edit.rules(), edit.moment().now);
    let at = Fields::find(args, 2)?;
    let mut option = ExpiryOption::None;
    let mut index = 2;
    while index < at {
        index += option.take_or_persist(args, index).ok_or(CommandError::Syntax)?;
    }
    if index != at {
        return Err(CommandError::Syntax);
    }
    let fields = Fields::parse(args, at, 1)?;
    let resolved = option.resolve_from_zero(edit.moment(), "hgetex")?;
    edit.typed::<Hash>(&args[1])?;
    reply.array(fields.count);
    let changed = edit.modify_as(&args[1], EventClass::Hash, |hash: &mut Hash| {
        let mut changed = Vec::new();
        for field in fields.names(args) {
            let value = hash.view().get(field, now.0);
            reply_value(value, reply);
            if value.is_none() {
                continue;
            }
            match (option, resolved.expiry) {
                (ExpiryOption::Time(..), Expiry::At(_)) if resolved.elapsed => {
                    hash.remove(field, now.0);
                    changed.push(field);
                }
                (ExpiryOption::Time(..), Expiry::At(time)) => {
                    hash.set_time(field, Some(time), &rules);
                    changed.push(field);
                }
                (ExpiryOption::Persist, _) if hash.view().time(field).is_some() => {
                    hash.set_time(field, None, &rules);
                    changed.push(field);
                }
                (
                    ExpiryOption::None
                    | ExpiryOption::Keep
                    | ExpiryOption::Persist
                    | ExpiryOption::Time(..),
                    _,
                ) => {}
            }
        }
        let event = match option {
            ExpiryOption::Persist => "hpersist",
            ExpiryOption::Time(..) if resolved.elapsed => "hexpired",
            ExpiryOption::None | ExpiryOption::Keep | ExpiryOption::Time(..) => "hexpire",
        };
        ((!changed.is_empty()).then_some(event), changed)
    })?;
    edit.count_lookup_of(&args[1], changed.is_some());
    if changed.is_none() {
        (0..fields.count).for_each(|_| reply.null());
    }
    let changed = changed.unwrap_or_default();
    if resolved.elapsed {
        edit.count_expired_fields(changed.len() as u64);
    }
    edit.changed(changed.len() as u64);
    if !changed.is_empty() && edit.logs() {
        let key = &args[1];
        match resolved.expiry {
            _ if resolved.elapsed => log_removed(edit, key, &changed),
            Expiry::At(time) => {
                with_digits(time, |time| log_fields(edit, &[b"HPEXPIREAT", key, time], &changed));
            }
            Expiry::Keep | Expiry::Clear => log_fields(edit, &[b"HPERSIST", key], &changed),
        }
    }
    Ok(())
}

/// Under which conditions HSETEX sets anything.
#[derive(Default)]
struct SetConditions {
    /// `NX` and `XX`: whether the key has to be there.
    key: Option<bool>,
    /// `FNX` and `FXX`: whether the fields have to be there, all of them or none.
    fields: Option<bool>,
}

impl SetConditions {
    /// Takes a word, if it is one of them and does not contradict one before.
    fn take(&mut self, word: &[u8]) -> bool {
        let lower = word.to_ascii_lowercase();
        let (condition, value) = match &lower[..] {
            b"nx" => (&mut self.key, false),
            b"xx" => (&mut self.key, true),
            b"fnx" => (&mut self.fields, false),
            b"fxx" => (&mut self.fields, true),
            _ => return false,
        };
        condition.replace(value).is_none_or(|before| before == value)
    }
}

pub(super) fn hsetex(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (rules, now) = (edit.rules(), edit.moment().now);
    let at = Fields::find(args, 2)?;
    let (mut option, mut conditions) = (ExpiryOption::None, SetConditions::default());
    let mut index = 2;
    while index < at {
        if conditions.take(&args[index]) {
            index += 1;
            continue;
        }
        index += option.take(args, index).ok_or(CommandError::Syntax)?;
    }
    if index != at {
        return Err(CommandError::Syntax);
    }
    let fields = Fields::parse(args, at, 2)?;
    let resolved = option.resolve_from_zero(edit.moment(), "hsetex")?;
    let hash = edit.typed::<Hash>(&args[1])?;
    let agrees = conditions.key.is_none_or(|there| hash.is_some() == there)
        && conditions.fields.is_none_or(|there| {
            fields
                .names(args)
                .all(|field| hash.is_some_and(|hash| hash.contains(field, now.0)) == there)
        });
    if !agrees {
        reply.integer(0);
        return Ok(());
    }
    let expiry = match resolved.expiry {
        Expiry::Keep => FieldExpiry::Keep,
        Expiry::Clear => FieldExpiry::Clear,
        Expiry::At(time) => FieldExpiry::At(time),
    };
    let changes = if resolved.elapsed {
        set_and_expire(edit, args, &fields)?
    } else {
        let mut expired = Vec::new();
        edit.modify_or_create(&args[1], |hash: &mut Hash| {
            hash.prepare(args.iter_from(at + 2), &rules);
            for (field, value) in fields.pairs(args) {
                if hash.view().time(field).is_some_and(|time| time <= now.0) {
                    expired.push(field);
                }
                hash.set(field, value, (expiry, now.0), &rules);
            }
        })?;
        edit.notify(EventClass::Hash, "hset", &args[1]);
        if matches!(expiry, FieldExpiry::At(_)) {
            edit.notify(EventClass::Hash, "hexpire", &args[1]);
        }
        if edit.logs() {
            // Those have no time to keep.
            if expiry == FieldExpiry::Keep && !expired.is_empty() {
                log_removed(edit, &args[1], &expired);
            }
            log_set(edit, args, at, expiry);
        }
        fields.count as u64
    };
    edit.changed(changes);
    reply.integer(1);
    Ok(())
}

/// Logs an HSETEX that was performed, of which `FIELDS` stands at `at`.
fn log_set(edit: &mut Edit<'_, '_>, args: Args<'_>, at: usize, expiry: FieldExpiry) {
    let mut log = |option: &[&[u8]]| {
        let words = [&b"HSETEX"[..], &args[1]].into_iter().chain(option.iter().copied());
        edit.log_words(words.chain(args.iter_from(at)));
    };
    match expiry {
        FieldExpiry::At(time) => with_digits(time, |time| log(&[b"PXAT", time])),
        FieldExpiry::Keep => log(&[b"KEEPTTL"]),
        FieldExpiry::Clear => log(&[]),
    }
}

/// What is told and what is left where fields are set with a time that has come already: as if they were set first and expired then. How
/// many were there before.
fn set_and_expire(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    fields: &Fields,
) -> Result<u64, CommandError> {
    let (key, now) = (&args[1], edit.moment().now.0);
    let is_new = edit.typed::<Hash>(key)?.is_none();
    if is_new {
        edit.notify(EventClass::New, "new", key);
    }
    edit.notify(EventClass::Hash, "hset", key);
    edit.notify(EventClass::Hash, "hexpire", key);
    let removed = edit.modify_as(key, EventClass::Hash, |hash: &mut Hash| {
        let removed: Vec<&[u8]> =
            fields.names(args).filter(|field| hash.remove(field, now)).collect();
        ((!removed.is_empty()).then_some("hexpired"), removed)
    })?;
    let removed = removed.unwrap_or_default();
    if !removed.is_empty() {
        log_removed(edit, key, &removed);
    } else {
        edit.notify(EventClass::Hash, "hexpired", key);
    }
    if is_new {
        edit.notify(EventClass::Generic, "del", key);
    }
    edit.count_expired_fields(fields.count as u64);
    Ok(removed.len() as u64)
}
