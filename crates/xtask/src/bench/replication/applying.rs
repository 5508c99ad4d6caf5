//! How many SETs of its primary's stream a replica runs in a second.
//!
//! The primary is this program: it sends an empty snapshot, and then prepared bytes as fast as they are taken. What it has sent is run when the replica says
//! so; the last thing it is sent asks for that. The replica has the server's core for itself.

use super::super::options::Options;
use super::super::peer::{Peer, Program, Server};
use super::super::readings::{Cores, cpu_ns};
use super::super::statistics::median;
use super::super::throughput::STEAL_PERCENT_MAX;
use super::super::wire::{Keys, Kind, append_request};
use super::{DEADLINE, SETTINGS, chosen, follow};
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How often the prepared stretch of SETs is sent while it is measured.
const ROUNDS: usize = 3;

/// Magic and version, the end, and a checksum that is not looked at.
const EMPTY_SNAPSHOT: &[u8] = b"REDIS0009\xff\0\0\0\0\0\0\0\0";

const SELECT: &[u8] = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
const GETACK: &[u8] = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";

/// How long a replica may take until it connects.
const CONNECT_DEADLINE: Duration = Duration::from_secs(20);

/// One stretch.
pub(crate) struct Sample {
    peer: Peer,
    pair: usize,
    /// SETs a second.
    pub(crate) per_second: f64,
    /// Microseconds of CPU, user and system, per SET.
    pub(crate) cpu_us: f64,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Applying {
    samples: Vec<Sample>,
    /// Samples during which more than a little of a core was stolen.
    pub(crate) stolen: usize,
}

/// Runs this part.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<Applying> {
    let mut programs = chosen(programs, &SETTINGS);
    let mut outcome = Applying::default();
    for pair in 0..options.pairs {
        let mut line = format!("[replication] pair {}, following a stream of SETs:", pair + 1);
        for program in &programs {
            let (sample, steal_percent) =
                measure(options, program, pair).with_context(|| program.peer.title().to_owned())?;
            outcome.stolen += usize::from(steal_percent > STEAL_PERCENT_MAX);
            let Sample { per_second, cpu_us, .. } = sample;
            line += &format!("  {} {per_second:.0}/s, {cpu_us:.3} us", program.peer.title());
            outcome.samples.push(sample);
        }
        println!("{line}");
        if !programs.is_empty() {
            programs.rotate_left(1);
        }
    }
    Ok(outcome)
}

/// Also the steal in percent.
fn measure(options: &Options, program: &Program, pair: usize) -> Result<(Sample, f64)> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    let replica = Server::start(program)?;
    follow(&replica, listener.local_addr()?.port())?;
    let mut link = Link::accept(&listener)?;
    // All keys are there before it is measured.
    let mut stretch = SELECT.to_vec();
    (0..options.keys).for_each(|key| append_request(&mut stretch, Kind::Set, key));
    link.send_and_await(&stretch, 1, b"")?;
    stretch.clear();
    let mut keys = Keys::new(1 + pair as u64, options.keys);
    (0..options.keys).for_each(|_| append_request(&mut stretch, Kind::Set, keys.next()));
    // The last one makes a key, which shows that it has run.
    let mut last = Vec::new();
    append_request(&mut last, Kind::Set, options.keys);
    let (cores, cpu, start) = (Cores::now()?, cpu_ns(replica.pid())?, Instant::now());
    link.send_and_await(&stretch, ROUNDS, &last)?;
    let (elapsed, cpu) = (start.elapsed(), cpu_ns(replica.pid())? - cpu);
    let steal_percent = cores.until(&Cores::now()?).steal_percent;
    let there = replica.control()?.ask("DBSIZE")?;
    let keys = options.keys + 1;
    ensure!(there == keys.to_string(), "{there} keys are there, not {keys}");
    let sets = (options.keys * ROUNDS as u64) as f64;
    let sample = Sample {
        peer: program.peer,
        pair,
        per_second: sets / elapsed.as_secs_f64(),
        cpu_us: cpu as f64 / 1000.0 / sets,
    };
    Ok((sample, steal_percent))
}

/// The connection to a replica that has been sent a snapshot.
struct Link {
    stream: BufReader<TcpStream>,
    /// Bytes that were sent behind the snapshot.
    offset: u64,
}

impl Link {
    /// Waits for the replica, and answers as a primary does until it has its snapshot.
    fn accept(listener: &TcpListener) -> Result<Link> {
        listener.set_nonblocking(true)?;
        let deadline = Instant::now() + CONNECT_DEADLINE;
        let stream = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if Instant::now() > deadline => {
                    return Err(error).context("no replica connects");
                }
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        let mut link = Link { stream: BufReader::new(stream), offset: 0 };
        loop {
            let request = link.request()?;
            let reply = match request.first().map(String::as_str) {
                Some("PING") => "+PONG\r\n".to_owned(),
                Some("REPLCONF") => "+OK\r\n".to_owned(),
                Some("PSYNC") => {
                    let id = "0123456789abcdef".repeat(3);
                    format!("+FULLRESYNC {} 0\r\n${}\r\n", &id[..40], EMPTY_SNAPSHOT.len())
                }
                _ => bail!("a replica asks for {request:?}"),
            };
            link.stream.get_mut().write_all(reply.as_bytes())?;
            if reply.starts_with("+FULLRESYNC") {
                link.stream.get_mut().write_all(EMPTY_SNAPSHOT)?;
                return Ok(link);
            }
        }
    }

    /// Sends bytes so many times, and others at the end; waits until the replica says that it has run them.
    fn send_and_await(&mut self, bytes: &[u8], rounds: usize, last: &[u8]) -> Result<()> {
        let goal = self.offset + (bytes.len() * rounds + last.len()) as u64;
        let mut output = self.stream.get_ref().try_clone()?;
        std::thread::scope(|scope| {
            let sender = scope.spawn(move || -> Result<()> {
                for _ in 0..rounds {
                    output.write_all(bytes)?;
                }
                output.write_all(last)?;
                Ok(output.write_all(GETACK)?)
            });
            let acknowledged = self.await_acknowledged(goal);
            let sent = sender.join().map_err(|_| anyhow!("the thread that sends broke"))?;
            sent.and(acknowledged)
        })?;
        self.offset = goal + GETACK.len() as u64;
        Ok(())
    }

    fn await_acknowledged(&mut self, goal: u64) -> Result<()> {
        loop {
            let request = self.request()?;
            if let [name, option, offset, ..] = request.as_slice()
                && name.eq_ignore_ascii_case("REPLCONF")
                && option.eq_ignore_ascii_case("ACK")
                && offset.parse::<u64>().context("an offset")? >= goal
            {
                return Ok(());
            }
        }
    }

    /// The next request of the replica. Line ends between requests only say that it lives.
    fn request(&mut self) -> Result<Vec<String>> {
        let mut line = self.line()?;
        while line.is_empty() {
            line = self.line()?;
        }
        let words: usize = number(&line, '*')?;
        let word = |_: usize| -> Result<String> {
            let length: usize = number(&self.line()?, '$')?;
            let mut word = vec![0; length + b"\r\n".len()];
            self.stream.read_exact(&mut word)?;
            word.truncate(length);
            Ok(String::from_utf8(word)?)
        };
        (0..words).map(word).collect()
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let count = self.stream.read_line(&mut line)?;
        ensure!(count > 0, "the replica has closed the connection");
        Ok(line.trim_end().to_owned())
    }
}

/// The number behind a sign.
fn number(line: &str, sign: char) -> Result<usize> {
    let digits = line.strip_prefix(sign).with_context(|| format!("{line:?} for a {sign}"))?;
    digits.parse().with_context(|| format!("{digits:?} for a number"))
}

impl Applying {
    /// A figure of all samples of a program.
    pub(crate) fn of(&self, peer: Peer, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        self.samples.iter().filter(|one| one.peer == peer).map(figure).collect()
    }

    /// How many times as many SETs a second as Valkey, for each pair.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        let of = |peer| self.samples.iter().filter(move |one: &&Sample| one.peer == peer);
        of(Peer::Redstart)
            .filter_map(|ours| {
                let theirs = of(Peer::Valkey).find(|one| one.pair == ours.pair)?;
                Some(ours.per_second / theirs.per_second)
            })
            .collect()
    }

    /// The median of these.
    pub(crate) fn ratio(&self) -> Option<f64> {
        median(&self.ratios())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A replica that runs at once what it is sent, byte by byte, and acknowledges when asked.
    fn replica(port: u16) -> Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"*1\r\n$4\r\nPING\r\n")?;
        stream.read_exact(&mut [0; 7])?;
        stream.write_all(b"*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n")?;
        let head = "+FULLRESYNC ".len() + 40 + " 0\r\n$18\r\n".len();
        stream.read_exact(&mut vec![0; head + EMPTY_SNAPSHOT.len()])?;
        stream.write_all(b"\n*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n")?;
        let mut received = vec![0; 2 * SELECT.len() + GETACK.len()];
        stream.read_exact(&mut received)?;
        ensure!(received.ends_with(GETACK), "it is asked at the end");
        stream.write_all(b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$2\r\n46\r\n")?;
        Ok(())
    }

    #[test]
    fn what_was_sent_is_run_when_the_replica_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let other = std::thread::spawn(move || replica(port));
        let mut link = Link::accept(&listener).expect("it comes");
        assert_eq!(SELECT.len(), 23);
        link.send_and_await(SELECT, 1, SELECT).expect("it acknowledges");
        assert_eq!(link.offset, 46 + GETACK.len() as u64);
        other.join().expect("it ends").expect("it was served");
    }
}
