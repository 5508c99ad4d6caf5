//! A worker thread: its runtime, its buffers, and the connections dealt to it.

use crate::appending::AppenderLink;
use crate::connection::Connection;
use crate::migrating::Connections;
use crate::stream::RawStream;
use crate::upkeep::GIVING_BACK_CYCLE;
use node::clients::Client;
use node::{Session, Worker};
use parking_lot::Mutex;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::MissedTickBehavior;

/// How much one read may bring, in bytes. A read that does not fill it tells that nothing more has come.
const READ_BYTES: usize = 64 * 1024;

/// A connection on its way to the worker that will serve it.
pub(crate) struct Dealt {
    pub(crate) stream: RawStream,
    pub(crate) client: Arc<Client>,
}

/// What the connections of a worker share. Behind a lock that only this thread takes: it is never contended, and spares the tasks from
/// being bound to a thread.
pub(crate) struct Bench {
    pub(crate) worker: Worker,
    pub(crate) input: Box<[u8]>,
    pub(crate) output: Vec<u8>,
    /// What connections have read and not executed: see [`Bench::looks_ahead`].
    pub(crate) ahead: Vec<u8>,
    /// To the nodes that keys were sent to.
    pub(crate) connections: Connections,
    turn: Arc<Turn>,
    wake: Arc<Notify>,
}

/// The longest input that a connection leaves for later, in bytes. A longer one is a pipeline, whose misses overlap among themselves.
const AHEAD_BYTES_MAX: usize = 512;

/// From so many connections on that have something to read at the same time it pays to let their misses overlap.
const AHEAD_MIN: u32 = 4;

/// How busy the worker is: how many connections had something to read between two waits for the sockets.
#[derive(Default)]
struct Turn {
    reads: AtomicU32,
    /// The same in the turn before.
    reads_before: AtomicU32,
}

impl Turn {
    /// The worker goes to wait.
    fn end(&self) {
        self.reads_before.store(self.reads.swap(0, Relaxed), Relaxed);
    }
}

impl Bench {
    /// A connection has read this many bytes: whether it should look ahead and let others read before it executes.
    pub(crate) fn looks_ahead(&mut self, read: usize) -> bool {
        // Nobody else writes: no need for the whole to be one step.
        let reads = self.turn.reads.load(Relaxed) + 1;
        self.turn.reads.store(reads, Relaxed);
        let most = reads.max(self.turn.reads_before.load(Relaxed));
        read <= AHEAD_BYTES_MAX && most >= AHEAD_MIN
    }

    /// A connection has something to say that waits for the log: it is written when those that are ready have had their turn.
    pub(crate) fn wants_log(&self) {
        self.wake.notify_one();
    }

    /// Keeps the bytes at the front of the input buffer; where they stand.
    pub(crate) fn put_aside(&mut self, read: usize) -> Range<usize> {
        if self.worker.ahead_sessions() <= 1 {
            self.ahead.clear();
        }
        let start = self.ahead.len();
        self.ahead.extend_from_slice(&self.input[..read]);
        start..self.ahead.len()
    }
}

/// Runs a worker until `stop` says so or nothing more can be dealt to it.
pub(crate) fn run(
    worker: Worker,
    mut dealt: mpsc::UnboundedReceiver<Dealt>,
    wake: Arc<Notify>,
    appender: Arc<AppenderLink>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let turn = Arc::new(Turn::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park({
            let turn = Arc::clone(&turn);
            move || turn.end()
        })
        .build()?;
    let bench = Arc::new(Mutex::new(Bench {
        worker,
        input: vec![0; READ_BYTES].into(),
        output: Vec::new(),
        ahead: Vec::new(),
        connections: Connections::default(),
        turn,
        wake: Arc::clone(&wake),
    }));
    runtime.block_on(async {
        tokio::spawn(end_turns(Arc::clone(&bench), wake, appender));
        let mut giving_back = tokio::time::interval(GIVING_BACK_CYCLE);
        giving_back.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|&stop| stop) => return,
                _ = giving_back.tick() => {
                    let mut bench = bench.lock();
                    bench.worker.give_back_memory();
                    bench.connections.close_idle();
                }
                next = dealt.recv() => match next {
                    Some(next) => serve(next, &bench),
                    None => return,
                },
            }
        }
    });
    Ok(())
}

/// Writes what was logged in a turn, and wakes the connections that have waited for the log, for ever. Tasks run in the order in which they are woken: what a
/// connection asks for here is done when all that were ready with it have run, for all of them at once. To wake them from here is no system call.
async fn end_turns(bench: Arc<Mutex<Bench>>, wake: Arc<Notify>, appender: Arc<AppenderLink>) {
    let (node, by) = {
        let bench = bench.lock();
        (Arc::clone(&bench.worker.node), bench.worker.id)
    };
    loop {
        wake.notified().await;
        if appender.write(&node) {
            wake.notify_one();
        }
        // What the file's thread takes it hands on to replicas, too.
        node.ask_for_acks(by);
        node.collect_log();
        node.wake_released(by.0);
    }
}

fn serve(dealt: Dealt, bench: &Arc<Mutex<Bench>>) {
    let id = dealt.client.id;
    match dealt.stream.register() {
        Ok(stream) => {
            let may_enter = !bench.lock().worker.node.password.is_required();
            let session = Session::new(dealt.client, may_enter);
            tokio::spawn(Connection::new(stream, session, Arc::clone(bench)));
        }
        Err(error) => {
            tracing::warn!("Error registering a client's socket: {error}");
            bench.lock().worker.node.clients.disconnect(id);
        }
    }
}
