//! Running the commands of an append-only file again.

use crate::clients::{Client, ClientId, Origin};
use crate::node::Node;
use crate::session::{Session, Step};
use crate::worker::{Now, Worker};
use base::{Rng, UnixMillis};
use resp::{Args, push_request};
use std::sync::Arc;

/// A time at which nothing that a file tells of has expired: the file tells of keys that go when they go.
const BEFORE_ALL: UnixMillis = UnixMillis(1);

/// Runs the commands of a file, one after the other, in a session of its own that nothing stands in the way of.
pub struct Replay {
    worker: Worker,
    session: Session,
    now: Now,
    input: Vec<u8>,
    output: Vec<u8>,
}

/// A command of a file did not do what it had done when it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{command}: {reply}")]
pub struct ReplayError {
    /// What it is called.
    pub command: String,
    /// What it replied.
    pub reply: String,
}

impl ReplayError {
    /// Whether there is no such command.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.reply.starts_with("ERR unknown command")
    }
}

impl Replay {
    /// Begins. There is one at a time.
    #[must_use]
    pub fn begin(node: &Arc<Node>, now: Now, rng: Rng) -> Replay {
        let origin = Origin {
            address: String::new(),
            local_address: String::new(),
            is_unix: false,
            is_local: true,
            descriptor: -1,
            worker: 0,
        };
        let client = Arc::new(Client::new(ClientId(0), origin, now.wall, now.monotonic));
        let session = Session::replaying(client, now.wall);
        let worker = Worker::new(Arc::clone(node), node.replaying(), rng);
        let now = Now { wall: BEFORE_ALL, ..now };
        Replay { worker, session, now, input: Vec::new(), output: Vec::new() }
    }

    /// Runs a command.
    ///
    /// # Errors
    ///
    /// Where it is not known here, or fails.
    pub fn run(&mut self, args: Args<'_>) -> Result<(), ReplayError> {
        self.input.clear();
        self.output.clear();
        push_request(&mut self.input, args.iter_from(0));
        let step = self.session.execute(&mut self.worker, self.now, &self.input, &mut self.output);
        let consumed = self.session.consumed();
        self.session.advance(consumed);
        let failed = |reply: &[u8]| ReplayError {
            command: String::from_utf8_lossy(args.name()).into_owned(),
            reply: String::from_utf8_lossy(reply.trim_ascii_end()).into_owned(),
        };
        if let Some(error) = self.output.strip_prefix(b"-") {
            return Err(failed(error));
        }
        match step {
            Step::Input | Step::Write if consumed == self.input.len() => Ok(()),
            Step::Input | Step::Write | Step::Wait | Step::Block | Step::Close | Step::Sleep(_) => {
                Err(failed(b"it is not one that a file can hold"))
            }
        }
    }

    /// Forgets a transaction that is not complete.
    pub fn forget_transaction(&mut self) {
        self.session.forget_transaction();
    }

    /// Ends. A transaction that is not complete has not happened.
    pub fn end(mut self) {
        let node = Arc::clone(&self.worker.node);
        self.session.end(&node);
        node.disconnect(self.session.client());
        // Nobody has sent these commands.
        node.stats(node.replaying()).reset();
    }
}
