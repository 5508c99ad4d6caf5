//! Removing keys.

use crate::Outcome;
use engine::Edit;
use resp::{Args, Reply};

pub(super) fn del(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let removed = args.iter_from(1).filter(|key| edit.remove(key)).count();
    edit.changed(removed as u64);
    reply.count(removed);
    Ok(())
}
