//! Taking over what other consumers have not acknowledged: XCLAIM, XAUTOCLAIM.

use super::super::id::{parse_id, parse_start, reply_id};
use super::super::reply::reply_entry;
use super::logged::{Given, log_position};
use super::named::{change_group, has_group, no_group};
use super::note_new_consumer;
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::Edit;
use resp::{Args, Reply};
use values::stream::{ConsumerNumber, Entry, Group, Log, Pending, StreamId};

/// How a claimed entry is noted.
struct Claim {
    now: i64,
    /// It has to have been left alone for so long; 0 is no condition.
    idle_min: i64,
    delivered_at: i64,
    /// The count of deliveries, where it is not one more.
    deliveries: Option<u64>,
    only_ids: bool,
    /// Whether what is given is logged.
    logs: bool,
}

impl Claim {
    fn allows(&self, pending: &Pending) -> bool {
        self.idle_min == 0 || self.now.saturating_sub(pending.delivered_at) >= self.idle_min
    }

    /// Gives an entry to a consumer. `deliveries` is how often it was given before.
    fn give(
        &self,
        group: &mut Group,
        id: StreamId,
        consumer: ConsumerNumber,
        deliveries: u64,
    ) -> Option<Given> {
        let counted = deliveries.saturating_add(u64::from(!self.only_ids));
        let deliveries = self.deliveries.unwrap_or(counted);
        let pending = Pending { consumer, delivered_at: self.delivered_at, deliveries };
        group.set_pending(id, pending);
        group.consumer_mut(consumer).active_at = Some(self.now);
        self.logs.then(|| Given::new(group, id, pending))
    }

    /// What the log gets of a pending entry that is gone.
    fn gone(&self, group: &Group, id: StreamId, pending: Pending) -> Option<Given> {
        self.logs.then(|| Given::new(group, id, pending))
    }

    fn reply(&self, reply: &mut Reply<'_>, entry: &Entry<'_>) {
        if self.only_ids { reply_id(reply, entry.id) } else { reply_entry(reply, entry) }
    }
}

/// What a command did to a group.
struct Done {
    changes: u64,
    is_new_consumer: bool,
    /// The group has another position, and nothing that was given tells it.
    is_advanced: bool,
    /// For the log, in the order of the reply or of the ids.
    given: Vec<Given>,
}

/// What follows a change of the group that `args` name.
fn conclude(edit: &mut Edit<'_, '_>, args: Args<'_>, done: Option<Done>) -> Outcome {
    let done = done.ok_or_else(|| no_group(&args[1], &args[2]))?;
    if done.is_new_consumer {
        note_new_consumer(edit, &args[1]);
    }
    edit.changed(done.changes);
    // A consumer who was given nothing is not logged, as in Redis.
    edit.log_nothing();
    if edit.logs() {
        done.given.iter().for_each(|given| given.log(edit, &args[1], &args[2]));
        if done.is_advanced && done.given.is_empty() {
            log_position(edit, (&args[1], &args[2]))?;
        }
    }
    Ok(())
}

/// The arguments of XCLAIM.
struct Claiming {
    claim: Claim,
    ids: Vec<StreamId>,
    is_forced: bool,
    last_id: StreamId,
}

impl Claiming {
    fn parse(args: Args<'_>, now: i64, logs: bool) -> Result<Claiming, CommandError> {
        const NOT_IDLE: CommandError =
            CommandError::Text("ERR Invalid min-idle-time argument for XCLAIM");
        let idle_min = parse_i64(&args[4]).ok_or(NOT_IDLE)?.max(0);
        let ids: Vec<StreamId> = args.iter_from(5).map_while(|text| parse_id(text).ok()).collect();
        let mut delivered_at = -1;
        let mut claim =
            Claim { now, idle_min, delivered_at, deliveries: None, only_ids: false, logs };
        let (mut is_forced, mut last_id) = (false, StreamId::MIN);
        let mut index = 5 + ids.len();
        while let Some(word) = args.get(index) {
            let value = args.get(index + 1);
            let integer =
                |error: &'static str| value.and_then(parse_i64).ok_or(CommandError::Text(error));
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            index += 2;
            if is(b"FORCE") {
                is_forced = true;
                index -= 1;
            } else if is(b"JUSTID") {
                claim.only_ids = true;
                index -= 1;
            } else if is(b"IDLE") && value.is_some() {
                let idle = integer("ERR Invalid IDLE option argument for XCLAIM")?;
                delivered_at = now.wrapping_sub(idle);
            } else if is(b"TIME") && value.is_some() {
                delivered_at = integer("ERR Invalid TIME option argument for XCLAIM")?;
            } else if is(b"RETRYCOUNT") && value.is_some() {
                let count = integer("ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                claim.deliveries = u64::try_from(count).ok();
            } else if is(b"LASTID") && value.is_some() {
                last_id = parse_id(value.unwrap_or_default())?;
            } else {
                return Err(CommandError::echo("ERR Unrecognized XCLAIM option '", word, "'"));
            }
        }
        // A time that makes no sense, or none, is now.
        let makes_sense = (0..=now).contains(&delivered_at);
        claim.delivered_at = if makes_sense { delivered_at } else { now };
        Ok(Claiming { claim, ids, is_forced, last_id })
    }

    fn apply(&self, log: &Log, group: &mut Group, name: &[u8], reply: &mut Reply<'_>) -> Done {
        let is_advanced = group.advance_to(self.last_id);
        let mut changes = 0;
        let now = self.claim.now;
        let (consumer, is_new_consumer) = group.ensure_consumer(name, now);
        group.consumer_mut(consumer).seen_at = now;
        let later = reply.array_later();
        let (mut length, mut given) = (0, Vec::new());
        for &id in &self.ids {
            let pending = group.pending(id).copied();
            let Some(entry) = log.entry(id) else {
                given.extend(pending.and_then(|pending| self.claim.gone(group, id, pending)));
                changes += u64::from(group.forget(id));
                continue;
            };
            let deliveries = match pending {
                Some(pending) if self.claim.allows(&pending) => pending.deliveries,
                None if self.is_forced => 1,
                Some(_) | None => continue,
            };
            given.extend(self.claim.give(group, id, consumer, deliveries));
            self.claim.reply(reply, &entry);
            length += 1;
            changes += 1;
        }
        reply.close(later, length);
        // A position that moves counts only where nothing else does.
        let changes = changes.max(u64::from(is_advanced));
        Done { changes, is_new_consumer, is_advanced, given }
    }
}

pub(in crate::stream) fn xclaim(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    if !has_group(edit, &args[1], &args[2])? {
        return Err(no_group(&args[1], &args[2]));
    }
    let claiming = Claiming::parse(args, edit.moment().clock.0, edit.logs())?;
    let done = change_group(edit, (&args[1], &args[2]), |log, group| {
        claiming.apply(log, group, &args[3], reply)
    })?;
    conclude(edit, args, done)
}

/// How many pending entries XAUTOCLAIM looks at for each that it may give.
const LOOKED_AT: usize = 10;

/// The most entries that XAUTOCLAIM may be asked for, and the most for which room would be found.
const COUNT_MAX: i64 = i64::MAX / 16;
const COUNT_WITH_ROOM_MAX: usize = 1 << 32;

/// The arguments of XAUTOCLAIM.
struct AutoClaiming {
    claim: Claim,
    start: StreamId,
    count: usize,
}

impl AutoClaiming {
    fn parse(args: Args<'_>, now: i64, logs: bool) -> Result<AutoClaiming, CommandError> {
        const NOT_IDLE: CommandError =
            CommandError::Text("ERR Invalid min-idle-time argument for XAUTOCLAIM");
        let idle_min = parse_i64(&args[4]).ok_or(NOT_IDLE)?.max(0);
        let start = parse_start(&args[5])?;
        let (mut count, mut only_ids) = (100, false);
        let mut index = 6;
        while let Some(word) = args.get(index) {
            let value = args.get(index + 1);
            if word.eq_ignore_ascii_case(b"COUNT") && value.is_some() {
                count = value
                    .and_then(parse_i64)
                    .filter(|count| (1..=COUNT_MAX).contains(count))
                    .ok_or(CommandError::Text("ERR COUNT must be > 0"))?;
                index += 2;
            } else if word.eq_ignore_ascii_case(b"JUSTID") {
                only_ids = true;
                index += 1;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        let claim = Claim { now, idle_min, delivered_at: now, deliveries: None, only_ids, logs };
        Ok(AutoClaiming { claim, start, count: count as usize })
    }

    fn apply(&self, log: &Log, group: &mut Group, name: &[u8], reply: &mut Reply<'_>) -> Done {
        let now = self.claim.now;
        let (consumer, is_new_consumer) = group.ensure_consumer(name, now);
        group.consumer_mut(consumer).seen_at = now;
        let looked_at = self.count.saturating_mul(LOOKED_AT);
        let (mut left, mut deleted, mut claimed) = (self.count, Vec::new(), Vec::new());
        let mut cursor = StreamId::MIN;
        for (looked, (id, pending)) in group.pending_range(self.start, StreamId::MAX).enumerate() {
            if looked == looked_at || left == 0 {
                cursor = id;
                break;
            }
            match log.entry(id) {
                None => deleted.push(id),
                Some(entry) if self.claim.allows(pending) => {
                    claimed.push((entry, pending.deliveries));
                }
                Some(_) => continue,
            }
            left -= 1;
        }
        reply.array(3);
        reply_id(reply, cursor);
        reply.array(claimed.len());
        let mut given = Vec::new();
        for (entry, deliveries) in &claimed {
            given.extend(self.claim.give(group, entry.id, consumer, *deliveries));
            self.claim.reply(reply, entry);
        }
        reply.array(deleted.len());
        for &id in &deleted {
            let pending = group.pending(id).copied();
            given.extend(pending.and_then(|pending| self.claim.gone(group, id, pending)));
            group.forget(id);
            reply_id(reply, id);
        }
        given.sort_by_key(Given::id);
        let changes = (claimed.len() + deleted.len()) as u64;
        Done { changes, is_new_consumer, is_advanced: false, given }
    }
}

pub(in crate::stream) fn xautoclaim(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let claiming = AutoClaiming::parse(args, edit.moment().clock.0, edit.logs())?;
    if !has_group(edit, &args[1], &args[2])? {
        return Err(no_group(&args[1], &args[2]));
    }
    if claiming.count > COUNT_WITH_ROOM_MAX {
        return Err(CommandError::Text(
            "ERR Insufficient memory, failed allocating transient memory, COUNT too high.",
        ));
    }
    let done = change_group(edit, (&args[1], &args[2]), |log, group| {
        claiming.apply(log, group, &args[3], reply)
    })?;
    conclude(edit, args, done)
}
