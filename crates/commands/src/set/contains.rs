//! What is in a set.

use super::reply::reply_members;
use crate::Outcome;
use engine::View;
use resp::{Args, Reply};
use values::{Item, Set, SetRef};

pub(super) fn scard(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let set = view.typed::<Set>(&args[1])?;
    reply.count(set.map_or(0, SetRef::len));
    Ok(())
}

pub(super) fn sismember(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let set = view.typed::<Set>(&args[1])?;
    let is_member = set.is_some_and(|set| set.contains(Item::Bytes(&args[2])));
    reply.integer(i64::from(is_member));
    Ok(())
}

pub(super) fn smismember(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let set = view.typed::<Set>(&args[1])?;
    let members = args.iter_from(2);
    reply.array(members.len());
    for member in members {
        let is_member = set.is_some_and(|set| set.contains(Item::Bytes(member)));
        reply.integer(i64::from(is_member));
    }
    Ok(())
}

pub(super) fn smembers(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    match view.typed::<Set>(&args[1])? {
        Some(set) => reply_members(reply, set),
        None => reply.set(0),
    }
    Ok(())
}
