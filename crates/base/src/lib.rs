//! The field's glossary as types.
//!
//! Everything here is a value: no I/O, no clock, no global state. Each word has one meaning throughout
//! the workspace (see `docs/glossary.md`): a *slot* is a hash slot, a *shard* is a primary with its
//! replicas, an *epoch* is a cluster epoch.

mod crc16;
pub mod double;
mod epoch;
pub mod glob;
mod long_double;
mod node_id;
pub mod number;
mod rng;
mod slot;
mod time;
pub mod words;

pub use crc16::crc16;
pub use epoch::Epoch;
pub use long_double::LongDouble;
pub use node_id::{NODE_ID_BYTES, NodeId};
pub use rng::Rng;
pub use slot::{SLOT_COUNT, Slot, SlotRange, hash_tag};
pub use time::{Monotonic, UnixMillis};
