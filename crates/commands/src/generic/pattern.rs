//! Patterns of key names, and the one slot that a pattern may be confined to.

use base::Slot;
use base::glob::{self, Case};

/// A pattern of key names.
pub(super) struct KeyPattern<'a> {
    /// `None` matches everything.
    glob: Option<&'a [u8]>,
    slot: Option<Slot>,
}

impl<'a> KeyPattern<'a> {
    /// The pattern that matches every key.
    pub(super) const ALL: KeyPattern<'static> = KeyPattern { glob: None, slot: None };

    pub(super) fn new(glob: &'a [u8]) -> KeyPattern<'a> {
        match glob {
            b"*" => KeyPattern::ALL,
            _ => KeyPattern { glob: Some(glob), slot: slot_of_pattern(glob) },
        }
    }

    pub(super) fn matches(&self, key: &[u8]) -> bool {
        self.glob.is_none_or(|glob| glob::matches(glob, key, Case::Sensitive))
    }

    /// The only slot whose keys can match, where there is such a one.
    pub(super) fn slot(&self) -> Option<Slot> {
        self.slot
    }
}

/// The slot of every key that can match: where the hash tag stands before the first special character, or where there is no special
/// character at all.
pub(crate) fn slot_of_pattern(glob: &[u8]) -> Option<Slot> {
    let is_special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
    let Some(special) = glob.iter().position(is_special) else {
        return Some(Slot::of_key(glob));
    };
    let literal = &glob[..special];
    let tag = base::hash_tag(literal);
    // Without a tag of its own, the literal part stands for itself, and more of the key follows.
    (tag.len() < literal.len()).then(|| Slot::of_key(literal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pattern_is_confined_where_its_tag_is_certain() {
        for (pattern, key) in [
            ("{tag}*", Some("tag")),
            ("a{tag}b?[c]", Some("tag")),
            ("plain", Some("plain")),
            ("{}plain", Some("{}plain")),
            ("", Some("")),
            ("*{tag}", None),
            ("{t*}", None),
            ("{t\\}*", None),
            ("{}{tag}*", None),
            ("{tag*", None),
            ("plain*", None),
        ] {
            let slot = key.map(|key| Slot::of_key(key.as_bytes()));
            assert_eq!(KeyPattern::new(pattern.as_bytes()).slot(), slot, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn no_key_of_another_slot_matches(pattern in "[{}ab*?]{0,8}", key in "[{}ab]{0,8}") {
            let pattern = KeyPattern::new(pattern.as_bytes());
            if let Some(slot) = pattern.slot() && pattern.matches(key.as_bytes()) {
                prop_assert_eq!(Slot::of_key(key.as_bytes()), slot);
            }
        }
    }
}
