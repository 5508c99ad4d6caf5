//! Row `replication`: what a replica costs its primary, how fast it is filled and how fast it follows, and what it costs to wait for it; against Valkey.

pub(crate) mod acknowledged;
pub(crate) mod applying;
pub(crate) mod cost;
pub(crate) mod full_sync;
pub(crate) mod slow;

use super::control::Control;
use super::peer::{Peer, Program, Server};
use super::readings::CLIENT_CORE;
use super::throughput::Throughput;
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

/// What the row found; a part that broke is `None`.
pub(crate) struct Replication {
    /// CPU per SET of a primary with a replica.
    pub(crate) cost: Option<Throughput>,
    /// Sending all that is there to a new replica.
    pub(crate) full_sync: Option<full_sync::FullSync>,
    /// A replica that runs what it is sent.
    pub(crate) applying: Option<applying::Applying>,
    /// Replies that wait for a replica.
    pub(crate) acknowledged: Option<acknowledged::Acknowledged>,
    /// A primary whose replicas do not read.
    pub(crate) slow: Option<Vec<slow::Growth>>,
}

/// A primary sends at once, straight from memory; the backlog is as large as Valkey's is by itself.
const SETTINGS: [&str; 6] = [
    "--repl-diskless-sync",
    "yes",
    "--repl-diskless-sync-delay",
    "0",
    "--repl-backlog-size",
    "10mb",
];

/// The same with room for what a replica on a busy core has not read yet, so that none is cut off while it is measured.
const ROOMY: [&str; 8] = [
    "--repl-diskless-sync",
    "yes",
    "--repl-diskless-sync-delay",
    "0",
    "--repl-backlog-size",
    "64mb",
    "--client-output-buffer-limit",
    "replica 0 0 0",
];

/// How long a replica may take until it is where it has to be.
const DEADLINE: Duration = Duration::from_secs(120);

/// How often a server is asked whether it is.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// The programs that are compared, with these settings.
fn chosen(programs: &[Program], settings: &'static [&'static str]) -> Vec<Program> {
    let both = programs.iter().filter(|one| matches!(one.peer, Peer::Redstart | Peer::Valkey));
    both.map(|program| program.with(settings)).collect()
}

/// A primary on the server's core, and its replica on the client's.
struct Pair {
    primary: Server,
    replica: Server,
}

impl Pair {
    /// Joins them, and waits until the replica has what the primary has.
    fn join(program: &Program, primary: Server) -> Result<Pair> {
        let replica = Server::start_on(CLIENT_CORE, program)?;
        follow(&replica, primary.port)?;
        await_linked(&replica)?;
        Ok(Pair { primary, replica })
    }

    /// Waits until the replica has caught up. It must not have lost its place meanwhile.
    fn await_caught_up(&self) -> Result<()> {
        let (mut primary, mut replica) = (self.primary.control()?, self.replica.control()?);
        let deadline = Instant::now() + DEADLINE;
        let offset =
            |control: &mut Control| control.info_number("replication", "master_repl_offset");
        while offset(&mut primary)? != offset(&mut replica)? {
            ensure!(Instant::now() < deadline, "the replica does not catch up");
            std::thread::sleep(ASK_EVERY);
        }
        let syncs = primary.info_number("stats", "sync_full")?;
        ensure!(syncs == 1, "the replica was cut off: {syncs} full synchronisations");
        Ok(())
    }
}

/// Tells a server to follow the one on this port.
fn follow(replica: &Server, port: u16) -> Result<()> {
    let reply = replica.control()?.ask(&format!("REPLICAOF 127.0.0.1 {port}"))?;
    ensure!(reply == "OK", "REPLICAOF is answered with {reply:?}");
    Ok(())
}

/// Waits until a replica has loaded what its primary has sent, and follows it.
fn await_linked(replica: &Server) -> Result<()> {
    let mut control = replica.control()?;
    let deadline = Instant::now() + DEADLINE;
    while control.info("replication", "master_link_status")? != "up" {
        ensure!(Instant::now() < deadline, "the link is not up:\n{}", replica.log());
        std::thread::sleep(ASK_EVERY);
    }
    Ok(())
}

/// Waits until a primary says that it has sent so many replicas all there is.
fn await_online(primary: &Server, replicas: usize) -> Result<()> {
    let mut control = primary.control()?;
    let deadline = Instant::now() + DEADLINE;
    while control.ask("INFO replication")?.matches("state=online").count() < replicas {
        ensure!(Instant::now() < deadline, "the replicas are not online:\n{}", primary.log());
        std::thread::sleep(ASK_EVERY);
    }
    Ok(())
}
