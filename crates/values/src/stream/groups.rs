//! The consumer groups of a stream, by name.

use super::StreamId;
use super::group::Group;
use collections::ARC_BYTES;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a group costs beyond what it owns.
const GROUP_PLACE_BYTES: usize =
    size_of::<(Box<[u8]>, Arc<Group>)>() * 3 / 2 + ARC_BYTES + size_of::<Group>();

/// The consumer groups of a stream. A clone shares them; one that others hold is copied as a whole before it is changed.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Groups {
    by_name: BTreeMap<Box<[u8]>, Arc<Group>>,
    /// What all of them own.
    heap_bytes: usize,
}

impl Groups {
    pub(super) fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }

    pub(super) fn free_effort(&self) -> usize {
        self.by_name.values().take(64).map(|group| group.free_effort()).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&Group> {
        self.by_name.get(name).map(|group| &**group)
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.by_name.iter().map(|(name, group)| (&**name, &**group))
    }

    /// Adds a group; false where there is one of that name.
    pub(super) fn add(&mut self, name: &[u8], group: Group) -> bool {
        if self.by_name.contains_key(name) {
            return false;
        }
        self.heap_bytes += GROUP_PLACE_BYTES + name.len() + group.heap_bytes();
        self.by_name.insert(name.into(), Arc::new(group));
        true
    }

    /// Removes a group; false where there is none of that name.
    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let Some(group) = self.by_name.remove(name) else { return false };
        self.heap_bytes -= GROUP_PLACE_BYTES + name.len() + group.heap_bytes();
        true
    }

    /// Changes a group, if it is there.
    pub(super) fn change<R>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&mut Group) -> R,
    ) -> Option<R> {
        let shared = self.by_name.get_mut(name)?;
        // Before it is copied: a copy has no room to spare.
        let before = shared.heap_bytes();
        let group = Arc::make_mut(shared);
        let result = change(group);
        self.heap_bytes = self.heap_bytes + group.heap_bytes() - before;
        Some(result)
    }

    /// Whether a group has not read the entry of this id, or not acknowledged it.
    pub(super) fn refer_to(&self, id: StreamId) -> bool {
        self.by_name.values().any(|group| id > group.last_id() || group.pending(id).is_some())
    }

    /// Forgets an entry in all groups.
    pub(super) fn forget(&mut self, id: StreamId) {
        let referring = self.by_name.values_mut().filter(|group| group.pending(id).is_some());
        for shared in referring {
            let before = shared.heap_bytes();
            let group = Arc::make_mut(shared);
            group.forget(id);
            self.heap_bytes = self.heap_bytes + group.heap_bytes() - before;
        }
    }
}
