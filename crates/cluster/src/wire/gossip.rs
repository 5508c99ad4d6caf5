//! Gossip entries: what a sender of PING, PONG or MEET says of other nodes.

use super::reader::{Reader, address, address_field};
use super::{NodeFlags, PacketError};
use base::{NODE_ID_BYTES, NodeId};
use core::net::IpAddr;

/// Bytes of one entry.
pub const GOSSIP_BYTES: usize = 104;

/// One entry, read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GossipEntry {
    /// Of whom it speaks.
    pub id: NodeId,
    /// When the sender last pinged it without an answer yet, in Unix seconds; 0 if no ping is pending.
    pub ping_sent_s: u32,
    /// When the sender last had a PONG of it, in Unix seconds.
    pub pong_received_s: u32,
    /// Its address; `None` when unknown, or no IP address.
    pub ip: Option<IpAddr>,
    /// Its client port, as in [`super::Header::port`].
    pub port: u16,
    /// Its bus port.
    pub bus_port: u16,
    /// The sender's flags for it.
    pub flags: NodeFlags,
    /// Its other client port.
    pub other_port: u16,
}

impl GossipEntry {
    /// Appends the entry's bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(&self.ping_sent_s.to_be_bytes());
        out.extend_from_slice(&self.pong_received_s.to_be_bytes());
        out.extend_from_slice(&address_field(self.ip));
        for field in [self.port, self.bus_port, self.flags.0, self.other_port, 0] {
            out.extend_from_slice(&field.to_be_bytes());
        }
    }
}

/// One entry as it lies in a packet whose ids have been checked.
#[derive(Clone, Copy)]
pub struct GossipRef<'a>(&'a [u8; GOSSIP_BYTES]);

impl<'a> GossipRef<'a> {
    /// Of whom the entry speaks: the bytes of a node id.
    #[must_use]
    pub fn id_bytes(&self) -> &'a [u8; NODE_ID_BYTES] {
        self.0.first_chunk().expect("an entry begins with an id")
    }

    /// All fields of the entry.
    ///
    /// # Errors
    /// [`PacketError`] when id or address are none; a decoded packet has no such entry.
    pub fn read(&self) -> Result<GossipEntry, PacketError> {
        let mut reader = Reader(self.0);
        Ok(GossipEntry {
            id: reader.node_id()?,
            ping_sent_s: reader.u32()?,
            pong_received_s: reader.u32()?,
            ip: address(reader.array::<46>()?)?,
            port: reader.u16()?,
            bus_port: reader.u16()?,
            flags: NodeFlags(reader.u16()?),
            other_port: reader.u16()?,
        })
    }

    /// The sender's flags for the node.
    #[must_use]
    pub fn flags(&self) -> NodeFlags {
        NodeFlags(u16::from_be_bytes([self.0[98], self.0[99]]))
    }

    /// When the sender last had a PONG of the node, in Unix seconds.
    #[must_use]
    pub fn pong_received_s(&self) -> u32 {
        u32::from_be_bytes([self.0[44], self.0[45], self.0[46], self.0[47]])
    }
}

/// The gossip section of a packet.
#[derive(Clone, Copy)]
pub struct Gossip<'a>(&'a [[u8; GOSSIP_BYTES]]);

impl<'a> Gossip<'a> {
    /// Checks the ids and addresses of all entries.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Gossip<'a>, PacketError> {
        let (entries, rest) = bytes.as_chunks::<GOSSIP_BYTES>();
        if !rest.is_empty() {
            return Err(PacketError::Framing);
        }
        let gossip = Gossip(entries);
        for entry in gossip.iter() {
            NodeId::parse(entry.id_bytes()).ok_or(PacketError::NodeId)?;
        }
        Ok(gossip)
    }

    /// The entries, in the order of the packet.
    pub fn iter(self) -> impl ExactSizeIterator<Item = GossipRef<'a>> {
        self.0.iter().map(GossipRef)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}
