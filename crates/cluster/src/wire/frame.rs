//! Where a packet ends in the stream of a link.
//!
//! A packet tells its own length in its first bytes, whether it is Redis's, one of Valkey's light ones, or a frame of
//! ours. The length is checked against a bound before anyone reserves memory for it.

use super::light::LIGHT_HEADER_BYTES;
use super::{HEADER_BYTES, SIGNATURE};
use crate::limits::{FRAME_BYTES_MAX, PACKET_BYTES_MAX};
use crate::seal::{GREETING_BYTES, GREETING_SIGNATURE, SEAL_BYTES, SEALED_SIGNATURE};

/// Bytes of a packet that tell how long it is.
pub const FRAME_PREFIX_BYTES: usize = 8;

/// Bytes that tell whether a packet that is shorter than a full header has a light one.
const LIGHT_PREFIX_BYTES: usize = 14;

/// The stream holds no packets of the cluster bus: the link has to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// The first four bytes are neither `RCmb` nor those of our frames.
    #[error("bad signature")]
    Signature,
    /// The length is below what the frame needs, or beyond its bound.
    #[error("bad length {0}")]
    Length(u32),
}

/// The length of the packet that begins with `prefix`, or `None` while too few bytes of it have come to tell.
///
/// # Errors
/// [`FrameError`] as soon as the bytes at hand cannot begin a packet.
pub fn packet_bytes(prefix: &[u8]) -> Result<Option<usize>, FrameError> {
    let signed = prefix.len().min(SIGNATURE.len());
    let known = [SIGNATURE, SEALED_SIGNATURE, GREETING_SIGNATURE];
    if !known.iter().any(|known| prefix[..signed] == known[..signed]) {
        return Err(FrameError::Signature);
    }
    let Some(&[s0, s1, s2, s3, a, b, c, d]) = prefix.first_chunk::<FRAME_PREFIX_BYTES>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    let whole = length as usize;
    let fits = match [s0, s1, s2, s3] {
        GREETING_SIGNATURE => whole == GREETING_BYTES,
        SEALED_SIGNATURE => (LIGHT_HEADER_BYTES + SEAL_BYTES..=FRAME_BYTES_MAX).contains(&whole),
        _ if (LIGHT_HEADER_BYTES..HEADER_BYTES).contains(&whole) => {
            let Some(&[.., kind, _]) = prefix.first_chunk::<LIGHT_PREFIX_BYTES>() else {
                return Ok(None);
            };
            kind & 0x80 != 0
        }
        _ => (HEADER_BYTES..=PACKET_BYTES_MAX).contains(&whole),
    };
    if fits { Ok(Some(whole)) } else { Err(FrameError::Length(length)) }
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
    fn a_short_packet_has_a_light_header_or_is_none() {
        let light = b"RCmb\x00\x00\x00\x1a\x00\x01\x00\x00\x80\x04\x00\x00";
        for end in 0..14 {
            assert_eq!(packet_bytes(&light[..end]), Ok(None), "{end} bytes");
        }
        assert_eq!(packet_bytes(light), Ok(Some(26)));
        let full = b"RCmb\x00\x00\x00\x1a\x00\x01\x00\x00\x00\x04\x00\x00";
        assert_eq!(packet_bytes(full), Err(FrameError::Length(26)));
    }

    #[test]
    fn frames_of_ours_have_bounds_of_their_own() {
        assert_eq!(packet_bytes(b"RSgr\x00\x00\x00\x78"), Ok(Some(120)));
        assert_eq!(packet_bytes(b"RSgr\x00\x00\x00\x79"), Err(FrameError::Length(121)));
        assert_eq!(packet_bytes(b"RSsl\x00\x00\x00\x3f"), Err(FrameError::Length(63)));
        assert_eq!(packet_bytes(b"RSsl\x00\x00\x00\x40"), Ok(Some(64)));
        assert_eq!(packet_bytes(b"RSsl\x04\x00\x00\x30"), Ok(Some(FRAME_BYTES_MAX)));
        assert_eq!(packet_bytes(b"RSsl\x04\x00\x00\x31"), Err(FrameError::Length(0x0400_0031)));
    }

    #[test]
    fn foreign_bytes_are_refused_at_the_first_wrong_one() {
        assert_eq!(packet_bytes(b"*"), Err(FrameError::Signature));
        assert_eq!(packet_bytes(b"RCm\x00"), Err(FrameError::Signature));
        assert_eq!(packet_bytes(b"RSg\x00"), Err(FrameError::Signature));
        assert_eq!(packet_bytes(b"RCmb\x00\x00\x00\x0f"), Err(FrameError::Length(15)));
        assert_eq!(packet_bytes(b"RCmb\xff\xff\xff\xff"), Err(FrameError::Length(u32::MAX)));
    }
}
