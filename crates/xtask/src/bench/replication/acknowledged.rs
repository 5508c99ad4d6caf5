//! What it costs that a reply waits for a replica: SETs a second and how long each takes, without and with it.
//!
//! Redstart waits by `write-acks 1`; Valkey, which has no such setting, is sent `WAIT 1 0` behind each SET. The client sleeps while it has nothing to do,
//! for the replica shares its core.

use super::super::closed_loop::Sockets;
use super::super::options::Options;
use super::super::peer::{Peer, Program, Server};
use super::super::readings::Cores;
use super::super::statistics::{Histogram, median};
use super::super::throughput::{self, CONNECTIONS, STEAL_PERCENT_MAX};
use super::super::wire::{Batch, Keys, Kind};
use super::{Pair, SETTINGS, chosen};
use anyhow::{Context, Result, ensure};
use nix::sys::epoll::EpollTimeout;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

const WAIT: &[u8] = b"*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n";
const WAIT_REPLY: &[u8] = b":1\r\n";

/// How long the client sleeps at most, in milliseconds.
const SLEEP_MS: u16 = 100;
/// How long a server may stay silent with requests in flight.
const SILENCE_DEADLINE: Duration = Duration::from_secs(30);

/// One stretch.
pub(crate) struct Sample {
    peer: Peer,
    pair: usize,
    waits: bool,
    /// SETs a second.
    pub(crate) per_second: f64,
    /// Half of the replies had come after so many milliseconds.
    pub(crate) p50_ms: f64,
    /// All but one in a hundred had.
    pub(crate) p99_ms: f64,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Acknowledged {
    samples: Vec<Sample>,
    /// Samples during which more than a little of a core was stolen.
    pub(crate) stolen: usize,
}

/// Runs this part.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<Acknowledged> {
    let mut programs = chosen(programs, &SETTINGS);
    let mut outcome = Acknowledged::default();
    for number in 0..options.pairs {
        for program in &programs {
            let title = program.peer.title();
            let pair = Pair::join(program, throughput::loaded(options, program)?)?;
            let mut line = format!("[replication] pair {}, SET, {title}:", number + 1);
            for waits in [false, true] {
                let (sample, steal_percent) = measure(options, &pair.primary, (number, waits))
                    .with_context(|| format!("{title}, replies wait: {waits}"))?;
                outcome.stolen += usize::from(steal_percent > STEAL_PERCENT_MAX);
                let Sample { per_second, p50_ms, p99_ms, .. } = sample;
                let how = if waits { "acknowledged" } else { "at once" };
                line += &format!("  {how} {per_second:.0}/s, {p50_ms:.3} ms, p99 {p99_ms:.3} ms");
                outcome.samples.push(sample);
            }
            println!("{line}");
            pair.await_caught_up().with_context(|| title.to_owned())?;
        }
        if !programs.is_empty() {
            programs.rotate_left(1);
        }
    }
    Ok(outcome)
}

/// Also the steal in percent.
fn measure(
    options: &Options,
    primary: &Server,
    (pair, waits): (usize, bool),
) -> Result<(Sample, f64)> {
    let mut tail = (&b""[..], &b""[..]);
    if primary.peer == Peer::Redstart {
        let reply =
            primary.control()?.ask(&format!("CONFIG SET write-acks {}", u8::from(waits)))?;
        ensure!(reply == "OK", "CONFIG SET write-acks is answered with {reply:?}");
    } else if waits {
        tail = (WAIT, WAIT_REPLY);
    }
    let mut client = Client {
        sockets: Sockets::connect(primary.port, CONNECTIONS)?,
        batch: Batch::new(Kind::Set, 1),
        keys: Keys::new(1 + pair as u64, options.keys),
        tail: tail.0,
        expected: [Kind::Set.reply(), tail.1].concat(),
        flights: Vec::new(),
    };
    client.begin()?;
    client.go_on_for(options.warm_up)?;
    let (cores, start) = (Cores::now()?, Instant::now());
    let times = client.go_on_for(options.cell)?;
    let elapsed = start.elapsed();
    let steal_percent = cores.until(&Cores::now()?).steal_percent;
    let milliseconds = |percent| times.percentile(percent) as f64 / 1e6;
    let sample = Sample {
        peer: primary.peer,
        pair,
        waits,
        per_second: times.total() as f64 / elapsed.as_secs_f64(),
        p50_ms: milliseconds(50.0),
        p99_ms: milliseconds(99.0),
    };
    Ok((sample, steal_percent))
}

/// Connections with one SET in flight on each.
struct Client {
    sockets: Sockets,
    batch: Batch,
    keys: Keys,
    /// What follows each SET.
    tail: &'static [u8],
    expected: Vec<u8>,
    /// When each was sent, and how many bytes of its reply have come.
    flights: Vec<(Instant, usize)>,
}

impl Client {
    fn begin(&mut self) -> Result<()> {
        for index in 0..self.sockets.len() {
            self.flights.push((Instant::now(), 0));
            self.send(index)?;
        }
        Ok(())
    }

    fn send(&mut self, index: usize) -> Result<()> {
        let set = self.batch.with_keys(|| self.keys.next());
        let request = [set, self.tail].concat();
        self.flights[index] = (Instant::now(), 0);
        Ok(self.sockets.stream(index).write_all(&request)?)
    }

    /// How long each reply took that came meanwhile, in nanoseconds.
    fn go_on_for(&mut self, duration: Duration) -> Result<Histogram> {
        let mut times = Histogram::new();
        let mut ready = Vec::with_capacity(self.sockets.len());
        let end = Instant::now() + duration;
        let mut heard = Instant::now();
        while Instant::now() < end {
            self.sockets.wait(EpollTimeout::from(SLEEP_MS), &mut ready)?;
            if !ready.is_empty() {
                heard = Instant::now();
            }
            ensure!(heard.elapsed() < SILENCE_DEADLINE, "no reply for {SILENCE_DEADLINE:?}");
            for &index in &ready {
                if self.receive(index)? {
                    times.record(u64::try_from(self.flights[index].0.elapsed().as_nanos())?);
                    self.send(index)?;
                }
            }
        }
        Ok(times)
    }

    /// Reads once and compares; true when the reply is complete.
    fn receive(&mut self, index: usize) -> Result<bool> {
        let mut buffer = [0; 64];
        let count = self.sockets.stream(index).read(&mut buffer).context("no reply")?;
        ensure!(count > 0, "the server closed a connection");
        let received = &mut self.flights[index].1;
        let got = &buffer[..count];
        ensure!(
            self.expected.get(*received..*received + count) == Some(got),
            "a reply is not what it must be: ...{}",
            got.escape_ascii()
        );
        *received += count;
        Ok(*received == self.expected.len())
    }
}

impl Acknowledged {
    fn samples(&self, peer: Peer, waits: bool) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |one| one.peer == peer && one.waits == waits)
    }

    /// A figure of all samples of a program, where replies wait or do not.
    pub(crate) fn of(
        &self,
        (peer, waits): (Peer, bool),
        figure: impl Fn(&Sample) -> f64,
    ) -> Vec<f64> {
        self.samples(peer, waits).map(figure).collect()
    }

    /// How many times as many SETs a second there are when replies wait, for each pair.
    pub(crate) fn ratios(&self, peer: Peer) -> Vec<f64> {
        self.samples(peer, true)
            .filter_map(|with| {
                let without = self.samples(peer, false).find(|one| one.pair == with.pair)?;
                Some(with.per_second / without.per_second)
            })
            .collect()
    }

    /// The median of these, and that of the 99th percentile in milliseconds.
    pub(crate) fn figures(&self, peer: Peer) -> Option<(f64, f64)> {
        let p99 = median(&self.of((peer, true), |one| one.p99_ms))?;
        Some((median(&self.ratios(peer))?, p99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_compared_with_not_waiting_in_the_same_pair() {
        let sample = |pair, waits, per_second| Sample {
            peer: Peer::Redstart,
            pair,
            waits,
            per_second,
            p50_ms: 1.0,
            p99_ms: if waits { 2.0 } else { 9.0 },
        };
        let samples = vec![
            sample(0, false, 100.0),
            sample(0, true, 70.0),
            sample(1, true, 90.0),
            sample(1, false, 100.0),
        ];
        let row = Acknowledged { samples, stolen: 0 };
        assert_eq!(row.ratios(Peer::Redstart), [0.7, 0.9]);
        assert_eq!(row.figures(Peer::Redstart), Some((0.8, 2.0)));
        assert_eq!(row.figures(Peer::Valkey), None);
    }
}
