//! When a key is set or deleted: whether it is there, and what it holds.

use super::value::with_bytes;
use crate::CommandError;
use engine::KeyRecord;
use xxhash_rust::xxh3::xxh3_64;

/// A condition on the old value of a key.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Condition<'a> {
    /// In any case.
    #[default]
    Always,
    /// `NX`: where it is absent.
    Absent,
    /// `XX`: where it is there.
    Present,
    /// `IFEQ`: where it holds this string.
    Equal(&'a [u8]),
    /// `IFNE`: where it does not hold this string.
    Different(&'a [u8]),
    /// `IFDEQ`: where it holds a string of this digest.
    Digest(u64),
    /// `IFDNE`: where it does not hold a string of this digest.
    OtherDigest(u64),
}

impl<'a> Condition<'a> {
    /// The condition of that name which compares with an operand; `None` where there is none.
    ///
    /// # Errors
    ///
    /// Where the operand is missing, or is no digest.
    pub(super) fn comparing(
        word: &[u8],
        operand: Option<&'a [u8]>,
    ) -> Result<Option<Condition<'a>>, CommandError> {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        let digest = |operand| {
            parse_digest(operand).ok_or(CommandError::Text(
                "ERR The digest must be exactly 16 hexadecimal characters",
            ))
        };
        let condition: &dyn Fn(&'a [u8]) -> Result<Condition<'a>, CommandError> = if is(b"IFEQ") {
            &|operand| Ok(Condition::Equal(operand))
        } else if is(b"IFNE") {
            &|operand| Ok(Condition::Different(operand))
        } else if is(b"IFDEQ") {
            &|operand| digest(operand).map(Condition::Digest)
        } else if is(b"IFDNE") {
            &|operand| digest(operand).map(Condition::OtherDigest)
        } else {
            return Ok(None);
        };
        condition(operand.ok_or(CommandError::Syntax)?).map(Some)
    }

    /// Whether it holds for what a key holds.
    ///
    /// # Errors
    ///
    /// Where a string is to be compared and the key holds another type.
    pub(super) fn holds(self, old: Option<&KeyRecord>) -> Result<bool, CommandError> {
        let compares = |equals: &dyn Fn(&[u8]) -> bool| match old {
            Some(old) => with_bytes(old, equals),
            None => Ok(false),
        };
        match self {
            Condition::Always => Ok(true),
            Condition::Absent => Ok(old.is_none()),
            Condition::Present => Ok(old.is_some()),
            Condition::Equal(value) => compares(&|bytes| bytes == value),
            Condition::Different(value) => Ok(!compares(&|bytes| bytes == value)?),
            Condition::Digest(digest) => compares(&|bytes| xxh3_64(bytes) == digest),
            Condition::OtherDigest(digest) => Ok(!compares(&|bytes| xxh3_64(bytes) == digest)?),
        }
    }
}

/// What DIGEST replies, read back.
fn parse_digest(text: &[u8]) -> Option<u64> {
    let is_digest = text.len() == 16 && text.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(text).ok().filter(|_| is_digest)?;
    u64::from_str_radix(text, 16).ok()
}
