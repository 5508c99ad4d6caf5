//! How many files the process may have open (`RLIMIT_NOFILE`): as many as `maxclients` needs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files kept for other things than clients: listening sockets, the bus, logs. As many as in Redis.
const RESERVED: u64 = 32;

/// What became of the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OpenFiles {
    /// It was high enough.
    Enough,
    /// It was raised, from the first to the second.
    Raised(u64, u64),
    /// The system allows only so many; this many clients can be served.
    TooFew {
        /// The limit now.
        limit: u64,
        /// How many clients that is enough for.
        clients: u64,
    },
}

/// Raises the limit to what so many clients need, or as far as the system lets it be raised.
pub(crate) fn allow_clients(clients: u32) -> OpenFiles {
    let wanted = u64::from(clients) + RESERVED;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let (current, maximum) = (current.unwrap_or(u64::MAX), maximum.unwrap_or(u64::MAX));
    if current >= wanted {
        return OpenFiles::Enough;
    }
    // Only the superuser may go beyond the maximum, everyone up to it.
    for limit in [wanted, wanted.min(maximum)] {
        let raised = Rlimit { current: Some(limit), maximum: Some(maximum.max(limit)) };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            return if limit == wanted {
                OpenFiles::Raised(current, limit)
            } else {
                too_few(limit)
            };
        }
    }
    too_few(current)
}

fn too_few(limit: u64) -> OpenFiles {
    OpenFiles::TooFew { limit, clients: limit.saturating_sub(RESERVED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_clients_need_nothing_and_too_many_are_told_how_many_there_may_be() {
        assert_eq!(allow_clients(1), OpenFiles::Enough);
        match allow_clients(u32::MAX) {
            OpenFiles::TooFew { limit, clients } => assert_eq!(limit, clients + RESERVED),
            // A machine without limits has room for all of them.
            OpenFiles::Enough | OpenFiles::Raised(..) => {}
        }
    }
}
