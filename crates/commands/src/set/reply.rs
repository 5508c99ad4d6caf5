//! Members on the wire.

use resp::Reply;
use values::{Item, SetRef};

/// Writes a member.
#[inline]
pub(super) fn reply_member(reply: &mut Reply<'_>, member: Item<'_>) {
    match member {
        Item::Bytes(bytes) => reply.bulk(bytes),
        Item::Integer(integer) => reply.bulk_integer(integer),
    }
}

/// Writes the members of a set, as a set.
pub(super) fn reply_members(reply: &mut Reply<'_>, set: SetRef<'_>) {
    reply.set(set.len());
    set.iter().for_each(|member| reply_member(reply, member));
}
