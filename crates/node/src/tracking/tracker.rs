//! How one client tracks.

use crate::clients::{Client, ClientId};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Which keys a client is told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// All that it has read.
    Read,
    /// Those that it has read by a command after CLIENT CACHING YES.
    OptIn,
    /// Those that it has read, but for commands after CLIENT CACHING NO.
    OptOut,
    /// All that begin with one of its prefixes.
    Broadcast,
}

/// The options of CLIENT TRACKING ON.
#[derive(Default)]
pub(crate) struct TrackingOptions {
    /// `REDIRECT`: who gets the notices.
    pub(crate) redirect: Option<Arc<Client>>,
    /// `BCAST`.
    pub(crate) broadcast: bool,
    /// `PREFIX`, in the order in which they came.
    pub(crate) prefixes: Vec<Box<[u8]>>,
    /// `OPTIN`.
    pub(crate) opt_in: bool,
    /// `OPTOUT`.
    pub(crate) opt_out: bool,
    /// `NOLOOP`.
    pub(crate) no_loop: bool,
}

/// How one client tracks. Never changes; another one takes its place.
pub(crate) struct Tracker {
    pub(crate) client: Arc<Client>,
    pub(crate) mode: Mode,
    /// Who gets the notices, if not the client itself.
    pub(crate) redirect: Option<Arc<Client>>,
    /// It is not told of what it has changed itself.
    pub(crate) no_loop: bool,
    /// Of the mode [`Mode::Broadcast`].
    pub(crate) prefixes: BTreeSet<Box<[u8]>>,
    /// What they take, in bytes.
    pub(crate) prefix_bytes: usize,
}

/// What a prefix takes beside its name, which both know it by: its places with the client and in the registry.
const OVERHEAD_BYTES: usize = 96;

/// Why a client cannot track so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TrackingError {
    /// There are prefixes without `BCAST`.
    PrefixWithoutBroadcast,
    /// `BCAST` comes or goes while it tracks.
    SwitchesBroadcast,
    /// `BCAST` together with `OPTIN` or `OPTOUT`.
    BroadcastWithOptions,
    /// `OPTIN` together with `OPTOUT`.
    BothOptions,
    /// `OPTIN` becomes `OPTOUT`, or the other way round, while it tracks.
    SwitchesOptions,
    /// Two prefixes of which one begins with the other.
    Overlap {
        /// The new one.
        prefix: Box<[u8]>,
        /// The other.
        other: Box<[u8]>,
        /// Whether it has the other one already.
        existing: bool,
    },
}

impl Tracker {
    /// How a client tracks that has tracked as `old` until now.
    pub(super) fn new(
        client: &Arc<Client>,
        old: Option<&Tracker>,
        options: TrackingOptions,
    ) -> Result<Tracker, TrackingError> {
        let TrackingOptions { redirect, broadcast, prefixes, opt_in, opt_out, no_loop } = options;
        if !broadcast && !prefixes.is_empty() {
            return Err(TrackingError::PrefixWithoutBroadcast);
        }
        if old.is_some_and(|old| (old.mode == Mode::Broadcast) != broadcast) {
            return Err(TrackingError::SwitchesBroadcast);
        }
        let mode = match (broadcast, opt_in, opt_out) {
            (true, false, false) => Mode::Broadcast,
            (true, _, _) => return Err(TrackingError::BroadcastWithOptions),
            (false, true, true) => return Err(TrackingError::BothOptions),
            (false, true, false) => Mode::OptIn,
            (false, false, true) => Mode::OptOut,
            (false, false, false) => Mode::Read,
        };
        let switches = match old.map(|old| old.mode) {
            Some(Mode::OptIn) => mode == Mode::OptOut,
            Some(Mode::OptOut) => mode == Mode::OptIn,
            Some(Mode::Read | Mode::Broadcast) | None => false,
        };
        if switches {
            return Err(TrackingError::SwitchesOptions);
        }
        let prefixes = match mode {
            Mode::Broadcast => all_prefixes(old, prefixes)?,
            Mode::Read | Mode::OptIn | Mode::OptOut => BTreeSet::new(),
        };
        let prefix_bytes = prefixes.iter().map(|prefix| 2 * prefix.len() + OVERHEAD_BYTES).sum();
        let client = Arc::clone(client);
        Ok(Tracker { client, mode, redirect, no_loop, prefixes, prefix_bytes })
    }

    /// Whether the keys of a command are remembered; `caching` is whether CLIENT CACHING came before it.
    pub(crate) fn wants_keys(&self, caching: bool) -> bool {
        match self.mode {
            Mode::Read => true,
            Mode::OptIn => caching,
            Mode::OptOut => !caching,
            Mode::Broadcast => false,
        }
    }

    /// Whether it is not told of what this client has changed.
    pub(super) fn ignores(&self, by: Option<ClientId>) -> bool {
        self.no_loop && by == Some(self.client.id)
    }
}

/// The prefixes that a client has, and those that come on top; the empty one where none are named.
fn all_prefixes(
    old: Option<&Tracker>,
    new: Vec<Box<[u8]>>,
) -> Result<BTreeSet<Box<[u8]>>, TrackingError> {
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    let mut all = old.map(|old| old.prefixes.clone()).unwrap_or_default();
    for (index, prefix) in new.iter().enumerate() {
        let existing = all.iter().find(|other| *other != prefix && overlap(other, prefix));
        let provided = new[index + 1..].iter().find(|other| overlap(other, prefix));
        if let Some(other) = existing.or(provided) {
            return Err(TrackingError::Overlap {
                prefix: prefix.clone(),
                other: other.clone(),
                existing: existing.is_some(),
            });
        }
    }
    if new.is_empty() {
        all.insert(Box::default());
    }
    all.extend(new);
    Ok(all)
}

impl fmt::Display for TrackingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrackingError::PrefixWithoutBroadcast => {
                "ERR PREFIX option requires BCAST mode to be enabled"
            }
            TrackingError::SwitchesBroadcast => {
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                 re-enabling it with a different mode."
            }
            TrackingError::BroadcastWithOptions => {
                "ERR OPTIN and OPTOUT are not compatible with BCAST"
            }
            TrackingError::BothOptions => {
                "ERR You can't specify both OPTIN mode and OPTOUT mode"
            }
            TrackingError::SwitchesOptions => {
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                 re-enabling it with a different mode."
            }
            TrackingError::Overlap { prefix, other, existing } => {
                let which = if *existing { "an existing" } else { "another provided" };
                return write!(
                    f,
                    "ERR Prefix '{}' overlaps with {which} prefix '{}'. Prefixes for a single client must not \
                     overlap.",
                    String::from_utf8_lossy(prefix),
                    String::from_utf8_lossy(other)
                );
            }
        })
    }
}
