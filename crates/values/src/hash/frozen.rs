//! A large hash as it was at one moment.

use super::times::FrozenTimes;
use super::{Fields, Hash, Layout};
use collections::Packed;

/// A large hash as it was when it was frozen, whatever becomes of it. Takes a few words for each chunk of its fields, and the chunks that were changed since.
#[derive(Debug)]
pub struct FrozenHash {
    values: Packed,
    times: Option<FrozenTimes>,
}

impl Hash {
    /// The hash as it is now; `None` where it is one run of bytes, of which a clone costs no more.
    #[must_use]
    pub fn freeze(&self) -> Option<FrozenHash> {
        let Layout::Hashtable(fields) = &self.0 else { return None };
        let Fields { values, times } = &**fields;
        Some(FrozenHash {
            values: values.clone(),
            times: times.as_ref().map(|times| times.freeze()),
        })
    }
}

impl FrozenHash {
    /// How many fields there are, those included whose time has come and that were not removed.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a large hash is not empty")]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The time at which the first of them expires, in milliseconds since 1970-01-01 UTC; none where none does.
    #[must_use]
    pub fn earliest_time(&self) -> Option<i64> {
        self.times.as_ref().and_then(FrozenTimes::earliest)
    }

    /// The fields with their values, and the time at which each expires, in milliseconds since 1970-01-01 UTC.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8], Option<i64>)> {
        self.values.iter().map(|(field, value)| {
            let time = self.times.as_ref().and_then(|times| times.get(field));
            (field, value, time)
        })
    }
}
