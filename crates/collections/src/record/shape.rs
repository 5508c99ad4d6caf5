//! Where the parts of a record lie in its allocation: arithmetic only, no memory is touched.
//!
//! ```text
//! header 8 | [lengths 8, wide form] | [expiry 8] | key | value          bytes; or a tag 1, and bytes
//! header 8 | [lengths 8, wide form] | [expiry 8] | number or box 8 | key
//! ```
//!
//! The key stands before bytes, so that a key is compared in the record's first line and an append
//! moves nothing; a number or a box stands before the key, so that it is aligned.

/// Longest key or value in bytes. Redis allows 512 MiB; this is what the wide lengths can say.
pub(crate) const LENGTH_MAX: usize = u32::MAX as usize;

/// Sizes from here on are rounded to whole pages.
const PAGED_BYTES: usize = 16 << 10;

/// Bytes that an allocation of `size` bytes takes, which is also what records ask for: the size
/// classes that jemalloc (with a quantum of 8) and mimalloc (with a maximal alignment of 8) have in
/// common. Steps of 8 up to 64, then four classes for each doubling, pages from 16 KiB on.
#[inline]
const fn allocation_bytes(size: usize) -> usize {
    if size <= 64 {
        return size.next_multiple_of(8);
    }
    if size > PAGED_BYTES {
        return size.next_multiple_of(4096);
    }
    // Classes between 2^k and 2^(k+1) are 2^(k-2) apart.
    size.next_multiple_of(1 << ((size - 1).ilog2() - 2))
}

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Integer,
    Bytes,
    /// A tag, and bytes.
    Compact,
    Object,
}

/// The record's first 8 bytes.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Header {
    /// Access clock (24 bits) and snapshot mark (the upper 8).
    pub(super) clock: u32,
    /// Encoding (bits 0-1), `EXPIRY`, `WIDE`, and where the key begins (bits 4-7, in words).
    pub(super) kind: u8,
    /// Length of the key, unless `WIDE`.
    pub(super) key_len: u8,
    /// Length of a value of bytes, unless `WIDE`.
    pub(super) value_len: u16,
}

/// The lengths of a record whose key is longer than 255 or whose value is longer than 65,535 bytes.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct WideLengths {
    pub(super) key: u32,
    pub(super) value: u32,
}

const ENCODING: u8 = 3;
const EXPIRY: u8 = 4;
const WIDE: u8 = 8;
const KEY_WORD_SHIFT: u32 = 4;

impl Header {
    #[inline]
    pub(super) fn encoding(self) -> Encoding {
        match self.kind & ENCODING {
            0 => Encoding::Integer,
            1 => Encoding::Bytes,
            2 => Encoding::Object,
            _ => Encoding::Compact,
        }
    }

    #[inline]
    pub(super) fn has_expiry(self) -> bool {
        self.kind & EXPIRY != 0
    }

    #[inline]
    pub(super) fn is_wide(self) -> bool {
        self.kind & WIDE != 0
    }

    /// Where the key begins.
    #[inline]
    pub(super) fn key_offset(self) -> usize {
        usize::from(self.kind >> KEY_WORD_SHIFT) * 8
    }
}

/// What decides where everything lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) encoding: Encoding,
    pub(super) has_expiry: bool,
    pub(super) key_len: usize,
    /// 0 unless the value is bytes, with or without a tag.
    pub(super) value_len: usize,
}

impl Shape {
    #[inline]
    pub(super) fn is_wide(self) -> bool {
        self.key_len > usize::from(u8::MAX) || self.value_len > usize::from(u16::MAX)
    }

    /// Where the expiry lies if there is one.
    #[inline]
    pub(super) fn expiry_offset(self) -> usize {
        if self.is_wide() { 16 } else { 8 }
    }

    /// Where the body begins: key and bytes, or number or box and key. The body has no gap and reaches
    /// to the end.
    #[inline]
    pub(super) fn body_offset(self) -> usize {
        self.expiry_offset() + if self.has_expiry { 8 } else { 0 }
    }

    #[inline]
    pub(super) fn key_offset(self) -> usize {
        match self.encoding {
            Encoding::Bytes | Encoding::Compact => self.body_offset(),
            Encoding::Integer | Encoding::Object => self.body_offset() + 8,
        }
    }

    #[inline]
    pub(super) fn value_offset(self) -> usize {
        match self.encoding {
            Encoding::Bytes | Encoding::Compact => self.body_offset() + self.key_len,
            Encoding::Integer | Encoding::Object => self.body_offset(),
        }
    }

    /// Bytes in use.
    #[inline]
    pub(super) fn size(self) -> usize {
        self.key_offset() + self.key_len + self.value_len
    }

    /// Bytes of the allocation.
    #[inline]
    pub(super) fn allocation(self) -> usize {
        allocation_bytes(self.size())
    }

    /// The header that says all this.
    #[inline]
    pub(super) fn header(self, clock: u32) -> Header {
        let encoding = match self.encoding {
            Encoding::Integer => 0,
            Encoding::Bytes => 1,
            Encoding::Object => 2,
            Encoding::Compact => 3,
        };
        let wide = self.is_wide();
        let kind = encoding
            | if self.has_expiry { EXPIRY } else { 0 }
            | if wide { WIDE } else { 0 }
            | ((self.key_offset() / 8) as u8) << KEY_WORD_SHIFT;
        let (key_len, value_len) = if wide { (0, 0) } else { (self.key_len, self.value_len) };
        Header { clock, kind, key_len: key_len as u8, value_len: value_len as u16 }
    }

    #[inline]
    pub(super) fn wide_lengths(self) -> WideLengths {
        WideLengths { key: self.key_len as u32, value: self.value_len as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_key_and_value_take_56_bytes() {
        let shape =
            Shape { encoding: Encoding::Bytes, has_expiry: false, key_len: 16, value_len: 32 };
        assert_eq!((shape.size(), shape.allocation()), (56, 56));
        assert_eq!(size_of::<Header>(), 8);
    }

    #[test]
    fn classes_grow_by_a_quarter_at_most_and_are_their_own_class() {
        let mut previous = 0;
        for size in 1..200_000 {
            let class = allocation_bytes(size);
            assert!(class >= size && class.is_multiple_of(8) && class >= previous, "{size}");
            assert_eq!(allocation_bytes(class), class, "{size}");
            assert!(class < size + 8.max(size / 4 + 1), "{size} -> {class}");
            previous = class;
        }
        let classes = [65, 81, 97, 113, 129, 161, 225, 257, 16_384, 16_385].map(allocation_bytes);
        assert_eq!(classes, [80, 96, 112, 128, 160, 192, 256, 320, 16_384, 20_480]);
    }

    #[test]
    fn header_gives_back_what_it_was_made_of() {
        for encoding in [Encoding::Integer, Encoding::Bytes, Encoding::Object, Encoding::Compact] {
            for has_expiry in [false, true] {
                for key_len in [0, 1, 255, 256, 70_000] {
                    let has_bytes = matches!(encoding, Encoding::Bytes | Encoding::Compact);
                    let value_len = if has_bytes { 65_535 } else { 0 };
                    let shape = Shape { encoding, has_expiry, key_len, value_len };
                    let header = shape.header(7);
                    assert_eq!(header.encoding(), encoding);
                    assert_eq!(header.has_expiry(), has_expiry);
                    assert_eq!(header.is_wide(), key_len > 255);
                    assert_eq!(header.key_offset(), shape.key_offset());
                }
            }
        }
    }
}
