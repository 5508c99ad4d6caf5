//! Malformed input: what is sent, what must come back, and whether the connection lives on.
//!
//! A file under `tests/bad_input/` begins with `start:` directives, as a transcript does, then has vectors
//! with an empty line between them:
//!
//! ```text
//! ## a negative count of arguments is refused
//! > "*-5\r\n"                what is sent: words as in a transcript, without anything between them
//! < "-ERR ...\r\n"           the bytes that come back, exactly (the line is missing when nothing does)
//! <or ""                     what may come back instead, for some cuts
//! closed                     or `open` (a PING behind it is answered) or `waiting` (for more input)
//! ```
//!
//! Each vector is sent once for each byte it can be cut at, as two writes, on a connection of its own; long
//! ones are cut near both ends and at some places between. The first writes of a batch are all sent,
//! and seen by the server, before the second ones.

use std::fmt::Write as _;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::client::{Client, Connection, encode_command};
use crate::escape::{display_bytes, words};
use crate::process::{Server, Setup};
use crate::program::Program;

/// What the connection does when the input is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Open,
    Waiting,
    Closed,
}

/// One malformed input.
#[derive(Debug, Clone)]
pub struct Vector {
    name: String,
    sent: String,
    input: Vec<u8>,
    expected: Option<(Vec<u8>, Outcome)>,
    /// What may come back instead, where it depends on which bytes were read together.
    also: Vec<Vec<u8>>,
}

/// The vectors of one file, and what its server is started with.
#[derive(Debug)]
pub struct VectorFile {
    path: PathBuf,
    head: Vec<String>,
    start: Vec<(String, String)>,
    vectors: Vec<Vector>,
}

/// What came of a file.
#[derive(Debug, Default)]
pub struct Report {
    /// Vectors sent.
    pub vectors: usize,
    /// Connections made.
    pub connections: usize,
    /// By how much the server's resident memory had grown after the batch that left most: within [`GROWTH_BYTES_MAX`] if it came to rest there in time.
    pub growth_bytes: u64,
    /// What did not go as written.
    pub failures: Vec<String>,
}

/// How many connections are open at once, and how many bytes all their inputs have (or one alone, where it is longer): what a server holds of inputs
/// that are not whole yet is its right, and must be little beside the growth that is looked for.
const BATCH: usize = 128;
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// By how much a server's memory may have grown after a batch.
pub const GROWTH_BYTES_MAX: u64 = 16 * 1024 * 1024;
const CUTS_ALL_BELOW: usize = 256;
const DEADLINE: Duration = Duration::from_secs(10);
const FAILURES_PER_FILE_MAX: usize = 6;
/// While recording: how long silence is taken to mean that nothing more comes.
const QUIET: Duration = Duration::from_millis(200);

/// Loads all files of a folder.
///
/// # Errors
/// When one cannot be read or has a mistake: the text names file and line.
pub fn load(directory: &Path) -> Result<Vec<VectorFile>, String> {
    let entries = fs::read_dir(directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.iter().map(|path| VectorFile::read(path)).collect()
}

impl Vector {
    /// Nothing but the PING that comes behind every input.
    fn nothing() -> Self {
        Self {
            name: "nothing".into(),
            sent: String::new(),
            input: Vec::new(),
            expected: Some((Vec::new(), Outcome::Open)),
            also: Vec::new(),
        }
    }
}

impl VectorFile {
    fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut file =
            Self { path: path.into(), head: Vec::new(), start: Vec::new(), vectors: Vec::new() };
        for (index, line) in text.lines().enumerate() {
            let place = |what: &str| format!("{}:{}: {what}", path.display(), index + 1);
            file.line(line).map_err(|what| place(&what))?;
        }
        Ok(file)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let quotes = || "the quotes do not match".to_owned();
        if let Some(name) = line.strip_prefix("## ") {
            self.vectors.push(Vector {
                name: name.to_owned(),
                sent: String::new(),
                input: Vec::new(),
                expected: None,
                also: Vec::new(),
            });
            return Ok(());
        }
        let Some(vector) = self.vectors.last_mut() else {
            if let Some(directive) = line.strip_prefix("start: ") {
                let (name, value) =
                    directive.split_once(' ').ok_or("start: <directive> <value>")?;
                self.start.push((name.to_owned(), value.to_owned()));
            }
            self.head.push(line.to_owned());
            return Ok(());
        };
        let expected = vector.expected.clone().unwrap_or((Vec::new(), Outcome::Open));
        match line.split_once(' ').unwrap_or((line, "")) {
            (">", text) => {
                text.clone_into(&mut vector.sent);
                vector.input = words(text).ok_or_else(quotes)?.concat();
            }
            ("<", text) => {
                vector.expected = Some((words(text).ok_or_else(quotes)?.concat(), expected.1));
            }
            ("<or", text) => vector.also.push(words(text).ok_or_else(quotes)?.concat()),
            ("open", "") => vector.expected = Some((expected.0, Outcome::Open)),
            ("waiting", "") => vector.expected = Some((expected.0, Outcome::Waiting)),
            ("closed", "") => vector.expected = Some((expected.0, Outcome::Closed)),
            ("", "") => {}
            _ => return Err(format!("not part of a vector: {line}")),
        }
        Ok(())
    }

    /// The number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }

    /// Starts a server and sends it everything.
    #[must_use]
    pub fn run(&self, program: &Program) -> Report {
        let server = self.start(program);
        let mut report = Report { vectors: self.len(), ..Report::default() };
        // What as many well-behaved connections cost a server that has seen none yet is no growth.
        let nothing = Vector::nothing();
        if let Err(failure) = run_batch(&server, &[(&nothing, 0); BATCH], &mut report.failures) {
            report.failures.push(format!("{}: {failure}", self.path.display()));
            return report;
        }
        let before = server.resident_bytes();
        let attempts: Vec<(&Vector, usize)> = self
            .vectors
            .iter()
            .flat_map(|vector| cuts(vector.input.len()).into_iter().map(move |cut| (vector, cut)))
            .collect();
        for batch in batches(&attempts) {
            report.connections += batch.len();
            if let Err(failure) = run_batch(&server, batch, &mut report.failures) {
                report.failures.push(format!("{}: {failure}", self.path.display()));
                break;
            }
            let growth = settled_growth(&server, before);
            report.growth_bytes = report.growth_bytes.max(growth);
        }
        report
    }

    fn start(&self, program: &Program) -> Server {
        let add = |setup: Setup, (name, value): &(String, String)| setup.with(name, &[value]);
        Server::start(program, self.start.iter().fold(Setup::new(), add))
    }

    /// Asks an oracle what each vector gives, and writes that into the file.
    ///
    /// # Errors
    /// When the world fails.
    pub fn record(&mut self, program: &Program) -> io::Result<()> {
        let server = self.start(program);
        for vector in &mut self.vectors {
            vector.expected = Some(observe(&server, &vector.input)?);
        }
        fs::write(&self.path, self.text())
    }

    fn text(&self) -> String {
        let mut out = self.head.join("\n").trim_end().to_owned() + "\n";
        for vector in &self.vectors {
            let _ = write!(out, "\n## {}\n> {}\n", vector.name, vector.sent);
            if let Some((bytes, outcome)) = &vector.expected {
                if !bytes.is_empty() {
                    let _ = writeln!(out, "< {}", display_bytes(bytes));
                }
                for bytes in &vector.also {
                    let _ = writeln!(out, "<or {}", display_bytes(bytes));
                }
                let _ = writeln!(out, "{}", format!("{outcome:?}").to_lowercase());
            }
        }
        out
    }
}

/// The attempts in groups that are within [`BATCH`] and [`BATCH_BYTES`].
fn batches<'a>(
    mut rest: &'a [(&'a Vector, usize)],
) -> impl Iterator<Item = &'a [(&'a Vector, usize)]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fit = rest.iter().take(BATCH).take_while(|(vector, _)| {
            bytes += vector.input.len();
            bytes <= BATCH_BYTES
        });
        let count = fit.count().max(1);
        let batch;
        (batch, rest) = rest.split_at_checked(count)?;
        Some(batch)
    })
}

/// Where an input is cut: 0 is the whole at once.
fn cuts(length: usize) -> Vec<usize> {
    if length <= CUTS_ALL_BELOW {
        return (0..length.max(1)).collect();
    }
    let ends = (0..48).chain(length - 48..length);
    let between = (1..8).map(|part| length * part / 8);
    ends.chain(between).collect()
}

fn ping() -> Vec<u8> {
    encode_command(&["PING"])
}

/// What a PING behind the input is answered with.
const PING_REPLIES: [&[u8]; 2] = [b"+PONG\r\n", b"-NOAUTH Authentication required.\r\n"];

/// By how much the server's memory has grown, when it has come to rest: an allocator gives back what was freed a little later, so that a reading beyond
/// the bound is repeated until the deadline.
fn settled_growth(server: &Server, before: u64) -> u64 {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let growth = server.resident_bytes().saturating_sub(before);
        let over = Instant::now() > deadline || await_loop(server).is_err();
        if growth < GROWTH_BYTES_MAX || over {
            return growth;
        }
    }
}

fn connect(server: &Server) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(server.address())?;
    socket.set_nodelay(true)?;
    socket.set_write_timeout(Some(DEADLINE))?;
    Ok(socket)
}

/// The server has run its loop since the last write: it has answered a connection of its own twice.
fn await_loop(server: &Server) -> Result<(), String> {
    let mut client = Client::connect(server.port()).map_err(|error| error.to_string())?;
    client.set_limit(DEADLINE);
    for _ in 0..2 {
        client.try_command(&["PING"]).map_err(|error| format!("PING: {error}"))?;
    }
    Ok(())
}

fn run_batch(
    server: &Server,
    batch: &[(&Vector, usize)],
    failures: &mut Vec<String>,
) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let mut sockets = Vec::new();
    for (vector, cut) in batch {
        let (first, _) = vector.input.split_at(*cut);
        let mut socket = connect(server).map_err(text)?;
        // An error here means that the server has closed already, which reading will tell.
        let _ = socket.send(first);
        sockets.push(socket);
    }
    await_loop(server)?;
    for ((vector, cut), socket) in batch.iter().zip(&mut sockets) {
        let (_, second) = vector.input.split_at(*cut);
        let _ = socket.send(second);
        match vector.expected {
            Some((_, Outcome::Open)) => drop(socket.send(&ping())),
            Some((_, Outcome::Waiting)) => drop(socket.finish()),
            Some((_, Outcome::Closed)) | None => {}
        }
    }
    for ((vector, cut), mut socket) in batch.iter().zip(sockets) {
        if let Err(failure) = check(vector, &mut socket) {
            let sent: String = vector.sent.chars().take(200).collect();
            failures.push(format!("{} (cut at {cut}): {failure}\n  sent: {sent}", vector.name));
            // Each may have waited for the whole deadline.
            if failures.len() >= FAILURES_PER_FILE_MAX {
                return Err("too many failures, the rest is left out".into());
            }
        }
    }
    await_loop(server)
}

fn check(vector: &Vector, socket: &mut TcpStream) -> Result<(), String> {
    let Some((expected, outcome)) = &vector.expected else {
        return Err("nothing is expected of it: record it against the oracle".into());
    };
    let deadline = Instant::now() + DEADLINE;
    let mut received = Vec::new();
    let whole = |received: &[u8]| {
        let rest = received.strip_prefix(expected.as_slice());
        *outcome == Outcome::Open && rest.is_some_and(|rest| PING_REPLIES.contains(&rest))
    };
    loop {
        if whole(&received) {
            return Ok(());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match socket.receive(&mut received, left) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
            Err(_) => {
                return Err(format!(
                    "{outcome:?} expected after {}, still waiting after {}",
                    display_bytes(expected),
                    display_bytes(&received)
                ));
            }
        }
    }
    let as_written = received == *expected || vector.also.contains(&received);
    if *outcome != Outcome::Open && as_written {
        return Ok(());
    }
    Err(format!(
        "{outcome:?} expected after {}, closed after {}",
        display_bytes(expected),
        display_bytes(&received)
    ))
}

/// What an oracle does with an input sent at once.
fn observe(server: &Server, input: &[u8]) -> io::Result<(Vec<u8>, Outcome)> {
    let mut socket = connect(server)?;
    let _ = socket.send(input);
    let mut received = Vec::new();
    if until_quiet(&mut socket, &mut received)? {
        return Ok((received, Outcome::Closed));
    }
    let before = received.len();
    socket.send(&ping())?;
    let closed = until_quiet(&mut socket, &mut received)?;
    let behind = received.split_off(before);
    if PING_REPLIES.contains(&behind.as_slice()) {
        return Ok((received, Outcome::Open));
    }
    // The PING became a part of what was asked for: once more without it.
    let _ = closed;
    let mut socket = connect(server)?;
    let _ = socket.send(input);
    let mut received = Vec::new();
    until_quiet(&mut socket, &mut received)?;
    socket.finish()?;
    until_quiet(&mut socket, &mut received)?;
    Ok((received, Outcome::Waiting))
}

/// Reads until nothing comes for a while; true when the server closed.
fn until_quiet(socket: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        match socket.receive(received, QUIET) {
            Ok(0) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// Runs all files of a folder, each with a server of its own, side by side.
///
/// # Panics
/// When a file cannot be read.
#[must_use]
pub fn run_all(directory: &Path, program: &Program) -> Vec<Report> {
    let files = load(directory).unwrap_or_else(|error| panic!("{error}"));
    thread::scope(|scope| {
        let running: Vec<_> = files.iter().map(|file| scope.spawn(|| file.run(program))).collect();
        running.into_iter().map(|run| run.join().expect("a file's own panic")).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_written_back_as_it_was() {
        let text = "# Head.\nstart: requirepass x\n\n## one\n> \"*-1\\r\\n\" $(a*3)\n\
                    < \"-ERR\\r\\n\"\nclosed\n\n## two\n> \"x\"\nwaiting\n";
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, text).unwrap();
        let file = VectorFile::read(&path).unwrap();
        assert_eq!(file.text(), text);
        assert_eq!(file.vectors[0].input, b"*-1\r\naaa");
        assert_eq!(file.start, [("requirepass".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn a_long_input_is_cut_at_both_ends_and_between() {
        assert_eq!(cuts(5), [0, 1, 2, 3, 4]);
        let cuts = cuts(100_000);
        assert!(cuts.len() < 110 && cuts.contains(&1) && cuts.contains(&99_999));
        assert!(cuts.contains(&50_000));
    }
}
