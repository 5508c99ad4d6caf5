//! The header that every packet begins with: 2256 bytes, every offset as Redis 7 pins it.

use super::reader::{Reader, address, address_field};
use super::{NodeFlags, PacketError, SIGNATURE, VERSION};
use crate::bitmap::{SLOT_BITMAP_BYTES, SlotBits};
use base::{Epoch, NODE_ID_BYTES, NodeId};
use core::net::IpAddr;

/// Bytes of a full header; no packet is shorter.
pub const HEADER_BYTES: usize = 2256;

/// Where the fields that are patched when a packet is complete lie.
pub(super) const LENGTH_AT: usize = 4;
pub(super) const COUNT_AT: usize = 14;
pub(super) const EXTENSIONS_AT: usize = 2214;

/// Three bytes about the message rather than its sender.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct MessageFlags(pub [u8; 3]);

impl MessageFlags {
    /// First byte: a primary paused for a manual failover.
    pub const PAUSED: u8 = 1;
    /// First byte: vote although the primary is not failing.
    pub const FORCE_ACK: u8 = 2;
    /// First byte: the sender knows ping extensions (and may have appended some).
    pub const EXTENSIONS: u8 = 4;
    /// Second byte, of a node of ours: this primary has come back with less than a replica has, which is to take over.
    pub const GIVES_WAY: u8 = 1;
    /// Second byte, of a node of ours: it seals links to others of ours that can, too.
    pub const SEALS: u8 = 2;
    /// Third byte: the sender is a node of ours. All others send zero there and read nothing.
    pub const REDSTART: u8 = 0xA5;

    /// What every packet of ours carries.
    pub const OURS: MessageFlags = MessageFlags([MessageFlags::EXTENSIONS, 0, Self::REDSTART]);

    /// Whether a flag of the first byte is set.
    #[must_use]
    pub const fn has(self, flag: u8) -> bool {
        self.0[0] & flag != 0
    }

    /// Whether the sender seals links.
    #[must_use]
    pub const fn can_seal(self) -> bool {
        self.0[1] & Self::SEALS != 0
    }

    /// Whether the sender is a node of ours.
    #[must_use]
    pub const fn from_redstart(self) -> bool {
        self.0[2] == Self::REDSTART
    }
}

/// What a sender says of itself in every packet. Length and counts are derived, not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header<'a> {
    /// The client port: plain TCP, or TLS for a node whose bus is TLS.
    pub port: u16,
    /// The sender's idea of the cluster's current epoch.
    pub current_epoch: Epoch,
    /// The sender's config epoch; a replica sends its primary's.
    pub config_epoch: Epoch,
    /// The replication offset.
    pub offset: u64,
    /// Who sends.
    pub sender: NodeId,
    /// The slots the sender serves; a replica sends its primary's.
    pub slots: SlotBits<'a>,
    /// The primary of a replica; `None` is what makes a sender a primary.
    pub replica_of: Option<NodeId>,
    /// The announced address, when it differs from the one that the link shows.
    pub announced_ip: Option<IpAddr>,
    /// The other client port (TLS if `port` is plain and the other way round), 0 if there is none.
    pub other_port: u16,
    /// The port of the cluster bus.
    pub bus_port: u16,
    /// The sender's flags for itself.
    pub flags: NodeFlags,
    /// 0 when the sender believes the cluster ok, 1 otherwise.
    pub state: u8,
    /// Flags of the message.
    pub message_flags: MessageFlags,
}

/// The fields of a header that describe the packet.
pub(super) struct Envelope {
    pub(super) kind: u16,
    pub(super) count: u16,
    pub(super) extensions: u16,
}

impl<'a> Header<'a> {
    /// Reads the header at the front; the reader then stands on the body.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<(Header<'a>, Envelope), PacketError> {
        let whole = reader.0.len();
        let signature = *reader.array::<4>()?;
        let length = reader.u32()?;
        if signature != SIGNATURE || length as usize != whole {
            return Err(PacketError::Framing);
        }
        let version = reader.u16()?;
        if version != VERSION {
            return Err(PacketError::Version(version));
        }
        let port = reader.u16()?;
        let kind = reader.u16()?;
        let count = reader.u16()?;
        let current_epoch = Epoch(reader.u64()?);
        let config_epoch = Epoch(reader.u64()?);
        let offset = reader.u64()?;
        let sender = reader.node_id()?;
        let slots = SlotBits::new(reader.array::<SLOT_BITMAP_BYTES>()?);
        let replica_of = match reader.array::<NODE_ID_BYTES>()? {
            zero if zero.iter().all(|&byte| byte == 0) => None,
            id => Some(NodeId::parse(id).ok_or(PacketError::NodeId)?),
        };
        let announced_ip = address(reader.array::<46>()?)?;
        let extensions = reader.u16()?;
        reader.bytes(30)?;
        let other_port = reader.u16()?;
        let bus_port = reader.u16()?;
        let flags = NodeFlags(reader.u16()?);
        let [state] = *reader.array::<1>()?;
        let message_flags = MessageFlags(*reader.array::<3>()?);
        let header = Header {
            port,
            current_epoch,
            config_epoch,
            offset,
            sender,
            slots,
            replica_of,
            announced_ip,
            other_port,
            bus_port,
            flags,
            state,
            message_flags,
        };
        Ok((header, Envelope { kind, count, extensions }))
    }

    /// Appends the header; length, count and extensions are zero until the packet is finished.
    pub(super) fn write(&self, kind: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(&SIGNATURE);
        out.extend_from_slice(&[0; 4]);
        for field in [VERSION, self.port, kind, 0] {
            out.extend_from_slice(&field.to_be_bytes());
        }
        for field in [self.current_epoch.0, self.config_epoch.0, self.offset] {
            out.extend_from_slice(&field.to_be_bytes());
        }
        out.extend_from_slice(self.sender.as_bytes());
        out.extend_from_slice(self.slots.as_bytes());
        match &self.replica_of {
            Some(primary) => out.extend_from_slice(primary.as_bytes()),
            None => out.extend_from_slice(&[0; NODE_ID_BYTES]),
        }
        out.extend_from_slice(&address_field(self.announced_ip));
        out.extend_from_slice(&[0; 32]);
        for field in [self.other_port, self.bus_port, self.flags.0] {
            out.extend_from_slice(&field.to_be_bytes());
        }
        out.push(self.state);
        out.extend_from_slice(&self.message_flags.0);
    }
}
