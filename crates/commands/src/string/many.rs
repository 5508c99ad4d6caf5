//! Several keys at one moment.

use super::value::reply_string;
use crate::expiry::{ExpiryOption, NewExpiry, TimeKind};
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::{Edit, EventClass, Expiry, Removal, View};
use resp::{Args, Reply};

pub(super) fn mget(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array(args.len() - 1);
    for key in args.iter_from(1) {
        // Another type counts as absent.
        if view.find(key).is_none_or(|record| reply_string(record, reply).is_err()) {
            reply.null();
        }
    }
    Ok(())
}

pub(super) fn mset(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let pairs = Pairs::after_name(args, "mset")?;
    pairs.put(edit, Expiry::Clear);
    reply.ok();
    Ok(())
}

pub(super) fn msetnx(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let pairs = Pairs::after_name(args, "msetnx")?;
    let absent = pairs.all(|key| edit.find(key).is_none());
    if absent {
        pairs.put(edit, Expiry::Clear);
    }
    reply.integer(i64::from(absent));
    Ok(())
}

pub(super) fn msetex(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    /// The most keys that the number may announce.
    const KEYS_MAX: i64 = i32::MAX as i64;
    let keys = parse_i64(&args[1])
        .filter(|keys| (1..=KEYS_MAX).contains(keys))
        .ok_or(CommandError::Text("ERR invalid numkeys value or out of range"))?;
    let end = 2 + 2 * keys as usize;
    if args.len() < end {
        return Err(CommandError::Syntax);
    }
    let pairs = Pairs(args.slice(2..end));
    let (condition, option) = msetex_options(args, end)?;
    let NewExpiry { expiry, elapsed } = option.resolve(edit.moment(), "msetex")?;
    let holds =
        condition.is_none_or(|present| pairs.all(|key| edit.find(key).is_some() == present));
    if holds && elapsed {
        // A key that is absent counts as a change, as in Valkey.
        pairs.keys().for_each(|key| {
            if edit.remove(key) {
                edit.log_removal(Removal::Expired, key);
            } else {
                edit.log_nothing();
                edit.notify(EventClass::New, "new", key);
            }
            edit.notify(EventClass::String, "set", key);
            edit.notify(EventClass::Generic, "expire", key);
            edit.tell_expired(key);
        });
        edit.changed(keys as u64);
    } else if holds {
        pairs.put(edit, expiry);
        if let (true, Expiry::At(at)) = (edit.logs(), expiry) {
            log_msetex(edit, args, end, at);
        }
    }
    reply.integer(i64::from(holds));
    Ok(())
}

/// Logs an MSETEX that was performed, with the time that its options, which begin at `options`, come to.
fn log_msetex(edit: &mut Edit<'_, '_>, args: Args<'_>, options: usize, at: i64) {
    let at = at.to_string();
    let mut words: Vec<&[u8]> = args.iter_from(0).collect();
    for index in options..words.len() {
        if TimeKind::of_word(words[index]).is_some() {
            words[index] = b"PXAT";
            words[index + 1] = at.as_bytes();
        }
    }
    edit.log_words(words.into_iter());
}

/// Whether all keys must be there (`XX`) or absent (`NX`), and what becomes of their expiry.
fn msetex_options(
    args: Args<'_>,
    from: usize,
) -> Result<(Option<bool>, ExpiryOption<'_>), CommandError> {
    let (mut condition, mut option) = (None, ExpiryOption::None);
    let mut index = from;
    while let Some(word) = args.get(index) {
        let present = word.eq_ignore_ascii_case(b"XX");
        if present || word.eq_ignore_ascii_case(b"NX") {
            if *condition.get_or_insert(present) != present {
                return Err(CommandError::Syntax);
            }
            index += 1;
        } else {
            index += option.take(args, index).ok_or(CommandError::Syntax)?;
        }
    }
    Ok((condition, option))
}

/// Keys and values by turns.
#[derive(Clone, Copy)]
struct Pairs<'a>(Args<'a>);

impl<'a> Pairs<'a> {
    /// All arguments behind the name.
    fn after_name(args: Args<'a>, command: &str) -> Result<Pairs<'a>, CommandError> {
        if args.len().is_multiple_of(2) {
            return Err(CommandError::WrongArity(command.to_owned()));
        }
        Ok(Pairs(args.slice(1..args.len())))
    }

    fn keys(self) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter_from(0).step_by(2)
    }

    fn all(self, holds: impl FnMut(&[u8]) -> bool) -> bool {
        self.keys().all(holds)
    }

    /// Sets every key; a key that stands there twice gets the later value.
    fn put(self, edit: &mut Edit<'_, '_>, expiry: Expiry) {
        let mut rest = self.0.iter_from(0);
        while let (Some(key), Some(value)) = (rest.next(), rest.next()) {
            edit.put_string(key, value, expiry);
            edit.notify(EventClass::String, "set", key);
            if matches!(expiry, Expiry::At(_)) {
                edit.notify(EventClass::Generic, "expire", key);
            }
        }
        edit.changed(self.0.len() as u64 / 2);
    }
}
