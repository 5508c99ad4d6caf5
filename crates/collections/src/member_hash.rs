//! The keyed hash of members: of the keys of a [`Packed`](crate::Packed) and of what a [`Ranking`](crate::Ranking) ranks.

use siphasher::sip::SipHasher13;

/// The hash of a member: SipHash-1-3 with the seed of its collection, so that a client cannot choose members that collide.
#[inline]
#[must_use]
pub fn member_hash(seed: (u64, u64), member: &[u8]) -> u64 {
    SipHasher13::new_with_keys(seed.0, seed.1).hash(member)
}
