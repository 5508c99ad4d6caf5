//! A sealed link: its keys, and how far its counters have come.
//!
//! ```text
//!   0 signature  4 length of the whole  8 counter  16 packet  length-32 tag
//! ```

use super::secret::{HmacSha256, Secret, keyed};
use super::{SEAL_BYTES, SEALED_PREFIX_BYTES, SEALED_SIGNATURE, TAG_BYTES};
use crate::links::Direction;
use base::NodeId;
use hmac::Mac;

/// Why a frame is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Nobody who has this link's keys has sent it, or whoever knows the secret has greeted wrongly.
    Forged,
    /// It was here before, or one that was sent later was.
    Replayed,
    /// It is not sealed, and has to be.
    Plain,
}

/// What seals one link.
#[derive(Clone, Debug)]
pub struct Session {
    sending: HmacSha256,
    receiving: HmacSha256,
    sent: u64,
    received: u64,
    /// A packet of the peer's has come under this seal, or its WELCOME to our HELLO.
    pub(crate) is_proven: bool,
    /// Who has greeted: all packets of the link are this node's.
    pub(crate) peer: NodeId,
    /// What the greeting was made with.
    pub(crate) secret: Secret,
}

impl Session {
    /// The seal of a link that we have opened (`Outbound`) or accepted, from the nonces of HELLO and WELCOME.
    #[must_use]
    pub fn new(
        secret: &Secret,
        direction: Direction,
        peer: NodeId,
        hello: &[u8; 32],
        welcome: &[u8; 32],
    ) -> Session {
        let key = |way: &[u8]| keyed(&secret.derive(&[way, hello, welcome]));
        let (there, back) = (key(b"from opener  "), key(b"from acceptor"));
        let outbound = direction == Direction::Outbound;
        let (sending, receiving) = if outbound { (there, back) } else { (back, there) };
        Session {
            sending,
            receiving,
            sent: 0,
            received: 0,
            is_proven: outbound,
            peer,
            secret: secret.clone(),
        }
    }

    /// The frame around a packet.
    pub fn seal(&mut self, packet: &[u8]) -> Vec<u8> {
        self.sent += 1;
        let length = packet.len() + SEAL_BYTES;
        let mut frame = Vec::with_capacity(length);
        frame.extend_from_slice(&SEALED_SIGNATURE);
        frame.extend_from_slice(&(length as u32).to_be_bytes());
        frame.extend_from_slice(&self.sent.to_be_bytes());
        frame.extend_from_slice(packet);
        let mut mac = self.sending.clone();
        mac.update(&frame);
        frame.extend_from_slice(&mac.finalize().into_bytes());
        frame
    }

    /// The packet in a frame. Packets come in their order, though some may be missing.
    ///
    /// # Errors
    /// [`Refused`]; nothing has changed then.
    pub fn open<'a>(&mut self, frame: &'a [u8]) -> Result<&'a [u8], Refused> {
        let (sealed, tag) =
            frame.split_at(frame.len().checked_sub(TAG_BYTES).ok_or(Refused::Forged)?);
        let mut mac = self.receiving.clone();
        mac.update(sealed);
        mac.verify_slice(tag).map_err(|_| Refused::Forged)?;
        let (prefix, packet) =
            sealed.split_first_chunk::<SEALED_PREFIX_BYTES>().ok_or(Refused::Forged)?;
        let &[_, _, _, _, _, _, _, _, counter @ ..] = prefix;
        let counter = u64::from_be_bytes(counter);
        if counter <= self.received {
            return Err(Refused::Replayed);
        }
        self.received = counter;
        self.is_proven = true;
        Ok(packet)
    }
}
