//! The types of values beyond strings: how each is laid out while small and when large, and when that changes.
//!
//! Small values are compact (a listpack, an intset), large ones are chunked, so that nothing that is done to one element takes time in the size
//! of the whole. Names and thresholds of the encodings are Redis's ([`Rules`]); what lies beneath is our own.
//!
//! Nothing here knows of keys, slots, clients or the wire.

mod compact;
mod encoding;
mod hash;
mod list;
mod rules;
mod set;
mod sorted_set;
pub mod stream;

pub use collections::{FrozenRanking, Item, Listpack, ListpackSlice};
pub use compact::Compact;
pub use encoding::Encoding;
pub use hash::{FieldExpiry, FrozenHash, Hash, HashRef};
pub use list::{Element, End, List, ListBuilder, ListRef};
pub use rules::{HashRules, Rules, SetRules, SortedSetRules, StreamRules};
pub use set::{Members, Set, SetRef};
pub use sorted_set::{SortedSet, SortedSetRef};
pub use stream::Stream;
