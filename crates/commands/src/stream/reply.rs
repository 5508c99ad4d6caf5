//! Entries in replies.

use super::id::reply_id;
use resp::Reply;
use values::Item;
use values::stream::{Entry, Log, Range, StreamId};

/// An entry: its id, and its fields with their values in one array.
#[inline]
pub(super) fn reply_entry(reply: &mut Reply<'_>, entry: &Entry<'_>) {
    reply.array(2);
    reply_id(reply, entry.id);
    let fields = entry.fields.clone();
    reply.array(2 * fields.len());
    for (name, value) in fields {
        reply_item(reply, name);
        reply_item(reply, value);
    }
}

#[inline]
fn reply_item(reply: &mut Reply<'_>, item: Item<'_>) {
    match item {
        Item::Bytes(bytes) => reply.bulk(bytes),
        Item::Integer(integer) => reply.bulk_integer(integer),
    }
}

/// Entries, at most `count` where that is given.
pub(super) fn reply_entries(reply: &mut Reply<'_>, entries: Range<'_>, count: Option<u64>) {
    let most = count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX));
    let later = reply.array_later();
    let mut length = 0;
    for entry in entries.take(most) {
        reply_entry(reply, &entry);
        length += 1;
    }
    reply.close(later, length);
}

/// An entry that may have been deleted; its id and a null array where it has.
pub(super) fn reply_entry_or_id(reply: &mut Reply<'_>, log: &Log, id: StreamId) -> bool {
    match log.entry(id) {
        Some(entry) => {
            reply_entry(reply, &entry);
            true
        }
        None => {
            reply.array(2);
            reply_id(reply, id);
            reply.null_array();
            false
        }
    }
}
