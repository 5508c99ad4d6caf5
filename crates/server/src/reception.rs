//! The sockets that clients connect to, and their exchange while the server runs (CONFIG SET port and bind).

use crate::control::Dealer;
use crate::files;
use crate::listen::{ListenError, Listener, listen_port, listen_unix};
use config::Network;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Asks for the TCP sockets of other settings in the place of the present ones.
pub(crate) struct Rebind {
    pub(crate) network: Network,
    /// Told when the sockets are open, or that the old ones are again.
    pub(crate) answer: SyncSender<Result<(), ListenError>>,
}

/// The open sockets, and the settings that they were opened by.
pub(crate) struct Reception {
    tcp: Vec<Listener>,
    unix: Option<Listener>,
    network: Network,
}

/// The kinds of sockets that clients may come to.
pub(crate) struct Ready {
    tcp: bool,
    unix: bool,
}

impl Ready {
    /// Logs that clients may come.
    pub(crate) fn tell(&self) {
        if self.tcp {
            tracing::info!("Ready to accept connections tcp");
        }
        if self.unix {
            tracing::info!("Ready to accept connections unix");
        }
    }
}

impl Reception {
    /// Opens every socket that clients connect to. Must be called inside a runtime.
    pub(crate) fn open(network: &Network) -> Result<Reception, ListenError> {
        let tcp = open_tcp(network)?;
        let path = files::path(&network.unixsocket);
        let unix = match network.unixsocket.is_empty() {
            true => None,
            false => Some(
                listen_unix(path, network.unixsocketperm, network.tcp_backlog)
                    .map_err(|error| ListenError::Unix { path: path.to_owned(), error })?,
            ),
        };
        Ok(Reception { tcp, unix, network: network.clone() })
    }

    /// What is to be told when clients may come.
    pub(crate) fn ready(&self) -> Ready {
        Ready { tcp: !self.tcp.is_empty(), unix: self.unix.is_some() }
    }

    /// Accepts from the sockets, and exchanges them when asked to, for ever.
    pub(crate) async fn run(
        self,
        dealer: Arc<Dealer>,
        mut orders: mpsc::UnboundedReceiver<Rebind>,
    ) {
        let mut network = self.network;
        let (mut unix, mut tcp) = (JoinSet::new(), JoinSet::new());
        accept_from(&dealer, &mut unix, self.unix);
        accept_from(&dealer, &mut tcp, self.tcp);
        while let Some(Rebind { network: wanted, answer }) = orders.recv().await {
            // The old sockets first: one may be in the way of a new one.
            tcp.shutdown().await;
            let opened = open_tcp(&wanted);
            if opened.is_ok() {
                network = wanted;
            }
            let result = opened.map(|listeners| accept_from(&dealer, &mut tcp, listeners));
            if let Err(error) = &result {
                tracing::warn!("{error}");
                match open_tcp(&network) {
                    Ok(listeners) => accept_from(&dealer, &mut tcp, listeners),
                    Err(error) => tracing::error!("No longer reachable by TCP: {error}"),
                }
            }
            // Who asked may have given up waiting.
            let _ = answer.send(result);
        }
    }
}

fn open_tcp(network: &Network) -> Result<Vec<Listener>, ListenError> {
    if network.port == 0 {
        return Ok(Vec::new());
    }
    let opened = listen_port(&network.bind.0, network.port, network.tcp_backlog)?;
    Ok(opened.into_iter().map(Listener::Tcp).collect())
}

fn accept_from(
    dealer: &Arc<Dealer>,
    accepting: &mut JoinSet<()>,
    listeners: impl IntoIterator<Item = Listener>,
) {
    for listener in listeners {
        accepting.spawn(Arc::clone(dealer).accept(listener));
    }
}
