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

/// An address as a field of fixed size. By hand for IPv4, since a heartbeat holds up to a thousand of them.
pub(crate) fn address_field(address: Option<IpAddr>) -> [u8; IP_TEXT_BYTES] {
    let mut field = [0; IP_TEXT_BYTES];
    match address {
        None => {}
        Some(IpAddr::V4(address)) => {
            let mut at = 0;
            let mut push = |byte| {
                field[at] = byte;
                at += 1;
            };
            for (nth, octet) in address.octets().into_iter().enumerate() {
                if nth > 0 {
                    push(b'.');
                }
                if octet >= 100 {
                    push(b'0' + octet / 100);
                }
                if octet >= 10 {
                    push(b'0' + octet / 10 % 10);
                }
                push(b'0' + octet % 10);
            }
        }
        Some(IpAddr::V6(address)) => {
            use std::io::Write;
            write!(&mut field[..], "{address}").expect("the longest address has 45 bytes");
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_was_written() {
        for text in
            ["0.0.0.0", "9.10.99.100", "255.254.199.1", "::1", "fe80::1:2:3", "::ffff:1.2.3.4"]
        {
            let ip: IpAddr = text.parse().unwrap();
            let field = address_field(Some(ip));
            assert_eq!(super::text(&field), text.as_bytes());
            assert_eq!(address(&field), Ok(Some(ip)));
        }
        assert_eq!(address(&address_field(None)), Ok(None));
        assert_eq!(address(b"localhost\0"), Err(PacketError::Address));
    }
}
