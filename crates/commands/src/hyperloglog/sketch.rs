//! The string of a HyperLogLog, byte for byte Redis's: `HYLL`, the form, three unused bytes, the count as it was last estimated (eight bytes, the lowest
//! first; the uppermost bit says that it holds no more), then the registers.

use super::dense::{self, DENSE_BYTES};
use super::estimate::Histogram;
use super::hash::place;
use super::sparse::{self, Raised};
use crate::CommandError;

/// How many registers there are.
pub(super) const REGISTERS: usize = 1 << 14;
/// What stands before the registers.
pub(super) const HEADER_BYTES: usize = 16;

const MAGIC: &[u8; 4] = b"HYLL";
const FORM_AT: usize = 4;
const COUNT_AT: usize = 8;
/// In the last byte of the count.
const STALE: u8 = 0x80;

/// A string that begins as a HyperLogLog and does not go on as one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Corrupt;

impl From<Corrupt> for CommandError {
    fn from(_: Corrupt) -> CommandError {
        CommandError::Text("INVALIDOBJ Corrupted HLL object detected")
    }
}

/// How the registers stand in the string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Dense,
    Sparse,
}

impl Form {
    /// The form of a string that looks like a HyperLogLog.
    pub(super) fn of(bytes: &[u8]) -> Result<Form, CommandError> {
        let form = match bytes.get(FORM_AT) {
            Some(0) if bytes.len() == DENSE_BYTES => Some(Form::Dense),
            Some(1) if bytes.len() >= HEADER_BYTES => Some(Form::Sparse),
            Some(_) | None => None,
        };
        form.filter(|_| bytes.starts_with(MAGIC))
            .ok_or(CommandError::Text("WRONGTYPE Key is not a valid HyperLogLog string value."))
    }
}

/// A HyperLogLog to which nothing was added.
pub(super) fn empty() -> Vec<u8> {
    let mut sketch = Vec::with_capacity(HEADER_BYTES + 2);
    sketch.extend(MAGIC);
    sketch.extend([1, 0, 0, 0]);
    sketch.extend(0u64.to_le_bytes());
    sketch.extend(sparse::empty());
    sketch
}

/// The count that the string remembers, where nothing was added since.
pub(super) fn remembered(sketch: &[u8]) -> Option<u64> {
    let count = sketch[COUNT_AT..].first_chunk()?;
    (count[7] & STALE == 0).then(|| u64::from_le_bytes(*count))
}

/// Remembers a count.
pub(super) fn remember(sketch: &mut [u8], count: u64) {
    sketch[COUNT_AT..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
}

/// What is remembered holds no more.
pub(super) fn forget(sketch: &mut [u8]) {
    sketch[HEADER_BYTES - 1] |= STALE;
}

/// Estimates how many different elements were added.
pub(super) fn cardinality(sketch: &[u8], form: Form) -> Result<u64, Corrupt> {
    let registers = &sketch[HEADER_BYTES..];
    let histogram = match form {
        Form::Dense => dense::histogram(registers),
        Form::Sparse => {
            let mut histogram = Histogram::new();
            sparse::for_each(registers, |_, run| histogram.add(run.value, run.length))?;
            histogram
        }
    };
    Ok(histogram.cardinality())
}

/// Adds an element to a string of this form, which may change; a sparse one has at most `sparse_bytes`. Whether that made a difference.
pub(super) fn add(
    sketch: &mut Vec<u8>,
    form: &mut Form,
    element: &[u8],
    sparse_bytes: usize,
) -> Result<bool, Corrupt> {
    raise(sketch, form, place(element), sparse_bytes)
}

/// The same for a register and its value.
pub(super) fn raise(
    sketch: &mut Vec<u8>,
    form: &mut Form,
    (index, value): (usize, u8),
    sparse_bytes: usize,
) -> Result<bool, Corrupt> {
    if *form == Form::Sparse {
        match sparse::raise(sketch, HEADER_BYTES, (index, value), sparse_bytes)? {
            Raised::No => return Ok(false),
            Raised::Yes => return Ok(true),
            Raised::NeedsDense => make_dense(sketch, form)?,
        }
    }
    Ok(dense::raise(&mut sketch[HEADER_BYTES..], index, value))
}

/// Brings a string of this form into the dense one.
pub(super) fn make_dense(sketch: &mut Vec<u8>, form: &mut Form) -> Result<(), Corrupt> {
    if *form == Form::Dense {
        return Ok(());
    }
    let mut dense = vec![0; DENSE_BYTES];
    let (header, registers) = dense.split_at_mut(HEADER_BYTES);
    sparse::for_each(&sketch[HEADER_BYTES..], |first, run| {
        if run.value != 0 {
            (first..first + run.length)
                .for_each(|index| dense::set_register(registers, index, run.value));
        }
    })?;
    header.copy_from_slice(&sketch[..HEADER_BYTES]);
    header[FORM_AT] = 0;
    *sketch = dense;
    *form = Form::Dense;
    Ok(())
}

/// The highest values of several HyperLogLogs, register by register.
pub(super) struct Union(Box<[u8; REGISTERS]>);

impl Union {
    /// Of none.
    pub(super) fn new() -> Union {
        Union(Box::new([0; REGISTERS]))
    }

    /// Takes in a string of this form.
    pub(super) fn take(&mut self, sketch: &[u8], form: Form) -> Result<(), Corrupt> {
        let registers = &sketch[HEADER_BYTES..];
        match form {
            Form::Dense => {
                let (highest, _) = self.0.as_chunks_mut::<4>();
                for (highest, four) in highest.iter_mut().zip(dense::fours(registers)) {
                    *highest = std::array::from_fn(|index| four[index].max(highest[index]));
                }
                Ok(())
            }
            Form::Sparse => sparse::for_each(registers, |first, run| {
                for highest in &mut self.0[first..first + run.length] {
                    *highest = run.value.max(*highest);
                }
            }),
        }
    }

    /// Makes a string of this form, which is one of those taken in, hold what all of them hold; a sparse one has at most `sparse_bytes`.
    pub(super) fn write(
        &self,
        sketch: &mut Vec<u8>,
        form: &mut Form,
        sparse_bytes: usize,
    ) -> Result<(), Corrupt> {
        if *form == Form::Dense {
            dense::set_registers(&mut sketch[HEADER_BYTES..], &self.0);
            return Ok(());
        }
        let registers = self.0.iter().copied().enumerate();
        for register in registers.filter(|(_, value)| *value != 0) {
            raise(sketch, form, register, sparse_bytes)?;
        }
        Ok(())
    }

    /// Estimates how many different elements were added to all of them.
    pub(super) fn cardinality(&self) -> u64 {
        let (fours, _) = self.0.as_chunks::<4>();
        Histogram::of(fours.iter().copied()).cardinality()
    }
}
