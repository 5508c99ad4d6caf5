//! The keyspace: what is stored, who may touch it when, and when it goes.
//!
//! ```text
//!   Keyspace ── 16,384 slots ── a lock ── one Table per database ── Records (key, value, expiry, access clock)
//!                                 │
//!                                 └─ Access: the slots that one command holds; View reads, Edit writes
//! ```
//!
//! Any thread runs any command under the locks of the slots that it touches. Slots are locked in ascending order and a
//! thread that holds slots asks for no others, so that no two can wait for each other.

mod access;
mod attention;
mod discarded;
mod edit;
mod events;
mod evict;
mod expiry;
mod field_times;
mod flushed;
mod frozen;
mod hasher;
mod keyspace;
mod logged;
mod moment;
mod object;
mod observers;
mod occupied;
mod reach;
mod relocate;
mod rules;
mod snapshot;
mod tally;
#[cfg(test)]
mod tests;
mod typed;
mod view;
mod waiting;
mod walk;
mod watch;

pub use access::{Access, is_expired};
pub use collections::{NewValue, Record, Value, give_back_memory};
pub use edit::{Change, Edit, Expiry};
pub use events::{Effects, EventClass, EventClasses, KeyEvent, ModifiedKey};
pub use evict::{EvictStep, Eviction, EvictionOrder, EvictionRule};
pub use expiry::{ExpireCursor, ExpireProgress};
pub use flushed::Flushed;
pub use frozen::{FrozenRecord, FrozenValue};
pub use hasher::HashSeed;
pub use keyspace::{Keyspace, WorkerId};
pub use logged::{LoggedCommands, Logging, Removal};
pub use moment::{AccessPolicy, Moment};
pub use object::{
    COMPACT_BYTES_MAX, EMBEDDED_BYTES_MAX, KeyRecord, Kind, Object, encoding, kind, memory_bytes,
    new_bytes, new_string,
};
pub use reach::Reach;
pub use snapshot::{Snapshot, SnapshotCursor, SnapshotSink};
pub use tally::{Tally, Totals};
pub use typed::{ValueType, WrongKind, value_of};
pub use values::{Encoding, Rules};
pub use view::View;
pub use waiting::WaiterId;
pub use watch::Watch;
