//! Entries that are too long for a leaf: an allocation each, found by the number of their place.

use crate::chunked::{ARC_BYTES, Chunked};
use crate::shared;
use std::sync::Arc;

const LENGTH_BYTES: usize = size_of::<u32>();

/// A chunk of so many places is copied in some microseconds; what stands there is shared.
const CHUNK: usize = 512;

/// A place.
#[derive(Clone)]
enum Place {
    /// The length of the key, the key, and the value.
    Taken(Arc<[u8]>),
    /// With the place that was given up before.
    Free(Option<u32>),
}

impl Default for Place {
    fn default() -> Place {
        Place::Free(None)
    }
}

/// Long entries by place.
#[derive(Clone)]
pub(super) struct Large {
    places: Chunked<Place, CHUNK>,
    /// The place that was given up last.
    free: Option<u32>,
}

impl Large {
    pub(super) fn new() -> Large {
        Large { places: Chunked::new(), free: None }
    }

    /// Puts an entry somewhere.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) -> u32 {
        let length = u32::try_from(key.len()).expect("a key is shorter than 4 GiB");
        let taken = Place::Taken(shared::concat(&[&length.to_le_bytes(), key, value]));
        match self.free {
            Some(place) => {
                match std::mem::replace(self.places.at_mut(place as usize), taken) {
                    Place::Free(before) => self.free = before,
                    Place::Taken(_) => unreachable!("a place in the list of free ones is free"),
                }
                place
            }
            None => {
                self.places.push(taken);
                u32::try_from(self.places.len() - 1).expect("places fit memory")
            }
        }
    }

    /// Gives a place up. Returns the bytes that its entry owned.
    pub(super) fn remove(&mut self, place: u32) -> usize {
        let free = Place::Free(self.free.replace(place));
        match std::mem::replace(self.places.at_mut(place as usize), free) {
            Place::Taken(bytes) => ARC_BYTES + bytes.len(),
            Place::Free(_) => unreachable!("only entries that a leaf names are removed"),
        }
    }

    /// The key and the value at a place.
    pub(super) fn pair(&self, place: u32) -> (&[u8], &[u8]) {
        let (length, rest) = split(match self.places.at(place as usize) {
            Place::Taken(bytes) => bytes,
            Place::Free(_) => unreachable!("leaves name only places that are taken"),
        });
        rest.split_at(length)
    }

    /// The value at a place, to be written.
    pub(super) fn value_mut(&mut self, place: u32) -> &mut [u8] {
        match self.places.at_mut(place as usize) {
            Place::Taken(bytes) => {
                let start = LENGTH_BYTES + split(bytes).0;
                &mut shared::slice_mut(bytes)[start..]
            }
            Place::Free(_) => unreachable!("leaves name only places that are taken"),
        }
    }

    /// The bytes that an entry at a place owns.
    pub(super) fn bytes(key: &[u8], value: &[u8]) -> usize {
        ARC_BYTES + LENGTH_BYTES + key.len() + value.len()
    }

    /// The bytes of the places themselves.
    pub(super) fn places_bytes(&self) -> usize {
        self.places.heap_bytes()
    }
}

/// The length of the key, and what follows it.
fn split(bytes: &[u8]) -> (usize, &[u8]) {
    let (length, rest) = bytes.split_first_chunk().expect("an entry begins with a length");
    (u32::from_le_bytes(*length) as usize, rest)
}
