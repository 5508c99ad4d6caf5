//! Rows `default` and `types`: the server's CPU time per command, for commands of all kinds, against Valkey.
//!
//! In each pair both servers are started afresh and loaded with the same data; then, for each depth and command, they are measured one right
//! after the other. A test is a number of requests, not a time, so that both hold the same afterwards.

use super::counted_loop;
use super::options::Options;
use super::peer::{Peer, Program, Server};
use super::readings::{Cores, cpu_ns};
use super::statistics::median;
use super::suites::{Suite, Test};
use super::template::Template;
use super::throughput::{CONNECTIONS, STEAL_PERCENT_MAX};
use super::wire::Keys;
use anyhow::{Context, Result};
use std::time::Instant;

/// Requests in flight on each connection.
pub(crate) const DEPTHS: [usize; 2] = [1, 16];

/// Requests of a test at each of these depths.
const REQUESTS: [usize; 2] = [100_000, 400_000];

/// By how much a quick run is shorter.
const QUICK: usize = 20;

/// One measured test.
pub(crate) struct Sample {
    peer: Peer,
    /// Its place in the suite.
    test: usize,
    /// The place of its depth in [`DEPTHS`].
    depth: usize,
    pair: usize,
    /// Microseconds of CPU, user and system, per command.
    cpu_us: f64,
    per_second: f64,
}

/// What a row found.
#[derive(Default)]
pub(crate) struct Commands {
    samples: Vec<Sample>,
    /// Tests during which more than a little of a core was stolen.
    pub(crate) stolen: usize,
}

/// Runs a suite.
pub(crate) fn run(options: &Options, programs: &[Program], suite: &Suite) -> Result<Commands> {
    let chosen: Vec<&Program> = programs
        .iter()
        .filter(|program| matches!(program.peer, Peer::Redstart | Peer::Valkey))
        .collect();
    let mut outcome = Commands::default();
    for pair in 0..options.pairs {
        println!("[{}] pair {} of {}", suite.word, pair + 1, options.pairs);
        one_pair(options, &chosen, suite, pair, &mut outcome)?;
    }
    Ok(outcome)
}

fn one_pair(
    options: &Options,
    programs: &[&Program],
    suite: &Suite,
    pair: usize,
    outcome: &mut Commands,
) -> Result<()> {
    let mut servers = Vec::with_capacity(programs.len());
    for program in programs {
        let server = Server::start(program)?;
        for (line, requests) in suite.data {
            counted_loop::load(&server, line, *requests)?;
        }
        servers.push(server);
    }
    if !servers.is_empty() {
        let by = pair % servers.len();
        servers.rotate_left(by);
    }
    for (depth, lanes) in DEPTHS.into_iter().enumerate() {
        for (index, test) in suite.tests.iter().enumerate() {
            if test.is_single && lanes > 1 {
                continue;
            }
            let mut line = format!("  {} depth {lanes}:", test.name);
            for server in &mut servers {
                let (sample, steal_percent) =
                    measure(options, server, suite, (index, depth, pair))?;
                outcome.stolen += usize::from(steal_percent > STEAL_PERCENT_MAX);
                line += &format!("  {} {:.3} us", server.peer.title(), sample.cpu_us);
                outcome.samples.push(sample);
                server.check_alive()?;
            }
            println!("{line}");
        }
        if suite.data.is_empty() {
            servers.iter().try_for_each(|server| counted_loop::load(server, "FLUSHALL", 1))?;
        }
    }
    Ok(())
}

fn measure(
    options: &Options,
    server: &Server,
    suite: &Suite,
    (index, depth, pair): (usize, usize, usize),
) -> Result<(Sample, f64)> {
    let test = &suite.tests[index];
    let shorter = if options.quick { QUICK } else { 1 };
    let (lanes, requests) = if test.is_single {
        ((1, 1), REQUESTS[0] / test.weight / shorter)
    } else {
        ((CONNECTIONS, DEPTHS[depth]), REQUESTS[depth] / test.weight / shorter)
    };
    let mut keys = Keys::new((1 + pair * 1000 + index) as u64, suite.numbers);
    let (cores_before, cpu_before) = (Cores::now()?, cpu_ns(server.pid())?);
    let start = Instant::now();
    let requests = counted_loop::run(
        server.port,
        lanes,
        requests,
        |depth| template(test, depth),
        || keys.next(),
    )
    .with_context(|| format!("{}: {}", server.peer.title(), test.line))?;
    let elapsed = start.elapsed();
    let cpu = cpu_ns(server.pid())? - cpu_before;
    let cores = cores_before.until(&Cores::now()?);
    let sample = Sample {
        peer: server.peer,
        test: index,
        depth,
        pair,
        cpu_us: cpu as f64 / 1000.0 / requests as f64,
        per_second: requests as f64 / elapsed.as_secs_f64(),
    };
    Ok((sample, cores.steal_percent))
}

fn template(test: &Test, depth: usize) -> Template {
    if test.is_inline {
        Template::inline(test.line, depth)
    } else {
        Template::new(test.line, depth)
    }
}

impl Commands {
    fn of(&self, peer: Peer, (test, depth): (usize, usize)) -> impl Iterator<Item = &Sample> {
        self.samples
            .iter()
            .filter(move |one| one.peer == peer && one.test == test && one.depth == depth)
    }

    /// The median CPU time per command in microseconds, and commands per second.
    pub(crate) fn figures(&self, peer: Peer, cell: (usize, usize)) -> Option<(f64, f64)> {
        let cpu: Vec<f64> = self.of(peer, cell).map(|sample| sample.cpu_us).collect();
        let rate: Vec<f64> = self.of(peer, cell).map(|sample| sample.per_second).collect();
        Some((median(&cpu)?, median(&rate)?))
    }

    /// How many times more CPU Valkey needs, for each pair.
    pub(crate) fn ratios(&self, cell: (usize, usize)) -> Vec<f64> {
        self.of(Peer::Redstart, cell)
            .filter_map(|ours| {
                let theirs = self.of(Peer::Valkey, cell).find(|one| one.pair == ours.pair)?;
                Some(theirs.cpu_us / ours.cpu_us)
            })
            .collect()
    }

    /// The test of a suite with the smallest ratio at a depth, and that ratio.
    pub(crate) fn worst(&self, suite: &Suite, depth: usize) -> Option<(&'static str, f64)> {
        let ratios =
            suite.tests.iter().enumerate().filter_map(|(index, test)| {
                Some((test.name, median(&self.ratios((index, depth)))?))
            });
        ratios.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

#[cfg(test)]
mod tests {
    use super::super::suites::TYPES;
    use super::*;

    #[test]
    fn the_worst_test_is_that_with_the_smallest_ratio() {
        let sample = |peer, test, pair, cpu_us| Sample {
            peer,
            test,
            depth: 1,
            pair,
            cpu_us,
            per_second: 1.0,
        };
        let outcome = Commands {
            samples: vec![
                sample(Peer::Redstart, 0, 0, 1.0),
                sample(Peer::Valkey, 0, 0, 2.0),
                sample(Peer::Redstart, 1, 0, 1.0),
                sample(Peer::Redstart, 1, 1, 2.0),
                sample(Peer::Valkey, 1, 1, 3.0),
            ],
            stolen: 0,
        };
        assert_eq!(outcome.ratios((0, 1)), [2.0]);
        assert_eq!(outcome.worst(&TYPES, 1), Some((TYPES.tests[1].name, 1.5)));
        assert_eq!(outcome.worst(&TYPES, 0), None);
    }
}
