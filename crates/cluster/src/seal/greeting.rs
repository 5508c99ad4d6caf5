//! HELLO and WELCOME: the two frames that seal a link.
//!
//! ```text
//!   0 signature  4 length  8 version  10 kind  12 zero  16 sender id  56 nonce  88 tag  120
//! ```

use super::secret::{Secret, keyed};
use super::{GREETING_BYTES, GREETING_SIGNATURE};
use base::{NODE_ID_BYTES, NodeId};
use hmac::Mac;

const VERSION: u16 = 1;

const KIND_AT: usize = 10;
const SENDER_AT: usize = 16;
const NONCE_AT: usize = 56;
const TAG_AT: usize = 88;

/// Which of the two frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// From the node that opened the link.
    Hello = 1,
    /// The answer of the other.
    Welcome = 2,
}

/// Which greeting a frame claims to be.
pub(crate) fn kind_of(frame: &[u8]) -> Option<Kind> {
    let frame: &[u8; GREETING_BYTES] = frame.try_into().ok()?;
    match u16::from_be_bytes([frame[KIND_AT], frame[KIND_AT + 1]]) {
        1 => Some(Kind::Hello),
        2 => Some(Kind::Welcome),
        _ => None,
    }
}

/// Who greets, and with what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Greeting {
    pub(crate) sender: NodeId,
    pub(crate) nonce: [u8; 32],
}

impl Greeting {
    /// The frame. WELCOME answers a HELLO, which its tag covers, too; HELLO answers nothing.
    pub(crate) fn frame(
        &self,
        kind: Kind,
        secret: &Secret,
        answers: &[u8],
    ) -> [u8; GREETING_BYTES] {
        let mut frame = [0; GREETING_BYTES];
        frame[..4].copy_from_slice(&GREETING_SIGNATURE);
        frame[4..8].copy_from_slice(&(GREETING_BYTES as u32).to_be_bytes());
        frame[8..KIND_AT].copy_from_slice(&VERSION.to_be_bytes());
        frame[KIND_AT..12].copy_from_slice(&(kind as u16).to_be_bytes());
        frame[SENDER_AT..NONCE_AT].copy_from_slice(self.sender.as_bytes());
        frame[NONCE_AT..TAG_AT].copy_from_slice(&self.nonce);
        let tag = tagged(secret, &frame[..TAG_AT], answers).finalize().into_bytes();
        frame[TAG_AT..].copy_from_slice(&tag);
        frame
    }

    /// What a frame says, if its sender knows the secret and, for WELCOME, has seen the HELLO.
    pub(crate) fn read(
        frame: &[u8],
        kind: Kind,
        secret: &Secret,
        answers: &[u8],
    ) -> Option<Greeting> {
        let frame: &[u8; GREETING_BYTES] = frame.try_into().ok()?;
        tagged(secret, &frame[..TAG_AT], answers).verify_slice(&frame[TAG_AT..]).ok()?;
        // Nobody but one who knows the secret has made this; another version may mean something else.
        if kind_of(frame) != Some(kind) || frame[8..KIND_AT] != VERSION.to_be_bytes() {
            return None;
        }
        let sender: &[u8; NODE_ID_BYTES] = frame[SENDER_AT..NONCE_AT].try_into().ok()?;
        let nonce = frame[NONCE_AT..TAG_AT].try_into().ok()?;
        Some(Greeting { sender: NodeId::parse(sender)?, nonce })
    }
}

fn tagged(secret: &Secret, frame: &[u8], answers: &[u8]) -> super::secret::HmacSha256 {
    let mut mac = keyed(&secret.derive(&[b"greeting"]));
    mac.update(frame);
    mac.update(answers);
    mac
}
