//! The notice that keys have changed: in the form for the client that gets it, made once for each form.

use super::Tracker;
use crate::clients::{Client, flag};
use crate::mailbox::MessageBytes;
use resp::{Protocol, Reply};

/// The channel that a client in RESP2 which gets the notices of others sees them on.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// A notice that keys, or all keys, have changed.
pub(super) struct Notice<'k> {
    keys: Option<&'k [&'k [u8]]>,
    /// In RESP3, and as a message of the channel in RESP2, once somebody needs it.
    encoded: [Option<MessageBytes>; 2],
}

impl<'k> Notice<'k> {
    /// That these keys have changed.
    pub(super) fn of(keys: &'k [&'k [u8]]) -> Notice<'k> {
        Notice { keys: Some(keys), encoded: [None, None] }
    }

    /// That all keys may have changed.
    pub(super) fn of_all() -> Notice<'static> {
        Notice { keys: None, encoded: [None, None] }
    }

    /// Sends it to whom the tracker wants it sent, if it tells of anything; in RESP2 only a client that listens to channels can be told.
    pub(super) fn send(&mut self, tracker: &Tracker, unread_bytes_max: u64) {
        if self.keys.is_some_and(<[&[u8]]>::is_empty) {
            return;
        }
        let target = match &tracker.redirect {
            None => &tracker.client,
            Some(target) if target.has_left() => {
                tell_broken(&tracker.client, target, unread_bytes_max);
                return;
            }
            Some(target) => target,
        };
        let protocol = target.protocol();
        let can_hear = protocol == Protocol::Resp3
            || (tracker.redirect.is_some() && target.has_flag(flag::SUBSCRIBED));
        if can_hear {
            let keys = self.keys;
            let form = &mut self.encoded[usize::from(protocol == Protocol::Resp3)];
            let bytes = form.get_or_insert_with(|| encode(protocol, keys));
            target.post(MessageBytes::clone(bytes), unread_bytes_max);
        }
    }
}

fn encode(protocol: Protocol, keys: Option<&[&[u8]]>) -> MessageBytes {
    let mut bytes = Vec::new();
    let mut reply = Reply::new(&mut bytes, protocol);
    match protocol {
        Protocol::Resp2 => {
            reply.array(3);
            reply.bulk(b"message");
            reply.bulk(CHANNEL);
        }
        Protocol::Resp3 => {
            reply.push(2);
            reply.bulk(b"invalidate");
        }
    }
    match keys {
        Some(keys) => {
            reply.array(keys.len());
            keys.iter().for_each(|key| reply.bulk(key));
        }
        None => reply.null(),
    }
    bytes.into()
}

/// The client that was to get the notices has gone.
fn tell_broken(client: &Client, target: &Client, unread_bytes_max: u64) {
    client.set_flag_if_changed(flag::BROKEN_REDIRECT, true);
    if client.protocol() == Protocol::Resp3 {
        let mut bytes = Vec::new();
        let mut reply = Reply::new(&mut bytes, Protocol::Resp3);
        reply.push(2);
        reply.bulk(b"tracking-redir-broken");
        reply.integer(target.id.0 as i64);
        client.post(bytes.into(), unread_bytes_max);
    }
}
