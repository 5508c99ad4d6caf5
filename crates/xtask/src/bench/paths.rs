//! Row `paths`: the whole path without sockets, on two threads against one.
//!
//! The measured program is the example `paths` of the root package:
//!
//! ```text
//! target/release/examples/paths --threads N --keys K --duration-ms T [--apart]
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
//! node tell what threads lose to each other, in locks and in lines of the cache. Anything else, or an exit code other than 0, fails the run.

use super::options::Options;
use super::readings::{self, Cores};
use super::statistics::median;
use super::throughput::STEAL_PERCENT_MAX;
use super::wire::Kind;
use crate::tools;
use anyhow::{Context, Result};
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

/// One pair: one thread, two threads, and two threads apart, one right after the other.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    one: Rates,
    two: Rates,
    apart: Rates,
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
    let seconds = 3.0 * (2.0 * options.cell.as_secs_f64() + options.keys as f64 / 1e6);
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
    let run = |threads, is_apart| rates(options, program, threads, is_apart);
    let pair = if number.is_multiple_of(2) {
        let (one, two) = (run(1, false)?, run(2, false)?);
        Pair { one, two, apart: run(2, true)? }
    } else {
        let (apart, two) = (run(2, true)?, run(2, false)?);
        Pair { one: run(1, false)?, two, apart }
    };
    let Pair { one, two, apart } = pair;
    println!(
        "  pair {}: GET {:.2} -> {:.2} M/s ({:.2} apart), SET {:.2} -> {:.2} M/s ({:.2} apart)",
        number + 1,
        one.get / 1e6,
        two.get / 1e6,
        apart.get / 1e6,
        one.set / 1e6,
        two.set / 1e6,
        apart.set / 1e6
    );
    Ok(pair)
}

fn rates(options: &Options, program: &Path, threads: usize, is_apart: bool) -> Result<Rates> {
    let mut command = Command::new(program);
    command.args(["--threads", &threads.to_string(), "--keys", &options.keys.to_string()]);
    command.args(["--duration-ms", &options.cell.as_millis().to_string()]);
    command.args(is_apart.then_some("--apart"));
    parse(&tools::run(&mut command)?)
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
