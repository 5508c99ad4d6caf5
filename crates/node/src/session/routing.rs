//! Where a request goes in a cluster, where that is not plain: its slot is not served here, or it is open.

use super::{After, Asking, Context};
use crate::clients::flag;
use crate::table::Entry;
use cluster::{KeySlots, Presence, Request};
use commands::spec::Flag;
use commands::{CommandError, Outcome};
use engine::Access;

/// What a command, or a transaction, is to routing.
#[derive(Clone, Copy, Default)]
pub(crate) struct Routed {
    pub(crate) writes: bool,
    /// It comes from the node that the slot is leaving.
    pub(crate) asks: bool,
}

impl Routed {
    pub(crate) fn new(entry: &Entry) -> Routed {
        Routed { writes: entry.spec.has(Flag::Write), asks: entry.spec.has(Flag::Asking) }
    }
}

/// Which of these keys, whose slots are held, are there.
pub(crate) fn presence<'k>(
    access: &Access<'_>,
    mut keys: impl Iterator<Item = &'k [u8]>,
) -> Presence {
    let Some(first) = keys.next() else { return Presence::default() };
    let mut presence = Presence::default();
    for key in std::iter::once(first).chain(keys) {
        let exists = access.record(key).is_some();
        presence.existing |= exists;
        presence.missing |= !exists;
        presence.several |= key != first;
    }
    presence
}

impl Context<'_> {
    /// Decides whether this node serves a request of these slots, which the caller holds. `presence` is asked where the slot is
    /// open: what is not there may be at the other end already.
    #[cold]
    pub(crate) fn route(
        &self,
        routed: Routed,
        slots: KeySlots,
        presence: impl FnOnce() -> Presence,
    ) -> Outcome {
        let Some(cluster) = &self.node.cluster else { return Ok(()) };
        if self.state.replays_at.is_some() {
            return Ok(());
        }
        let request = Request {
            slots,
            access: match routed.writes {
                true => cluster::Access::Write,
                false if self.state.client.has_flag(flag::READONLY) => cluster::Access::ReadReplica,
                false => cluster::Access::Read,
            },
            asks: routed.asks || self.state.asking == Asking::Now,
            migrates: false,
            tls: false,
        };
        let view = cluster.view();
        let served = view.route(request, presence);
        served.map_err(|refusal| CommandError::Owned(refusal.to_string()))
    }

    /// Whether what writes keys, whose slots are held, has to wait until one of them has left or is free: it runs again then.
    #[cold]
    pub(crate) fn waits_for_leaving<'k>(
        &mut self,
        writes: bool,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> bool {
        let (client, database) = (&self.state.client, self.state.database);
        let waits = writes && self.node.leaving.keeps_waiting(client, database, keys);
        if waits {
            self.state.after = After::Wait;
        }
        waits
    }

    /// The same for what changes keys that it does not name, while everything is held.
    #[cold]
    pub(crate) fn waits_for_all_leaving(&mut self) -> bool {
        let waits = self.node.leaving.keep_all_waiting(&self.state.client);
        if waits {
            self.state.after = After::Wait;
        }
        waits
    }

    /// A command has come while the client asks, or has asked: what it was told holds for one, or for one transaction.
    #[cold]
    pub(super) fn step_asking(&mut self) {
        let state = &mut self.state;
        match state.asking {
            Asking::Next => state.asking = Asking::Now,
            Asking::Now if state.transaction.is_some() || state.is_in_exec => {}
            Asking::Now | Asking::No => state.set_asking(Asking::No),
        }
    }

    /// A command that would not have been routed was refused in the place of the one that was to be.
    #[cold]
    pub(super) fn forget_asking(&mut self) {
        if self.state.asking == Asking::Next {
            self.state.set_asking(Asking::No);
        }
    }
}

impl super::State {
    pub(crate) fn set_asking(&mut self, asking: Asking) {
        self.asking = asking;
        self.client.set_flag(flag::ASKING, asking != Asking::No);
    }
}
