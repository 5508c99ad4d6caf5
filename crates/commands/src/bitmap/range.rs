//! The part of a string that BITCOUNT and BITPOS look at.

use crate::CommandError;
use base::number::parse_i64;
use resp::Args;
use std::ops::Range;

/// What a range counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    Byte,
    Bit,
}

/// `[start [end [BYTE|BIT]]]`, both ends included; negative numbers count from the end of the string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BitRange {
    start: i64,
    /// The last byte where it was left out.
    pub(super) end: Option<i64>,
    unit: Unit,
}

impl BitRange {
    /// The range that stands from argument `first` on, to the end of the request.
    pub(super) fn parse(args: Args<'_>, first: usize) -> Result<BitRange, CommandError> {
        let number = |argument| parse_i64(argument).ok_or(CommandError::NotInteger);
        if args.len() > first + 3 {
            return Err(CommandError::Syntax);
        }
        let start = args.get(first).map_or(Ok(0), number)?;
        let unit = match args.get(first + 2) {
            Some(word) if word.eq_ignore_ascii_case(b"BIT") => Unit::Bit,
            Some(word) if word.eq_ignore_ascii_case(b"BYTE") => Unit::Byte,
            Some(_) => return Err(CommandError::Syntax),
            None => Unit::Byte,
        };
        let end = args.get(first + 1).map(number).transpose()?;
        Ok(BitRange { start, end, unit })
    }

    /// Whether both ends count from the end of the string, and in the wrong order.
    pub(super) fn is_reversed_from_end(self) -> bool {
        self.start < 0 && self.end.is_some_and(|end| end < 0 && self.start > end)
    }

    /// The numbers of the bits in a string of so many bytes; what lies outside of it is cut off.
    pub(super) fn bits(self, bytes: usize) -> Range<usize> {
        let (total, width) = match self.unit {
            Unit::Byte => (bytes as i64, 8),
            Unit::Bit => (bytes as i64 * 8, 1),
        };
        let from_start = |index: i64| if index < 0 { (index + total).max(0) } else { index };
        let start = from_start(self.start);
        let end = from_start(self.end.unwrap_or(-1)).min(total - 1);
        if start > end {
            return 0..0;
        }
        start as usize * width..(end as usize + 1) * width
    }
}
