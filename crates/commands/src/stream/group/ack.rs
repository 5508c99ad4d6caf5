//! Acknowledging entries: XACK, XACKDEL.

use super::super::delete::{parse_ids, parse_ids_option};
use super::named::{change_group, has_group};
use crate::{CommandError, Outcome};
use engine::{Edit, EventClass};
use resp::{Args, Reply};
use values::Stream;
use values::stream::{Deletion, References, StreamId};

pub(in crate::stream) fn xack(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let (key, group) = (&args[1], &args[2]);
    if !has_group(edit, key, group)? {
        reply.integer(0);
        return Ok(());
    }
    let ids = parse_ids(args, 3)?;
    let acknowledged = change_group(edit, (key, group), |_, group| {
        ids.iter().filter(|&&id| group.forget(id)).count()
    })?;
    let acknowledged = acknowledged.unwrap_or(0);
    edit.changed(acknowledged as u64);
    reply.count(acknowledged);
    Ok(())
}

pub(in crate::stream) fn xackdel(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let (references, ids) = parse_ids_option(args, 3)?;
    let (key, group) = (&args[1], &args[2]);
    let outcomes = edit.modify_if(key, |stream: &mut Stream| {
        let acknowledge = |&id: &StreamId| acknowledge_and_delete(stream, group, id, references);
        let outcomes: Vec<_> = ids.iter().map(acknowledge).collect();
        (outcomes.contains(&Some(Deletion::Deleted)), outcomes)
    })?;
    let outcomes = outcomes.unwrap_or_else(|| vec![None; ids.len()]);
    reply.array(outcomes.len());
    for outcome in &outcomes {
        reply.integer(match outcome {
            None => -1,
            Some(Deletion::Absent | Deletion::Deleted) => 1,
            Some(Deletion::Referenced) => 2,
        });
    }
    count_changes(edit, key, &outcomes)
}

/// Acknowledges an entry for a group and deletes it; `None` where it was not pending.
fn acknowledge_and_delete(
    stream: &mut Stream,
    group: &[u8],
    id: StreamId,
    references: References,
) -> Option<Deletion> {
    let is_acknowledged = stream.change_group(group, |_, group| group.forget(id))?;
    is_acknowledged.then(|| stream.delete(id, references))
}

fn count_changes(
    edit: &mut Edit<'_, '_>,
    key: &[u8],
    outcomes: &[Option<Deletion>],
) -> Result<(), CommandError> {
    let acknowledged = outcomes.iter().flatten().count();
    edit.changed(acknowledged as u64);
    if outcomes.contains(&Some(Deletion::Deleted)) {
        edit.notify(EventClass::Stream, "xdel", key);
    }
    Ok(())
}
