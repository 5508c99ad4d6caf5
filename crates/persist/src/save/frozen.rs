//! A large value, written in pieces: what is in memory of it beside itself is a block of the file.

use crate::rdb::{FieldTimes, Pieces, Usage, Writer};
use engine::{FrozenRecord, FrozenValue, KeyRecord, NewValue, Object, Record, Value};
use std::io::{self, Write};
use values::{FrozenHash, FrozenRanking, Item, Set};

#[cfg(test)]
mod tests;

/// Writes large values of one snapshot.
pub(super) struct LargeWriter<'w, W> {
    pub(super) writer: &'w mut Writer<W>,
}

impl<W: Write> LargeWriter<'_, W> {
    /// Writes a key with its value.
    ///
    /// # Errors
    ///
    /// Those of the sink, `Interrupted` where the file is not wanted any more, and `Unsupported` where its version cannot carry the value.
    pub(super) fn write(&mut self, record: FrozenRecord, usage: Option<Usage>) -> io::Result<()> {
        let FrozenRecord { key, expire_at, access, value, .. } = record;
        match value {
            FrozenValue::Whole(object) => {
                let record = Record::new(&key, NewValue::Object(object), expire_at, access);
                self.whole(&record, usage)
            }
            FrozenValue::SortedSet(set) => self.sorted_set((&key, expire_at, usage), &set),
            FrozenValue::Hash(hash) => self.hash((&key, expire_at, usage), &hash),
        }
    }

    fn whole(&mut self, record: &KeyRecord, usage: Option<Usage>) -> io::Result<()> {
        match record.value() {
            Value::Object(Object::Set(set)) if set.compact().is_none() => {
                self.set((record.key(), record.expire_at(), usage), set)
            }
            Value::Object(_) | Value::Compact(..) | Value::Bytes(_) | Value::Integer(_) => {
                self.writer.record(record, usage)
            }
        }
    }

    fn set(&mut self, key: (&[u8], Option<i64>, Option<Usage>), set: &Set) -> io::Result<()> {
        self.writer.record_in_pieces(key, Pieces::Set, set.len() as u64)?;
        self.each(set.view().iter(), |writer, member| writer.encoder().item(member))
    }

    fn sorted_set(
        &mut self,
        key: (&[u8], Option<i64>, Option<Usage>),
        set: &FrozenRanking,
    ) -> io::Result<()> {
        self.writer.record_in_pieces(key, Pieces::SortedSet, set.len() as u64)?;
        // From the last on, for those that build a list from its head.
        self.each(set.iter_back(), |writer, (member, score)| writer.encoder().scored(member, score))
    }

    fn hash(
        &mut self,
        key: (&[u8], Option<i64>, Option<Usage>),
        hash: &FrozenHash,
    ) -> io::Result<()> {
        let Some(first) = hash.earliest_time() else {
            self.writer.record_in_pieces(key, Pieces::Hash, hash.len() as u64)?;
            return self.each(hash.iter(), |writer, (field, value, _)| {
                writer.encoder().string(field);
                writer.encoder().string(value);
            });
        };
        let times = FieldTimes::of(self.writer.version(), first)?;
        self.writer.record_in_pieces(key, Pieces::HashTimes(times), hash.len() as u64)?;
        self.each(hash.iter(), |writer, (field, value, time)| {
            let [field, value] = [field, value].map(Item::Bytes);
            times.field(writer.encoder(), field, value, time);
        })
    }

    /// Writes elements, as long as they are wanted.
    fn each<T>(
        &mut self,
        elements: impl Iterator<Item = T>,
        write: impl Fn(&mut Writer<W>, T),
    ) -> io::Result<()> {
        for element in elements {
            if !self.writer.encoder().goes_on() {
                break;
            }
            write(self.writer, element);
        }
        self.writer.encoder().check()
    }
}
