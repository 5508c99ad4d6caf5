//! The load generator that asks again as soon as it is answered.
//!
//! One thread, all connections in one epoll set, each connection with `depth` requests in flight: when
//! the last of their replies has come, the next batch is written at once. The thread never sleeps (it
//! polls), so a server's write never has to wake its client, and the server always has work. Every
//! byte of every reply is compared with what it must be.

use super::peer::{self, Server};
use super::wire::{self, Batch, Keys, Kind};
use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Bytes that one read takes at most.
const READ_BYTES: usize = 64 * 1024;
/// Requests in flight while keys are loaded.
const LOAD_DEPTH: u64 = 200;
/// How long a server may stay silent with requests in flight.
const SILENCE_DEADLINE: Duration = Duration::from_secs(30);

/// Several connections in one epoll set.
pub(crate) struct Sockets {
    epoll: Epoll,
    streams: Vec<TcpStream>,
    events: Vec<EpollEvent>,
}

impl Sockets {
    /// Connects `count` times to this port of 127.0.0.1.
    pub(crate) fn connect(port: u16, count: usize) -> Result<Sockets> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut streams = Vec::with_capacity(count);
        for index in 0..count {
            let stream = peer::connect(port)?;
            epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
            streams.push(stream);
        }
        Ok(Sockets { epoll, streams, events: vec![EpollEvent::empty(); count] })
    }

    /// Puts the indices of the connections that can be read into `ready`, without waiting for any.
    pub(crate) fn poll(&mut self, ready: &mut Vec<usize>) -> Result<()> {
        self.wait(EpollTimeout::ZERO, ready)
    }

    /// The same, but waits for the first so long.
    pub(crate) fn wait(&mut self, limit: EpollTimeout, ready: &mut Vec<usize>) -> Result<()> {
        ready.clear();
        let count = match self.epoll.wait(&mut self.events, limit) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(error) => return Err(error).context("epoll_wait"),
        };
        for event in &self.events[..count] {
            ready.push(usize::try_from(event.data()).context("an index of a connection")?);
        }
        Ok(())
    }

    /// The connection of this index.
    pub(crate) fn stream(&mut self, index: usize) -> &mut TcpStream {
        &mut self.streams[index]
    }

    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }
}

/// What one connection still has to receive of its batch.
struct InFlight {
    batch: Batch,
    /// Bytes of the batch's replies that have come.
    received: usize,
}

/// Connections that keep one kind of command, or a mix of both, in flight.
pub(crate) struct ClosedLoop {
    sockets: Sockets,
    keys: Keys,
    depth: usize,
    buffer: Vec<u8>,
    ready: Vec<usize>,
}

/// What was done in a measured stretch.
pub(crate) struct Done {
    /// Commands whose replies have come.
    pub(crate) commands: u64,
    /// How long it took.
    pub(crate) elapsed: Duration,
}

impl ClosedLoop {
    /// Connects; commands will ask for keys that `keys` gives.
    pub(crate) fn new(port: u16, connections: usize, depth: usize, keys: Keys) -> Result<Self> {
        let sockets = Sockets::connect(port, connections)?;
        Ok(ClosedLoop {
            sockets,
            keys,
            depth,
            buffer: vec![0; READ_BYTES],
            ready: Vec::with_capacity(connections),
        })
    }

    /// Runs commands for `warm_up`, then calls `begin`, runs for `duration`, calls `end`, and waits for
    /// what is in flight. Only what lies between the two calls is counted. The kind of connection `i`
    /// is `kinds[i % kinds.len()]`.
    pub(crate) fn run(
        &mut self,
        kinds: &[Kind],
        (warm_up, duration): (Duration, Duration),
        mut begin: impl FnMut() -> Result<()>,
        mut end: impl FnMut() -> Result<()>,
    ) -> Result<Done> {
        let mut in_flight: Vec<InFlight> = (0..self.sockets.len())
            .map(|index| kinds[index % kinds.len()])
            .map(|kind| InFlight { batch: Batch::new(kind, self.depth), received: 0 })
            .collect();
        let replies = [replies_of(Kind::Get, self.depth), replies_of(Kind::Set, self.depth)];
        for (index, flight) in in_flight.iter_mut().enumerate() {
            let bytes = flight.batch.with_keys(|| self.keys.next());
            self.sockets.stream(index).write_all(bytes)?;
        }
        let mut commands = 0;
        self.go_on_for(warm_up, &mut in_flight, &replies, &mut commands)?;
        begin()?;
        let from = commands;
        let start = Instant::now();
        self.go_on_for(duration, &mut in_flight, &replies, &mut commands)?;
        let elapsed = start.elapsed();
        end()?;
        let done = Done { commands: commands - from, elapsed };
        self.drain(&in_flight, &replies)?;
        Ok(done)
    }

    fn go_on_for(
        &mut self,
        duration: Duration,
        in_flight: &mut [InFlight],
        replies: &[Vec<u8>; 2],
        commands: &mut u64,
    ) -> Result<()> {
        let mut now = Instant::now();
        let end = now + duration;
        let mut heard = now;
        while now < end {
            self.sockets.poll(&mut self.ready)?;
            for at in 0..self.ready.len() {
                let index = self.ready[at];
                let flight = &mut in_flight[index];
                let expected = &replies[reply_index(flight.batch.kind())];
                let stream = self.sockets.stream(index);
                let finished = receive(stream, &mut self.buffer, expected, &mut flight.received)?;
                if finished {
                    *commands += self.depth as u64;
                    flight.received = 0;
                    stream.write_all(flight.batch.with_keys(|| self.keys.next()))?;
                }
            }
            now = Instant::now();
            if !self.ready.is_empty() {
                heard = now;
            }
            ensure!(now - heard < SILENCE_DEADLINE, "no reply for {SILENCE_DEADLINE:?}");
        }
        Ok(())
    }

    /// Receives what is in flight and asks for no more.
    fn drain(&mut self, in_flight: &[InFlight], replies: &[Vec<u8>; 2]) -> Result<()> {
        for (index, flight) in in_flight.iter().enumerate() {
            let stream = self.sockets.stream(index);
            stream.set_read_timeout(Some(SILENCE_DEADLINE))?;
            let expected = &replies[reply_index(flight.batch.kind())];
            let mut received = flight.received;
            while !receive(stream, &mut self.buffer, expected, &mut received)? {}
        }
        Ok(())
    }
}

fn reply_index(kind: Kind) -> usize {
    match kind {
        Kind::Get => 0,
        Kind::Set => 1,
    }
}

fn replies_of(kind: Kind, depth: usize) -> Vec<u8> {
    kind.reply().repeat(depth)
}

/// Reads once and compares; true when `expected` is complete.
fn receive(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    expected: &[u8],
    received: &mut usize,
) -> Result<bool> {
    let count = stream.read(buffer).context("the server does not answer")?;
    ensure!(count > 0, "the server closed a connection");
    let got = &buffer[..count];
    if expected.get(*received..*received + count) != Some(got) {
        let shown = &got[..count.min(120)];
        bail!("a reply is not what it must be: ...{}", shown.escape_ascii());
    }
    *received += count;
    Ok(*received == expected.len())
}

/// Sets the keys `from..to`, over one connection.
pub(crate) fn load_keys(server: &Server, from: u64, to: u64) -> Result<()> {
    load_over(server.connect()?, from, to)
        .with_context(|| format!("{}: loading keys", server.peer.title()))
}

fn load_over(mut stream: TcpStream, from: u64, to: u64) -> Result<()> {
    stream.set_read_timeout(Some(SILENCE_DEADLINE))?;
    let mut buffer = vec![0; READ_BYTES];
    let mut requests = Vec::new();
    let mut key = from;
    while key < to {
        let end = to.min(key + LOAD_DEPTH);
        requests.clear();
        for number in key..end {
            wire::append_request(&mut requests, Kind::Set, number);
        }
        stream.write_all(&requests)?;
        let expected = Kind::Set.reply().repeat(usize::try_from(end - key)?);
        let mut received = 0;
        while !receive(&mut stream, &mut buffer, &expected, &mut received)? {}
        key = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{Script, scripted_server};
    use super::*;

    /// Three connections with seven commands each: the first 21 are answered however slow the machine is.
    fn run_against(script: Script, duration: Duration) -> Result<Done> {
        let port = scripted_server(script);
        let mut client = ClosedLoop::new(port, 3, 7, Keys::new(1, 100))?;
        client.run(&Kind::ALL, (Duration::ZERO, duration), || Ok(()), || Ok(()))
    }

    #[test]
    fn commands_between_the_two_calls_are_counted() {
        // A busy machine may need longer than a short stretch for the first batch.
        let mut duration = Duration::from_millis(50);
        loop {
            let done = run_against(Script::Honest, duration).expect("honest replies");
            assert!(done.elapsed >= duration);
            assert!(done.commands.is_multiple_of(7), "{} commands", done.commands);
            if done.commands > 0 {
                return;
            }
            duration *= 2;
            assert!(duration < Duration::from_secs(10), "no command was counted");
        }
    }

    #[test]
    fn one_wrong_reply_fails_the_run() {
        let error =
            run_against(Script::WrongReplyAt(20), Duration::ZERO).err().expect("a wrong reply");
        assert!(format!("{error:#}").contains("not what it must be"), "{error:#}");
    }

    #[test]
    fn closed_connection_fails_the_run() {
        let error =
            run_against(Script::CloseAt(20), Duration::ZERO).err().expect("a closed connection");
        let text = format!("{error:#}");
        // The end of the stream, or the reset that a write to it provokes.
        let known = ["closed", "reset", "pipe"].iter().any(|word| text.contains(word));
        assert!(known, "{text}");
    }
}
