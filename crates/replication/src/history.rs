//! The name of the stream that has made the data, and of the one before it.

use base::{NODE_ID_BYTES, NodeId, Rng};
use std::fmt;

/// The name of a history: 40 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplicationId(NodeId);

impl ReplicationId {
    /// A name that nobody else has.
    #[must_use]
    pub fn random(rng: &mut Rng) -> ReplicationId {
        ReplicationId(NodeId::random(rng))
    }

    /// The name in these bytes; `None` where it is none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<ReplicationId> {
        NodeId::parse(bytes).map(ReplicationId)
    }

    /// How the absence of a name is written.
    #[must_use]
    pub fn none_text() -> String {
        "0".repeat(NODE_ID_BYTES)
    }
}

impl fmt::Display for ReplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// Which history the data of a node have.
///
/// Offsets are those of the protocol: how many bytes of the stream have made the data; the next byte has that offset plus one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct History {
    /// Its name.
    pub id: ReplicationId,
    /// The history that was gone on with under another name, and the first offset at which the two differ.
    pub earlier: Option<(ReplicationId, u64)>,
}

impl History {
    /// One without a past.
    #[must_use]
    pub const fn new(id: ReplicationId) -> History {
        History { id, earlier: None }
    }

    /// The same data, from `offset` on under another name: a replica has been promoted, or has heard that its primary was.
    #[must_use]
    pub const fn renamed(self, id: ReplicationId, offset: u64) -> History {
        History { id, earlier: Some((self.id, offset + 1)) }
    }

    /// Whether one who has come to `next - 1` in the history `id` may go on with this one from the byte `next` on.
    #[must_use]
    pub fn continues(&self, id: ReplicationId, next: u64) -> bool {
        id == self.id || self.earlier.is_some_and(|(earlier, end)| id == earlier && next <= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_gone_on_with_as_far_as_it_is_shared() {
        let mut rng = Rng::from_seed(1);
        let ids: Vec<_> = (0..3).map(|_| ReplicationId::random(&mut rng)).collect();
        let first = History::new(ids[0]);
        assert!(first.continues(ids[0], 1) && !first.continues(ids[1], 1));
        let second = first.renamed(ids[1], 100);
        assert!(second.continues(ids[1], 500), "the new name");
        assert!(second.continues(ids[0], 101), "all that the old one had");
        assert!(!second.continues(ids[0], 102), "what the old primary wrote alone");
        let third = second.renamed(ids[2], 200);
        assert!(!third.continues(ids[0], 50), "one history is remembered");
        assert_eq!(ReplicationId::parse(ids[0].to_string().as_bytes()), Some(ids[0]));
        assert_eq!(ReplicationId::parse(b"?"), None);
    }
}
