//! Starting a node and its threads, and stopping them.

use crate::appending::{Appender, AppenderLink, OpenLog, load_log};
use crate::banner;
use crate::bus::{Bus, LinkBuffers};
use crate::bus_auth::{BusAuthError, bus_auth};
use crate::control::Dealer;
use crate::following::{Follower, FollowerLink};
use crate::host::{self, ProcessHost};
use crate::launch::Launch;
use crate::listen::{ListenError, listen_port};
use crate::loading::{Duplicates, Loaded, LoadingError, load_snapshot};
use crate::nodes_conf::{NodesConf, NodesConfError};
use crate::open_files::{self, OpenFiles};
use crate::pid_file::PidFile;
use crate::reception::Reception;
use crate::saving::{Saver, remove_temporary};
use crate::telemetry::Telemetry;
use crate::upkeep::{start_freeing, start_timers};
use crate::worker::{self, Dealt};
use crate::{clock, entropy, files, process};
use base::{NodeId, Rng};
use cluster::Machine;
use config::Config;
use engine::{HashSeed, WorkerId};
use node::{AnnounceError, Node, NodeOptions, Worker, bus_config};
use parking_lot::Mutex;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

/// How often it is looked whether an end that is put off is due.
const PUT_OFF_STEP: Duration = Duration::from_millis(10);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log file cannot be written.
    #[error("Can't open the log file: {}", files::reason(.0))]
    Log(io::Error),
    /// The working folder cannot be entered.
    #[error("Can't chdir to '{}': {}", folder.display(), files::reason(error))]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Too few files may be open for even one client.
    #[error("Only {0} files may be open, too few to serve anybody: raise the limit (ulimit -n)")]
    OpenFiles(u64),
    /// A setting of the bus cannot be used.
    #[error(transparent)]
    Bus(#[from] AnnounceError),
    /// Packets of the bus cannot be sealed.
    #[error(transparent)]
    BusAuth(#[from] BusAuthError),
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
    /// The data could not be loaded.
    #[error(transparent)]
    Loading(#[from] LoadingError),
    /// The operating system gave no random bytes.
    #[error("No entropy: {0}")]
    Entropy(#[from] getrandom::Error),
}

impl StartError {
    /// Whether the log tells of it.
    #[must_use]
    pub fn is_logged(&self) -> bool {
        !matches!(self, StartError::Log(_) | StartError::Folder { .. })
    }
}

/// Runs a server until a signal or a client stops it. What goes wrong once the log is open is logged.
///
/// # Errors
///
/// Where it could not be started.
pub fn run(mut launch: Launch) -> Result<(), StartError> {
    clock::synchronise();
    enter_folder(&mut launch.config)?;
    let telemetry = Telemetry::open(&launch.config).map_err(StartError::Log)?;
    banner::announce(&launch);
    let served = serve(launch, telemetry);
    match &served {
        Ok(()) => tracing::warn!("Redstart is now ready to exit, bye bye..."),
        Err(StartError::Listen(error)) => error.log(),
        Err(error) => tracing::error!("{error}"),
    }
    served
}

fn serve(mut launch: Launch, telemetry: Telemetry) -> Result<(), StartError> {
    let mut rng = entropy::rng()?;
    allow_clients(&mut launch.config)?;
    let config = launch.config.clone();
    let (stop, stopped) = watch::channel(false);
    let (rebind, orders) = mpsc::unbounded_channel();
    let bus_wake = Arc::new(Notify::new());
    let worker_wakes: Vec<_> =
        (0..worker_count(&config)).map(|_| Arc::new(Notify::new())).collect();
    let (wake_saver, saver_orders) = std::sync::mpsc::channel();
    let link_buffers = Arc::new(LinkBuffers::default());
    let appender_link = Arc::new(AppenderLink::default());
    let follower_link = Arc::new(FollowerLink::default());
    let (machine, nodes_conf) = load_cluster(&config, &mut rng)?;
    let facts = process::facts(launch.config_file.as_deref());
    let host = ProcessHost {
        stop,
        nodes_conf: nodes_conf.map(Mutex::new),
        bus_wake: Arc::clone(&bus_wake),
        worker_wakes: worker_wakes.clone(),
        saver: wake_saver.clone(),
        appender: Arc::clone(&appender_link),
        follower: Arc::clone(&follower_link),
        link_buffers: Arc::clone(&link_buffers),
        telemetry,
        config_file: launch.config_file,
        rebind,
    };
    let mut node = Node::new(
        NodeOptions {
            workers: worker_count(&config),
            seed: HashSeed(rng.next_u64(), rng.next_u64()),
            run_id: NodeId::random(&mut rng).to_string(),
            started: clock::now(),
            cluster: machine,
            config: launch.config,
        },
        Box::new(host),
    );
    node.facts = facts;
    let node = Arc::new(node);
    // Before anybody can ask: nobody is served from a keyspace that is empty because it is not loaded yet.
    assert!(node.begin_loading(node.control(), clock::now(), 0), "nobody else is there to load");
    let control = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (reception, bus_listeners) = {
        let _inside = control.enter();
        (Reception::open(&config.network)?, open_bus(&config, &node)?)
    };
    let _pid_file = PidFile::write(&config);
    let (workers, mut threads) =
        start_workers(&node, (&worker_wakes, &appender_link), &stopped, &mut rng)?;
    threads.push(start_timers(&node, &stopped)?);
    threads.push(start_freeing(&node, &stopped)?);
    let saver = Saver::start(Arc::clone(&node), wake_saver, saver_orders)?;
    tracing::info!("Server initialized");
    control.block_on(async {
        let mut signals = Signals::listen()?;
        let ready = reception.ready();
        let dealer = Dealer { node: Arc::clone(&node), workers, next: AtomicUsize::new(0) };
        let receiving = tokio::spawn(reception.run(Arc::new(dealer), orders));
        let (rng, follower_rng) = (rng.fork(), rng.fork());
        let (loaded, log) = match load(&node, &mut signals, &stopped, rng).await {
            Ok(log) => (Ok(()), log),
            Err(error) => (Err(error), None),
        };
        let (mut appender, mut follower) = (None, None);
        if loaded.is_ok() {
            appender = Some(Appender::start(&node, Arc::clone(&appender_link), log)?);
            node.end_loading(node.control(), clock::now());
            follower = Some(Follower::start(&node, follower_link, appender_link, follower_rng)?);
            ready.tell();
            if node.cluster.is_some() {
                tokio::spawn(Bus::run(Arc::clone(&node), bus_wake, link_buffers, bus_listeners));
            }
            wait_for_end(&node, &mut signals, stopped).await;
        }
        // Closes the listening sockets before the workers let go of their clients.
        receiving.abort();
        node.host.shutdown();
        let end = tokio::task::spawn_blocking(move || {
            // Nothing of a stream is applied after this.
            follower.into_iter().for_each(Follower::stop);
            saver.stop(&node);
            join(threads);
            appender.into_iter().for_each(Appender::stop);
        });
        signals.exit_if_asked_again(end).await;
        match loaded {
            // It was what the operator wanted.
            Err(StartError::Loading(LoadingError::Stopped)) => Ok(()),
            loaded => loaded,
        }
    })
}

/// Loads the data, while clients are told to wait. A signal, or SHUTDOWN, ends that.
async fn load(
    node: &Arc<Node>,
    signals: &mut Signals,
    stopped: &watch::Receiver<bool>,
    rng: Rng,
) -> Result<Option<OpenLog>, StartError> {
    let is_stopped = Arc::new(AtomicBool::new(false));
    let loading = tokio::task::spawn_blocking({
        let (node, is_stopped) = (Arc::clone(node), Arc::clone(&is_stopped));
        let path = files::path(&node.settings.current().persistence.dbfilename).to_owned();
        move || {
            let goes_on = || !is_stopped.load(Relaxed);
            if node.settings.current().persistence.appendonly {
                return load_log(&node, rng, &goes_on).map(Some);
            }
            let loaded = load_snapshot(&node, &path, Duplicates::Refuse, &goes_on)?;
            if let Some(Loaded { place: Some(place), removals, .. }) = loaded {
                node.restore_place(place, &removals, node.control(), clock::now());
            }
            Ok(None)
        }
    });
    tokio::pin!(loading);
    let loaded = tokio::select! {
        biased;
        loaded = &mut loading => loaded,
        _ = signals.wait_for_end(stopped.clone()) => {
            is_stopped.store(true, Relaxed);
            // All may have been loaded just then: nobody was served, and nobody will be.
            loading.await.map_err(io::Error::from)??;
            return Err(LoadingError::Stopped.into());
        }
    };
    Ok(loaded.map_err(io::Error::from)??)
}

/// Returns when the process is to end: a client said so, or a signal did and the data were saved where they have to be.
async fn wait_for_end(node: &Arc<Node>, signals: &mut Signals, mut stopped: watch::Receiver<bool>) {
    loop {
        let end = signals.wait_for_end(stopped.clone()).await;
        node.ask_end();
        while end != End::Client && node.is_end_put_off() {
            if timeout(PUT_OFF_STEP, stopped.wait_for(|&stop| stop)).await.is_ok() {
                return;
            }
        }
        let config = node.settings.current();
        let flags = match end {
            End::Terminate => config.general.shutdown_on_sigterm,
            End::Interrupt => config.general.shutdown_on_sigint,
            End::Client => return,
        };
        if !node.abort_end() {
            // SHUTDOWN ABORT has taken it back.
            continue;
        }
        if flags.failover {
            hand_over(node).await;
        }
        let preparing = tokio::task::spawn_blocking({
            let node = Arc::clone(node);
            move || {
                let by = (node.control(), clock::now());
                node.prepare_end(flags, by, &mut |event| tracing::warn!("{event}"))
            }
        });
        tokio::select! {
            prepared = preparing => {
                if prepared.unwrap_or(false) {
                    return;
                }
                tracing::warn!("Errors trying to shut down the server. Check the logs for more information.");
            }
            _ = signals.interrupt.recv() => exit_at_once(),
        }
    }
}

/// Has a replica take over, where this is a primary of a cluster that has one; returns when it has, or when that takes too long.
async fn hand_over(node: &Arc<Node>) {
    let Some(cluster) = &node.cluster else { return };
    let now = clock::now();
    let now = cluster::Now { monotonic: now.monotonic, wall: now.wall };
    if !cluster.operate(node, node.control(), |machine| machine.give_way(now)) {
        return;
    }
    node.host.wake_bus();
    while cluster.ask(|machine| machine.is_yielding()) {
        tokio::time::sleep(PUT_OFF_STEP).await;
    }
}

/// The operator does not want to wait.
fn exit_at_once() -> ! {
    tracing::warn!("Received SIGINT again: exiting at once.");
    remove_temporary();
    std::process::exit(1);
}

/// Enters the working folder and remembers its absolute path.
fn enter_folder(config: &mut Config) -> Result<(), StartError> {
    let folder = files::path(&config.persistence.dir).to_owned();
    let absolute = host::enter(config).and_then(|()| std::env::current_dir());
    let absolute = absolute.map_err(|error| StartError::Folder { folder, error })?;
    config.persistence.dir = absolute.as_os_str().as_bytes().to_vec();
    Ok(())
}

/// Lets the process have as many files open as its clients need; where it may not, there will be fewer clients.
fn allow_clients(config: &mut Config) -> Result<(), StartError> {
    let wanted = config.network.maxclients;
    match open_files::allow_clients(wanted) {
        OpenFiles::Enough => {}
        OpenFiles::Raised(from, to) => {
            tracing::info!("Raised the limit of open files from {from} to {to}");
        }
        OpenFiles::TooFew { limit, clients: 0 } => return Err(StartError::OpenFiles(limit)),
        OpenFiles::TooFew { limit, clients } => {
            tracing::warn!(
                "maxclients is {clients} instead of {wanted}: the system lets this process have only {limit} files \
                 open. Raise the limit (ulimit -n) to serve more"
            );
            config.network.maxclients = u32::try_from(clients).unwrap_or(u32::MAX);
        }
    }
    Ok(())
}

fn worker_count(config: &Config) -> usize {
    match config.general.worker_threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        configured => configured as usize,
    }
}

/// The sockets of the bus. Must be called inside a runtime.
fn open_bus(config: &Config, node: &Node) -> Result<Vec<tokio::net::TcpListener>, ListenError> {
    if node.cluster.is_none() {
        return Ok(Vec::new());
    }
    listen_port(&config.network.bind.0, node.bus_port, config.network.tcp_backlog)
}

/// The ways to the workers, and their threads.
type Workers = (Vec<mpsc::UnboundedSender<Dealt>>, Vec<JoinHandle<io::Result<()>>>);

fn start_workers(
    node: &Arc<Node>,
    (wakes, appender): (&[Arc<Notify>], &Arc<AppenderLink>),
    stopped: &watch::Receiver<bool>,
    rng: &mut Rng,
) -> io::Result<Workers> {
    let (mut ways, mut threads) = (Vec::new(), Vec::new());
    for (number, wake) in wakes.iter().enumerate() {
        let (send, receive) = mpsc::unbounded_channel();
        let worker = Worker::new(Arc::clone(node), WorkerId(number), rng.fork());
        let (wake, appender, stopped) = (Arc::clone(wake), Arc::clone(appender), stopped.clone());
        let thread = thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || worker::run(worker, receive, wake, appender, stopped))?;
        ways.push(send);
        threads.push(thread);
    }
    Ok((ways, threads))
}

fn join(threads: Vec<JoinHandle<io::Result<()>>>) {
    for thread in threads {
        if let Ok(Err(error)) = thread.join() {
            tracing::warn!("A worker had failed: {error}");
        }
    }
}

/// The node's place in the cluster as its file has it, or a new one; nothing outside a cluster.
fn load_cluster(
    config: &Config,
    rng: &mut Rng,
) -> Result<(Option<Machine>, Option<NodesConf>), StartError> {
    if !config.cluster.enabled {
        return Ok((None, None));
    }
    let (mut bus, _) = bus_config(config)?;
    bus.auth = bus_auth(config)?;
    let path = files::path(&config.cluster.config_file);
    let (file, text) = NodesConf::open(path)?;
    let now = clock::now();
    let now = cluster::Now { monotonic: now.monotonic, wall: now.wall };
    let rng = rng.fork();
    let loaded = Machine::from_nodes_conf(bus.clone(), rng.clone(), now, &text)
        .map_err(|error| StartError::CorruptNodesConf { path: path.to_owned(), error })?;
    let machine = loaded.unwrap_or_else(|| Machine::new(bus, rng, now));
    Ok((Some(machine), Some(file)))
}

/// Who asks for the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// SHUTDOWN, which has done what has to be done before.
    Client,
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
}

/// The signals that an operator sends.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Listened to so that a closed terminal does not end the server.
    _hangup: Signal,
}

impl Signals {
    fn listen() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns when a client or a signal asks for the end.
    async fn wait_for_end(&mut self, mut stopped: watch::Receiver<bool>) -> End {
        let end = tokio::select! {
            _ = stopped.wait_for(|&stop| stop) => End::Client,
            _ = self.terminate.recv() => {
                tracing::info!("Received SIGTERM scheduling shutdown...");
                End::Terminate
            }
            _ = self.interrupt.recv() => {
                tracing::info!("Received SIGINT scheduling shutdown...");
                End::Interrupt
            }
        };
        tracing::info!("User requested shutdown...");
        end
    }

    /// Waits for the end, unless the operator does not want to.
    async fn exit_if_asked_again(&mut self, end: tokio::task::JoinHandle<()>) {
        tokio::select! {
            _ = end => {}
            _ = self.interrupt.recv() => exit_at_once(),
        }
    }
}
