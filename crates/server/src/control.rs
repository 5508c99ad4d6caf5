//! The control thread's part in serving clients: accepting and dealing connections, and the timers.

use crate::clock;
use crate::listen::Listener;
use crate::stream::RawStream;
use crate::worker::Dealt;
use base::Monotonic;
use config::Config;
use engine::ExpireCursor;
use node::Node;
use node::clients::{Client, ClientId, Origin};
use node::protected_mode;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often it is looked whether clients have been idle too long, or have too much unread.
const CLIENTS_CYCLE: Duration = Duration::from_secs(1);

/// Where new connections go.
pub(crate) struct Dealer {
    pub(crate) node: Arc<Node>,
    pub(crate) workers: Vec<mpsc::UnboundedSender<Dealt>>,
    pub(crate) next: AtomicUsize,
}

impl Dealer {
    /// Accepts from one socket for ever.
    pub(crate) async fn accept(self: Arc<Dealer>, listener: Listener) {
        loop {
            // Settings that change while the next client is awaited hold for the one after it.
            let config = self.node.settings.current();
            match listener.accept(&config.network).await {
                Ok((stream, origin)) => self.deal(stream, origin),
                Err(error) => {
                    tracing::warn!("Error accepting a client connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Gives a connection to the next worker, or tells the client why it is not served.
    fn deal(&self, stream: RawStream, mut origin: Origin) {
        let config = self.node.settings.current();
        let stats = self.node.stats(self.node.control());
        let has_password = self.node.password.is_required();
        if protected_mode::denies(config.network.protected_mode, has_password, &origin) {
            stats.rejected_connections.add(1);
            refuse(stream, protected_mode::DENIED.as_bytes());
            return;
        }
        let now = clock::now();
        let worker = self.next.fetch_add(1, Relaxed) % self.workers.len();
        origin.worker = worker;
        tracing::debug!("Accepted {}", origin.address);
        let clients_max = config.network.maxclients as usize;
        match self.node.clients.connect(origin, clients_max, now.wall, now.monotonic) {
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

/// Runs the timers for ever, `hz` times a second.
pub(crate) async fn run_timers(node: Arc<Node>) {
    let mut cursor = ExpireCursor::default();
    node.measure_startup_memory();
    let mut watch = ClientsWatch::default();
    let mut looked_at_clients = clock::monotonic();
    loop {
        let config = node.settings.current();
        let cycle = Duration::from_secs(1) / config.general.hz.max(1);
        tokio::time::sleep(cycle).await;
        clock::synchronise();
        node.expire_cycle(&mut cursor, cycle, clock::now);
        free_flushed(&node, clock::monotonic() + cycle / 2).await;
        let now = clock::now();
        node.tick(now);
        let now = now.monotonic;
        if now.since(looked_at_clients) >= CLIENTS_CYCLE {
            looked_at_clients = now;
            watch.look(&node, &config, now);
        }
    }
}

/// Frees what was flushed, until `end` at most. Between the portions the bus and new clients have their turn.
async fn free_flushed(node: &Node, end: Monotonic) {
    while node.free_flushed() && clock::monotonic() < end {
        tokio::task::yield_now().await;
    }
}

/// Disconnects clients that have sent nothing for too long (`timeout`), or have left too much unread for too long (the soft part of
/// `client-output-buffer-limit`).
#[derive(Default)]
struct ClientsWatch {
    /// Since when clients have had more unread than the soft limit.
    beyond_soft_limit: BTreeMap<ClientId, Monotonic>,
}

impl ClientsWatch {
    fn look(&mut self, node: &Node, config: &Config, now: Monotonic) {
        let idle_max = u64::from(config.network.timeout_seconds);
        let limits = &config.network.client_output_buffer_limit;
        let mut beyond = std::mem::take(&mut self.beyond_soft_limit);
        if idle_max == 0 && limits.normal.soft_bytes == 0 && limits.pubsub.soft_bytes == 0 {
            return;
        }
        for client in node.clients.all() {
            let limit = client.output_limit(limits);
            if idle_max != 0 && client.may_idle_out() && client.idle_seconds(now) > idle_max {
                tracing::debug!("Closing idle client {}", client.origin.address);
                client.kill();
            } else if limit.soft_bytes != 0 && client.unread_bytes() as u64 > limit.soft_bytes {
                let since = beyond.remove(&client.id).unwrap_or(now);
                if now.since(since) >= Duration::from_secs(limit.soft_seconds) {
                    client.kill_for_unread();
                } else {
                    self.beyond_soft_limit.insert(client.id, since);
                }
            }
        }
    }
}

/// Logs that a client is disconnected because it does not read. Test suites look for the line's end.
pub(crate) fn log_overcome(client: &Client) {
    tracing::warn!(
        "Client id={} addr={} closed for overcoming of output buffer limits.",
        client.id.0,
        client.origin.address
    );
}
