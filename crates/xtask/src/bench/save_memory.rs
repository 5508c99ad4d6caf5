//! Row `save-memory`: how much more memory a server takes while BGSAVE runs and all keys are written to.
//!
//! The server holds 4N keys, and every one has been set a second time when the resident set is read. Then BGSAVE runs, and a closed loop sets one key after
//! the other until it is over. A forked child counts with what it shares no more with its parent: the parent's old pages.

use super::bgsave;
use super::closed_loop;
use super::counted_loop;
use super::memory::settled;
use super::options::Options;
use super::peer::{Peer, Program, Server};
use super::readings::{children, private_dirty_bytes, rss_bytes};
use super::snapshot::KEYS;
use super::statistics::median;
use super::template::Template;
use super::throughput::CONNECTIONS;
use super::wire::Kind;
use anyhow::{Context, Result, anyhow};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Requests in flight on each connection.
pub(crate) const DEPTH: usize = 16;
/// How many times, while all keys are set, it is asked whether BGSAVE still runs.
const LOOKS: u64 = 100;
/// Time between two readings of memory.
const READ_EVERY: Duration = Duration::from_millis(20);

/// One BGSAVE of one program.
pub(crate) struct Growth {
    /// Whose it is.
    pub(crate) peer: Peer,
    /// The number of the round, from 0.
    pub(crate) round: usize,
    /// Resident bytes before.
    pub(crate) before: f64,
    /// The most that was resident at once, in bytes, a child's own memory included.
    pub(crate) peak: f64,
    /// SETs meanwhile, per key.
    pub(crate) sets_per_key: f64,
}

impl Growth {
    /// By how much there was more, in percent.
    pub(crate) fn percent(&self) -> f64 {
        100.0 * (self.peak - self.before) / self.before
    }
}

/// Runs the row.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<Vec<Growth>> {
    println!("[save-memory] {} rounds", options.rounds);
    let mut growths = Vec::new();
    for round in 0..options.rounds {
        for program in
            programs.iter().filter(|one| matches!(one.peer, Peer::Redstart | Peer::Valkey))
        {
            let title = program.peer.title();
            let growth = one(options, program, round).with_context(|| title.to_owned())?;
            println!(
                "  round {}: {title}: from {:.0} to {:.0} MB: {:+.1} % ({:.2} SETs per key)",
                round + 1,
                growth.before / 1e6,
                growth.peak / 1e6,
                growth.percent(),
                growth.sets_per_key
            );
            growths.push(growth);
        }
    }
    Ok(growths)
}

fn one(options: &Options, program: &Program, round: usize) -> Result<Growth> {
    let mut server = Server::start(program)?;
    let keys = KEYS * options.keys;
    closed_loop::load_keys(&server, 0, keys)?;
    let mut number = 0;
    set(&server, usize::try_from(keys)?, keys, &mut number)?;
    let before = settled(&server)?.0;
    let chunk = usize::try_from(keys / LOOKS)?;
    let mut sent = 0;
    let is_over = AtomicBool::new(false);
    let peak = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let peak = peak_of_a_save(&server);
            is_over.store(true, Ordering::Relaxed);
            peak
        });
        let mut work = Ok(());
        while work.is_ok() && !is_over.load(Ordering::Relaxed) {
            work = set(&server, chunk, keys, &mut number).map(|count| sent += count);
        }
        let peak = watch.join().map_err(|_| anyhow!("the thread that watches broke"))?;
        work.and(peak)
    })?;
    server.check_alive()?;
    Ok(Growth {
        peer: program.peer,
        round,
        before: before as f64,
        peak: peak as f64,
        sets_per_key: sent as f64 / keys as f64,
    })
}

/// Sets so many keys, one after the other, from a number on, and from 0 again where they end.
fn set(server: &Server, requests: usize, keys: u64, number: &mut u64) -> Result<usize> {
    let template = |depth| Template::new(Kind::Set.line(), depth);
    counted_loop::run(server.port, (CONNECTIONS, DEPTH), requests, template, || {
        *number += 1;
        (*number - 1) % keys
    })
}

/// Runs BGSAVE; the most memory that was taken at once until it was over.
fn peak_of_a_save(server: &Server) -> Result<u64> {
    let mut control = server.control()?;
    bgsave::begin(&mut control)?;
    let mut peak = 0;
    loop {
        peak = peak.max(memory_of_all(server.pid())?);
        if !bgsave::is_running(&mut control)? {
            return Ok(peak);
        }
        std::thread::sleep(READ_EVERY);
    }
}

/// What a process has in memory, and what its children have of their own.
fn memory_of_all(pid: u32) -> Result<u64> {
    // A child that has just ended has nothing.
    let own = |child| private_dirty_bytes(child).unwrap_or(0);
    Ok(rss_bytes(pid)? + children(pid)?.into_iter().map(own).sum::<u64>())
}

/// The median over the rounds of a program's growth in percent.
pub(crate) fn median_percent(growths: &[Growth], peer: Peer) -> Option<f64> {
    let of = growths.iter().filter(|growth| growth.peer == peer);
    median(&of.map(Growth::percent).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_a_part_of_what_was_there_before() {
        let growth = |peer, peak| Growth { peer, round: 0, before: 200.0, peak, sets_per_key: 1.0 };
        let growths = [
            growth(Peer::Redstart, 210.0),
            growth(Peer::Redstart, 230.0),
            growth(Peer::Valkey, 400.0),
        ];
        assert_eq!(median_percent(&growths, Peer::Redstart), Some(10.0));
        assert_eq!(median_percent(&growths, Peer::Valkey), Some(100.0));
        assert_eq!(median_percent(&growths, Peer::Redis), None);
    }
}
