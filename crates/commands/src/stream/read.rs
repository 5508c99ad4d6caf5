//! XREAD: reading what was appended after given entries, and waiting for it.

use super::id::IdText;
use super::reading::{Reading, parse_read_position};
use super::reply::reply_entries;
use crate::{Attempt, Blocking, CommandError, Timeout};
use engine::{Edit, Kind};
use resp::{Args, Protocol, Reply};
use values::Stream;
use values::stream::StreamId;

pub(super) const XREAD: Blocking = Blocking {
    timeout,
    attempt,
    nothing: |reply| reply.null_array(),
    kind: Kind::Stream,
    destination: None,
    wakes_without_key: false,
    rewrite: Some(rewrite),
};

pub(super) fn timeout(args: Args<'_>) -> Result<Timeout, CommandError> {
    Reading::parse(args).map(|reading| reading.timeout)
}

fn attempt(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    only: Option<&[u8]>,
    reply: &mut Reply<'_>,
) -> Result<Attempt, CommandError> {
    let reading = Reading::parse(args)?;
    let mut ready: Vec<(&[u8], StreamId)> = Vec::new();
    for stream in 0..reading.streams {
        let key = reading.key(stream);
        if only.is_some_and(|only| only != key) {
            continue;
        }
        let found = edit.typed::<Stream>(key)?.map(Stream::log);
        let after = parse_read_position(reading.id_text(stream), found)?;
        let has_more = found.is_some_and(|log| log.last().is_some_and(|last| last.id > after));
        let is_there = found.is_some();
        edit.count_lookup_of(key, is_there);
        if let Some(start) = after.next().filter(|_| has_more) {
            ready.push((key, start));
        }
    }
    if ready.is_empty() {
        return Ok(Attempt::Wait);
    }
    reply_streams(reply, ready.len());
    for (key, start) in ready {
        reply_stream(reply, key);
        let Some(stream) = edit.typed::<Stream>(key)? else { continue };
        reply_entries(reply, stream.log().range(start, StreamId::MAX), reading.count);
    }
    Ok(Attempt::Served)
}

/// The head of a reply that gives entries by key: a map, in RESP2 an array of pairs.
pub(super) fn reply_streams(reply: &mut Reply<'_>, streams: usize) {
    match reply.protocol() {
        Protocol::Resp2 => reply.array(streams),
        Protocol::Resp3 => reply.map(streams),
    }
}

/// The head of one stream in it.
pub(super) fn reply_stream(reply: &mut Reply<'_>, key: &[u8]) {
    if reply.protocol() == Protocol::Resp2 {
        reply.array(2);
    }
    reply.bulk(key);
}

/// What a command that waits goes on with: `$` is what was the last id when it came.
fn rewrite(edit: &mut Edit<'_, '_>, args: Args<'_>) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = args.iter_from(0).map(<[u8]>::to_vec).collect();
    let Ok(reading) = Reading::parse(args) else { return words };
    for stream in (0..reading.streams).filter(|&stream| reading.id_text(stream) == b"$") {
        let found = edit.typed::<Stream>(reading.key(stream)).ok().flatten();
        let last_id = found.map_or(StreamId::MIN, |stream| stream.log().last_id());
        words[reading.id_index(stream)] = IdText::default().of(last_id).to_vec();
    }
    words
}
