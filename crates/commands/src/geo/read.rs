//! What is told of members: places, geohashes and distances.

use super::cell::Place;
use super::parse::{reply_distance, reply_place, unit};
use super::shape::distance;
use crate::{CommandError, Outcome};
use engine::View;
use resp::{Args, Reply};
use values::{SortedSet, SortedSetRef};

/// Where a member is.
pub(super) fn place_of(set: Option<SortedSetRef<'_>>, member: &[u8]) -> Option<Place> {
    set?.score(member).map(Place::of_score)
}

pub(super) fn geodist(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let metres = match (args.get(4), args.get(5)) {
        (None, _) => 1.0,
        (Some(text), None) => unit(text)?,
        (Some(_), Some(_)) => return Err(CommandError::Syntax),
    };
    let set = view.typed::<SortedSet>(&args[1])?;
    match (place_of(set, &args[2]), place_of(set, &args[3])) {
        (Some(one), Some(other)) => reply_distance(distance(one, other) / metres, reply),
        (None, _) | (_, None) => reply.null(),
    }
    Ok(())
}

pub(super) fn geohash(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let set = view.typed::<SortedSet>(&args[1])?;
    reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        let text = place_of(set, member).map(Place::geohash);
        reply.bulk_or_null(text.as_ref().map(|text| &text[..]));
    }
    Ok(())
}

pub(super) fn geopos(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let set = view.typed::<SortedSet>(&args[1])?;
    reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        match place_of(set, member) {
            Some(place) => reply_place(place, reply),
            None => reply.null_array(),
        }
    }
    Ok(())
}
