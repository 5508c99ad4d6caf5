//! Intersections, unions and differences.

use super::reply::{reply_member, reply_members};
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::{Edit, EventClass, Expiry, Rules, View, WrongKind, value_of};
use resp::{Args, Reply};
use values::{Item, Set, SetRef};

pub(super) fn sinter(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let sets = view.sets(args.iter_from(1))?;
    let length = reply.set_later();
    let mut found = 0;
    if let Some(intersection) = Intersection::of(&sets) {
        for member in intersection.iter() {
            reply_member(reply, member);
            found += 1;
        }
    }
    reply.close(length, found);
    Ok(())
}

pub(super) fn sinterstore(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let rules = edit.rules();
    let sets = edit.sets(args.iter_from(2))?;
    let result = Intersection::of(&sets).map(|intersection| {
        let mut result = intersection.smallest.new_for_members();
        intersection.iter().for_each(|member| {
            result.add(&rules, member);
        });
        result.narrow(&rules);
        result
    });
    store(edit, &args[1], "sinterstore", result.unwrap_or_default(), reply);
    Ok(())
}

pub(super) fn sintercard(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let keys = parse_i64(&args[1])
        .and_then(|keys| usize::try_from(keys).ok())
        .filter(|&keys| keys > 0)
        .ok_or(CommandError::Text("ERR numkeys should be greater than 0"))?;
    if keys > args.len() - 2 {
        return Err(CommandError::Text("ERR Number of keys can't be greater than number of args"));
    }
    let limit = limit(args.iter_from(2 + keys))?;
    let sets = view.sets(args.slice(2..2 + keys).iter_from(0))?;
    let count =
        Intersection::of(&sets).map_or(0, |intersection| intersection.iter().take(limit).count());
    reply.count(count);
    Ok(())
}

/// The value of LIMIT, where 0 is no limit.
fn limit<'a>(mut options: impl Iterator<Item = &'a [u8]>) -> Result<usize, CommandError> {
    let mut limit = 0;
    while let Some(option) = options.next() {
        if !option.eq_ignore_ascii_case(b"limit") {
            return Err(CommandError::Syntax);
        }
        limit = parse_i64(options.next().ok_or(CommandError::Syntax)?)
            .and_then(|limit| usize::try_from(limit).ok())
            .ok_or(CommandError::Text("ERR LIMIT can't be negative"))?;
    }
    Ok(if limit == 0 { usize::MAX } else { limit })
}

pub(super) fn sunion(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = view.rules();
    let sets = view.sets(args.iter_from(1))?;
    reply_members(reply, union(&rules, &sets, Set::hashtable(&rules)).view());
    Ok(())
}

pub(super) fn sunionstore(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let rules = edit.rules();
    let result = union(&rules, &edit.sets(args.iter_from(2))?, Set::new());
    store(edit, &args[1], "sunionstore", result, reply);
    Ok(())
}

pub(super) fn sdiff(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = view.rules();
    let sets = view.sets(args.iter_from(1))?;
    reply_members(reply, difference(&rules, &sets, Set::hashtable(&rules)).view());
    Ok(())
}

pub(super) fn sdiffstore(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let rules = edit.rules();
    let result = difference(&rules, &edit.sets(args.iter_from(2))?, Set::new());
    store(edit, &args[1], "sdiffstore", result, reply);
    Ok(())
}

/// Puts a result under a key, or removes the key where the result is empty, and replies with its size.
fn store(
    edit: &mut Edit<'_, '_>,
    key: &[u8],
    event: &'static str,
    result: Set,
    reply: &mut Reply<'_>,
) {
    reply.count(result.len());
    if !result.is_empty() {
        edit.put_value(key, result, Expiry::Clear);
        edit.notify(EventClass::Set, event, key);
        edit.changed(1);
    } else if edit.remove(key) {
        edit.notify(EventClass::Generic, "del", key);
        edit.changed(1);
    }
}

/// Sets whose common members are wanted, none of them empty.
struct Intersection<'s> {
    smallest: SetRef<'s>,
    /// The others, the smallest first.
    others: Vec<SetRef<'s>>,
}

impl<'s> Intersection<'s> {
    /// `None` where a set is absent, so that nothing is common to all.
    fn of(sets: &[Option<SetRef<'s>>]) -> Option<Intersection<'s>> {
        let mut sets: Vec<SetRef<'_>> = sets.iter().copied().collect::<Option<_>>()?;
        sets.sort_by_key(|set| set.len());
        let (&smallest, others) = sets.split_first()?;
        Some(Intersection { smallest, others: others.to_vec() })
    }

    fn iter(&self) -> impl Iterator<Item = Item<'s>> {
        self.smallest.iter().filter(|&member| self.others.iter().all(|set| set.contains(member)))
    }
}

/// Adds all members to `result`.
fn union(rules: &Rules, sets: &[Option<SetRef<'_>>], mut result: Set) -> Set {
    for member in sets.iter().flatten().flat_map(|set| set.iter()) {
        result.add(rules, member);
    }
    result
}

/// Adds to `result` the members of the first set that are in no other.
///
/// Either each is looked up in the others, or all are added and those of the others are removed: whatever is less work. The choice is
/// Valkey's, for it shows in the layout of the result.
fn difference(rules: &Rules, sets: &[Option<SetRef<'_>>], mut result: Set) -> Set {
    let Some((&Some(first), others)) = sets.split_first() else { return result };
    let others: Vec<SetRef<'_>> = others.iter().copied().flatten().collect();
    // Absent sets are no work.
    let lookups = first.len() * (1 + others.len()) / 2;
    let changes = first.len() + others.iter().map(|set| set.len()).sum::<usize>();
    if lookups <= changes {
        let mut others = others;
        // A member is found sooner where there are many.
        others.sort_by_key(|set| std::cmp::Reverse(set.len()));
        for member in first.iter().filter(|&member| !others.iter().any(|set| set.contains(member)))
        {
            result.add(rules, member);
        }
    } else {
        first.iter().for_each(|member| {
            result.add(rules, member);
        });
        for member in others.iter().flat_map(|set| set.iter()) {
            result.remove(member);
        }
    }
    result
}

/// The sets of several keys at once, for reading.
trait Sets {
    /// One for each key; `None` where it is absent.
    ///
    /// # Errors
    ///
    /// Where one holds another type.
    fn sets<'s, 'key>(
        &'s mut self,
        keys: impl Iterator<Item = &'key [u8]> + Clone,
    ) -> Result<Vec<Option<SetRef<'s>>>, WrongKind>;
}

impl Sets for View<'_, '_> {
    fn sets<'s, 'key>(
        &'s mut self,
        keys: impl Iterator<Item = &'key [u8]> + Clone,
    ) -> Result<Vec<Option<SetRef<'s>>>, WrongKind> {
        self.find_all(keys, value_of::<Set>)
    }
}

impl Sets for Edit<'_, '_> {
    fn sets<'s, 'key>(
        &'s mut self,
        keys: impl Iterator<Item = &'key [u8]> + Clone,
    ) -> Result<Vec<Option<SetRef<'s>>>, WrongKind> {
        self.find_all(keys, value_of::<Set>)
    }
}
