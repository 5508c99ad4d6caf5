//! `cargo xtask bench`: Redstart beside Valkey, Redis and the echo floor, in one run.
//!
//! Each row of the table of goals has a module of its own; [`goals`] holds the table, [`report`] and
//! [`chart`] turn the outcome into `docs/benchmarks.md` and `docs/benchmarks.svg`. It measures and
//! reports; a goal that is missed is no error of the run.

mod aof;
mod bgsave;
mod chart;
mod closed_loop;
mod commands;
mod control;
mod counted_loop;
mod goals;
mod idle;
mod memory;
mod open_loop;
mod options;
mod paths;
mod pause;
mod peer;
mod readings;
mod replication;
mod replies;
mod report;
mod save;
mod save_memory;
#[cfg(test)]
mod scripted;
mod snapshot;
mod statistics;
mod suites;
mod template;
mod throughput;
mod types_memory;
mod wire;

use crate::tools;
use anyhow::{Context, Result, ensure};
use options::{Options, Row};
use peer::{Peer, Program};
use readings::Machine;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What a run found; rows that were not asked for are `None`.
struct Outcome {
    machine: Machine,
    programs: Vec<Program>,
    throughput: Option<throughput::Throughput>,
    memory: Option<memory::Memory>,
    pause: Option<Vec<pause::Run>>,
    paths: Option<paths::Paths>,
    idle: Option<Vec<idle::Idle>>,
    default_list: Option<commands::Commands>,
    types: Option<commands::Commands>,
    types_memory: Option<types_memory::TypesMemory>,
    save: Option<save::Save>,
    snapshot: Option<Vec<snapshot::Run>>,
    save_memory: Option<Vec<save_memory::Growth>>,
    aof: Option<aof::Aof>,
    replication: replication::Replication,
}

/// Runs the benchmark with the arguments behind `bench`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let Some(options) = Options::parse(arguments)? else {
        println!("{}", options::USAGE);
        return Ok(());
    };
    let start = Instant::now();
    let programs = prepare(&options)?;
    readings::pin_to(readings::CLIENT_CORE)?;
    let (outcome, failures) = measure(&options, programs)?;
    let folder = if options.is_full() && failures.is_empty() {
        tools::workspace_root().join("docs")
    } else {
        tools::target_folder().join("bench")
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    write(&folder.join("benchmarks.svg"), &chart::svg(&outcome))?;
    let page = report::markdown(&options, &outcome);
    write(&folder.join("benchmarks.md"), &page)?;
    if options.update && !options.is_full() && failures.is_empty() {
        update(&options, &outcome, &page)?;
    }
    println!("\n{}", goals::as_text(&goals::check(&outcome)));
    println!("the run took {:.0} s", start.elapsed().as_secs_f64());
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

/// Puts the rows into the page of the last full run.
fn update(options: &Options, outcome: &Outcome, rows: &str) -> Result<()> {
    let path = tools::workspace_root().join("docs/benchmarks.md");
    let page =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let words: Vec<&str> = options.rows.iter().map(|row| row.word()).collect();
    let Machine { date, commit, .. } = &outcome.machine;
    let note = format!("Measured anew: {}; {date}; commit {commit}", words.join(", "));
    write(&path, &report::updated(&page, rows, &note))
}

/// Runs the rows. One that breaks is named in the second result, and leaves the others their turn.
fn measure(options: &Options, programs: Vec<Program>) -> Result<(Outcome, Vec<String>)> {
    let machine = Machine::read()?;
    let mut failures = Failures::default();
    let throughput =
        failures.or_none(options, Row::Throughput, || throughput::run(options, &programs));
    let memory = failures.or_none(options, Row::Memory, || memory::run(options, &programs));
    let pause = failures.or_none(options, Row::Pause, || pause::run(options, &programs));
    let paths = failures.or_none(options, Row::Paths, || paths::run(options));
    let idle = failures.or_none(options, Row::Idle, || idle::run(options, &programs));
    let default_list = failures
        .or_none(options, Row::Default, || commands::run(options, &programs, &suites::DEFAULT));
    let types =
        failures.or_none(options, Row::Types, || commands::run(options, &programs, &suites::TYPES));
    let types_memory =
        failures.or_none(options, Row::TypesMemory, || types_memory::run(options, &programs));
    let save = failures.or_none(options, Row::Save, || save::run(options, &programs));
    let snapshot = failures.or_none(options, Row::Snapshot, || snapshot::run(options, &programs));
    let save_memory =
        failures.or_none(options, Row::SaveMemory, || save_memory::run(options, &programs));
    let aof = failures.or_none(options, Row::Aof, || aof::run(options, &programs));
    let replication = replication::Replication {
        cost: failures
            .or_none(options, Row::Replication, || replication::cost::run(options, &programs)),
        full_sync: failures
            .or_none(options, Row::Replication, || replication::full_sync::run(options, &programs)),
        applying: failures
            .or_none(options, Row::Replication, || replication::applying::run(options, &programs)),
        acknowledged: failures.or_none(options, Row::Replication, || {
            replication::acknowledged::run(options, &programs)
        }),
        slow: failures
            .or_none(options, Row::Replication, || replication::slow::run(options, &programs)),
    };
    let outcome = Outcome {
        machine,
        programs,
        throughput,
        memory,
        pause,
        paths,
        idle,
        default_list,
        types,
        types_memory,
        save,
        snapshot,
        save_memory,
        aof,
        replication,
    };
    Ok((outcome, failures.0))
}

/// What broke, one line for each row.
#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    /// The outcome of a row; `None` when it was not asked for, or broke.
    fn or_none<T>(
        &mut self,
        options: &Options,
        row: Row,
        run: impl FnOnce() -> Result<T>,
    ) -> Option<T> {
        if !options.has(row) {
            return None;
        }
        match run() {
            Ok(outcome) => Some(outcome),
            Err(error) => {
                let failure = format!("row {}: {error:#}", row.word());
                println!("[{}] broke: {failure}", row.word());
                self.0.push(failure);
                None
            }
        }
    }
}

/// Builds and finds the programs to be measured.
fn prepare(options: &Options) -> Result<Vec<Program>> {
    let release = tools::target_folder().join("release");
    let mut programs = Vec::new();
    for &peer in &options.peers {
        let binary = match peer {
            Peer::Redstart => match &options.server {
                Some(path) => path.clone(),
                None => build_redstart(&release)?,
            },
            Peer::Valkey => tools::valkey_server()?,
            Peer::Redis => {
                tools::ensure_debian(&["redis-server", "redis-tools"])?;
                PathBuf::from("redis-server")
            }
            Peer::Echo => {
                println!("[build] the echo floor");
                cargo(&["build", "--release", "--package", "xtask", "--bin", "echo-floor"])?;
                release.join("echo-floor")
            }
        };
        programs.push(Program::new(peer, &binary)?);
    }
    Ok(programs)
}

fn build_redstart(release: &Path) -> Result<PathBuf> {
    println!("[build] redstart (a release build takes minutes)");
    ensure!(
        tools::workspace_root().join("src/main.rs").is_file(),
        "the root package has no binary yet: leave `redstart` out of --peers, or name one by --server"
    );
    cargo(&["build", "--release", "--package", "redstart", "--bin", "redstart"])?;
    Ok(release.join("redstart"))
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let status = Command::new("cargo")
        .current_dir(tools::workspace_root())
        .args(arguments)
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "cargo {}: {status}", arguments.join(" "));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}
