//! Members by chance: SPOP removes them, SRANDMEMBER leaves them.

use super::reply::{reply_member, reply_members};
use crate::{CommandError, Outcome, REPEATED_MAX};
use base::Rng;
use base::number::parse_i64;
use engine::{Edit, EventClass, Removal, Rules, View};
use resp::{Args, Reply};
use values::{Item, Set, SetRef};

/// How many members have to be popped for one that stays, so that those that stay are moved to a set of their own instead.
const POPPED_PER_STAYING: usize = 5;

pub(super) fn spop(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let Some(count) = args.get(2) else { return pop_one(edit, &args[1], reply) };
    let count = parse_i64(count)
        .and_then(|count| usize::try_from(count).ok())
        .ok_or(CommandError::MustBePositive)?;
    pop_many(edit, &args[1], count, reply)
}

fn pop_one(edit: &mut Edit<'_, '_>, key: &[u8], reply: &mut Reply<'_>) -> Outcome {
    let random = edit.rng().next_u64();
    let popped = edit.modify_as(key, EventClass::Set, |set: &mut Set| {
        let member = owned(set.view().sample(random));
        set.remove(Item::Bytes(&member));
        (Some("spop"), member)
    })?;
    if let Some(member) = &popped {
        edit.changed(1);
        edit.log(&[b"SREM", key, member]);
    }
    reply.bulk_or_null(popped.as_deref());
    Ok(())
}

fn pop_many(edit: &mut Edit<'_, '_>, key: &[u8], count: usize, reply: &mut Reply<'_>) -> Outcome {
    let (rules, mut rng) = (edit.rules(), edit.rng());
    let size = edit.typed::<Set>(key)?.map_or(0, SetRef::len);
    let count = count.min(size);
    if count == 0 {
        reply.set(0);
    } else if count == size {
        pop_all(edit, key, reply)?;
    } else {
        let mut popped = Popped { reply, logged: edit.logs().then(Vec::new) };
        edit.modify_as(key, EventClass::Set, |set: &mut Set| {
            pop_some(set, count, &rules, &mut rng, &mut popped);
            (Some("spop"), ())
        })?;
        for members in popped.logged.unwrap_or_default().chunks(LOGGED_MEMBERS_MAX) {
            let members = members.iter().map(Vec::as_slice);
            edit.log_words([&b"SREM"[..], key].into_iter().chain(members));
        }
    }
    edit.changed(count as u64);
    Ok(())
}

/// The most members that are removed by one command of the log.
const LOGGED_MEMBERS_MAX: usize = 1024;

/// Where members go that were popped.
struct Popped<'r, 'o> {
    reply: &'r mut Reply<'o>,
    /// The same members for the log, if it wants to know.
    logged: Option<Vec<Vec<u8>>>,
}

impl Popped<'_, '_> {
    fn note(&mut self, member: &[u8]) {
        if let Some(logged) = &mut self.logged {
            logged.push(member.to_vec());
        }
    }
}

fn pop_all(edit: &mut Edit<'_, '_>, key: &[u8], reply: &mut Reply<'_>) -> Outcome {
    if let Some(set) = edit.typed::<Set>(key)? {
        reply_members(reply, set);
    }
    edit.notify(EventClass::Set, "spop", key);
    edit.remove(key);
    edit.notify(EventClass::Generic, "del", key);
    edit.log_removal(Removal::Emptied, key);
    Ok(())
}

fn pop_some(
    set: &mut Set,
    count: usize,
    rules: &Rules,
    rng: &mut Rng,
    popped: &mut Popped<'_, '_>,
) {
    let staying = set.len() - count;
    if staying * POPPED_PER_STAYING <= count {
        let stay = move_some(set, rules, staying, rng);
        reply_members(popped.reply, set.view());
        set.view().iter().for_each(|member| member.with_bytes(|bytes| popped.note(bytes)));
        *set = stay;
        return;
    }
    popped.reply.set(count);
    for _ in 0..count {
        let member = owned(set.view().sample(rng.next_u64()));
        set.remove(Item::Bytes(&member));
        popped.reply.bulk(&member);
        popped.note(&member);
    }
}

/// Moves so many members by chance to a set of their own.
fn move_some(set: &mut Set, rules: &Rules, count: usize, rng: &mut Rng) -> Set {
    let mut moved = set.view().new_for_members();
    for _ in 0..count {
        let member = owned(set.view().sample(rng.next_u64()));
        set.remove(Item::Bytes(&member));
        moved.add(rules, Item::Bytes(&member));
    }
    moved
}

/// The bytes of a member of a set that has one.
fn owned(member: Option<Item<'_>>) -> Vec<u8> {
    member.expect("a stored set has a member").with_bytes(<[u8]>::to_vec)
}

pub(super) fn srandmember(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let (rules, mut rng) = (view.rules(), view.rng());
    let Some(count) = args.get(2) else {
        match view.typed::<Set>(&args[1])?.and_then(|set| set.sample(rng.next_u64())) {
            Some(member) => reply_member(reply, member),
            None => reply.null(),
        }
        return Ok(());
    };
    let count = parse_count(count)?;
    let Some(set) = view.typed::<Set>(&args[1])? else {
        reply.array(0);
        return Ok(());
    };
    let number = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count >= 0 {
        reply_distinct(set, number.min(set.len()), (&rules, &mut rng), reply);
        return Ok(());
    }
    reply.array(number);
    for _ in 0..number {
        let member = set.sample(rng.next_u64()).expect("a stored set has a member");
        reply_member(reply, member);
    }
    Ok(())
}

fn parse_count(text: &[u8]) -> Result<i64, CommandError> {
    let count = parse_i64(text).ok_or(CommandError::NotInteger)?;
    if count == i64::MIN {
        return Err(CommandError::Text(
            "ERR value is out of range, value must between -9223372036854775807 and \
             9223372036854775807",
        ));
    }
    if count < 0 && count.unsigned_abs() > REPEATED_MAX {
        return Err(CommandError::Text("ERR value is out of range"));
    }
    Ok(count)
}

/// Writes `count` different members, at most all of them.
fn reply_distinct(
    set: SetRef<'_>,
    count: usize,
    (rules, rng): (&Rules, &mut Rng),
    reply: &mut Reply<'_>,
) {
    /// From this part of the members on, all are looked at once instead of drawing until enough are different.
    const PART: usize = 3;
    reply.array(count);
    if count * PART <= set.len() {
        let mut seen = Set::hashtable(rules);
        while seen.len() < count {
            let member = set.sample(rng.next_u64()).expect("a stored set has a member");
            if seen.add(rules, member) {
                reply_member(reply, member);
            }
        }
        return;
    }
    let mut wanted = count;
    for (index, member) in set.iter().enumerate() {
        // Each of those that are left is as likely to be one of those that are wanted.
        if rng.below((set.len() - index) as u64) < wanted as u64 {
            reply_member(reply, member);
            wanted -= 1;
        }
    }
}
