//! Globs: the matcher agrees with one that is slow and plain.

use base::glob::{Case, matches};

use super::Source;

/// Any pattern and text match as the table of all pairs of their ends says.
pub fn glob(bytes: &[u8]) {
    let mut source = Source(bytes);
    let control = source.byte();
    let case = if control & 1 == 0 { Case::Sensitive } else { Case::Insensitive };
    let pattern = source.bytes(usize::from(control >> 1));
    let text = source.bytes(200);
    assert_eq!(
        matches(pattern, text, case),
        matches_slowly(&elements(pattern), text, case),
        "pattern b\"{}\", text b\"{}\", {case:?}",
        pattern.escape_ascii(),
        text.escape_ascii()
    );
}

/// What patterns are made of.
pub(super) fn words() -> Vec<Vec<u8>> {
    ["*", "?", "[", "]", "[^", "-", "\\", "a", "A", "b", "z", "[a-z]", "a*a"]
        .map(|word| word.as_bytes().to_vec())
        .to_vec()
}

enum Element {
    Star,
    Any,
    Byte(u8),
    Set { negated: bool, ranges: Vec<(u8, u8)> },
}

fn elements(pattern: &[u8]) -> Vec<Element> {
    let mut source = Source(pattern);
    let mut elements = Vec::new();
    while !source.is_empty() {
        elements.push(match source.byte() {
            b'*' => Element::Star,
            b'?' => Element::Any,
            b'[' => set(&mut source),
            b'\\' if !source.is_empty() => Element::Byte(source.byte()),
            byte => Element::Byte(byte),
        });
    }
    elements
}

fn set(source: &mut Source<'_>) -> Element {
    let negated = source.0.first() == Some(&b'^');
    if negated {
        source.byte();
    }
    let mut ranges = Vec::new();
    while !source.is_empty() {
        let byte = source.byte();
        if byte == b'\\' && !source.is_empty() {
            let escaped = source.byte();
            ranges.push((escaped, escaped));
        } else if byte == b']' {
            break;
        } else if source.0.len() >= 2 && source.0.first() == Some(&b'-') {
            source.byte();
            let other = source.byte();
            ranges.push((byte.min(other), byte.max(other)));
        } else {
            ranges.push((byte, byte));
        }
    }
    Element::Set { negated, ranges }
}

/// `reached[t]` says whether the elements so far match the first `t` bytes.
fn matches_slowly(elements: &[Element], text: &[u8], case: Case) -> bool {
    let fold = |byte: u8| if case == Case::Insensitive { byte.to_ascii_lowercase() } else { byte };
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for element in elements {
        if matches!(element, Element::Star) {
            let first = reached.iter().position(|&is| is).unwrap_or(reached.len());
            reached.iter_mut().skip(first).for_each(|is| *is = true);
            continue;
        }
        let is_matched = |byte: u8| match element {
            Element::Star | Element::Any => true,
            Element::Byte(own) => fold(*own) == fold(byte),
            Element::Set { negated, ranges } => {
                let inside =
                    |&(low, high): &(u8, u8)| fold(low) <= fold(byte) && fold(byte) <= fold(high);
                ranges.iter().any(inside) != *negated
            }
        };
        for at in (0..text.len()).rev() {
            reached[at + 1] = reached[at] && is_matched(text[at]);
        }
        reached[0] = false;
    }
    reached[text.len()]
}
