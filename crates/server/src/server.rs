//! Starting a node and its threads, and stopping them.

use crate::bus::{Bus, LinkBuffers};
use crate::control::{Dealer, run_timers};
use crate::host::ProcessHost;
use crate::listen::{ListenError, listen, listen_port};
use crate::nodes_conf::{NodesConf, NodesConfError};
use crate::options::{ClusterOptions, Options};
use crate::{clock, entropy, worker};
use base::{NodeId, Rng};
use cluster::Machine;
use engine::{HashSeed, WorkerId};
use node::{Node, NodeOptions, Worker};
use parking_lot::Mutex;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket could not be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A thread or a runtime could not be made.
    #[error("Could not start a thread: {0}")]
    Thread(#[from] io::Error),
    /// The file of the cluster's nodes cannot be used.
    #[error(transparent)]
    NodesConf(#[from] NodesConfError),
    /// The file of the cluster's nodes was not written by a node.
    #[error("Unrecoverable error: corrupted cluster config file {}: {error}", path.display())]
    CorruptNodesConf {
        /// Its path.
        path: PathBuf,
        /// What is wrong in it.
        error: cluster::ConfError,
    },
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
    let bus_wake = Arc::new(Notify::new());
    let link_buffers = Arc::new(LinkBuffers::default());
    let (machine, nodes_conf) = match &options.cluster {
        None => (None, None),
        Some(cluster) => {
            let (machine, file) = load_cluster(cluster, rng.fork())?;
            (Some(machine), Some(Mutex::new(file)))
        }
    };
    let host = ProcessHost {
        stop,
        nodes_conf,
        bus_wake: Arc::clone(&bus_wake),
        link_buffers: Arc::clone(&link_buffers),
    };
    let node = Arc::new(Node::new(
        NodeOptions {
            databases: options.databases,
            workers,
            seed: HashSeed(rng.next_u64(), rng.next_u64()),
            run_id: NodeId::random(&mut rng).to_string(),
            started: clock::now(),
            cluster: machine,
        },
        Box::new(host),
    ));
    let control = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (listeners, bus_listeners) = {
        let _inside = control.enter();
        let bus = options.cluster.as_ref().map_or(Ok(Vec::new()), |cluster| {
            listen_port(&options.bind, cluster.port, options.backlog)
        })?;
        (listen(&options)?, bus)
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
        if node.cluster.is_some() {
            tokio::spawn(Bus::run(Arc::clone(&node), bus_wake, link_buffers, bus_listeners));
        }
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

/// The node's place in the cluster as its file has it, or a new one.
fn load_cluster(options: &ClusterOptions, rng: Rng) -> Result<(Machine, NodesConf), StartError> {
    let (file, text) = NodesConf::open(&options.file)?;
    let now = clock::now();
    let now = cluster::Now { monotonic: now.monotonic, wall: now.wall };
    let loaded = Machine::from_nodes_conf(options.config.clone(), rng.clone(), now, &text)
        .map_err(|error| StartError::CorruptNodesConf { path: options.file.clone(), error })?;
    let machine = loaded.unwrap_or_else(|| Machine::new(options.config.clone(), rng, now));
    Ok((machine, file))
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
