//! Valkey's light headers: sixteen bytes instead of 2256, for messages to channels.
//!
//! Who sends is not in the packet; it is the node of the link. Only who announces them may be sent any, and never a
//! Redis, which takes them for garbage.

use super::reader::Reader;
use super::{PacketError, PacketType, SIGNATURE, VERSION, packet};

/// Bytes of a light header.
pub(crate) const LIGHT_HEADER_BYTES: usize = 16;

/// What a light packet's type is marked with.
const LIGHT: u16 = 0x8000;

/// What a packet with a light header carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Light<'a> {
    /// A message to a channel's subscribers.
    Publish {
        /// Whether the channel belongs to a shard.
        sharded: bool,
        /// The channel.
        channel: &'a [u8],
        /// The message.
        message: &'a [u8],
    },
    /// A message between modules; there are none here.
    Module,
}

/// Whether a packet claims to have a light header.
#[must_use]
pub fn is_light(bytes: &[u8]) -> bool {
    bytes.get(12).is_some_and(|kind| kind & 0x80 != 0)
}

/// Reads one whole packet with a light header.
///
/// # Errors
/// [`PacketError`] for anything that is not exactly one, and for types that are not sent with one.
pub fn decode_light(bytes: &[u8]) -> Result<Light<'_>, PacketError> {
    let mut reader = Reader(bytes);
    let signature = *reader.array::<4>()?;
    let whole = reader.u32()? as usize;
    if signature != SIGNATURE || whole != bytes.len() {
        return Err(PacketError::Framing);
    }
    let version = reader.u16()?;
    if version != VERSION {
        return Err(PacketError::Version(version));
    }
    reader.u16()?;
    let kind = reader.u16()?;
    reader.u16()?;
    let length = PacketError::Length { kind, length: bytes.len() };
    let known = PacketType::ALL.get(usize::from(kind & !LIGHT)).filter(|_| kind & LIGHT != 0);
    let light = match known {
        Some(PacketType::Publish) => publish(false, &mut reader),
        Some(PacketType::PublishShard) => publish(true, &mut reader),
        Some(PacketType::Module) => packet::module(&mut reader).map(|_| Light::Module),
        _ => return Err(length),
    };
    if reader.0.is_empty() { light.map_err(|_| length) } else { Err(length) }
}

fn publish<'a>(sharded: bool, reader: &mut Reader<'a>) -> Result<Light<'a>, PacketError> {
    let (channel, message) = packet::message(reader)?;
    Ok(Light::Publish { sharded, channel, message })
}

/// A message to a channel's subscribers, with a light header.
#[must_use]
pub fn encode_light_publish(sharded: bool, channel: &[u8], message: &[u8]) -> Vec<u8> {
    let kind = if sharded { PacketType::PublishShard } else { PacketType::Publish };
    let length = LIGHT_HEADER_BYTES + 8 + channel.len() + message.len();
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(&SIGNATURE);
    bytes.extend_from_slice(&(length as u32).to_be_bytes());
    for field in [VERSION, 0, kind as u16 | LIGHT, 0] {
        bytes.extend_from_slice(&field.to_be_bytes());
    }
    packet::write_publish(channel, message, &mut bytes);
    bytes
}
