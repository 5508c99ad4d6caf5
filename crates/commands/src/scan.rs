//! What SCAN, SSCAN, HSCAN and ZSCAN have in common: the cursor, the options, and a reply whose length is known at its end.

use crate::CommandError;
use base::glob::{self, Case};
use base::number::{parse_i64, parse_wrapping_u64};
use resp::Reply;

/// How many keys or elements a step looks at where the client does not say.
const COUNT_DEFAULT: usize = 10;

/// The types that SCAN ... TYPE may name.
const TYPES: [&str; 6] = ["string", "list", "set", "zset", "hash", "stream"];

/// What is gone over, which decides the options.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scanned {
    /// Keys: there is TYPE.
    Keys,
    /// Members of a set.
    Members,
    /// Members of a sorted set: there is NOSCORES.
    Scores,
    /// Fields of a hash: there is NOVALUES.
    Fields,
}

/// The options of a step.
pub(crate) struct ScanOptions<'a> {
    /// About how many to look at.
    pub(crate) count: usize,
    /// The pattern of those that are wanted.
    pub(crate) pattern: Option<&'a [u8]>,
    /// The type of keys that are wanted.
    pub(crate) kind: Option<&'a [u8]>,
    /// Whether fields come without their values, or members without their scores.
    pub(crate) without_values: bool,
}

impl<'a> ScanOptions<'a> {
    /// Reads what follows the cursor.
    ///
    /// # Errors
    ///
    /// Where an option is unknown or its value is none.
    pub(crate) fn parse(
        mut options: impl Iterator<Item = &'a [u8]>,
        scanned: Scanned,
    ) -> Result<ScanOptions<'a>, CommandError> {
        let mut parsed =
            ScanOptions { count: COUNT_DEFAULT, pattern: None, kind: None, without_values: false };
        while let Some(option) = options.next() {
            if option.eq_ignore_ascii_case(b"novalues") {
                if scanned != Scanned::Fields {
                    return Err(CommandError::Text(
                        "ERR NOVALUES option can only be used in HSCAN",
                    ));
                }
                parsed.without_values = true;
                continue;
            }
            if option.eq_ignore_ascii_case(b"noscores") {
                if scanned != Scanned::Scores {
                    return Err(CommandError::Text(
                        "ERR NOSCORES option can only be used in ZSCAN",
                    ));
                }
                parsed.without_values = true;
                continue;
            }
            let value = options.next().ok_or(CommandError::Syntax)?;
            if option.eq_ignore_ascii_case(b"count") {
                let count = parse_i64(value).ok_or(CommandError::NotInteger)?;
                parsed.count = usize::try_from(count)
                    .ok()
                    .filter(|&count| count > 0)
                    .ok_or(CommandError::Syntax)?;
            } else if option.eq_ignore_ascii_case(b"match") {
                parsed.pattern = Some(value);
            } else if option.eq_ignore_ascii_case(b"type") && scanned == Scanned::Keys {
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

    /// Whether a field or member is wanted.
    pub(crate) fn matches(&self, element: &[u8]) -> bool {
        self.pattern
            .is_none_or(|glob| glob == b"*" || glob::matches(glob, element, Case::Sensitive))
    }

    /// Goes from step to step until about as many elements as were asked for were visited, or there are no more; the next cursor. `step` is
    /// one step from a cursor; it counts what it visits.
    pub(crate) fn walk(
        &self,
        mut cursor: u64,
        mut step: impl FnMut(u64, &mut usize) -> u64,
    ) -> u64 {
        let mut visited = 0;
        loop {
            cursor = step(cursor, &mut visited);
            if cursor == 0 || visited >= self.count {
                return cursor;
            }
        }
    }
}

/// What was found, in wire form: its number has to be written before it.
pub(crate) struct Found {
    wire: Vec<u8>,
    count: usize,
    protocol: resp::Protocol,
}

impl Found {
    /// Nothing yet, for this reply.
    pub(crate) fn new(reply: &Reply<'_>) -> Found {
        Found { wire: Vec::new(), count: 0, protocol: reply.protocol() }
    }

    /// Adds a string.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.add_with(|reply| reply.bulk(bytes));
    }

    /// Adds one reply that is written.
    pub(crate) fn add_with(&mut self, write: impl FnOnce(&mut Reply<'_>)) {
        write(&mut Reply::new(&mut self.wire, self.protocol));
        self.count += 1;
    }

    /// Writes the array of all.
    pub(crate) fn write(&self, reply: &mut Reply<'_>) {
        reply.array(self.count);
        reply.raw(&self.wire);
    }

    /// Writes the reply of a step: the next cursor and the array of all.
    pub(crate) fn write_step(&self, next: u64, reply: &mut Reply<'_>) {
        reply.array(2);
        reply.bulk_integer(next as i64);
        self.write(reply);
    }
}

/// A cursor, in any form that Redis takes.
///
/// # Errors
///
/// Where it is none.
pub(crate) fn parse_cursor(text: &[u8]) -> Result<u64, CommandError> {
    parse_wrapping_u64(text).ok_or(CommandError::Text("ERR invalid cursor"))
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
            assert_eq!(parse_cursor(text.as_bytes()).ok(), cursor, "{text:?}");
        }
    }
}
