//! The keyspace's memory: records, the hash table that holds them, and what large values are made of.
//!
//! - [`Record`]: one key with its value in one allocation (56 bytes for 16 + 32).
//! - [`Table`]: finds records by hash and key. It promises that no operation takes time in the size of the table
//!   (`clear` and `iter` apart, and the doubling of a directory, a descriptor for some 500 records), that a full [`scan`](Table::scan) returns all that stays, and that
//!   [`memory_bytes`](Table::memory_bytes) is exact.
//! - [`Intset`]: a small set of integers, in Redis's bytes.
//! - [`Listpack`]: many small items in one run of bytes, Redis's as well.
//! - [`Packed`]: a map of byte strings that spends a few bytes beside an entry's own.
//! - [`Ranking`]: members ranked by score, for large sorted sets.
//! - [`Held`]: a vector that several may hold, each of which copies what it changes.
//! - [`prefetch`]: the hint that memory will be read soon.
//! - [`give_back_memory`]: what was freed goes back to the system.
//!
//! This crate is the only home of `unsafe` in the workspace. It knows nothing of slots, commands or
//! time: the engine brings the type of boxed values, the hash of a key and the clock. Nothing here locks for
//! its caller: a table has one owner at a time.
//!
//! Leak checkers do not see through the table's packed addresses: what is alive at exit looks lost to them.

mod chunked;
mod giving_back;
mod held;
mod intset;
mod listpack;
mod member_hash;
mod packed;
mod prefetch;
mod ranking;
mod record;
mod shared;
mod table;
mod word;

pub use chunked::ARC_BYTES;
pub use giving_back::give_back_memory;
pub use held::{Held, Holdable};
pub use intset::{Intset, IntsetSlice, MalformedIntset};
pub use listpack::{At, Item, Iter as ListpackIter, Listpack, ListpackSlice, MalformedListpack};
pub use member_hash::member_hash;
pub use packed::{Packed, PackedIter};
pub use prefetch::{prefetch, prefetch_to_write};
pub use ranking::{FrozenRanking, RankRange, Ranking};
pub use record::{NewValue, Record, Value, ValueMut};
pub use table::{Hint, INTERVAL_BITS_MAX, KeyHasher, Location, Occupied, Table};
