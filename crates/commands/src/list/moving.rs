//! Moving an element from one list to another.

use super::index::parse_end;
use super::pop::{last_argument, pop_event};
use super::push::push_event;
use crate::{Attempt, Blocking, CommandError, Outcome};
use engine::{Edit, EventClass, Kind};
use resp::{Args, Reply};
use values::{End, List};

pub(super) fn lmove(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let ends = (parse_end(&args[3])?, parse_end(&args[4])?);
    if move_element(edit, args, ends, reply)? == Attempt::Wait {
        reply.null();
    }
    Ok(())
}

pub(super) fn rpoplpush(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if move_element(edit, args, (End::Right, End::Left), reply)? == Attempt::Wait {
        reply.null();
    }
    Ok(())
}

/// What BLMOVE does.
pub(super) const BLMOVE: Blocking = Blocking {
    timeout: |args| {
        parse_end(&args[3])?;
        parse_end(&args[4])?;
        last_argument(args)
    },
    attempt: |edit, args, _, reply| {
        let ends = (parse_end(&args[3])?, parse_end(&args[4])?);
        let attempt = move_element(edit, args, ends, reply)?;
        if attempt == Attempt::Served {
            edit.log(&[b"LMOVE", &args[1], &args[2], &args[3], &args[4]]);
        }
        Ok(attempt)
    },
    ..BRPOPLPUSH
};

/// What BRPOPLPUSH does.
pub(super) const BRPOPLPUSH: Blocking = Blocking {
    timeout: last_argument,
    attempt: |edit, args, _, reply| {
        let attempt = move_element(edit, args, (End::Right, End::Left), reply)?;
        if attempt == Attempt::Served {
            edit.log(&[b"RPOPLPUSH", &args[1], &args[2]]);
        }
        Ok(attempt)
    },
    nothing: |reply| reply.null(),
    kind: Kind::List,
    destination: Some(2),
    wakes_without_key: false,
    rewrite: None,
};

/// Moves an element, where there is one.
fn move_element(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    (from, to): (End, End),
    reply: &mut Reply<'_>,
) -> Result<Attempt, CommandError> {
    let (source, destination) = (&args[1], &args[2]);
    let rules = edit.rules();
    let Some(list) = edit.typed::<List>(source)? else { return Ok(Attempt::Wait) };
    let Some(element) = list.end(from).map(values::Element::to_vec) else {
        return Ok(Attempt::Wait);
    };
    // Nothing is taken that cannot be put down.
    edit.typed::<List>(destination)?;
    if source == destination {
        edit.modify(source, |list: &mut List| list.rotate(from, to, &rules))?;
        edit.notify(EventClass::List, push_event(to), destination);
        edit.notify(EventClass::List, pop_event(from), source);
    } else {
        edit.modify_or_create(destination, |list: &mut List| {
            list.push_all(to, std::iter::once(&*element), &rules);
        })?;
        edit.notify(EventClass::List, push_event(to), destination);
        edit.modify_as(source, EventClass::List, |list: &mut List| {
            list.pop(from, 1, &rules);
            (Some(pop_event(from)), ())
        })?;
    }
    edit.changed(1);
    reply.bulk(&element);
    Ok(Attempt::Served)
}
