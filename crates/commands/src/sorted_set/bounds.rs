//! Ranges of scores, of bytes and of ranks, as commands name them, and the ranks of what lies in them.

use crate::CommandError;
use base::number::parse_i64;
use std::ops::Range;
use values::SortedSetRef;

const NOT_SCORES: CommandError = CommandError::Text("ERR min or max is not a float");
const NOT_BYTES: CommandError = CommandError::Text("ERR min or max not valid string range item");

/// One end of a range of scores.
#[derive(Clone, Copy)]
struct ScoreBound {
    score: f64,
    is_excluded: bool,
}

impl ScoreBound {
    /// A number, or one behind a parenthesis that excludes it. No digits at all are 0, and what is too great is infinite.
    fn parse(text: &[u8]) -> Result<ScoreBound, CommandError> {
        let (is_excluded, text) = match text {
            [b'(', rest @ ..] => (true, rest),
            all => (false, all),
        };
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
        let score = if text.is_empty() { Some(0.0) } else { number };
        let score = score.filter(|score| !score.is_nan()).ok_or(NOT_SCORES)?;
        Ok(ScoreBound { score, is_excluded })
    }
}

/// One end of a range of bytes.
#[derive(Clone, Copy)]
enum LexBound<'a> {
    /// `-`: before all.
    Least,
    /// `[member`
    Included(&'a [u8]),
    /// `(member`
    Excluded(&'a [u8]),
    /// `+`: behind all.
    Greatest,
}

impl<'a> LexBound<'a> {
    fn parse(text: &'a [u8]) -> Result<LexBound<'a>, CommandError> {
        match text {
            b"-" => Ok(LexBound::Least),
            b"+" => Ok(LexBound::Greatest),
            [b'[', member @ ..] => Ok(LexBound::Included(member)),
            [b'(', member @ ..] => Ok(LexBound::Excluded(member)),
            _ => Err(NOT_BYTES),
        }
    }

    /// Whether a member stands before a range that begins here.
    fn begins_behind(self, member: &[u8]) -> bool {
        match self {
            LexBound::Least => false,
            LexBound::Included(bound) => member < bound,
            LexBound::Excluded(bound) => member <= bound,
            LexBound::Greatest => true,
        }
    }

    /// Whether a member stands before the end of a range that ends here.
    fn ends_behind(self, member: &[u8]) -> bool {
        match self {
            LexBound::Least => false,
            LexBound::Included(bound) => member <= bound,
            LexBound::Excluded(bound) => member < bound,
            LexBound::Greatest => true,
        }
    }
}

/// What a range goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    Rank,
    Score,
    Bytes,
}

/// A range as a command names it, the lower end first.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'a>(Kind<'a>);

#[derive(Clone, Copy)]
enum Kind<'a> {
    Ranks(i64, i64),
    Scores(ScoreBound, ScoreBound),
    Bytes(LexBound<'a>, LexBound<'a>),
}

impl<'a> Bounds<'a> {
    pub(super) fn parse(by: By, low: &'a [u8], high: &'a [u8]) -> Result<Bounds<'a>, CommandError> {
        Ok(Bounds(match by {
            By::Rank => {
                let rank = |text| parse_i64(text).ok_or(CommandError::NotInteger);
                Kind::Ranks(rank(low)?, rank(high)?)
            }
            By::Score => Kind::Scores(ScoreBound::parse(low)?, ScoreBound::parse(high)?),
            By::Bytes => Kind::Bytes(LexBound::parse(low)?, LexBound::parse(high)?),
        }))
    }

    /// The ranks of the members in the range. Ranks that are given count from the other end where `backwards`.
    pub(super) fn ranks(self, set: SortedSetRef<'_>, backwards: bool) -> Range<usize> {
        let range = match self.0 {
            Kind::Ranks(from, to) => ranks_of(set.len(), from, to, backwards),
            Kind::Scores(low, high) => {
                let from = set.rank_by_score(|score| {
                    score < low.score || (low.is_excluded && score == low.score)
                });
                let to = set.rank_by_score(|score| {
                    score < high.score || (!high.is_excluded && score == high.score)
                });
                from..to
            }
            Kind::Bytes(low, high) => {
                let from = set.rank_by_member(|member| low.begins_behind(member));
                let to = set.rank_by_member(|member| high.ends_behind(member));
                from..to
            }
        };
        range.start..range.end.max(range.start)
    }
}

/// The ranks from one to another, both included; negative ones count from the end.
fn ranks_of(len: usize, from: i64, to: i64, backwards: bool) -> Range<usize> {
    let len = len as i64;
    let counted = |rank: i64| if rank < 0 { rank.saturating_add(len) } else { rank };
    let from = counted(from).clamp(0, len);
    let to = counted(to).clamp(-1, len - 1).saturating_add(1).max(from);
    let range = if backwards { len - to..len - from } else { from..to };
    range.start as usize..range.end as usize
}

/// `LIMIT offset count`: some of a range; a negative count is all, a negative offset leaves nothing.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) offset: i64,
    pub(super) count: i64,
}

impl Limit {
    pub(super) const ALL: Limit = Limit { offset: 0, count: -1 };

    pub(super) fn of(self, ranks: Range<usize>, backwards: bool) -> Range<usize> {
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX).min(ranks.len());
        let count = usize::try_from(self.count).unwrap_or(usize::MAX).min(ranks.len() - offset);
        if backwards {
            let end = ranks.end - offset;
            end - count..end
        } else {
            let start = ranks.start + offset;
            start..start + count
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_count_from_both_ends() {
        assert_eq!(ranks_of(5, 0, -1, false), 0..5);
        assert_eq!(ranks_of(5, 1, 2, false), 1..3);
        assert_eq!(ranks_of(5, 1, 2, true), 2..4);
        assert_eq!(ranks_of(5, -2, 100, false), 3..5);
        assert_eq!(ranks_of(5, -2, 100, true), 0..2);
        assert!(ranks_of(5, 3, 1, false).is_empty());
        assert!(ranks_of(5, 9, 12, false).is_empty());
        assert!(ranks_of(5, -9, -7, true).is_empty());
        assert!(ranks_of(0, i64::MIN, i64::MAX, false).is_empty());
    }

    #[test]
    fn a_limit_counts_in_the_direction_of_the_range() {
        let limit = Limit { offset: 1, count: 2 };
        assert_eq!(limit.of(10..20, false), 11..13);
        assert_eq!(limit.of(10..20, true), 17..19);
        assert_eq!(Limit { offset: 5, count: -1 }.of(10..20, true), 10..15);
        assert!(Limit { offset: -1, count: 5 }.of(10..20, false).is_empty());
        assert!(Limit { offset: 30, count: 5 }.of(10..20, true).is_empty());
    }
}
