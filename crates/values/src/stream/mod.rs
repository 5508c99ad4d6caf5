//! Streams: entries in the order of their ids, and consumer groups that read them.

mod build;
mod consumer;
mod group;
mod groups;
mod id;
mod log;
mod node;
mod nodes;
mod radix;
mod range;
#[cfg(test)]
mod tests;
mod trim;

pub use build::{Counters, LogBuilder, MalformedStream};
pub use consumer::{Consumer, ConsumerNumber};
pub use group::{Group, Pending};
pub use id::StreamId;
pub use log::{AppendError, Log, NewId};
pub use node::Fields;
pub use range::{Entry, Range};
pub use trim::{References, Threshold, Trim};

use crate::Encoding;
use groups::Groups;

/// A stream.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Stream(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Default)]
struct Parts {
    log: Log,
    groups: Groups,
}

/// What became of an entry that was to be deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deletion {
    /// There is none of that id.
    Absent,
    /// It is gone.
    Deleted,
    /// A group still refers to it.
    Referenced,
}

impl Stream {
    /// One without entries.
    #[must_use]
    pub fn new() -> Stream {
        Stream::default()
    }

    /// One of these entries, without groups.
    fn of_log(log: Log) -> Stream {
        Stream(Box::new(Parts { log, groups: Groups::default() }))
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.log.len() as usize
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.log.is_empty()
    }

    /// The bytes of memory that it owns beyond itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        size_of::<Parts>() + self.0.log.heap_bytes() + self.0.groups.heap_bytes()
    }

    /// How it is laid out.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        Encoding::Stream
    }

    /// About how many allocations are freed when it is dropped.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        self.0.log.node_count() + self.0.groups.free_effort()
    }

    /// Its entries.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// Its entries, to append and delete.
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.0.log
    }

    /// Removes the oldest entries; how many they were.
    pub fn trim(&mut self, trim: &Trim, references: References) -> u64 {
        let Parts { log, groups } = &mut *self.0;
        trim::trim_with_references(log, groups, trim, references)
    }

    /// Deletes an entry.
    pub fn delete(&mut self, id: StreamId, references: References) -> Deletion {
        let Parts { log, groups } = &mut *self.0;
        if references == References::Respect && groups.refer_to(id) && log.entry(id).is_some() {
            return Deletion::Referenced;
        }
        if !log.delete(id) {
            return Deletion::Absent;
        }
        if references == References::Remove {
            groups.forget(id);
        }
        Deletion::Deleted
    }

    /// How many groups there are.
    #[must_use]
    pub fn group_count(&self) -> usize {
        self.0.groups.len()
    }

    /// The groups, in the order of their names.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.0.groups.iter()
    }

    /// A group.
    #[must_use]
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.0.groups.get(name)
    }

    /// Adds a group; false where there is one of that name.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        self.0.groups.add(name, group)
    }

    /// Removes a group; false where there is none of that name.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        self.0.groups.remove(name)
    }

    /// Changes a group with the entries at hand; `None` where there is no such group.
    pub fn change_group<R>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&Log, &mut Group) -> R,
    ) -> Option<R> {
        let Parts { log, groups } = &mut *self.0;
        groups.change(name, |group| change(log, group))
    }
}
