//! Trimming: removing the oldest entries, exactly or by whole nodes.

use super::StreamId;
use super::groups::Groups;
use super::log::Log;
use super::node::Node;

/// What is to stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Threshold {
    /// So many entries.
    Length(u64),
    /// The entries from this id on.
    Id(StreamId),
}

impl Threshold {
    /// Whether an entry stays, where so many are there and it is the first of them.
    fn keeps(self, length: u64, id: StreamId) -> bool {
        match self {
            Threshold::Length(max) => length <= max,
            Threshold::Id(min) => id >= min,
        }
    }

    /// Whether no entry has to go.
    fn is_met(self, length: u64) -> bool {
        match self {
            Threshold::Length(max) => length <= max,
            Threshold::Id(_) => length == 0,
        }
    }

    /// Whether a whole node may go.
    fn covers(self, length: u64, base: StreamId, node: &Node) -> bool {
        match self {
            Threshold::Length(max) => length - node.live() >= max,
            Threshold::Id(min) => {
                let last = node.last(&node.master());
                last.is_none_or(|head| base.at_offset(head.offset) < min)
            }
        }
    }
}

/// How a stream is trimmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trim {
    /// What is to stay.
    pub threshold: Threshold,
    /// Whether only whole nodes go.
    pub is_approximate: bool,
    /// The most entries that go; 0 is no limit. Where the next node holds more than are left, trimming ends.
    pub limit: u64,
}

impl Trim {
    fn exceeds_limit(&self, entries: u64) -> bool {
        self.limit > 0 && entries > self.limit
    }
}

impl Log {
    /// Removes the oldest entries; how many they were.
    pub(super) fn trim(&mut self, trim: &Trim) -> u64 {
        let before = self.len();
        while let Some(place) = self.nodes().first() {
            let (base, node) = self.nodes().at(place);
            let removed = before - self.len();
            let threshold = trim.threshold;
            if threshold.is_met(self.len()) || trim.exceeds_limit(removed + node.live()) {
                break;
            }
            if threshold.covers(self.len(), base, node) {
                self.remove_node(place);
                continue;
            }
            if !trim.is_approximate {
                let length = self.len();
                self.mark_in_first_node(|base, node| mark_oldest(base, node, threshold, length));
            }
            break;
        }
        let removed = before - self.len();
        if removed > 0 {
            self.find_first_id();
        }
        removed
    }

    /// The ids of the entries that [`Log::trim`] would remove if those of `spared` were not there.
    pub(super) fn trimmed_ids(
        &self,
        trim: &Trim,
        spared: impl Fn(StreamId) -> bool,
    ) -> Vec<StreamId> {
        let mut ids = Vec::new();
        let mut length = self.len();
        for (base, node) in self.nodes().iter() {
            let threshold = trim.threshold;
            if threshold.is_met(length) || trim.exceeds_limit(ids.len() as u64 + node.live()) {
                break;
            }
            let covers = threshold.covers(length, base, node);
            if trim.is_approximate && !covers {
                break;
            }
            let master = node.master();
            let mut next = node.first(&master);
            while let Some(head) = next {
                let id = base.at_offset(head.offset);
                if threshold.keeps(length, id) {
                    break;
                }
                if !head.is_deleted() && !spared(id) {
                    ids.push(id);
                    length -= 1;
                }
                next = node.following(&master, &head);
            }
            if !covers {
                break;
            }
        }
        ids
    }
}

/// Marks the oldest entries of a node as deleted; how many they were.
fn mark_oldest(base: StreamId, node: &mut Node, threshold: Threshold, length: u64) -> u64 {
    let master = node.master();
    let mut marked = 0;
    let mut next = node.first(&master);
    while let Some(head) = next {
        if threshold.keeps(length - marked, base.at_offset(head.offset)) {
            break;
        }
        if !head.is_deleted() {
            node.mark_deleted(&head);
            marked += 1;
        }
        next = node.following(&master, &head);
    }
    marked
}

/// What becomes of the references that groups have to an entry that goes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum References {
    /// They stay.
    #[default]
    Keep,
    /// They go as well.
    Remove,
    /// The entry stays as long as a group has not read or not acknowledged it.
    Respect,
}

/// Trims a log whose entries these groups refer to.
pub(super) fn trim_with_references(
    log: &mut Log,
    groups: &mut Groups,
    trim: &Trim,
    references: References,
) -> u64 {
    let ids = match references {
        References::Keep => return log.trim(trim),
        References::Remove => log.trimmed_ids(trim, |_| false),
        References::Respect => log.trimmed_ids(trim, |id| groups.refer_to(id)),
    };
    for &id in &ids {
        log.remove(id);
        if references == References::Remove {
            groups.forget(id);
        }
    }
    ids.len() as u64
}
