//! A large hash from its fields, as they stand in files.

use super::{Hash, Layout};
use crate::Rules;

impl Hash {
    /// Adds many fields that do not expire to a hash that is a hash table, or becomes one: `pair` gives a field and its value.
    /// [`collections::Packed::extend_new`] says what is returned.
    pub fn extend_new<'p>(
        &mut self,
        count: usize,
        pair: impl Fn(usize) -> (&'p [u8], &'p [u8]),
        rules: &Rules,
    ) -> bool {
        self.become_hashtable(rules);
        match &mut self.0 {
            Layout::Hashtable(fields) => fields.values.extend_new(count, pair),
            Layout::Listpack(_) => unreachable!("it has become a hash table"),
        }
    }
}
