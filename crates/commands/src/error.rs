//! The client's mistakes: what `Display` gives is the exact text on the wire, code word first.

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
}
