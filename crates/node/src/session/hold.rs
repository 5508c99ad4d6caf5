//! The slots that a command holds: which, whether they are served here, and what follows when they are let go.

use super::prepare::KnownKey;
use super::{Context, LOADING, Routed, presence};
use crate::log::Unit;
use crate::table::Entry;
use crate::tracking::Tracker;
use base::Slot;
use cluster::{KeySlots, Presence};
use commands::spec::Flag;
use commands::{CommandError, Outcome, Whole, WholeRun};
use engine::{Access, Reach};
use resp::{Args, Reply};

impl<'a> Context<'a> {
    /// Logs what a command has done, tells others, serves those that wait for what was changed, and releases the slots.
    #[cold]
    pub(super) fn conclude(&mut self, mut access: Access<'_>, args: Args<'_>) {
        if access.logs() {
            let database = access.database();
            let as_it_came = access.is_logged_as_it_came(0).then_some((database, args));
            let commands = access.take_logged();
            if as_it_came.is_some() || !commands.is_empty() {
                let (node, slots) = (self.node, access.slots());
                self.state.log_offset =
                    node.log(self.worker, Unit::Whole, slots, Some(&commands), as_it_came);
            }
        }
        // Mostly that was all.
        if !access.effects_mut().is_empty() {
            self.conclude_said(access);
        }
    }

    /// The same where what is to be logged has been said.
    #[cold]
    pub(super) fn conclude_said(&mut self, access: Access<'_>) {
        let mut access = access;
        if let Some(offset) = self.node.log_effects(self.worker, &mut access) {
            self.state.log_offset = offset;
        }
        let by = Some(self.state.client.id);
        self.node.conclude(access, self.worker, self.moment, by);
    }

    /// Releases what a transaction holds.
    pub(crate) fn release(&mut self) {
        if let Some(access) = self.held.take() {
            self.note_shown(&access);
            let held_all = access.holds_all();
            if access.has_effects() {
                self.conclude_said(access);
            } else {
                drop(access);
            }
            if held_all {
                self.node.serve_all(self.worker, self.moment);
            }
        }
    }

    /// Runs a command that changes whole databases, at one moment: every slot is held.
    pub(super) fn change_whole(
        &mut self,
        whole: WholeRun,
        entry: &Entry,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        let is_held = self.held.is_some();
        if !is_held {
            self.hold_everything();
        }
        if self.node.leaving.any() && !is_held && self.waits_for_all_leaving() {
            self.release();
            return Ok(());
        }
        let checked = self.held.iter().try_for_each(|all| self.state.check_foreign(all, entry));
        let outcome = checked.and_then(|()| self.with_whole(|all| whole(all, args, reply)));
        if let (Ok(()), Some(access)) = (&outcome, &mut self.held) {
            // Also where there was nothing to change, as in Redis.
            access.select(self.state.database);
            access.log(args.iter_from(0));
        }
        if outcome.is_ok() && args.name().eq_ignore_ascii_case(b"flushall") {
            // What is saved or sent instead is soon there, as nothing is left.
            self.node.give_up_save();
            if self.node.saves_at_end() {
                // A restart must not bring back what was flushed.
                self.node.schedule_save();
            }
        }
        if !is_held {
            self.release();
        }
        outcome
    }

    /// Runs a command that reads of whole databases: one slot after the other is held, where EXEC does not hold them all.
    pub(super) fn read_whole(
        &mut self,
        whole: WholeRun,
        entry: &Entry,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        self.held.iter().try_for_each(|all| self.state.check_foreign(all, entry))?;
        self.with_whole(|all| whole(all, args, reply))?;
        // What it has seen last may be what is being loaded since.
        let is_free = self.held.is_none() && self.state.replays_at.is_none();
        if is_free && self.node.is_loading() && !entry.spec.has(Flag::Loading) {
            return Err(LOADING);
        }
        Ok(())
    }

    /// Runs something over the whole keyspace, and carries what it did into the counters.
    pub(crate) fn with_whole(
        &mut self,
        run: impl FnOnce(&mut Whole<'_, '_>) -> Outcome,
    ) -> Outcome {
        if self.held.is_none() {
            self.state.shown_up_to = u64::MAX;
        }
        let mut all = Whole {
            reach: self.held.as_mut().map_or(Reach::Free(&self.node.keyspace), Access::reach),
            database: self.state.database,
            in_cluster: self.node.cluster.is_some(),
            moment: self.moment,
            worker: self.worker,
            rng: self.rng,
            changes: 0,
            flushed: Vec::new(),
            expired: Vec::new(),
        };
        let outcome = run(&mut all);
        let Whole { changes, flushed, expired, .. } = all;
        expired.iter().for_each(|key| self.remove_expired(key));
        self.node.keyspace.tally(self.worker).count_changes(changes);
        if !flushed.is_empty() {
            self.node.tracking.invalidate_all();
            let filled = flushed.into_iter().filter(|flushed| !flushed.is_empty());
            self.node.flushed.lock().extend(filled);
        }
        if changes > 0 && self.held.is_none() {
            self.node.serve_all(self.worker, self.moment);
        }
        outcome
    }

    /// Removes a key that was come upon and whose time had come.
    #[cold]
    fn remove_expired(&mut self, key: &[u8]) {
        if let Some(access) = &mut self.held {
            access.select(self.state.database);
            access.view().peek(key);
            return;
        }
        let (keyspace, keys) = (&self.node.keyspace, std::iter::once(key));
        let mut access = keyspace.hold_keys(keys, self.state.database, self.worker, self.moment);
        access.view().peek(key);
        if access.has_effects() {
            self.conclude_said(access);
        }
    }

    /// Notes up to where the log tells of what could be seen of what is held.
    #[inline]
    pub(super) fn note_shown(&mut self, access: &Access<'_>) {
        if let Some(changes) = self.node.last_changes() {
            let shown_up_to = &mut self.state.shown_up_to;
            *shown_up_to = changes.of(access.slots()).max(*shown_up_to);
        }
    }

    /// Runs a command under the locks of its keys' slots, where they are served here.
    #[inline]
    pub(super) fn holding(
        &mut self,
        entry: &Entry,
        key: KnownKey,
        args: Args<'_>,
        run: impl FnOnce(&mut Access<'_>) -> Outcome,
    ) -> Outcome {
        if let Some(access) = &mut self.held {
            access.select(self.state.database);
            // A command before it may have been CLIENT TRACKING.
            access.renew_attention();
            self.state.check_foreign(access, entry)?;
            let changes = access.changes();
            let outcome = run(access);
            if access.is_logged_as_it_came(changes) {
                access.log(args.iter_from(0));
            }
            if access.has_effects() {
                self.node.tell_at_once(access.effects_mut(), Some(self.state.client.id));
                access.effects_mut().set_told();
            }
            self.remember_keys(entry, args);
            return outcome;
        }
        let (Some(keys), Some((slot, hash))) = (entry.keys, key) else {
            return self.holding_several(entry, args, run);
        };
        if keys.last != keys.first as i64 {
            return self.holding_several(entry, args, run);
        }
        let keyspace = &self.node.keyspace;
        let first = &args[keys.first];
        let mut access = keyspace.hold(slot, self.state.database, self.worker, self.moment);
        if access.is_observed() {
            access = self.with_waiting(access, entry, std::iter::once(first));
        }
        access.know_hash(first, hash);
        // Asked under the lock: whoever takes the slot away locks it to drop its keys.
        if !keyspace.serves(slot) {
            if self.waits_for_leaving(entry.spec.has(Flag::Write), std::iter::once(first)) {
                return Ok(());
            }
            let first = || presence(&access, std::iter::once(first));
            self.route(Routed::new(entry), KeySlots::One(slot), first)?;
        }
        self.state.check_foreign(&access, entry)?;
        let outcome = run(&mut access);
        self.note_shown(&access);
        self.remember_keys(entry, args);
        if access.has_effects() {
            self.conclude(access, args);
        }
        outcome
    }

    /// What a command holds, with what those need who wait for its keys, where it may change them.
    #[cold]
    fn with_waiting<'k>(
        &self,
        access: Access<'a>,
        entry: &Entry,
        keys: impl Iterator<Item = &'k [u8]> + Clone,
    ) -> Access<'a> {
        if !entry.spec.has(Flag::Write) {
            return access;
        }
        self.node.hold_for_waiting(access, keys, self.worker, self.moment)
    }

    /// The same for a command that may have several keys.
    pub(super) fn holding_several(
        &mut self,
        entry: &Entry,
        args: Args<'_>,
        run: impl FnOnce(&mut Access<'_>) -> Outcome,
    ) -> Outcome {
        let Some(mut access) = self.hold_several(entry, args)? else { return Ok(()) };
        self.state.check_foreign(&access, entry)?;
        let outcome = run(&mut access);
        self.note_shown(&access);
        self.remember_keys(entry, args);
        if access.has_effects() {
            self.conclude(access, args);
        }
        outcome
    }

    /// Has a client that tracks remembered with the keys that it has read, whose slots are held.
    #[inline]
    pub(super) fn remember_keys(&self, entry: &Entry, args: Args<'_>) {
        if let Some(tracker) = &self.state.tracker {
            self.remember_keys_for(tracker, entry, args);
        }
    }

    #[cold]
    fn remember_keys_for(&self, tracker: &Tracker, entry: &Entry, args: Args<'_>) {
        if !entry.spec.has(Flag::Readonly) || !tracker.wants_keys(self.state.caching) {
            return;
        }
        let mut positions = Vec::new();
        // Where the keys could not be told, the command has said so.
        let _ = entry.spec.key_positions(args, &mut positions);
        for position in positions {
            self.node.tracking.remember(self.state.client.id, &args[position]);
        }
    }

    /// Locks the slots of the keys of a request that may have several, where they are served here; `None` where it has to wait.
    pub(super) fn hold_several(
        &mut self,
        entry: &Entry,
        args: Args<'_>,
    ) -> Result<Option<Access<'a>>, CommandError> {
        let keyspace = &self.node.keyspace;
        let mut positions = Vec::new();
        // Where some keys cannot be told, the command says what is wrong with its arguments before it asks for one of those.
        let _ = entry.spec.key_positions(args, &mut positions);
        let keys = || positions.iter().map(|&position| &args[position]);
        let mut access = keyspace.hold_keys(keys(), self.state.database, self.worker, self.moment);
        if access.is_observed() {
            access = self.with_waiting(access, entry, keys());
        }
        if self.node.leaving.any() && self.waits_for_leaving(entry.spec.has(Flag::Write), keys()) {
            return Ok(None);
        }
        if self.node.cluster.is_some() {
            let slots = keys().map(Slot::of_key).fold(KeySlots::None, KeySlots::and);
            let is_served = match slots {
                KeySlots::None => true,
                KeySlots::One(slot) => keyspace.serves(slot),
                KeySlots::Several => false,
            };
            if !is_served {
                self.route(Routed::new(entry), slots, || presence(&access, keys()))?;
            }
        }
        Ok(Some(access))
    }

    /// Sends a request of keys elsewhere that are not served here, whatever else stands in its way.
    #[cold]
    pub(super) fn redirect(&self, entry: &Entry, args: Args<'_>) -> Outcome {
        let mut positions = Vec::new();
        if self.node.cluster.is_none() || entry.spec.key_positions(args, &mut positions).is_err() {
            return Ok(());
        }
        let keys = positions.iter().filter_map(|&position| args.get(position));
        let slots = keys.map(Slot::of_key).fold(KeySlots::None, KeySlots::and);
        self.route(Routed::new(entry), slots, Presence::default)
    }
}
