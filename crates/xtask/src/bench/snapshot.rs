//! Row `snapshot`: how long commands wait while BGSAVE runs, against the same server without it.
//!
//! Each round takes fresh servers with 4N keys. At 60 % of what the server manages (closed loop, the same mix), open loop, GET and SET of keys
//! by chance are measured twice: first without, then with one BGSAVE after the other. The same again with two more commands in the mix, which write
//! to a sorted set and to a hash of N members each. The echo floor gets the rate of the server under test, so that it meets the same disturbances.

use super::bgsave;
use super::closed_loop;
use super::counted_loop;
use super::open_loop::{self, Latencies, Numbers, Pace, Plan, Request};
use super::options::Options;
use super::pause::{LOAD, in_order};
use super::peer::{Peer, Program, Server};
use super::readings::Cores;
use super::statistics::median;
use super::throughput::CONNECTIONS;
use super::wire::{Keys, Kind};
use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};

/// Keys, as a multiple of N.
pub(super) const KEYS: u64 = 4;
/// Length of a measured stretch, and in a quick run.
const STRETCH: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(3)];
/// Commands by which saturation is found, and in a quick run.
const SATURATION_COMMANDS: [u64; 2] = [200_000, 50_000];

/// What commands are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mix {
    /// GET and SET, half each.
    Keys,
    /// The same and as many ZADD and HSET.
    Collections,
}

impl Mix {
    /// Both.
    pub(crate) const ALL: [Mix; 2] = [Mix::Keys, Mix::Collections];

    /// Its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Mix::Keys => "GET, SET",
            Mix::Collections => "GET, SET, ZADD, HSET",
        }
    }

    fn requests(self, options: &Options) -> Vec<Request> {
        let random = |seed, count| Numbers::Random(Keys::new(seed, count));
        let mut requests: Vec<Request> = Kind::ALL
            .into_iter()
            .zip(23..)
            .map(|(kind, seed)| {
                Request::new(kind.line(), kind.reply(), random(seed, KEYS * options.keys))
            })
            .collect();
        if self == Mix::Collections {
            for (line, seed) in COLLECTIONS.into_iter().zip(31..) {
                // The member is there already, so none is added.
                requests.push(Request::new(line, b":0\r\n", random(seed, options.keys)));
            }
        }
        requests
    }
}

/// What loads the collections, and then writes to them.
const COLLECTIONS: [&str; 2] = ["ZADD scores 1# member:#", "HSET fields field:# value:#"];

/// How long commands waited in one stretch.
pub(crate) struct Waits {
    /// The longest latency in milliseconds, from the moment a command was due.
    pub(crate) max_ms: f64,
    /// 99.9 % of the latencies are not above this, in milliseconds.
    pub(crate) p999_ms: f64,
    /// Half of the latencies are not above this, in milliseconds.
    pub(crate) p50_ms: f64,
    /// The longest time by which the generator itself was late, in milliseconds.
    pub(crate) late_ms: f64,
    /// The larger share of the two cores that the hypervisor took, in percent.
    pub(crate) steal_percent: f64,
}

/// One program's run with one mix.
pub(crate) struct Run {
    /// Whose it is.
    pub(crate) peer: Peer,
    /// The number of the round, from 0.
    pub(crate) round: usize,
    /// What was sent.
    pub(crate) mix: Mix,
    /// Commands per second.
    pub(crate) rate: f64,
    /// Without BGSAVE.
    pub(crate) idle: Waits,
    /// During it; the echo floor has none.
    pub(crate) saving: Option<Waits>,
    /// How many times BGSAVE was begun meanwhile.
    pub(crate) saves: usize,
}

/// Runs the row.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<Vec<Run>> {
    let chosen = in_order(programs);
    println!("[snapshot] {} rounds of {} programs", options.rounds, chosen.len());
    let mut runs: Vec<Run> = Vec::new();
    for round in 0..options.rounds {
        for program in &chosen {
            one(options, program, round, &mut runs)
                .with_context(|| program.peer.title().to_owned())?;
        }
    }
    Ok(runs)
}

fn one(options: &Options, program: &Program, round: usize, runs: &mut Vec<Run>) -> Result<()> {
    let mut server = Server::start(program)?;
    if program.peer == Peer::Echo {
        let first = runs.iter().find(|run| run.round == round);
        let rate = first.context("the echo floor follows a server")?.rate;
        let idle = stretch(options, &server, Mix::Keys, rate)?;
        let (peer, mix) = (program.peer, Mix::Keys);
        let run = Run { peer, round, mix, rate, idle, saving: None, saves: 0 };
        tell(&run);
        runs.push(run);
        return Ok(());
    }
    closed_loop::load_keys(&server, 0, KEYS * options.keys)?;
    for mix in Mix::ALL {
        if mix == Mix::Collections {
            for line in COLLECTIONS {
                // Both numbers of a request count, so the members are every second number twice over.
                let mut number = 0;
                counted_loop::load_with(&server, line, usize::try_from(options.keys)?, || {
                    number += 1;
                    (number - 1) / 2
                })?;
            }
        }
        let rate = LOAD * saturation(options, &server, mix)?;
        let (idle, none) = bgsave::beside(&server, false, || stretch(options, &server, mix, rate))?;
        let (saving, saves) =
            bgsave::beside(&server, true, || stretch(options, &server, mix, rate))?;
        ensure!(none == 0 && saves > 0, "BGSAVE was begun {none} and {saves} times");
        server.check_alive()?;
        let run = Run { peer: program.peer, round, mix, rate, idle, saving: Some(saving), saves };
        tell(&run);
        runs.push(run);
    }
    Ok(())
}

fn tell(run: &Run) {
    let waits = |waits: &Waits| {
        format!(
            "p99.9 {:.2} ms, longest {:.2} ms (generator {:.2} ms, steal {:.1} %)",
            waits.p999_ms, waits.max_ms, waits.late_ms, waits.steal_percent
        )
    };
    println!(
        "  round {}: {}, {} at {:.0}/s: idle {}{}",
        run.round + 1,
        run.peer.title(),
        run.mix.name(),
        run.rate,
        waits(&run.idle),
        run.saving.as_ref().map_or(String::new(), |saving| {
            format!("; {} times BGSAVE {}", run.saves, waits(saving))
        })
    );
}

fn stretch(options: &Options, server: &Server, mix: Mix, rate: f64) -> Result<Waits> {
    let commands = (rate * STRETCH[usize::from(options.quick)].as_secs_f64()) as u64;
    let plan = Plan { pace: Pace::PerSecond(rate), commands, mix: &mut mix.requests(options) };
    let before = Cores::now()?;
    let Latencies { histogram, late_ns_max } = open_loop::run(server.port, CONNECTIONS, plan)
        .with_context(|| format!("{} at {rate:.0}/s", mix.name()))?;
    let cores = before.until(&Cores::now()?);
    let ms = |ns: u64| ns as f64 / 1e6;
    Ok(Waits {
        max_ms: ms(histogram.max()),
        p999_ms: ms(histogram.percentile(99.9)),
        p50_ms: ms(histogram.percentile(50.0)),
        late_ms: ms(late_ns_max),
        steal_percent: cores.steal_percent,
    })
}

/// Commands per second that the server manages at most, with as many in flight as there are connections.
fn saturation(options: &Options, server: &Server, mix: Mix) -> Result<f64> {
    let commands = SATURATION_COMMANDS[usize::from(options.quick)];
    let plan = Plan { pace: Pace::Closed, commands, mix: &mut mix.requests(options) };
    let start = Instant::now();
    open_loop::run(server.port, CONNECTIONS, plan)?;
    Ok(commands as f64 / start.elapsed().as_secs_f64())
}

/// The median over the rounds of p99.9 during BGSAVE against idle.
pub(crate) fn p999_ratio(runs: &[Run], peer: Peer, mix: Mix) -> Option<f64> {
    let of = runs.iter().filter(|run| run.peer == peer && run.mix == mix);
    let ratios: Vec<f64> =
        of.filter_map(|run| Some(run.saving.as_ref()?.p999_ms / run.idle.p999_ms)).collect();
    median(&ratios)
}

/// The median over the rounds of the longest wait during BGSAVE, in milliseconds, and of how much longer that was than the echo floor's.
pub(crate) fn longest_ms(runs: &[Run], peer: Peer, mix: Mix) -> Option<(f64, Option<f64>)> {
    let of = || runs.iter().filter(|run| run.peer == peer && run.mix == mix);
    let longest: Vec<f64> = of().filter_map(|run| Some(run.saving.as_ref()?.max_ms)).collect();
    let beyond: Vec<f64> = of()
        .filter_map(|run| {
            let floor =
                runs.iter().find(|floor| floor.peer == Peer::Echo && floor.round == run.round)?;
            Some(run.saving.as_ref()?.max_ms - floor.idle.max_ms)
        })
        .collect();
    Some((median(&longest)?, median(&beyond)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(p999_ms: f64, max_ms: f64) -> Waits {
        Waits { max_ms, p999_ms, p50_ms: 0.1, late_ms: 0.0, steal_percent: 0.0 }
    }

    fn run_of(peer: Peer, round: usize, idle: Waits, saving: Option<Waits>) -> Run {
        Run { peer, round, mix: Mix::Keys, rate: 1.0, idle, saving, saves: 1 }
    }

    #[test]
    fn waits_are_compared_with_those_of_the_same_round() {
        let runs = [
            run_of(Peer::Redstart, 0, waits(1.0, 9.0), Some(waits(2.0, 5.0))),
            run_of(Peer::Echo, 0, waits(1.0, 4.0), None),
            run_of(Peer::Redstart, 1, waits(1.0, 9.0), Some(waits(4.0, 6.0))),
            run_of(Peer::Echo, 1, waits(1.0, 2.0), None),
        ];
        assert_eq!(p999_ratio(&runs, Peer::Redstart, Mix::Keys), Some(3.0));
        assert_eq!(p999_ratio(&runs, Peer::Echo, Mix::Keys), None);
        let longest = longest_ms(&runs, Peer::Redstart, Mix::Keys);
        assert_eq!(longest, Some((5.5, Some(2.5))));
        assert_eq!(longest_ms(&runs, Peer::Redstart, Mix::Collections), None);
    }
}
