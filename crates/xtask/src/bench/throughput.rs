//! Row `throughput`: the server's CPU time per command.
//!
//! In each pair every peer is started afresh and loaded with the same keys; then, for each command and
//! depth, the peers are measured one right after the other, in an order that turns from pair to pair. So
//! what disturbs the machine for longer than a few seconds disturbs all of them. A stretch in which
//! the hypervisor took more than [`STEAL_PERCENT_MAX`] of a core is measured again.

use super::closed_loop::{self, ClosedLoop};
use super::options::{Generator, Options};
use super::peer::{Peer, Program, Server};
use super::readings::{Cores, cpu_ns};
use super::statistics::median;
use super::wire::{Keys, Kind};
use crate::tools;
use anyhow::{Context, Result};
use std::cell::Cell;
use std::process::Command;
use std::time::{Duration, Instant};

/// Connections of the client.
pub(crate) const CONNECTIONS: usize = 50;
/// Requests in flight on each connection.
pub(crate) const DEPTHS: [usize; 3] = [1, 16, 100];
/// More steal than this on either core voids a measurement.
pub(crate) const STEAL_PERCENT_MAX: f64 = 1.0;
/// A server that uses less of its core than this was not what limited the throughput.
pub(crate) const SATURATED_PERCENT: f64 = 95.0;
/// When others use more of the server's core than this, the run says so: caches are shared, and CPU time per
/// command grows.
pub(crate) const FOREIGN_PERCENT_MAX: f64 = 3.0;
/// How often a void measurement is repeated.
const REPEATS_MAX: usize = 3;

/// One measured stretch.
pub(crate) struct Sample {
    /// Whose it is.
    pub(crate) peer: Peer,
    /// The command.
    pub(crate) kind: Kind,
    /// Requests in flight on each connection.
    pub(crate) depth: usize,
    /// The number of the pair, from 0.
    pub(crate) pair: usize,
    /// Microseconds of CPU, user and system, per command.
    pub(crate) cpu_us: f64,
    /// Commands per second.
    pub(crate) per_second: f64,
    /// How much of its core the server used.
    pub(crate) used_percent: f64,
    /// How much of the server's core others used.
    pub(crate) foreign_percent: f64,
}

/// What the row found.
#[derive(Default)]
pub(crate) struct Throughput {
    /// All valid measurements.
    pub(crate) samples: Vec<Sample>,
    /// Measurements that were void because of steal.
    pub(crate) dropped: usize,
}

/// What is measured next.
#[derive(Clone, Copy)]
pub(crate) struct Stretch {
    /// The command.
    pub(crate) kind: Kind,
    /// Requests in flight on each connection.
    pub(crate) depth: usize,
    /// The number of the pair, from 0.
    pub(crate) pair: usize,
}

/// Runs the row.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<Throughput> {
    let cells = (DEPTHS.len() * Kind::ALL.len()) as f64;
    let cell_s = (options.cell + options.warm_up).as_secs_f64() + 0.1;
    let load_s = 0.5 + 2.0 * options.keys as f64 / 1e6;
    let pair_s = programs.len() as f64 * (load_s + cells * cell_s);
    println!(
        "[throughput] {} pairs of {} programs, about {:.0} s each",
        options.pairs,
        programs.len(),
        pair_s
    );
    let mut outcome = Throughput::default();
    for pair in 0..options.pairs {
        one_pair(options, programs, pair, &mut outcome)?;
    }
    if let Some(percent) =
        outcome.foreign_percent().filter(|percent| *percent > FOREIGN_PERCENT_MAX)
    {
        println!(
            "[throughput] the machine is not silent: others used {percent:.0} % of the server's core"
        );
    }
    Ok(outcome)
}

fn one_pair(
    options: &Options,
    programs: &[Program],
    pair: usize,
    outcome: &mut Throughput,
) -> Result<()> {
    let start = Instant::now();
    let mut servers = Vec::with_capacity(programs.len());
    for program in programs {
        servers.push(loaded(options, program)?);
    }
    servers.rotate_left(pair % programs.len());
    println!(
        "[throughput] pair {} of {}: loaded after {:.1} s",
        pair + 1,
        options.pairs,
        start.elapsed().as_secs_f64()
    );
    for depth in DEPTHS {
        for kind in Kind::ALL {
            let cell = Stretch { kind, depth, pair };
            let mut line = format!("  {} depth {depth:>3}:", kind.name());
            for server in &mut servers {
                line += &format!("  {} ", server.peer.title());
                match measure_unstolen(options, server, cell, &mut outcome.dropped)? {
                    Some(sample) => {
                        line += &format!("{:.3} us", sample.cpu_us);
                        outcome.samples.push(sample);
                    }
                    None => line += "void (steal)",
                }
                server.check_alive()?;
            }
            println!("{line}");
        }
    }
    Ok(())
}

/// Starts a program, and gives it the keys.
pub(crate) fn loaded(options: &Options, program: &Program) -> Result<Server> {
    let server = Server::start(program)?;
    if program.peer != Peer::Echo {
        closed_loop::load_keys(&server, 0, options.keys)?;
    }
    Ok(server)
}

/// Measures until a stretch is valid; `None` when none of [`REPEATS_MAX`] repetitions was.
pub(crate) fn measure_unstolen(
    options: &Options,
    server: &Server,
    cell: Stretch,
    dropped: &mut usize,
) -> Result<Option<Sample>> {
    for _ in 0..=REPEATS_MAX {
        let (sample, steal_percent) = match options.generator {
            Generator::Own => measure(options, server, cell),
            Generator::RedisBenchmark => measure_by_redis_benchmark(options, server, cell),
        }
        .with_context(|| {
            format!("{}, {} at depth {}", server.peer.title(), cell.kind.name(), cell.depth)
        })?;
        if steal_percent <= STEAL_PERCENT_MAX {
            return Ok(Some(sample));
        }
        *dropped += 1;
    }
    Ok(None)
}

/// Measures once; also returns the steal in percent.
fn measure(options: &Options, server: &Server, cell: Stretch) -> Result<(Sample, f64)> {
    let seed = 1 + (cell.pair * 1000 + cell.depth) as u64;
    let keys = Keys::new(seed, options.keys);
    let mut client = ClosedLoop::new(server.port, CONNECTIONS, cell.depth, keys)?;
    let before = Cell::new(None);
    let after = Cell::new(None);
    let reading = || -> Result<_> { Ok(Some((cpu_ns(server.pid())?, Cores::now()?))) };
    let done = client.run(
        &[cell.kind],
        (options.warm_up, options.cell),
        || {
            before.set(reading()?);
            Ok(())
        },
        || {
            after.set(reading()?);
            Ok(())
        },
    )?;
    let (cpu_before, cores_before) = before.get().context("read before the stretch")?;
    let (cpu_after, cores_after) = after.get().context("read after the stretch")?;
    let cpu = cpu_after - cpu_before;
    let cores = cores_before.until(&cores_after);
    Ok((sample(server.peer, cell, done, (cpu, cores.foreign_ns(cpu))), cores.steal_percent))
}

fn sample(
    peer: Peer,
    cell: Stretch,
    done: closed_loop::Done,
    (cpu_ns, foreign_ns): (u64, u64),
) -> Sample {
    let elapsed_ns = done.elapsed.as_nanos() as f64;
    Sample {
        peer,
        kind: cell.kind,
        depth: cell.depth,
        pair: cell.pair,
        cpu_us: cpu_ns as f64 / 1000.0 / done.commands as f64,
        per_second: done.commands as f64 / done.elapsed.as_secs_f64(),
        used_percent: 100.0 * cpu_ns as f64 / elapsed_ns,
        foreign_percent: 100.0 * foreign_ns as f64 / elapsed_ns,
    }
}

/// The cross-check: the same cell with Debian's redis-benchmark as the client.
fn measure_by_redis_benchmark(
    options: &Options,
    server: &Server,
    cell: Stretch,
) -> Result<(Sample, f64)> {
    let per_second = match cell.depth {
        1 => 80_000.0,
        2..=50 => 500_000.0,
        _ => 1_000_000.0,
    };
    let commands = (per_second * options.cell.as_secs_f64()) as u64;
    let mut command = Command::new("redis-benchmark");
    command.args(["-h", "127.0.0.1", "-p", &server.port.to_string(), "--csv", "-d", "32"]);
    command.args(["-c", &CONNECTIONS.to_string(), "-P", &cell.depth.to_string()]);
    command.args(["-r", &options.keys.to_string(), "-n", &commands.to_string()]);
    command.args(["-t", &cell.kind.name().to_lowercase()]);
    let cores_before = Cores::now()?;
    let cpu_before = cpu_ns(server.pid())?;
    let start = Instant::now();
    let output = tools::run(&mut command)?;
    let elapsed = start.elapsed();
    let cpu = cpu_ns(server.pid())? - cpu_before;
    let cores = cores_before.until(&Cores::now()?);
    let rate: f64 = output
        .lines()
        .last()
        .and_then(|line| line.split(',').nth(1)?.trim_matches('"').parse().ok())
        .with_context(|| format!("redis-benchmark says {output:?}"))?;
    // Its own clock leaves out its start and its connecting.
    let busy = Duration::from_secs_f64(commands as f64 / rate).min(elapsed);
    let done = closed_loop::Done { commands, elapsed: busy };
    Ok((sample(server.peer, cell, done, (cpu, cores.foreign_ns(cpu))), cores.steal_percent))
}

impl Throughput {
    /// One figure of all samples of a cell.
    pub(crate) fn of(
        &self,
        peer: Peer,
        (kind, depth): (Kind, usize),
        figure: impl Fn(&Sample) -> f64,
    ) -> Vec<f64> {
        self.samples
            .iter()
            .filter(|sample| sample.peer == peer && sample.kind == kind && sample.depth == depth)
            .map(figure)
            .collect()
    }

    /// The median CPU time per command in microseconds.
    pub(crate) fn cpu_us(&self, peer: Peer, cell: (Kind, usize)) -> Option<f64> {
        median(&self.of(peer, cell, |sample| sample.cpu_us))
    }

    /// How many times more CPU `other` needs than `peer`, for each pair in which both were measured.
    pub(crate) fn ratios(&self, peer: Peer, other: Peer, cell: (Kind, usize)) -> Vec<f64> {
        self.ratios_of(peer, other, cell, |ours, theirs| theirs.cpu_us / ours.cpu_us)
    }

    /// How many times as many commands `peer` runs in the same time as `other`, for each pair in which both were measured.
    pub(crate) fn speed_ups(&self, peer: Peer, other: Peer, cell: (Kind, usize)) -> Vec<f64> {
        self.ratios_of(peer, other, cell, |ours, theirs| ours.per_second / theirs.per_second)
    }

    fn ratios_of(
        &self,
        peer: Peer,
        other: Peer,
        (kind, depth): (Kind, usize),
        ratio: impl Fn(&Sample, &Sample) -> f64,
    ) -> Vec<f64> {
        let of = |peer| {
            self.samples.iter().filter(move |sample| {
                sample.peer == peer && sample.kind == kind && sample.depth == depth
            })
        };
        of(peer)
            .filter_map(|ours| {
                let theirs = of(other).find(|theirs| theirs.pair == ours.pair)?;
                Some(ratio(ours, theirs))
            })
            .collect()
    }

    /// The median over all samples of what others used of the server's core.
    pub(crate) fn foreign_percent(&self) -> Option<f64> {
        let all: Vec<f64> = self.samples.iter().map(|sample| sample.foreign_percent).collect();
        median(&all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample_of(peer: Peer, pair: usize, cpu_us: f64) -> Sample {
        Sample {
            peer,
            kind: Kind::Get,
            depth: 1,
            pair,
            cpu_us,
            per_second: 1.0 / cpu_us,
            used_percent: 0.0,
            foreign_percent: 0.0,
        }
    }

    #[test]
    fn ratios_are_of_the_same_pair_and_skip_void_ones() {
        let outcome = Throughput {
            samples: vec![
                sample_of(Peer::Redstart, 0, 1.0),
                sample_of(Peer::Redstart, 1, 2.0),
                sample_of(Peer::Redstart, 2, 4.0),
                sample_of(Peer::Valkey, 2, 6.0),
                sample_of(Peer::Valkey, 0, 3.0),
            ],
            dropped: 4,
        };
        assert_eq!(outcome.ratios(Peer::Redstart, Peer::Valkey, (Kind::Get, 1)), [3.0, 1.5]);
        assert!(outcome.ratios(Peer::Redstart, Peer::Redis, (Kind::Get, 1)).is_empty());
        // The one that needs less CPU is the faster one here.
        assert_eq!(outcome.speed_ups(Peer::Redstart, Peer::Valkey, (Kind::Get, 1)), [3.0, 1.5]);
    }
}
