//! A set of integers as one run of bytes: sorted, each of the width that the widest needs.
//!
//! The bytes are those of Redis's encoding of that name, for they stand so in RDB files:
//!
//! ```text
//!   width u32 (2, 4 or 8) | length u32 | integers, ascending        all little-endian
//! ```

#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::ops::Deref;

const HEADER_BYTES: usize = 8;

/// The widths of an integer, in bytes.
const WIDTHS: [usize; 3] = [2, 4, 8];

/// A sorted set of integers. Looking one up takes logarithmic time, adding and removing one moves those behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intset(Box<[u8]>);

/// An intset that stands in bytes of somebody else, to be read: what `str` is to `String`.
#[derive(PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct IntsetSlice([u8]);

impl Deref for Intset {
    type Target = IntsetSlice;

    #[inline]
    fn deref(&self) -> &IntsetSlice {
        IntsetSlice::of(&self.0)
    }
}

impl ToOwned for IntsetSlice {
    type Owned = Intset;

    fn to_owned(&self) -> Intset {
        Intset(self.0.into())
    }
}

impl Borrow<IntsetSlice> for Intset {
    fn borrow(&self) -> &IntsetSlice {
        self
    }
}

/// Bytes that are no intset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MalformedIntset;

impl Default for Intset {
    fn default() -> Intset {
        Intset::new()
    }
}

/// The width that an integer needs.
fn width_of(integer: i64) -> usize {
    if i16::try_from(integer).is_ok() {
        2
    } else if i32::try_from(integer).is_ok() {
        4
    } else {
        8
    }
}

impl Intset {
    /// An empty set.
    #[must_use]
    pub fn new() -> Intset {
        let mut set = Intset(Box::new([0; HEADER_BYTES]));
        set.set_width(WIDTHS[0]);
        set
    }

    /// The bytes of memory that it owns.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.len()
    }

    /// Adds an integer. Returns whether it is new.
    ///
    /// # Panics
    ///
    /// Where the length would not fit 32 bits.
    pub fn insert(&mut self, integer: i64) -> bool {
        if width_of(integer) > self.width() {
            self.widen(width_of(integer));
        }
        let Err(index) = self.search(integer) else { return false };
        let width = self.width();
        let at = HEADER_BYTES + index * width;
        let end = self.0.len();
        self.resize(end + width);
        self.0.copy_within(at..end, at + width);
        self.0[at..at + width].copy_from_slice(&integer.to_le_bytes()[..width]);
        self.settle_length();
        true
    }

    /// Removes an integer. Returns whether it was there.
    pub fn remove(&mut self, integer: i64) -> bool {
        if width_of(integer) > self.width() {
            return false;
        }
        let Ok(index) = self.search(integer) else { return false };
        let width = self.width();
        let at = HEADER_BYTES + index * width;
        self.0.copy_within(at + width.., at);
        self.resize(self.0.len() - width);
        self.settle_length();
        true
    }

    /// Gives each integer this width, which is larger than theirs.
    fn widen(&mut self, width: usize) {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.len() * width);
        bytes.extend_from_slice(&self.0[..HEADER_BYTES]);
        self.iter().for_each(|integer| bytes.extend_from_slice(&integer.to_le_bytes()[..width]));
        self.0 = bytes.into();
        self.set_width(width);
    }

    /// Takes bytes from the end, or adds some. Whether they move is up to the allocator: most give sizes in steps.
    fn resize(&mut self, bytes: usize) {
        let mut all = std::mem::take(&mut self.0).into_vec();
        all.reserve_exact(bytes.saturating_sub(all.len()));
        all.resize(bytes, 0);
        self.0 = all.into();
    }

    fn set_width(&mut self, width: usize) {
        self.0[0] = width as u8;
    }

    fn settle_length(&mut self) {
        let length = u32::try_from(self.len()).expect("the length fits 32 bits");
        self.0[4..HEADER_BYTES].copy_from_slice(&length.to_le_bytes());
    }
}

impl IntsetSlice {
    /// The intset that these bytes are. They are [`IntsetSlice::bytes`] of another: reading any others may panic.
    #[inline]
    #[must_use]
    pub fn of(bytes: &[u8]) -> &IntsetSlice {
        // SAFETY: the layout is that of the bytes, and any bytes are valid.
        unsafe { &*(std::ptr::from_ref(bytes) as *const IntsetSlice) }
    }

    /// The set that these bytes are.
    ///
    /// # Errors
    ///
    /// Where the width is none, the length is not that of the bytes, or the integers do not ascend.
    pub fn from_bytes(bytes: &[u8]) -> Result<&IntsetSlice, MalformedIntset> {
        let set = IntsetSlice::of(bytes);
        let (Some(width), Some(length)) = (set.header(0), set.header(4)) else {
            return Err(MalformedIntset);
        };
        let is_whole = WIDTHS.contains(&(width as usize))
            && u64::from(width) * u64::from(length) == (bytes.len() - HEADER_BYTES) as u64;
        if is_whole && set.iter().zip(set.iter().skip(1)).all(|(one, next)| one < next) {
            Ok(set)
        } else {
            Err(MalformedIntset)
        }
    }

    /// The set as it stands in a file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The number of integers.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.0.len() - HEADER_BYTES) / self.width()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len() == HEADER_BYTES
    }

    /// Whether an integer is there.
    #[must_use]
    pub fn contains(&self, integer: i64) -> bool {
        width_of(integer) <= self.width() && self.search(integer).is_ok()
    }

    /// The integer at an index of the ascending order.
    #[must_use]
    pub fn at(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.read(index))
    }

    /// The integers, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator {
        (0..self.len()).map(|index| self.read(index))
    }

    /// The index of an integer, or the one that it would have.
    fn search(&self, integer: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // Those that come in order are found at once.
        if high > 0 && self.read(high - 1) < integer {
            return Err(high);
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.read(middle).cmp(&integer) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    #[inline]
    fn read(&self, index: usize) -> i64 {
        let width = self.width();
        let bytes = &self.0[HEADER_BYTES + index * width..];
        match width {
            2 => bytes.first_chunk().map(|bytes| i64::from(i16::from_le_bytes(*bytes))),
            4 => bytes.first_chunk().map(|bytes| i64::from(i32::from_le_bytes(*bytes))),
            _ => bytes.first_chunk().map(|bytes| i64::from_le_bytes(*bytes)),
        }
        .expect("the integers are whole")
    }

    #[inline]
    fn width(&self) -> usize {
        usize::from(self.0[0])
    }

    fn header(&self, at: usize) -> Option<u32> {
        let bytes = self.0.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    }
}
