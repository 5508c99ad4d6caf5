//! Words and quoted strings as redis-cli reads and prints them.

use std::fmt::Write as _;

/// A quoted string, in the manner of redis-cli: `"` and `\` escaped, `\n \r \t \a \b`, and `\xHH` for all
/// that is not printable ASCII.
#[must_use]
pub fn display_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for &byte in bytes {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => write!(out, "\\x{byte:02x}").expect("a String takes all"),
        }
    }
    out.push('"');
    out
}

/// Reads one quoted string at the start of `text`; gives its bytes and what stands behind it.
pub(crate) fn quoted(text: &str) -> Option<(Vec<u8>, &str)> {
    let inner = text.strip_prefix('"')?;
    let bytes = inner.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            b'"' => return Some((out, inner.get(at + 1..)?)),
            b'\\' => at += escaped(bytes.get(at + 1..)?, &mut out)?,
            byte => out.push(byte),
        }
        at += 1;
    }
}

/// What follows a backslash; the number of bytes taken.
fn escaped(rest: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    if let [b'x', high, low, ..] = *rest
        && let (Some(high), Some(low)) = (hex(high), hex(low))
    {
        out.push(high * 16 + low);
        return Some(3);
    }
    out.push(match *rest.first()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 7,
        b'b' => 8,
        other => other,
    });
    Some(1)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The bytes that a whole quoted string stands for.
#[must_use]
pub fn unescape(text: &str) -> Option<Vec<u8>> {
    quoted(text).and_then(|(bytes, rest)| rest.is_empty().then_some(bytes))
}

/// Splits a line into arguments: plain words, `"..."` with escapes, `'...'` with only `\'`.
#[must_use]
pub fn words(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut rest = line.trim_start();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (word, behind) = word(rest)?;
        out.push(word);
        rest = behind.trim_start();
    }
    Some(out)
}

fn word(text: &str) -> Option<(Vec<u8>, &str)> {
    if text.starts_with('"') {
        return quoted(text);
    }
    if let Some(inner) = text.strip_prefix('\'') {
        let end = inner.find('\'')?;
        return Some((inner.get(..end)?.as_bytes().to_vec(), inner.get(end + 1..)?));
    }
    if let Some(repeated) = text.strip_prefix("$(") {
        return repetition(repeated);
    }
    let end = text.find(' ').unwrap_or(text.len());
    Some((text.get(..end)?.as_bytes().to_vec(), text.get(end..)?))
}

/// The inside of `$(ab*1000)`: `ab`, a thousand times.
fn repetition(text: &str) -> Option<(Vec<u8>, &str)> {
    let (inner, behind) = text.split_once(')')?;
    let (what, times) = inner.rsplit_once('*')?;
    Some((what.as_bytes().repeat(times.parse().ok()?), behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_displayed_is_read_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unescape(&display_bytes(&all)), Some(all));
        assert_eq!(display_bytes(b"a\"\\\n\x00\xff"), r#""a\"\\\n\x00\xff""#);
    }

    #[test]
    fn a_line_is_split_as_redis_cli_does() {
        let line = r#"SET  "a b" 'c"d' e\x "\x00\n" $(ab*3)"#;
        let expected: [&[u8]; 6] = [b"SET", b"a b", b"c\"d", b"e\\x", b"\0\n", b"ababab"];
        assert_eq!(words(line).unwrap(), expected);
        assert_eq!(words("GET \"open"), None);
    }
}
