//! One connection: its state, and the batch of requests that a read has brought.

mod awaiting;
mod deliver;
mod dispatch;
mod hold;
pub(crate) use dispatch::{LOADING, OUT_OF_MEMORY, TRANSACTION_OUT_OF_MEMORY, TRY_AGAIN};
mod prepare;
mod routing;
pub(crate) use routing::{Routed, presence};
mod streamed;
#[cfg(test)]
mod tests;

use crate::blocking::Blocked;
use crate::clients::{Client, flag};
use crate::departure::{Departure, DepartureWait};
use crate::event::Event;
use crate::eviction::MemoryLimit;
use crate::node::Node;
use crate::replication::{Replica, ReplicaWait};
use crate::stats::Batch;
use crate::tracking::Tracker;
use crate::transaction::{Transaction, Watching};
use crate::worker::{Now, Worker};
use base::{Monotonic, Rng, UnixMillis};
pub(crate) use deliver::{Answered, Outbox};
use engine::{Access, Eviction, Keyspace, Moment, WorkerId};
use prepare::Ahead;
pub(crate) use prepare::Window;
use resp::{Decoder, Limits, Protocol, Reply};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
pub(crate) use streamed::Streamed;

/// How many requests are decoded, prefetched and executed together.
const WINDOW: usize = 16;

/// How much output may stand before the rest of a batch has to wait for it to be written, in bytes.
const OUTPUT_BYTES_SOFT_MAX: usize = 1 << 20;

/// What a session wants next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// All complete requests have run; more input is needed.
    Input,
    /// Write the output, then call again with the same input.
    Write,
    /// Wait to be woken, then call again with the same input (CLIENT PAUSE).
    Wait,
    /// Write the output, then wait until [`Session::unblock`] has the reply; then call again with the rest of the input.
    Block,
    /// Sleep on this thread, then call again with the same input (DEBUG SLEEP).
    Sleep(Duration),
    /// Write the output, then close.
    Close,
}

/// What the replies of a connection are worth to it (`CLIENT REPLY`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum ReplyMode {
    #[default]
    On,
    Off,
    /// The reply to the next command is left out.
    SkipNext,
    /// The reply to this command is left out.
    Skip,
}

/// Whether a command was sent here by an ASK redirection; a flag of the client stands for all but `No`, so that others need not look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Asking {
    #[default]
    No,
    /// The command that follows ASKING.
    Next,
    /// This command, or the transaction that it has begun.
    Now,
}

/// What a connection has set.
pub(crate) struct State {
    pub(crate) client: Arc<Client>,
    pub(crate) protocol: Protocol,
    pub(crate) database: usize,
    pub(crate) is_authenticated: bool,
    pub(crate) reply_mode: ReplyMode,
    pub(crate) no_touch: bool,
    /// The index in the command table of the last command, plus one; 0 where there was none of its name.
    pub(crate) last_command: usize,
    /// How many commands have run.
    pub(crate) commands: u64,
    /// What happens after the command that runs.
    pub(crate) after: After,
    /// What kind of answer the command that runs has given.
    pub(crate) answered: Answered,
    /// Whether the command that runs is one of a transaction.
    pub(crate) is_in_exec: bool,
    /// Whether it was sent here by an ASK redirection.
    pub(crate) asking: Asking,
    /// How it tracks (CLIENT TRACKING).
    pub(crate) tracker: Option<Arc<Tracker>>,
    /// Whether CLIENT CACHING was said before the command that runs.
    pub(crate) caching: bool,
    /// Messages to other nodes that wait until nothing is held.
    pub(crate) outbox: Outbox,
    /// The commands that wait for EXEC, after MULTI.
    pub(crate) transaction: Option<Box<Transaction>>,
    /// The keys that are watched.
    pub(crate) watching: Watching,
    /// What the connection waits with.
    pub(crate) blocked: Option<Arc<Blocked>>,
    /// What it waits for of replicas.
    pub(crate) waiting: Option<ReplicaWait>,
    /// The keys that its command sends away, until the shell takes them.
    pub(crate) departing: Option<Box<Departure>>,
    /// Its wait for what becomes of keys that it has sent away.
    pub(crate) departure: Option<DepartureWait>,
    /// How many replicas have to have what it writes before it is told (CLIENT WRITE-ACKS); where it has not said so, `write-acks`.
    pub(crate) write_acks: Option<usize>,
    /// The log up to here was waited for in vain: that what is before it may be lost has been said.
    pub(crate) given_up: u64,
    /// What it has told of itself as a replica.
    pub(crate) replica: Option<Arc<Replica>>,
    /// Whether what it has to say may show what others have written: a command on keys has run since its requests were last looked at.
    pub(crate) has_looked: bool,
    /// The log up to here tells of what these commands have looked at, where that is noted; `u64::MAX` where they have looked at everything.
    pub(crate) shown_up_to: u64,
    /// The log up to here tells of what its commands have done.
    pub(crate) log_offset: u64,
    /// Where the commands of a file are run, the time that it is: what they did has been done, and nothing stands in their way.
    pub(crate) replays_at: Option<UnixMillis>,
    /// Where these commands are those of a primary's stream, what is noted of it.
    pub(crate) streamed: Option<Box<Streamed>>,
}

impl State {
    /// Tells others what they may know and what is not told at once.
    pub(crate) fn publish(&self) {
        self.client.last_command.store(self.last_command, Relaxed);
        self.client.commands.store(self.commands, Relaxed);
        let kept = self.transaction.as_ref().map_or(-1, |one| one.requests().len() as i64);
        self.client.transaction_commands.store(kept, Relaxed);
        let bytes = self.transaction.as_ref().map_or(0, |one| one.requests().memory_bytes());
        self.client.transaction_bytes.store(bytes, Relaxed);
        self.client.watched_keys.store(self.watching.len(), Relaxed);
        let prefixes = self.tracker.as_ref().map_or(0, |tracker| tracker.prefix_bytes);
        let request = self.blocked.as_ref().map_or(0, |blocked| blocked.request_bytes());
        let kept = self.watching.memory_bytes() + prefixes + request;
        self.client.kept_bytes.store(kept, Relaxed);
    }

    /// Drops the reply that begins at `start` where the client does not want it.
    fn keep_reply(&mut self, start: usize, out: &mut Vec<u8>) {
        if self.reply_mode != ReplyMode::On && self.answered == Answered::Plain {
            out.truncate(start);
        }
        match self.reply_mode {
            ReplyMode::On | ReplyMode::Off => {}
            ReplyMode::SkipNext => self.reply_mode = ReplyMode::Skip,
            ReplyMode::Skip => self.reply_mode = ReplyMode::On,
        }
    }

    /// MULTI: commands are kept from here on.
    pub(crate) fn begin_transaction(&mut self) {
        self.transaction = Some(Box::default());
    }

    /// What was kept since MULTI, for EXEC or to be forgotten.
    pub(crate) fn take_transaction(&mut self) -> Option<Box<Transaction>> {
        self.transaction.take()
    }

    /// Back to what it was when the client connected, but for what the client has told of its library.
    pub(crate) fn reset(&mut self, keyspace: &Keyspace, is_authenticated: bool) {
        self.transaction = None;
        self.watching.end(keyspace);
        self.protocol = Protocol::Resp2;
        self.database = 0;
        self.is_authenticated = is_authenticated;
        self.reply_mode = ReplyMode::On;
        self.no_touch = false;
        self.write_acks = None;
        self.asking = Asking::No;
        self.client.reset();
    }
}

/// What happens after a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum After {
    #[default]
    GoOn,
    Close,
    /// The connection ends at once: not even what was replied in this batch is sent.
    Abort,
    Sleep(Duration),
    /// The command has to run again later: it was not allowed to run now.
    Wait,
    /// The command waits for a key: its reply comes later.
    Block,
}

/// One connection.
pub struct Session {
    decoder: Decoder,
    state: State,
    /// Requests that it has looked at and not run.
    ahead: Option<Ahead>,
    /// How many bytes of the input had come when it was last looked at.
    seen: usize,
    /// Where in the output this batch's replies begin.
    batch_start: usize,
}

/// What a command of the node works with.
pub struct Context<'a> {
    pub(crate) node: &'a Node,
    pub(crate) worker: WorkerId,
    pub(crate) rng: &'a mut Rng,
    pub(crate) now: Now,
    pub(crate) moment: Moment,
    /// See [`crate::Tuning::memory`].
    pub(crate) memory: MemoryLimit,
    /// See [`crate::Tuning::query_buffer_bytes_max`].
    pub(crate) query_buffer_bytes_max: usize,
    /// The worker's own.
    pub(crate) eviction: &'a mut Eviction,
    pub(crate) state: &'a mut State,
    pub(crate) events: &'a mut Vec<Event>,
    pub(crate) batch: &'a mut Batch,
    /// The slots that a transaction holds while its commands run.
    pub(crate) held: Option<Access<'a>>,
}

impl Session {
    /// The session of a client that has just connected.
    #[must_use]
    pub fn new(client: Arc<Client>, is_authenticated: bool) -> Session {
        let state = State {
            client,
            protocol: Protocol::Resp2,
            database: 0,
            is_authenticated,
            reply_mode: ReplyMode::On,
            no_touch: false,
            last_command: 0,
            commands: 0,
            after: After::GoOn,
            answered: Answered::Plain,
            outbox: Outbox::default(),
            is_in_exec: false,
            asking: Asking::No,
            tracker: None,
            caching: false,
            transaction: None,
            watching: Watching::default(),
            blocked: None,
            waiting: None,
            departing: None,
            departure: None,
            replica: None,
            write_acks: None,
            given_up: 0,
            has_looked: false,
            shown_up_to: 0,
            log_offset: 0,
            replays_at: None,
            streamed: None,
        };
        Session { decoder: Decoder::new(), state, ahead: None, seen: 0, batch_start: 0 }
    }

    /// The session in which the commands of a file are run at this time.
    pub(crate) fn replaying(client: Arc<Client>, at: UnixMillis) -> Session {
        let mut session = Session::new(client, true);
        session.state.replays_at = Some(at);
        session
    }

    /// Forgets what was kept since MULTI.
    pub(crate) fn forget_transaction(&mut self) {
        self.state.transaction = None;
    }

    /// What others know of it.
    #[must_use]
    pub fn client(&self) -> &Arc<Client> {
        &self.state.client
    }

    /// Ends what others keep for the connection. The last thing that is done with it.
    pub fn end(&mut self, node: &Node) {
        self.state.watching.end(&node.keyspace);
        if let Some(blocked) = self.state.blocked.take() {
            node.blocked.end(&blocked, &node.keyspace);
        }
        if self.state.waiting.take().is_some() {
            node.end_replica_wait(&self.state.client);
        }
    }

    /// When a connection that waits for a key, or for replicas, waits no longer; `None` where that has no end.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        let of_keys = self.state.blocked.as_ref().and_then(|blocked| blocked.deadline);
        of_keys.or_else(|| self.state.waiting.as_ref().and_then(|wait| wait.deadline))
    }

    /// What the stream is taken from for this connection, where it is a replica's.
    #[must_use]
    pub fn replica(&self) -> Option<&Arc<Replica>> {
        self.state.replica.as_ref().filter(|_| self.state.client.has_flag(flag::REPLICA))
    }

    /// The keys that the command that has run sends away. Asked where a session wants to block; [`Worker::finish_departure`] has to follow.
    pub fn take_departure(&mut self) -> Option<Departure> {
        self.state.departing.take().map(|departing| *departing)
    }

    /// Appends the reply that a connection waits for; false while there is none. The command counts as run from here on.
    pub fn unblock(&mut self, worker: &Worker, now: Monotonic, out: &mut Vec<u8>) -> bool {
        let node = &worker.node;
        let reply = if let Some(wait) = &self.state.waiting {
            let Some(reply) = node.take_replica_wait(wait, &self.state.client, now) else {
                return false;
            };
            self.state.waiting = None;
            reply
        } else if let Some(wait) = &self.state.departure {
            let Some(answer) = wait.take() else { return false };
            self.state.log_offset = self.state.log_offset.max(answer.log_offset);
            self.state.departure = None;
            answer.reply
        } else if let Some(blocked) = &self.state.blocked {
            let taken = node.blocked.take_reply(blocked, now, &node.keyspace);
            let Some(served) = taken else { return false };
            self.state.log_offset = self.state.log_offset.max(served.log_offset);
            self.state.shown_up_to = self.state.shown_up_to.max(served.shown_up_to);
            self.state.blocked = None;
            served.reply
        } else {
            return true;
        };
        self.state.has_looked = true;
        self.state.commands += 1;
        let stats = worker.stats();
        stats.commands.add(1);
        let error = reply.strip_prefix(b"-").map(<[u8]>::trim_ascii_end);
        error.into_iter().for_each(|text| stats.count_error(text));
        if let Some(command) = self.state.last_command.checked_sub(1) {
            stats.by_command[command].calls.add(1);
            stats.by_command[command].failed.add(u64::from(error.is_some()));
        }
        self.state.publish();
        let start = out.len();
        out.extend_from_slice(&reply);
        self.state.keep_reply(start, out);
        self.state.client.add_output((out.len() - start) as u64);
        true
    }

    /// The offset of the log up to which it tells of what was done by the commands that have run.
    #[must_use]
    pub fn log_offset(&self) -> u64 {
        self.state.log_offset
    }

    /// How many bytes at the front of the input have been executed.
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.decoder.consumed()
    }

    /// Tells that `count` bytes were dropped from the front of the input.
    pub fn advance(&mut self, count: usize) {
        self.decoder.advance(count);
        self.seen = self.seen.saturating_sub(count);
    }

    /// How many bytes of input are known to be missing to the argument that is being read.
    #[must_use]
    pub fn missing(&self, buffered: usize) -> usize {
        self.decoder.missing(buffered)
    }

    /// Executes the complete requests in `input` and appends their replies to `out`.
    pub fn execute(
        &mut self,
        worker: &mut Worker,
        now: Now,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Step {
        worker.tuning.renew(&worker.node.settings);
        let client = &self.state.client;
        client.last_active_millis.store(now.monotonic.millis(), Relaxed);
        client.add_input((input.len() - self.seen) as u64);
        client.set_flag_if_changed(flag::PAUSED, false);
        self.seen = input.len();
        self.batch_start = out.len();
        client.query_buffer_bytes.store(input.len(), Relaxed);
        worker.bound_clients(client);
        if client.is_killed() {
            return Step::Close;
        }
        // What makes room is told before what is asked here is answered.
        worker.node.tracking.shrink_by_some();
        if worker.tuning.memory.bytes_max != 0 {
            worker.make_room(now);
        }
        (self.state.has_looked, self.state.shown_up_to) = (false, 0);
        self.state.take_messages(out);
        let commands = self.state.commands;
        worker.batch.begin(now.monotonic);
        let mut window = std::mem::take(&mut worker.window);
        let step = self.execute_windows(worker, now, input, &mut window, out);
        worker.window = window;
        worker.node.announce_log(worker.id);
        worker.stats().commands.add(self.state.commands - commands);
        self.state.publish();
        let client = &self.state.client;
        client.add_output((out.len() - self.batch_start) as u64);
        client.query_buffer_bytes.store(input.len() - self.decoder.consumed(), Relaxed);
        client.set_flag_if_changed(flag::CLOSING, step == Step::Close);
        step
    }

    fn execute_windows(
        &mut self,
        worker: &mut Worker,
        now: Now,
        input: &[u8],
        window: &mut Window,
        out: &mut Vec<u8>,
    ) -> Step {
        if let Some(ahead) = self.ahead.take() {
            window.bring_in(&worker.node.keyspace);
            let step = self.execute_window(worker, now, (input, &ahead), window, out);
            window.leave();
            if let Some(step) = step {
                return step;
            }
        }
        loop {
            let unauthenticated = !self.state.is_authenticated;
            let mut limits = Limits { unauthenticated, ..worker.tuning.limits };
            if self.state.streamed.is_some() {
                // What the primary has taken this node takes, too.
                limits.bulk_bytes_max = i64::from(Limits::INPUT_BYTES_MAX);
            }
            let most = if unauthenticated { 1 } else { WINDOW };
            let (start, first) = (self.decoder.consumed(), window.requests.len());
            let decoded = self.decoder.decode(input, &limits, &mut window.requests, first + most);
            window.prepare(&worker.node, input);
            if self.state.database == 0 {
                window.bring_in(&worker.node.keyspace);
            }
            let requests = first..window.requests.len();
            let is_full = requests.len() == most;
            let ahead = Ahead { requests, start };
            let step = self.execute_window(worker, now, (input, &ahead), window, out);
            window.truncate(first);
            if let Some(step) = step {
                return step;
            }
            if let Err(error) = decoded {
                let mut text = b"ERR ".to_vec();
                error.write_to(&mut text);
                worker.stats().count_error(&text);
                if self.state.reply_mode != ReplyMode::Off {
                    Reply::new(out, self.state.protocol).error_bytes(&text);
                }
                return Step::Close;
            }
            if !is_full {
                return Step::Input;
            }
        }
    }

    /// Executes requests of the window, which were decoded from `input`; `None` when all have run and nothing stands in the way of
    /// the next.
    fn execute_window(
        &mut self,
        worker: &mut Worker,
        now: Now,
        (input, ahead): (&[u8], &Ahead),
        window: &Window,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        // Not cloned: the count of references is a cache line that all workers would write.
        let Worker { node, id, rng, tuning, events, batch, eviction, .. } = worker;
        let node: &Node = node;
        let mut moment = node.moment(tuning, now);
        moment.clock = self.state.replays_at.unwrap_or(moment.clock);
        let mut context = Context {
            node,
            worker: *id,
            rng,
            now,
            moment,
            memory: tuning.memory,
            query_buffer_bytes_max: tuning.query_buffer_bytes_max,
            eviction,
            state: &mut self.state,
            events,
            batch,
            held: None,
        };
        let requests = &window.requests;
        for index in ahead.requests.clone() {
            let (one, args) = (&window.prepared[index], requests.args(index, input));
            let entry = one.command.map(|command| node.table.at(command));
            // Written only where it changes: who copies the whole right after a single byte of it was written waits for the processor to put the
            // two together.
            if context.moment.touch == context.state.no_touch {
                context.moment.touch = !context.state.no_touch;
            }
            let answer = out.len();
            context.run(entry, one.key, args, out);
            context.deliver(entry, answer, out);
            if context.is_streamed() {
                let is_first = index == ahead.requests.start;
                let start = if is_first { ahead.start } else { requests.end_offset(index - 1) };
                context.state.note_streamed(entry, start..requests.end_offset(index));
            }
            let step = match std::mem::take(&mut context.state.after) {
                After::GoOn if out.len() > OUTPUT_BYTES_SOFT_MAX => Step::Write,
                After::GoOn => continue,
                After::Close => Step::Close,
                After::Abort => {
                    out.truncate(self.batch_start);
                    Step::Close
                }
                After::Sleep(time) => Step::Sleep(time),
                After::Block => Step::Block,
                After::Wait => {
                    let is_first = index == ahead.requests.start;
                    let before =
                        if is_first { ahead.start } else { requests.end_offset(index - 1) };
                    self.decoder.rewind(before);
                    return Some(Step::Wait);
                }
            };
            self.decoder.rewind(requests.end_offset(index));
            return Some(step);
        }
        None
    }
}
