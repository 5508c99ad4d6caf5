//! Things by number: what refers to another does it in four bytes. A clone shares them, and who changes one that others hold copies it first.

use crate::chunked::{ARC_BYTES, Chunked};
use crate::prefetch::prefetch;
use crate::shared;
use std::sync::Arc;

/// A chunk of so many numbers is copied in a few microseconds.
const CHUNK: usize = 16;

/// Things with numbers; the number of one that went is given again.
pub(super) struct Arena<T: ?Sized> {
    places: Chunked<Option<Arc<T>>, CHUNK>,
    free: Vec<u32>,
}

impl<T: ?Sized> Arena<T> {
    pub(super) const fn new() -> Arena<T> {
        Arena { places: Chunked::new(), free: Vec::new() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The memory of the numbering itself, without what the things hold.
    pub(super) fn heap_bytes(&self) -> usize {
        self.places.heap_bytes() + self.len() * ARC_BYTES + self.free.capacity() * size_of::<u32>()
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.places.len()).filter_map(|number| self.places.at(number).as_deref())
    }

    pub(super) fn add(&mut self, value: Arc<T>) -> u32 {
        if let Some(number) = self.free.pop() {
            *self.places.at_mut(number as usize) = Some(value);
            return number;
        }
        let number = u32::try_from(self.places.len()).expect("memory ends before the numbers do");
        self.places.push(Some(value));
        number
    }

    pub(super) fn remove(&mut self, number: u32) -> Arc<T> {
        self.free.push(number);
        self.places.at_mut(number as usize).take().expect("what is removed is there")
    }

    /// Asks the processor to bring in where the thing of a number is found.
    #[inline]
    pub(super) fn prefetch(&self, number: u32) {
        prefetch(self.places.at(number as usize));
    }

    #[inline]
    pub(super) fn at(&self, number: u32) -> &T {
        self.places.at(number as usize).as_deref().expect("a number refers to what is there")
    }
}

impl<T: Clone> Arena<T> {
    #[inline]
    pub(super) fn at_mut(&mut self, number: u32) -> &mut T {
        let place = self.places.at_mut(number as usize).as_mut();
        shared::value_mut(place.expect("a number refers to what is there"))
    }
}

// A derived one would ask that what has numbers is `Clone`, which bytes are not.
impl<T: ?Sized> Clone for Arena<T> {
    fn clone(&self) -> Arena<T> {
        Arena { places: self.places.clone(), free: self.free.clone() }
    }
}

impl<T: ?Sized> std::fmt::Debug for Arena<T> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{} of {} numbers", self.len(), self.places.len())
    }
}
