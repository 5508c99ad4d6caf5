//! The processes of the demo: starting them, joining them to one cluster, stopping them.
//!
//! # Invariants
//!
//! 1. No node outlives the demo, however that ends: [`Nodes`] stops them when it is dropped, and each node asks
//!    the kernel to be killed with the process that started it ([`bind_to_parent`]).
//! 2. The folder goes with the nodes, after the last of them has ended.
//!
//! The nodes get process groups of their own: Ctrl-C in a terminal reaches the demo alone, which then stops
//! them in order.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base::SLOT_COUNT;
use rustix::process::{Pid, Signal, getppid, kill_process};
use tempfile::TempDir;

use super::Stop;
use crate::client::{Address, Client, Reply};
use crate::signals::Signals;

/// The cluster bus listens so far above the client port.
pub(super) const BUS_OFFSET: u16 = 10_000;

/// Tells a node which process it belongs to.
const PARENT: &str = "REDSTART_DEMO_PARENT";

/// Nodes of a demo mark each other as failing after so many milliseconds.
const NODE_TIMEOUT_MS: &str = "5000";

const START_PATIENCE: Duration = Duration::from_secs(15);
const AGREEMENT_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// How much of a dead node's log is shown.
const TAIL_LINES: usize = 8;

/// In a node of a demo, has the kernel kill this process when the demo ends; elsewhere does nothing. The first
/// thing that `main` does, in its own thread.
pub(crate) fn bind_to_parent() {
    let Some(parent) = std::env::var(PARENT).ok().and_then(|text| text.parse::<i32>().ok()) else {
        return;
    };
    #[cfg(target_os = "linux")]
    let bound = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).is_ok();
    #[cfg(not(target_os = "linux"))]
    let bound = true;
    // The demo may have ended before the kernel was asked.
    if !bound || getppid().map(Pid::as_raw_pid) != Some(parent) {
        std::process::exit(1);
    }
}

/// The ports, and bus ports, of a demo that something else listens on.
pub(super) fn taken_ports(first: u16, count: u16) -> Vec<u16> {
    let clients = first..first + count;
    let buses = clients.clone().map(|port| port + BUS_OFFSET);
    clients.chain(buses).filter(|&port| is_taken(port)).collect()
}

fn is_taken(port: u16) -> bool {
    matches!(
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse
    )
}

/// A first port whose demo would find all its ports free.
pub(super) fn free_first_port(after: u16, count: u16) -> Option<u16> {
    let highest = u16::MAX - BUS_OFFSET - count;
    (after..=highest).step_by(100).skip(1).find(|&first| taken_ports(first, count).is_empty())
}

/// One process.
struct Node {
    port: u16,
    child: Child,
    /// Set once it was seen to have ended.
    ended: Option<ExitStatus>,
}

/// A node that ended without being asked to.
pub(super) struct Obituary {
    pub(super) port: u16,
    pub(super) status: ExitStatus,
    /// The end of its log.
    pub(super) tail: Vec<String>,
}

/// The running processes and the folder they run in.
pub(super) struct Nodes {
    nodes: Vec<Node>,
    folder: Option<TempDir>,
}

impl Nodes {
    /// Starts processes on `count` ports from `first` on, each in a folder of its own.
    pub(super) fn start(first: u16, count: u16) -> Result<Nodes, Stop> {
        let executable = std::env::current_exe()
            .map_err(|error| Stop::Failed(format!("cannot find this program's file: {error}")))?;
        let folder = tempfile::Builder::new()
            .prefix("redstart-demo-")
            .tempdir()
            .map_err(|error| Stop::Failed(format!("cannot make a temporary folder: {error}")))?;
        let mut nodes = Nodes { nodes: Vec::new(), folder: Some(folder) };
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers = (cores / usize::from(count)).max(1);
        for port in first..first + count {
            let child = start_node(&executable, &nodes.folder_of(port), port, workers);
            let child = child.map_err(|error| {
                Stop::Failed(format!("cannot start {}: {error}", executable.display()))
            })?;
            nodes.nodes.push(Node { port, child, ended: None });
        }
        Ok(nodes)
    }

    /// The folder of everything.
    pub(super) fn folder(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new(""), TempDir::path)
    }

    fn folder_of(&self, port: u16) -> PathBuf {
        self.folder().join(port.to_string())
    }

    /// The client ports, in order.
    pub(super) fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.port).collect()
    }

    /// How many still run, as far as was seen.
    pub(super) fn running(&self) -> usize {
        self.nodes.iter().filter(|node| node.ended.is_none()).count()
    }

    /// The nodes that have ended since this was last asked.
    pub(super) fn newly_ended(&mut self) -> Vec<Obituary> {
        let mut found = Vec::new();
        for node in self.nodes.iter_mut().filter(|node| node.ended.is_none()) {
            if let Ok(Some(status)) = node.child.try_wait() {
                node.ended = Some(status);
                found.push((node.port, status));
            }
        }
        let tail_of = |port| tail(&log_file(&self.folder_of(port)));
        found
            .into_iter()
            .map(|(port, status)| Obituary { port, status, tail: tail_of(port) })
            .collect()
    }

    /// Waits until every node answers.
    pub(super) fn await_answers(
        &mut self,
        signals: &Signals,
        mut progress: impl FnMut(usize),
    ) -> Result<(), Stop> {
        let answers = |port: u16| {
            Client::connect(&Address::local(port))
                .and_then(|mut client| client.command(&["PING"]))
                .is_ok_and(|reply| reply == Reply::Status("PONG".to_owned()))
        };
        self.await_all(signals, START_PATIENCE, answers, &mut progress).map_err(|stop| {
            stop.or_failed(|silent| format!("{silent} nodes do not answer after 15 s"))
        })
    }

    /// Deals the slots evenly to the first nodes, gives every node an epoch of its own, and introduces each to all before it.
    pub(super) fn join(&self, primaries: usize) -> Result<(), Stop> {
        let ports = self.ports();
        for (index, &port) in ports.iter().enumerate() {
            let share = index.min(primaries - 1);
            let first = share_begin(share, primaries).to_string();
            let last = (share_begin(share + 1, primaries) - 1).to_string();
            let epoch = (index + 1).to_string();
            let earlier: Vec<String> = ports.iter().take(index).map(ToString::to_string).collect();
            let mut commands = vec![vec!["CLUSTER", "SET-CONFIG-EPOCH", &epoch]];
            if index < primaries {
                commands.push(vec!["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
            }
            commands
                .extend(earlier.iter().map(|other| vec!["CLUSTER", "MEET", "127.0.0.1", other]));
            let replies = Client::connect(&Address::local(port))
                .and_then(|mut client| client.pipeline(&commands));
            let replies = replies.map_err(|error| unreachable_node(port, &error))?;
            for (words, reply) in commands.iter().zip(replies) {
                if reply != Reply::Status("OK".to_owned()) {
                    let command = words.join(" ");
                    return Err(Stop::Failed(format!("127.0.0.1:{port}: {command}: {reply}")));
                }
            }
        }
        Ok(())
    }

    /// Has each node behind the primaries follow one of them, in turn.
    pub(super) fn replicate(&self, primaries: usize) -> Result<(), Stop> {
        let ports = self.ports();
        for (index, &port) in ports.iter().enumerate().skip(primaries) {
            let primary = ports[index % primaries];
            let ask = |port, words: &[&str]| {
                let mut client = Client::connect(&Address::local(port))?;
                client.command(words)
            };
            let id = ask(primary, &["CLUSTER", "MYID"]);
            let id = id.map_err(|error| unreachable_node(primary, &error))?;
            let id = id.text().unwrap_or_default();
            let reply = ask(port, &["CLUSTER", "REPLICATE", &id]);
            let reply = reply.map_err(|error| unreachable_node(port, &error))?;
            if reply != Reply::Status("OK".to_owned()) {
                return Err(Stop::Failed(format!("127.0.0.1:{port}: CLUSTER REPLICATE: {reply}")));
            }
        }
        Ok(())
    }

    /// Waits until the nodes behind the primaries have their data.
    pub(super) fn await_links(
        &mut self,
        primaries: usize,
        signals: &Signals,
        mut progress: impl FnMut(usize),
    ) -> Result<(), Stop> {
        let leading: Vec<u16> = self.ports().into_iter().take(primaries).collect();
        let is_linked = |port| {
            let info = Client::connect(&Address::local(port))
                .and_then(|mut client| client.command(&["INFO", "replication"]));
            let text = info.ok().and_then(|info| info.text()).unwrap_or_default();
            leading.contains(&port) || text.contains("master_link_status:up")
        };
        self.await_all(signals, AGREEMENT_PATIENCE, is_linked, &mut progress).map_err(|stop| {
            stop.or_failed(|missing| format!("{missing} replicas have no data after 30 s"))
        })
    }

    /// Waits until every node knows all others, is connected to them, and says `cluster_state:ok`.
    pub(super) fn await_agreement(
        &mut self,
        signals: &Signals,
        mut progress: impl FnMut(usize),
    ) -> Result<(), Stop> {
        let count = self.nodes.len();
        let agrees = |port| agrees(port, count).unwrap_or(false);
        self.await_all(signals, AGREEMENT_PATIENCE, agrees, &mut progress).map_err(|stop| {
            stop.or_failed(|missing| {
                format!("{missing} of {count} nodes do not see the whole cluster after 30 s")
            })
        })
    }

    /// Asks the nodes for which it was not yet true until it is for all; tells of how many it is.
    fn await_all(
        &mut self,
        signals: &Signals,
        patience: Duration,
        condition: impl Fn(u16) -> bool,
        progress: &mut impl FnMut(usize),
    ) -> Result<(), Waited> {
        let deadline = Instant::now() + patience;
        let mut open = self.ports();
        loop {
            open.retain(|&port| !condition(port));
            progress(self.nodes.len() - open.len());
            if open.is_empty() {
                return Ok(());
            }
            if self.nodes.iter_mut().any(|node| !matches!(node.child.try_wait(), Ok(None))) {
                return Err(Waited::Stop(Stop::NodeEnded));
            }
            if Instant::now() >= deadline {
                return Err(Waited::InVain(open.len()));
            }
            signals.pause(PAUSE).map_err(|asked| Waited::Stop(asked.into()))?;
        }
    }

    /// Ends all nodes, then removes the folder.
    pub(super) fn stop(&mut self) -> io::Result<()> {
        for node in &self.nodes {
            if let Some(pid) = Pid::from_raw(node.child.id().cast_signed())
                && node.ended.is_none()
            {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        let deadline = Instant::now() + STOP_PATIENCE;
        while self.nodes.iter_mut().any(|node| matches!(node.child.try_wait(), Ok(None)))
            && Instant::now() < deadline
        {
            thread::sleep(PAUSE);
        }
        for node in &mut self.nodes {
            let _ = node.child.kill();
            let _ = node.child.wait();
        }
        self.nodes.clear();
        self.folder.take().map_or(Ok(()), TempDir::close)
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// Why a wait for all nodes ended early.
enum Waited {
    Stop(Stop),
    /// So many nodes were still missing.
    InVain(usize),
}

impl Waited {
    fn or_failed(self, reason: impl FnOnce(usize) -> String) -> Stop {
        match self {
            Waited::Stop(stop) => stop,
            Waited::InVain(missing) => Stop::Failed(reason(missing)),
        }
    }
}

/// The first slot of node `index` of so many, rounded as `redis-cli --cluster create` does it.
fn share_begin(index: usize, nodes: usize) -> usize {
    (SLOT_COUNT * index + nodes / 2) / nodes
}

pub(super) fn unreachable_node(port: u16, error: &io::Error) -> Stop {
    Stop::Failed(format!("127.0.0.1:{port} does not answer: {error}"))
}

fn start_node(executable: &Path, folder: &Path, port: u16, workers: usize) -> io::Result<Child> {
    fs::create_dir(folder)?;
    let log = File::create(log_file(folder))?;
    let errors = log.try_clone()?;
    Command::new(executable)
        .args(["--port", &port.to_string()])
        .args(["--bind", "127.0.0.1"])
        .args(["--cluster-enabled", "yes"])
        .args(["--cluster-node-timeout", NODE_TIMEOUT_MS])
        .args(["--worker-threads", &workers.to_string()])
        .args(["--save", ""])
        .args(["--repl-diskless-sync-delay", "0"])
        .arg("--dir")
        .arg(folder)
        .env(PARENT, std::process::id().to_string())
        .current_dir(folder)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("redstart.log")
}

fn tail(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(TAIL_LINES);
    lines.into_iter().skip(skipped).map(str::to_owned).collect()
}

fn agrees(port: u16, count: usize) -> io::Result<bool> {
    let mut client = Client::connect(&Address::local(port))?;
    let info = client.command(&["CLUSTER", "INFO"])?.text().unwrap_or_default();
    if !info.lines().any(|line| line == "cluster_state:ok") {
        return Ok(false);
    }
    let view = client.command(&["CLUSTER", "NODES"])?.text().unwrap_or_default();
    Ok(view.lines().count() == count && view.lines().all(is_healthy))
}

/// Whether a line of CLUSTER NODES is of a node that is connected, known by its id, and not suspected.
fn is_healthy(line: &str) -> bool {
    let mut fields = line.split(' ');
    let flags = fields.nth(2).unwrap_or_default();
    let link = fields.nth(4).unwrap_or_default();
    let is_bad = |flag| matches!(flag, "handshake" | "noaddr" | "fail" | "fail?");
    link == "connected" && !flags.split(',').any(is_bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_healthy_when_it_is_connected_and_not_suspected() {
        let line = |flags, link| {
            format!("{} 127.0.0.1:7000@17000 {flags} - 0 1 1 {link} 0-5460", "a".repeat(40))
        };
        assert!(is_healthy(&line("myself,master", "connected")));
        assert!(is_healthy(&line("master", "connected")));
        assert!(!is_healthy(&line("master", "disconnected")));
        assert!(!is_healthy(&line("master,fail?", "connected")));
        assert!(!is_healthy(&line("handshake", "connected")));
        assert!(!is_healthy(""));
    }

    #[test]
    fn slots_are_dealt_as_redis_cli_deals_them() {
        let begins = |nodes| (0..=nodes).map(|index| share_begin(index, nodes)).collect::<Vec<_>>();
        assert_eq!(begins(3), [0, 5461, 10923, 16384]);
        assert_eq!(begins(6), [0, 2731, 5461, 8192, 10923, 13653, 16384]);
        assert_eq!(begins(1), [0, 16384]);
    }

    #[test]
    fn a_port_that_is_listened_on_is_taken_and_another_is_proposed() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(is_taken(port));
        let proposed = free_first_port(12_000, 3).unwrap();
        assert!(proposed > 12_000 && taken_ports(proposed, 3).is_empty());
    }
}
