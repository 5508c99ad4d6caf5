//! What all sessions of a node share.

use crate::blocking::BlockedClients;
use crate::clients::{Client, Clients, flag};
use crate::cluster::{self, ClusterNode};
use crate::configuration::{self, Settings};
use crate::confirmation::Confirmation;
use crate::departure::{self, Leaving};
use crate::event::Event;
use crate::facts::ProcessFacts;
use crate::host::Host;
use crate::identity::Identity;
use crate::log::Log;
use crate::monitor::Monitors;
use crate::password::Password;
use crate::pause::{Pause, PauseKind};
use crate::persistence::{self, Persistence};
use crate::pubsub::{self, Channels};
use crate::replication::{self, Replication};
use crate::session::Session;
use crate::stats::{CommandCounts, WorkerStats};
use crate::table::Table;
use crate::tracking::Tracking;
use crate::upkeep::Upkeep;
use crate::worker::Now;
use crate::{command, connection, server, transaction};
use base::Monotonic;
use config::Config;
use engine::{Flushed, HashSeed, Keyspace, WorkerId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

/// What a node is made with.
pub struct NodeOptions {
    /// Its settings.
    pub config: Config,
    /// How many threads run commands; the control thread comes on top.
    pub workers: usize,
    /// The secret of the keyspace's hash function.
    pub seed: HashSeed,
    /// The name of this run: 40 hexadecimal digits.
    pub run_id: String,
    /// When it starts.
    pub started: Now,
    /// Its place in a cluster, in cluster mode.
    pub cluster: Option<::cluster::Machine>,
}

/// How long an event of a kind that clients can cause at will is not told again.
const EVENT_INTERVAL: Duration = Duration::from_secs(60);

/// A node: keyspace, command table, clients, statistics.
pub struct Node {
    /// All keys.
    pub keyspace: Keyspace,
    /// All commands.
    pub table: Table,
    /// All clients.
    pub clients: Clients,
    /// The clients that wait for a key.
    pub(crate) blocked: BlockedClients,
    /// Who listens to what.
    pub channels: Arc<Channels>,
    /// Who is told when keys change.
    pub tracking: Arc<Tracking>,
    pub(crate) monitors: Monitors,
    /// The keys that are on their way to other nodes.
    pub(crate) leaving: Leaving,
    /// What writes did.
    pub(crate) log: Log,
    pub(crate) confirmation: Confirmation,
    pub(crate) persistence: Persistence,
    pub(crate) replication: Replication,
    /// The settings in force.
    pub settings: Settings,
    /// What the node says it is.
    pub identity: Identity,
    /// What is known of the process. Set before the node is shared.
    pub facts: ProcessFacts,
    /// The password of the default user.
    pub password: Password,
    /// The world around.
    pub host: Box<dyn Host>,
    /// The name of this run.
    pub run_id: String,
    /// When it started.
    pub started: Now,
    /// Its place in a cluster, in cluster mode.
    pub cluster: Option<ClusterNode>,
    /// The port that the bus listens on, in cluster mode.
    pub bus_port: u16,
    /// Tables that were flushed and wait for a thread with time to free them.
    pub flushed: Mutex<Vec<Flushed>>,
    pub(crate) upkeep: Upkeep,
    pub(crate) pause: Pause,
    /// When HTTP was last told of, in milliseconds of monotonic time, plus one; 0 before.
    cross_protocol_told: AtomicU64,
    workers: usize,
    stats: Box<[WorkerStats]>,
}

/// Every command of a node.
#[must_use]
pub fn command_table() -> Table {
    let session = [
        command::COMMANDS,
        configuration::COMMANDS,
        connection::COMMANDS,
        departure::COMMANDS,
        persistence::COMMANDS,
        cluster::COMMANDS,
        pubsub::COMMANDS,
        replication::COMMANDS,
        server::COMMANDS,
        transaction::COMMANDS,
    ];
    Table::new(commands::FAMILIES, &session)
}

impl Node {
    /// A node without keys.
    #[must_use]
    pub fn new(options: NodeOptions, host: Box<dyn Host>) -> Node {
        let table = command_table();
        // The control thread counts too (connections, slots that go), that of the timers (expired and evicted keys), that which loads a file, that which
        // follows a primary, and that of the append-only file.
        let threads = options.workers + 5;
        let config = options.config;
        let databases = if config.cluster.enabled {
            config.cluster.databases
        } else {
            config.general.databases
        };
        let identity = Identity {
            compat_version: config.general.compat_version.clone(),
            ..Identity::default()
        };
        let password = Password::default();
        password.set(&config.security.requirepass);
        let keyspace = Keyspace::new(databases as usize, threads, options.seed);
        keyspace.set_rules(&configuration::rules(&config));
        let channels = Arc::new(Channels::default());
        channels.configure(&config);
        let tracking = Arc::new(Tracking::default());
        tracking.configure(&config);
        let leader = options.cluster.as_ref().and_then(::cluster::Machine::leader);
        let leader = leader.map(|leader| (leader.ip.to_string(), leader.port));
        let primary = leader.or(config.replication.replicaof.0.clone());
        let node = Node {
            cluster: options.cluster.map(|machine| {
                ClusterNode::new(machine, &keyspace, Arc::clone(&channels), Arc::clone(&tracking))
            }),
            keyspace,
            stats: (0..threads).map(|_| WorkerStats::new(table.numbered())).collect(),
            table,
            clients: Clients::default(),
            blocked: BlockedClients::default(),
            channels,
            tracking,
            monitors: Monitors::default(),
            leaving: Leaving::default(),
            log: Log::new(threads),
            confirmation: Confirmation::new(options.workers),
            persistence: Persistence::new(options.started),
            bus_port: configuration::bus_config(&config).map_or(0, |(_, port)| port),
            settings: Settings::new(config),
            identity,
            password,
            facts: ProcessFacts::default(),
            replication: Replication::new(&options.run_id, options.started.monotonic, primary),
            upkeep: Upkeep::new(&options.run_id),
            host,
            run_id: options.run_id,
            started: options.started,
            flushed: Mutex::default(),
            pause: Pause::default(),
            cross_protocol_told: AtomicU64::new(0),
            workers: options.workers,
        };
        node.note_role(node.replication.is_replica());
        node
    }

    /// Forgets a session whose connection has ended.
    pub fn end_session(&self, session: &mut Session, now: Monotonic) {
        session.end(self);
        self.end_wait_for_log(session.client());
        if let Some(replica) = session.replica() {
            self.leave_replica(replica, now);
        }
        self.disconnect(session.client());
    }

    /// Forgets a client whose connection has ended.
    pub fn disconnect(&self, client: &Client) {
        self.channels.unsubscribe_all(client);
        self.tracking.disable(&self.keyspace, client);
        self.monitors.remove(client);
        self.clients.disconnect(client.id);
    }

    /// How many threads run commands.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The number under which the control thread counts.
    #[must_use]
    pub fn control(&self) -> WorkerId {
        WorkerId(self.workers)
    }

    /// The number under which the thread of the timers counts.
    #[must_use]
    pub fn upkeep(&self) -> WorkerId {
        WorkerId(self.workers + 1)
    }

    /// The number under which whoever loads a file counts: there is one at a time.
    #[must_use]
    pub fn replaying(&self) -> WorkerId {
        WorkerId(self.workers + 2)
    }

    /// The number under which the thread counts that follows a primary.
    #[must_use]
    pub fn following(&self) -> WorkerId {
        WorkerId(self.workers + 3)
    }

    /// The number under which the thread of the append-only file counts.
    #[must_use]
    pub fn appending(&self) -> WorkerId {
        WorkerId(self.workers + 4)
    }

    /// The statistics of one thread.
    #[must_use]
    pub fn stats(&self, worker: WorkerId) -> &WorkerStats {
        &self.stats[worker.0]
    }

    /// The statistics of all threads.
    pub fn all_stats(&self) -> impl Iterator<Item = &WorkerStats> {
        self.stats.iter()
    }

    /// What all threads have counted of each command that was called or refused, by name.
    #[must_use]
    pub fn command_counts(&self) -> Vec<CommandCounts> {
        let sum = |index: usize, name: &str| {
            let zero =
                CommandCounts { name: name.to_owned(), calls: 0, nanos: 0, rejected: 0, failed: 0 };
            self.all_stats().map(|stats| &stats.by_command[index]).fold(zero, |sum, one| {
                CommandCounts {
                    name: sum.name,
                    calls: sum.calls + one.calls.value(),
                    nanos: sum.nanos + one.nanos.value(),
                    rejected: sum.rejected + one.rejected.value(),
                    failed: sum.failed + one.failed.value(),
                }
            })
        };
        let mut counts: Vec<_> = self
            .table
            .by_number()
            .iter()
            .map(|entry| sum(entry.index, &entry.full_name))
            .filter(|counts| counts.calls + counts.rejected + counts.failed > 0)
            .collect();
        counts.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        counts
    }

    /// Begins all statistics anew (CONFIG RESETSTAT).
    pub fn reset_statistics(&self) {
        self.stats.iter().for_each(WorkerStats::reset);
        self.keyspace.reset_statistics();
        self.replication.reset_statistics();
        self.upkeep.reset_statistics();
    }

    /// How many error replies there were, by their code words.
    #[must_use]
    pub fn error_counts(&self) -> BTreeMap<String, u64> {
        let mut sum = BTreeMap::new();
        self.all_stats().for_each(|stats| stats.error_codes.add_to(&mut sum));
        sum
    }

    /// What CLIENT PAUSE has paused, and until when.
    #[must_use]
    pub fn paused(&self) -> Option<(PauseKind, Monotonic)> {
        self.pause.state()
    }

    /// Lets the commands of a kind wait until `end` (CLIENT PAUSE). A pause that lasts longer or is stricter goes on.
    pub fn begin_pause(&self, kind: PauseKind, end: Monotonic) {
        self.pause.begin(kind, end);
    }

    /// Ends the pause and wakes all clients that wait for it (CLIENT UNPAUSE).
    pub fn end_pause(&self) {
        if self.pause.end_if(|_| true) {
            self.wake_paused();
        }
    }

    /// Ends the pause if its time has come, and wakes all clients that wait for it. For a timer.
    pub fn end_pause_if_due(&self, now: Monotonic) {
        if self.pause.kind().is_some() && self.pause.end_if(|end| end <= now) {
            self.wake_paused();
        }
    }

    /// Which commands have to wait.
    #[inline]
    pub(crate) fn pause_kind(&self) -> Option<PauseKind> {
        self.pause.kind()
    }

    /// See [`crate::pause`] for the order of things.
    pub(crate) fn wake_paused(&self) {
        fence(Ordering::SeqCst);
        self.clients.wake_flagged(flag::PAUSED);
    }

    /// The event that a client has sent HTTP, unless there was one within the last minute.
    pub(crate) fn cross_protocol_event(&self, now: Monotonic, address: &str) -> Option<Event> {
        let told = self.cross_protocol_told.load(Ordering::Relaxed);
        let is_recent = told != 0 && now.since(Monotonic::from_millis(told - 1)) < EVENT_INTERVAL;
        let exchange = || {
            let now = now.millis() + 1;
            let relaxed = Ordering::Relaxed;
            self.cross_protocol_told.compare_exchange(told, now, relaxed, relaxed).is_ok()
        };
        let is_first = !is_recent && exchange();
        is_first.then(|| Event::CrossProtocolRequest { address: address.to_owned() })
    }
}
