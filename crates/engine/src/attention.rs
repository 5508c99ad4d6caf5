//! Who wants to know what is done to keys.

use crate::logged::Logging;

/// Whether the keys that are modified are to be told, and whether what is done is logged: one byte, so that nobody pays for two answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Attention(u8);

/// The bit that says that keys are to be told; the lower ones are a [`Logging`].
const OBSERVED: u8 = 1 << 7;

impl Attention {
    /// Keys are told, and nothing is logged.
    pub(crate) const OBSERVED: Attention = Attention(OBSERVED);

    pub(crate) const fn of_logging(logging: Logging) -> Attention {
        Attention(logging.bits())
    }

    pub(crate) const fn from_bits(bits: u8) -> Attention {
        Attention(bits)
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// The same, and keys are told where `observed` says so.
    #[inline]
    pub(crate) const fn observed_if(self, observed: bool) -> Attention {
        Attention(self.0 | (observed as u8) << 7)
    }

    /// Whether keys are told.
    #[inline]
    pub(crate) const fn is_observed(self) -> bool {
        self.0 & OBSERVED != 0
    }

    #[inline]
    pub(crate) const fn logging(self) -> Logging {
        Logging::from_bits(self.0 & !OBSERVED)
    }
}
