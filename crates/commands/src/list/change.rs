//! Changing a list elsewhere than at its ends.

use super::index::{element, parse_index, parse_signed_count, range};
use crate::{CommandError, Outcome};
use engine::{Edit, EventClass};
use resp::{Args, Reply};
use values::{End, List};

pub(super) fn lset(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = edit.rules();
    if edit.typed::<List>(&args[1])?.is_none() {
        return Err(CommandError::NoSuchKey);
    }
    let index = parse_index(&args[2])?;
    let is_set = edit.modify_if(&args[1], |list: &mut List| {
        // As in Redis, also where the element is not there.
        list.prepare(std::iter::once(&args[3]), &rules);
        let Some(index) = element(index, list.len()) else { return (false, false) };
        list.set(index, &args[3], &rules);
        (true, true)
    })?;
    if is_set != Some(true) {
        return Err(CommandError::Text("ERR index out of range"));
    }
    edit.notify(EventClass::List, "lset", &args[1]);
    edit.changed(1);
    reply.ok();
    Ok(())
}

pub(super) fn linsert(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let behind = if args[2].eq_ignore_ascii_case(b"after") {
        1
    } else if args[2].eq_ignore_ascii_case(b"before") {
        0
    } else {
        return Err(CommandError::Syntax);
    };
    let rules = edit.rules();
    let len = edit.modify_if(&args[1], |list: &mut List| {
        // As in Redis, also where there is no pivot, and so nothing to add.
        list.prepare(std::iter::once(&args[4]), &rules);
        let Some(pivot) = list.view().position(&args[3]) else { return (false, None) };
        list.insert(pivot + behind, &args[4], &rules);
        (true, Some(list.len()))
    })?;
    match len {
        None => reply.integer(0),
        Some(None) => reply.integer(-1),
        Some(Some(len)) => {
            edit.notify(EventClass::List, "linsert", &args[1]);
            edit.changed(1);
            reply.count(len);
        }
    }
    Ok(())
}

pub(super) fn lrem(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = edit.rules();
    let count = parse_signed_count(&args[2])?;
    let from = if count < 0 { End::Right } else { End::Left };
    let most = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let removed = edit.modify_as(&args[1], EventClass::List, |list: &mut List| {
        let removed = list.remove_equal(&args[3], (from, most), &rules);
        ((removed > 0).then_some("lrem"), removed)
    })?;
    let removed = removed.unwrap_or(0);
    edit.changed(removed as u64);
    reply.count(removed);
    Ok(())
}

pub(super) fn ltrim(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = edit.rules();
    let (start, stop) = (parse_index(&args[2])?, parse_index(&args[3])?);
    let removed = edit.modify_as(&args[1], EventClass::List, |list: &mut List| {
        let len = list.len();
        let (first, count) = range(start, stop, len);
        list.remove(first + count, len, &rules);
        list.remove(0, first, &rules);
        ((count < len).then_some("ltrim"), len - count)
    })?;
    if removed == Some(0) {
        // The event comes also where nothing was removed, though the key is not changed.
        edit.notify(EventClass::List, "ltrim", &args[1]);
    }
    edit.changed(removed.unwrap_or(0) as u64);
    reply.ok();
    Ok(())
}
