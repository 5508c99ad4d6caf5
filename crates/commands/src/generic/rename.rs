//! Giving a key another name.

use crate::{CommandError, Outcome};
use engine::{Edit, EventClass};
use resp::{Args, Reply};

pub(super) fn rename(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (from, to) = (&args[1], &args[2]);
    if edit.find(from).is_none() {
        return Err(CommandError::NoSuchKey);
    }
    if from != to {
        edit.rename(from, to);
        tell_renamed(edit, from, to);
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
    if renamed {
        tell_renamed(edit, from, to);
    }
    reply.integer(i64::from(renamed));
    Ok(())
}

fn tell_renamed(edit: &mut Edit<'_, '_>, from: &[u8], to: &[u8]) {
    edit.notify(EventClass::Generic, "rename_from", from);
    edit.notify(EventClass::Generic, "rename_to", to);
    edit.changed(1);
}
