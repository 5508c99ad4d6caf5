//! What the log gets of entries that were given to consumers: XCLAIM makes the same, whatever there was before.

use crate::CommandError;
use engine::Edit;
use values::Stream;
use values::stream::{Group, Pending, StreamId};

/// An entry that was given to a consumer, or that is gone and was pending.
pub(super) struct Given {
    id: StreamId,
    consumer: Vec<u8>,
    delivered_at: i64,
    deliveries: u64,
    /// The position of the group then.
    last_id: StreamId,
}

impl Given {
    pub(super) fn new(group: &Group, id: StreamId, pending: Pending) -> Given {
        let Pending { consumer, delivered_at, deliveries } = pending;
        let consumer = group.consumer(consumer).name().to_vec();
        Given { id, consumer, delivered_at, deliveries, last_id: group.last_id() }
    }

    pub(super) fn id(&self) -> StreamId {
        self.id
    }

    /// Logs it, of a group of the stream `key`.
    pub(super) fn log(&self, edit: &mut Edit<'_, '_>, key: &[u8], group: &[u8]) {
        let [id, last_id] = [self.id, self.last_id].map(|id| id.to_string());
        let (time, count) = (self.delivered_at.to_string(), self.deliveries.to_string());
        edit.log(&[
            b"XCLAIM",
            key,
            group,
            &self.consumer,
            b"0",
            id.as_bytes(),
            b"TIME",
            time.as_bytes(),
            b"RETRYCOUNT",
            count.as_bytes(),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            last_id.as_bytes(),
        ]);
    }
}

/// Logs the position of a group.
pub(super) fn log_position(
    edit: &mut Edit<'_, '_>,
    (key, group): (&[u8], &[u8]),
) -> Result<(), CommandError> {
    if !edit.logs() {
        return Ok(());
    }
    let found = edit.typed::<Stream>(key)?.and_then(|stream| stream.group(group));
    let Some(found) = found else { return Ok(()) };
    let last_id = found.last_id().to_string();
    let read = found.entries_read().map_or("-1".to_owned(), |read| read.to_string());
    let (last_id, read) = (last_id.as_bytes(), read.as_bytes());
    edit.log(&[b"XGROUP", b"SETID", key, group, last_id, b"ENTRIESREAD", read]);
    Ok(())
}
