//! PFSELFTEST: whether both forms agree, and how far the estimate is off.

use super::sketch::{self, Form, REGISTERS};
use crate::{CommandError, Outcome, Whole};
use resp::{Args, Reply};

/// So many elements are added.
const ELEMENTS: u64 = 1_000_000;
/// The expected error of an estimate, many times over.
const ERRORS_MAX: f64 = 6.0;

pub(super) fn pfselftest(
    whole: &mut Whole<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    test(whole.rng.next_u64())?;
    reply.ok();
    Ok(())
}

fn test(seed: u64) -> Result<(), CommandError> {
    /// Until so many elements the sparse form has to do.
    const SPARSE_ELEMENTS: u64 = 1000;
    const SPARSE_BYTES: usize = 3000;
    let expected_error = 1.04 / (REGISTERS as f64).sqrt();
    let (mut dense, mut dense_form) = (sketch::empty(), Form::Sparse);
    sketch::make_dense(&mut dense, &mut dense_form)?;
    let (mut grown, mut grown_form) = (sketch::empty(), Form::Sparse);
    let mut checkpoint = 1;
    for number in 1..=ELEMENTS {
        let element = (number ^ seed).to_le_bytes();
        sketch::add(&mut dense, &mut dense_form, &element, SPARSE_BYTES)?;
        sketch::add(&mut grown, &mut grown_form, &element, SPARSE_BYTES)?;
        if number != checkpoint {
            continue;
        }
        checkpoint *= 10;
        let count = sketch::cardinality(&dense, dense_form)?;
        if number < SPARSE_ELEMENTS && grown_form != Form::Sparse {
            return Err(CommandError::Text("ERR TESTFAILED sparse encoding not used"));
        }
        if count != sketch::cardinality(&grown, grown_form)? {
            return Err(CommandError::Text("ERR TESTFAILED dense/sparse disagree"));
        }
        let most = (expected_error * ERRORS_MAX * number as f64).ceil() as u64;
        let error = count.abs_diff(number);
        if error > most {
            let text = format!("ERR TESTFAILED Too big error. card:{number} abserr:{error}");
            return Err(CommandError::Owned(text));
        }
    }
    Ok(())
}
