//! The 80-bit floating-point numbers of x86 (`long double`), as far as INCRBYFLOAT and HINCRBYFLOAT need them: parse, add, print.
//!
//! Rust has no such type, and with 64-bit numbers 10.5 + 0.1 would print as 10.59999999999999964. Every operation rounds once, to the
//! nearest, ties to even, as the processor does; parsing and printing are exact before they round. Not a number is not
//! represented: where it would arise, there is `None`.

mod natural;

use natural::Natural;

/// The longest text that is parsed; Redis reads no longer one, whatever it says.
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;
/// The place of the lowest bit of the smallest numbers.
const EXPONENT_MIN: i32 = -16445;
/// The place of the lowest bit of the greatest numbers.
const EXPONENT_MAX: i32 = 16320;
/// The decimal places that are printed at most.
const PLACES: u32 = 17;

/// A floating-point number with a mantissa of 64 bits and an exponent of 15.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LongDouble {
    negative: bool,
    magnitude: Magnitude,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Magnitude {
    /// `mantissa` times 2 to the power of `exponent`. The top bit of the mantissa is set, but for zero and numbers so small
    /// that `exponent` is [`EXPONENT_MIN`].
    Finite {
        mantissa: u64,
        exponent: i32,
    },
    Infinite,
}

const ZERO: Magnitude = Magnitude::Finite { mantissa: 0, exponent: EXPONENT_MIN };

impl From<i64> for LongDouble {
    fn from(value: i64) -> LongDouble {
        LongDouble {
            negative: value < 0,
            magnitude: rounded(u128::from(value.unsigned_abs()), 0, false),
        }
    }
}

impl LongDouble {
    /// The number that a text stands for as C's `strtold` reads it (decimal, hexadecimal with `0x`, `inf`). `None` for anything
    /// else, for white space, for what is not a number, and for what is too great or too small to be told from zero.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            all => (false, all),
        };
        let magnitude = if unsigned.eq_ignore_ascii_case(b"inf")
            || unsigned.eq_ignore_ascii_case(b"infinity")
        {
            Magnitude::Infinite
        } else if let [b'0', b'x' | b'X', hexadecimal @ ..] = unsigned {
            parse_hexadecimal(hexadecimal)?
        } else {
            parse_decimal(unsigned)?
        };
        Some(LongDouble { negative, magnitude })
    }

    /// Whether it is infinite.
    #[must_use]
    pub fn is_infinite(&self) -> bool {
        self.magnitude == Magnitude::Infinite
    }

    /// Nearly the same with 64 bits. A number that is not zero does not become zero.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        let magnitude = match self.magnitude {
            Magnitude::Infinite => f64::INFINITY,
            Magnitude::Finite { mantissa: 0, .. } => 0.0,
            Magnitude::Finite { mantissa, exponent } => {
                // In two steps: the power alone may be zero where the product is not.
                let (half, rest) = (exponent / 2, exponent - exponent / 2);
                (mantissa as f64 * 2f64.powi(half) * 2f64.powi(rest)).max(f64::MIN_POSITIVE)
            }
        };
        if self.negative { -magnitude } else { magnitude }
    }

    /// The sum, rounded once; `None` where it is infinite or not a number.
    #[must_use]
    pub fn checked_add(self, other: LongDouble) -> Option<LongDouble> {
        let (
            Magnitude::Finite { mantissa: a, exponent: a_exponent },
            Magnitude::Finite { mantissa: b, exponent: b_exponent },
        ) = (self.magnitude, other.magnitude)
        else {
            return None;
        };
        if (a_exponent, a) < (b_exponent, b) {
            return other.checked_add(self);
        }
        // Here a is not the smaller one. 62 bits below it keep all that can matter: where b reaches lower, at most
        // one leading bit can cancel out.
        const BELOW: u32 = 62;
        let wide = u128::from(b) << BELOW;
        let distance = a_exponent.abs_diff(b_exponent);
        let aligned = wide.checked_shr(distance).unwrap_or(0);
        let sticky = aligned.checked_shl(distance).unwrap_or(0) != wide;
        let a = u128::from(a) << BELOW;
        let sum = if self.negative == other.negative {
            a + aligned
        } else {
            a - aligned - u128::from(sticky)
        };
        let magnitude = rounded(sum, a_exponent - BELOW as i32, sticky);
        let negative = self.negative && (sum != 0 || other.negative);
        (magnitude != Magnitude::Infinite).then_some(LongDouble { negative, magnitude })
    }

    /// Appends the number with up to 17 decimal places and without trailing zeros, never with an exponent.
    pub fn push_decimal(&self, out: &mut Vec<u8>) {
        let Magnitude::Finite { mantissa, exponent } = self.magnitude else {
            out.extend_from_slice(if self.negative { b"-inf" } else { b"inf" });
            return;
        };
        let start = out.len();
        if self.negative {
            out.push(b'-');
        }
        if exponent > 64 {
            let mut natural = Natural::from(mantissa);
            natural.shift_left(exponent as u32);
            natural.push_decimal(out);
        } else if exponent >= 0 {
            push_u128(out, u128::from(mantissa) << exponent);
        } else {
            let (whole, places) = split(mantissa, exponent.unsigned_abs());
            push_u128(out, whole);
            if places != 0 {
                out.extend_from_slice(format!(".{places:017}").as_bytes());
                while out.last() == Some(&b'0') {
                    out.pop();
                }
            }
        }
        if &out[start..] == b"-0" {
            out.remove(start);
        }
    }
}

/// `mantissa` divided by 2 to the power of `bits` (at least 1): the whole part, and the decimal places, rounded to the
/// nearest, ties to even.
fn split(mantissa: u64, bits: u32) -> (u128, u64) {
    const SCALE: u64 = 10u64.pow(PLACES);
    let whole = mantissa.checked_shr(bits).unwrap_or(0);
    let fraction = if bits < 64 { mantissa & ((1 << bits) - 1) } else { mantissa };
    let scaled = u128::from(fraction) * u128::from(SCALE);
    if bits >= 127 {
        return (u128::from(whole), 0);
    }
    let places = (scaled >> bits) as u64;
    let (rest, half) = (scaled & ((1 << bits) - 1), 1 << (bits - 1));
    let up = rest > half || (rest == half && places % 2 == 1);
    match places + u64::from(up) {
        SCALE => (u128::from(whole) + 1, 0),
        places => (u128::from(whole), places),
    }
}

fn push_u128(out: &mut Vec<u8>, value: u128) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The nearest number to `wide` times 2 to the power of `exponent`, ties to even. With `sticky`, the true value lies a little above;
/// `wide` then has at least 65 bits.
fn rounded(wide: u128, exponent: i32, sticky: bool) -> Magnitude {
    let bits = (128 - wide.leading_zeros()) as i32;
    if bits == 0 {
        return ZERO;
    }
    let shift = (bits - 64).max(EXPONENT_MIN - exponent);
    let mut exponent = exponent + shift;
    let mantissa = if shift <= 0 {
        (wide << -shift) as u64
    } else if shift > 128 {
        0
    } else {
        let kept = wide.checked_shr(shift as u32).unwrap_or(0);
        let rest = wide ^ kept.checked_shl(shift as u32).unwrap_or(0);
        let half = 1u128 << (shift - 1);
        let up = rest > half || (rest == half && (sticky || kept % 2 == 1));
        match u64::try_from(kept + u128::from(up)) {
            Ok(mantissa) => mantissa,
            Err(_) => {
                exponent += 1;
                1 << 63
            }
        }
    };
    if exponent > EXPONENT_MAX {
        return Magnitude::Infinite;
    }
    if mantissa == 0 {
        return ZERO;
    }
    Magnitude::Finite { mantissa, exponent }
}

/// What a text's digits give once read: an error of range where that is zero or infinite, for they were not.
fn in_range(magnitude: Magnitude) -> Option<Magnitude> {
    (magnitude != Magnitude::Infinite && magnitude != ZERO).then_some(magnitude)
}

/// The digits of a text, and the power of the base that the last of them stands for.
struct Digits {
    /// Without leading zeros.
    values: Vec<u8>,
    /// The last digit's place.
    power: i64,
}

impl Digits {
    /// Digits with a point among, before or behind them, then perhaps an exponent; at least one digit. The exponent is not
    /// counted into the power, but returned.
    fn parse(text: &[u8], base: u32, exponent_mark: u8) -> Option<(Digits, i64)> {
        let mut digits = Digits { values: Vec::new(), power: 0 };
        let (mut seen, mut point) = (false, false);
        let mut rest = text;
        while let [first, tail @ ..] = rest {
            if *first == b'.' && !point {
                point = true;
            } else if let Some(value) = char::from(*first).to_digit(base) {
                seen = true;
                digits.power -= i64::from(point);
                if value != 0 || !digits.values.is_empty() {
                    digits.values.push(value as u8);
                }
            } else {
                break;
            }
            rest = tail;
        }
        let exponent = match rest {
            [] => 0,
            [mark, exponent @ ..] if mark.to_ascii_lowercase() == exponent_mark => {
                parse_exponent(exponent)?
            }
            _ => return None,
        };
        seen.then_some((digits, exponent))
    }
}

/// A decimal integer with an optional sign; one that is out of every range stays so.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    const BEYOND: i64 = 1_000_000;
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0i64, |value, digit| {
        digit.is_ascii_digit().then(|| (value * 10 + i64::from(digit - b'0')).min(BEYOND))
    })?;
    Some(if negative { -value } else { value })
}

fn parse_hexadecimal(text: &[u8]) -> Option<Magnitude> {
    /// As many digits as 128 bits surely hold.
    const KEPT: usize = 30;
    let (digits, exponent) = Digits::parse(text, 16, b'p')?;
    if digits.values.is_empty() {
        return Some(ZERO);
    }
    let kept = digits.values.len().min(KEPT);
    let wide =
        digits.values[..kept].iter().fold(0u128, |value, &digit| value << 4 | u128::from(digit));
    let sticky = digits.values[kept..].iter().any(|&digit| digit != 0);
    let power = digits.power + (digits.values.len() - kept) as i64;
    in_range(rounded(wide, (power * 4 + exponent) as i32, sticky))
}

fn parse_decimal(text: &[u8]) -> Option<Magnitude> {
    /// The greatest power of five that fits 63 bits.
    const QUICK_POWER_MAX: u32 = 27;
    /// As many digits as 64 bits surely hold.
    const QUICK_DIGITS_MAX: usize = 19;
    let (digits, exponent) = Digits::parse(text, 10, b'e')?;
    if digits.values.is_empty() {
        return Some(ZERO);
    }
    let power = digits.power + exponent;
    // Ten to this power is above the number, and a tenth of it is not.
    let above = digits.values.len() as i64 + power;
    if !(-4960..=4940).contains(&above) {
        return None;
    }
    let power = power as i32;
    if digits.values.len() > QUICK_DIGITS_MAX || power.unsigned_abs() > QUICK_POWER_MAX {
        return in_range(exact(&digits.values, power));
    }
    let value = digits.values.iter().fold(0u64, |value, &digit| value * 10 + u64::from(digit));
    let fives = u128::from(5u64.pow(power.unsigned_abs()));
    Some(if power >= 0 {
        rounded(u128::from(value) * fives, power, false)
    } else {
        let up = 64 + value.leading_zeros();
        let wide = u128::from(value) << up;
        rounded(wide / fives, power - up as i32, wide % fives != 0)
    })
}

/// The number of these decimal digits times ten to the power of `power`, by long arithmetic.
fn exact(digits: &[u8], power: i32) -> Magnitude {
    let mut number = Natural::from(0);
    for &digit in digits {
        number.multiply_add(10, u32::from(digit));
    }
    if power >= 0 {
        number.multiply_power_of_five(power.unsigned_abs());
        let (wide, exponent, sticky) = number.top();
        return rounded(wide, exponent + power, sticky);
    }
    let mut divisor = Natural::from(1);
    divisor.multiply_power_of_five(power.unsigned_abs());
    let shift = number.bits() as i32 - divisor.bits() as i32;
    if shift >= 0 {
        divisor.shift_left(shift.unsigned_abs());
    } else {
        number.shift_left(shift.unsigned_abs());
    }
    // The quotient lies between a half and two: bit by bit, four more than are kept.
    const QUOTIENT_BITS: i32 = 70;
    let mut quotient = 0u128;
    for _ in 0..QUOTIENT_BITS {
        let fits = number.subtract_if_not_less(&divisor);
        quotient = quotient << 1 | u128::from(fits);
        number.shift_left(1);
    }
    rounded(quotient, power + shift - (QUOTIENT_BITS - 1), !number.is_zero())
}

#[cfg(test)]
mod tests;
