//! Where a packet ends in the stream of a link.
//!
//! A packet tells its own length in its first eight bytes. The length is checked against a bound before
//! anyone reserves memory for it.

use super::{HEADER_BYTES, SIGNATURE};
use crate::limits::PACKET_BYTES_MAX;

/// Bytes of a packet that tell how long it is.
pub const FRAME_PREFIX_BYTES: usize = 8;

/// The stream holds no packets of the cluster bus: the link has to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// The first four bytes are not `RCmb`.
    #[error("bad signature")]
    Signature,
    /// The length is below a header's, or beyond [`PACKET_BYTES_MAX`]. Valkey's light headers, which we
    /// never ask for, end here too.
    #[error("bad length {0}")]
    Length(u32),
}

/// The length of the packet that begins with `prefix`, or `None` while fewer than
/// [`FRAME_PREFIX_BYTES`] have come.
///
/// # Errors
/// [`FrameError`] as soon as the bytes at hand cannot begin a packet.
pub fn packet_bytes(prefix: &[u8]) -> Result<Option<usize>, FrameError> {
    let signed = prefix.len().min(SIGNATURE.len());
    if prefix[..signed] != SIGNATURE[..signed] {
        return Err(FrameError::Signature);
    }
    let Some(&[_, _, _, _, a, b, c, d]) = prefix.first_chunk::<FRAME_PREFIX_BYTES>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    match length as usize {
        fits @ HEADER_BYTES..=PACKET_BYTES_MAX => Ok(Some(fits)),
        _ => Err(FrameError::Length(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_known_after_eight_bytes() {
        let bytes = b"RCmb\x00\x00\x08\xd0\x00\x01";
        for end in 0..8 {
            assert_eq!(packet_bytes(&bytes[..end]), Ok(None), "{end} bytes");
        }
        assert_eq!(packet_bytes(&bytes[..8]), Ok(Some(2256)));
        assert_eq!(packet_bytes(bytes), Ok(Some(2256)));
    }

    #[test]
    fn foreign_bytes_are_refused_at_the_first_wrong_one() {
        assert_eq!(packet_bytes(b"*"), Err(FrameError::Signature));
        assert_eq!(packet_bytes(b"RCm\x00"), Err(FrameError::Signature));
        assert_eq!(packet_bytes(b"RCmb\x00\x00\x00\x10"), Err(FrameError::Length(16)));
        assert_eq!(packet_bytes(b"RCmb\xff\xff\xff\xff"), Err(FrameError::Length(u32::MAX)));
    }
}
