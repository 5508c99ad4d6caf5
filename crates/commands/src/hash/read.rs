//! Reading a hash.

use crate::Outcome;
use engine::View;
use resp::{Args, Reply};
use values::{Hash, Item};

/// Appends a field or a value.
#[inline]
pub(super) fn reply_item(item: Item<'_>, reply: &mut Reply<'_>) {
    match item {
        Item::Bytes(bytes) => reply.bulk(bytes),
        Item::Integer(integer) => reply.bulk_integer(integer),
    }
}

/// Appends a value, or null where there is none.
#[inline]
pub(super) fn reply_value(value: Option<Item<'_>>, reply: &mut Reply<'_>) {
    match value {
        Some(value) => reply_item(value, reply),
        None => reply.null(),
    }
}

pub(super) fn hget(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = view.moment().now.0;
    let hash = view.typed::<Hash>(&args[1])?;
    reply_value(hash.and_then(|hash| hash.get(&args[2], now)), reply);
    Ok(())
}

pub(super) fn hmget(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = view.moment().now.0;
    let hash = view.typed::<Hash>(&args[1])?;
    let fields = args.iter_from(2);
    reply.array(fields.len());
    for field in fields {
        reply_value(hash.and_then(|hash| hash.get(field, now)), reply);
    }
    Ok(())
}

pub(super) fn hexists(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = view.moment().now.0;
    let hash = view.typed::<Hash>(&args[1])?;
    reply.integer(i64::from(hash.is_some_and(|hash| hash.contains(&args[2], now))));
    Ok(())
}

pub(super) fn hstrlen(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = view.moment().now.0;
    let hash = view.typed::<Hash>(&args[1])?;
    reply.count(hash.and_then(|hash| hash.get(&args[2], now)).map_or(0, Item::len));
    Ok(())
}

pub(super) fn hlen(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = view.moment().now.0;
    reply.count(view.typed::<Hash>(&args[1])?.map_or(0, |hash| hash.live_len(now)));
    Ok(())
}

pub(super) fn hgetall(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = view.moment().now.0;
    let Some(hash) = view.typed::<Hash>(&args[1])? else {
        reply.map(0);
        return Ok(());
    };
    reply.map(hash.live_len(now));
    hash.visit(now, |field, value| {
        reply_item(field, reply);
        reply_item(value, reply);
    });
    Ok(())
}

pub(super) fn hkeys(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply_all(view, args, reply, |field, _| field)
}

pub(super) fn hvals(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply_all(view, args, reply, |_, value| value)
}

/// Appends one half of all pairs.
fn reply_all(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    half: for<'a> fn(Item<'a>, Item<'a>) -> Item<'a>,
) -> Outcome {
    let now = view.moment().now.0;
    let Some(hash) = view.typed::<Hash>(&args[1])? else {
        reply.array(0);
        return Ok(());
    };
    reply.array(hash.live_len(now));
    hash.visit(now, |field, value| reply_item(half(field, value), reply));
    Ok(())
}
