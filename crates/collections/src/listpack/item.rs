//! How one item of a listpack is laid out: its encoding and data, and behind them how long they are, to be read backward.
//!
//! | first byte | item |
//! |---|---|
//! | `0xxxxxxx` | an integer from 0 to 127 |
//! | `10xxxxxx` | a string of up to 63 bytes |
//! | `110xxxxx` and one byte | a signed integer of 13 bits |
//! | `1110xxxx` and one byte | a string of up to 4095 bytes |
//! | `f0` and four bytes | a longer string |
//! | `f1` `f2` `f3` `f4` | a signed integer of 2, 3, 4 or 8 bytes |

use base::number::{push_i64, with_digits};

const STRING_32: u8 = 0xf0;
const INTEGER_16: u8 = 0xf1;
const INTEGER_24: u8 = 0xf2;
const INTEGER_32: u8 = 0xf3;
const INTEGER_64: u8 = 0xf4;

/// What ends a listpack.
pub(super) const END: u8 = 0xff;

/// An item: a string, or an integer that stands for its decimal form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item<'a> {
    /// Bytes that are no canonical integer.
    Bytes(&'a [u8]),
    /// An integer.
    Integer(i64),
}

impl Item<'_> {
    /// Runs `read` on the bytes that the item stands for.
    #[inline]
    pub fn with_bytes<T>(self, read: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Item::Bytes(bytes) => read(bytes),
            Item::Integer(integer) => with_digits(integer, read),
        }
    }

    /// Appends the bytes that the item stands for.
    pub fn push_to(self, out: &mut Vec<u8>) {
        match self {
            Item::Bytes(bytes) => out.extend_from_slice(bytes),
            Item::Integer(integer) => push_i64(out, integer),
        }
    }

    /// Whether the item stands for these bytes.
    #[inline]
    #[must_use]
    pub fn eq_bytes(self, bytes: &[u8]) -> bool {
        match self {
            Item::Bytes(own) => own == bytes,
            Item::Integer(integer) => with_digits(integer, |digits| digits == bytes),
        }
    }
}

/// Up to three bytes of an integer, from the lowest.
fn signed(bytes: &[u8]) -> i64 {
    let mut wide = [0; 8];
    wide[8 - bytes.len()..].copy_from_slice(bytes);
    i64::from_le_bytes(wide) >> (64 - 8 * bytes.len())
}

/// How many bytes encoding and data of the item at the front of `bytes` take.
#[inline]
pub(super) fn body_bytes(bytes: &[u8]) -> usize {
    match bytes[0] {
        0..=0x7f => 1,
        first @ 0x80..=0xbf => 1 + usize::from(first & 0x3f),
        0xc0..=0xdf => 2,
        first @ 0xe0..=0xef => 2 + (usize::from(first & 0x0f) << 8 | usize::from(bytes[1])),
        INTEGER_16 => 3,
        INTEGER_24 => 4,
        INTEGER_32 => 5,
        INTEGER_64 => 9,
        _ => 5 + u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize,
    }
}

/// The item at the front of `bytes`.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> Item<'_> {
    let body = body_bytes(bytes);
    match bytes[0] {
        first @ 0..=0x7f => Item::Integer(i64::from(first)),
        0x80..=0xbf => Item::Bytes(&bytes[1..body]),
        first @ 0xc0..=0xdf => {
            let bits = i64::from(first & 0x1f) << 8 | i64::from(bytes[1]);
            Item::Integer(bits << 51 >> 51)
        }
        0xe0..=0xef => Item::Bytes(&bytes[2..body]),
        INTEGER_16 | INTEGER_24 | INTEGER_32 | INTEGER_64 => Item::Integer(signed(&bytes[1..body])),
        _ => Item::Bytes(&bytes[5..body]),
    }
}

/// Appends encoding and data of a string.
#[inline]
pub(super) fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len();
    if length < 64 {
        out.push(0x80 | length as u8);
    } else if length < 4096 {
        out.extend_from_slice(&[0xe0 | (length >> 8) as u8, length as u8]);
    } else {
        out.push(STRING_32);
        out.extend_from_slice(&(length as u32).to_le_bytes());
    }
    out.extend_from_slice(bytes);
}

/// Appends encoding and data of an integer.
#[inline]
pub(super) fn push_integer(out: &mut Vec<u8>, integer: i64) {
    let bytes = integer.to_le_bytes();
    match integer {
        0..=127 => out.push(bytes[0]),
        -4096..=4095 => out.extend_from_slice(&[0xc0 | bytes[1] & 0x1f, bytes[0]]),
        -0x8000..=0x7fff => out.extend_from_slice(&[INTEGER_16, bytes[0], bytes[1]]),
        -0x80_0000..=0x7f_ffff => {
            out.extend_from_slice(&[INTEGER_24, bytes[0], bytes[1], bytes[2]]);
        }
        -0x8000_0000..=0x7fff_ffff => {
            out.push(INTEGER_32);
            out.extend_from_slice(&bytes[..4]);
        }
        _ => {
            out.push(INTEGER_64);
            out.extend_from_slice(&bytes);
        }
    }
}

/// How many bytes the length takes that stands behind a body of so many bytes.
#[inline]
pub(super) fn length_bytes(body: usize) -> usize {
    match body {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        0x20_0000..=0x0fff_ffff => 4,
        _ => 5,
    }
}

/// Appends the length of a body: groups of seven bits, all but the first marked by the highest bit.
#[inline]
pub(super) fn push_length(out: &mut Vec<u8>, body: usize) {
    for group in (0..length_bytes(body)).rev() {
        let bits = (body >> (7 * group)) as u8 & 0x7f;
        let is_first = group + 1 == length_bytes(body);
        out.push(if is_first { bits } else { bits | 0x80 });
    }
}

/// The length of the body that ends at the end of `bytes`, its own bytes included.
#[inline]
pub(super) fn bytes_before(bytes: &[u8]) -> usize {
    let mut body = 0;
    for (group, &byte) in bytes.iter().rev().take(5).enumerate() {
        body |= usize::from(byte & 0x7f) << (7 * group);
        if byte & 0x80 == 0 {
            break;
        }
    }
    body + length_bytes(body)
}
