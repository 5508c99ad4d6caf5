//! What is told of a sorted set and of its members, one by one.

use super::bounds::{Bounds, By};
use crate::{CommandError, Outcome};
use engine::View;
use resp::{Args, Reply};
use values::{SortedSet, SortedSetRef};

pub(super) fn zcard(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(view.typed::<SortedSet>(&args[1])?.map_or(0, SortedSetRef::len));
    Ok(())
}

pub(super) fn zcount(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    count(view, args, By::Score, reply)
}

pub(super) fn zlexcount(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    count(view, args, By::Bytes, reply)
}

fn count(view: &mut View<'_, '_>, args: Args<'_>, by: By, reply: &mut Reply<'_>) -> Outcome {
    let bounds = Bounds::parse(by, &args[2], &args[3])?;
    let set = view.typed::<SortedSet>(&args[1])?;
    reply.count(set.map_or(0, |set| bounds.ranks(set, false).len()));
    Ok(())
}

pub(super) fn zscore(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let set = view.typed::<SortedSet>(&args[1])?;
    match set.and_then(|set| set.score(&args[2])) {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
    Ok(())
}

pub(super) fn zmscore(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let set = view.typed::<SortedSet>(&args[1])?;
    reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => reply.double(score),
            None => reply.null(),
        }
    }
    Ok(())
}

pub(super) fn zrank(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    rank(view, args, "zrank", reply)
}

pub(super) fn zrevrank(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    rank(view, args, "zrevrank", reply)
}

fn rank(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    name: &'static str,
    reply: &mut Reply<'_>,
) -> Outcome {
    if args.len() > 4 {
        return Err(CommandError::WrongArity(name.to_owned()));
    }
    let with_score = args.get(3).map(|word| word.eq_ignore_ascii_case(b"withscore"));
    if with_score == Some(false) {
        return Err(CommandError::Syntax);
    }
    let set = view.typed::<SortedSet>(&args[1])?;
    let found = set.and_then(|set| Some((set.rank(&args[2])?, set.len())));
    let Some(((rank, score), len)) = found else {
        if with_score.is_some() {
            reply.null_array();
        } else {
            reply.null();
        }
        return Ok(());
    };
    let rank = if name == "zrank" { rank } else { len - 1 - rank };
    if with_score.is_some() {
        reply.array(2);
        reply.count(rank);
        reply.double(score);
    } else {
        reply.count(rank);
    }
    Ok(())
}
