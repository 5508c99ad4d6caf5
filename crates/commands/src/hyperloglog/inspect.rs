//! PFDEBUG: looking into a HyperLogLog.

use super::dense;
use super::pfadd::change_sketch;
use super::sketch::{self, Form, HEADER_BYTES, REGISTERS};
use super::sparse;
use crate::string::value::with_bytes;
use crate::{CommandError, Outcome};
use engine::Edit;
use resp::{Args, Reply};

pub(super) fn pfdebug(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (word, key) = (&args[1], &args[2]);
    let record =
        edit.find(key).ok_or(CommandError::Text("ERR The specified key does not exist"))?;
    let form = with_bytes(record, Form::of)??;
    if word.eq_ignore_ascii_case(b"GETREG") {
        let changes = make_dense(edit, key)?;
        edit.changed(changes);
        reply_registers(edit, key, reply)
    } else if word.eq_ignore_ascii_case(b"DECODE") {
        if form == Form::Dense {
            return Err(CommandError::Text("ERR HLL encoding is not sparse"));
        }
        reply.bulk(with_bytes(record, |bytes| runs(&bytes[HEADER_BYTES..]))?.as_bytes());
        Ok(())
    } else if word.eq_ignore_ascii_case(b"ENCODING") {
        reply.simple(match form {
            Form::Dense => "dense",
            Form::Sparse => "sparse",
        });
        Ok(())
    } else if word.eq_ignore_ascii_case(b"TODENSE") {
        let changes = make_dense(edit, key)?;
        edit.changed(changes);
        reply.integer(changes.cast_signed());
        Ok(())
    } else {
        Err(CommandError::echo("ERR Unknown PFDEBUG subcommand '", word, "'"))
    }
}

/// How many changes it takes to make a HyperLogLog dense.
fn make_dense(edit: &mut Edit<'_, '_>, key: &[u8]) -> Result<u64, CommandError> {
    change_sketch(edit, key, |bytes, form, _, _| {
        let was_sparse = *form == Form::Sparse;
        sketch::make_dense(bytes, form)?;
        Ok(u64::from(was_sparse))
    })
}

fn reply_registers(edit: &mut Edit<'_, '_>, key: &[u8], reply: &mut Reply<'_>) -> Outcome {
    let record = edit.find(key).expect("the key was there");
    with_bytes(record, |bytes| {
        reply.array(REGISTERS);
        for value in dense::values(&bytes[HEADER_BYTES..]) {
            reply.integer(i64::from(value));
        }
    })
}

/// The runs of a sparse HyperLogLog as text.
fn runs(bytes: &[u8]) -> String {
    let runs = sparse::runs(bytes).map(|run| match (run.value, run.bytes) {
        (0, 1) => format!("z:{}", run.length),
        (0, _) => format!("Z:{}", run.length),
        (value, _) => format!("v:{value},{}", run.length),
    });
    runs.collect::<Vec<_>>().join(" ")
}
