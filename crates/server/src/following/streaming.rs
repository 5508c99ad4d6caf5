//! Running the stream as it comes, and telling the primary how far the node is.

use super::link::Link;
use super::{Ended, FollowerThread};
use crate::clock;
use base::Monotonic;
use node::clients::Origin;
use node::{Applied, Applier, LOG_BYTES_MAX, LinkStage, Primary, StreamFailures};
use resp::Limits;
use socket2::Socket;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

/// How often the primary is told at least.
const TOLD_INTERVAL: Duration = Duration::from_secs(1);

/// How often a primary that wants to know at once is told at most, while more comes.
const PROMPT_INTERVAL: Duration = Duration::from_millis(1);

/// How long nothing is done about a stream that may not be applied now, before that is looked at again.
const PUT_OFF_STEP: Duration = Duration::from_millis(5);

/// How often it is told that commands of the stream fail.
const FAILURE_INTERVAL: Duration = Duration::from_secs(10);

/// Ends the connection of a client that is to be disconnected: it waits for nothing else.
struct ShutDown(Arc<Socket>);

impl Wake for ShutDown {
    fn wake(self: Arc<Self>) {
        super::shut_down(&self.0);
    }
}

/// When the primary was told what.
struct Telling {
    at: Monotonic,
    /// Something was applied since.
    is_behind: bool,
}

impl FollowerThread {
    /// Runs the stream, the last command before which was of this database, until it ends.
    pub(super) fn stream(&mut self, link: &mut Link, primary: &Primary, database: usize) -> Ended {
        let node = Arc::clone(&self.node);
        let waker = Waker::from(Arc::new(ShutDown(Arc::clone(link.socket()))));
        let begun = (clock::now(), self.rng.fork());
        let applier =
            Applier::begin(&node, primary, database, origin(link.socket()), &waker, begun);
        let Some(mut applier) = applier else { return Ended::Unwanted };
        node.note_link(primary, LinkStage::Up, clock::monotonic());
        let ended = self.run_stream(link, primary, &mut applier);
        applier.end(clock::monotonic());
        match ended {
            Err(ended) => ended,
            Ok(never) => match never {},
        }
    }

    fn run_stream(
        &self,
        link: &mut Link,
        primary: &Primary,
        applier: &mut Applier,
    ) -> Result<std::convert::Infallible, Ended> {
        let node = &self.node;
        let mut input = Vec::new();
        let mut telling = Telling { at: clock::monotonic(), is_behind: false };
        // At once: what a primary has for this node may wait for it.
        self.tell(link, &mut telling)?;
        let (mut heard_at, mut failed_at) = (clock::monotonic(), None);
        loop {
            let read = link.read_into(&mut input).map_err(lost)?;
            let now = clock::monotonic();
            match read {
                Some(0) => return Err(Ended::Lost("Connection with master lost.".to_owned())),
                Some(read) => {
                    heard_at = now;
                    node.note_heard(now);
                    node.stats(node.following()).replication_input_bytes.add(read as u64);
                    self.apply(primary, applier, &mut input)?;
                    telling.is_behind = true;
                }
                None => {
                    if telling.is_behind && node.tells_promptly(now) {
                        self.tell(link, &mut telling)?;
                    }
                    let patience = self.silence_max();
                    if now.since(heard_at) > patience {
                        return Err(Ended::Lost(
                            "MASTER timeout: no data nor PING received...".to_owned(),
                        ));
                    }
                    let until_told = TOLD_INTERVAL.saturating_sub(now.since(telling.at));
                    link.wait(until_told).map_err(lost)?;
                }
            }
            let now = clock::monotonic();
            let passed = now.since(telling.at);
            let is_prompt =
                telling.is_behind && passed >= PROMPT_INTERVAL && node.tells_promptly(now);
            if node.take_question(now) || passed >= TOLD_INTERVAL || is_prompt {
                self.tell(link, &mut telling)?;
            }
            if failed_at.is_none_or(|at| now.since(at) >= FAILURE_INTERVAL)
                && let Some(failures) = applier.take_failures()
            {
                failed_at = Some(now);
                tell_failures(&failures);
            }
        }
    }

    fn silence_max(&self) -> Duration {
        let seconds = self.node.settings.current().replication.repl_timeout_seconds;
        Duration::from_secs(u64::from(seconds))
    }

    /// Runs the commands that have come.
    fn apply(
        &self,
        primary: &Primary,
        applier: &mut Applier,
        input: &mut Vec<u8>,
    ) -> Result<(), Ended> {
        loop {
            if !self.is_wanted(primary) {
                return Err(Ended::Unwanted);
            }
            let is_full = self.node.log_bytes() > LOG_BYTES_MAX;
            let applied =
                if is_full { Applied::NotNow } else { applier.apply(clock::now(), input) };
            match applied {
                Applied::Bytes(bytes) => {
                    applier.end_stretch(clock::now());
                    input.drain(..bytes);
                    let missing = applier.missing(input.len());
                    if input.len() + missing > Limits::INPUT_BYTES_MAX as usize {
                        // Asked to go on from there it would send the same again.
                        self.node.give_up_place(primary);
                        return Err(Ended::Failed(
                            "A command of the stream is too long".to_owned(),
                        ));
                    }
                    return Ok(());
                }
                Applied::NotNow => thread::sleep(PUT_OFF_STEP),
                Applied::Ended => {
                    return Err(Ended::Lost("Connection with master lost.".to_owned()));
                }
                Applied::Malformed(why) => {
                    // Asked to go on from there it would send the same again.
                    self.node.give_up_place(primary);
                    return Err(Ended::Failed(format!("Protocol error from master: {why}")));
                }
            }
        }
    }

    /// Tells the primary how far the node is.
    fn tell(&self, link: &Link, telling: &mut Telling) -> Result<(), Ended> {
        link.send(&self.node.acknowledgement()).map_err(lost)?;
        *telling = Telling { at: clock::monotonic(), is_behind: false };
        Ok(())
    }
}

fn lost(error: io::Error) -> Ended {
    Ended::Lost(format!("Connection with master lost: {}", persist::storage::reason(&error)))
}

fn tell_failures(failures: &StreamFailures) {
    tracing::error!(
        "== CRITICAL == This replica is sending an error to its master: '{}' after processing the command '{}'. {} commands of its \
         stream have failed here: the data may not be the same",
        failures.reply,
        failures.command,
        failures.count
    );
}

/// The connection as CLIENT LIST shows it.
fn origin(socket: &Socket) -> Origin {
    let text = |address: io::Result<socket2::SockAddr>| {
        let address = address.ok().and_then(|address| address.as_socket());
        address.map_or_else(String::new, |address| address.to_string())
    };
    Origin {
        address: text(socket.peer_addr()),
        local_address: text(socket.local_addr()),
        is_unix: false,
        is_local: false,
        descriptor: socket.as_raw_fd(),
        worker: 0,
    }
}
