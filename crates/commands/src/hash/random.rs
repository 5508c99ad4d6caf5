//! HRANDFIELD: fields by chance.

use super::read::reply_item;
use crate::{CommandError, Outcome, REPEATED_MAX};
use base::Rng;
use base::number::parse_i64;
use engine::View;
use resp::{Args, Protocol, Reply};
use std::collections::BTreeMap;
use values::{Hash, HashRef, Item};

/// How many fields a hash has for one that is drawn, so that those are drawn one by one, and not left of all.
const FIELDS_PER_DRAWN: usize = 3;

const OUT_OF_RANGE: CommandError = CommandError::Text("ERR value is out of range");

/// How often a field is drawn that turns out to have expired.
const DRAWS_MAX: usize = 64;

pub(super) fn hrandfield(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let (now, mut rng) = (view.moment().now.0, view.rng());
    let Some(count) = args.get(2) else {
        let hash = view.typed::<Hash>(&args[1])?;
        match hash.and_then(|hash| draw(hash, &mut rng, now)) {
            Some((field, _)) => reply_item(field, reply),
            None => reply.null(),
        }
        return Ok(());
    };
    let count = parse_i64(count).ok_or(CommandError::NotInteger)?;
    let with_values = args.len() == 4 && args[3].eq_ignore_ascii_case(b"withvalues");
    if args.len() > 4 || (args.len() == 4 && !with_values) {
        return Err(CommandError::Syntax);
    }
    if count == i64::MIN {
        return Err(CommandError::Text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    if with_values && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
        return Err(OUT_OF_RANGE);
    }
    let hash = view.typed::<Hash>(&args[1])?;
    let fields = hash.map_or(0, |hash| hash.live_len(now));
    let Some(hash) = hash.filter(|_| count != 0 && fields > 0) else {
        reply.array(0);
        return Ok(());
    };
    if count < 0 && count.unsigned_abs() > REPEATED_MAX {
        return Err(OUT_OF_RANGE);
    }
    let mut pairs = Pairs { reply, with_values };
    if count < 0 {
        let count = count.unsigned_abs() as usize;
        pairs.begin(count);
        for _ in 0..count {
            // It has fields: one of them is found, be it the first.
            if let Some((field, value)) = draw(hash, &mut rng, now) {
                pairs.add(field, value);
            }
        }
    } else {
        distinct(hash, (fields, count as usize), now, &mut rng, &mut pairs);
    }
    Ok(())
}

/// Appends fields, each at most once.
fn distinct(
    hash: HashRef<'_>,
    (fields, count): (usize, usize),
    now: i64,
    rng: &mut Rng,
    pairs: &mut Pairs<'_, '_>,
) {
    pairs.begin(count.min(fields));
    if count >= fields {
        hash.visit(now, |field, value| pairs.add(field, value));
    } else if hash.is_compact() || count * FIELDS_PER_DRAWN > fields {
        // Each is taken with the chance that it needs for those that are left to come to the number.
        let (mut left, mut wanted) = (fields as u64, count as u64);
        hash.visit(now, |field, value| {
            if wanted > 0 && rng.below(left) < wanted {
                pairs.add(field, value);
                wanted -= 1;
            }
            left -= 1;
        });
    } else {
        let mut drawn = BTreeMap::new();
        while drawn.len() < count {
            if let Some((field, value)) = draw(hash, rng, now) {
                drawn.insert(field.to_vec(), value.to_vec());
            }
        }
        drawn.iter().for_each(|(field, value)| pairs.add(Item::Bytes(field), Item::Bytes(value)));
    }
}

/// A field by chance; the first there is where chance hits only such as have expired.
fn draw<'h>(hash: HashRef<'h>, rng: &mut Rng, now: i64) -> Option<(Item<'h>, Item<'h>)> {
    (0..DRAWS_MAX).find_map(|_| hash.sample(rng.next_u64(), now)).or_else(|| hash.first(now))
}

/// Fields in a reply, with their values or without.
struct Pairs<'r, 'o> {
    reply: &'r mut Reply<'o>,
    with_values: bool,
}

impl Pairs<'_, '_> {
    /// The array's head: in RESP3 each field with its value is an array of its own.
    fn begin(&mut self, count: usize) {
        let is_flat = self.with_values && self.reply.protocol() == Protocol::Resp2;
        self.reply.array(if is_flat { count * 2 } else { count });
    }

    fn add(&mut self, field: Item<'_>, value: Item<'_>) {
        if self.with_values && self.reply.protocol() == Protocol::Resp3 {
            self.reply.array(2);
        }
        reply_item(field, self.reply);
        if self.with_values {
            reply_item(value, self.reply);
        }
    }
}
