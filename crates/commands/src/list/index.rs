//! Where in a list: numbers that count from either end, and the words for the ends.

use crate::CommandError;
use base::number::parse_i64;
use values::End;

/// A number of an argument.
pub(super) fn parse_index(text: &[u8]) -> Result<i64, CommandError> {
    parse_i64(text).ok_or(CommandError::NotInteger)
}

/// A number whose sign says from which end something is counted: one that has an opposite.
pub(super) fn parse_signed_count(text: &[u8]) -> Result<i64, CommandError> {
    match parse_index(text)? {
        i64::MIN => Err(CommandError::Text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        )),
        count => Ok(count),
    }
}

/// The element that a number means in a list of `len`; negative numbers count from the last.
pub(super) fn element(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(len as i64)? } else { index };
    usize::try_from(index).ok().filter(|&index| index < len)
}

/// The first element of a range in a list of `len`, and how many there are.
pub(super) fn range(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = len as i64;
    let from_start = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (start, stop) = (from_start(start).max(0), from_start(stop).min(len - 1));
    if start > stop {
        return (0, 0);
    }
    (start as usize, (stop - start + 1) as usize)
}

/// `LEFT` or `RIGHT`.
pub(super) fn parse_end(word: &[u8]) -> Result<End, CommandError> {
    if word.eq_ignore_ascii_case(b"left") {
        Ok(End::Left)
    } else if word.eq_ignore_ascii_case(b"right") {
        Ok(End::Right)
    } else {
        Err(CommandError::Syntax)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_list() {
        for (start, stop, expected) in [
            (0, -1, (0, 4)),
            (-2, -1, (2, 2)),
            (-100, 100, (0, 4)),
            (1, 2, (1, 2)),
            (3, 2, (0, 0)),
            (4, 9, (0, 0)),
            (0, -5, (0, 0)),
            (i64::MIN, i64::MAX, (0, 4)),
        ] {
            assert_eq!(range(start, stop, 4), expected, "{start} {stop}");
        }
        assert_eq!(range(0, -1, 0), (0, 0));
        assert_eq!(
            [0, 3, 4, -1, -4, -5, i64::MIN].map(|index| element(index, 4)),
            [Some(0), Some(3), None, Some(3), Some(0), None, None]
        );
    }
}
