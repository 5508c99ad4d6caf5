//! The sparse form: runs of equal registers.
//!
//! `00llllll` are l + 1 zeros, `01llllll llllllll` are l + 1 zeros, `1vvvvvll` are l + 1 registers of value v + 1. A string that came from
//! elsewhere may hold anything; what does not cover all registers is corrupt.

use super::sketch::{Corrupt, REGISTERS};

/// The most zeros that one byte tells of.
const SHORT_ZEROS_MAX: usize = 64;
/// The most registers that a run of values has.
const VALUES_MAX: usize = 4;
/// The highest value that a run of values can have.
pub(super) const VALUE_MAX: u8 = 32;

/// Registers of equal value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    pub(super) value: u8,
    pub(super) length: usize,
    /// Its bytes: one, or two.
    pub(super) bytes: usize,
}

impl Run {
    /// The run at the front of these bytes; `None` where there is none, or only half of one.
    #[inline]
    pub(super) fn first(bytes: &[u8]) -> Option<Run> {
        let first = *bytes.first()?;
        Some(match first >> 6 {
            0 => Run { value: 0, length: usize::from(first) + 1, bytes: 1 },
            1 => {
                let length = u16::from_be_bytes([first & 0x3f, *bytes.get(1)?]);
                Run { value: 0, length: usize::from(length) + 1, bytes: 2 }
            }
            _ => {
                Run { value: (first >> 2 & 0x1f) + 1, length: usize::from(first & 3) + 1, bytes: 1 }
            }
        })
    }

    /// Appends a run of so many registers; none where the length is 0.
    fn push(out: &mut Vec<u8>, value: u8, length: usize) {
        if length == 0 {
            return;
        }
        let long = (length - 1) as u16;
        match value {
            0 if length <= SHORT_ZEROS_MAX => out.push(long as u8),
            0 => out.extend((long | 1 << 14).to_be_bytes()),
            _ => out.push(value_run(value, length)),
        }
    }
}

/// The byte of a run of a value that is not 0.
fn value_run(value: u8, length: usize) -> u8 {
    0x80 | (value - 1) << 2 | (length - 1) as u8
}

/// The runs of all registers from `start` on, none set.
pub(super) fn empty() -> Vec<u8> {
    let mut runs = Vec::new();
    Run::push(&mut runs, 0, REGISTERS);
    runs
}

/// The runs, as far as they can be read.
pub(super) fn runs(mut bytes: &[u8]) -> impl Iterator<Item = Run> {
    std::iter::from_fn(move || {
        let run = Run::first(bytes)?;
        bytes = &bytes[run.bytes..];
        Some(run)
    })
}

/// Calls `visit` with each run and its first register.
pub(super) fn for_each(bytes: &[u8], mut visit: impl FnMut(usize, Run)) -> Result<(), Corrupt> {
    let (mut first, mut read) = (0, 0);
    for run in runs(bytes) {
        if first + run.length > REGISTERS {
            return Err(Corrupt);
        }
        visit(first, run);
        first += run.length;
        read += run.bytes;
    }
    if first == REGISTERS && read == bytes.len() { Ok(()) } else { Err(Corrupt) }
}

/// What came of raising a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Raised {
    /// It was as high already.
    No,
    /// It is higher now.
    Yes,
    /// This form cannot hold the value, or would become too long.
    NeedsDense,
}

/// Raises a register in a sparse HyperLogLog of at most `most` bytes whose runs begin at `start`. The same bytes come of it as in Redis.
pub(super) fn raise(
    sketch: &mut Vec<u8>,
    start: usize,
    (index, value): (usize, u8),
    most: usize,
) -> Result<Raised, Corrupt> {
    if value > VALUE_MAX {
        return Ok(Raised::NeedsDense);
    }
    let (mut before, mut at, mut first) = (start, start, 0);
    let run = loop {
        let run = Run::first(&sketch[at..]).ok_or(Corrupt)?;
        if index < first + run.length {
            break run;
        }
        (before, at, first) = (at, at + run.bytes, first + run.length);
    };
    if run.value >= value {
        return Ok(Raised::No);
    }
    let mut split = Vec::with_capacity(5);
    Run::push(&mut split, run.value, index - first);
    Run::push(&mut split, value, 1);
    Run::push(&mut split, run.value, first + run.length - 1 - index);
    if split.len() > run.bytes && sketch.len() + split.len() - run.bytes > most {
        return Ok(Raised::NeedsDense);
    }
    sketch.splice(at..at + run.bytes, split);
    join(sketch, before);
    Ok(Raised::Yes)
}

/// Joins runs of the same value among the five from `at` on.
fn join(sketch: &mut Vec<u8>, mut at: usize) {
    for _ in 0..5 {
        let Some(run) = Run::first(&sketch[at..]) else { return };
        let next = Run::first(&sketch[at + run.bytes..]);
        let joined = next.filter(|next| {
            run.value != 0 && next.value == run.value && run.length + next.length <= VALUES_MAX
        });
        match joined {
            Some(next) => {
                sketch[at] = value_run(run.value, run.length + next.length);
                sketch.remove(at + 1);
            }
            None => at += run.bytes,
        }
    }
}
