//! Setting one key: SET with its options, and the commands that are SET with fixed ones.

use super::condition::Condition;
use super::value::reply_string;
use crate::expiry::{ExpiryOption, NewExpiry, TimeKind};
use crate::{CommandError, Outcome};
use base::number::with_digits;
use engine::{Change, Edit, EventClass, Expiry, Removal, new_string};
use resp::{Args, Reply};

pub(super) fn set(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() == 3 {
        edit.put_string(&args[1], &args[2], Expiry::Clear);
        edit.notify(EventClass::String, "set", &args[1]);
        edit.changed(1);
        reply.ok();
        return Ok(());
    }
    let options = Options::parse(args)?;
    let expiry = options.expiry.resolve(edit.moment(), "set")?;
    let setting =
        Setting { condition: options.condition, expiry, old: options.get.then_some(&mut *reply) };
    let performed = setting.apply(edit, &args[1], &args[2])?;
    if performed && edit.logs() {
        log_set(edit, args, &options, expiry);
    }
    if !options.get {
        if performed { reply.ok() } else { reply.null() }
    }
    Ok(())
}

/// Logs a SET that was performed: without GET, with a time that does not depend on when it is read, and without conditions that Valkey does not know.
fn log_set(edit: &mut Edit<'_, '_>, args: Args<'_>, options: &Options<'_>, expiry: NewExpiry) {
    if expiry.elapsed {
        // That the key was removed has been said.
        return;
    }
    if let (ExpiryOption::Time(kind, _), Expiry::At(at)) = (options.expiry, expiry.expiry)
        && kind != TimeKind::PXAT
    {
        log_timed(edit, &args[1], &args[2], at);
        return;
    }
    let mut words: Vec<&[u8]> = args.iter_from(0).take(3).collect();
    let mut rest = args.iter_from(3);
    while let Some(word) = rest.next() {
        let operand = rest.clone().next();
        match Condition::comparing(word, operand) {
            Ok(Some(Condition::Equal(operand))) => {
                rest.next();
                words.extend([word, operand]);
            }
            Ok(Some(_)) => drop(rest.next()),
            _ if word.eq_ignore_ascii_case(b"GET") => {}
            _ => words.push(word),
        }
    }
    edit.log_words(words.into_iter());
}

/// Logs that a key was set, with its time.
fn log_timed(edit: &mut Edit<'_, '_>, key: &[u8], value: &[u8], at: i64) {
    with_digits(at, |at| edit.log(&[b"SET", key, value, b"PXAT", at]));
}

pub(super) fn setnx(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let setting = Setting { condition: Condition::Absent, expiry: NewExpiry::CLEAR, old: None };
    let performed = setting.apply(edit, &args[1], &args[2])?;
    reply.integer(i64::from(performed));
    Ok(())
}

pub(super) fn getset(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (condition, expiry) = (Condition::Always, NewExpiry::CLEAR);
    Setting { condition, expiry, old: Some(reply) }.apply(edit, &args[1], &args[2])?;
    edit.log(&[b"SET", &args[1], &args[2]]);
    Ok(())
}

pub(super) fn setex(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_with_time(edit, args, reply, (TimeKind::EX, "setex"))
}

pub(super) fn psetex(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_with_time(edit, args, reply, (TimeKind::PX, "psetex"))
}

fn set_with_time(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    (kind, command): (TimeKind, &'static str),
) -> Outcome {
    let at = kind.moment(&args[2], edit.moment(), command)?;
    edit.put_string(&args[1], &args[3], Expiry::At(at));
    edit.notify(EventClass::String, "set", &args[1]);
    edit.notify(EventClass::Generic, "expire", &args[1]);
    edit.changed(1);
    log_timed(edit, &args[1], &args[3], at);
    reply.ok();
    Ok(())
}

/// Tells that a key was set, or that it was removed (where it was there) because its time has come already.
fn tell_set(edit: &mut Edit<'_, '_>, key: &[u8], expiry: NewExpiry, found: bool) {
    if !expiry.elapsed {
        edit.notify(EventClass::String, "set", key);
        if matches!(expiry.expiry, Expiry::At(_)) {
            edit.notify(EventClass::Generic, "expire", key);
        }
    } else if found {
        edit.tell_expired(key);
        edit.log_removal(Removal::Expired, key);
    }
}

/// The options of SET.
#[derive(Default)]
struct Options<'a> {
    condition: Condition<'a>,
    get: bool,
    expiry: ExpiryOption<'a>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Options<'a>, CommandError> {
        let mut options = Options::default();
        let mut index = 3;
        while let Some(word) = args.get(index) {
            index += options.take(word, args, index)?;
        }
        Ok(options)
    }

    /// Takes the option at `index`: how many arguments it takes up.
    fn take(&mut self, word: &[u8], args: Args<'a>, index: usize) -> Result<usize, CommandError> {
        if let Some(condition) = Condition::comparing(word, args.get(index + 1))? {
            let first = std::mem::replace(&mut self.condition, condition) == Condition::Always;
            return if first { Ok(2) } else { Err(CommandError::Syntax) };
        }
        self.take_other(word, args, index).ok_or(CommandError::Syntax)
    }

    /// The same for all but the comparing conditions; `None` where it makes no sense there.
    fn take_other(&mut self, word: &[u8], args: Args<'a>, index: usize) -> Option<usize> {
        if word.eq_ignore_ascii_case(b"NX") {
            self.set_condition(Condition::Absent)
        } else if word.eq_ignore_ascii_case(b"XX") {
            self.set_condition(Condition::Present)
        } else if word.eq_ignore_ascii_case(b"GET") {
            self.get = true;
            Some(1)
        } else {
            self.expiry.take(args, index)
        }
    }

    /// The same condition may be repeated, another one not.
    fn set_condition(&mut self, condition: Condition<'a>) -> Option<usize> {
        if self.condition != Condition::Always && self.condition != condition {
            return None;
        }
        self.condition = condition;
        Some(1)
    }
}

/// How a key is to be set.
struct Setting<'a, 'r, 'o> {
    condition: Condition<'a>,
    expiry: NewExpiry,
    /// Where the old value goes, if it is asked for.
    old: Option<&'r mut Reply<'o>>,
}

impl Setting<'_, '_, '_> {
    /// Sets the key where the condition holds; whether it did. A time that has come already removes the key instead.
    fn apply(
        self,
        edit: &mut Edit<'_, '_>,
        key: &[u8],
        value: &[u8],
    ) -> Result<bool, CommandError> {
        let Setting { condition, expiry, old } = self;
        let (mut found, mut performed) = (false, false);
        let reads = old.is_some();
        let changed: Result<_, CommandError> = edit.update(key, |record| {
            found = record.is_some();
            match (old, record) {
                (None, _) => {}
                (Some(reply), None) => reply.null(),
                (Some(reply), Some(record)) => reply_string(record, reply)?,
            }
            performed = condition.holds(record)?;
            Ok(match performed {
                false => Change::None,
                true if expiry.elapsed => Change::Remove,
                true => Change::Put(new_string(value), expiry.expiry),
            })
        });
        if reads {
            edit.count_lookup_of(key, found);
        }
        edit.changed(u64::from(changed?));
        if performed {
            tell_set(edit, key, expiry, found);
        }
        Ok(performed)
    }
}
