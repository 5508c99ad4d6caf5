//! The load generator that asks at a fixed rate, whatever the server does.
//!
//! Command `i` is due `i / rate` seconds after the start, on connection `i % connections`, and its
//! latency counts from that moment: a server that stands still is late for all that became due
//! meanwhile, and so is a generator that stood still itself. How late commands left is reported
//! beside, so that the one can be told from the other.

use super::closed_loop::Sockets;
use super::statistics::Histogram;
use super::wire::{self, Keys, Kind};
use anyhow::{Context, Result, ensure};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// Bytes that one read takes at most.
const READ_BYTES: usize = 64 * 1024;
/// Commands sent until replies are looked for again.
const SEND_BURST: usize = 50;
/// More commands than this in flight mean that the server cannot keep up.
const IN_FLIGHT_MAX: usize = 500_000;
/// One command in so many is a GET of a key that was there before; the others SET a new key.
const GET_EVERY: u64 = 4;
/// How long a server may stay silent.
const SILENCE_DEADLINE: Duration = Duration::from_secs(30);

/// What to send.
pub(crate) struct Plan {
    /// Commands per second.
    pub(crate) rate: f64,
    /// The table holds the keys below this number.
    pub(crate) keys_from: u64,
    /// The run ends when it holds the keys below this number.
    pub(crate) keys_to: u64,
}

/// The share of the kinds in a plan, for a closed loop with the same mix.
pub(crate) const MIX: [Kind; GET_EVERY as usize] = [Kind::Set, Kind::Set, Kind::Set, Kind::Get];

/// What came of it.
pub(crate) struct Latencies {
    /// Nanoseconds from the moment a command was due to its reply.
    pub(crate) histogram: Histogram,
    /// The longest time in nanoseconds by which a command left late: the generator's own pause.
    pub(crate) late_ns_max: u64,
}

/// A command whose reply has not come.
struct Pending {
    due_ns: u64,
    kind: Kind,
}

/// One connection's commands in flight.
#[derive(Default)]
struct Line {
    pending: VecDeque<Pending>,
    /// Bytes of the oldest one's reply that have come.
    received: usize,
}

struct Run<'plan> {
    plan: &'plan Plan,
    sockets: Sockets,
    lines: Vec<Line>,
    keys: Keys,
    new_key: u64,
    sent: u64,
    in_flight: usize,
    request: Vec<u8>,
    start: Instant,
    outcome: Latencies,
}

/// Runs the plan to its end, against this port of 127.0.0.1.
pub(crate) fn run(port: u16, connections: usize, plan: &Plan) -> Result<Latencies> {
    let commands = (plan.keys_to - plan.keys_from) * GET_EVERY / (GET_EVERY - 1);
    let mut run = Run {
        plan,
        sockets: Sockets::connect(port, connections)?,
        lines: (0..connections).map(|_| Line::default()).collect(),
        keys: Keys::new(11, plan.keys_from),
        new_key: plan.keys_from,
        sent: 0,
        in_flight: 0,
        request: Vec::new(),
        start: Instant::now(),
        outcome: Latencies { histogram: Histogram::new(), late_ns_max: 0 },
    };
    let mut buffer = vec![0; READ_BYTES];
    let mut ready = Vec::with_capacity(connections);
    let mut heard_ns = 0;
    while run.sent < commands || run.in_flight > 0 {
        for _ in 0..SEND_BURST {
            if run.sent == commands || !run.send_when_due()? {
                break;
            }
        }
        run.sockets.poll(&mut ready)?;
        for &index in &ready {
            run.receive(index, &mut buffer)?;
            heard_ns = run.now_ns();
        }
        ensure!(
            run.in_flight < IN_FLIGHT_MAX,
            "the server cannot keep up: {} in flight",
            run.in_flight
        );
        let silence = Duration::from_nanos(run.now_ns() - heard_ns);
        ensure!(silence < SILENCE_DEADLINE, "no reply for {SILENCE_DEADLINE:?}");
    }
    Ok(run.outcome)
}

impl Run<'_> {
    fn now_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Sends the next command if its time has come; false when not.
    fn send_when_due(&mut self) -> Result<bool> {
        let due_ns = (self.sent as f64 * 1e9 / self.plan.rate) as u64;
        let now_ns = self.now_ns();
        if now_ns < due_ns {
            return Ok(false);
        }
        self.outcome.late_ns_max = self.outcome.late_ns_max.max(now_ns - due_ns);
        let kind = MIX[(self.sent % GET_EVERY) as usize];
        let key = match kind {
            Kind::Get => self.keys.next(),
            Kind::Set => {
                self.new_key += 1;
                self.new_key - 1
            }
        };
        self.request.clear();
        wire::append_request(&mut self.request, kind, key);
        let index = usize::try_from(self.sent % self.lines.len() as u64)?;
        self.lines[index].pending.push_back(Pending { due_ns, kind });
        self.sockets.stream(index).write_all(&self.request).context("cannot send")?;
        self.sent += 1;
        self.in_flight += 1;
        Ok(true)
    }

    /// Reads once from a connection and settles the commands whose replies are complete.
    fn receive(&mut self, index: usize, buffer: &mut [u8]) -> Result<()> {
        let count = self.sockets.stream(index).read(buffer).context("cannot receive")?;
        ensure!(count > 0, "the server closed a connection");
        let now_ns = self.now_ns();
        let line = &mut self.lines[index];
        let mut got = &buffer[..count];
        while !got.is_empty() {
            let oldest = line.pending.front().context("a reply that nobody asked for")?;
            let rest = &oldest.kind.reply()[line.received..];
            let taken = rest.len().min(got.len());
            let (head, tail) = got.split_at(taken);
            ensure!(
                head == &rest[..taken],
                "a reply is not what it must be: {}",
                got[..got.len().min(120)].escape_ascii()
            );
            got = tail;
            line.received += taken;
            if taken == rest.len() {
                self.outcome.histogram.record(now_ns.saturating_sub(oldest.due_ns));
                line.pending.pop_front();
                line.received = 0;
                self.in_flight -= 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{STALL, Script, scripted_server};
    use super::*;

    /// 2,000 commands in one second.
    const PLAN: Plan = Plan { rate: 2000.0, keys_from: 100, keys_to: 1600 };

    #[test]
    fn commands_that_become_due_while_the_server_stands_still_are_late() {
        let port = scripted_server(Script::StallAt(200));
        let latencies = run(port, 1, &PLAN).expect("honest replies");
        let stall_ns = STALL.as_nanos() as u64;
        assert!(latencies.histogram.max() >= stall_ns * 9 / 10);
        // The stall takes a fifth of the run; those that fell into its first half waited for half of it.
        assert!(latencies.histogram.percentile(92.0) >= stall_ns / 2);
        assert!(latencies.late_ns_max < latencies.histogram.max());
    }

    #[test]
    fn one_wrong_reply_fails_the_run() {
        let port = scripted_server(Script::WrongReplyAt(40));
        let error = run(port, 2, &PLAN).err().expect("a wrong reply");
        assert!(format!("{error:#}").contains("not what it must be"), "{error:#}");
    }
}
