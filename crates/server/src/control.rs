//! The control thread: accepting and dealing connections, timers, signals.

use crate::clock;
use crate::listen::Listener;
use crate::options::Options;
use crate::stream::RawStream;
use crate::worker::Dealt;
use engine::ExpireCursor;
use node::Node;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often the timers run (`hz` 10).
const CYCLE: Duration = Duration::from_millis(100);

/// How much of a cycle active expiry may take.
const EXPIRE_TIME_MAX: Duration = Duration::from_millis(25);

/// How many keys with an expiry are looked at before the clock is.
const EXPIRE_STEP: u64 = 200;

/// Where new connections go.
pub(crate) struct Dealer {
    pub(crate) node: Arc<Node>,
    pub(crate) options: Options,
    pub(crate) workers: Vec<mpsc::UnboundedSender<Dealt>>,
    pub(crate) next: AtomicUsize,
}

impl Dealer {
    /// Accepts from one socket for ever.
    pub(crate) async fn accept(self: Arc<Dealer>, listener: Listener) {
        loop {
            match listener.accept(&self.options).await {
                Ok((stream, origin)) => self.deal(stream, origin),
                Err(error) => {
                    tracing::warn!("Error accepting a client connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Gives a connection to the next worker, or tells the client that there is no room.
    fn deal(&self, stream: RawStream, mut origin: node::clients::Origin) {
        let now = clock::now();
        let worker = self.next.fetch_add(1, Relaxed) % self.workers.len();
        origin.worker = worker;
        let stats = self.node.stats(self.node.control());
        let clients = &self.node.clients;
        match clients.connect(origin, self.options.clients_max, now.wall, now.monotonic) {
            Some(client) => {
                stats.connections.add(1);
                // A worker that has stopped takes no more; the connection is closed as it is dropped.
                let _ = self.workers[worker].send(Dealt { stream, client });
            }
            None => {
                stats.rejected_connections.add(1);
                refuse(stream, b"-ERR max number of clients reached\r\n");
            }
        }
    }
}

/// Tells a client why it is not served. It may not hear it: its socket is not waited for.
fn refuse(stream: RawStream, why: &[u8]) {
    let _ = match stream {
        RawStream::Tcp(mut stream) => stream.write(why),
        RawStream::Unix(mut stream) => stream.write(why),
    };
}

/// Runs the timers for ever.
pub(crate) async fn run_timers(node: Arc<Node>) {
    let mut cursor = ExpireCursor::default();
    let mut ticks = tokio::time::interval(CYCLE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        node.end_pause_if_due(clock::monotonic());
        expire(&node, &mut cursor);
        let flushed = std::mem::take(&mut *node.flushed.lock());
        drop(flushed);
    }
}

/// One cycle of active expiry: goes on while a tenth or more of the keys it looks at are due, within its time.
fn expire(node: &Node, cursor: &mut ExpireCursor) {
    let start = clock::monotonic();
    loop {
        let now = clock::now();
        let progress = node.keyspace.expire_step(cursor, EXPIRE_STEP, node.control(), now.wall);
        let is_worth_it = progress.expired * 10 >= progress.examined && progress.examined > 0;
        if progress.finished || !is_worth_it || now.monotonic.since(start) > EXPIRE_TIME_MAX {
            return;
        }
    }
}
