//! A client's connection: read what has come, execute it, write the replies, all in one poll.
//!
//! # Invariants
//!
//! 1. Nothing is read while output waits to be written: a client that does not read is not read from. (A replica is: `feeding`.)
//! 2. Nothing leaves that tells of what the log does not hold safely yet, and nothing overtakes it.
//! 3. A connection holds memory of its own only while a request is incomplete or output is waiting.

use crate::clock;
use crate::control::log_overcome;
use crate::migrating;
use crate::stream::Stream;
use crate::worker::Bench;
use base::Monotonic;
use bytes::{Buf, BytesMut};
use node::clients::flag;
use node::{Event, Node, Session, Step, Worker};
use parking_lot::Mutex;
use std::future::Future;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How much room is made at least for the rest of an incomplete request, in bytes.
const PARTIAL_READ_BYTES_MIN: usize = 16 * 1024;

/// How much room is made at most before bytes have come to fill it, in bytes.
const PARTIAL_READ_BYTES_MAX: usize = 1 << 20;

/// What the connection does when it is polled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Waits for input.
    Read,
    /// Has looked ahead, and executes when others have, too.
    Ahead,
    /// Executes input that it has.
    Execute,
    /// Waits to be woken before it executes on.
    Paused,
    /// Waits for the reply of a command that waits for a key; takes in what comes meanwhile.
    Blocked,
    /// Closes when the output is written.
    Close,
}

/// The task that serves one client.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    pub(crate) session: Session,
    bench: Arc<Mutex<Bench>>,
    /// The beginning of an incomplete request, or requests that had to wait.
    input: BytesMut,
    /// What it has looked at, in what its worker has put aside.
    ahead: Range<usize>,
    /// Output that the socket did not take yet, or that must not leave yet.
    output: BytesMut,
    /// The offset of the log that the output waits for.
    awaited: Option<u64>,
    phase: Phase,
    knows_waker: bool,
    /// Ends the wait for a key.
    timer: Option<Pin<Box<Sleep>>>,
    /// The wait for replicas (`write-acks`).
    ack_wait: Option<AckWait>,
}

/// A wait for replicas.
struct AckWait {
    begun: Monotonic,
    /// Ends it.
    timer: Pin<Box<Sleep>>,
}

impl Connection {
    pub(crate) fn new(stream: Stream, session: Session, bench: Arc<Mutex<Bench>>) -> Connection {
        Connection {
            stream,
            session,
            bench,
            input: BytesMut::new(),
            ahead: 0..0,
            output: BytesMut::new(),
            awaited: None,
            phase: Phase::Read,
            knows_waker: false,
            timer: None,
            ack_wait: None,
        }
    }

    /// Whether it is a replica's, and has nothing else to do than to be sent the stream and to be read from.
    pub(crate) fn is_fed(&self) -> bool {
        self.phase == Phase::Read && self.session.replica().is_some()
    }

    /// Keeps output that the socket did not take.
    pub(crate) fn keep_output(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.output.extend_from_slice(bytes);
            self.session.client().pending_output_bytes.store(self.output.len(), Relaxed);
        }
    }

    /// Writes what waits; ready when nothing does.
    pub(crate) fn poll_flush_output(
        &mut self,
        cx: &mut Context<'_>,
        node: &Node,
    ) -> Poll<std::io::Result<()>> {
        if self.output.is_empty() {
            return Poll::Ready(Ok(()));
        }
        if let Some(offset) = self.awaited {
            if !self.session.may_leave(node, offset) {
                ready!(self.poll_patience(cx, node, offset));
            }
            self.end_wait(node);
        }
        while !self.output.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.output))?;
            self.output.advance(written);
        }
        // Its capacity is no sign of what it holds: what was advanced over is held, and counts no more.
        self.output = BytesMut::new();
        self.session.client().pending_output_bytes.store(0, Relaxed);
        Poll::Ready(Ok(()))
    }

    /// Ready when replicas have been waited for long enough: what was to be said is replaced with an error then, where it has to be.
    fn poll_patience(&mut self, cx: &mut Context<'_>, node: &Node, offset: u64) -> Poll<()> {
        let Some(patience) = self.session.ack_patience(node) else { return Poll::Pending };
        let wait = self.ack_wait.get_or_insert_with(|| AckWait {
            begun: clock::monotonic(),
            timer: Box::pin(tokio::time::sleep(patience)),
        });
        ready!(wait.timer.as_mut().poll(cx));
        match self.session.give_up_acks(node, offset) {
            None => {
                // The file has to have it, too; then it is asked again.
                wait.timer = Box::pin(tokio::time::sleep(patience));
                ready!(wait.timer.as_mut().poll(cx));
                return Poll::Pending;
            }
            Some(None) => {}
            Some(Some(error)) => {
                self.output = BytesMut::from(&resp::replace_replies(&self.output, &error)[..]);
            }
        }
        Poll::Ready(())
    }

    /// What was waited for is there.
    fn end_wait(&mut self, node: &Node) {
        self.awaited = None;
        if let Some(wait) = self.ack_wait.take() {
            node.note_ack_wait(clock::monotonic().since(wait.begun));
        }
    }

    /// Reads and executes what has come; false at the end of the stream.
    pub(crate) fn poll_read_and_execute(
        &mut self,
        cx: &mut Context<'_>,
        bench: &mut Bench,
    ) -> Poll<std::io::Result<bool>> {
        if !self.input.is_empty() {
            let room = self.session.missing(self.input.len());
            self.input.reserve(room.clamp(PARTIAL_READ_BYTES_MIN, PARTIAL_READ_BYTES_MAX));
            let read = ready!(pin!(self.stream.read_buf(&mut self.input)).poll(cx))?;
            if read == 0 || !self.count_read(read, bench) {
                return Poll::Ready(Ok(false));
            }
            self.phase = Phase::Execute;
            return Poll::Ready(Ok(true));
        }
        let mut buffer = ReadBuf::new(&mut bench.input);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let read = buffer.filled().len();
        if read == 0 {
            return Poll::Ready(Ok(false));
        }
        bench.worker.stats().reads.add(1);
        bench.worker.stats().input_bytes.add(read as u64);
        if bench.looks_ahead(read)
            && self.session.look_ahead(&mut bench.worker, &bench.input[..read])
        {
            self.ahead = bench.put_aside(read);
            self.phase = Phase::Ahead;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Bench { worker, input, output, .. } = bench;
        let step = self.execute(&input[..read], worker, output);
        self.after(step, bench);
        Poll::Ready(Ok(true))
    }

    /// Executes what it has looked at.
    fn execute_ahead(&mut self, bench: &mut Bench) {
        let Bench { worker, ahead, output, .. } = bench;
        let step = self.execute(&ahead[self.ahead.clone()], worker, output);
        self.after(step, bench);
    }

    /// Executes input that nothing has waited before, and keeps what is left of it.
    fn execute(&mut self, input: &[u8], worker: &mut Worker, output: &mut Vec<u8>) -> Step {
        let step = self.session.execute(worker, clock::now(), input, output);
        let consumed = self.session.consumed();
        self.session.advance(consumed);
        self.input.extend_from_slice(&input[consumed..]);
        step
    }

    /// Executes input that waited.
    fn execute_waiting(&mut self, bench: &mut Bench) {
        let now = clock::now();
        let step = self.session.execute(&mut bench.worker, now, &self.input, &mut bench.output);
        let consumed = self.session.consumed();
        self.session.advance(consumed);
        self.input.advance(consumed);
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        self.after(step, bench);
    }

    /// Writes the reply that a connection has waited for; false while there is none.
    fn take_reply(&mut self, bench: &mut Bench) -> bool {
        if !self.session.unblock(&bench.worker, clock::monotonic(), &mut bench.output) {
            return false;
        }
        self.timer = None;
        self.write_out(bench);
        let is_closing = self.session.client().has_flag(flag::CLOSING);
        self.phase = if is_closing { Phase::Close } else { Phase::Execute };
        true
    }

    /// Waits for the reply that a key has to bring; ready with false when the client has gone.
    fn poll_blocked(
        &mut self,
        cx: &mut Context<'_>,
        bench: &mut Bench,
    ) -> Poll<std::io::Result<bool>> {
        loop {
            if self.take_reply(bench) {
                return Poll::Ready(Ok(true));
            }
            let Some(deadline) = self.session.deadline() else { break };
            let now = clock::monotonic();
            let timer =
                self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(deadline.since(now))));
            if timer.as_mut().poll(cx).is_pending() {
                break;
            }
            // Its clock is not ours: it may be early by a fraction of a millisecond.
            self.timer = None;
        }
        loop {
            self.input.reserve(PARTIAL_READ_BYTES_MIN);
            let read = ready!(pin!(self.stream.read_buf(&mut self.input)).poll(cx))?;
            if read == 0 || !self.count_read(read, bench) {
                return Poll::Ready(Ok(false));
            }
            let client = self.session.client();
            client.query_buffer_bytes.store(self.input.len(), Relaxed);
            bench.worker.bound_clients(client);
        }
    }

    /// Writes the replies of a batch and decides what comes next.
    fn after(&mut self, step: Step, bench: &mut Bench) {
        bench.worker.end_batch(clock::monotonic());
        if step == Step::Block
            && let Some(departure) = self.session.take_departure()
        {
            migrating::start(&self.bench, departure, &mut bench.connections);
        }
        self.phase = match step {
            Step::Input => Phase::Read,
            Step::Write => Phase::Execute,
            Step::Wait => Phase::Paused,
            Step::Block => Phase::Blocked,
            Step::Close => Phase::Close,
            Step::Sleep(time) => {
                std::thread::sleep(time);
                Phase::Execute
            }
        };
        for event in bench.worker.take_events() {
            if matches!(event, Event::Replication { .. }) {
                tracing::info!("{event}");
            } else {
                tracing::warn!("{event}");
            }
        }
        let client = self.session.client();
        client.set_flag_if_changed(flag::PAUSED, self.phase == Phase::Paused);
        client.query_buffer_bytes.store(self.input.len(), Relaxed);
        self.write_out(bench);
        bench.worker.bound_clients(self.session.client());
    }

    /// Writes messages that wait for the client. Only while no other output does: beyond that they stay in the mailbox, which has its bound.
    fn deliver(&mut self, bench: &mut Bench) {
        self.session.deliver(&mut bench.output);
        self.write_out(bench);
    }

    /// Writes what stands in the worker's output buffer; keeps what the socket does not take.
    fn write_out(&mut self, bench: &mut Bench) {
        let client = self.session.client();
        if bench.output.is_empty() {
            return;
        }
        bench.worker.stats().writes.add(1);
        bench.worker.stats().output_bytes.add(bench.output.len() as u64);
        let hard_limit = client.output_limit(&bench.worker.tuning.output_limits).hard_bytes;
        let unread = (self.output.len() + bench.output.len()) as u64;
        if hard_limit != 0 && unread > hard_limit.max(OUTPUT_BYTES_FREE) {
            client.kill_for_unread();
            bench.output.clear();
            return;
        }
        if let Some(offset) = self.session.awaited(&bench.worker.node) {
            self.awaited = self.awaited.max(Some(offset));
            bench.wants_log();
        }
        let mut written = 0;
        // Errors show up again at the next read or write.
        while self.awaited.is_none()
            && written < bench.output.len()
            && let Ok(some) = self.stream.try_write(&bench.output[written..])
        {
            written += some;
        }
        self.keep_output(&bench.output[written..]);
        bench.output.clear();
        if bench.output.capacity() > OUTPUT_BYTES_KEPT {
            bench.output = Vec::new();
        }
    }

    /// Logs and counts the end of a client that was disconnected for what it, or all clients, took.
    fn tell_end(&self, bench: &Bench) {
        let client = self.session.client();
        if client.has_outgrown() {
            log_overcome(client);
            bench.worker.stats().output_buffer_disconnections.add(1);
        }
        if client.is_evicted() {
            let address = &client.origin.address;
            tracing::info!("Evicting client: id={} addr={address}", client.id.0);
        }
    }

    /// Counts what was read; whether the client may have so much waiting.
    fn count_read(&self, bytes: usize, bench: &Bench) -> bool {
        bench.worker.stats().reads.add(1);
        bench.worker.stats().input_bytes.add(bytes as u64);
        let may = self.input.len() <= bench.worker.tuning.query_buffer_bytes_max;
        if !may {
            bench.worker.stats().query_buffer_disconnections.add(1);
            let client = self.session.client();
            tracing::warn!(
                "Closing client that reached max query buffer length: id={} addr={} qbuf={}",
                client.id.0,
                client.origin.address,
                self.input.len()
            );
        }
        may
    }
}

/// What a client may have unread whatever its limit, in bytes: so much stands in a buffer of the client in Redis that is not counted.
const OUTPUT_BYTES_FREE: u64 = 16 << 10;

/// How much memory the worker's output buffer keeps between batches, in bytes.
const OUTPUT_BYTES_KEPT: usize = 4 << 20;

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if !this.knows_waker {
            this.session.client().set_waker(cx.waker());
            this.knows_waker = true;
        }
        // Once a poll: nothing that is polled here asks for it.
        let bench = Arc::clone(&this.bench);
        let bench = &mut *bench.lock();
        loop {
            if this.session.client().is_killed() {
                this.tell_end(bench);
                return Poll::Ready(());
            }
            if this.is_fed() {
                return this.poll_replica(cx, bench);
            }
            if !this.output.is_empty()
                && ready!(this.poll_flush_output(cx, &bench.worker.node)).is_err()
            {
                return Poll::Ready(());
            }
            if this.session.client().has_messages() && this.phase != Phase::Close {
                // What a command did that has waited comes behind its reply.
                if this.phase == Phase::Blocked && this.take_reply(bench) {
                    continue;
                }
                this.deliver(bench);
                continue;
            }
            match this.phase {
                Phase::Close => return Poll::Ready(()),
                Phase::Ahead => this.execute_ahead(bench),
                Phase::Execute | Phase::Paused => this.execute_waiting(bench),
                Phase::Blocked => match ready!(this.poll_blocked(cx, bench)) {
                    Ok(true) => {}
                    Ok(false) | Err(_) => return Poll::Ready(()),
                },
                Phase::Read => match ready!(this.poll_read_and_execute(cx, bench)) {
                    Ok(true) => {}
                    Ok(false) | Err(_) => return Poll::Ready(()),
                },
            }
            // The end of the pause wakes it; what stands before that in its way is written first.
            if this.phase == Phase::Paused && this.output.is_empty() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut bench = self.bench.lock();
        self.session.forget_ahead(&mut bench.worker);
        let node = Arc::clone(&bench.worker.node);
        drop(bench);
        node.end_session(&mut self.session, clock::monotonic());
    }
}
