//! The flags word of a node, as it stands in headers and gossip entries.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// What is known or said of a node, a set of bits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct NodeFlags(pub u16);

impl NodeFlags {
    /// Primary (`master` on the wire).
    pub const PRIMARY: NodeFlags = NodeFlags(1);
    /// Replica (`slave` on the wire).
    pub const REPLICA: NodeFlags = NodeFlags(2);
    /// Believed unreachable by the one who says so.
    pub const PFAIL: NodeFlags = NodeFlags(4);
    /// Agreed by a majority to be unreachable.
    pub const FAIL: NodeFlags = NodeFlags(8);
    /// The node itself.
    pub const MYSELF: NodeFlags = NodeFlags(16);
    /// The first PONG has not come yet; the id is temporary.
    pub const HANDSHAKE: NodeFlags = NodeFlags(32);
    /// The address is unknown.
    pub const NOADDR: NodeFlags = NodeFlags(64);
    /// A MEET has to be sent instead of the first PING.
    pub const MEET: NodeFlags = NodeFlags(128);
    /// A primary that replicas may migrate to.
    pub const MIGRATE_TO: NodeFlags = NodeFlags(256);
    /// A replica that will not try to fail over.
    pub const NOFAILOVER: NodeFlags = NodeFlags(512);
    /// Ping extensions may be sent to this node.
    pub const EXTENSIONS: NodeFlags = NodeFlags(1024);

    /// Messages to channels may be sent to this node with light headers.
    pub const LIGHT_PUBLISH: NodeFlags = NodeFlags(2048);

    /// What a node of ours says that it understands.
    pub const ANNOUNCED: NodeFlags =
        NodeFlags(NodeFlags::EXTENSIONS.0 | NodeFlags::LIGHT_PUBLISH.0);

    /// No flag.
    pub const NONE: NodeFlags = NodeFlags(0);

    /// Whether any of `other`'s flags is set.
    #[must_use]
    pub const fn has(self, other: NodeFlags) -> bool {
        self.0 & other.0 != 0
    }

    /// Takes `other`'s flags away.
    pub fn clear(&mut self, other: NodeFlags) {
        self.0 &= !other.0;
    }

    /// Sets or takes away `other`'s flags.
    pub fn set(&mut self, other: NodeFlags, on: bool) {
        if on { self.0 |= other.0 } else { self.0 &= !other.0 }
    }
}

impl BitOr for NodeFlags {
    type Output = NodeFlags;
    fn bitor(self, other: NodeFlags) -> NodeFlags {
        NodeFlags(self.0 | other.0)
    }
}

impl BitOrAssign for NodeFlags {
    fn bitor_assign(&mut self, other: NodeFlags) {
        self.0 |= other.0;
    }
}

/// The flags that CLUSTER NODES and `nodes.conf` show, in their order.
const SHOWN: [(NodeFlags, &str); 8] = [
    (NodeFlags::MYSELF, "myself"),
    (NodeFlags::PRIMARY, "master"),
    (NodeFlags::REPLICA, "slave"),
    (NodeFlags::PFAIL, "fail?"),
    (NodeFlags::FAIL, "fail"),
    (NodeFlags::HANDSHAKE, "handshake"),
    (NodeFlags::NOADDR, "noaddr"),
    (NodeFlags::NOFAILOVER, "nofailover"),
];

/// As CLUSTER NODES shows them: `myself,master`, or `noflags`.
impl fmt::Display for NodeFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (flag, word) in SHOWN {
            if self.has(flag) {
                f.write_str(if first { "" } else { "," })?;
                f.write_str(word)?;
                first = false;
            }
        }
        if first { f.write_str("noflags") } else { Ok(()) }
    }
}

impl fmt::Debug for NodeFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeFlags({}={self})", self.0)
    }
}

impl NodeFlags {
    /// Reads one flag word of `nodes.conf`; `None` for a word that no version writes.
    #[must_use]
    pub fn from_word(word: &str) -> Option<NodeFlags> {
        match word {
            "noflags" => Some(NodeFlags::NONE),
            "primary" => Some(NodeFlags::PRIMARY),
            "replica" => Some(NodeFlags::REPLICA),
            other => SHOWN.iter().find(|(_, shown)| *shown == other).map(|(flag, _)| *flag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_shown_in_the_order_of_cluster_nodes() {
        let flags = NodeFlags::FAIL | NodeFlags::PRIMARY | NodeFlags::MYSELF;
        assert_eq!(flags.to_string(), "myself,master,fail");
        assert_eq!(NodeFlags::MEET.to_string(), "noflags");
    }

    #[test]
    fn every_shown_word_is_read_back() {
        for (flag, word) in SHOWN {
            assert_eq!(NodeFlags::from_word(word), Some(flag));
        }
        assert_eq!(NodeFlags::from_word("primary"), Some(NodeFlags::PRIMARY));
        assert_eq!(NodeFlags::from_word("meet"), None);
    }
}
