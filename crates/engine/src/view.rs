//! What a reading command may do.

use crate::access::Access;
use crate::moment::Moment;
use crate::object::KeyRecord;
use crate::tally::Tally;
use base::Rng;
use values::Rules;

/// Reads the keys of the slots that a command holds. Keys whose time has come are not there.
pub struct View<'a, 'k> {
    access: &'a mut Access<'k>,
}

impl<'a, 'k> View<'a, 'k> {
    #[inline]
    pub(crate) fn new(access: &'a mut Access<'k>) -> View<'a, 'k> {
        View { access }
    }

    /// The record of a key; counts a hit or a miss, and sets the key's access clock.
    #[inline]
    pub fn find(&mut self, key: &[u8]) -> Option<&KeyRecord> {
        self.access.note_miss(key);
        let (tally, moment) = (self.access.tally, self.access.moment);
        let record = self.access.live(key);
        match record {
            Some(record) => {
                tally.count_hit();
                touch(record, &moment, tally);
            }
            None => tally.count_miss(),
        }
        record
    }

    /// The record of a key; counts a hit or a miss, but leaves the access clock alone, as the commands do that ask about a key and not
    /// for its value.
    pub fn inspect(&mut self, key: &[u8]) -> Option<&KeyRecord> {
        self.access.note_miss(key);
        self.inspect_quietly(key)
    }

    /// The same, and tells nobody of a miss, as OBJECT does.
    pub fn inspect_quietly(&mut self, key: &[u8]) -> Option<&KeyRecord> {
        let tally = self.access.tally;
        let record = self.access.live(key);
        match record {
            Some(_) => tally.count_hit(),
            None => tally.count_miss(),
        }
        record
    }

    /// As [`View::find`], but sets the access clock even for clients that asked to leave it alone.
    pub fn find_and_touch(&mut self, key: &[u8]) -> Option<&KeyRecord> {
        let (tally, moment) = (self.access.tally, Moment { touch: true, ..self.access.moment });
        let record = self.inspect(key)?;
        touch(record, &moment, tally);
        Some(record)
    }

    /// The records of several keys at once, each as by [`View::find`]. What is wanted of a record may be refused.
    ///
    /// # Errors
    ///
    /// The first refusal.
    pub fn find_all<'s, 'key, T, E>(
        &'s mut self,
        keys: impl Iterator<Item = &'key [u8]> + Clone,
        want: impl Fn(&'s KeyRecord) -> Result<T, E>,
    ) -> Result<Vec<Option<T>>, E> {
        for key in keys.clone() {
            self.find(key);
        }
        let access = &*self.access;
        keys.map(|key| access.found(key).map(&want).transpose()).collect()
    }

    /// The record of a key, without a trace of having looked.
    pub fn peek(&mut self, key: &[u8]) -> Option<&KeyRecord> {
        self.access.live(key)
    }

    /// Randomness for this command.
    #[must_use]
    pub fn rng(&self) -> Rng {
        self.access.rng()
    }

    /// Up to what size values are kept compact.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.access.keyspace.rules()
    }

    /// The time of this command.
    #[must_use]
    pub fn moment(&self) -> &Moment {
        &self.access.moment
    }

    /// The number of the database that is read.
    #[must_use]
    pub fn database(&self) -> usize {
        self.access.database
    }
}

/// Notes in a record that it is used.
#[inline]
pub(crate) fn touch(record: &KeyRecord, moment: &Moment, tally: &Tally) {
    if !moment.touch {
        return;
    }
    let access = record.access();
    let used = moment.used_access(access, || Rng::from_seed(tally.next_seed()).next_u64());
    if used != access {
        record.set_access(used);
    }
}
