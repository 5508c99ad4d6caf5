//! Giving a key another name.

use crate::{CommandError, Outcome};
use engine::Edit;
use resp::{Args, Reply};

pub(super) fn rename(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (from, to) = (&args[1], &args[2]);
    if edit.find(from).is_none() {
        return Err(CommandError::NoSuchKey);
    }
    if from != to {
        edit.rename(from, to);
        edit.changed(1);
    }
    reply.ok();
    Ok(())
}

pub(super) fn renamenx(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (from, to) = (&args[1], &args[2]);
    if edit.find(from).is_none() {
        return Err(CommandError::NoSuchKey);
    }
    let renamed = from != to && edit.find(to).is_none() && edit.rename(from, to);
    edit.changed(u64::from(renamed));
    reply.integer(i64::from(renamed));
    Ok(())
}
