//! Why a value was refused. The texts are those of Valkey 9.1, for they go out on the wire and to
//! stderr.

use thiserror::Error;

/// Why a directive did not take a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The directive takes another number of words.
    #[error("wrong number of arguments")]
    Count,
    /// Neither yes nor no.
    #[error("argument must be 'yes' or 'no'")]
    YesNo,
    /// Not a decimal integer of 64 bits.
    #[error("argument couldn't be parsed into an integer")]
    Integer,
    /// Not an octal number.
    #[error("argument couldn't be parsed as an octal number")]
    Octal,
    /// Not a number of bytes, with a unit or without.
    #[error("argument must be a memory value")]
    Memory,
    /// Neither a number of bytes nor a percentage.
    #[error("argument must be a memory or percent value")]
    MemoryOrPercent,
    /// A percentage above 100.
    #[error("percentage argument must be less or equal to 100")]
    Percent,
    /// A number beyond the bounds, which are written in the radix of the directive.
    #[error("argument must be between {min} and {max} inclusive")]
    Range {
        /// The least value allowed.
        min: String,
        /// The greatest value allowed.
        max: String,
    },
    /// Not one of the names; these are listed, with commas.
    #[error("argument(s) must be one of the following: {0}")]
    Choice(String),
    /// The directive of this name has no meaning without a value.
    #[error("{0} can't be empty")]
    Empty(&'static str),
    /// The directive of this name takes the name of a file in the working folder.
    #[error("{0} can't be a path, just a filename")]
    NotAFileName(&'static str),
    /// The directive of this name was given more characters than fit its place in a bus packet.
    #[error("{0} is too long")]
    TooLong(&'static str),
    /// The directive of this name was given a character that would break CLUSTER NODES.
    #[error("{0} contains invalid character")]
    Character(&'static str),
    /// A reason that only one directive has.
    #[error("{0}")]
    Special(&'static str),
}
