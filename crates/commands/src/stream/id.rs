//! Ids of entries as clients write them.

use crate::CommandError;
use base::number::parse_wrapping_u64;
use resp::Reply;
use values::stream::StreamId;

/// The longest id that is looked at, in bytes.
const ID_BYTES_MAX: usize = 127;

const INVALID: CommandError =
    CommandError::Text("ERR Invalid stream ID specified as stream command argument");

/// The id behind a number that is left out: `5` is `5-0` where a range begins, and the last of `5-...` where it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Lowest,
    Highest,
}

/// An id, `ms` or `ms-seq`.
pub(super) fn parse_id(text: &[u8]) -> Result<StreamId, CommandError> {
    parse(text, Missing::Lowest)
}

/// An id, `-` for the lowest or `+` for the highest.
pub(super) fn parse_bound(text: &[u8], missing: Missing) -> Result<StreamId, CommandError> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => parse(text, missing),
    }
}

/// The first id of an interval; `(` before it leaves that one out.
pub(super) fn parse_start(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', id @ ..] if !id.is_empty() => {
            let id = parse_id(id)?;
            id.next().ok_or(CommandError::Text("ERR invalid start ID for the interval"))
        }
        _ => parse_bound(text, Missing::Lowest),
    }
}

/// The last id of an interval; `(` before it leaves that one out.
pub(super) fn parse_end(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', id @ ..] if !id.is_empty() => {
            let id = parse(id, Missing::Highest)?;
            id.previous().ok_or(CommandError::Text("ERR invalid end ID for the interval"))
        }
        _ => parse_bound(text, Missing::Highest),
    }
}

/// The milliseconds of `ms-*`, or the id where it is given in full.
pub(super) fn parse_new_id(text: &[u8]) -> Result<(u64, Option<u64>), CommandError> {
    match until_zero(text).strip_suffix(b"-*") {
        Some(ms) if !ms.contains(&b'-') && text.len() <= ID_BYTES_MAX => {
            Ok((parse_wrapping_u64(ms).ok_or(INVALID)?, None))
        }
        Some(_) | None => parse_id(text).map(|id| (id.ms, Some(id.seq))),
    }
}

fn parse(text: &[u8], missing: Missing) -> Result<StreamId, CommandError> {
    if text.len() > ID_BYTES_MAX {
        return Err(INVALID);
    }
    let text = until_zero(text);
    let (ms, seq) = match text.iter().position(|&byte| byte == b'-') {
        Some(dash) => (&text[..dash], Some(&text[dash + 1..])),
        None => (text, None),
    };
    let seq = match (seq, missing) {
        (Some(seq), _) => parse_wrapping_u64(seq).ok_or(INVALID)?,
        (None, Missing::Lowest) => 0,
        (None, Missing::Highest) => u64::MAX,
    };
    Ok(StreamId::new(parse_wrapping_u64(ms).ok_or(INVALID)?, seq))
}

fn until_zero(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Appends an id as a bulk string.
#[inline]
pub(super) fn reply_id(reply: &mut Reply<'_>, id: StreamId) {
    let mut text = IdText::default();
    reply.bulk(text.of(id));
}

/// Room for the text of an id.
#[derive(Default)]
pub(super) struct IdText(Vec<u8>);

impl IdText {
    /// The text of an id.
    pub(super) fn of(&mut self, id: StreamId) -> &[u8] {
        self.0.clear();
        id.push_to(&mut self.0);
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_redis_reads_them() {
        for (text, id) in [
            ("5", Some((5, 0))),
            ("5-3", Some((5, 3))),
            (" 5-1", Some((5, 1))),
            ("+6-+1", Some((6, 1))),
            ("007-1", Some((7, 1))),
            ("7- -1", Some((7, u64::MAX))),
            ("18446744073709551615", Some((u64::MAX, 0))),
            ("7--1", None),
            ("18446744073709551616", None),
            ("-", None),
            ("5-", None),
            ("-5", None),
            ("5-*", None),
            ("", None),
            ("5x", None),
        ] {
            let expected = id.map(|(ms, seq)| StreamId::new(ms, seq));
            assert_eq!(parse_id(text.as_bytes()).ok(), expected, "{text}");
        }
        assert_eq!(parse_new_id(b"5-*"), Ok((5, None)));
        assert_eq!(parse_new_id(b"5-1"), Ok((5, Some(1))));
        assert!(parse_new_id(b"*").is_err() && parse_new_id(b"5-1-*").is_err());
        assert_eq!(parse_start(b"(5"), Ok(StreamId::new(5, 1)));
        assert_eq!(parse_end(b"(5"), Ok(StreamId::new(5, u64::MAX - 1)));
        assert_eq!(parse_end(b"5"), Ok(StreamId::new(5, u64::MAX)));
    }
}
