//! Packets and bytes by type, for CLUSTER INFO.

use crate::wire::PacketType;

/// Counted since the start or the last reset of the statistics.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Counters {
    sent: [u64; PacketType::ALL.len()],
    received: [u64; PacketType::ALL.len()],
    /// Bytes of all packets sent.
    pub bytes_sent: u64,
    /// Bytes of all packets received, malformed ones included.
    pub bytes_received: u64,
    /// Links closed because their send buffer outgrew the limit.
    pub links_overflowed: u64,
    /// Packets that were no packets, or not what their link allows.
    pub malformed: u64,
    /// Packets and greetings that nobody with the secret has sent on their link; they are among the malformed ones, as are the
    /// next two.
    pub forged: u64,
    /// Sealed packets that had been there before.
    pub replayed: u64,
    /// Packets without a seal where one is required.
    pub plain_refused: u64,
    /// Bytes of published messages sent.
    pub pubsub_bytes_sent: u64,
    /// Bytes of published messages received.
    pub pubsub_bytes_received: u64,
    /// Bytes of modules' messages received; none are sent.
    pub module_bytes_received: u64,
}

impl Counters {
    pub(crate) fn sent(&mut self, kind: PacketType, bytes: usize) {
        self.sent[kind as usize] += 1;
        self.bytes_sent += bytes as u64;
    }

    pub(crate) fn received(&mut self, kind: PacketType) {
        self.received[kind as usize] += 1;
    }

    /// Packets of one type that were sent.
    #[must_use]
    pub fn sent_of(&self, kind: PacketType) -> u64 {
        self.sent[kind as usize]
    }

    /// Packets of one type that were received.
    #[must_use]
    pub fn received_of(&self, kind: PacketType) -> u64 {
        self.received[kind as usize]
    }

    /// All packets sent.
    #[must_use]
    pub fn sent_total(&self) -> u64 {
        self.sent.iter().sum()
    }

    /// All well-formed packets received.
    #[must_use]
    pub fn received_total(&self) -> u64 {
        self.received.iter().sum()
    }
}
