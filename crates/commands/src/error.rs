//! The client's mistakes: what `Display` gives is the exact text on the wire, code word first.

use engine::WrongKind;
use std::borrow::Cow;

/// Why a command was refused. Deterministic: the same request on the same data gives the same error.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandError {
    /// The options make no sense together, or are unknown.
    #[error("ERR syntax error")]
    Syntax,
    /// The key holds another type.
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    /// An argument or a value is no 64-bit integer.
    #[error("ERR value is not an integer or out of range")]
    NotInteger,
    /// An argument is an integer, but not one of 32 bits.
    #[error("ERR value is out of range, value must between -2147483648 and 2147483647")]
    NotInteger32,
    /// There is no database of that number.
    #[error("ERR DB index is out of range")]
    NoSuchDatabase,
    /// A key would be moved or copied to where it is.
    #[error("ERR source and destination objects are the same")]
    SameObject,
    /// An argument or a value is no finite number.
    #[error("ERR value is not a valid float")]
    NotFloat,
    /// The result would not fit 64 bits.
    #[error("ERR increment or decrement would overflow")]
    Overflow,
    /// The key has to be there.
    #[error("ERR no such key")]
    NoSuchKey,
    /// An argument is out of its range.
    #[error("ERR value is out of range, must be positive")]
    MustBePositive,
    /// The time of an expiry is not positive or too far away.
    #[error("ERR invalid expire time in '{0}' command")]
    InvalidExpireTime(&'static str),
    /// The number of arguments is not the command's.
    #[error("ERR wrong number of arguments for '{0}' command")]
    WrongArity(String),
    /// A text without parts that vary.
    #[error("{0}")]
    Text(&'static str),
    /// A text with parts that vary; line ends in it become spaces on the wire.
    #[error("{0}")]
    Owned(String),
    /// A text that repeats bytes of the client's, which need not be UTF-8.
    #[error("{}", String::from_utf8_lossy(.0))]
    Bytes(Vec<u8>),
}

impl From<WrongKind> for CommandError {
    fn from(_: WrongKind) -> CommandError {
        CommandError::WrongType
    }
}

impl CommandError {
    /// A text with a word of the client's between two of ours.
    #[must_use]
    pub fn echo(before: &str, word: &[u8], after: &str) -> CommandError {
        CommandError::Bytes([before.as_bytes(), echoed(word), after.as_bytes()].concat())
    }

    /// The text on the wire, code word first.
    #[must_use]
    pub fn text(&self) -> Cow<'_, [u8]> {
        #[allow(clippy::wildcard_enum_match_arm, reason = "all others are text of ours")]
        match self {
            CommandError::Bytes(bytes) => Cow::Borrowed(bytes),
            CommandError::Owned(text) => Cow::Borrowed(text.as_bytes()),
            CommandError::Text(text) => Cow::Borrowed(text.as_bytes()),
            other => Cow::Owned(other.to_string().into_bytes()),
        }
    }
}

/// What an error repeats of a client's word: Redis ends it at a zero byte, as C ends a text.
#[must_use]
pub fn echoed(word: &[u8]) -> &[u8] {
    word.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_s_word_is_repeated_as_it_came_up_to_a_zero_byte() {
        let error = CommandError::echo("ERR no '", b"\xff\r\x00b", "' here");
        assert_eq!(*error.text(), *b"ERR no '\xff\r' here");
        assert_eq!(*CommandError::Syntax.text(), *b"ERR syntax error");
    }
}
