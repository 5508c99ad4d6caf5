//! Adding elements at an end.

use crate::Outcome;
use engine::{Edit, EventClass};
use resp::{Args, Reply};
use values::{End, List};

/// The event of adding elements at an end.
pub(super) fn push_event(end: End) -> &'static str {
    match end {
        End::Left => "lpush",
        End::Right => "rpush",
    }
}

pub(super) fn lpush(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    push(edit, args, End::Left, reply)
}

pub(super) fn rpush(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    push(edit, args, End::Right, reply)
}

pub(super) fn lpushx(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    push_existing(edit, args, End::Left, reply)
}

pub(super) fn rpushx(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    push_existing(edit, args, End::Right, reply)
}

fn push(edit: &mut Edit<'_, '_>, args: Args<'_>, end: End, reply: &mut Reply<'_>) -> Outcome {
    let rules = edit.rules();
    let len = edit.modify_or_create(&args[1], |list: &mut List| {
        list.push_all(end, args.iter_from(2), &rules);
        list.len()
    })?;
    conclude(edit, args, end, len, reply);
    Ok(())
}

fn push_existing(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    end: End,
    reply: &mut Reply<'_>,
) -> Outcome {
    let rules = edit.rules();
    let len = edit.modify(&args[1], |list: &mut List| {
        list.push_all(end, args.iter_from(2), &rules);
        list.len()
    })?;
    match len {
        Some(len) => conclude(edit, args, end, len, reply),
        None => reply.integer(0),
    }
    Ok(())
}

fn conclude(edit: &mut Edit<'_, '_>, args: Args<'_>, end: End, len: usize, reply: &mut Reply<'_>) {
    edit.notify(EventClass::List, push_event(end), &args[1]);
    edit.changed(args.len() as u64 - 2);
    reply.count(len);
}
