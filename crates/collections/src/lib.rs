//! The keyspace's memory: records, the hash table that holds them, and prefetching.
//!
//! This crate is the only home of `unsafe` in the workspace. It knows nothing of slots, commands or
//! time: the engine brings the type of boxed values, the hash of a key and the clock.

mod prefetch;
mod record;
mod table;
mod word;

pub use prefetch::prefetch;
pub use record::{NewValue, Record, Value, ValueMut, allocation_bytes};
pub use table::{CURSOR_BITS, KeyHasher, Occupied, Table};
