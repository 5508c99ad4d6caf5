//! The cluster's secret, and how much of the bus it has to protect.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;

pub(super) type HmacSha256 = Hmac<Sha256>;

/// The shortest secret that is taken, in bytes. Whoever records a greeting can try secrets at leisure.
pub const SECRET_BYTES_MIN: usize = 16;

/// The most secrets that are accepted at one time: the one in use, and the one before or behind it.
pub const SECRETS_MAX: usize = 2;

/// What secrets are condensed with, so that no other use of the same text has the same keys.
const CONTEXT: &[u8] = b"redstart cluster bus 1";

/// Why a text holds no secrets. It never says what the text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SecretError {
    /// There is nothing in it.
    #[error("it holds no secret")]
    None,
    /// One of them is too short.
    #[error("a secret needs at least {SECRET_BYTES_MIN} bytes")]
    TooShort,
    /// There are more than are accepted at one time.
    #[error("it holds more than {SECRETS_MAX} secrets")]
    TooMany,
}

/// A secret, condensed to a key. It cannot be shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// The key that a text stands for.
    #[must_use]
    pub fn new(text: &[u8]) -> Secret {
        Secret(mac(CONTEXT, &[text]))
    }

    /// The secrets of a file: one a line, the first one for what this node says, all for what it hears.
    ///
    /// # Errors
    /// [`SecretError`] where there is none, or one that is too short, or too many.
    pub fn of_lines(text: &[u8]) -> Result<Vec<Secret>, SecretError> {
        let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        let texts: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
        match texts.len() {
            0 => Err(SecretError::None),
            1..=SECRETS_MAX if texts.iter().any(|text| text.len() < SECRET_BYTES_MIN) => {
                Err(SecretError::TooShort)
            }
            1..=SECRETS_MAX => Ok(texts.into_iter().map(Secret::new).collect()),
            _ => Err(SecretError::TooMany),
        }
    }

    /// The key for one purpose.
    pub(crate) fn derive(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.0, parts)
    }
}

/// A key ready for many messages.
pub(super) fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed(key);
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// `cluster-bus-auth`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum BusAuthMode {
    /// No packet is sealed, and nobody is told that it could be.
    #[default]
    Off,
    /// Sealed where both ends can, else plain: for clusters on their way, and with nodes of others.
    Optional,
    /// Nothing plain is taken or sent.
    Required,
}

impl BusAuthMode {
    /// The word that operators use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            BusAuthMode::Off => "off",
            BusAuthMode::Optional => "optional",
            BusAuthMode::Required => "required",
        }
    }
}

/// What packets are sealed with.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct BusAuth {
    /// Which packets have to be.
    pub mode: BusAuthMode,
    /// The first one is used for greetings of ours, all are accepted in others'. Not empty unless the mode is off.
    pub secrets: Vec<Secret>,
    /// Entropy of this run of the process: what makes each greeting one that was never there before.
    pub nonce_key: Secret,
}

impl BusAuth {
    /// Whether this node seals links at all.
    pub(crate) fn is_on(&self) -> bool {
        self.mode != BusAuthMode::Off
    }
}
