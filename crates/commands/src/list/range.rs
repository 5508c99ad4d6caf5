//! Reading a list: its length, an element, a range of them.

use super::index::{element, parse_index, range};
use crate::Outcome;
use engine::View;
use resp::{Args, Reply};
use values::{Element, List, ListRef};

pub(super) fn llen(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(view.typed::<List>(&args[1])?.map_or(0, ListRef::len));
    Ok(())
}

pub(super) fn lindex(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Some(list) = view.typed::<List>(&args[1])? else {
        reply.null();
        return Ok(());
    };
    let index = parse_index(&args[2])?;
    match element(index, list.len()).and_then(|index| list.get(index)) {
        Some(item) => reply_element(item, reply),
        None => reply.null(),
    }
    Ok(())
}

pub(super) fn lrange(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (start, stop) = (parse_index(&args[2])?, parse_index(&args[3])?);
    let Some(list) = view.typed::<List>(&args[1])? else {
        reply.array(0);
        return Ok(());
    };
    let (first, count) = range(start, stop, list.len());
    reply.array(count);
    list.visit(first, count, |element| reply_element(element, reply));
    Ok(())
}

/// Appends an element.
#[inline]
pub(super) fn reply_element(element: Element<'_>, reply: &mut Reply<'_>) {
    element.with_parts(|parts| reply.bulk_of_parts(parts));
}
