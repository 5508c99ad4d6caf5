//! Removing keys.

use crate::Outcome;
use engine::{Edit, EventClass};
use resp::{Args, Reply};

pub(super) fn del(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut removed = 0;
    for key in args.iter_from(1) {
        if edit.remove(key) {
            edit.notify(EventClass::Generic, "del", key);
            removed += 1;
        }
    }
    edit.changed(removed as u64);
    reply.count(removed);
    Ok(())
}
