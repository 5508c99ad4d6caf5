//! Memory of a primary with five replicas that do not read.
//!
//! Each connects, takes the snapshot, says so, and reads nothing more, while keys that are there are set again. The limit of what a replica may leave unread is as large as
//! the backlog: by default it is so large that a primary may keep 256 MB for it.

use super::super::closed_loop;
use super::super::counted_loop;
use super::super::memory::settled;
use super::super::options::Options;
use super::super::peer::{Peer, Program, Server};
use super::super::readings::rss_bytes;
use super::super::statistics::median;
use super::super::template::Template;
use super::super::throughput::CONNECTIONS;
use super::super::wire::{Keys, Kind};
use super::{DEADLINE, await_online, chosen};
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How many do not read.
pub(crate) const REPLICAS: usize = 5;
/// Size of the backlog, and of what a replica may leave unread.
const BACKLOG_BYTES: u64 = 10 << 20;
/// What a primary may grow by: its backlog, and this for each replica.
const REPLICA_BYTES: u64 = 1 << 20;
/// The goal, in bytes.
pub(crate) const GROWTH_BYTES: u64 = BACKLOG_BYTES + REPLICAS as u64 * REPLICA_BYTES;

const SETTINGS: [&str; 8] = [
    "--repl-diskless-sync",
    "yes",
    "--repl-diskless-sync-delay",
    "0",
    "--repl-backlog-size",
    "10mb",
    "--client-output-buffer-limit",
    "replica 10mb 10mb 0",
];

/// Bytes of requests that are written meanwhile: far more than sockets hold.
const WRITTEN_BYTES: usize = 150 << 20;
/// By how much less a quick run writes.
const QUICK: usize = 3;
/// Requests in flight on each connection.
const DEPTH: usize = 16;
/// Time between two readings of memory.
const READ_EVERY: Duration = Duration::from_millis(10);

/// What one program grew by.
pub(crate) struct Growth {
    /// Whose it is.
    pub(crate) peer: Peer,
    /// The number of the round, from 0.
    pub(crate) round: usize,
    /// Bytes that were written.
    pub(crate) written: f64,
    /// By how much `used_memory` had grown at most, in bytes.
    pub(crate) used: f64,
    /// By how much the resident set had, in bytes.
    pub(crate) rss: f64,
    /// How many replicas the primary still knew in the end.
    pub(crate) left: u64,
}

/// Runs this part.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<Vec<Growth>> {
    let mut growths = Vec::new();
    for round in 0..options.rounds {
        for program in &chosen(programs, &SETTINGS) {
            let title = program.peer.title();
            let growth = one(options, program, round).with_context(|| title.to_owned())?;
            println!(
                "[replication] round {}, {REPLICAS} replicas that do not read, {:.0} MB written: {title} {:+.1} MB in used_memory, {:+.1} MB in RSS, {} left",
                round + 1,
                growth.written / 1e6,
                growth.used / 1e6,
                growth.rss / 1e6,
                growth.left
            );
            growths.push(growth);
        }
    }
    Ok(growths)
}

fn one(options: &Options, program: &Program, round: usize) -> Result<Growth> {
    let mut primary = Server::start(program)?;
    let keys = options.keys / 10;
    closed_loop::load_keys(&primary, 0, keys)?;
    let mut random = Keys::new(1 + round as u64, keys);
    // What connections leave behind is not the replicas'.
    set(&primary, usize::try_from(keys)?, &mut random)?;
    let (rss, used) = settled(&primary)?;
    let replicas = (0..REPLICAS).map(|_| take_snapshot(&primary));
    let replicas = replicas.collect::<Result<Vec<TcpStream>>>()?;
    await_online(&primary, REPLICAS)?;
    let bytes = WRITTEN_BYTES / if options.quick { QUICK } else { 1 };
    let is_over = AtomicBool::new(false);
    let (sent, peak) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| peak(&primary, &is_over));
        let sent = set(&primary, bytes / Kind::Set.request_bytes(), &mut random);
        is_over.store(true, Ordering::Relaxed);
        let peak = watch.join().map_err(|_| anyhow!("the thread that watches broke"))?;
        Ok::<_, anyhow::Error>((sent?, peak?))
    })?;
    let growth = Growth {
        peer: program.peer,
        round,
        written: (sent * Kind::Set.request_bytes()) as f64,
        used: peak.0 as f64 - used as f64,
        rss: peak.1 as f64 - rss as f64,
        left: primary.control()?.info_number("replication", "connected_slaves")?,
    };
    drop(replicas);
    primary.check_alive()?;
    Ok(growth)
}

/// The most that `used_memory` and the resident set were until it is over.
fn peak(primary: &Server, is_over: &AtomicBool) -> Result<(u64, u64)> {
    let mut control = primary.control()?;
    let mut peak = (0, 0);
    loop {
        let is_last = is_over.load(Ordering::Relaxed);
        let used = control.info_number("memory", "used_memory")?;
        peak = (used.max(peak.0), rss_bytes(primary.pid())?.max(peak.1));
        if is_last {
            return Ok(peak);
        }
        std::thread::sleep(READ_EVERY);
    }
}

fn set(server: &Server, requests: usize, keys: &mut Keys) -> Result<usize> {
    let template = |depth| Template::new(Kind::Set.line(), depth);
    counted_loop::run(server.port, (CONNECTIONS, DEPTH), requests, template, || keys.next())
}

/// Connects as a replica, takes what the primary has, and says so.
fn take_snapshot(primary: &Server) -> Result<TcpStream> {
    let stream = primary.connect()?;
    stream.set_read_timeout(Some(DEADLINE))?;
    let mut stream = BufReader::new(stream);
    for (request, wanted) in [
        ("PING", "+PONG"),
        ("REPLCONF listening-port 1", "+OK"),
        ("REPLCONF capa eof capa psync2", "+OK"),
        ("PSYNC ? -1", "+FULLRESYNC"),
    ] {
        stream.get_mut().write_all(format!("{request}\r\n").as_bytes())?;
        let reply = line(&mut stream)?;
        ensure!(reply.starts_with(wanted), "{request} is answered with {reply:?}");
    }
    skip_snapshot(&mut stream)?;
    let mut stream = stream.into_inner();
    stream.write_all(b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n")?;
    Ok(stream)
}

/// The next line that is not empty: a primary sends line ends while there is nothing else to send.
fn line(stream: &mut impl BufRead) -> Result<String> {
    loop {
        let mut line = String::new();
        ensure!(stream.read_line(&mut line)? > 0, "the primary has closed the connection");
        let line = line.trim_end();
        if !line.is_empty() {
            return Ok(line.to_owned());
        }
    }
}

/// Reads a snapshot, of a length that is told or with a mark at its end.
fn skip_snapshot(stream: &mut impl BufRead) -> Result<()> {
    let head = line(stream)?;
    let Some(length) = head.strip_prefix('$') else { bail!("{head:?} for a snapshot") };
    let Some(mark) = length.strip_prefix("EOF:") else {
        let length: u64 = length.parse().with_context(|| format!("a length of {length:?}"))?;
        let copied = std::io::copy(&mut stream.take(length), &mut std::io::sink())?;
        ensure!(copied == length, "the snapshot ends after {copied} bytes of {length}");
        return Ok(());
    };
    // The primary sends nothing behind the mark until it is told that the snapshot is there.
    let mut end = Vec::new();
    while end != mark.as_bytes() {
        let part = stream.fill_buf()?;
        ensure!(!part.is_empty(), "the snapshot has no end");
        end.extend_from_slice(&part[part.len().saturating_sub(mark.len())..]);
        let count = part.len();
        stream.consume(count);
        end.drain(..end.len().saturating_sub(mark.len()));
    }
    Ok(())
}

/// The median over the rounds of what a program grew by, the larger of both figures, in bytes.
pub(crate) fn median_growth(growths: &[Growth], peer: Peer) -> Option<f64> {
    let of = growths.iter().filter(|growth| growth.peer == peer);
    median(&of.map(|growth| growth.used.max(growth.rss)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_snapshot_ends_where_it_says() {
        let mark = "m".repeat(40);
        let marked = format!("\n\n$EOF:{mark}\r\nREDIS...{mark}");
        for capacity in 1..60 {
            let mut stream = BufReader::with_capacity(capacity, Cursor::new(marked.as_bytes()));
            skip_snapshot(&mut stream).expect("it has an end");
            assert_eq!(stream.fill_buf().expect("memory can be read"), b"");
        }
        let mut counted = Cursor::new("$5\r\nREDIS*1\r\n");
        skip_snapshot(&mut counted).expect("it has an end");
        assert_eq!(line(&mut counted).expect("a line"), "*1");
        for broken in ["$EOF:mark\r\nREDIS...mar", "$5\r\nRED", "+OK\r\n"] {
            assert!(skip_snapshot(&mut Cursor::new(broken)).is_err(), "{broken}");
        }
    }
}
