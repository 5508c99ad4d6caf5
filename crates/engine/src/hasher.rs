//! The keyed hash of keys: SipHash-1-3, so that a client cannot choose keys that collide.

use collections::KeyHasher;
use siphasher::sip::SipHasher13;

/// The secret of the keyspace's hash function; random per process.
#[derive(Clone, Copy)]
pub struct HashSeed(pub u64, pub u64);

/// Hashes keys with the seed of a keyspace.
#[derive(Clone, Copy)]
pub(crate) struct SeededHasher(SipHasher13);

impl SeededHasher {
    pub(crate) fn new(seed: HashSeed) -> SeededHasher {
        SeededHasher(SipHasher13::new_with_keys(seed.0, seed.1))
    }
}

impl KeyHasher for SeededHasher {
    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        self.0.hash(key)
    }
}
