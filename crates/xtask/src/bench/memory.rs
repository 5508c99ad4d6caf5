//! Row `memory`: bytes per key while the number of keys doubles.
//!
//! Hash tables grow in powers of two, so bytes per key go up and down with the count: eleven counts
//! from N to 2N show the whole wave. What an empty server has is taken off first.

use super::closed_loop;
use super::options::Options;
use super::peer::{Peer, Program, Server};
use super::readings::rss_bytes;
use anyhow::Result;
use std::time::{Duration, Instant};

/// How many steps lead from N to 2N.
const STEPS: u64 = 10;
/// How long a server may go on tidying up until it is measured anyway.
const SETTLE_DEADLINE: Duration = Duration::from_secs(10);

/// Bytes per key at one count of keys.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    /// How many keys.
    pub(crate) keys: u64,
    /// Growth of the resident set, per key.
    pub(crate) rss: f64,
    /// Growth of `used_memory`, per key.
    pub(crate) used: f64,
}

/// What the row found: for each peer its points.
pub(crate) type Memory = Vec<(Peer, Vec<Point>)>;

/// Runs the row.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<Memory> {
    let servers: Vec<&Program> =
        programs.iter().filter(|program| program.peer != Peer::Echo).collect();
    let seconds = 5.0 + 1.2 * STEPS as f64 + 4.0 * options.keys as f64 / 1e6;
    println!("[memory] {} programs, about {seconds:.0} s each", servers.len());
    servers.into_iter().map(|program| Ok((program.peer, points(options, program)?))).collect()
}

fn points(options: &Options, program: &Program) -> Result<Vec<Point>> {
    let server = Server::start(program)?;
    // The first connection and the first command leave their buffers behind; they are not the keys'.
    closed_loop::load_keys(&server, 0, 1)?;
    let (rss_start, used_start) = settled(&server)?;
    let mut points = Vec::new();
    let mut loaded = 1;
    for step in 0..=STEPS {
        let keys = options.keys + options.keys * step / STEPS;
        closed_loop::load_keys(&server, loaded, keys)?;
        loaded = keys;
        let (rss, used) = settled(&server)?;
        let per_key = |now: u64, start: u64| now.saturating_sub(start) as f64 / keys as f64;
        let point = Point { keys, rss: per_key(rss, rss_start), used: per_key(used, used_start) };
        println!(
            "  {} with {keys} keys: {:.1} B per key in RSS, {:.1} B in used_memory",
            program.peer.title(),
            point.rss,
            point.used
        );
        points.push(point);
    }
    Ok(points)
}

/// RSS and `used_memory` once the latter has not moved by more than 0.01 % for half a second, or the
/// deadline has passed: servers free old tables and buffers in the background.
pub(super) fn settled(server: &Server) -> Result<(u64, u64)> {
    let deadline = Instant::now() + SETTLE_DEADLINE;
    let mut last = server.used_memory()?;
    let mut quiet = 0;
    while quiet < 5 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(100));
        let now = server.used_memory()?;
        quiet = if now.abs_diff(last) <= last / 10_000 { quiet + 1 } else { 0 };
        last = now;
    }
    Ok((rss_bytes(server.pid())?, last))
}
