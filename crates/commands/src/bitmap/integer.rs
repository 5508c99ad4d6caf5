//! Integers of any width at any bit of a string.

use crate::CommandError;
use base::number::parse_i64;

/// What happens to a result that does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Overflow {
    /// `WRAP`: its upper bits are lost.
    #[default]
    Wrap,
    /// `SAT`: the nearest integer that fits stands for it.
    Saturate,
    /// `FAIL`: nothing is written.
    Fail,
}

impl Overflow {
    pub(super) fn parse(word: &[u8]) -> Result<Overflow, CommandError> {
        if word.eq_ignore_ascii_case(b"WRAP") {
            Ok(Overflow::Wrap)
        } else if word.eq_ignore_ascii_case(b"SAT") {
            Ok(Overflow::Saturate)
        } else if word.eq_ignore_ascii_case(b"FAIL") {
            Ok(Overflow::Fail)
        } else {
            Err(CommandError::Text("ERR Invalid OVERFLOW type specified"))
        }
    }
}

/// How an integer is encoded: `i1` to `i64`, `u1` to `u63`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Encoding {
    is_signed: bool,
    bits: u32,
}

impl Encoding {
    pub(super) fn parse(word: &[u8]) -> Result<Encoding, CommandError> {
        let invalid = CommandError::Text(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        );
        let (is_signed, digits) = match word {
            [b'i', digits @ ..] => (true, digits),
            [b'u', digits @ ..] => (false, digits),
            _ => return Err(invalid),
        };
        let most = if is_signed { 64 } else { 63 };
        match parse_i64(digits) {
            Some(bits) if (1..=most).contains(&bits) => {
                Ok(Encoding { is_signed, bits: bits as u32 })
            }
            Some(_) | None => Err(invalid),
        }
    }

    /// How many bits an integer has.
    pub(super) fn bits(self) -> usize {
        self.bits as usize
    }

    /// What SET means by a number: where the encoding has no sign, its bits.
    pub(super) fn operand(self, value: i64) -> i128 {
        if self.is_signed { i128::from(value) } else { i128::from(value.cast_unsigned()) }
    }

    /// The integer that stands for a result; `None` where it does not fit and `overflow` says that it fails.
    pub(super) fn fit(self, result: i128, overflow: Overflow) -> Option<i64> {
        let most = if self.is_signed { (1 << (self.bits - 1)) - 1 } else { (1 << self.bits) - 1 };
        let least = if self.is_signed { -(1 << (self.bits - 1)) } else { 0 };
        if (least..=most).contains(&result) {
            return Some(result as i64);
        }
        match overflow {
            Overflow::Wrap => Some(self.decode(result as u64)),
            Overflow::Saturate => Some(result.clamp(least, most) as i64),
            Overflow::Fail => None,
        }
    }

    /// The integer that the lower bits of a word are.
    fn decode(self, word: u64) -> i64 {
        let unused = 64 - self.bits;
        let upper = word << unused;
        if self.is_signed { upper.cast_signed() >> unused } else { (upper >> unused).cast_signed() }
    }
}

/// So many bytes can an integer of 64 bits touch.
const SPAN_BYTES_MAX: usize = 9;

/// An integer in a string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Field {
    pub(super) encoding: Encoding,
    /// Its first bit.
    pub(super) offset: usize,
}

impl Field {
    /// How many bytes a string has that holds all of it.
    pub(super) fn end_bytes(self) -> usize {
        (self.offset + self.encoding.bits()).div_ceil(8)
    }

    /// Its value; zeros follow the string.
    pub(super) fn read(self, bytes: &[u8]) -> i64 {
        let shifted = self.window(bytes) << (self.offset & 7);
        self.encoding.decode((shifted >> (u128::BITS - self.encoding.bits)) as u64)
    }

    /// Gives it another value, of which the lower bits count; the string holds all of it.
    pub(super) fn write(self, bytes: &mut [u8], value: i64) {
        let ones = u128::MAX << (u128::BITS - self.encoding.bits);
        let value = (u128::from(value.cast_unsigned()) << (u128::BITS - self.encoding.bits)) & ones;
        let behind = self.offset & 7;
        let window = (self.window(bytes) & !(ones >> behind)) | (value >> behind);
        let span = &mut bytes[self.offset >> 3..self.end_bytes()];
        span.copy_from_slice(&window.to_be_bytes()[..span.len()]);
    }

    /// The bytes that it touches, as the upper ones of a word.
    fn window(self, bytes: &[u8]) -> u128 {
        let mut window = [0; size_of::<u128>()];
        let touched = bytes.get(self.offset >> 3..).unwrap_or_default();
        let touched = &touched[..touched.len().min(SPAN_BYTES_MAX)];
        window[..touched.len()].copy_from_slice(touched);
        u128::from_be_bytes(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoding(text: &str) -> Encoding {
        Encoding::parse(text.as_bytes()).expect("it is an encoding")
    }

    #[test]
    fn results_that_do_not_fit_wrap_saturate_or_fail() {
        for (name, result, wrapped, saturated) in [
            ("u8", 256, 0, 255),
            ("u8", -1, 255, 0),
            ("i8", 128, -128, 127),
            ("i8", -129, 127, -128),
            ("i1", 1, -1, 0),
            ("u1", 2, 0, 1),
            ("i64", 1 << 63, i64::MIN, i64::MAX),
            ("u63", 1 << 63, 0, i64::MAX),
        ] {
            let encoding = encoding(name);
            assert_eq!(encoding.fit(result, Overflow::Wrap), Some(wrapped), "{name}");
            assert_eq!(encoding.fit(result, Overflow::Saturate), Some(saturated), "{name}");
            assert_eq!(encoding.fit(result, Overflow::Fail), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_no_other_bit_changes(
            mut bytes in proptest::collection::vec(any::<u8>(), 20),
            offset in 0..90usize,
            bits in 1..64u32,
            is_signed: bool,
            value: i64,
        ) {
            let encoding = Encoding { is_signed, bits };
            let field = Field { encoding, offset };
            let value = encoding.decode(value.cast_unsigned());
            let before = bytes.clone();
            field.write(&mut bytes, value);
            prop_assert_eq!(field.read(&bytes), value);
            field.write(&mut bytes, field.read(&before));
            prop_assert_eq!(bytes, before);
        }
    }
}
