//! The longest common subsequence of two strings.
//!
//! The usual table of lengths for all pairs of prefixes, walked back from its end. Time and memory grow with the product of
//! the lengths; the memory is bounded by what a string may take.

use super::value::{STRING_BYTES_MAX, length, with_bytes};
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::View;
use resp::{Args, Reply};

pub(super) fn lcs(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let not_strings = |_| CommandError::Text("ERR The specified keys must contain string values");
    let a_length = view.find(&args[1]).map_or(Ok(0), length);
    let b_length = view.find(&args[2]).map_or(Ok(0), length);
    let (a_length, b_length) = (a_length.map_err(not_strings)?, b_length.map_err(not_strings)?);
    let options = Options::parse(args)?;
    let mut cells = Table::cells(a_length, b_length)?;
    // Only now, as the lengths are known to be bearable, are the strings copied: a view shows one record at a time.
    let mut copy = |key| match view.peek(key) {
        Some(record) => with_bytes(record, <[u8]>::to_vec),
        None => Ok(Vec::new()),
    };
    let (a, b) = (copy(&args[1])?, copy(&args[2])?);
    let table = Table::fill(&mut cells, &a, &b);
    match options.form {
        Form::Length => reply.count(table.length() as usize),
        Form::String => reply.bulk(&table.subsequence()),
        Form::Matches => table.reply_matches(&options, reply),
    }
    Ok(())
}

/// What is replied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The subsequence.
    String,
    /// Its length.
    Length,
    /// Where its parts stand in both strings.
    Matches,
}

struct Options {
    form: Form,
    /// Shorter matches are left out.
    match_length_min: u64,
    with_match_length: bool,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, CommandError> {
        let (mut len, mut idx, mut with_match_length, mut match_length_min) =
            (false, false, false, 0);
        let mut rest = args.iter_from(3);
        while let Some(word) = rest.next() {
            if word.eq_ignore_ascii_case(b"IDX") {
                idx = true;
            } else if word.eq_ignore_ascii_case(b"LEN") {
                len = true;
            } else if word.eq_ignore_ascii_case(b"WITHMATCHLEN") {
                with_match_length = true;
            } else if word.eq_ignore_ascii_case(b"MINMATCHLEN") {
                let text = rest.next().ok_or(CommandError::Syntax)?;
                let length = parse_i64(text).ok_or(CommandError::NotInteger)?;
                match_length_min = u64::try_from(length).unwrap_or(0);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        let form = match (len, idx) {
            (true, true) => {
                return Err(CommandError::Text(
                    "ERR If you want both the length and indexes, please just use IDX.",
                ));
            }
            (true, false) => Form::Length,
            (false, true) => Form::Matches,
            (false, false) => Form::String,
        };
        Ok(Options { form, match_length_min, with_match_length })
    }
}

/// The length of the longest common subsequence of every pair of prefixes.
struct Table<'a> {
    a: &'a [u8],
    b: &'a [u8],
    cells: &'a [u32],
}

impl<'a> Table<'a> {
    /// Memory for strings of these lengths, all zeros.
    fn cells(a_length: usize, b_length: usize) -> Result<Vec<u32>, CommandError> {
        let count = (a_length + 1).checked_mul(b_length + 1);
        let count = count.filter(|count| *count <= STRING_BYTES_MAX / size_of::<u32>()).ok_or(
            CommandError::Text(
                "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
            ),
        )?;
        let mut cells = Vec::new();
        cells.try_reserve_exact(count).map_err(|_| {
            CommandError::Text(
                "ERR Insufficient memory, failed allocating transient memory for LCS",
            )
        })?;
        cells.resize(count, 0);
        Ok(cells)
    }

    fn fill(cells: &'a mut [u32], a: &'a [u8], b: &'a [u8]) -> Table<'a> {
        let width = b.len() + 1;
        for (row, a_byte) in a.iter().enumerate() {
            let (above, here) = cells[row * width..][..2 * width].split_at_mut(width);
            for (column, b_byte) in b.iter().enumerate() {
                here[column + 1] = if a_byte == b_byte {
                    above[column] + 1
                } else {
                    above[column + 1].max(here[column])
                };
            }
        }
        Table { a, b, cells }
    }

    /// The length for the first `a` bytes of one string and the first `b` of the other.
    fn at(&self, a: usize, b: usize) -> u32 {
        self.cells[a * (self.b.len() + 1) + b]
    }

    fn length(&self) -> u32 {
        self.at(self.a.len(), self.b.len())
    }

    /// Walks the subsequence from its end to its start: the places of each of its bytes in both strings.
    fn walk(&self, mut visit: impl FnMut(usize, usize)) {
        let (mut a, mut b) = (self.a.len(), self.b.len());
        while a > 0 && b > 0 {
            if self.a[a - 1] == self.b[b - 1] {
                (a, b) = (a - 1, b - 1);
                visit(a, b);
            } else if self.at(a - 1, b) > self.at(a, b - 1) {
                a -= 1;
            } else {
                b -= 1;
            }
        }
    }

    fn subsequence(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.length() as usize);
        self.walk(|a, _| bytes.push(self.a[a]));
        bytes.reverse();
        bytes
    }

    fn reply_matches(&self, options: &Options, reply: &mut Reply<'_>) {
        reply.map(2);
        reply.bulk(b"matches");
        let matches = reply.array_later();
        let mut count = 0;
        let mut emit = |found: Match| {
            if found.length as u64 >= options.match_length_min {
                found.reply(options.with_match_length, reply);
                count += 1;
            }
        };
        let mut current: Option<Match> = None;
        self.walk(|a, b| match &mut current {
            Some(found) if found.a == a + 1 && found.b == b + 1 => {
                *found = Match { a, b, length: found.length + 1 };
            }
            _ => {
                current.replace(Match { a, b, length: 1 }).map(&mut emit);
            }
        });
        current.map(&mut emit);
        reply.close(matches, count);
        reply.bulk(b"len");
        reply.count(self.length() as usize);
    }
}

/// A substring that both strings have in common.
struct Match {
    /// Where it begins in the first string.
    a: usize,
    /// Where it begins in the second string.
    b: usize,
    length: usize,
}

impl Match {
    fn reply(&self, with_length: bool, reply: &mut Reply<'_>) {
        reply.array(2 + usize::from(with_length));
        for start in [self.a, self.b] {
            reply.array(2);
            reply.count(start);
            reply.count(start + self.length - 1);
        }
        if with_length {
            reply.count(self.length);
        }
    }
}
