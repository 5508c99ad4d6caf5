//! Messages between the replies: where they go, and what a client that reads them may ask.

use super::{Context, OUTPUT_BYTES_SOFT_MAX, Session, State};
use crate::table::Entry;
use commands::{CommandError, Outcome};
use resp::Protocol;

/// What kind of answer a command has given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Answered {
    /// A reply: it may be left out (CLIENT REPLY), and messages come after it.
    #[default]
    Plain,
    /// It has begun to listen and told so: that is never left out, and messages come after it.
    Begun,
    /// It has stopped listening and told so: that is never left out, and messages that wait were sent before it.
    Ended,
}

/// What a client that listens to channels may ask in RESP2, where messages look like replies.
const WHILE_LISTENING: [&str; 9] = [
    "ping",
    "psubscribe",
    "punsubscribe",
    "quit",
    "reset",
    "ssubscribe",
    "subscribe",
    "sunsubscribe",
    "unsubscribe",
];

impl Session {
    /// Appends messages that wait for the client, as far as there is room; for when there is nothing to execute.
    pub fn deliver(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        self.state.take_messages(out);
        self.state.client.add_output((out.len() - start) as u64);
    }
}

impl State {
    /// Appends messages that wait for the client, as far as there is room.
    #[inline]
    pub(super) fn take_messages(&mut self, out: &mut Vec<u8>) {
        if self.client.has_messages() {
            self.client.mailbox.take_into(out, OUTPUT_BYTES_SOFT_MAX);
        }
    }
}

impl Context<'_> {
    /// Puts messages that were sent before the answer at `start` before it, where it is one that they must not follow.
    #[cold]
    pub(super) fn place_messages(&mut self, start: usize, out: &mut Vec<u8>) {
        let answered = std::mem::take(&mut self.state.answered);
        if answered == Answered::Ended && self.state.client.has_messages() {
            let answer = out.split_off(start);
            self.state.client.mailbox.take_into(out, usize::MAX);
            out.extend_from_slice(&answer);
        }
    }

    /// Refuses what a client that listens to channels may not ask.
    #[cold]
    pub(super) fn check_listener(&self, entry: &Entry) -> Outcome {
        let name = entry.full_name.as_str();
        if self.state.protocol == Protocol::Resp3 || WHILE_LISTENING.contains(&name) {
            return Ok(());
        }
        Err(CommandError::Owned(format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
             allowed in this context"
        )))
    }
}
