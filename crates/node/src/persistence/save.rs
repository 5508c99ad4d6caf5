//! One save, from its cut to its end.

use super::{Running, SaveReport};
use crate::configuration::Tuning;
use crate::log::LogUser;
use crate::node::Node;
use crate::pause::{PauseKind, WaitReason};
use crate::replication::{StreamPlace, Transfer};
use crate::worker::Now;
use base::Monotonic;
use config::Config;
use engine::{Access, Moment, Snapshot, SnapshotSink, WorkerId};
use persist::rdb::{Options, Version};
use persist::save::{KeyOptions, SavedKeys};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How long a save that has failed is not tried again by a save point.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// How much may be saved because it was about to change, and not be written to the file, before writes have to wait, in bytes. They are looked at ten
/// times a second, so that it may be passed by what a tenth of a second brings.
pub(super) const SAVED_BYTES_MAX: usize = 64 << 20;

/// A save that has begun, for whoever writes it.
pub struct SaveOrder {
    /// What is saved.
    pub snapshot: Arc<Snapshot>,
    /// Where records come in that change before the walk has come to them.
    pub saved: Arc<SavedKeys>,
    /// How it is written.
    pub options: KeyOptions,
    /// Whether somebody waits for it, for the log to tell.
    pub in_background: bool,
    /// Whether it is the base of the append-only file.
    pub is_base: bool,
    /// The replicas that it goes to, where it is for them.
    pub transfer: Option<Arc<Transfer>>,
    /// Where in the stream of replication it is, where there is one.
    pub place: Option<StreamPlace>,
}

impl SaveOrder {
    /// Cuts what is there now, which `all` holds, for whoever writes it; `None` while something is being saved.
    fn cut(options: KeyOptions, all: &mut Access<'_>) -> Option<SaveOrder> {
        let saved = Arc::new(SavedKeys::new(options));
        let snapshot = all.begin_snapshot(Arc::clone(&saved) as Arc<dyn SnapshotSink>)?;
        Some(SaveOrder {
            snapshot,
            saved,
            options,
            in_background: true,
            is_base: false,
            transfer: None,
            place: None,
        })
    }
}

/// Why no save began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SaveError {
    /// One is being written.
    InProgress,
    /// The append-only file is being rewritten.
    Rewriting,
    /// Data are being loaded: there is only a part of them.
    Loading,
}

impl Node {
    /// Begins a save: what is there now will be in the file. Holds all slots for a moment, unless the caller does.
    ///
    /// # Errors
    ///
    /// Where one is being written, or data are being loaded.
    pub fn begin_save(
        &self,
        (worker, now): (WorkerId, Now),
        held: Option<&mut Access<'_>>,
        in_background: bool,
    ) -> Result<(), SaveError> {
        let config = self.settings.current();
        let moment = self.moment(&Tuning::new(&config), now);
        let begin = |access: &mut Access<'_>| {
            let order = SaveOrder::cut(self.key_options(&config, moment), access)?;
            let order = SaveOrder { in_background, ..order };
            self.note_running(Running { changes: self.changes(), ..Running::of(&order, now) });
            // Under the locks: what is scheduled from here on is to have what comes behind the cut.
            self.persistence.state.lock().is_scheduled = false;
            Some(order)
        };
        let begun = match held {
            // What its transaction has done is not in the stream yet, so it is at no place there.
            Some(access) if access.holds_all() => begin(access),
            _ => {
                let _applied = self.replication.pause_applying();
                let all = &mut self.keyspace.hold_all(0, worker, moment);
                // It may have begun since the command was let in.
                if self.is_loading() {
                    return Err(SaveError::Loading);
                }
                let place = self.stream_place();
                begin(all).map(|order| SaveOrder { place, ..order })
            }
        };
        let Some(order) = begun else {
            let is_rewrite = self.running_rewrite().is_some();
            return Err(if is_rewrite { SaveError::Rewriting } else { SaveError::InProgress });
        };
        let mut state = self.persistence.state.lock();
        state.begun_at = Some(now.monotonic);
        state.saves += 1;
        state.order = Some(order);
        drop(state);
        self.host.wake_saver(self);
        Ok(())
    }

    /// Begins a snapshot for replicas: `at_cut` is told the offset of the log from which on their stream begins. False where something is being saved.
    pub(crate) fn begin_sync_save(
        &self,
        transfer: &Arc<Transfer>,
        worker: WorkerId,
        now: Now,
        at_cut: impl FnOnce(u64),
    ) -> bool {
        let config = self.settings.current();
        let options = self.key_options(&config, self.load_moment(now));
        let order = self.begin_log(LogUser::Replicas, worker, now, |all, offset| {
            // It may have begun since it was asked whether a snapshot may begin.
            if self.is_loading() {
                return None;
            }
            let order = SaveOrder::cut(options, all)?;
            let (transfer, place) = (Some(Arc::clone(transfer)), self.stream_place());
            at_cut(offset);
            let order = SaveOrder { transfer, place, ..order };
            self.note_running(Running::of(&order, now));
            Some(order)
        });
        let Some(order) = order else { return false };
        self.persistence.state.lock().order = Some(order);
        self.host.wake_saver(self);
        true
    }

    /// Whether a snapshot for replicas may begin: nothing is being saved, and the process does not end.
    pub(crate) fn may_begin_sync(&self) -> bool {
        let is_ending = self.pause_kind() == Some(PauseKind::All);
        !is_ending && !self.is_loading() && self.persistence.state.lock().running.is_none()
    }

    /// Tells that the snapshot for replicas that was taken is written; whoever reads it may go on.
    pub fn end_sync_save(&self, order: &SaveOrder, is_ok: bool, now: Now) {
        self.end_running(order, is_ok);
        self.persistence.ended.notify_all();
        // What has waited for it: a rewrite, or the next snapshot for replicas.
        self.host.wake_log_reader();
        self.begin_due_sync(self.upkeep(), now);
    }

    /// Cuts the base of the append-only file.
    pub(super) fn begin_base(
        &self,
        now: Now,
        is_first: bool,
        all: &mut Access<'_>,
    ) -> Option<SaveOrder> {
        // It may have begun since it was asked whether a base may begin.
        if self.is_loading() {
            return None;
        }
        let options = self.base_options(now);
        let order = SaveOrder { is_base: true, ..SaveOrder::cut(options, all)? };
        self.note_running(Running { is_first, ..Running::of(&order, now) });
        Some(order)
    }

    /// Tells that what was cut is being written. Called where the slots are still held: whoever gives it up, since other data come, finds it.
    fn note_running(&self, running: Running) {
        self.persistence.state.lock().running = Some(running);
    }

    /// Tells that it is not written any more, and whether that is well; what it was.
    pub(super) fn end_running(&self, order: &SaveOrder, is_ok: bool) -> Option<Running> {
        let left = self.keyspace.end_snapshot(&order.snapshot);
        self.flushed.lock().extend(left);
        let mut state = self.persistence.state.lock();
        let ended = state.running.take();
        if !order.is_base && order.transfer.is_none() {
            state.is_last_ok = is_ok;
        }
        // Under the lock: the timer must not begin to hold writes for a save that has ended.
        self.pause.hold_writes(WaitReason::Save, false);
        drop(state);
        self.wake_paused();
        ended
    }

    /// Whether a snapshot is being written in the background.
    #[must_use]
    pub fn is_saving(&self) -> bool {
        let state = self.persistence.state.lock();
        state.running.as_ref().is_some_and(|one| one.in_background && !one.is_rewrite)
    }

    /// Since when the append-only file is being rewritten.
    pub(super) fn running_rewrite(&self) -> Option<Monotonic> {
        let state = self.persistence.state.lock();
        state.running.as_ref().filter(|one| one.is_rewrite).map(|one| one.begun.monotonic)
    }

    /// Whether what is being written is all that the append-only file will have of the data.
    pub(crate) fn writes_first_log(&self) -> bool {
        self.persistence.state.lock().running.as_ref().is_some_and(|one| one.is_first)
    }

    fn key_options(&self, config: &Config, moment: Moment) -> KeyOptions {
        use config::EvictionPolicy::{AllkeysLfu, AllkeysLru, VolatileLfu, VolatileLru};
        let persistence = &config.persistence;
        KeyOptions {
            file: Options {
                version: Version::for_data(self.keyspace.has_field_times()),
                compress: persistence.rdbcompression,
                checksum: persistence.rdbchecksum,
            },
            as_commands: false,
            moment,
            tells_usage: matches!(
                config.memory.maxmemory_policy,
                AllkeysLfu | AllkeysLru | VolatileLfu | VolatileLru
            ),
        }
    }

    /// The save that has begun and that nobody writes yet.
    pub fn take_save_order(&self) -> Option<SaveOrder> {
        self.persistence.state.lock().order.take()
    }

    /// Tells how the save ended that was taken. One that was cancelled is no failure, and one that somebody waits for stops no writes where it fails, as in Valkey:
    /// it is told of.
    pub fn end_save(&self, order: &SaveOrder, is_ok: bool, now: Now) {
        let is_cancelled = order.snapshot.is_cancelled();
        let ended = self.end_running(order, is_ok);
        let mut state = self.persistence.state.lock();
        if let Some(running) = ended {
            if running.in_background {
                state.took = Some(now.monotonic.since(running.begun.monotonic));
            }
            if is_ok {
                state.saved_at = now.wall.seconds();
                state.saved_changes = running.changes;
            }
        }
        if is_ok || (order.in_background && !is_cancelled) {
            self.persistence.set_hindrance(super::SAVE_FAILED, !is_ok);
        }
        drop(state);
        self.persistence.ended.notify_all();
        // A rewrite may have waited for it.
        self.host.wake_log_reader();
    }

    /// Lets writes wait while a save has too much in memory that is not written to its file, for the disk is slower than they are. For a timer.
    pub(crate) fn bound_save(&self) {
        let mut state = self.persistence.state.lock();
        let Some(running) = &mut state.running else { return };
        let bytes = running.saved.memory_bytes();
        if let Some(transfer) = running.transfer.as_ref().filter(|one| one.mark().is_some()) {
            // A replica that is slow is no reason to hold writes.
            let transfer = Arc::clone(transfer);
            drop(state);
            self.bound_transfer(&transfer, bytes);
            return;
        }
        let holds =
            bytes > SAVED_BYTES_MAX || (running.holds_writes && bytes > SAVED_BYTES_MAX / 2);
        if std::mem::replace(&mut running.holds_writes, holds) != holds {
            self.pause.hold_writes(WaitReason::Save, holds);
            drop(state);
            if !holds {
                self.wake_paused();
            }
        }
    }

    /// Waits on this thread until no save is being written; whether the last one went well.
    pub fn wait_for_save(&self) -> bool {
        let mut state = self.persistence.state.lock();
        while state.running.is_some() {
            self.persistence.ended.wait(&mut state);
        }
        state.is_last_ok
    }

    /// Has a save begin as soon as none is being written.
    pub(crate) fn schedule_save(&self) {
        self.persistence.state.lock().is_scheduled = true;
    }

    /// Gives up the save that is being written in the background, or that is scheduled; which of the two, if there is any.
    pub(crate) fn cancel_save(&self) -> Option<Cancelled> {
        if self.give_up_save() {
            return Some(Cancelled::Running);
        }
        let mut state = self.persistence.state.lock();
        std::mem::take(&mut state.is_scheduled).then_some(Cancelled::Scheduled)
    }

    /// Gives up the save that is being written in the background, whether to a file or to replicas; whether there is one.
    pub(crate) fn give_up_save(&self) -> bool {
        let state = self.persistence.state.lock();
        let is_save = |one: &&Running| one.in_background && !one.is_rewrite;
        let running = state.running.as_ref().filter(is_save);
        running.inspect(|running| running.give_up()).is_some()
    }

    /// Gives up the rewrite that is being written.
    fn cancel_rewrite(&self) {
        let state = self.persistence.state.lock();
        if let Some(running) = state.running.as_ref().filter(|running| running.is_rewrite) {
            running.snapshot.cancel();
        }
    }

    /// How the base of the append-only file is written.
    pub fn base_options(&self, now: Now) -> KeyOptions {
        let config = self.settings.current();
        let as_commands = !config.persistence.aof_use_rdb_preamble;
        KeyOptions { as_commands, ..self.key_options(&config, self.load_moment(now)) }
    }

    /// Begins a save where one is scheduled or a save point (`save`) is reached; what the log tells of it.
    pub fn save_when_due(&self, worker: WorkerId, now: Now) -> Option<String> {
        let config = self.settings.current();
        let reason = {
            let state = self.persistence.state.lock();
            if state.running.is_some() || self.is_loading() {
                return None;
            }
            let may_try = !self.persistence.has_failed()
                || state.begun_at.is_none_or(|at| now.monotonic.since(at) > RETRY_INTERVAL);
            let changes = self.changes().saturating_sub(state.saved_changes);
            let passed = now.wall.seconds() - state.saved_at;
            let is_reached = |point: &&config::SavePoint| {
                changes >= u64::from(point.changes)
                    && changes > 0
                    && passed > i64::try_from(point.seconds).unwrap_or(i64::MAX)
            };
            match config.persistence.save.0.iter().find(is_reached) {
                _ if !may_try => return None,
                Some(point) => {
                    format!("{} changes in {} seconds. Saving...", point.changes, point.seconds)
                }
                None if state.is_scheduled => "A save was scheduled. Saving...".to_owned(),
                None => return None,
            }
        };
        self.begin_save((worker, now), None, true).ok().map(|()| reason)
    }

    /// How many changes the keyspace has counted.
    pub(super) fn changes(&self) -> u64 {
        self.keyspace.tallies().map(engine::Tally::changes).sum()
    }

    /// Saves, as the last thing before the end: nobody writes from here on, unless it fails. Whether it went well.
    pub fn save_at_end(&self, worker: WorkerId, now: Now) -> bool {
        const LONG: Duration = Duration::from_secs(365 * 24 * 3600);
        self.begin_pause(PauseKind::All, now.monotonic + LONG);
        self.replication.following.rest(true);
        loop {
            // What is being written is of no use beside what will be.
            self.cancel_save();
            self.cancel_rewrite();
            self.wait_for_save();
            let is_whole = match self.begin_save((worker, now), None, false) {
                Ok(()) => true,
                Err(SaveError::InProgress | SaveError::Rewriting) => continue,
                Err(SaveError::Loading) => false,
            };
            if !is_whole || !self.wait_for_save() {
                self.replication.following.rest(false);
                self.end_pause();
                return false;
            }
            // A command may have been on its way past the pause when the cut was made.
            if self.changes() == self.persistence.state.lock().saved_changes {
                return true;
            }
        }
    }

    /// Whether the end of the process saves, where nobody says otherwise: as it is configured.
    #[must_use]
    pub fn saves_at_end(&self) -> bool {
        !self.settings.current().persistence.save.0.is_empty()
    }

    /// Whether something may keep commands from running: data are being loaded, or could not be saved.
    #[inline]
    pub(crate) fn is_hindered(&self) -> bool {
        self.persistence.hindrances() != 0
    }

    /// Tells whether so few replicas follow that commands that write are refused (`min-replicas-to-write`).
    pub(crate) fn note_too_few_replicas(&self, is_so: bool) {
        self.persistence.set_hindrance(super::TOO_FEW_REPLICAS, is_so);
    }

    /// Whether so few replicas follow that commands that write are refused, of a client that has said how many it wants, or has not.
    pub(crate) fn has_too_few_replicas(&self, wanted: Option<usize>) -> bool {
        if self.persistence.hindrances() & super::TOO_FEW_REPLICAS == 0 {
            return false;
        }
        let least = self.settings.current().replication.min_replicas_to_write as usize;
        wanted.is_none() || self.replication.near.load(Relaxed) < least
    }

    /// Tells whether the node follows a primary.
    pub(crate) fn note_role(&self, is_replica: bool) {
        self.persistence.set_hindrance(super::FOLLOWS, is_replica);
    }

    /// Whether commands that write are refused, for a save has failed (`stop-writes-on-bgsave-error`).
    pub(crate) fn refuses_writes(&self) -> bool {
        if !self.persistence.has_failed() {
            return false;
        }
        let config = self.settings.current();
        config.persistence.stop_writes_on_bgsave_error && !config.persistence.save.0.is_empty()
    }

    /// What INFO tells.
    pub(crate) fn save_report(&self) -> SaveReport {
        let state = self.persistence.state.lock();
        let running = state.running.as_ref();
        SaveReport {
            keys: running.map(|one| (one.snapshot.saved_keys(), one.snapshot.keys())),
            changes_since: self.changes().saturating_sub(state.saved_changes),
            saved_at: state.saved_at,
            is_ok: !self.persistence.has_failed(),
            took: state.took,
            running_since: running
                .filter(|one| one.in_background && !one.is_rewrite)
                .map(|one| one.begun.monotonic),
            saves: state.saves,
            waiting_bytes: running.map_or(0, |one| one.saved.memory_bytes() as u64),
        }
    }

    /// Gives up whatever is being written: the process ends, or the data become those of another history.
    pub fn abandon_save(&self) {
        let state = self.persistence.state.lock();
        if let Some(running) = &state.running {
            running.give_up();
        }
    }
}

/// What BGSAVE CANCEL has given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cancelled {
    Running,
    Scheduled,
}

/// How long something has run, in whole seconds, as INFO tells it.
pub(crate) fn seconds_since(at: Option<Monotonic>, now: Monotonic) -> i64 {
    at.map_or(-1, |at| now.since(at).as_secs() as i64)
}
