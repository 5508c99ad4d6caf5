//! A checkout of the suite with a server in place, and running one of its units.

use super::outcome::Outcome;
use crate::tools;
use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Tests with these tags are of things that are not there yet; the suite leaves them out by itself.
const DENIED_TAGS: &str = "-scripting -cluster -modules -tls";

/// A suite about to run on a server.
pub(super) struct Suite<'a> {
    pub(super) checkout: &'a Path,
    pub(super) binary: &'a Path,
    /// Where the output of each unit is kept.
    pub(super) logs: &'a Path,
    /// Only these tests, where any are named.
    pub(super) only: &'a [String],
    /// How long a unit may take.
    pub(super) limit: Duration,
    /// The first port that its servers may use.
    pub(super) port: u16,
}

impl Suite<'_> {
    /// Puts the programs where the suite looks for them.
    pub(super) fn prepare(&self) -> Result<()> {
        let tools = [
            ("valkey-server", self.binary.to_path_buf()),
            // One program, which goes by its name.
            ("valkey-check-aof", self.binary.to_path_buf()),
            ("valkey-check-rdb", self.binary.to_path_buf()),
            ("valkey-cli", found("redis-cli")?),
            ("valkey-benchmark", found("redis-benchmark")?),
        ];
        for (name, program) in tools {
            let link = self.checkout.join("src").join(name);
            if link.symlink_metadata().is_ok() {
                fs::remove_file(&link)?;
            }
            symlink(program, &link).with_context(|| format!("cannot make {}", link.display()))?;
        }
        fs::create_dir_all(self.logs)?;
        Ok(())
    }

    /// Runs one unit to its end, or to the end of its time.
    pub(super) fn run(&self, unit: &str) -> Result<Outcome> {
        let log = self.logs.join(format!("{}.log", unit.replace('/', "-")));
        let output = File::create(&log)?;
        let mut child = self.command(unit)?.stdout(output.try_clone()?).stderr(output).spawn()?;
        let ended = wait(&mut child, self.limit)?;
        let text = fs::read(&log)?;
        let mut outcome = Outcome::read(&String::from_utf8_lossy(&text));
        if !ended {
            let seconds = self.limit.as_secs();
            let test = outcome.last.as_deref().unwrap_or("the start");
            outcome.broken_off = Some(format!("still running after {seconds} s, behind: {test}"));
        }
        Ok(outcome)
    }

    fn command(&self, unit: &str) -> Result<Command> {
        let skipped = fs::canonicalize(list("skip.txt"))?;
        let skipped = plain_list(&skipped, &self.logs.join("skip"))?;
        let mut command = Command::new("tclsh");
        command
            .arg("tests/test_helper.tcl")
            .args(["--single", unit, "--clients", "1", "--durable", "--tags", DENIED_TAGS])
            .args(["--baseport", &self.port.to_string(), "--portcount", "500"])
            .args(["--timeout", &self.limit.as_secs().to_string()])
            .arg("--skipfile")
            .arg(skipped)
            .args(self.only.iter().flat_map(|test| ["--only", test]))
            .current_dir(self.checkout)
            .stdin(Stdio::null())
            .process_group(0);
        Ok(command)
    }
}

/// Waits for a process; where it takes too long, its whole group is killed. Whether it ended by itself.
fn wait(child: &mut Child, limit: Duration) -> Result<bool> {
    let began = Instant::now();
    let ended = loop {
        if child.try_wait()?.is_some() {
            break true;
        }
        if began.elapsed() > limit {
            break false;
        }
        sleep(Duration::from_millis(100));
    };
    // Servers that the suite left behind belong to the group, too; usually there is none any more.
    let group = Pid::from_raw(i32::try_from(child.id())?);
    let _ = killpg(group, Signal::SIGKILL);
    child.wait()?;
    Ok(ended)
}

/// The entries of a list in `tests/upstream`: lines without remarks.
pub(super) fn listed(name: &str) -> Result<Vec<String>> {
    let path = list(name);
    let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    Ok(text.lines().filter(|line| is_entry(line)).map(str::to_owned).collect())
}

fn list(name: &str) -> PathBuf {
    tools::workspace_root().join("tests/upstream").join(name)
}

fn is_entry(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

/// A copy of a list without its remarks, which the suite does not know.
fn plain_list(from: &Path, to: &Path) -> Result<PathBuf> {
    let text = fs::read_to_string(from)?;
    let entries: Vec<&str> = text.lines().filter(|line| is_entry(line)).collect();
    fs::write(to, entries.join("\n"))?;
    Ok(to.to_path_buf())
}

/// A program of the path.
fn found(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("{program} is needed (Debian: redis-tools)"))
}
