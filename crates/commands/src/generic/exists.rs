//! Which keys are there.

use crate::Outcome;
use engine::{View, kind};
use resp::{Args, Reply};

/// A key that is named twice counts twice.
pub(super) fn exists(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(args.iter_from(1).filter(|key| view.inspect(key).is_some()).count());
    Ok(())
}

pub(super) fn touch(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(args.iter_from(1).filter(|key| view.find_and_touch(key).is_some()).count());
    Ok(())
}

pub(super) fn type_of(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.simple(view.inspect(&args[1]).map_or("none", |record| kind(record).name()));
    Ok(())
}
