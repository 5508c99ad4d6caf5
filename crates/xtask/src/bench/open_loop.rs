//! The load generator that asks at a fixed rate, whatever the server does; or, to find out what rate that may be, as fast as it is answered.
//!
//! Command `i` is due `i / rate` seconds after the start, on connection `i % connections`, and its
//! latency counts from that moment: a server that stands still is late for all that became due
//! meanwhile, and so is a generator that stood still itself. How late commands left is reported
//! beside, so that the one can be told from the other.

use super::closed_loop::Sockets;
use super::statistics::Histogram;
use super::template::Template;
use super::wire::Keys;
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
/// How long a server may stay silent.
const SILENCE_DEADLINE: Duration = Duration::from_secs(30);

/// When a command is due.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// So many a second.
    PerSecond(f64),
    /// As soon as fewer are in flight than there are connections: a closed loop.
    Closed,
}

/// Where the numbers in a request come from.
pub(crate) enum Numbers {
    /// They go up by a step.
    Up { next: u64, step: u64 },
    /// By chance.
    Random(Keys),
}

/// A request that is sent again and again with other numbers.
pub(crate) struct Request {
    template: Template,
    reply: &'static [u8],
    numbers: Numbers,
}

impl Request {
    /// The request in this line (see [`super::template`]), which must always get this reply.
    pub(crate) fn new(line: &str, reply: &'static [u8], numbers: Numbers) -> Request {
        Request { template: Template::new(line, 1), reply, numbers }
    }

    fn next(&mut self) -> &[u8] {
        let Request { template, numbers, .. } = self;
        template.with_numbers(|| match numbers {
            Numbers::Up { next, step } => {
                *next += *step;
                *next - *step
            }
            Numbers::Random(keys) => keys.next(),
        })
    }
}

/// What to send.
pub(crate) struct Plan<'plan> {
    /// When.
    pub(crate) pace: Pace,
    /// How many commands.
    pub(crate) commands: u64,
    /// Command `i` is number `i % mix.len()` of these.
    pub(crate) mix: &'plan mut [Request],
}

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
    reply: &'static [u8],
}

/// One connection's commands in flight.
#[derive(Default)]
struct Line {
    pending: VecDeque<Pending>,
    /// Bytes of the oldest one's reply that have come.
    received: usize,
}

struct Run<'plan> {
    plan: Plan<'plan>,
    sockets: Sockets,
    lines: Vec<Line>,
    sent: u64,
    in_flight: usize,
    start: Instant,
    outcome: Latencies,
}

/// Runs the plan to its end, against this port of 127.0.0.1.
pub(crate) fn run(port: u16, connections: usize, plan: Plan<'_>) -> Result<Latencies> {
    let commands = plan.commands;
    let mut run = Run {
        plan,
        sockets: Sockets::connect(port, connections)?,
        lines: (0..connections).map(|_| Line::default()).collect(),
        sent: 0,
        in_flight: 0,
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
        let now_ns = self.now_ns();
        let due_ns = match self.plan.pace {
            Pace::PerSecond(rate) => (self.sent as f64 * 1e9 / rate) as u64,
            Pace::Closed if self.in_flight < self.lines.len() => now_ns,
            Pace::Closed => return Ok(false),
        };
        if now_ns < due_ns {
            return Ok(false);
        }
        self.outcome.late_ns_max = self.outcome.late_ns_max.max(now_ns - due_ns);
        let turn = usize::try_from(self.sent % self.plan.mix.len() as u64)?;
        let request = &mut self.plan.mix[turn];
        let index = usize::try_from(self.sent % self.lines.len() as u64)?;
        self.lines[index].pending.push_back(Pending { due_ns, reply: request.reply });
        self.sockets.stream(index).write_all(request.next()).context("cannot send")?;
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
            let rest = &oldest.reply[line.received..];
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
    use super::super::wire::Kind;
    use super::*;

    /// 2,000 commands in one second.
    fn run_against(script: Script, connections: usize, pace: Pace) -> Result<Latencies> {
        let [get, set] = Kind::ALL;
        let mut mix = [
            Request::new(set.line(), set.reply(), Numbers::Up { next: 100, step: 1 }),
            Request::new(get.line(), get.reply(), Numbers::Random(Keys::new(1, 100))),
        ];
        let plan = Plan { pace, commands: 2000, mix: &mut mix };
        run(scripted_server(script), connections, plan)
    }

    const PACE: Pace = Pace::PerSecond(2000.0);

    #[test]
    fn commands_that_become_due_while_the_server_stands_still_are_late() {
        let latencies = run_against(Script::StallAt(200), 1, PACE).expect("honest replies");
        let stall_ns = STALL.as_nanos() as u64;
        assert!(latencies.histogram.max() >= stall_ns * 9 / 10);
        // The stall takes a fifth of the run; those that fell into its first half waited for half of it.
        assert!(latencies.histogram.percentile(92.0) >= stall_ns / 2);
        assert!(latencies.late_ns_max < latencies.histogram.max());
    }

    #[test]
    fn closed_pace_is_never_late() {
        let latencies = run_against(Script::Honest, 3, Pace::Closed).expect("honest replies");
        assert_eq!(latencies.late_ns_max, 0);
        assert!(latencies.histogram.max() > 0);
    }

    #[test]
    fn one_wrong_reply_fails_the_run() {
        let error = run_against(Script::WrongReplyAt(40), 2, PACE).err().expect("a wrong reply");
        assert!(format!("{error:#}").contains("not what it must be"), "{error:#}");
    }
}
