//! Packets that are none, or claim to come from somebody else: counted, seldom logged, without effect.

use crate::limits::MALFORMED_LOG_INTERVAL;
use crate::machine::{LogLevel, Machine};
use base::Monotonic;

/// When the last line was logged, and how many packets went unlogged since.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Malformed {
    logged_at: Option<Monotonic>,
    unlogged: u64,
}

impl Machine {
    /// Counts a malformed packet and logs it, unless another was logged within a minute.
    pub(crate) fn malformed_packet(&mut self, what: &str) {
        self.counters.malformed += 1;
        let now = self.now.monotonic;
        let lately =
            self.malformed.logged_at.is_some_and(|at| now.since(at) < MALFORMED_LOG_INTERVAL);
        if lately {
            self.malformed.unlogged += 1;
            return;
        }
        let unlogged = self.malformed.unlogged;
        self.malformed = Malformed { logged_at: Some(now), unlogged: 0 };
        self.log(LogLevel::Warning, || match unlogged {
            0 => what.to_owned(),
            more => format!("{what} ({more} more since the last such line)"),
        });
    }
}
