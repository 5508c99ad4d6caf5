//! Replies of RESP2 and RESP3, and a decoder of its own.
//!
//! Written apart from the server's codec, so that one mistake cannot hide in both. Every type that goes
//! over the wire keeps its identity: a null bulk string, a null array and a RESP3 null are three
//! things, and a double keeps its text. Strict where a server has no freedom: `\r\n` ends a line, counts
//! are canonical.

use std::fmt;

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `+`.
    Status(String),
    /// `-`, and RESP3's `!`.
    Error(String),
    /// `:`.
    Integer(i64),
    /// `$`.
    Bulk(Vec<u8>),
    /// `$-1`.
    NullBulk,
    /// `*`.
    Array(Vec<Reply>),
    /// `*-1`.
    NullArray,
    /// `_` of RESP3.
    Null,
    /// `#`.
    Boolean(bool),
    /// `,`, as the text that was sent.
    Double(String),
    /// `(`.
    BigNumber(String),
    /// `=`: the format's three letters, and the text.
    Verbatim(String, Vec<u8>),
    /// `%`.
    Map(Vec<(Reply, Reply)>),
    /// `~`.
    Set(Vec<Reply>),
    /// `>`: out of band.
    Push(Vec<Reply>),
    /// `|`: attributes before a reply.
    Attributed(Vec<(Reply, Reply)>, Box<Reply>),
}

/// The bytes end within a reply: read more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incomplete;

/// What came is not a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyError(pub String);

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a reply: {}", self.0)
    }
}

impl std::error::Error for ReplyError {}

const DEPTH_MAX: usize = 64;

/// Decodes the first reply of `bytes`; gives it and the bytes it took.
///
/// # Errors
/// When the bytes cannot become a reply, whatever follows.
pub fn decode(bytes: &[u8]) -> Result<Result<(Reply, usize), Incomplete>, ReplyError> {
    let mut decoder = Decoder { bytes, at: 0 };
    match decoder.reply(0) {
        Ok(reply) => Ok(Ok((reply, decoder.at))),
        Err(Stop::Incomplete) => Ok(Err(Incomplete)),
        Err(Stop::Wrong(what)) => Err(ReplyError(what)),
    }
}

enum Stop {
    Incomplete,
    Wrong(String),
}

struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Decoder<'a> {
    fn reply(&mut self, depth: usize) -> Result<Reply, Stop> {
        if depth > DEPTH_MAX {
            return Err(Stop::Wrong("nested too deeply".into()));
        }
        let kind = *self.bytes.get(self.at).ok_or(Stop::Incomplete)?;
        self.at += 1;
        let line = self.line()?;
        Ok(match kind {
            b'+' => Reply::Status(text(line)?),
            b'-' => Reply::Error(text(line)?),
            b':' => Reply::Integer(integer(line)?),
            b'$' if line == b"-1" => Reply::NullBulk,
            b'$' => Reply::Bulk(self.bulk(line)?.to_vec()),
            b'!' => Reply::Error(text(self.bulk(line)?)?),
            b'*' if line == b"-1" => Reply::NullArray,
            b'*' => Reply::Array(self.items(line, depth)?),
            b'~' => Reply::Set(self.items(line, depth)?),
            b'>' => Reply::Push(self.items(line, depth)?),
            b'%' => Reply::Map(self.pairs(line, depth)?),
            b'|' => {
                let attributes = self.pairs(line, depth)?;
                Reply::Attributed(attributes, Box::new(self.reply(depth + 1)?))
            }
            b'_' if line.is_empty() => Reply::Null,
            b'#' if line == b"t" => Reply::Boolean(true),
            b'#' if line == b"f" => Reply::Boolean(false),
            b',' => Reply::Double(text(line)?),
            b'(' => Reply::BigNumber(text(line)?),
            b'=' => self.verbatim(line)?,
            _ => return Err(Stop::Wrong(format!("type byte {kind:#04x}, then {line:?}"))),
        })
    }

    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or(Stop::Incomplete)?;
        let (line, _) = rest.split_at(end);
        self.at += end + 1;
        line.strip_suffix(b"\r").ok_or_else(|| Stop::Wrong(format!("no CR at end of {line:?}")))
    }

    fn bulk(&mut self, length: &[u8]) -> Result<&'a [u8], Stop> {
        let length = count(length)?;
        let end = self.at + length;
        let ending = self.bytes.get(end..end + 2).ok_or(Stop::Incomplete)?;
        if ending != b"\r\n" {
            return Err(Stop::Wrong(format!("a bulk of {length} ends in {ending:?}")));
        }
        let bulk = self.bytes.get(self.at..end).ok_or(Stop::Incomplete)?;
        self.at = end + 2;
        Ok(bulk)
    }

    fn verbatim(&mut self, length: &[u8]) -> Result<Reply, Stop> {
        match self.bulk(length)? {
            [a, b, c, b':', body @ ..] => Ok(Reply::Verbatim(text(&[*a, *b, *c])?, body.to_vec())),
            other => Err(Stop::Wrong(format!("verbatim text without format: {other:?}"))),
        }
    }

    fn items(&mut self, length: &[u8], depth: usize) -> Result<Vec<Reply>, Stop> {
        (0..count(length)?).map(|_| self.reply(depth + 1)).collect()
    }

    fn pairs(&mut self, length: &[u8], depth: usize) -> Result<Vec<(Reply, Reply)>, Stop> {
        (0..count(length)?).map(|_| Ok((self.reply(depth + 1)?, self.reply(depth + 1)?))).collect()
    }
}

fn text(bytes: &[u8]) -> Result<String, Stop> {
    // Errors may repeat bytes of the request that are no UTF-8: shown, not lost.
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    })
}

fn integer(line: &[u8]) -> Result<i64, Stop> {
    base::number::parse_i64(line).ok_or_else(|| Stop::Wrong(format!("integer {line:?}")))
}

fn count(line: &[u8]) -> Result<usize, Stop> {
    usize::try_from(integer(line)?).map_err(|_| Stop::Wrong(format!("count {line:?}")))
}

impl Reply {
    /// A bulk string.
    #[must_use]
    pub fn bulk(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bulk(bytes.as_ref().to_vec())
    }

    /// The status `OK`.
    #[must_use]
    pub fn ok() -> Self {
        Self::Status("OK".into())
    }

    /// The integer, if this is one.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        if let Self::Integer(value) = self { Some(*value) } else { None }
    }

    /// The text of a status, an error, a bulk, a number or verbatim text; lossy.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Status(text) | Self::Error(text) | Self::Double(text) | Self::BigNumber(text) => {
                Some(text.clone())
            }
            Self::Integer(value) => Some(value.to_string()),
            Self::Bulk(bytes) | Self::Verbatim(_, bytes) => {
                Some(String::from_utf8_lossy(bytes).into_owned())
            }
            Self::NullBulk
            | Self::Array(_)
            | Self::NullArray
            | Self::Null
            | Self::Boolean(_)
            | Self::Map(_)
            | Self::Set(_)
            | Self::Push(_)
            | Self::Attributed(..) => None,
        }
    }

    /// The elements of an array, a set or a push.
    #[must_use]
    pub fn items(&self) -> Option<&[Reply]> {
        if let Self::Array(items) | Self::Set(items) | Self::Push(items) = self {
            Some(items)
        } else {
            None
        }
    }

    /// True for the three nulls.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::NullBulk | Self::NullArray)
    }

    /// True for an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// This reply as a server of RESP2 sends it where it has no RESP2 form of its own: maps become flat
    /// arrays, sets arrays, doubles strings, booleans 1 and 0.
    #[must_use]
    pub fn in_resp2(&self) -> Self {
        match self {
            Self::Null => Self::NullBulk,
            Self::Boolean(value) => Self::Integer(i64::from(*value)),
            Self::Double(text) | Self::BigNumber(text) => Self::bulk(text),
            Self::Verbatim(_, text) => Self::bulk(text),
            Self::Map(pairs) => {
                Self::Array(pairs.iter().flat_map(|(k, v)| [k.in_resp2(), v.in_resp2()]).collect())
            }
            Self::Array(items) | Self::Set(items) | Self::Push(items) => {
                Self::Array(items.iter().map(Self::in_resp2).collect())
            }
            Self::Attributed(_, reply) => reply.in_resp2(),
            Self::Status(_)
            | Self::Error(_)
            | Self::Integer(_)
            | Self::Bulk(_)
            | Self::NullBulk
            | Self::NullArray => self.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Reply {
        let (reply, taken) = decode(bytes).unwrap().unwrap();
        assert_eq!(taken, bytes.len());
        reply
    }

    #[test]
    fn every_type_keeps_its_identity() {
        assert_eq!(whole(b"+OK\r\n"), Reply::ok());
        assert_eq!(whole(b"-ERR x\r\n"), Reply::Error("ERR x".into()));
        assert_eq!(whole(b":-7\r\n"), Reply::Integer(-7));
        assert_eq!(whole(b"$3\r\na\r\n\r\n"), Reply::bulk("a\r\n"));
        assert_eq!(whole(b"$-1\r\n"), Reply::NullBulk);
        assert_eq!(whole(b"*-1\r\n"), Reply::NullArray);
        assert_eq!(whole(b"_\r\n"), Reply::Null);
        assert_eq!(whole(b"#t\r\n"), Reply::Boolean(true));
        assert_eq!(whole(b",1.50\r\n"), Reply::Double("1.50".into()));
        assert_eq!(whole(b"(12\r\n"), Reply::BigNumber("12".into()));
        assert_eq!(whole(b"=5\r\ntxt:a\r\n"), Reply::Verbatim("txt".into(), b"a".to_vec()));
        let pair = (Reply::Status("k".into()), Reply::Array(vec![Reply::Integer(1)]));
        assert_eq!(whole(b"%1\r\n+k\r\n*1\r\n:1\r\n"), Reply::Map(vec![pair]));
        assert_eq!(whole(b"~1\r\n:1\r\n"), Reply::Set(vec![Reply::Integer(1)]));
        assert_eq!(whole(b">1\r\n:1\r\n"), Reply::Push(vec![Reply::Integer(1)]));
    }

    #[test]
    fn a_reply_cut_anywhere_is_incomplete() {
        let bytes = b"*3\r\n$3\r\nabc\r\n%1\r\n+k\r\n,1\r\n=5\r\ntxt:a\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut]), Ok(Err(Incomplete)), "cut at {cut}");
        }
        whole(bytes);
    }

    #[test]
    fn what_no_server_may_send_is_refused() {
        for bytes in [&b"?\r\n"[..], b":+1\r\n", b"$-2\r\n", b"$1\r\nabc", b"+OK\n", b"#x\r\n"] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
