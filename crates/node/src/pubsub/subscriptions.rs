//! What one client listens to.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The name of a channel, or a pattern of such names. The client and the registry share it.
pub(crate) type Name = Arc<[u8]>;

/// What a client can listen to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A channel.
    Channel,
    /// All channels that match a pattern.
    Pattern,
    /// A channel that belongs to the shard of its slot.
    ShardChannel,
}

impl Kind {
    /// How the beginning of it is told to the client.
    pub(crate) const fn begun(self) -> &'static [u8] {
        match self {
            Kind::Channel => b"subscribe",
            Kind::Pattern => b"psubscribe",
            Kind::ShardChannel => b"ssubscribe",
        }
    }

    /// How the end of it is told to the client.
    pub(crate) const fn ended(self) -> &'static [u8] {
        match self {
            Kind::Channel => b"unsubscribe",
            Kind::Pattern => b"punsubscribe",
            Kind::ShardChannel => b"sunsubscribe",
        }
    }
}

/// What one client listens to.
#[derive(Default)]
pub(crate) struct Subscriptions {
    channels: BTreeSet<Name>,
    patterns: BTreeSet<Name>,
    shard_channels: BTreeSet<Name>,
    /// What the names take, in bytes.
    bytes: usize,
}

/// What a subscription takes beside its name: its places in the client's set and in the registry.
const OVERHEAD_BYTES: usize = 64;

impl Subscriptions {
    /// Those of one kind.
    pub(crate) fn of(&self, kind: Kind) -> &BTreeSet<Name> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::ShardChannel => &self.shard_channels,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut BTreeSet<Name> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::ShardChannel => &mut self.shard_channels,
        }
    }

    /// Adds one; false where it was there.
    pub(crate) fn insert(&mut self, kind: Kind, name: &Name) -> bool {
        let is_new = self.of_mut(kind).insert(Name::clone(name));
        if is_new {
            self.bytes += name.len() + OVERHEAD_BYTES;
        }
        is_new
    }

    /// Takes one out; false where it was not there.
    pub(crate) fn remove(&mut self, kind: Kind, name: &[u8]) -> bool {
        let was_there = self.of_mut(kind).remove(name);
        if was_there {
            self.bytes -= name.len() + OVERHEAD_BYTES;
        }
        was_there
    }

    /// The number that is told to the client with a change of this kind: channels and patterns are counted together.
    pub(crate) fn told(&self, kind: Kind) -> usize {
        match kind {
            Kind::Channel | Kind::Pattern => self.channels.len() + self.patterns.len(),
            Kind::ShardChannel => self.shard_channels.len(),
        }
    }

    /// How many channels, patterns and shard channels.
    pub(crate) fn counts(&self) -> [usize; 3] {
        [&self.channels, &self.patterns, &self.shard_channels].map(BTreeSet::len)
    }

    /// Whether the client listens to nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.told(Kind::Channel) + self.told(Kind::ShardChannel) == 0
    }

    /// What they take of memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes
    }
}
