//! Streams.

use super::{Loaded, packed};
use crate::rdb::decode::Decoder;
use crate::rdb::error::LoadError;
use collections::ListpackSlice;
use std::collections::BTreeMap;
use std::io::Read;
use values::Stream;
use values::stream::{Counters, Group, Log, LogBuilder, MalformedStream, Pending, StreamId};

/// In the place of the time at which a consumer was active that never was.
const NEVER: i64 = -1;

/// A stream in its first, second or third form: the second knows counters, the third when a consumer was active.
pub(super) fn read<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    form: u8,
) -> Result<Loaded, LoadError> {
    let mut log = LogBuilder::new();
    for _ in 0..decoder.length()? {
        decoder.string_into(text)?;
        let id = text.first_chunk().filter(|_| text.len() == 16).copied();
        let id = id.map(u128::from_be_bytes).ok_or_else(|| decoder.malformed("an id"))?;
        packed(decoder, text, false)?;
        let pushed = log.push(stream_id(id), ListpackSlice::of(text));
        pushed.map_err(|error| malformed(decoder, error))?;
    }
    // The number of entries, which the nodes tell.
    decoder.length()?;
    let last_id = id_lengths(decoder)?;
    let mut counters = Counters { last_id, max_deleted_id: StreamId::MIN, entries_added: None };
    if form >= 2 {
        // The first id, which the nodes tell.
        id_lengths(decoder)?;
        counters.max_deleted_id = id_lengths(decoder)?;
        counters.entries_added = Some(count(decoder)?);
    }
    let mut stream = log.finish(counters).map_err(|error| malformed(decoder, error))?;
    for _ in 0..decoder.length()? {
        decoder.string_into(text)?;
        let name = std::mem::take(text);
        let group = group(decoder, text, form, stream.log())?;
        if !stream.add_group(&name, group) {
            return Err(decoder.malformed("groups of a stream with names that differ"));
        }
    }
    Ok(Loaded::of::<Stream>(stream, text))
}

fn malformed<R: Read>(decoder: &Decoder<R>, error: MalformedStream) -> LoadError {
    decoder.malformed(error.0)
}

fn stream_id(id: u128) -> StreamId {
    StreamId::new((id >> 64) as u64, id as u64)
}

/// An id in 16 bytes.
fn id<R: Read>(decoder: &mut Decoder<R>) -> Result<StreamId, LoadError> {
    Ok(stream_id(u128::from_be_bytes(decoder.array()?)))
}

/// An id in two lengths.
fn id_lengths<R: Read>(decoder: &mut Decoder<R>) -> Result<StreamId, LoadError> {
    Ok(StreamId::new(decoder.length()?, decoder.length()?))
}

/// A number that is counted on: far from where counting ends.
fn count<R: Read>(decoder: &mut Decoder<R>) -> Result<u64, LoadError> {
    let count = decoder.length()?;
    if count > i64::MAX as u64 {
        return Err(decoder.malformed("a number of 63 bits"));
    }
    Ok(count)
}

/// How many entries a group has read, or all ones where that is not known.
fn entries_read<R: Read>(decoder: &mut Decoder<R>) -> Result<Option<u64>, LoadError> {
    match decoder.length()? {
        u64::MAX => Ok(None),
        read if read <= i64::MAX as u64 => Ok(Some(read)),
        _ => Err(decoder.malformed("a number of 63 bits, or all ones")),
    }
}

/// A time that has been: how long ago that is can be told.
fn time<R: Read>(decoder: &mut Decoder<R>) -> Result<i64, LoadError> {
    let time = decoder.time()?;
    if time < 0 {
        return Err(decoder.malformed("a time"));
    }
    Ok(time)
}

fn group<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    form: u8,
    log: &Log,
) -> Result<Group, LoadError> {
    let last_id = id_lengths(decoder)?;
    let entries_read = if form >= 2 { entries_read(decoder)? } else { log.entries_up_to(last_id) };
    let mut group = Group::new(last_id, entries_read);
    let mut pending = BTreeMap::new();
    for _ in 0..decoder.length()? {
        let (id, delivered_at) = (id(decoder)?, time(decoder)?);
        if pending.insert(id, (delivered_at, count(decoder)?)).is_some() {
            return Err(decoder.malformed("pending entries of a group that differ"));
        }
    }
    for _ in 0..decoder.length()? {
        consumer(decoder, text, (form, &mut group), &mut pending)?;
    }
    if pending.is_empty() {
        Ok(group)
    } else {
        Err(decoder.malformed("a consumer for each pending entry"))
    }
}

/// A consumer and its pending entries, which are taken out of those of the group: each has one consumer.
fn consumer<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    (form, group): (u8, &mut Group),
    pending: &mut BTreeMap<StreamId, (i64, u64)>,
) -> Result<(), LoadError> {
    decoder.string_into(text)?;
    let seen_at = time(decoder)?;
    let active_at = match form {
        3.. => decoder.time()?,
        _ => seen_at,
    };
    if active_at < NEVER {
        return Err(decoder.malformed("a time, or -1"));
    }
    let (number, is_new) = group.ensure_consumer(text, seen_at);
    if !is_new {
        return Err(decoder.malformed("consumers of a group with names that differ"));
    }
    group.consumer_mut(number).active_at = (active_at != NEVER).then_some(active_at);
    for _ in 0..decoder.length()? {
        let id = id(decoder)?;
        let Some((delivered_at, deliveries)) = pending.remove(&id) else {
            return Err(decoder.malformed("a pending entry of the group, and of one consumer"));
        };
        group.set_pending(id, Pending { consumer: number, delivered_at, deliveries });
    }
    Ok(())
}
