//! CLUSTER SLOT-STATS: what the slots of this node hold.

use super::orders::{enabled, refused, slot};
use crate::session::Context;
use base::number::parse_i64;
use base::{SLOT_COUNT, Slot};
use cluster::ClusterError;
use commands::{CommandError, Outcome};
use resp::{Args, Reply};

/// Behind ORDERBY and its metric.
#[derive(Clone, Copy)]
struct Order {
    ascends: bool,
    limit: usize,
}

/// `SLOT-STATS SLOTSRANGE first last` and `SLOT-STATS ORDERBY metric [LIMIT count] [ASC|DESC]`.
pub(super) fn slot_stats(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let cluster = enabled(context)?;
    let is = |index: usize, word: &str| {
        args.get(index).is_some_and(|one| one.eq_ignore_ascii_case(word.as_bytes()))
    };
    let view = cluster.view();
    let (keyspace, databases) = (&context.node.keyspace, context.node.keyspace.databases());
    let keys = |slot| {
        let reach = || keyspace.reach();
        (0..databases).map(|database| reach().keys_in_slot(database, slot)).sum::<usize>()
    };
    let served = |first: Slot, last: Slot| {
        let slots = Slot::all().skip(first.index()).take(last.index() + 1 - first.index());
        slots.filter(|&slot| view.is_mine(slot) || view.is_followed(slot))
    };
    if is(2, "slotsrange") && args.len() == 5 {
        let (first, last) = (slot(&args[3])?, slot(&args[4])?);
        if first > last {
            return Err(CommandError::Owned(format!(
                "ERR Start slot number {first} is greater than end slot number {last}"
            )));
        }
        tell(served(first, last).map(|slot| (slot, keys(slot))).collect(), reply);
        return Ok(());
    }
    if !is(2, "orderby") {
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        return Err(CommandError::echo(before, &args[1], "'. Try CLUSTER HELP."));
    }
    if !is(3, "key-count") {
        return Err(CommandError::Text("ERR Unrecognized sort metric for ORDERBY."));
    }
    let order = order(args)?;
    let last = Slot::all().last().ok_or_else(|| refused(ClusterError::SlotOutOfRange))?;
    let mut all: Vec<(Slot, usize)> =
        served(Slot::FIRST, last).map(|slot| (slot, keys(slot))).collect();
    // Those that are equal stay in their order.
    all.sort_by_key(|&(_, keys)| if order.ascends { keys as i64 } else { -(keys as i64) });
    all.truncate(order.limit);
    tell(all, reply);
    Ok(())
}

fn order(args: Args<'_>) -> Result<Order, CommandError> {
    let (mut ascends, mut limit, mut at) = (None, None, 4);
    while let Some(word) = args.get(at) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let is_again = if is("limit") && at + 1 < args.len() {
            at += 1;
            let count = parse_i64(&args[at]).and_then(|count| usize::try_from(count).ok());
            let count = count.filter(|count| (1..=SLOT_COUNT).contains(count));
            limit
                .replace(count.ok_or(CommandError::Text(
                    "ERR Limit has to lie in between 1 and 16384 (maximum number of slots).",
                ))?)
                .is_some()
        } else if is("asc") || is("desc") {
            ascends.replace(is("asc")).is_some()
        } else {
            return Err(CommandError::Syntax);
        };
        if is_again {
            return Err(CommandError::Text(
                "ERR Multiple filters of the same type are disallowed.",
            ));
        }
        at += 1;
    }
    Ok(Order { ascends: ascends.unwrap_or(false), limit: limit.unwrap_or(SLOT_COUNT) })
}

fn tell(all: Vec<(Slot, usize)>, reply: &mut Reply<'_>) {
    reply.array(all.len());
    for (slot, keys) in all {
        reply.array(2);
        reply.integer(i64::from(slot.number()));
        reply.map(1);
        reply.bulk(b"key-count");
        reply.count(keys);
    }
}
