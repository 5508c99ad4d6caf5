//! Values with a grammar of their own, a file each.

mod events;
mod lists;
mod memory_share;
mod output_limits;
mod replica_of;
mod save_points;
mod shutdown_flags;

pub use events::{EventClass, KeyspaceEvents};
pub use lists::{Addresses, OomScores, Percentiles};
pub use memory_share::MemoryShare;
pub use output_limits::{OutputLimit, OutputLimits};
pub use replica_of::ReplicaOf;
pub use save_points::{SavePoint, SavePoints};
pub use shutdown_flags::ShutdownFlags;

/// A decimal integer as strtol takes it: a sign, and leading zeros. Nothing before it, nothing
/// after.
fn lenient_integer(word: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(word).ok()?;
    text.parse::<i64>().ok()
}

/// Appends the words with a blank between.
fn push_joined(out: &mut Vec<u8>, words: impl IntoIterator<Item = String>) {
    let mut first = true;
    for word in words {
        if !std::mem::take(&mut first) {
            out.push(b' ');
        }
        out.extend(word.bytes());
    }
}

/// Whether a directive of several words was given none: no word at all, or one empty one.
fn is_nothing(words: &[Vec<u8>]) -> bool {
    match words {
        [] => true,
        [word] => word.is_empty(),
        _ => false,
    }
}
