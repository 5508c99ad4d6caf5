//! Saving the data: SAVE, BGSAVE, save points, and what is known of it.
//!
//! A save begins with its cut, on the thread that asks for it. A thread of the server takes the [`SaveOrder`], writes the file, and tells how that went
//! ([`Node::end_save`]). There is one save at a time.

mod aof;
mod commands;
mod loading;
mod save;
#[cfg(test)]
mod tests;

pub use aof::LogStatus;
pub(crate) use commands::COMMANDS;
pub(crate) use save::seconds_since;
pub use save::{SaveError, SaveOrder};

use crate::replication::Transfer;
use crate::worker::Now;
use aof::Aof;
use base::Monotonic;
use engine::Snapshot;
use loading::Loading;
use parking_lot::{Condvar, Mutex};
use persist::save::SavedKeys;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

/// What a node knows of its saves.
pub(crate) struct Persistence {
    state: Mutex<State>,
    /// A save has ended.
    ended: Condvar,
    loading: Loading,
    aof: Aof,
    /// What may keep commands from running: [`LOADING`], [`SAVE_FAILED`], [`LOG_FAILED`], [`TOO_FEW_REPLICAS`], [`FOLLOWS`]. Asked before each.
    hindrances: AtomicU8,
}

/// Data are being loaded.
const LOADING: u8 = 1;

/// The last save has failed.
const SAVE_FAILED: u8 = 2;

/// The append-only file cannot be written.
const LOG_FAILED: u8 = 4;

/// Too few replicas follow.
const TOO_FEW_REPLICAS: u8 = 8;

/// The data are a primary's.
const FOLLOWS: u8 = 16;

struct State {
    running: Option<Running>,
    /// A save that has begun and that nobody writes yet.
    order: Option<SaveOrder>,
    /// Whether the last that has ended was written.
    is_last_ok: bool,
    /// A save is to begin when it can.
    is_scheduled: bool,
    /// When data were last saved, in seconds since 1970; when the node started, before that.
    saved_at: i64,
    /// When a save was last begun.
    begun_at: Option<Monotonic>,
    /// How long the last one took that ran in the background.
    took: Option<Duration>,
    /// How many have begun, or were done at once.
    saves: u64,
    /// How many changes the keyspace had counted when it was last saved.
    saved_changes: u64,
}

/// A save that is being written.
pub(crate) struct Running {
    snapshot: Arc<Snapshot>,
    saved: Arc<SavedKeys>,
    /// The replicas that it goes to, where it is for them.
    transfer: Option<Arc<Transfer>>,
    /// Writes wait, for too much is saved and not written.
    holds_writes: bool,
    begun: Now,
    /// How many changes the keyspace had counted by then.
    changes: u64,
    in_background: bool,
    /// Whether it is the base of the append-only file.
    is_rewrite: bool,
    /// Whether nothing of the data is in the append-only file before it is there.
    is_first: bool,
}

impl Running {
    /// Nobody wants it any more.
    fn give_up(&self) {
        self.snapshot.cancel();
        self.transfer.iter().for_each(|transfer| transfer.give_up());
    }

    fn of(order: &SaveOrder, begun: Now) -> Running {
        Running {
            snapshot: Arc::clone(&order.snapshot),
            saved: Arc::clone(&order.saved),
            transfer: order.transfer.clone(),
            holds_writes: false,
            begun,
            changes: 0,
            in_background: order.in_background,
            is_rewrite: order.is_base,
            is_first: false,
        }
    }
}

impl Persistence {
    pub(crate) fn new(started: Now) -> Persistence {
        Persistence {
            state: Mutex::new(State {
                running: None,
                order: None,
                is_last_ok: true,
                is_scheduled: false,
                saved_at: started.wall.seconds(),
                begun_at: None,
                took: None,
                saves: 0,
                saved_changes: 0,
            }),
            ended: Condvar::new(),
            loading: Loading::default(),
            aof: Aof::default(),
            hindrances: AtomicU8::new(0),
        }
    }

    /// What may keep commands from running.
    #[inline]
    fn hindrances(&self) -> u8 {
        self.hindrances.load(Relaxed)
    }

    /// Whether it was there before.
    fn set_hindrance(&self, hindrance: u8, is_there: bool) -> bool {
        let before = if is_there {
            self.hindrances.fetch_or(hindrance, Relaxed)
        } else {
            self.hindrances.fetch_and(!hindrance, Relaxed)
        };
        before & hindrance != 0
    }

    fn has_failed(&self) -> bool {
        self.hindrances() & SAVE_FAILED != 0
    }
}

/// What INFO tells of saves.
pub(crate) struct SaveReport {
    /// Keys that are saved, and that there are to save, while one is written.
    pub(crate) keys: Option<(u64, u64)>,
    pub(crate) changes_since: u64,
    pub(crate) saved_at: i64,
    pub(crate) is_ok: bool,
    pub(crate) took: Option<Duration>,
    /// Since when one is written in the background.
    pub(crate) running_since: Option<Monotonic>,
    pub(crate) saves: u64,
    /// What is saved and not written yet, in bytes.
    pub(crate) waiting_bytes: u64,
}
