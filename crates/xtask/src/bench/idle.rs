//! Row `idle`: what a connection costs that has said something once and is silent since.

use super::options::Options;
use super::peer::{Peer, Program, Server};
use super::readings::rss_bytes;
use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// File descriptors that are needed beside the connections.
const SPARE_DESCRIPTORS: u64 = 200;
/// How long servers always get: they look after silent clients about once a second.
const SETTLE_AT_LEAST: Duration = Duration::from_secs(5);
/// How long servers get to return what a connection does not need when it is silent.
const SETTLE_DEADLINE: Duration = Duration::from_secs(15);

/// What the row found for one peer.
pub(crate) struct Idle {
    /// Whose it is.
    pub(crate) peer: Peer,
    /// Growth of the resident set per connection, in bytes.
    pub(crate) bytes: f64,
}

/// Runs the row.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<Vec<Idle>> {
    let servers: Vec<&Program> =
        programs.iter().filter(|program| program.peer != Peer::Echo).collect();
    println!(
        "[idle] {} connections to each of {} programs, about 20 s each",
        options.idle_connections,
        servers.len()
    );
    raise_descriptor_limit(options.idle_connections as u64 + SPARE_DESCRIPTORS)?;
    servers.into_iter().map(|program| one(options.idle_connections, program)).collect()
}

fn one(connections: usize, program: &Program) -> Result<Idle> {
    let server = Server::start(program)?;
    ask(&mut server.connect()?)?;
    let start = settled(&server)?;
    let mut streams = Vec::with_capacity(connections);
    for index in 0..connections {
        let mut stream = server.connect()?;
        ask(&mut stream).with_context(|| format!("connection {index}"))?;
        streams.push(stream);
    }
    let end = settled(&server)?;
    for stream in &mut streams {
        ask(stream).context("a connection did not live through its silence")?;
    }
    let bytes = end.saturating_sub(start) as f64 / connections as f64;
    println!("  {}: {:.1} KiB per connection", program.peer.title(), bytes / 1024.0);
    Ok(Idle { peer: program.peer, bytes })
}

fn ask(stream: &mut TcpStream) -> Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"*1\r\n$4\r\nPING\r\n")?;
    let mut reply = [0; 7];
    stream.read_exact(&mut reply)?;
    ensure!(&reply == b"+PONG\r\n", "answers PING with {}", reply.escape_ascii());
    Ok(())
}

/// The resident set once it, after [`SETTLE_AT_LEAST`], has stayed the same for two seconds, or the deadline has passed.
fn settled(server: &Server) -> Result<u64> {
    std::thread::sleep(SETTLE_AT_LEAST);
    let deadline = Instant::now() + SETTLE_DEADLINE - SETTLE_AT_LEAST;
    let mut last = rss_bytes(server.pid())?;
    let mut quiet = 0;
    while quiet < 10 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(200));
        let now = rss_bytes(server.pid())?;
        quiet = if now == last { quiet + 1 } else { 0 };
        last = now;
    }
    Ok(last)
}

/// Raises the limit of open files for this process and for the servers that it starts.
fn raise_descriptor_limit(needed: u64) -> Result<()> {
    let (current, maximum) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if current >= needed {
        return Ok(());
    }
    let maximum = maximum.max(needed);
    setrlimit(Resource::RLIMIT_NOFILE, maximum, maximum)
        .with_context(|| format!("needed: {needed} open files (ulimit -n)"))
}
