//! Following a primary: a thread that holds the link to it, gets the data, and runs the stream.
//!
//! # Design
//!
//! The thread asks the node whom to follow and does so until the link ends, or until it is told that somebody else is followed. Whoever tells it shuts the
//! socket down: so it waits for nothing that is not wanted any more. What the roles are is decided by the node between two stretches of the stream;
//! here nothing is kept that would have to agree with that.

mod full_sync;
mod link;
mod payload;
mod streaming;

use crate::appending::AppenderLink;
use crate::clock;
use base::Rng;
use link::{Link, connect, shut_down};
use node::{LinkStage, Node, Primary};
use parking_lot::Mutex;
use replication::{Answer, Greeting, Handshake, Refusal};
use socket2::Socket;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

/// How long after a link that did not come up, or ended, the next one is tried, as in Redis.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// What others and the thread share.
#[derive(Default)]
pub(crate) struct FollowerLink {
    /// The connection to the primary, from when it is being opened, and to which it is.
    socket: Mutex<Option<(Primary, Arc<Socket>)>>,
    thread: OnceLock<Thread>,
    is_stopped: AtomicBool,
}

impl FollowerLink {
    /// Has the thread end what it is at, unless that is to follow `primary`, and ask whom to follow. It may have asked since there was another.
    pub(crate) fn interrupt(&self, primary: Option<&Primary>) {
        if let Some((_, socket)) = self.socket.lock().take_if(|(old, _)| Some(&*old) != primary) {
            shut_down(&socket);
        }
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(SeqCst)
    }
}

/// The thread that follows.
pub(crate) struct Follower {
    link: Arc<FollowerLink>,
    thread: JoinHandle<()>,
}

impl Follower {
    /// Starts it, when the node has its data.
    pub(crate) fn start(
        node: &Arc<Node>,
        link: Arc<FollowerLink>,
        appender: Arc<AppenderLink>,
        rng: Rng,
    ) -> io::Result<Follower> {
        let following =
            FollowerThread { node: Arc::clone(node), link: Arc::clone(&link), appender, rng };
        let thread = thread::Builder::new().name("replica".to_owned()).spawn(move || {
            // Nobody else sets it; and before it looks whom to follow, for whoever changes that wakes it.
            let _ = following.link.thread.set(thread::current());
            following.run();
        })?;
        Ok(Follower { link, thread })
    }

    /// Ends it.
    pub(crate) fn stop(self) {
        self.link.is_stopped.store(true, SeqCst);
        self.link.interrupt(None);
        // It may have ended by itself.
        let _ = self.thread.join();
    }
}

/// Why a link has ended.
#[derive(Debug)]
enum Ended {
    /// The primary is not followed any more, or the process ends.
    Unwanted,
    /// It has worked, and is to be opened again at once.
    Lost(String),
    /// It did not come up.
    Failed(String),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Ended {
        let is = |kind: io::ErrorKind| error.kind() == kind;
        Ended::Failed(if is(io::ErrorKind::TimedOut) {
            "MASTER is silent for longer than repl-timeout".to_owned()
        } else if is(io::ErrorKind::UnexpectedEof) {
            "Connection with MASTER lost".to_owned()
        } else {
            persist::storage::reason(&error)
        })
    }
}

/// What the thread has.
struct FollowerThread {
    node: Arc<Node>,
    link: Arc<FollowerLink>,
    appender: Arc<AppenderLink>,
    rng: Rng,
}

impl FollowerThread {
    fn run(mut self) {
        while !self.link.is_stopped() {
            let Some(primary) = self.node.primary() else {
                thread::park();
                continue;
            };
            let ended = self.follow(&primary);
            *self.link.socket.lock() = None;
            if !self.is_wanted(&primary) {
                continue;
            }
            self.node.note_link(&primary, LinkStage::Down, clock::monotonic());
            match ended {
                Ended::Unwanted => {}
                Ended::Lost(why) => tracing::warn!("{why}"),
                Ended::Failed(why) => {
                    tracing::warn!("{why}");
                    self.rest(&primary);
                }
            }
        }
    }

    /// Whether the thread is to go on with a primary.
    fn is_wanted(&self, primary: &Primary) -> bool {
        !self.link.is_stopped() && self.node.follows(primary)
    }

    /// Waits before the next try, unless there is somebody else to follow.
    fn rest(&self, primary: &Primary) {
        let end = clock::monotonic() + RETRY_INTERVAL;
        while self.is_wanted(primary) {
            let left = end.since(clock::monotonic());
            if left.is_zero() {
                return;
            }
            thread::park_timeout(left);
        }
    }

    /// Follows a primary until the link ends.
    fn follow(&mut self, primary: &Primary) -> Ended {
        match self.try_to_follow(primary) {
            Ok(ended) => ended,
            Err(_) if !self.is_wanted(primary) => Ended::Unwanted,
            Err(ended) => ended,
        }
    }

    fn try_to_follow(&mut self, primary: &Primary) -> Result<Ended, Ended> {
        let (node, config) = (Arc::clone(&self.node), self.node.settings.current());
        node.note_link(primary, LinkStage::Connecting, clock::monotonic());
        tracing::info!("Connecting to MASTER {}:{}", primary.host, primary.port);
        let publish = |socket: &Arc<Socket>| {
            *self.link.socket.lock() = Some((primary.clone(), Arc::clone(socket)));
            // Whoever looked for it before did not find it.
            self.is_wanted(primary)
        };
        let link = connect((&primary.host, primary.port), &config, publish);
        let mut link = link.map_err(|error| {
            let reason = persist::storage::reason(&error);
            Ended::Failed(format!("Error condition on socket for SYNC: {reason}"))
        })?;
        tracing::info!("MASTER <-> REPLICA sync started");
        node.note_link(primary, LinkStage::Handshake, clock::monotonic());
        let greeting = node.greeting();
        let asked = greeting.place;
        let database = match self.introduce(&mut link, primary, greeting)? {
            Answer::GoOn { id } => {
                tracing::info!("Successful partial resynchronization with master.");
                if let Some(id) = id {
                    tracing::info!("Master replication ID is {id}");
                }
                node.go_on_with_stream(primary, asked, id).ok_or_else(|| {
                    Ended::Lost(
                        "The data have changed since MASTER was asked to go on with them: everything is asked for"
                            .to_owned(),
                    )
                })?
            }
            Answer::Full { id, offset } => {
                tracing::info!("Full resync from master: {id}:{offset}");
                self.get_everything(&mut link, primary, Some((id, offset)))?
            }
            Answer::Unplaced(word) => {
                tracing::info!("Retrying with SYNC...");
                link.send(&[word])?;
                self.get_everything(&mut link, primary, None)?
            }
            Answer::Alive | Answer::Send(_) => return Err(Ended::Unwanted),
        };
        Ok(self.stream(&mut link, primary, database))
    }

    /// Gets to know the primary; what it answers to the last question.
    fn introduce(
        &self,
        link: &mut Link,
        primary: &Primary,
        greeting: Greeting,
    ) -> Result<Answer, Ended> {
        let (node, hands_over) = (&self.node, greeting.hands_over);
        // It was asked to take over on a link before, and did not answer.
        let mut may_have_taken_over = false;
        match &greeting.place {
            Some((id, next)) => {
                tracing::info!("Trying a partial resynchronization (request {id}:{next}).");
            }
            None => tracing::info!("Partial resynchronization not possible (no cached master)"),
        }
        let (mut handshake, first) = Handshake::begin(greeting);
        link.send(&first)?;
        loop {
            let line = link.line()?;
            node.note_heard(clock::monotonic());
            let answer = handshake.take(&line).map_err(|refusal| {
                match &refusal {
                    Refusal::Error { reply, .. } if hands_over => {
                        let by = (node.following(), clock::now());
                        node.note_refused_takeover(primary, may_have_taken_over, reply, by);
                    }
                    Refusal::NotNow(_) => node.note_takeover_put_off(),
                    Refusal::Error { .. } | Refusal::Unexpected { .. } => {}
                }
                Ended::Failed(refusal.to_string())
            });
            match answer? {
                Answer::Alive => {}
                Answer::Send(request) => {
                    if hands_over && request.first().is_some_and(|word| word == b"PSYNC") {
                        may_have_taken_over = node.note_takeover_asked();
                    }
                    link.send(&request)?;
                }
                answer @ (Answer::Full { .. } | Answer::Unplaced(_) | Answer::GoOn { .. }) => {
                    node.note_takeover(primary);
                    return Ok(answer);
                }
            }
        }
    }
}
