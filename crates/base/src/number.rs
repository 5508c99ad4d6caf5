//! Integers as the protocol writes them.

/// The longest decimal form of a 64-bit integer, in bytes: a sign and nineteen digits.
const INTEGER_BYTES_MAX: usize = 20;

/// The integer whose one canonical decimal form these bytes are: no plus sign, no leading zeros, no
/// white space, no `-0`, inside 64 bits. What Redis stores with the `int` encoding passes, nothing else.
#[inline]
#[must_use]
pub fn parse_i64(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() || bytes.len() > INTEGER_BYTES_MAX {
        return None;
    }
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    // Accumulated below zero, for the range reaches one further there.
    let mut value = 0i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// The unsigned integer whose canonical decimal form these bytes are.
#[must_use]
pub fn parse_u64(bytes: &[u8]) -> Option<u64> {
    match bytes {
        [b'0'] => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    bytes.iter().try_fold(0u64, |value, &digit| {
        if !digit.is_ascii_digit() {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

/// A number in any form that C's `strtoull` reads, as Redis takes ids and cursors: white space and a sign may precede, and a negative number wraps.
/// The plain form of a negative integer is refused, though.
#[must_use]
pub fn parse_wrapping_u64(text: &[u8]) -> Option<u64> {
    if parse_i64(text).is_some_and(i64::is_negative) {
        return None;
    }
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'))?;
    let (is_negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0u64, |value, &digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if is_negative { value.wrapping_neg() } else { value })
}

/// Appends the decimal form of `value`.
#[inline]
pub fn push_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the decimal form of `value`.
#[inline]
pub fn push_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Runs `read` on the decimal form of `value`, which lies on the stack.
#[inline]
pub fn with_digits<T>(value: i64, read: impl FnOnce(&[u8]) -> T) -> T {
    read(itoa::Buffer::new().format(value).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_canonical_forms_are_integers() {
        for text in ["", "-", "+1", " 1", "1 ", "01", "-0", "-01", "1.0", "9223372036854775808"] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_i64(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_i64(b"-9223372036854775809"), None);
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
    }

    proptest! {
        #[test]
        fn written_integers_parse_back(value: i64) {
            let mut text = Vec::new();
            push_i64(&mut text, value);
            prop_assert_eq!(parse_i64(&text), Some(value));
        }
    }
}
