//! Floating-point numbers as the protocol writes them.

use crate::number::push_i64;

/// Integers up to this are written as integers are: 2^62.
const PLAIN_MAX: f64 = 4_611_686_018_427_387_904.0;

/// The number that a text stands for: decimal, with an exponent or without, or `inf`, whatever the case. `None` for anything else, for what is
/// not a number, and for what is too great or too small for 64 bits.
#[must_use]
pub fn parse_double(text: &[u8]) -> Option<f64> {
    if let [first @ (b'0'..=b'9'), rest @ ..] = text
        && rest.len() < 15
        && rest.iter().all(u8::is_ascii_digit)
    {
        let digits = rest
            .iter()
            .fold(i64::from(first - b'0'), |value, digit| value * 10 + i64::from(digit - b'0'));
        return Some(digits as f64);
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let unsigned = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    let names_infinity = unsigned.first().is_some_and(u8::is_ascii_alphabetic);
    let mantissa = unsigned.split(|byte| byte.eq_ignore_ascii_case(&b'e')).next();
    let is_zero = mantissa?.iter().all(|byte| matches!(byte, b'0' | b'.'));
    let vanished = number == 0.0 && !is_zero;
    (!number.is_nan() && number.is_infinite() == names_infinity && !vanished).then_some(number)
}

/// Appends a number: the shortest digits that read back equal, plain up to 21 places, else with an exponent (`1e+30`); `inf`, `-inf`, `nan`.
pub fn push_double(out: &mut Vec<u8>, value: f64) {
    if value.trunc() == value
        && value.abs() <= PLAIN_MAX
        && !(value == 0.0 && value.is_sign_negative())
    {
        push_i64(out, value as i64);
    } else {
        push_shortest(out, value);
    }
}

/// The same, but integers too have an exponent where that is shorter (`1e+17`): as DEBUG DIGEST takes scores in.
pub fn push_shortest(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(text_of(value).as_bytes());
}

fn text_of(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("{:e} writes an exponent");
    let exponent: i32 = exponent.parse().expect("{:e} writes a decimal exponent");
    let digits = mantissa.trim_start_matches('-').len() - usize::from(mantissa.contains('.'));
    // The places after the point if the number were written in full.
    let places = digits as i32 - 1 - exponent;
    let plain = if places <= 0 { exponent < digits as i32 + 7 } else { places < 7 + digits as i32 };
    if plain {
        format!("{value}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{}", exponent.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        push_double(&mut out, value);
        String::from_utf8(out).expect("numbers are text")
    }

    /// What Valkey 9.1 takes as a score, and what it gives back.
    #[test]
    fn texts_are_read_as_valkey_reads_them() {
        for (given, written) in [
            ("1", "1"),
            ("+1", "1"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1E5", "100000"),
            ("1e+5", "100000"),
            ("00012", "12"),
            ("inf", "inf"),
            ("+INF", "inf"),
            ("-Infinity", "-inf"),
            ("1e-320", "1e-320"),
            ("4.9e-324", "5e-324"),
            ("123456789012345678901234567890", "1.2345678901234568e+29"),
            ("1e308", "1e+308"),
            ("0e5", "0"),
            ("0.1", "0.1"),
            ("-12.5", "-12.5"),
            ("123456789012345678", "123456789012345680"),
        ] {
            assert_eq!(
                parse_double(given.as_bytes()).map(text).as_deref(),
                Some(written),
                "{given}"
            );
        }
        for given in [
            "",
            " 1",
            "1 ",
            "0x10",
            "nan",
            "NaN",
            "1e400",
            "-1e400",
            "1e-400",
            "1_0",
            "1f",
            "1e",
            "e1",
            "+",
            "-",
            ".",
            "(1",
            "--1",
            "+-1",
            "infin",
            "inf1",
            "1.7976931348623159e308",
        ] {
            assert_eq!(parse_double(given.as_bytes()), None, "{given}");
        }
    }

    proptest! {
        #[test]
        fn written_numbers_read_back(value: f64) {
            prop_assume!(!value.is_nan());
            prop_assert_eq!(parse_double(text(value).as_bytes()), Some(value));
        }

        #[test]
        fn integers_are_written_alike(value: i32) {
            prop_assert_eq!(text(f64::from(value)), text_of(f64::from(value)));
        }
    }
}
