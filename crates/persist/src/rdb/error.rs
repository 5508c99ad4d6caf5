//! Why something cannot be read.

use super::Version;
use std::io;

/// Something cannot be read: where, and why.
#[derive(Debug, thiserror::Error)]
#[error("at byte {offset}: {cause}")]
pub struct LoadError {
    /// How many bytes had been read when it showed.
    pub offset: u64,
    /// Why.
    pub cause: Cause,
}

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Whoever gives the bytes failed.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// There are fewer bytes than there have to be.
    #[error("ends in the middle")]
    Truncated,
    /// It does not begin as a file of this kind does.
    #[error("begins with neither REDIS nor VALKEY and a version: no RDB file")]
    NotRdb,
    /// It is of a version that is not read.
    #[error("version {0} is not read; versions up to REDIS0012, and VALKEY080, are")]
    Version(Version),
    /// A value is of a type that is not known.
    #[error("type {0} of a value is not known to this version")]
    Type(u8),
    /// It holds data of a module.
    #[error("data of a module, which cannot be loaded without it")]
    Module,
    /// Something is not as it has to be.
    #[error("malformed: expected {0}")]
    Malformed(&'static str),
    /// The bytes are not those that were written.
    #[error("RDB CRC error: {found:016x}, expected {expected:016x}; the file is damaged")]
    Checksum {
        /// That of the bytes.
        found: u64,
        /// The one that stands behind them.
        expected: u64,
    },
}

impl Cause {
    /// Whether there are fewer bytes than there have to be.
    #[must_use]
    pub fn is_truncation(&self) -> bool {
        matches!(self, Cause::Truncated)
    }
}
