//! XREADGROUP: reading for a group, and waiting for it.

use super::super::read::{reply_stream, reply_streams, timeout};
use super::super::reading::{Reading, parse_group_position};
use super::super::reply::{reply_entry, reply_entry_or_id};
use super::logged::{Given, log_position};
use super::named::{change_group, no_group};
use super::note_new_consumer;
use crate::{Attempt, Blocking, CommandError};
use engine::{Edit, Kind};
use resp::{Args, Reply};
use values::Stream;
use values::stream::{ConsumerNumber, Group, Log, Pending, StreamId};

pub(super) const XREADGROUP: Blocking = Blocking {
    timeout,
    attempt,
    nothing: |reply| reply.null_array(),
    kind: Kind::Stream,
    destination: None,
    wakes_without_key: true,
    rewrite: None,
};

/// Which entries of a stream are read.
#[derive(Clone, Copy)]
enum Source {
    /// Those that no consumer of the group has been given.
    New,
    /// Those that this consumer was given, after this id.
    OwnAfter(StreamId),
}

fn attempt(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    only: Option<&[u8]>,
    reply: &mut Reply<'_>,
) -> Result<Attempt, CommandError> {
    let reading = Reading::parse(args)?;
    let (group, consumer) = reading.group.unwrap_or_default();
    let mut ready = Vec::new();
    let mut idle = Vec::new();
    for stream in 0..reading.streams {
        let key = reading.key(stream);
        if only.is_some_and(|only| only != key) {
            continue;
        }
        let is_there = edit.typed::<Stream>(key)?.is_some();
        edit.count_lookup_of(key, is_there);
        let (log, group) = edit
            .typed::<Stream>(key)?
            .and_then(|stream| Some((stream.log(), stream.group(group)?)))
            .ok_or_else(|| no_group_to_read(key, group))?;
        let source = match parse_group_position(reading.id_text(stream))? {
            Some(after) => Source::OwnAfter(after),
            None => Source::New,
        };
        let is_ready = match source {
            Source::OwnAfter(_) => true,
            Source::New => log.last().is_some_and(|last| last.id > group.last_id()),
        };
        if is_ready { ready.push((key, source)) } else { idle.push(key) }
    }
    for key in idle {
        note_consumer(edit, (key, group), consumer, reading.no_ack)?;
    }
    if ready.is_empty() {
        return Ok(Attempt::Wait);
    }
    reply_streams(reply, ready.len());
    for (key, source) in ready {
        reply_stream(reply, key);
        let number = note_consumer(edit, (key, group), consumer, reading.no_ack)?;
        let now = edit.moment().clock.0;
        // To be read again is not logged, as in Redis.
        edit.log_nothing();
        let mut given = edit.logs().then(Vec::new);
        change_group(edit, (key, group), |log, group| match source {
            Source::New => read_new(log, group, &reading, (number, now), (&mut given, reply)),
            Source::OwnAfter(after) => {
                read_own(log, group, (after, reading.count), (number, now), reply);
            }
        })?;
        edit.changed(1);
        for given in given.iter().flatten() {
            given.log(edit, key, group);
        }
        if matches!(source, Source::New) {
            log_position(edit, (key, group))?;
        }
    }
    Ok(Attempt::Served)
}

fn no_group_to_read(key: &[u8], group: &[u8]) -> CommandError {
    let text = no_group(key, group);
    CommandError::Bytes([&text.text(), b" in XREADGROUP with GROUP option".as_slice()].concat())
}

/// Notes that a consumer was heard of, and adds it where it is new.
fn note_consumer(
    edit: &mut Edit<'_, '_>,
    (key, group): (&[u8], &[u8]),
    name: &[u8],
    no_ack: bool,
) -> Result<ConsumerNumber, CommandError> {
    let now = edit.moment().clock.0;
    let noted = change_group(edit, (key, group), |_, group| {
        let (number, is_new) = group.ensure_consumer(name, now);
        group.consumer_mut(number).seen_at = now;
        (number, is_new)
    })?;
    let (number, is_new) = noted.ok_or_else(|| no_group_to_read(key, group))?;
    if is_new {
        note_new_consumer(edit, key);
        // Of what is given to him and is pending, the log tells with his name.
        if no_ack {
            edit.log(&[b"XGROUP", b"CREATECONSUMER", key, group, name]);
        } else {
            edit.log_nothing();
        }
    }
    Ok(number)
}

/// Gives a consumer what nobody has been given.
fn read_new(
    log: &Log,
    group: &mut Group,
    reading: &Reading<'_>,
    (consumer, now): (ConsumerNumber, i64),
    (given, reply): (&mut Option<Vec<Given>>, &mut Reply<'_>),
) {
    let later = reply.array_later();
    let mut length = 0;
    let start = group.last_id().next().unwrap_or(StreamId::MAX);
    for entry in log.range(start, StreamId::MAX).take(most(reading.count)) {
        reply_entry(reply, &entry);
        group.read_up_to(log, entry.id);
        if !reading.no_ack {
            let pending = Pending { consumer, delivered_at: now, deliveries: 1 };
            group.set_pending(entry.id, pending);
            group.consumer_mut(consumer).active_at = Some(now);
            if let Some(given) = given {
                given.push(Given::new(group, entry.id, pending));
            }
        }
        length += 1;
    }
    reply.close(later, length);
}

/// Gives a consumer again what it has not acknowledged.
fn read_own(
    log: &Log,
    group: &mut Group,
    (after, count): (StreamId, Option<u64>),
    (consumer, now): (ConsumerNumber, i64),
    reply: &mut Reply<'_>,
) {
    let own = after.next().map(|start| group.pending_range_of(consumer, start, StreamId::MAX));
    let own = own.into_iter().flatten().take(most(count));
    let own: Vec<(StreamId, Pending)> = own.map(|(id, &pending)| (id, pending)).collect();
    reply.array(own.len());
    for (id, pending) in own {
        if reply_entry_or_id(reply, log, id) {
            let deliveries = pending.deliveries.saturating_add(1);
            group.set_pending(id, Pending { consumer, delivered_at: now, deliveries });
        }
    }
}

fn most(count: Option<u64>) -> usize {
    count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX))
}
