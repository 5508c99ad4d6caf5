//! Adding members, removing them, and moving one to another set.

use crate::Outcome;
use engine::{Edit, EventClass};
use resp::{Args, Reply};
use values::{Item, Set};

pub(super) fn sadd(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (rules, members) = (edit.rules(), args.iter_from(2));
    let added = edit.modify_or_create_if(&args[1], |set: &mut Set| {
        set.expect(&rules, &args[2], members.len());
        let added = members.filter(|member| set.add(&rules, Item::Bytes(member))).count();
        (added > 0, added)
    })?;
    if added > 0 {
        edit.notify(EventClass::Set, "sadd", &args[1]);
        edit.changed(added as u64);
    }
    reply.count(added);
    Ok(())
}

pub(super) fn srem(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let members = args.iter_from(2);
    let removed = edit.modify_as(&args[1], EventClass::Set, |set: &mut Set| {
        let removed = members.filter(|member| set.remove(Item::Bytes(member))).count();
        ((removed > 0).then_some("srem"), removed)
    })?;
    let removed = removed.unwrap_or_default();
    edit.changed(removed as u64);
    reply.count(removed);
    Ok(())
}

pub(super) fn smove(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (source, destination, member) = (&args[1], &args[2], Item::Bytes(&args[3]));
    let Some(set) = edit.typed::<Set>(source)? else {
        reply.integer(0);
        return Ok(());
    };
    let is_there = set.contains(member);
    edit.typed::<Set>(destination)?;
    if is_there && source != destination {
        let rules = edit.rules();
        edit.modify_as(source, EventClass::Set, |set: &mut Set| {
            set.remove(member);
            (Some("srem"), ())
        })?;
        let is_new = edit.modify_or_create_if(destination, |set: &mut Set| {
            set.expect(&rules, &args[3], 1);
            let is_new = set.add(&rules, member);
            (is_new, is_new)
        })?;
        edit.changed(1);
        if is_new {
            edit.changed(1);
            edit.notify(EventClass::Set, "sadd", destination);
        }
    }
    reply.integer(i64::from(is_there));
    Ok(())
}
