//! Going over the keys: SCAN in steps, KEYS at once, RANDOMKEY by chance.

use super::pattern::KeyPattern;
use crate::{CommandError, Outcome, Whole};
use base::number::parse_i64;
use engine::{KeyRecord, kind};
use resp::{Args, Reply};

/// How many keys a step of SCAN looks at where the client does not say.
const COUNT_DEFAULT: usize = 10;

/// The types that SCAN ... TYPE may name.
const TYPES: [&str; 6] = ["string", "list", "set", "zset", "hash", "stream"];

pub(super) fn scan(whole: &mut Whole<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(&args[1]).ok_or(CommandError::Text("ERR invalid cursor"))?;
    let options = ScanOptions::parse(args)?;
    let now = whole.moment.now;
    let mut found = Found::new(reply);
    let visit = |record: &KeyRecord| {
        if options.want(record) {
            found.add(record.key());
        }
    };
    let (database, count) = (whole.database, options.count);
    let next = match options.pattern.slot() {
        Some(slot) => whole.reach.scan_slot((database, slot), cursor, count, now, visit),
        None => whole.reach.scan(database, cursor, count, now, visit),
    };
    reply.array(2);
    reply.bulk_integer(next as i64);
    found.write(reply);
    Ok(())
}

pub(super) fn keys(whole: &mut Whole<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let pattern = KeyPattern::new(&args[1]);
    let mut found = Found::new(reply);
    let visit = |record: &KeyRecord| {
        if pattern.matches(record.key()) {
            found.add(record.key());
        }
    };
    let now = whole.moment.now;
    match pattern.slot() {
        Some(slot) => whole.reach.visit_slot(whole.database, slot, now, visit),
        None => whole.reach.visit_all(whole.database, now, visit),
    }
    found.write(reply);
    Ok(())
}

pub(super) fn randomkey(whole: &mut Whole<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = whole.reach.random_key(whole.database, whole.rng, whole.moment.now);
    reply.bulk_or_null(key.as_deref());
    Ok(())
}

/// Keys that were found, in wire form: their number has to be written before them.
struct Found {
    wire: Vec<u8>,
    count: usize,
    protocol: resp::Protocol,
}

impl Found {
    fn new(reply: &Reply<'_>) -> Found {
        Found { wire: Vec::new(), count: 0, protocol: reply.protocol() }
    }

    fn add(&mut self, key: &[u8]) {
        Reply::new(&mut self.wire, self.protocol).bulk(key);
        self.count += 1;
    }

    fn write(&self, reply: &mut Reply<'_>) {
        reply.array(self.count);
        reply.raw(&self.wire);
    }
}

struct ScanOptions<'a> {
    count: usize,
    pattern: KeyPattern<'a>,
    kind: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    fn parse(args: Args<'a>) -> Result<ScanOptions<'a>, CommandError> {
        let mut parsed = ScanOptions { count: COUNT_DEFAULT, pattern: KeyPattern::ALL, kind: None };
        let mut options = args.iter_from(2);
        while let Some(option) = options.next() {
            if option.eq_ignore_ascii_case(b"novalues") {
                return Err(CommandError::Text("ERR NOVALUES option can only be used in HSCAN"));
            }
            let value = options.next().ok_or(CommandError::Syntax)?;
            if option.eq_ignore_ascii_case(b"count") {
                let count = parse_i64(value).ok_or(CommandError::NotInteger)?;
                parsed.count = usize::try_from(count)
                    .ok()
                    .filter(|&count| count > 0)
                    .ok_or(CommandError::Syntax)?;
            } else if option.eq_ignore_ascii_case(b"match") {
                parsed.pattern = KeyPattern::new(value);
            } else if option.eq_ignore_ascii_case(b"type") {
                if !TYPES.iter().any(|name| value.eq_ignore_ascii_case(name.as_bytes())) {
                    return Err(CommandError::echo("ERR unknown type name '", value, "'"));
                }
                parsed.kind = Some(value);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(parsed)
    }

    fn want(&self, record: &KeyRecord) -> bool {
        self.kind.is_none_or(|name| name.eq_ignore_ascii_case(kind(record).name().as_bytes()))
            && self.pattern.matches(record.key())
    }
}

/// A cursor, in any form that C's `strtoull` reads, as Redis takes it: white space and a sign may precede, and a negative number wraps.
/// The plain form of a negative integer is refused, though.
fn parse_cursor(text: &[u8]) -> Option<u64> {
    if parse_i64(text).is_some_and(i64::is_negative) {
        return None;
    }
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'))?;
    let (negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0u64, |value, &digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { value.wrapping_neg() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_c_reads_them() {
        for (text, cursor) in [
            ("0", Some(0)),
            ("007", Some(7)),
            (" 1", Some(1)),
            ("\t+1", Some(1)),
            ("-0", Some(0)),
            ("-01", Some(u64::MAX)),
            ("-1", None),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-18446744073709551615", Some(1)),
            ("", None),
            ("+", None),
            ("+-1", None),
            ("1 ", None),
            ("1.0", None),
            ("0x1", None),
        ] {
            assert_eq!(parse_cursor(text.as_bytes()), cursor, "{text:?}");
        }
    }
}
