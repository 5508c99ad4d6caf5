//! XINFO: what is known of a stream, its groups and their consumers.

use super::group::no_group_of_key;
use super::id::reply_id;
use super::reply::{reply_entries, reply_entry};
use crate::help::{HelpEntry, reply_help};
use crate::{CommandError, Outcome, Whole};
use base::number::parse_i64;
use engine::View;
use resp::{Args, Reply};
use values::Stream;
use values::stream::{Consumer, Entry, Group, StreamId};

const HELP: &[HelpEntry] = &[
    ("CONSUMERS <key> <groupname>", &["Tells about the consumers of a group."]),
    ("GROUPS <key>", &["Tells about the groups of a stream."]),
    (
        "STREAM <key> [FULL [COUNT <count>]]",
        &["Tells about a stream; with FULL also its entries, groups and consumers."],
    ),
];

/// How many entries FULL tells where no count is given.
const ENTRIES: u64 = 10;

pub(super) fn help(_: &mut Whole<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply_help(reply, "XINFO", HELP);
    Ok(())
}

fn find<'v>(view: &'v mut View<'_, '_>, args: Args<'_>) -> Result<&'v Stream, CommandError> {
    view.typed::<Stream>(&args[2])?.ok_or(CommandError::NoSuchKey)
}

/// What FULL is told with: how many entries, or all. `None` without it.
fn parse_full(args: Args<'_>) -> Result<Option<Option<u64>>, CommandError> {
    let is = |index: usize, word: &[u8]| {
        args.get(index).is_some_and(|given| given.eq_ignore_ascii_case(word))
    };
    match args.len() {
        3 => Ok(None),
        4 if is(3, b"FULL") => Ok(Some(Some(ENTRIES))),
        6 if is(3, b"FULL") && is(4, b"COUNT") => {
            let count = parse_i64(&args[5]).ok_or(CommandError::NotInteger)?;
            let count = u64::try_from(count).unwrap_or(ENTRIES);
            Ok(Some(Some(count).filter(|&count| count > 0)))
        }
        _ => Err(CommandError::echo(
            "ERR unknown subcommand or wrong number of arguments for '",
            &args[1],
            "'. Try XINFO HELP.",
        )),
    }
}

pub(super) fn stream(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    // Redis looks for the key before it looks at the options.
    let stream = find(view, args)?;
    let full = parse_full(args)?;
    let log = stream.log();
    reply.map(if full.is_some() { 9 } else { 10 });
    reply_number(reply, "length", log.len());
    reply_number(reply, "radix-tree-keys", log.node_count() as u64);
    reply_number(reply, "radix-tree-nodes", log.radix_tree_nodes() as u64);
    reply_named_id(reply, "last-generated-id", log.last_id());
    reply_named_id(reply, "max-deleted-entry-id", log.max_deleted_id());
    reply_number(reply, "entries-added", log.entries_added());
    reply_named_id(reply, "recorded-first-entry-id", log.first_id());
    match full {
        None => {
            reply_number(reply, "groups", stream.group_count() as u64);
            reply_named_entry(reply, "first-entry", log.first());
            reply_named_entry(reply, "last-entry", log.last());
        }
        Some(count) => {
            reply.bulk(b"entries");
            reply_entries(reply, log.range(StreamId::MIN, StreamId::MAX), count);
            reply.bulk(b"groups");
            reply.array(stream.group_count());
            for (name, group) in stream.groups() {
                reply_full_group(reply, stream, (name, group), count);
            }
        }
    }
    Ok(())
}

fn reply_number(reply: &mut Reply<'_>, name: &str, number: u64) {
    reply.bulk(name.as_bytes());
    reply.integer(number as i64);
}

fn reply_named_id(reply: &mut Reply<'_>, name: &str, id: StreamId) {
    reply.bulk(name.as_bytes());
    reply_id(reply, id);
}

fn reply_named_entry(reply: &mut Reply<'_>, name: &str, entry: Option<Entry<'_>>) {
    reply.bulk(name.as_bytes());
    match entry {
        Some(entry) => reply_entry(reply, &entry),
        None => reply.null(),
    }
}

/// How far a group has read, and how far it lags behind.
fn reply_position(reply: &mut Reply<'_>, stream: &Stream, group: &Group) {
    reply_named_id(reply, "last-delivered-id", group.last_id());
    for (name, number) in [("entries-read", group.entries_read()), ("lag", group.lag(stream.log()))]
    {
        reply.bulk(name.as_bytes());
        match number {
            Some(number) => reply.integer(number as i64),
            None => reply.null(),
        }
    }
}

fn reply_full_group(
    reply: &mut Reply<'_>,
    stream: &Stream,
    (name, group): (&[u8], &Group),
    count: Option<u64>,
) {
    let most = count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX));
    reply.map(7);
    reply.bulk(b"name");
    reply.bulk(name);
    reply_position(reply, stream, group);
    reply_number(reply, "pel-count", group.pending_len() as u64);
    reply.bulk(b"pending");
    reply.array(group.pending_len().min(most));
    for (id, pending) in group.pending_range(StreamId::MIN, StreamId::MAX).take(most) {
        reply.array(4);
        reply_id(reply, id);
        reply.bulk(group.consumer(pending.consumer).name());
        reply.integer(pending.delivered_at);
        reply.integer(pending.deliveries as i64);
    }
    reply.bulk(b"consumers");
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        reply_full_consumer(reply, group, consumer, most);
    }
}

fn reply_full_consumer(reply: &mut Reply<'_>, group: &Group, consumer: &Consumer, most: usize) {
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(consumer.name());
    reply.bulk(b"seen-time");
    reply.integer(consumer.seen_at);
    reply.bulk(b"active-time");
    reply.integer(consumer.active_at.unwrap_or(-1));
    reply_number(reply, "pel-count", consumer.pending_len() as u64);
    reply.bulk(b"pending");
    reply.array(consumer.pending_len().min(most));
    for id in consumer.pending_ids().take(most) {
        let Some(pending) = group.pending(id) else { continue };
        reply.array(3);
        reply_id(reply, id);
        reply.integer(pending.delivered_at);
        reply.integer(pending.deliveries as i64);
    }
}

pub(super) fn groups(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let stream = find(view, args)?;
    reply.array(stream.group_count());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(name);
        reply_number(reply, "consumers", group.consumers().len() as u64);
        reply_number(reply, "pending", group.pending_len() as u64);
        reply_position(reply, stream, group);
    }
    Ok(())
}

pub(super) fn consumers(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = view.moment().now.0;
    let stream = find(view, args)?;
    let group = stream.group(&args[3]).ok_or_else(|| no_group_of_key(args))?;
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        reply_number(reply, "pending", consumer.pending_len() as u64);
        reply.bulk(b"idle");
        reply.integer((now - consumer.seen_at).max(0));
        reply.bulk(b"inactive");
        reply.integer(consumer.active_at.map_or(-1, |active_at| (now - active_at).max(0)));
    }
    Ok(())
}
