//! The name of a node, and of a shard: forty characters that stay when the address changes.

use crate::Rng;
use std::fmt;

/// The length of a node id on the wire, in bytes.
pub const NODE_ID_BYTES: usize = 40;

/// A node id or a shard id: 40 characters of `0-9a-z`, by custom lowercase hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; NODE_ID_BYTES]);

impl NodeId {
    /// A new random id of lowercase hexadecimal digits.
    #[must_use]
    pub fn random(rng: &mut Rng) -> NodeId {
        let mut id = [0; NODE_ID_BYTES];
        for byte in &mut id {
            *byte = b"0123456789abcdef"[rng.below(16) as usize];
        }
        NodeId(id)
    }

    /// The id in these bytes, or `None` where their number or a character is wrong.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<NodeId> {
        let id: [u8; NODE_ID_BYTES] = bytes.try_into().ok()?;
        id.iter().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()).then_some(NodeId(id))
    }

    /// The id as it stands on the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; NODE_ID_BYTES] {
        &self.0
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a node id holds only ASCII")
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({})", &self.as_str()[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_parse_back() {
        let mut rng = Rng::from_seed(7);
        let id = NodeId::random(&mut rng);
        assert_eq!(NodeId::parse(id.as_bytes()), Some(id));
        assert_eq!(id.to_string().len(), NODE_ID_BYTES);
    }

    #[test]
    fn foreign_characters_and_lengths_are_refused() {
        assert_eq!(NodeId::parse(&[b'A'; 40]), None);
        assert_eq!(NodeId::parse(&[0; 40]), None);
        assert_eq!(NodeId::parse(&[b'a'; 39]), None);
    }
}
