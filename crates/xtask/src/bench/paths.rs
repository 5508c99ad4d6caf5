//! Row `paths`: the whole path without sockets, on two threads against one.
//!
//! The measured program is the example `paths` of the root package:
//!
//! ```text
//! target/release/examples/paths --threads N --keys K --duration-ms T [--apart | --logged FOLDER]
//! ```
//!
//! It fills a node with keys 0 to K-1 (the keys and values of the throughput row), pins thread `i` to
//! core `i`, lets every thread decode, route, lock, execute and encode pipelined requests over random
//! keys for T milliseconds of GET and then T of SET, and prints one line for each, the sum over all threads:
//!
//! ```text
//! get 12345678.9
//! set 9876543.2
//! ```
//!
//! in commands per second. With `--apart`, each thread has a node of its own with its share of the keys: two threads apart against two on one
//! node tell what threads lose to each other, in locks and in lines of the cache. With `--logged`, what is set is written to an append-only file in this
//! folder. Anything else, or an exit code other than 0, fails the run.

use super::options::Options;
use super::readings::{self, Cores};
use super::statistics::median;
use super::throughput::STEAL_PERCENT_MAX;
use super::wire::Kind;
use crate::tools;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Where the program's source is, from the root of the workspace.
const SOURCE: &str = "examples/paths.rs";

/// How often a pair with too much steal is repeated.
const REPEATS_MAX: usize = 3;

/// What the row found.
pub(crate) enum Paths {
    /// The program is not there.
    NotBuiltYet,
    /// Commands per second of each pair.
    Measured(Vec<Pair>),
}

/// One pair: one thread, two threads, two threads apart, and one and two with the log on, one right after the other.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    one: Rates,
    two: Rates,
    apart: Rates,
    logged: (Rates, Rates),
}

/// What a row tells of one kind of request: medians.
pub(crate) struct Medians {
    /// Commands per second of one thread.
    pub(crate) one: f64,
    /// Commands per second of two threads.
    pub(crate) two: f64,
    /// The second by the first, of each pair.
    pub(crate) ratio: f64,
    /// The part of two threads' time that is lost since they share a node, of each pair; below 0 where it is less than the noise.
    pub(crate) lost: f64,
}

/// What a row tells of SET with the log on: medians.
pub(crate) struct Logged {
    /// Commands per second of one thread.
    pub(crate) one: f64,
    /// Commands per second of two threads.
    pub(crate) two: f64,
    /// The second by the first, of each pair.
    pub(crate) ratio: f64,
}

/// Commands per second.
#[derive(Clone, Copy)]
struct Rates {
    get: f64,
    set: f64,
}

impl Rates {
    fn of(self, kind: Kind) -> f64 {
        match kind {
            Kind::Get => self.get,
            Kind::Set => self.set,
        }
    }
}

impl Paths {
    /// The medians of all pairs.
    pub(crate) fn medians(&self, kind: Kind) -> Option<Medians> {
        let Paths::Measured(pairs) = self else { return None };
        let of =
            |figure: &dyn Fn(&Pair) -> f64| median(&pairs.iter().map(figure).collect::<Vec<f64>>());
        Some(Medians {
            one: of(&|pair| pair.one.of(kind))?,
            two: of(&|pair| pair.two.of(kind))?,
            ratio: of(&|pair| pair.two.of(kind) / pair.one.of(kind))?,
            lost: of(&|pair| 1.0 - pair.two.of(kind) / pair.apart.of(kind))?,
        })
    }

    /// The medians of all pairs with the log on.
    pub(crate) fn logged(&self) -> Option<Logged> {
        let Paths::Measured(pairs) = self else { return None };
        let of = |figure: &dyn Fn(f64, f64) -> f64| {
            let sets = pairs.iter().map(|pair| (pair.logged.0.set, pair.logged.1.set));
            median(&sets.map(|(one, two)| figure(one, two)).collect::<Vec<f64>>())
        };
        Some(Logged {
            one: of(&|one, _| one)?,
            two: of(&|_, two| two)?,
            ratio: of(&|one, two| two / one)?,
        })
    }
}

/// Runs the row.
pub(crate) fn run(options: &Options) -> Result<Paths> {
    if !tools::workspace_root().join(SOURCE).is_file() {
        println!("[paths] not built yet: there is no {SOURCE}");
        return Ok(Paths::NotBuiltYet);
    }
    println!("[paths] building {SOURCE}");
    tools::run(Command::new("cargo").current_dir(tools::workspace_root()).args([
        "build",
        "--release",
        "--example",
        "paths",
    ]))?;
    let program = tools::target_folder().join("release/examples/paths");
    let seconds = 5.0 * (2.0 * options.cell.as_secs_f64() + options.keys as f64 / 1e6);
    println!("[paths] {} pairs, about {seconds:.0} s each", options.pairs);
    // The program pins its threads itself.
    readings::unpin()?;
    let mut pairs = Vec::new();
    for number in 0..options.pairs {
        for _ in 0..=REPEATS_MAX {
            let before = Cores::now()?;
            let pair = one_pair(options, &program, number)?;
            if before.until(&Cores::now()?).steal_percent <= STEAL_PERCENT_MAX {
                pairs.push(pair);
                break;
            }
        }
    }
    readings::pin_to(readings::CLIENT_CORE)?;
    Ok(Paths::Measured(pairs))
}

/// One thread first in even pairs, last in odd ones.
fn one_pair(options: &Options, program: &Path, number: usize) -> Result<Pair> {
    let run = |threads, how| rates(options, program, threads, how);
    let pair = if number.is_multiple_of(2) {
        let (one, two) = (run(1, How::Shared)?, run(2, How::Shared)?);
        let apart = run(2, How::Apart)?;
        Pair { one, two, apart, logged: (run(1, How::Logged)?, run(2, How::Logged)?) }
    } else {
        let (logged_two, logged_one) = (run(2, How::Logged)?, run(1, How::Logged)?);
        let (apart, two) = (run(2, How::Apart)?, run(2, How::Shared)?);
        Pair { one: run(1, How::Shared)?, two, apart, logged: (logged_one, logged_two) }
    };
    let Pair { one, two, apart, logged } = pair;
    println!(
        "  pair {}: GET {:.2} -> {:.2} M/s ({:.2} apart), SET {:.2} -> {:.2} M/s ({:.2} apart, {:.2} -> {:.2} logged)",
        number + 1,
        one.get / 1e6,
        two.get / 1e6,
        apart.get / 1e6,
        one.set / 1e6,
        two.set / 1e6,
        apart.set / 1e6,
        logged.0.set / 1e6,
        logged.1.set / 1e6
    );
    Ok(pair)
}

/// What the threads work on.
#[derive(Clone, Copy)]
enum How {
    /// One node.
    Shared,
    /// A node each.
    Apart,
    /// One node whose log is written to a file.
    Logged,
}

fn rates(options: &Options, program: &Path, threads: usize, how: How) -> Result<Rates> {
    let mut command = Command::new(program);
    command.args(["--threads", &threads.to_string(), "--keys", &options.keys.to_string()]);
    command.args(["--duration-ms", &options.cell.as_millis().to_string()]);
    let folder = tools::target_folder().join("bench/run/paths");
    match how {
        How::Shared => {}
        How::Apart => drop(command.arg("--apart")),
        How::Logged => {
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
            command.arg("--logged").arg(&folder);
        }
    }
    let output = tools::run(&mut command)?;
    if let How::Logged = how {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    parse(&output)
}

fn parse(output: &str) -> Result<Rates> {
    let number = |name: &str| -> Result<f64> {
        output
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
            .filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
            .with_context(|| format!("no line `{name} <commands per second>` in {output:?}"))
    };
    Ok(Rates { get: number("get")?, set: number("set")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rates_are_needed() {
        let rates = parse("get 2000000.5\nset 1000000\n").expect("two rates");
        assert!((rates.of(Kind::Get) - 2_000_000.5).abs() < 1e-6);
        assert!((rates.of(Kind::Set) - 1_000_000.0).abs() < 1e-6);
        assert!(parse("get 1\n").is_err());
        assert!(parse("get 1\nset zero\n").is_err());
        assert!(parse("get 0\nset 1\n").is_err());
    }
}
