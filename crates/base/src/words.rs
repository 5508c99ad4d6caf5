//! Words of a line: how inline requests and configuration lines are cut, and how any bytes are
//! written so that they come back.
//!
//! Both are cut by one set of rules, which are those of Valkey 9. Quoted and bare parts that touch
//! make one word (Redis 7.0 refuses text right after a closing quote, so that all it accepts
//! means the same here). In double quotes `\n \r \t \a \b` and `\xHH` are escapes and a
//! backslash before anything else yields that byte; in single quotes only `\'` is one. Three
//! rules are not to be guessed:
//!
//! - a vertical tab and a form feed are passed over before a word, but do not end one;
//! - what a backslash escapes must not be the line's last byte: at the end, `\"` is a backslash and
//!   a closing quote;
//! - the byte 0xff is dropped wherever it stands, unless it is written `\xff`.

/// A quote that is not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnbalancedQuotes;

/// Calls `word` with each word of a line, in order. A zero byte ends the line.
///
/// # Errors
///
/// Where a quote is left open; the words before it have been given.
pub fn for_each(line: &[u8], mut word: impl FnMut(&[u8])) -> Result<(), UnbalancedQuotes> {
    let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
    let mut current = Vec::new();
    let mut rest = skip_space(line);
    while !rest.is_empty() {
        current.clear();
        rest = skip_space(take_word(rest, &mut current).ok_or(UnbalancedQuotes)?);
        word(&current);
    }
    Ok(())
}

/// The words of a line, or `None` where a quote is left open. A zero byte ends the line.
#[must_use]
pub fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    for_each(line, |word| words.push(word.to_vec())).ok()?;
    Some(words)
}

/// Moves one word from the front of `rest`, and returns what follows it.
fn take_word<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [b'"', quoted @ ..] => rest = take_double_quoted(quoted, word)?,
            [b'\'', quoted @ ..] => rest = take_single_quoted(quoted, word)?,
            [b' ' | b'\t' | b'\n' | b'\r', ..] | [] => return Some(rest),
            [byte, after @ ..] => {
                push(word, *byte);
                rest = after;
            }
        }
    }
}

fn take_double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'x', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            [b'\\', escaped, after @ ..] if !after.is_empty() => {
                match escaped {
                    b'n' => word.push(b'\n'),
                    b'r' => word.push(b'\r'),
                    b't' => word.push(b'\t'),
                    b'a' => word.push(0x07),
                    b'b' => word.push(0x08),
                    other => push(word, *other),
                }
                rest = after;
            }
            [byte, after @ ..] => {
                push(word, *byte);
                rest = after;
            }
        }
    }
}

fn take_single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'\'', after @ ..] => return Some(after),
            [b'\\', b'\'', after @ ..] if !after.is_empty() => {
                word.push(b'\'');
                rest = after;
            }
            [byte, after @ ..] => {
                push(word, *byte);
                rest = after;
            }
        }
    }
}

/// A byte as it stood in the line.
fn push(word: &mut Vec<u8>, byte: u8) {
    if byte != 0xff {
        word.push(byte);
    }
}

/// Appends `bytes` in double quotes, so that [`split`] gives them back as one word.
pub fn push_quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(byte),
            other => out.extend(format!("\\x{other:02x}").bytes()),
        }
    }
    out.push(b'"');
}

/// `line` without the blanks at its ends.
#[must_use]
pub fn trim(line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|byte| !blank(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    line.get(start..end).unwrap_or_default()
}

fn skip_space(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| !is_space(*byte)).unwrap_or(line.len());
    line.get(start..).unwrap_or_default()
}

/// What stands between words.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_cut_as_valkey_cuts_them() {
        for (line, expected) in [
            (&br#"a"b""#[..], Some(vec![&b"ab"[..]])),
            (br#""a"b"#, Some(vec![b"ab"])),
            (br#""a""b""#, Some(vec![b"ab"])),
            (br#""a" "b""#, Some(vec![b"a", b"b"])),
            (br#"a"b"#, None),
            (b"'a", None),
            (b"a'b c'd", Some(vec![b"ab cd"])),
            (br"'\'' ", Some(vec![b"'"])),
            (br"'a\nb'", Some(vec![br"a\nb"])),
            (br#""\x41\x4g\q\n\r\t\b\a\"""#, Some(vec![b"Ax4gq\n\r\t\x08\x07\""])),
            (br#""\x4""#, Some(vec![b"x4"])),
            (br"a\ b", Some(vec![br"a\", b"b"])),
            (br"a\x41", Some(vec![br"a\x41"])),
            (br#""a\"#, None),
            (b"\x0bq", Some(vec![b"q"])),
            (b"a\x0bb\x0c c", Some(vec![b"a\x0bb\x0c", b"c"])),
            (br#""a\""#, Some(vec![br"a\"])),
            (br#""a\" "#, None),
            (br"'a\'", Some(vec![br"a\"])),
            (b"a\xffb \xff\"\xff\\\xffc\"", Some(vec![b"ab", b"c"])),
            (br#"\xff "\xff""#, Some(vec![br"\xff", b"\xff"])),
            (b"a ''", Some(vec![b"a", b""])),
            (b"a\0 b", Some(vec![b"a"])),
            (b"", Some(vec![])),
        ] {
            let words = split(line);
            let words = words.as_ref().map(|words| words.iter().map(Vec::as_slice).collect());
            assert_eq!(words, expected, "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn each_of_the_256_bytes_survives_quoting() {
        for byte in 0..=255u8 {
            let mut line = Vec::new();
            push_quoted(&mut line, &[byte]);
            assert_eq!(split(&line), Some(vec![vec![byte]]));
            assert!(line.iter().all(|b| (b' '..=b'~').contains(b)), "{byte} is written printable");
        }
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(words: Vec<Vec<u8>>) {
            let mut line = Vec::new();
            for word in &words {
                push_quoted(&mut line, word);
                line.push(b' ');
            }
            prop_assert_eq!(split(&line), Some(words));
        }

        #[test]
        fn any_bytes_are_cut_without_panic(line: Vec<u8>) {
            if let Some(words) = split(&line) {
                prop_assert!(words.iter().map(Vec::len).sum::<usize>() <= line.len());
            }
        }
    }
}
