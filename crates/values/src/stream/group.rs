//! A consumer group: how far it has read, and which entries its consumers have not acknowledged.

use super::StreamId;
use super::consumer::{Consumer, ConsumerNumber, Consumers};
use super::log::Log;
use std::collections::BTreeMap;

/// An entry that was given to a consumer and not acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Who was given it.
    pub consumer: ConsumerNumber,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub delivered_at: i64,
    /// How often.
    pub deliveries: u64,
}

/// What a pending entry costs: once among those of the group, once among those of its consumer.
const PENDING_BYTES: usize = (size_of::<(StreamId, Pending)>() + size_of::<StreamId>()) * 3 / 2;

/// A consumer group.
#[derive(Clone, Default, Debug)]
pub struct Group {
    last_id: StreamId,
    entries_read: Option<u64>,
    pending: BTreeMap<StreamId, Pending>,
    consumers: Consumers,
}

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        let pending = |group: &Group| -> Vec<(StreamId, i64, u64)> {
            let all = group.pending.iter();
            all.map(|(&id, one)| (id, one.delivered_at, one.deliveries)).collect()
        };
        (self.last_id, self.entries_read) == (other.last_id, other.entries_read)
            && self.consumers().eq(other.consumers())
            && pending(self) == pending(other)
    }
}

impl Group {
    /// A group that has read up to `last_id`, and how many entries that were, where that is known.
    #[must_use]
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Group {
        Group { last_id, entries_read, ..Group::default() }
    }

    /// The id of the last entry that was given to one of its consumers.
    #[must_use]
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// How many entries it has read, as if none had been deleted; where that is known.
    #[must_use]
    pub fn entries_read(&self) -> Option<u64> {
        self.entries_read
    }

    /// Goes on from another entry.
    pub fn set_position(&mut self, last_id: StreamId, entries_read: Option<u64>) {
        self.last_id = last_id;
        self.entries_read = entries_read;
    }

    /// Goes on from `last_id` where that is further on; whether it was.
    pub fn advance_to(&mut self, last_id: StreamId) -> bool {
        let is_further = last_id > self.last_id;
        self.last_id = self.last_id.max(last_id);
        is_further
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.pending.len() * PENDING_BYTES + self.consumers.heap_bytes()
    }

    /// About how many allocations it has.
    pub(super) fn free_effort(&self) -> usize {
        1 + self.pending.len() / 4 + 2 * self.consumers.len()
    }

    /// Its consumers, in the order of their names.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.consumers.iter()
    }

    /// The consumer of this name.
    #[must_use]
    pub fn consumer_number(&self, name: &[u8]) -> Option<ConsumerNumber> {
        self.consumers.number(name)
    }

    /// A consumer that is there.
    #[must_use]
    pub fn consumer(&self, number: ConsumerNumber) -> &Consumer {
        self.consumers.get(number)
    }

    /// The same, to note when it was heard of.
    pub fn consumer_mut(&mut self, number: ConsumerNumber) -> &mut Consumer {
        self.consumers.get_mut(number)
    }

    /// Adds a consumer, unless there is one of that name; its number, and whether it is new.
    pub fn ensure_consumer(&mut self, name: &[u8], now: i64) -> (ConsumerNumber, bool) {
        match self.consumers.number(name) {
            Some(number) => (number, false),
            None => (self.consumers.add(name, now), true),
        }
    }

    /// Removes a consumer with its pending entries; how many they were.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// How many entries are pending.
    #[must_use]
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The pending entry of this id.
    #[must_use]
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// The pending entries from `first` to `last`.
    pub fn pending_range(
        &self,
        first: StreamId,
        last: StreamId,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Pending)> {
        let some = (first <= last).then(|| self.pending.range(first..=last));
        some.into_iter().flatten().map(|(&id, pending)| (id, pending))
    }

    /// The pending entries of one consumer from `first` to `last`.
    pub fn pending_range_of(
        &self,
        consumer: ConsumerNumber,
        first: StreamId,
        last: StreamId,
    ) -> impl Iterator<Item = (StreamId, &Pending)> {
        let ids = &self.consumers.get(consumer).pending;
        let some = (first <= last).then(|| ids.range(first..=last));
        some.into_iter()
            .flatten()
            .map(|&id| (id, self.pending.get(&id).expect("it is pending in the group as well")))
    }

    /// Notes that an entry was given to a consumer; replaces what is known of it.
    pub fn set_pending(&mut self, id: StreamId, pending: Pending) {
        let old = self.pending.insert(id, pending);
        if old.is_none_or(|old| old.consumer != pending.consumer) {
            if let Some(old) = old {
                self.consumers.get_mut(old.consumer).pending.remove(&id);
            }
            self.consumers.get_mut(pending.consumer).pending.insert(id);
        }
    }

    /// Forgets a pending entry, for it was acknowledged or is gone; whether there was one.
    pub fn forget(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        self.consumers.get_mut(pending.consumer).pending.remove(&id);
        true
    }

    /// Notes that the entry `id` has been read, and all before it.
    pub fn read_up_to(&mut self, log: &Log, id: StreamId) {
        if id <= self.last_id {
            return;
        }
        self.entries_read = match self.entries_read {
            Some(read) if self.last_id >= log.first_id() && !log.has_deleted_from(self.last_id) => {
                Some(read + 1)
            }
            Some(_) | None if log.entries_added() > 0 => log.entries_up_to(id),
            unknown => unknown,
        };
        self.last_id = id;
    }

    /// How many entries it has not read; where that is known.
    #[must_use]
    pub fn lag(&self, log: &Log) -> Option<u64> {
        if log.entries_added() == 0 {
            return Some(0);
        }
        let read = match self.entries_read {
            Some(read) if !log.has_deleted_from(self.last_id) => Some(read),
            Some(_) | None => log.entries_up_to(self.last_id),
        };
        read.map(|read| log.entries_added().wrapping_sub(read))
    }
}

impl Log {
    /// Whether an entry at or behind `id` may have been deleted, rather than trimmed.
    fn has_deleted_from(&self, id: StreamId) -> bool {
        !self.is_empty() && self.max_deleted_id() != StreamId::MIN && id <= self.max_deleted_id()
    }

    /// How many entries have been appended up to the one of `id`, where that can be told from the counters.
    #[must_use]
    pub fn entries_up_to(&self, id: StreamId) -> Option<u64> {
        let added = self.entries_added();
        if added == 0 {
            return Some(0);
        }
        if (self.is_empty() && id <= self.last_id()) || id == self.last_id() {
            return Some(added);
        }
        if id != StreamId::MIN && id < self.max_deleted_id() {
            return None;
        }
        let none_deleted_ahead =
            self.max_deleted_id() == StreamId::MIN || self.max_deleted_id() < self.first_id();
        if id > self.last_id() || id > self.first_id() || !none_deleted_ahead {
            return None;
        }
        let trimmed = added.wrapping_sub(self.len());
        Some(if id == self.first_id() { trimmed + 1 } else { trimmed })
    }
}
