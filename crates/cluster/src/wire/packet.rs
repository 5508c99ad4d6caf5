//! Whole packets: the header and what each type carries behind it.

use super::reader::Reader;
use super::{
    Extension, Extensions, GOSSIP_BYTES, Gossip, GossipEntry, HEADER_BYTES, Header, MessageFlags,
    PacketError,
};
use super::{header, header::Envelope};
use crate::bitmap::{SLOT_BITMAP_BYTES, SlotBits};
use crate::limits::{EXTENSIONS_MAX, NODES_MAX};
use base::{Epoch, NodeId};

/// The types of packets, with their numbers on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u16)]
pub enum PacketType {
    /// A heartbeat that wants a PONG.
    Ping = 0,
    /// The answer to a PING or MEET, or an announcement.
    Pong = 1,
    /// A PING that asks to be let in.
    Meet = 2,
    /// A node is agreed to be failing.
    Fail = 3,
    /// A message to a channel's subscribers.
    Publish = 4,
    /// A replica asks for a vote.
    AuthRequest = 5,
    /// A vote.
    AuthAck = 6,
    /// Somebody else owns those slots with a greater epoch.
    Update = 7,
    /// A replica asks its primary to pause for a manual failover.
    ManualFailoverStart = 8,
    /// A message between modules.
    Module = 9,
    /// A message to a shard channel's subscribers.
    PublishShard = 10,
}

impl PacketType {
    /// All types, in the order of their numbers.
    pub const ALL: [PacketType; 11] = [
        PacketType::Ping,
        PacketType::Pong,
        PacketType::Meet,
        PacketType::Fail,
        PacketType::Publish,
        PacketType::AuthRequest,
        PacketType::AuthAck,
        PacketType::Update,
        PacketType::ManualFailoverStart,
        PacketType::Module,
        PacketType::PublishShard,
    ];

    /// The name that CLUSTER INFO's counters use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            PacketType::Ping => "ping",
            PacketType::Pong => "pong",
            PacketType::Meet => "meet",
            PacketType::Fail => "fail",
            PacketType::Publish => "publish",
            PacketType::AuthRequest => "auth-req",
            PacketType::AuthAck => "auth-ack",
            PacketType::Update => "update",
            PacketType::ManualFailoverStart => "mfstart",
            PacketType::Module => "module",
            PacketType::PublishShard => "publishshard",
        }
    }
}

/// Gossip and extensions: the body of PING, PONG and MEET.
#[derive(Clone, Copy)]
pub struct Heartbeat<'a> {
    /// What the sender says of others.
    pub gossip: Gossip<'a>,
    /// What it says of itself beyond the header.
    pub extensions: Extensions<'a>,
}

/// What follows the header.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// PING.
    Ping(Heartbeat<'a>),
    /// PONG.
    Pong(Heartbeat<'a>),
    /// MEET.
    Meet(Heartbeat<'a>),
    /// FAIL: who fails.
    Fail(NodeId),
    /// PUBLISH or PUBLISHSHARD.
    Publish {
        /// Whether the channel belongs to a shard.
        sharded: bool,
        /// The channel.
        channel: &'a [u8],
        /// The message.
        message: &'a [u8],
    },
    /// FAILOVER_AUTH_REQUEST.
    AuthRequest,
    /// FAILOVER_AUTH_ACK.
    AuthAck,
    /// UPDATE.
    Update {
        /// The owner's config epoch.
        config_epoch: Epoch,
        /// The owner.
        owner: NodeId,
        /// The slots it owns.
        slots: SlotBits<'a>,
    },
    /// MFSTART.
    ManualFailoverStart,
    /// MODULE; we have no modules and read it only to skip it.
    Module {
        /// The module, in the bytes of its sender.
        module: &'a [u8; 8],
        /// The message's type.
        kind: u8,
        /// The payload.
        payload: &'a [u8],
    },
    /// A type of a later version.
    Unknown {
        /// The number.
        kind: u16,
        /// All bytes behind the header.
        bytes: &'a [u8],
    },
}

/// A decoded packet; borrows from the bytes it was read from.
#[derive(Clone, Copy)]
pub struct Packet<'a> {
    /// What the sender says of itself.
    pub header: Header<'a>,
    /// What it says beyond.
    pub body: Body<'a>,
}

impl Packet<'_> {
    /// The type, unless it is one that we do not know.
    #[must_use]
    pub fn packet_type(&self) -> Option<PacketType> {
        Some(match self.body {
            Body::Ping(_) => PacketType::Ping,
            Body::Pong(_) => PacketType::Pong,
            Body::Meet(_) => PacketType::Meet,
            Body::Fail(_) => PacketType::Fail,
            Body::Publish { sharded: false, .. } => PacketType::Publish,
            Body::Publish { sharded: true, .. } => PacketType::PublishShard,
            Body::AuthRequest => PacketType::AuthRequest,
            Body::AuthAck => PacketType::AuthAck,
            Body::Update { .. } => PacketType::Update,
            Body::ManualFailoverStart => PacketType::ManualFailoverStart,
            Body::Module { .. } => PacketType::Module,
            Body::Unknown { .. } => return None,
        })
    }
}

/// Reads one whole packet.
///
/// # Errors
/// [`PacketError`] for anything that is not exactly a packet; nothing has been allocated then either.
pub fn decode(bytes: &[u8]) -> Result<Packet<'_>, PacketError> {
    let mut reader = Reader(bytes);
    let (header, envelope) = Header::read(&mut reader)?;
    let body = body(&header, &envelope, &mut reader);
    let length = PacketError::Length { kind: envelope.kind, length: bytes.len() };
    match body {
        Ok(body) if reader.0.is_empty() => Ok(Packet { header, body }),
        Ok(_) | Err(PacketError::Framing) => Err(length),
        Err(error) => Err(error),
    }
}

fn body<'a>(
    header: &Header<'a>,
    envelope: &Envelope,
    reader: &mut Reader<'a>,
) -> Result<Body<'a>, PacketError> {
    let Some(&kind) = PacketType::ALL.get(usize::from(envelope.kind)) else {
        let bytes = reader.bytes(reader.0.len())?;
        return Ok(Body::Unknown { kind: envelope.kind, bytes });
    };
    Ok(match kind {
        PacketType::Ping => Body::Ping(heartbeat(header, envelope, reader)?),
        PacketType::Pong => Body::Pong(heartbeat(header, envelope, reader)?),
        PacketType::Meet => Body::Meet(heartbeat(header, envelope, reader)?),
        PacketType::Fail => Body::Fail(reader.node_id()?),
        PacketType::Publish => publish(false, reader)?,
        PacketType::PublishShard => publish(true, reader)?,
        PacketType::AuthRequest => Body::AuthRequest,
        PacketType::AuthAck => Body::AuthAck,
        PacketType::Update => Body::Update {
            config_epoch: Epoch(reader.u64()?),
            owner: reader.node_id()?,
            slots: SlotBits::new(reader.array::<SLOT_BITMAP_BYTES>()?),
        },
        PacketType::ManualFailoverStart => Body::ManualFailoverStart,
        PacketType::Module => module(reader)?,
    })
}

pub(super) fn module<'a>(reader: &mut Reader<'a>) -> Result<Body<'a>, PacketError> {
    let module = reader.array::<8>()?;
    let length = reader.u32()? as usize;
    let [kind] = *reader.array::<1>()?;
    Ok(Body::Module { module, kind, payload: reader.bytes(length)? })
}

/// The channel and the message that PUBLISH and PUBLISHSHARD carry.
pub(super) fn message<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], &'a [u8]), PacketError> {
    let channel_bytes = reader.u32()? as usize;
    let message_bytes = reader.u32()? as usize;
    Ok((reader.bytes(channel_bytes)?, reader.bytes(message_bytes)?))
}

fn publish<'a>(sharded: bool, reader: &mut Reader<'a>) -> Result<Body<'a>, PacketError> {
    let (channel, message) = message(reader)?;
    Ok(Body::Publish { sharded, channel, message })
}

fn heartbeat<'a>(
    header: &Header<'_>,
    envelope: &Envelope,
    reader: &mut Reader<'a>,
) -> Result<Heartbeat<'a>, PacketError> {
    let count = usize::from(envelope.count);
    let extensions =
        if header.message_flags.has(MessageFlags::EXTENSIONS) { envelope.extensions } else { 0 };
    if count > NODES_MAX || usize::from(extensions) > EXTENSIONS_MAX {
        return Err(PacketError::Framing);
    }
    let gossip = Gossip::read(reader.bytes(count * GOSSIP_BYTES)?)?;
    let extensions = Extensions::read(reader.bytes(reader.0.len())?, extensions)?;
    Ok(Heartbeat { gossip, extensions })
}

/// Builds one packet.
pub struct PacketWriter {
    bytes: Vec<u8>,
    gossip: u16,
    extensions: u16,
}

impl PacketWriter {
    /// Begins a packet with its header.
    #[must_use]
    pub fn new(header: &Header<'_>, kind: PacketType) -> PacketWriter {
        PacketWriter::with_type(header, kind as u16)
    }

    fn with_type(header: &Header<'_>, kind: u16) -> PacketWriter {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + 8 * GOSSIP_BYTES);
        header.write(kind, &mut bytes);
        PacketWriter { bytes, gossip: 0, extensions: 0 }
    }

    /// Reserves room for so many gossip entries.
    pub fn reserve_gossip(&mut self, entries: usize) {
        self.bytes.reserve(entries * GOSSIP_BYTES);
    }

    /// Appends a gossip entry. All entries precede all extensions.
    pub fn gossip(&mut self, entry: &GossipEntry) {
        debug_assert_eq!(self.extensions, 0, "gossip stands before the extensions");
        entry.write(&mut self.bytes);
        self.gossip += 1;
    }

    /// Appends an extension.
    pub fn extension(&mut self, extension: &Extension<'_>) {
        extension.write(&mut self.bytes);
        self.extensions += 1;
    }

    /// Fills in the lengths and counts.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let length = self.bytes.len() as u32;
        patch_u32(&mut self.bytes, header::LENGTH_AT, length);
        patch_u16(&mut self.bytes, header::COUNT_AT, self.gossip);
        patch_u16(&mut self.bytes, header::EXTENSIONS_AT, self.extensions);
        self.bytes
    }
}

/// The bytes of a packet: the inverse of [`decode`].
#[must_use]
pub fn encode(packet: &Packet<'_>) -> Vec<u8> {
    let kind = match (packet.packet_type(), packet.body) {
        (Some(kind), _) => kind as u16,
        (None, Body::Unknown { kind, .. }) => kind,
        (None, _) => unreachable!("only unknown packets have no type"),
    };
    let mut writer = PacketWriter::with_type(&packet.header, kind);
    match packet.body {
        Body::Ping(heartbeat) | Body::Pong(heartbeat) | Body::Meet(heartbeat) => {
            for entry in heartbeat.gossip.iter().filter_map(|entry| entry.read().ok()) {
                writer.gossip(&entry);
            }
            heartbeat.extensions.iter().for_each(|extension| writer.extension(&extension));
        }
        Body::Fail(id) => writer.bytes.extend_from_slice(id.as_bytes()),
        Body::Publish { channel, message, .. } => {
            write_publish(channel, message, &mut writer.bytes);
        }
        Body::AuthRequest | Body::AuthAck | Body::ManualFailoverStart => {}
        Body::Update { config_epoch, owner, slots } => {
            writer.bytes.extend_from_slice(&config_epoch.0.to_be_bytes());
            writer.bytes.extend_from_slice(owner.as_bytes());
            writer.bytes.extend_from_slice(slots.as_bytes());
        }
        Body::Module { module, kind, payload } => {
            writer.bytes.extend_from_slice(module);
            writer.bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes());
            writer.bytes.push(kind);
            writer.bytes.extend_from_slice(payload);
        }
        Body::Unknown { bytes, .. } => writer.bytes.extend_from_slice(bytes),
    }
    writer.finish()
}

/// Appends what PUBLISH and PUBLISHSHARD carry behind their header.
pub(super) fn write_publish(channel: &[u8], message: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(channel.len() as u32).to_be_bytes());
    out.extend_from_slice(&(message.len() as u32).to_be_bytes());
    out.extend_from_slice(channel);
    out.extend_from_slice(message);
}

/// Overwrites a field written before. `at` lies inside what the writer itself appended.
pub(super) fn patch_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

fn patch_u16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}
