//! Threads that have time: one for the timers, and one that frees what is large.
//!
//! They are none of those that clients and heartbeats wait for: a million keys may expire, and a value of ten million elements may be freed,
//! while the control thread goes on speaking on the bus.

use crate::clock;
use base::Monotonic;
use config::Config;
use engine::ExpireCursor;
use node::Node;
use node::clients::ClientId;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked whether clients have been idle too long, or have too much unread.
const CLIENTS_CYCLE: Duration = Duration::from_secs(1);

/// How often it is looked whether there is something to free.
const FREEING_CYCLE: Duration = Duration::from_millis(50);

/// How often memory is given back to the system.
pub(crate) const GIVING_BACK_CYCLE: Duration = Duration::from_millis(500);

/// Starts the thread of the timers.
pub(crate) fn start_timers(
    node: &Arc<Node>,
    stopped: &watch::Receiver<bool>,
) -> io::Result<JoinHandle<io::Result<()>>> {
    start("timers", run_timers(Arc::clone(node)), stopped)
}

/// Starts the thread that frees.
pub(crate) fn start_freeing(
    node: &Arc<Node>,
    stopped: &watch::Receiver<bool>,
) -> io::Result<JoinHandle<io::Result<()>>> {
    start("freeing", run_freeing(Arc::clone(node)), stopped)
}

/// Runs something in a thread of its own until the server stops.
fn start(
    name: &str,
    work: impl Future<Output = ()> + Send + 'static,
    stopped: &watch::Receiver<bool>,
) -> io::Result<JoinHandle<io::Result<()>>> {
    let mut stopped = stopped.clone();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(async {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|&stopped| stopped) => {}
                () = work => {}
            }
        });
        Ok(())
    })
}

/// Frees for ever what was flushed or takes long to free, one portion or one value after the other.
async fn run_freeing(node: Arc<Node>) {
    let mut gave_back = clock::monotonic();
    loop {
        node.note_memory_peak();
        while node.free_flushed() {
            tokio::task::yield_now().await;
        }
        let now = clock::monotonic();
        if now.since(gave_back) >= GIVING_BACK_CYCLE {
            gave_back = now;
            node.give_back_memory();
        }
        tokio::time::sleep(FREEING_CYCLE).await;
    }
}

/// Runs the timers for ever, `hz` times a second.
async fn run_timers(node: Arc<Node>) {
    let mut cursor = ExpireCursor::default();
    let mut watch = ClientsWatch::default();
    let mut looked_at_clients = clock::monotonic();
    loop {
        let config = node.settings.current();
        let cycle = Duration::from_secs(1) / config.general.hz.max(1);
        tokio::time::sleep(cycle).await;
        clock::synchronise();
        node.expire_cycle(&mut cursor, cycle, clock::now);
        let now = clock::now();
        node.tick(now);
        node.take_replication_events().iter().for_each(|event| tracing::info!("{event}"));
        if let Some(reason) = node.save_when_due(node.upkeep(), now) {
            tracing::info!("{reason}");
        }
        let now = now.monotonic;
        if now.since(looked_at_clients) >= CLIENTS_CYCLE {
            looked_at_clients = now;
            watch.look(&node, &config, now);
        }
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
