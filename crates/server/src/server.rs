//! Starting a node and its threads, and stopping them.

use crate::control::{Dealer, run_timers};
use crate::host::ProcessHost;
use crate::listen::{ListenError, listen};
use crate::options::Options;
use crate::{clock, entropy, worker};
use base::NodeId;
use engine::{HashSeed, WorkerId};
use node::{Node, NodeOptions, Worker};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket could not be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A thread or a runtime could not be made.
    #[error("Could not start a thread: {0}")]
    Thread(#[from] io::Error),
    /// The operating system gave no random bytes.
    #[error("No entropy: {0}")]
    Entropy(#[from] getrandom::Error),
}

/// Runs a server until a signal or a client stops it.
///
/// # Errors
///
/// Where it could not be started.
pub fn run(options: Options) -> Result<(), StartError> {
    let mut rng = entropy::rng()?;
    let workers = match options.workers {
        0 => thread::available_parallelism().map_or(1, usize::from),
        configured => configured,
    };
    let (stop, stopped) = watch::channel(false);
    let node = Arc::new(Node::new(
        NodeOptions {
            databases: options.databases,
            workers,
            seed: HashSeed(rng.next_u64(), rng.next_u64()),
            run_id: NodeId::random(&mut rng).to_string(),
            started: clock::now(),
        },
        Box::new(ProcessHost { stop }),
    ));
    let control = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listeners = {
        let _inside = control.enter();
        listen(&options)?
    };
    let mut dealt_to = Vec::new();
    let mut threads = Vec::new();
    for number in 0..workers {
        let (send, receive) = mpsc::unbounded_channel();
        let worker = Worker::new(Arc::clone(&node), WorkerId(number), rng.fork());
        let stopped = stopped.clone();
        let thread = thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || worker::run(worker, receive, stopped))?;
        dealt_to.push(send);
        threads.push(thread);
    }
    tracing::info!("Server initialized");
    let dealer = Arc::new(Dealer {
        node: Arc::clone(&node),
        options,
        workers: dealt_to,
        next: AtomicUsize::new(0),
    });
    control.block_on(async {
        for listener in listeners {
            tokio::spawn(Arc::clone(&dealer).accept(listener));
        }
        tokio::spawn(run_timers(Arc::clone(&node)));
        tracing::info!("Ready to accept connections");
        wait_for_end(stopped, &node).await
    })?;
    // Closes the listening sockets before the workers let go of their clients.
    drop(control);
    node.host.shutdown();
    for thread in threads {
        if let Ok(Err(error)) = thread.join() {
            tracing::warn!("A worker had failed: {error}");
        }
    }
    tracing::info!("Redstart is now ready to exit, bye bye...");
    Ok(())
}

/// Returns when a client or a signal asks for the end.
async fn wait_for_end(mut stopped: watch::Receiver<bool>, node: &Node) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = stopped.wait_for(|&stop| stop) => tracing::info!("User requested shutdown..."),
        _ = terminate.recv() => tracing::info!("Received SIGTERM scheduling shutdown..."),
        _ = interrupt.recv() => tracing::info!("Received SIGINT scheduling shutdown..."),
    }
    node.host.shutdown();
    Ok(())
}
