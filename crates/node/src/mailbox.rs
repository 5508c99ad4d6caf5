//! Messages to a client that another thread may serve: published messages, notices of the cache, what MONITOR shows.
//!
//! Whoever has a message puts its bytes, as they go over the wire, into the client's mailbox and wakes its task, which alone takes them out
//! and writes them between two replies. What waits counts as unread output of the client.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// The bytes of a message as they go over the wire; all who get the same share them.
pub(crate) type MessageBytes = Arc<[u8]>;

/// What a message takes beside its bytes: the two counts of those who share it, and its place in the queue.
const OVERHEAD_BYTES: usize = 32;

/// The messages that wait for one client.
#[derive(Default)]
pub(crate) struct Mailbox {
    /// Whether there are any, to be asked without the lock after every command.
    has_messages: AtomicBool,
    /// What they take, for others to see.
    bytes: AtomicUsize,
    queue: Mutex<VecDeque<MessageBytes>>,
}

impl Mailbox {
    /// Whether messages wait.
    #[inline]
    pub(crate) fn has_messages(&self) -> bool {
        self.has_messages.load(Relaxed)
    }

    /// What the messages that wait take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// Adds a message; whether it is the first, so that the client has to be woken.
    pub(crate) fn push(&self, message: MessageBytes) -> bool {
        let mut queue = self.queue.lock();
        self.bytes.fetch_add(message.len() + OVERHEAD_BYTES, Relaxed);
        queue.push_back(message);
        !self.has_messages.swap(true, Relaxed)
    }

    /// Appends messages to `out` in their order until it has reached `out_bytes_max`, or all are taken.
    pub(crate) fn take_into(&self, out: &mut Vec<u8>, out_bytes_max: usize) {
        let mut queue = self.queue.lock();
        let mut taken = 0;
        while out.len() < out_bytes_max {
            let Some(message) = queue.pop_front() else { break };
            out.extend_from_slice(&message);
            taken += message.len() + OVERHEAD_BYTES;
        }
        self.bytes.fetch_sub(taken, Relaxed);
        if queue.is_empty() {
            // A burst is over: its memory is not kept for every client that once had one.
            *queue = VecDeque::new();
            self.has_messages.store(false, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_in_their_order_as_far_as_there_is_room() {
        let mailbox = Mailbox::default();
        let first: Vec<bool> =
            [b"one", b"two", b"six"].map(|m| mailbox.push(m.as_slice().into())).into();
        assert_eq!(first, [true, false, false], "the client is woken once");
        assert_eq!(mailbox.bytes(), 3 * (3 + OVERHEAD_BYTES));
        let mut out = b"+OK".to_vec();
        mailbox.take_into(&mut out, 7);
        assert_eq!(out, b"+OKonetwo");
        assert!(mailbox.has_messages());
        mailbox.take_into(&mut out, 100);
        assert_eq!(out, b"+OKonetwosix");
        assert!(!mailbox.has_messages() && mailbox.bytes() == 0);
        assert!(mailbox.push(b"x".as_slice().into()), "it has to be woken again");
    }
}
