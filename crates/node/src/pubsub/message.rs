//! A message as it goes over the wire: in the protocol of each client that gets it, made once for each.

use crate::clients::Client;
use crate::mailbox::MessageBytes;
use resp::{Protocol, Reply};

/// A message of bulk strings for any number of clients.
pub(crate) struct Message<'m> {
    parts: &'m [&'m [u8]],
    /// In RESP2 and RESP3, once somebody needs it.
    encoded: [Option<MessageBytes>; 2],
}

impl<'m> Message<'m> {
    /// A message of these parts.
    pub(crate) fn new(parts: &'m [&'m [u8]]) -> Message<'m> {
        Message { parts, encoded: [None, None] }
    }

    /// Sends it to a client, which may have `unread_bytes_max` unread (0: any number).
    pub(crate) fn send(&mut self, client: &Client, unread_bytes_max: u64) {
        let protocol = client.protocol();
        let encoded =
            self.encoded[usize::from(protocol == Protocol::Resp3)].get_or_insert_with(|| {
                let mut bytes = Vec::new();
                let mut reply = Reply::new(&mut bytes, protocol);
                reply.push(self.parts.len());
                self.parts.iter().for_each(|part| reply.bulk(part));
                bytes.into()
            });
        client.post(MessageBytes::clone(encoded), unread_bytes_max);
    }
}
