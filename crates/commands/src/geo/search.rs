//! GEOSEARCH, the commands that it has replaced, and what they store.

use super::cell::Place;
use super::parse::{reply_distance, reply_place};
use super::query::{Form, Order, Query};
use crate::Outcome;
use crate::sorted_set::store;
use engine::{Edit, View};
use resp::{Args, Reply};
use values::{SortedSet, SortedSetRef};

/// A member inside.
struct Found {
    member: Vec<u8>,
    score: f64,
    /// From the middle, in metres.
    distance: f64,
}

pub(super) fn geosearch(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    read(view, args, Form::Search, reply)
}

pub(super) fn georadius_ro(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    read(view, args, Form::RadiusReadOnly, reply)
}

pub(super) fn georadiusbymember_ro(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    read(view, args, Form::RadiusByMemberReadOnly, reply)
}

pub(super) fn georadius(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    read_or_store(edit, args, Form::Radius, reply)
}

pub(super) fn georadiusbymember(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    read_or_store(edit, args, Form::RadiusByMember, reply)
}

pub(super) fn geosearchstore(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    read_or_store(edit, args, Form::SearchStore, reply)
}

fn read(view: &mut View<'_, '_>, args: Args<'_>, form: Form, reply: &mut Reply<'_>) -> Outcome {
    let set = view.typed::<SortedSet>(&args[form.key()])?;
    let query = Query::parse(args, form, set)?;
    reply_found(&query, &search(set, &query), reply);
    Ok(())
}

fn read_or_store(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    form: Form,
    reply: &mut Reply<'_>,
) -> Outcome {
    let rules = edit.rules();
    let set = edit.typed::<SortedSet>(&args[form.key()])?;
    let query = Query::parse(args, form, set)?;
    let found = search(set, &query);
    let is_there = set.is_some();
    edit.count_lookup_of(&args[form.key()], is_there);
    let Some(key) = query.store else {
        reply_found(&query, &found, reply);
        return Ok(());
    };
    let mut result = SortedSet::new();
    for one in &found {
        let score = if query.stores_distance { one.distance / query.metres } else { one.score };
        result.insert(&one.member, score, &rules);
    }
    reply.count(result.len());
    // Each member that is stored counts as a change.
    edit.changed(result.len().saturating_sub(1) as u64);
    let event = if form == Form::SearchStore { "geosearchstore" } else { "georadiusstore" };
    store(edit, key, result, event);
    Ok(())
}

fn search(set: Option<SortedSetRef<'_>>, query: &Query<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let (Some(set), Some(around)) = (set, &query.around) else { return found };
    let enough = query.count.filter(|_| query.any).unwrap_or(usize::MAX);
    for cell in around.cells() {
        if found.len() >= enough {
            break;
        }
        let (low, high) = cell.scores();
        let from = set.rank_by_score(|score| score < low);
        let to = set.rank_by_score(|score| score < high);
        set.visit_while(from..to.max(from), false, |member, score| {
            if let Some(distance) = around.distance_within(Place::of_score(score)) {
                found.push(Found { member: member.to_vec(), score, distance });
            }
            found.len() < enough
        });
    }
    match query.order {
        Order::AsFound => {}
        Order::Nearest => found.sort_by(|one, other| one.distance.total_cmp(&other.distance)),
        Order::Farthest => found.sort_by(|one, other| other.distance.total_cmp(&one.distance)),
    }
    found.truncate(query.count.unwrap_or(usize::MAX));
    found
}

fn reply_found(query: &Query<'_>, found: &[Found], reply: &mut Reply<'_>) {
    let more = [query.with_distance, query.with_hash, query.with_place];
    let more = more.into_iter().filter(|&with| with).count();
    reply.array(found.len());
    for one in found {
        if more > 0 {
            reply.array(1 + more);
        }
        reply.bulk(&one.member);
        if query.with_distance {
            reply_distance(one.distance / query.metres, reply);
        }
        if query.with_hash {
            reply.integer(one.score as i64);
        }
        if query.with_place {
            reply_place(Place::of_score(one.score), reply);
        }
    }
}
