//! Members that are removed, by name or in a range.

use super::bounds::{Bounds, By};
use crate::Outcome;
use engine::{Edit, EventClass};
use resp::{Args, Reply};
use values::SortedSet;

pub(super) fn zrem(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    remove(edit, args, "zrem", reply, |set| {
        args.iter_from(2).filter(|member| set.remove(member).is_some()).count()
    })
}

pub(super) fn zremrangebyrank(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    remove_range(edit, args, By::Rank, "zremrangebyrank", reply)
}

pub(super) fn zremrangebyscore(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    remove_range(edit, args, By::Score, "zremrangebyscore", reply)
}

pub(super) fn zremrangebylex(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    remove_range(edit, args, By::Bytes, "zremrangebylex", reply)
}

fn remove_range(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    by: By,
    event: &'static str,
    reply: &mut Reply<'_>,
) -> Outcome {
    let bounds = Bounds::parse(by, &args[2], &args[3])?;
    remove(edit, args, event, reply, |set| {
        let ranks = bounds.ranks(set.view(), false);
        set.remove_range(ranks.clone());
        ranks.len()
    })
}

/// Lets `remove` remove members, and tells how many these were.
fn remove(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    event: &'static str,
    reply: &mut Reply<'_>,
    remove: impl FnOnce(&mut SortedSet) -> usize,
) -> Outcome {
    let removed = edit.modify_as(&args[1], EventClass::SortedSet, |set| {
        let removed = remove(set);
        ((removed > 0).then_some(event), removed)
    })?;
    let removed = removed.unwrap_or(0);
    edit.changed(removed as u64);
    reply.count(removed);
    Ok(())
}
