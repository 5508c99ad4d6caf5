//! `cargo xtask upstream`: Valkey's own Tcl suite, from a checkout outside the repository, run on our binary and on the oracle's.
//!
//! The suite starts `src/valkey-server`, `src/valkey-cli` and `src/valkey-benchmark` of its checkout; links to the programs under test are put there.
//! Units run one after the other, each in a process group of its own that is killed when its time is over.

mod outcome;
mod suite;

use crate::tools;
use anyhow::{Context, Result, bail, ensure};
use outcome::Outcome;
use std::path::PathBuf;
use std::time::Duration;
use suite::Suite;

const USAGE: &str = "\
usage: cargo xtask upstream --suite PATH [options]

Runs units of Valkey's Tcl test suite. PATH is a checkout of valkey-io/valkey.

  --unit NAME        run this unit (may be repeated; default: those of tests/upstream/units.txt)
  --server NAME      redstart, valkey or both (default: both, compared)
  --binary PATH      test this redstart instead of building one
  --only TEST        only this test, or those that match /REGEX (may be repeated)
  --seconds N        time for a unit (default 300)
  --port N           the first port (default 23100)";

/// What the command line asks for.
struct Options {
    suite: PathBuf,
    units: Vec<String>,
    servers: Vec<Server>,
    binary: Option<PathBuf>,
    only: Vec<String>,
    limit: Duration,
    port: u16,
}

/// What is put in the place of `valkey-server`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Server {
    Redstart,
    Valkey,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Server::Redstart => "redstart",
            Server::Valkey => "valkey",
        }
    }
}

/// Runs the chore.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    if arguments.contains(&"--help") {
        println!("{USAGE}");
        return Ok(());
    }
    let options = Options::parse(arguments)?;
    tools::ensure_debian(&["tcl", "redis-tools"])?;
    let mut columns = Vec::new();
    for server in &options.servers {
        let binary = match (server, &options.binary) {
            (Server::Valkey, _) => tools::valkey_server()?,
            (Server::Redstart, Some(binary)) => binary.clone(),
            (Server::Redstart, None) => tools::build_redstart()?,
        };
        let suite = Suite {
            checkout: &options.suite,
            binary: &binary.canonicalize().context("the server's binary")?,
            logs: &tools::target_folder().join("upstream").join(server.name()),
            only: &options.only,
            limit: options.limit,
            port: options.port,
        };
        suite.prepare()?;
        let mut outcomes = Vec::new();
        for unit in &options.units {
            let outcome = suite.run(unit)?;
            println!("{:<9} {unit:<26} {}", server.name(), outcome.counts());
            outcomes.push(outcome);
        }
        columns.push((*server, outcomes));
    }
    report(&options.units, &columns)
}

/// What failed and where the servers differ; an error where a test failed on Redstart that did not fail on Valkey.
fn report(units: &[String], columns: &[(Server, Vec<Outcome>)]) -> Result<()> {
    let oracle = columns.iter().find(|(server, _)| *server == Server::Valkey);
    println!();
    for (server, outcomes) in columns {
        println!("{:<9} total {}", server.name(), Outcome::total(outcomes).counts());
    }
    let mut ours = 0;
    for (server, outcomes) in columns {
        for (index, (unit, outcome)) in units.iter().zip(outcomes).enumerate() {
            for (test, why) in &outcome.failed {
                let theirs = oracle.filter(|_| *server == Server::Redstart);
                let also = theirs.is_some_and(|(_, theirs)| theirs[index].fails(test));
                ours += usize::from(*server == Server::Redstart && !also);
                let also = if also { " (on valkey too)" } else { "" };
                println!("{:<9} {unit}: {test}{also}\n          {why}", server.name());
            }
            if let Some(why) = &outcome.broken_off {
                ours += usize::from(*server == Server::Redstart);
                println!("{:<9} {unit}: broken off: {why}", server.name());
            }
        }
    }
    ensure!(ours == 0, "{ours} tests of the suite fail on redstart alone");
    Ok(())
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Options> {
        let mut options = Options {
            suite: PathBuf::new(),
            units: Vec::new(),
            servers: vec![Server::Redstart, Server::Valkey],
            binary: None,
            only: Vec::new(),
            limit: Duration::from_secs(300),
            port: 23_100,
        };
        let mut rest = arguments.iter();
        while let Some(option) = rest.next() {
            let value = rest.next().with_context(|| format!("{option} needs a value\n{USAGE}"))?;
            match *option {
                "--suite" => options.suite = PathBuf::from(value),
                "--unit" => options.units.push((*value).to_owned()),
                "--binary" => options.binary = Some(PathBuf::from(value)),
                "--only" => options.only.push((*value).to_owned()),
                "--seconds" => options.limit = Duration::from_secs(value.parse()?),
                "--port" => options.port = value.parse()?,
                "--server" => {
                    options.servers = match *value {
                        "redstart" => vec![Server::Redstart],
                        "valkey" => vec![Server::Valkey],
                        "both" => vec![Server::Redstart, Server::Valkey],
                        other => bail!("there is no server `{other}`\n{USAGE}"),
                    }
                }
                unknown => bail!("unknown option `{unknown}`\n{USAGE}"),
            }
        }
        ensure!(
            options.suite.join("tests/test_helper.tcl").is_file(),
            "--suite: a checkout of valkey-io/valkey is needed\n{USAGE}"
        );
        if options.units.is_empty() {
            options.units = suite::listed("units.txt")?;
        }
        Ok(options)
    }
}
