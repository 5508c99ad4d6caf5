//! Deleting entries by id: XDEL, XDELEX.

use super::id::parse_id;
use super::trim_options::parse_references;
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::{Edit, EventClass};
use resp::{Args, Reply};
use values::Stream;
use values::stream::{Deletion, References, StreamId};

pub(super) fn xdel(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = &args[1];
    if edit.typed::<Stream>(key)?.is_none() {
        reply.integer(0);
        return Ok(());
    }
    let ids = parse_ids(args, 2)?;
    let deletions = delete(edit, key, &ids, References::Keep)?;
    reply.count(deletions.iter().filter(|&&deletion| deletion == Deletion::Deleted).count());
    Ok(())
}

pub(super) fn xdelex(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (references, ids) = parse_ids_option(args, 2)?;
    let deletions = delete(edit, &args[1], &ids, references)?;
    reply.array(deletions.len());
    for deletion in deletions {
        reply.integer(match deletion {
            Deletion::Absent => -1,
            Deletion::Deleted => 1,
            Deletion::Referenced => 2,
        });
    }
    Ok(())
}

/// Deletes entries, sends the event and counts the changes; what became of each.
fn delete(
    edit: &mut Edit<'_, '_>,
    key: &[u8],
    ids: &[StreamId],
    references: References,
) -> Result<Vec<Deletion>, CommandError> {
    let deletions = edit.modify_if(key, |stream: &mut Stream| {
        let deletions: Vec<_> = ids.iter().map(|&id| stream.delete(id, references)).collect();
        (deletions.contains(&Deletion::Deleted), deletions)
    })?;
    let deletions = deletions.unwrap_or_else(|| vec![Deletion::Absent; ids.len()]);
    let deleted = deletions.iter().filter(|&&deletion| deletion == Deletion::Deleted).count();
    if deleted > 0 {
        edit.notify(EventClass::Stream, "xdel", key);
        edit.changed(deleted as u64);
    }
    Ok(deletions)
}

/// The ids from `from` on.
pub(super) fn parse_ids(args: Args<'_>, from: usize) -> Result<Vec<StreamId>, CommandError> {
    args.iter_from(from).map(parse_id).collect()
}

/// `[KEEPREF | DELREF | ACKED] IDS numids id [id ...]`, in any order.
pub(super) fn parse_ids_option(
    args: Args<'_>,
    from: usize,
) -> Result<(References, Vec<StreamId>), CommandError> {
    let (mut references, mut ids) = (None, None);
    let mut index = from;
    while let Some(word) = args.get(index) {
        if let Some(named) = parse_references(word).filter(|_| references.is_none()) {
            references = Some(named);
            index += 1;
        } else if word.eq_ignore_ascii_case(b"IDS") && ids.is_none() && index + 1 < args.len() {
            let count = parse_i64(&args[index + 1]).filter(|&count| count > 0);
            let count = count
                .and_then(|count| usize::try_from(count).ok())
                .ok_or(CommandError::Text("ERR Number of IDs must be a positive integer"))?;
            let first = index + 2;
            if count > args.len() - first {
                return Err(CommandError::Text(
                    "ERR The `numids` parameter must match the number of arguments",
                ));
            }
            index = first + count;
            ids = Some(parse_ids(args.slice(0..index), first)?);
        } else {
            return Err(CommandError::Syntax);
        }
    }
    Ok((references.unwrap_or_default(), ids.ok_or(CommandError::Syntax)?))
}
