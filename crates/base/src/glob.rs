//! Glob patterns as KEYS, SCAN, CONFIG GET and PSUBSCRIBE know them.
//!
//! `*` any bytes, `?` one byte, `[abc]`, `[a-z]`, `[^a]` a byte of (or not of) a set, `\x` the byte x. There
//! is no special treatment of `/`. The matcher is iterative and goes back to the last `*` only, so that its time
//! is at most the product of the two lengths (Redis's recursive matcher was exponential: CVE-2022-36021).

/// Whether letters are compared with or without their case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Case {
    /// `a` is not `A`.
    Sensitive,
    /// ASCII letters match in both cases.
    Insensitive,
}

/// Whether the whole of `text` matches `pattern`.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to resume when the text after the last star does not match: that star, and the text it reached.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            while p < pattern.len() && pattern[p] == b'*' {
                p += 1;
            }
            if p == pattern.len() {
                return true;
            }
            star = Some((p, t));
            continue;
        }
        if t == text.len() {
            return p == pattern.len();
        }
        let step = if p < pattern.len() { match_one(&pattern[p..], text[t], case) } else { None };
        match (step, star) {
            (Some(length), _) => {
                p += length;
                t += 1;
            }
            (None, Some((after_star, reached))) => {
                p = after_star;
                t = reached + 1;
                star = Some((after_star, t));
            }
            (None, None) => return false,
        }
    }
}

/// The length of the first element of `pattern` when it matches `byte`.
fn match_one(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let fold = |b: u8| if case == Case::Insensitive { b.to_ascii_lowercase() } else { b };
    match pattern {
        [b'?', ..] => Some(1),
        [b'[', set @ ..] => {
            let (matched, length) = match_set(set, byte, fold);
            matched.then_some(1 + length)
        }
        [b'\\', escaped, ..] => (fold(*escaped) == fold(byte)).then_some(2),
        [literal, ..] => (fold(*literal) == fold(byte)).then_some(1),
        [] => None,
    }
}

/// Whether `byte` is of the set whose text after `[` begins `set`, and the length of that text, its `]`
/// included. A set that is not closed ends with the pattern.
fn match_set(set: &[u8], byte: u8, fold: impl Fn(u8) -> u8) -> (bool, usize) {
    let negated = set.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    loop {
        match &set[at..] {
            [b'\\', escaped, ..] => {
                found |= fold(*escaped) == fold(byte);
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [] => break,
            [low, b'-', high, ..] => {
                let (low, high) = (fold(*low.min(high)), fold(*low.max(high)));
                found |= (low..=high).contains(&fold(byte));
                at += 3;
            }
            [one, ..] => {
                found |= fold(*one) == fold(byte);
                at += 1;
            }
        }
    }
    (found != negated, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sensitive(pattern: &str, text: &str) -> bool {
        matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive)
    }

    #[test]
    fn patterns_match_as_redis_documents_them() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hello", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("[a", "a", true),
            ("a\\", "a\\", true),
            ("*a*", "/x/a/y", true),
        ] {
            assert_eq!(sensitive(pattern, text), expected, "{pattern} {text}");
        }
        assert!(matches(b"MAX*", b"maxmemory", Case::Insensitive));
        assert!(!sensitive("MAX*", "maxmemory"));
    }

    #[test]
    fn many_stars_take_linear_memory_and_no_exponential_time() {
        let pattern = "a*".repeat(50_000) + "b";
        let text = "a".repeat(100_000);
        assert!(!sensitive(&pattern, &text));
    }
}
