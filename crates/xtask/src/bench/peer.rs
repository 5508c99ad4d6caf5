//! The programs that are compared, and how one of them is started, asked and stopped.

use super::control::Control;
use super::readings;
use crate::tools;
use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it answers, what it loads included.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// A program that is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Peer {
    /// This repository's server.
    Redstart,
    /// Valkey, the one to beat.
    Valkey,
    /// Debian's Redis.
    Redis,
    /// The floor: bytes in, bytes out.
    Echo,
}

impl Peer {
    /// All of them, in the order of tables and charts.
    pub(crate) const ALL: [Peer; 4] = [Peer::Redstart, Peer::Valkey, Peer::Redis, Peer::Echo];

    /// The word that selects it on the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Peer::Redstart => "redstart",
            Peer::Valkey => "valkey",
            Peer::Redis => "redis",
            Peer::Echo => "echo",
        }
    }

    /// The name in tables and charts.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Peer::Redstart => "Redstart",
            Peer::Valkey => "Valkey",
            Peer::Redis => "Redis",
            Peer::Echo => "echo floor",
        }
    }
}

/// A program that is measured, its binary and its version.
#[derive(Clone)]
pub(crate) struct Program {
    /// Which one it is.
    pub(crate) peer: Peer,
    binary: PathBuf,
    /// Options beside those that every row has.
    settings: &'static [&'static str],
    /// What it says of its version.
    pub(crate) version: String,
}

impl Program {
    /// The program in this binary; asks it for its version.
    pub(crate) fn new(peer: Peer, binary: &Path) -> Result<Program> {
        let version = match peer {
            Peer::Echo => "this commit".to_owned(),
            Peer::Redstart | Peer::Valkey | Peer::Redis => {
                version_word(&tools::run(Command::new(binary).arg("--version"))?)
            }
        };
        Ok(Program { peer, binary: binary.to_owned(), settings: &[], version })
    }

    /// The same program with other settings: words of its command line.
    pub(crate) fn with(&self, settings: &'static [&'static str]) -> Program {
        Program { settings, ..self.clone() }
    }

    fn command(&self, port: u16, folder: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(["--port", &port.to_string()]);
        if self.peer == Peer::Echo {
            return command;
        }
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--maxclients", "12000", "--dir"]).arg(folder);
        match self.peer {
            Peer::Redstart => command.args(["--worker-threads", "1"]),
            Peer::Valkey | Peer::Redis => command.args(["--io-threads", "1"]),
            Peer::Echo => &mut command,
        };
        command.args(self.settings);
        command
    }
}

/// The version in a line such as `Redis server v=7.0.15 sha=00000000:0 ...` or `redstart 0.1.0`.
fn version_word(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut words = line.split_ascii_whitespace();
    let named = words.clone().find_map(|word| word.strip_prefix("v="));
    named.or_else(|| words.nth(1)).unwrap_or("unknown").to_owned()
}

/// A running server on a core; killed when it is dropped.
pub(crate) struct Server {
    /// Which program it is.
    pub(crate) peer: Peer,
    /// The port it serves on 127.0.0.1.
    pub(crate) port: u16,
    core: usize,
    child: Child,
    folder: PathBuf,
}

impl Server {
    /// Starts the program on the server's core, with a fresh folder of its own, and waits until it answers.
    pub(crate) fn start(program: &Program) -> Result<Server> {
        Server::start_on(readings::SERVER_CORE, program)
    }

    /// The same on another core.
    pub(crate) fn start_on(core: usize, program: &Program) -> Result<Server> {
        let port = free_port()?;
        let folder = tools::target_folder().join(format!(
            "bench/run/{}-{}-{port}",
            program.peer.word(),
            std::process::id()
        ));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let child = spawn(program, port, (core, &folder))?;
        let mut server = Server { peer: program.peer, port, core, child, folder };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Kills it, starts the program again on what it has left in its folder, and waits until that is loaded.
    pub(crate) fn restart(&mut self, program: &Program) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.port = free_port()?;
        self.child = spawn(program, self.port, (self.core, &self.folder))?;
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let outcome = match self.peer {
                Peer::Echo => self.connect().map(drop),
                Peer::Redstart | Peer::Valkey | Peer::Redis => self.ping(),
            };
            let Err(error) = outcome else { return Ok(()) };
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at once ({status}):\n{}", self.peer.title(), self.log());
            }
            if Instant::now() > deadline {
                return Err(error.context(format!(
                    "{} does not answer after {START_DEADLINE:?}:\n{}",
                    self.peer.title(),
                    self.log()
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A new blocking connection.
    pub(crate) fn connect(&self) -> Result<TcpStream> {
        connect(self.port).with_context(|| format!("{}: cannot connect", self.peer.title()))
    }

    fn ping(&self) -> Result<()> {
        let reply = self.control()?.ask("PING")?;
        ensure!(reply == "PONG", "answers PING with {reply}");
        Ok(())
    }

    /// A connection to ask it for what it does.
    pub(crate) fn control(&self) -> Result<Control> {
        Control::new(self.connect()?)
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The folder that it saves to.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The field `used_memory` of `INFO memory`.
    pub(crate) fn used_memory(&self) -> Result<u64> {
        self.control()?.info_number("memory", "used_memory")
    }

    /// An error where the server has ended.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended ({status}):\n{}", self.peer.title(), self.log()),
        }
    }

    /// What it has said since its last start.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left to do about a child or a folder that is already gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn spawn(program: &Program, port: u16, (core, folder): (usize, &Path)) -> Result<Child> {
    let log = File::create(folder.join("log"))?;
    // A child inherits the cores of the thread that starts it.
    readings::pin_to(core)?;
    let child = program
        .command(port, folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn();
    readings::pin_to(readings::CLIENT_CORE)?;
    child.with_context(|| format!("cannot start {}", program.binary.display()))
}

/// A new blocking connection to this port of 127.0.0.1.
pub(crate) fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A port that nobody listens on; it may be taken before it is used, which then fails with a clear error.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_servers_print() {
        let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";
        assert_eq!(version_word(redis), "7.0.15");
        assert_eq!(version_word("redstart 0.1.0\n"), "0.1.0");
        assert_eq!(version_word(""), "unknown");
    }
}
