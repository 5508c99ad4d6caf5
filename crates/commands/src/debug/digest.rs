//! DEBUG DIGEST and DEBUG DIGEST-VALUE: data sets that hold the same have the same digest, in whatever order they keep it.
//!
//! The digest is Redis's, bit for bit, so that a data set can be compared with that of a Redis or Valkey node. Of an expiry only its presence
//! counts.
//!
//! Two ways to take bytes in: *mixing* depends on the order of what is mixed, *combining* does not. The number of a database is
//! mixed, its keys are combined with each other, and a key is its name, its type and its value, mixed.

use super::check_arguments;
use crate::{Outcome, Whole};
use base::UnixMillis;
use base::double::push_shortest;
use base::number::with_digits;
use engine::{KeyRecord, Kind, Object, Reach, Value, ValueType, View, kind, value_of};
use resp::{Args, Reply};
use sha1_smol::Sha1;
use std::fmt::Write as _;
use values::stream::StreamId;
use values::{Hash, List, Set, SortedSet, Stream};

const DIGEST_BYTES: usize = 20;

/// When no key has expired: those that were not removed yet count, as they do in Redis.
const EVERYTHING: UnixMillis = UnixMillis(i64::MIN);

/// A digest that is being made; zeros at the beginning.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Digest([u8; DIGEST_BYTES]);

impl Digest {
    /// Takes `bytes` in, in no order; twice the same is as if it had not been.
    fn combine(&mut self, bytes: &[u8]) {
        self.combine_digest(Digest(Sha1::from(bytes).digest().bytes()));
    }

    /// Takes `bytes` in, in order.
    fn mix(&mut self, bytes: &[u8]) {
        self.combine(bytes);
        self.0 = Sha1::from(self.0).digest().bytes();
    }

    /// Takes another digest in as it stands, in no order.
    fn combine_digest(&mut self, other: Digest) {
        self.0.iter_mut().zip(other.0).for_each(|(own, other)| *own ^= other);
    }

    fn mix_number(&mut self, number: u32) {
        self.mix(&number.to_be_bytes());
    }

    /// Takes in a key's type, value and the presence of an expiry. Fields whose time has come at `now` do not count, whether or not they were removed.
    fn add_value(&mut self, record: &KeyRecord, now: UnixMillis) {
        self.mix_number(type_number(kind(record)));
        match kind(record) {
            Kind::String => self.add_string(record),
            Kind::List => self.add::<List>(record, |own, list| {
                list.visit(0, list.len(), |element| own.mix(&element.to_vec()));
            }),
            Kind::Set => self.add::<Set>(record, |own, set| {
                set.iter().for_each(|member| member.with_bytes(|bytes| own.combine(bytes)));
            }),
            Kind::SortedSet => self.add::<SortedSet>(record, |own, set| {
                set.visit_all(|member, score| {
                    let mut digits = Vec::new();
                    push_shortest(&mut digits, score);
                    own.combine_pair(member, &digits);
                });
            }),
            Kind::Hash => self.add::<Hash>(record, |own, hash| {
                hash.visit(now.0, |field, value| {
                    let mut add = |field: &[u8], value: &[u8]| own.combine_pair(field, value);
                    field.with_bytes(|field| value.with_bytes(|value| add(field, value)));
                });
            }),
            Kind::Stream => self.add::<Stream>(record, Digest::add_stream),
        }
        if record.expire_at().is_some() {
            self.combine(b"!!expire!!");
        }
    }

    fn add_string(&mut self, record: &KeyRecord) {
        match record.value() {
            Value::Integer(integer) => with_digits(integer, |digits| self.mix(digits)),
            Value::Bytes(bytes) => self.mix(bytes),
            Value::Object(Object::String(bytes)) => self.mix(bytes),
            Value::Compact(..) | Value::Object(_) => unreachable!("it is a string"),
        }
    }

    /// Takes in a value of a type that is the record's.
    fn add<T: ValueType>(&mut self, record: &KeyRecord, add: impl FnOnce(&mut Digest, T::Ref<'_>)) {
        let value = value_of::<T>(record).expect("the record is of this kind");
        add(self, value);
    }

    /// Takes in two texts that belong together.
    fn combine_pair(&mut self, one: &[u8], other: &[u8]) {
        let mut pair = Digest::default();
        pair.mix(one);
        pair.mix(other);
        self.combine(&pair.0);
    }

    fn add_stream(&mut self, stream: &Stream) {
        for entry in stream.log().range(StreamId::MIN, StreamId::MAX) {
            self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (name, value) in entry.fields {
                name.with_bytes(|bytes| self.mix(bytes));
                value.with_bytes(|bytes| self.mix(bytes));
            }
        }
    }

    fn hex(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to memory does not fail");
            text
        })
    }
}

/// The number that Redis gives a type.
fn type_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::SortedSet => 3,
        Kind::Hash => 4,
        Kind::Stream => 6,
    }
}

/// `DEBUG DIGEST`: the digest of all databases; zeros where there is no key. Slots are read one after the other: the digest is one of a moment
/// only where nothing is written meanwhile.
///
/// # Errors
///
/// Where the number of arguments is wrong.
pub fn digest(whole: &mut Whole<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    check_arguments(args, 2..=2)?;
    reply.simple(&digest_of(&mut whole.reach, whole.moment.now).hex());
    Ok(())
}

fn digest_of(keyspace: &mut Reach<'_, '_>, now: UnixMillis) -> Digest {
    let mut all = Digest::default();
    for database in 0..keyspace.keyspace().databases() {
        let mut keys: Option<Digest> = None;
        keyspace.visit_all(database, EVERYTHING, |record| {
            let mut key = Digest::default();
            key.mix(record.key());
            key.add_value(record, now);
            keys.get_or_insert_default().combine(&key.0);
        });
        if let Some(keys) = keys {
            all.mix_number(database as u32);
            all.combine_digest(keys);
        }
    }
    all
}

/// `DEBUG DIGEST-VALUE key ...`: the digest of each key's value, zeros where the key is absent. The keys' slots are held.
///
/// # Errors
///
/// None.
pub fn digest_value(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (keys, now) = (args.iter_from(2), view.moment().now);
    reply.array(keys.len());
    for key in keys {
        let mut digest = Digest::default();
        if let Some(record) = view.peek(key) {
            digest.add_value(record, now);
        }
        reply.simple(&digest.hex());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{Expiry, HashSeed, Keyspace, Moment, NewValue, WorkerId};
    use values::{FieldExpiry, Rules};

    fn put(keyspace: &Keyspace, database: usize, key: &[u8], value: &[u8], expiry: Expiry) {
        let moment = Moment::at(UnixMillis(1000));
        let slot = base::Slot::of_key(key);
        let mut access = keyspace.hold(slot, database, WorkerId(0), moment);
        access.edit().put_string(key, value, expiry);
    }

    fn keyspace() -> Keyspace {
        Keyspace::new(16, 1, HashSeed(1, 2))
    }

    fn hex(keyspace: &Keyspace) -> String {
        digest_of(&mut keyspace.reach(), UnixMillis(1000)).hex()
    }

    /// The digests are those that Valkey 9.1 gives.
    #[test]
    fn digests_are_those_of_redis() {
        let keyspace = keyspace();
        assert_eq!(hex(&keyspace), "0".repeat(40));
        put(&keyspace, 0, b"a", b"xyz", Expiry::Clear);
        assert_eq!(hex(&keyspace), "713a2c325de7a426696e05cedf6d14babbf5e4b5");
        put(&keyspace, 0, b"i", b"-12345", Expiry::At(4_000_000_000_000));
        put(&keyspace, 3, b"long", &[b'x'; 2000], Expiry::Clear);
        assert_eq!(hex(&keyspace), "735b27f8ff98b75bcbfd946e844d3b923f80a9d1");
    }

    #[test]
    fn what_is_kept_decides_and_not_the_order() {
        let (one, other) = (keyspace(), keyspace());
        for number in 0..200 {
            put(&one, 0, format!("k{number}").as_bytes(), b"v", Expiry::Clear);
            put(&other, 0, format!("k{}", 199 - number).as_bytes(), b"v", Expiry::Clear);
        }
        assert_eq!(hex(&one), hex(&other));
        put(&other, 0, b"k7", b"v", Expiry::At(2000));
        assert_ne!(hex(&one), hex(&other));
        other.reach().swap(0, 1, WorkerId(0), UnixMillis(0));
        one.reach().swap(0, 2, WorkerId(0), UnixMillis(0));
        assert_ne!(hex(&one), hex(&other));
    }

    #[test]
    fn keys_count_until_they_are_removed_and_fields_until_their_time_has_come() {
        let digest = |keyspace: &Keyspace, now| digest_of(&mut keyspace.reach(), UnixMillis(now));
        let keys = keyspace();
        put(&keys, 0, b"k", b"v", Expiry::At(2000));
        assert_eq!(digest(&keys, 1999), digest(&keys, 2000));

        let fields = keyspace();
        let moment = Moment::at(UnixMillis(1000));
        let mut hash = Hash::new();
        hash.set(b"f", b"v", (FieldExpiry::At(2000), 1000), &Rules::DEFAULT);
        let value = NewValue::Object(Box::new(Object::Hash(hash)));
        let mut access = fields.hold(base::Slot::of_key(b"h"), 0, WorkerId(0), moment);
        access.edit().put(b"h", value, Expiry::Clear);
        drop(access);
        assert_ne!(digest(&fields, 1999), digest(&fields, 2000));
    }
}
