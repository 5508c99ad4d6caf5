//! Row `pause`: the longest wait of any command while the table grows to four times its size.
//!
//! Each round takes fresh servers. A server's saturation is measured first (closed loop, depth 1, the
//! same mix of commands, over the keys that are loaded); then three SETs of new keys to one GET of an old key
//! come at 60 % of that rate, open loop, until the table has grown from N to 4N keys. The echo floor
//! gets the rate of the server under test, so that it meets the same disturbances for as long.

use super::closed_loop::{self, ClosedLoop};
use super::open_loop::{self, Numbers, Pace, Plan, Request};
use super::options::Options;
use super::peer::{Peer, Program, Server};
use super::readings::Cores;
use super::statistics::median;
use super::throughput::CONNECTIONS;
use super::wire::{Keys, Kind};
use anyhow::{Context, Result};
use std::time::Instant;

/// The rate as a share of saturation.
pub(super) const LOAD: f64 = 0.6;
/// So many SETs of new keys come before one GET of a key that was there before.
const NEW_KEYS: u64 = 3;
/// The same for a closed loop.
const MIX: [Kind; NEW_KEYS as usize + 1] = [Kind::Set, Kind::Set, Kind::Set, Kind::Get];
/// What the table grows by.
const GROWTH: u64 = 4;

/// One run of one program.
pub(crate) struct Run {
    /// Whose it is.
    pub(crate) peer: Peer,
    /// The number of the round, from 0.
    pub(crate) round: usize,
    /// Commands per second.
    pub(crate) rate: f64,
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

/// Runs the row.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<Vec<Run>> {
    let chosen = in_order(programs);
    let commands = (GROWTH - 1) as f64 * options.keys as f64 * 4.0 / 3.0;
    println!(
        "[pause] {} rounds of {} programs, about {:.0} s each",
        options.rounds,
        chosen.len(),
        5.0 + 2.0 * options.keys as f64 / 1e6 + commands / 60_000.0
    );
    let mut runs = Vec::new();
    for round in 0..options.rounds {
        let mut rate_of_first = None;
        for program in &chosen {
            let run = one(options, program, round, rate_of_first)
                .with_context(|| program.peer.title().to_owned())?;
            rate_of_first.get_or_insert(run.rate);
            println!(
                "  round {}: {} at {:.0}/s: longest {:.2} ms, p99.9 {:.2} ms, p50 {:.3} ms \
                 (generator late by up to {:.2} ms, steal {:.1} %)",
                round + 1,
                run.peer.title(),
                run.rate,
                run.max_ms,
                run.p999_ms,
                run.p50_ms,
                run.late_ms,
                run.steal_percent
            );
            runs.push(run);
        }
    }
    Ok(runs)
}

/// The server under test, the echo floor at its rate, then Valkey.
pub(super) fn in_order(programs: &[Program]) -> Vec<&Program> {
    let order = if programs.iter().any(|program| program.peer == Peer::Redstart) {
        [Peer::Redstart, Peer::Echo, Peer::Valkey]
    } else {
        [Peer::Valkey, Peer::Echo, Peer::Redis]
    };
    order.iter().filter_map(|peer| programs.iter().find(|program| program.peer == *peer)).collect()
}

fn one(
    options: &Options,
    program: &Program,
    round: usize,
    rate_of_first: Option<f64>,
) -> Result<Run> {
    let mut server = Server::start(program)?;
    let echo = program.peer == Peer::Echo;
    if !echo {
        closed_loop::load_keys(&server, 0, options.keys)?;
    }
    let rate = match rate_of_first {
        Some(rate) if echo => rate,
        Some(_) | None => LOAD * saturation(options, &server)?,
    };
    let keys = Keys::new(11, options.keys);
    let mut mix: Vec<Request> =
        (0..NEW_KEYS).map(|at| new_key(options.keys + at, NEW_KEYS)).collect();
    mix.push(Request::new(Kind::Get.line(), Kind::Get.reply(), Numbers::Random(keys)));
    let commands = (GROWTH - 1) * options.keys / NEW_KEYS * mix.len() as u64;
    let plan = Plan { pace: Pace::PerSecond(rate), commands, mix: &mut mix };
    let before = Cores::now()?;
    let start = Instant::now();
    let latencies = open_loop::run(server.port, CONNECTIONS, plan)
        .with_context(|| format!("after {:.1} s at {rate:.0}/s", start.elapsed().as_secs_f64()))?;
    let cores = before.until(&Cores::now()?);
    server.check_alive()?;
    let ms = |ns: u64| ns as f64 / 1e6;
    Ok(Run {
        peer: program.peer,
        round,
        rate,
        max_ms: ms(latencies.histogram.max()),
        p999_ms: ms(latencies.histogram.percentile(99.9)),
        p50_ms: ms(latencies.histogram.percentile(50.0)),
        late_ms: ms(latencies.late_ns_max),
        steal_percent: cores.steal_percent,
    })
}

fn new_key(next: u64, step: u64) -> Request {
    Request::new(Kind::Set.line(), Kind::Set.reply(), Numbers::Up { next, step })
}

/// Commands per second that the server manages at most, each connection with one in flight.
fn saturation(options: &Options, server: &Server) -> Result<f64> {
    let keys = Keys::new(5, options.keys);
    let mut client = ClosedLoop::new(server.port, CONNECTIONS, 1, keys)?;
    let done = client.run(&MIX, (options.warm_up, options.cell), || Ok(()), || Ok(()))?;
    Ok(done.commands as f64 / done.elapsed.as_secs_f64())
}

/// The median over the rounds of a figure of one peer.
pub(crate) fn median_of(runs: &[Run], peer: Peer, figure: impl Fn(&Run) -> f64) -> Option<f64> {
    let values: Vec<f64> = runs.iter().filter(|run| run.peer == peer).map(figure).collect();
    median(&values)
}

/// The median over the rounds of how much longer the longest pause of `peer` was than the echo floor's.
pub(crate) fn beyond_floor_ms(runs: &[Run], peer: Peer) -> Option<f64> {
    let differences: Vec<f64> = runs
        .iter()
        .filter(|run| run.peer == peer)
        .filter_map(|run| {
            let floor =
                runs.iter().find(|floor| floor.peer == Peer::Echo && floor.round == run.round)?;
            Some(run.max_ms - floor.max_ms)
        })
        .collect();
    median(&differences)
}
