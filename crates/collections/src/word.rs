//! The word by which a table holds a record: its address with a tag of the key's hash and the
//! "has an expiry" bit in the bits that an address does not use.
//!
//! ```text
//! 63            46 45        44                              0
//! |  tag (18 bits) | volatile |  address / 8 (45 bits)        |
//! ```
//!
//! An address of user space has 48 bits on every target that we know, and records are aligned to 8.
//! The all-zero word is the empty one. The word keeps the provenance of the allocation's pointer.

/// Bits of a tag.
pub(crate) const TAG_BITS: u32 = 18;

const TAG_SHIFT: u32 = 64 - TAG_BITS;
const VOLATILE: usize = 1 << 45;
const ADDRESS: usize = VOLATILE - 1;

const _: () = assert!(usize::BITS == 64, "the packed word needs 64-bit addresses");

/// A record's packed address, or nothing.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Word(*mut u8);

impl Word {
    pub(crate) const EMPTY: Word = Word(std::ptr::null_mut());

    /// The word of the allocation at `address` with tag 0.
    #[inline]
    pub(crate) fn new(address: *mut u8, volatile: bool) -> Word {
        assert!(address.addr() >> 48 == 0, "addresses of user space have 48 bits");
        debug_assert!(address.addr().is_multiple_of(8) && !address.is_null());
        Word(address.map_addr(|address| address >> 3 | if volatile { VOLATILE } else { 0 }))
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_null()
    }

    /// The record's address; null in the empty word.
    #[inline]
    pub(crate) fn address(self) -> *mut u8 {
        self.0.map_addr(|word| (word & ADDRESS) << 3)
    }

    #[inline]
    pub(crate) fn tag(self) -> u32 {
        (self.0.addr() >> TAG_SHIFT) as u32
    }

    #[inline]
    pub(crate) fn with_tag(self, tag: u32) -> Word {
        debug_assert!(tag < 1 << TAG_BITS);
        Word(self.0.map_addr(|word| word & (VOLATILE | ADDRESS) | (tag as usize) << TAG_SHIFT))
    }

    /// The word of another allocation with the same tag.
    #[inline]
    pub(crate) fn replaced(self, address: *mut u8, volatile: bool) -> Word {
        Word::new(address, volatile).with_tag(self.tag())
    }

    #[inline]
    pub(crate) fn is_volatile(self) -> bool {
        self.0.addr() & VOLATILE != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_keeps_address_tag_and_expiry_bit_apart() {
        for address in [8usize, 0x7fff_ffff_fff8, 0xffff_ffff_fff8] {
            for volatile in [false, true] {
                for tag in [0u32, 1, 0x2_aaaa, (1 << TAG_BITS) - 1] {
                    let pointer = std::ptr::without_provenance_mut(address);
                    let word = Word::new(pointer, volatile).with_tag(0x1_5555).with_tag(tag);
                    assert_eq!(word.address().addr(), address);
                    assert_eq!((word.tag(), word.is_volatile()), (tag, volatile));
                    assert!(!word.is_empty());
                }
            }
        }
        assert!(Word::EMPTY.is_empty() && Word::EMPTY.address().is_null());
    }
}
