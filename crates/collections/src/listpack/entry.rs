//! One entry of a listpack: how an item is written, and how it is read from either side.
//!
//! ```text
//! first byte   item
//! 0xxxxxxx     integer 0..=127
//! 10xxxxxx     string of up to 63 bytes
//! 110xxxxx     integer of 13 bits, the low 8 in the next byte
//! 1110xxxx     string of up to 4095 bytes, the low 8 bits of its length in the next byte
//! 11110000     string, its length in 4 bytes
//! 11110001     integer of 16 bits; 0010: 24, 0011: 32, 0100: 64
//! 11111111     the end of the listpack
//! ```
//!
//! Behind the item stands its length, 7 bits a byte, to be read backwards. Numbers are little-endian.

use super::Item;

/// The byte that ends a listpack.
pub(super) const END: u8 = 0xff;

/// What the first bytes of an entry tell.
#[derive(Clone, Copy)]
pub(super) struct Head {
    /// Bytes before the string; for an integer, all of it.
    pub(super) head: usize,
    /// Bytes of the string.
    pub(super) string: usize,
    /// Whether it is a string.
    pub(super) is_string: bool,
}

impl Head {
    /// Reads the head of the entry that `bytes` begins with; `None` where it is none, or cut off.
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Option<Head> {
        let integer = |size: usize| Some(Head { head: size, string: 0, is_string: false });
        let string = |head, string| Some(Head { head, string, is_string: true });
        let first = *bytes.first()?;
        match first {
            0x00..=0x7f => integer(1),
            0x80..=0xbf => string(1, usize::from(first & 0x3f)),
            0xc0..=0xdf => integer(2),
            0xe0..=0xef => string(2, usize::from(first & 0x0f) << 8 | usize::from(*bytes.get(1)?)),
            0xf0 => {
                let length = bytes.get(1..5)?.first_chunk::<4>()?;
                string(5, u32::from_le_bytes(*length) as usize)
            }
            0xf1 => integer(3),
            0xf2 => integer(4),
            0xf3 => integer(5),
            0xf4 => integer(9),
            0xf5..=0xff => None,
        }
    }

    /// Bytes of the entry without the length behind it.
    #[inline]
    pub(super) fn bytes(self) -> usize {
        self.head + self.string
    }
}

/// The item of the entry that `bytes` begins with, whose head is `head` and which is whole.
#[inline]
pub(super) fn item(bytes: &[u8], head: Head) -> Item<'_> {
    if head.is_string {
        return Item::Bytes(&bytes[head.head..head.bytes()]);
    }
    let wide = |size: usize| {
        let mut number = [0; 8];
        number[8 - size..].copy_from_slice(&bytes[1..=size]);
        // Shifted down again, so that the sign comes with it.
        i64::from_le_bytes(number) >> (64 - 8 * size)
    };
    Item::Integer(match head.head {
        1 => i64::from(bytes[0]),
        2 => {
            let number = i64::from(bytes[0] & 0x1f) << 8 | i64::from(bytes[1]);
            if number >= 1 << 12 { number - (1 << 13) } else { number }
        }
        size => wide(size - 1),
    })
}

/// An integer as an entry holds it: the first `len` bytes of `bytes`.
pub(super) struct IntegerEntry {
    bytes: [u8; 9],
    len: usize,
}

impl IntegerEntry {
    #[inline]
    pub(super) fn new(integer: i64) -> IntegerEntry {
        let mut bytes = [0; 9];
        let mut wide = |first: u8, size: usize| {
            bytes[0] = first;
            bytes[1..=size].copy_from_slice(&integer.to_le_bytes()[..size]);
            1 + size
        };
        let len = match integer {
            0..=127 => {
                bytes[0] = integer as u8;
                1
            }
            -4096..=4095 => {
                let number = integer as u16 & 0x1fff;
                bytes[0] = 0xc0 | (number >> 8) as u8;
                bytes[1] = number as u8;
                2
            }
            -32_768..=32_767 => wide(0xf1, 2),
            -8_388_608..=8_388_607 => wide(0xf2, 3),
            -2_147_483_648..=2_147_483_647 => wide(0xf3, 4),
            _ => wide(0xf4, 8),
        };
        IntegerEntry { bytes, len }
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The head of a string's entry: the first bytes, and how many they are.
#[inline]
pub(super) fn string_head(length: usize) -> ([u8; 5], usize) {
    let mut head = [0; 5];
    match length {
        0..=63 => {
            head[0] = 0x80 | length as u8;
            (head, 1)
        }
        64..=4095 => {
            head[0] = 0xe0 | (length >> 8) as u8;
            head[1] = length as u8;
            (head, 2)
        }
        _ => {
            let length = u32::try_from(length).expect("a listpack has at most 4 GiB");
            head[0] = 0xf0;
            head[1..5].copy_from_slice(&length.to_le_bytes());
            (head, 5)
        }
    }
}

/// How many bytes the length behind an entry of `bytes` takes.
#[inline]
pub(super) fn back_bytes(bytes: usize) -> usize {
    match bytes {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        0x20_0000..=0xfff_ffff => 4,
        _ => 5,
    }
}

/// The length behind an entry of `bytes`, and how many bytes it takes.
#[inline]
pub(super) fn back(bytes: usize) -> ([u8; 5], usize) {
    let (mut back, size) = ([0; 5], back_bytes(bytes));
    let mut rest = bytes;
    for (index, byte) in back[..size].iter_mut().enumerate().rev() {
        *byte = (rest & 0x7f) as u8 | if index == 0 { 0 } else { 0x80 };
        rest >>= 7;
    }
    (back, size)
}

/// Where the entry that ends before `end` begins; `None` where there is no such length.
#[inline]
pub(super) fn start_before(bytes: &[u8], end: usize) -> Option<usize> {
    let (mut length, mut shift, mut at) = (0usize, 0, end);
    loop {
        at = at.checked_sub(1)?;
        let byte = *bytes.get(at)?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return at.checked_sub(length);
        }
        shift += 7;
        if shift > 28 {
            return None;
        }
    }
}
