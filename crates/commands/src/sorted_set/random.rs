//! ZRANDMEMBER: members by chance.

use super::range::reply_members;
use crate::{CommandError, Outcome, REPEATED_MAX};
use base::Rng;
use base::number::parse_i64;
use engine::View;
use resp::{Args, Protocol, Reply};
use std::collections::BTreeSet;
use values::{SortedSet, SortedSetRef};

const OUT_OF_RANGE: CommandError = CommandError::Text("ERR value is out of range");

pub(super) fn zrandmember(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let mut rng = view.rng();
    let Some(count) = args.get(2) else {
        match view.typed::<SortedSet>(&args[1])? {
            None => reply.null(),
            Some(set) => {
                let rank = rng.below(set.len() as u64) as usize;
                set.visit(rank..rank + 1, false, |member, _| reply.bulk(member));
            }
        }
        return Ok(());
    };
    let count = parse_i64(count).ok_or(CommandError::NotInteger)?;
    if count == i64::MIN {
        return Err(CommandError::Text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    let with_scores = match (args.get(3), args.get(4)) {
        (None, _) => false,
        (Some(word), None) if word.eq_ignore_ascii_case(b"withscores") => true,
        (Some(_), _) => return Err(CommandError::Syntax),
    };
    // The number of replies is twice that, with a sign.
    let bound = if with_scores { i64::MAX / 2 } else { i64::MAX };
    if !(-bound..=bound).contains(&count) {
        return Err(OUT_OF_RANGE);
    }
    let Some(set) = view.typed::<SortedSet>(&args[1])? else {
        reply.array(0);
        return Ok(());
    };
    if count < 0 && count.unsigned_abs() > REPEATED_MAX {
        return Err(OUT_OF_RANGE);
    }
    let wanted = count.unsigned_abs() as usize;
    if count >= 0 && wanted >= set.len() {
        reply_members(set, 0..set.len(), false, with_scores, reply);
    } else if count >= 0 {
        reply_ranks(set, different(set.len(), wanted, &mut rng).into_iter(), with_scores, reply);
    } else {
        let ranks = (0..wanted).map(|_| rng.below(set.len() as u64) as usize);
        reply_ranks(set, ranks, with_scores, reply);
    }
    Ok(())
}

/// So many different numbers below `len`: each of the last so many draws, or itself where what it draws is there already.
fn different(len: usize, wanted: usize, rng: &mut Rng) -> BTreeSet<usize> {
    let mut drawn = BTreeSet::new();
    for last in len - wanted..len {
        let rank = rng.below(last as u64 + 1) as usize;
        if !drawn.insert(rank) {
            drawn.insert(last);
        }
    }
    drawn
}

fn reply_ranks(
    set: SortedSetRef<'_>,
    ranks: impl ExactSizeIterator<Item = usize>,
    with_scores: bool,
    reply: &mut Reply<'_>,
) {
    let in_pairs = with_scores && reply.protocol() == Protocol::Resp3;
    reply.array(if with_scores && !in_pairs { 2 * ranks.len() } else { ranks.len() });
    for rank in ranks {
        set.visit(rank..rank + 1, false, |member, score| {
            if in_pairs {
                reply.array(2);
            }
            reply.bulk(member);
            if with_scores {
                reply.double(score);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Fixture;

    #[test]
    fn a_short_request_does_not_fill_the_memory() {
        let mut fixture = Fixture::new();
        for (add, random) in [
            ("ZADD k 1 a", "ZRANDMEMBER"),
            ("SADD k a", "SRANDMEMBER"),
            ("HSET k a 1", "HRANDFIELD"),
        ] {
            fixture.run("DEL k");
            fixture.run(add);
            for count in ["-134217729", "-9223372036854775807"] {
                let reply = fixture.run(&format!("{random} k {count}"));
                assert_eq!(reply, "-ERR value is out of range", "{random} {count}");
            }
        }
    }
}
