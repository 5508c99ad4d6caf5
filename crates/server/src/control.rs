//! The control thread's part in serving clients: accepting and dealing connections.

use crate::clock;
use crate::listen::Listener;
use crate::stream::RawStream;
use crate::worker::Dealt;
use node::Node;
use node::clients::{Client, Origin};
use node::protected_mode;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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

/// Logs that a client is disconnected because it does not read. Test suites look for the line's end.
pub(crate) fn log_overcome(client: &Client) {
    tracing::warn!(
        "Client id={} addr={} closed for overcoming of output buffer limits.",
        client.id.0,
        client.origin.address
    );
}
