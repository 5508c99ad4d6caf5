//! Inline requests: a line of words, quoted as in redis-cli and in redis.conf.

/// A quote that is not closed, or is followed by something else than white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unbalanced quotes")]
pub struct UnbalancedQuotes;

/// Splits a line into its words.
///
/// White space separates. Double quotes know `\n \r \t \b \a \xHH` and `\c` for any other c; single quotes know only `\'`.
/// A closing quote must be followed by white space or the end.
///
/// # Errors
///
/// Where quotes are unbalanced.
pub fn split_arguments(line: &[u8], mut word: impl FnMut(&[u8])) -> Result<(), UnbalancedQuotes> {
    let mut at = 0;
    let mut current = Vec::new();
    loop {
        while line.get(at).is_some_and(|&b| is_space(b)) {
            at += 1;
        }
        if at >= line.len() || line[at] == 0 {
            return Ok(());
        }
        current.clear();
        at = read_word(line, at, &mut current)?;
        word(&current);
    }
}

/// Appends the word that begins at `at`; returns where it ends.
fn read_word(line: &[u8], mut at: usize, into: &mut Vec<u8>) -> Result<usize, UnbalancedQuotes> {
    loop {
        match line.get(at) {
            None | Some(0) => return Ok(at),
            Some(&byte) if is_space(byte) => return Ok(at),
            Some(b'"') => at = read_double_quoted(line, at + 1, into)?,
            Some(b'\'') => at = read_single_quoted(line, at + 1, into)?,
            Some(&byte) => {
                into.push(byte);
                at += 1;
                continue;
            }
        }
        // A closed quote ends the word.
        return match line.get(at) {
            None => Ok(at),
            Some(&byte) if is_space(byte) => Ok(at),
            Some(_) => Err(UnbalancedQuotes),
        };
    }
}

fn read_double_quoted(
    line: &[u8],
    mut at: usize,
    into: &mut Vec<u8>,
) -> Result<usize, UnbalancedQuotes> {
    loop {
        match *line.get(at..).unwrap_or_default() {
            [b'\\', b'x', high, low, ..] if hex(high).is_some() && hex(low).is_some() => {
                into.push(hex(high).unwrap_or(0) << 4 | hex(low).unwrap_or(0));
                at += 4;
            }
            [b'\\', escaped, ..] => {
                into.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => other,
                });
                at += 2;
            }
            [b'"', ..] => return Ok(at + 1),
            [byte, ..] => {
                into.push(byte);
                at += 1;
            }
            [] => return Err(UnbalancedQuotes),
        }
    }
}

fn read_single_quoted(
    line: &[u8],
    mut at: usize,
    into: &mut Vec<u8>,
) -> Result<usize, UnbalancedQuotes> {
    loop {
        match *line.get(at..).unwrap_or_default() {
            [b'\\', b'\'', ..] => {
                into.push(b'\'');
                at += 2;
            }
            [b'\'', ..] => return Ok(at + 1),
            [byte, ..] => {
                into.push(byte);
                at += 1;
            }
            [] => return Err(UnbalancedQuotes),
        }
    }
}

/// White space as C's `isspace` has it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Vec<String>, UnbalancedQuotes> {
        let mut words = Vec::new();
        split_arguments(line.as_bytes(), |word| {
            words.push(String::from_utf8_lossy(word).into_owned());
        })?;
        Ok(words)
    }

    #[test]
    fn words_are_split_and_unquoted() {
        assert_eq!(words("  set  k v ").unwrap(), ["set", "k", "v"]);
        assert_eq!(
            words(r#"set "a b\n\x41\"" 'it\'s \n'"#).unwrap(),
            ["set", "a b\nA\"", "it's \\n"]
        );
        assert_eq!(words("").unwrap(), Vec::<String>::new());
        assert_eq!(words(r#"a"b c""#).unwrap(), ["ab c"]);
        assert_eq!(words(r#""" ''"#).unwrap(), ["", ""]);
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [r#""a"#, "'a", r#""a"b"#, "'a'b", r#"a "\"#] {
            assert_eq!(words(line), Err(UnbalancedQuotes), "{line}");
        }
    }
}
