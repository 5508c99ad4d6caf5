//! Packets that only those can send who know the cluster's secret: a frame of ours around a packet of Redis's.
//!
//! A link is sealed by a greeting of two frames, HELLO of the node that opened the link and WELCOME of the other. Each
//! proves that its sender knows the secret and brings 32 bytes that were never used before; both together give
//! the link's two keys, one for each direction. From then on every packet has a counter and a tag under its direction's key.
//! So what was recorded is worth nothing: not on another link, not later, not in the other direction, not twice.
//!
//! Nothing is encrypted. docs/decisions/0023 has the frames byte by byte, and why.

mod greeting;
mod secret;
mod session;

pub(crate) use greeting::{Greeting, Kind, kind_of};
pub use secret::{BusAuth, BusAuthMode, SECRET_BYTES_MIN, SECRETS_MAX, Secret, SecretError};
pub use session::{Refused, Session};

/// The first four bytes of a sealed packet.
pub const SEALED_SIGNATURE: [u8; 4] = *b"RSsl";

/// The first four bytes of HELLO and WELCOME.
pub const GREETING_SIGNATURE: [u8; 4] = *b"RSgr";

/// Bytes of HELLO and of WELCOME.
pub const GREETING_BYTES: usize = 120;

/// What a sealed packet has in front of the packet itself: signature, length, counter.
pub(crate) const SEALED_PREFIX_BYTES: usize = 16;

const TAG_BYTES: usize = 32;

/// How much longer a sealed packet is than the packet in it.
pub const SEAL_BYTES: usize = SEALED_PREFIX_BYTES + TAG_BYTES;

/// The packet within a frame, sealed or not, without a look at its seal. For those who watch; who acts on a packet has it
/// opened by the machine. `None` for a greeting.
#[must_use]
pub fn packet_within(frame: &[u8]) -> Option<&[u8]> {
    if frame.starts_with(&GREETING_SIGNATURE) {
        return None;
    }
    if frame.starts_with(&SEALED_SIGNATURE) {
        return frame.get(SEALED_PREFIX_BYTES..frame.len().checked_sub(TAG_BYTES)?);
    }
    Some(frame)
}

/// How far the sealing of a link has come.
#[derive(Clone, Default, Debug)]
pub(crate) enum Seal {
    /// Packets go as Redis has them.
    #[default]
    Plain,
    /// We have said HELLO. Until WELCOME comes, packets go as they went.
    Greeted {
        /// What it was: WELCOME answers it.
        hello: Box<[u8; GREETING_BYTES]>,
        /// The secret that it was made with.
        secret: Secret,
    },
    /// Both ends have the link's keys.
    Sealed(Box<Session>),
}

impl Seal {
    pub(crate) fn session(&self) -> Option<&Session> {
        match self {
            Seal::Sealed(session) => Some(session),
            Seal::Plain | Seal::Greeted { .. } => None,
        }
    }

    /// Whether something has come under this seal that nobody but the peer can have sent on this link.
    pub(crate) fn is_proven(&self) -> bool {
        self.session().is_some_and(|session| session.is_proven)
    }
}

#[cfg(test)]
mod tests;
