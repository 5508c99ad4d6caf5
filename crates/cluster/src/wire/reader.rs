//! Reading fixed fields from a received packet without a chance to read past its end.

use super::PacketError;
use base::{NODE_ID_BYTES, NodeId};
use core::net::IpAddr;

/// Bytes of an address's text with its NUL, as headers and gossip entries hold it.
pub(crate) const IP_TEXT_BYTES: usize = 46;

/// What is left to read of a packet.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], PacketError> {
        let (array, rest) = self.0.split_first_chunk::<N>().ok_or(PacketError::Framing)?;
        self.0 = rest;
        Ok(array)
    }

    /// The next `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], PacketError> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(PacketError::Framing)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, PacketError> {
        self.array().map(|bytes| u16::from_be_bytes(*bytes))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, PacketError> {
        self.array().map(|bytes| u32::from_be_bytes(*bytes))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, PacketError> {
        self.array().map(|bytes| u64::from_be_bytes(*bytes))
    }

    pub(crate) fn node_id(&mut self) -> Result<NodeId, PacketError> {
        NodeId::parse(self.array::<NODE_ID_BYTES>()?).ok_or(PacketError::NodeId)
    }
}

/// The text before the first NUL.
pub(crate) fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    &field[..end]
}

/// An address field: `None` when it is empty.
pub(crate) fn address(field: &[u8]) -> Result<Option<IpAddr>, PacketError> {
    match text(field) {
        [] => Ok(None),
        text => {
            let text = std::str::from_utf8(text).map_err(|_| PacketError::Address)?;
            text.parse().map(Some).map_err(|_| PacketError::Address)
        }
    }
}

/// An address as a field of fixed size.
pub(crate) fn address_field(address: Option<IpAddr>) -> [u8; IP_TEXT_BYTES] {
    use std::io::Write;
    let mut field = [0; IP_TEXT_BYTES];
    if let Some(address) = address {
        write!(&mut field[..], "{address}").expect("the longest address has 45 bytes");
    }
    field
}
