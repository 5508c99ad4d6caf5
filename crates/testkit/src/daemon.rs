//! Processes in the background of a test: the servers, and what stands beside them.
//!
//! A process ends when its value is dropped, also by a panic, and when the test runner dies, however it
//! dies: `setpriv --pdeathsig` asks the kernel for that. The kernel watches the *thread* that started the
//! child, so that one thread, which never ends, starts them all. Only own children are ever killed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use crate::wait;

type Spawned = io::Result<Child>;

/// Starts a command from the thread that starts them all.
pub(crate) fn spawn(command: Command) -> Spawned {
    static SPAWNER: OnceLock<Sender<(Command, Sender<Spawned>)>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, requests) = mpsc::channel::<(Command, Sender<Spawned>)>();
        thread::spawn(move || {
            for (mut command, answer) in requests {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (sender, answer) = mpsc::channel();
    spawner.send((command, sender)).map_err(|_| io::Error::other("the spawner is gone"))?;
    answer.recv().map_err(|_| io::Error::other("the spawner is gone"))?
}

/// A command that dies with this process.
pub(crate) fn bound_command(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A process that runs until it ends by itself, is killed, or its value is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Daemon {
    /// Starts a program in a folder; what it prints is added to the file `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(program: &Path, arguments: &[String], directory: &Path, log: &Path) -> Self {
        let mut command = bound_command(program);
        command.args(arguments).current_dir(directory);
        Self::spawn(command, log.display().to_string(), log)
    }

    pub(crate) fn spawn(mut command: Command, name: String, log: &Path) -> Self {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("the test's own folder can be written");
        let errors = out.try_clone().expect("a file can be cloned");
        command.stdin(Stdio::null()).stdout(out).stderr(errors);
        let child = spawn(command).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { child, name, log: log.to_path_buf() }
    }

    /// True while the process lives.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it as kill -9 does, and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by name, such as `TERM` or `STOP`.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&mut self, name: &str) {
        let status =
            Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name} {}", self.pid());
    }

    /// Waits for its end by itself.
    pub fn await_exit(&mut self, limit: Duration) -> Option<ExitStatus> {
        wait::some(limit, || self.child.try_wait().ok().flatten())
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All it has printed.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(15).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            eprintln!("--- log of {}:\n{}", self.name, tail.join("\n"));
        }
    }
}
