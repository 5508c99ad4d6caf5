//! A large value as commands: what is in memory of them is a batch.

use super::CommandWriter;
use super::commands::{ELEMENTS_MAX, Elements, command, push_key, push_score, stream};
use base::number::with_digits;
use engine::{FrozenRecord, FrozenValue, KeyRecord, NewValue, Object, Record, Value};
use std::io::{self, Write};
use values::FrozenHash;

/// A batch is written from this size on, in bytes.
const BATCH_BYTES: usize = 64 << 10;

/// Writes large values of one snapshot.
pub struct LargeCommands<'w, W> {
    file: &'w mut CommandWriter<W>,
    out: Vec<u8>,
}

impl<'w, W: Write> LargeCommands<'w, W> {
    /// Writes to a file.
    pub fn new(file: &'w mut CommandWriter<W>) -> LargeCommands<'w, W> {
        LargeCommands { file, out: Vec::new() }
    }

    /// Writes a key with its value.
    ///
    /// # Errors
    ///
    /// Those of the sink, and `Interrupted` where the file is not wanted any more.
    pub fn write(mut self, record: FrozenRecord) -> io::Result<()> {
        let FrozenRecord { key, expire_at, access, value, .. } = record;
        match value {
            FrozenValue::Whole(object) => {
                self.whole(&Record::new(&key, NewValue::Object(object), None, access))?;
            }
            FrozenValue::SortedSet(set) => {
                let mut text = Vec::new();
                let members = (set.len(), set.iter_back());
                self.elements((b"ZADD", &key), 2, members, |add, (member, score)| {
                    push_score(add, &mut text, member, score);
                })?;
            }
            FrozenValue::Hash(hash) => self.hash(&key, &hash)?,
        }
        if let Some(time) = expire_at {
            with_digits(time, |digits| command(&mut self.out, &[b"PEXPIREAT", &key, digits]));
        }
        if self.out.is_empty() { Ok(()) } else { self.file.batch(&self.out) }
    }

    fn whole(&mut self, record: &KeyRecord) -> io::Result<()> {
        let key = record.key();
        match record.value() {
            Value::Object(Object::List(list)) => {
                let elements = (list.len(), list.view().iter_from(0));
                self.elements((b"RPUSH", key), 1, elements, |push, element| {
                    push.argument(&element.to_vec());
                })
            }
            Value::Object(Object::Set(set)) => {
                let members = (set.len(), set.view().iter());
                self.elements((b"SADD", key), 1, members, |add, member| add.item(member))
            }
            Value::Object(Object::Stream(value)) => {
                let LargeCommands { file, out } = self;
                stream(out, key, value, &mut |out| settle(file, out))
            }
            Value::Object(_) | Value::Compact(..) | Value::Bytes(_) | Value::Integer(_) => {
                push_key(&mut self.out, record);
                Ok(())
            }
        }
    }

    fn hash(&mut self, key: &[u8], hash: &FrozenHash) -> io::Result<()> {
        let fields = (hash.len(), hash.iter());
        self.elements((b"HMSET", key), 2, fields, |set, (field, value, _)| {
            set.argument(field);
            set.argument(value);
        })?;
        if hash.earliest_time().is_some() {
            for (field, _, time) in hash.iter() {
                let Some(time) = time else { continue };
                with_digits(time, |digits| {
                    let words = [b"HPEXPIREAT", key, digits, b"FIELDS", b"1", field];
                    command(&mut self.out, &words);
                });
                settle(self.file, &mut self.out)?;
            }
        }
        Ok(())
    }

    /// Writes commands with these elements, each of so many arguments.
    fn elements<T>(
        &mut self,
        head: (&[u8], &[u8]),
        arguments: usize,
        (mut left, mut elements): (usize, impl Iterator<Item = T>),
        mut push: impl FnMut(&mut Elements<'_>, T),
    ) -> io::Result<()> {
        while left > 0 {
            let count = left.min(ELEMENTS_MAX);
            let mut commands = Elements::new(&mut self.out, head, arguments, count);
            elements.by_ref().take(count).for_each(|element| push(commands.next(), element));
            left -= count;
            settle(self.file, &mut self.out)?;
        }
        Ok(())
    }
}

/// Writes what is in the buffer where it is a batch.
fn settle<W: Write>(file: &mut CommandWriter<W>, out: &mut Vec<u8>) -> io::Result<()> {
    if out.len() < BATCH_BYTES {
        return Ok(());
    }
    file.batch(out)?;
    out.clear();
    Ok(())
}
