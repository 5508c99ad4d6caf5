//! `redstart check-rdb FILE`: whether an RDB file is whole, and what is in it. In the words of redis-check-rdb, for scripts that look for them; behind
//! these a summary.

use crate::{Failure, say};
use clap::{Arg, ArgMatches, Command, value_parser};
use persist::rdb::{self, Cause, Doing, Event, Summary};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use values::Rules;

/// The names that the program goes by as this tool.
const NAMES: [&str; 3] = ["redis-check-rdb", "valkey-check-rdb", "redstart-check-rdb"];

/// How many characters the bar has.
const BAR_WIDTH: u64 = 40;

/// The subcommand's declaration.
pub(crate) fn command() -> Command {
    Command::new("check-rdb").about("Check an RDB file, and tell what is in it").arg(
        Arg::new("file")
            .value_name("FILE")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help("The file"),
    )
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, Failure> {
    let file: &PathBuf = arguments.get_one("file").ok_or_else(|| say("no file"))?;
    check(file)
}

/// Runs as the tool, where the program was called by one of its names.
pub(crate) fn run_by_name() -> Option<Result<ExitCode, Failure>> {
    let mut words = std::env::args_os();
    let program = PathBuf::from(words.next()?);
    let name = program.file_name()?.to_str().filter(|name| NAMES.contains(name))?;
    let (first, more) = (words.next(), words.next());
    Some(match (first, more) {
        (Some(word), None) if word == "-v" || word == "--version" => {
            crate::print(&format!("{name} {}\n", env!("CARGO_PKG_VERSION")))
                .map(|()| ExitCode::SUCCESS)
        }
        (Some(file), None) => check(Path::new(&file)),
        _ => Err(say(format!("Usage: {name} <rdb-file-name>"))),
    })
}

fn check(path: &Path) -> Result<ExitCode, Failure> {
    let shown = path.display();
    let mut out = io::stdout().lock();
    writeln!(out, "[offset 0] Checking RDB file {shown}").map_err(say)?;
    let file = File::open(path).map_err(|error| say(format!("Cannot open {shown}: {error}")))?;
    let total = file.metadata().map_err(say)?.len();
    let mut bar = Bar::new(total);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let mut written = Ok(());
    let (summary, failure) = rdb::check(file, Rules::DEFAULT, now as i64, |offset, event| {
        if written.is_ok() && is_told(event) {
            written = bar.clear().and_then(|()| tell(&mut out, offset, event));
        }
        bar.advance(offset);
    });
    written.and_then(|()| bar.clear()).map_err(say)?;
    let trailing = total.checked_sub(summary.bytes).filter(|&bytes| bytes > 0);
    match &failure {
        Some(failure) => tell_failure(&mut out, failure),
        None => tell_success(&mut out, &summary, trailing),
    }
    .and_then(|()| tell_summary(&mut out, &summary, failure.as_ref()))
    .map_err(say)?;
    Ok(if failure.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn is_told(event: &Event<'_>) -> bool {
    matches!(event, Event::Aux(..) | Event::Select(_) | Event::EmptyKey(_))
}

/// What of a file is told as it is come by.
fn tell(out: &mut impl Write, offset: u64, event: &Event<'_>) -> io::Result<()> {
    match event {
        Event::Aux(name, text) => writeln!(
            out,
            "[offset {offset}] AUX FIELD {} = '{}'",
            name.escape_ascii(),
            text.escape_ascii()
        ),
        Event::Select(number) => writeln!(out, "[offset {offset}] Selecting DB ID {number}"),
        Event::EmptyKey(name) => {
            writeln!(out, "[offset {offset}] Key '{}' has no elements", name.escape_ascii())
        }
        Event::Function(_) | Event::Resize { .. } | Event::Slot { .. } | Event::Key(_) => Ok(()),
    }
}

fn tell_success(out: &mut impl Write, summary: &Summary, trailing: Option<u64>) -> io::Result<()> {
    let offset = summary.bytes;
    let checksum = if summary.has_checksum {
        "Checksum OK"
    } else {
        "RDB file was saved with checksum disabled: no check performed."
    };
    writeln!(out, "[offset {offset}] {checksum}")?;
    if let Some(bytes) = trailing {
        writeln!(out, "[offset {offset}] {bytes} bytes follow that are no part of it")?;
    }
    writeln!(out, "[offset {offset}] \\o/ RDB looks OK! \\o/")
}

fn tell_failure(out: &mut impl Write, failure: &rdb::Failure) -> io::Result<()> {
    let offset = failure.error.offset;
    writeln!(out, "--- RDB ERROR DETECTED ---")?;
    match &failure.error.cause {
        Cause::Truncated => writeln!(out, "[offset {offset}] Unexpected EOF reading RDB file"),
        Cause::NotRdb => {
            writeln!(out, "[offset {offset}] Wrong signature trying to load DB from file")
        }
        Cause::Version(version) => writeln!(
            out,
            "[offset {offset}] Can't handle RDB format version {} ({version})",
            version.number()
        ),
        Cause::Type(kind) => writeln!(out, "[offset {offset}] Invalid object type: {kind}"),
        cause @ (Cause::Read(_) | Cause::Module | Cause::Malformed(_) | Cause::Checksum { .. }) => {
            writeln!(out, "[offset {offset}] {cause}")
        }
    }?;
    let doing = match failure.doing {
        Doing::Start => "start",
        Doing::Type => "read-type",
        Doing::KeyInfo => "read-expire",
        Doing::Key(_) => "read-key",
        Doing::Value(_) => "read-object-value",
        Doing::Other => "read-len",
        Doing::Checksum => "check-sum",
    };
    writeln!(out, "[additional info] While doing: {doing}")?;
    if let Some(key) = &failure.key {
        writeln!(out, "[additional info] Reading key '{}'", key.escape_ascii())?;
    }
    if let Some((kind, name)) = failure.kind() {
        writeln!(out, "[additional info] Reading type {kind} ({name})")?;
    }
    Ok(())
}

fn tell_summary(
    out: &mut impl Write,
    summary: &Summary,
    failure: Option<&rdb::Failure>,
) -> io::Result<()> {
    // As Redis's tool counts: a key whose name was read is one.
    let half = failure.is_some_and(|failure| matches!(failure.doing, Doing::Value(_)));
    writeln!(out, "[info] {} keys read", summary.keys() + u64::from(half))?;
    writeln!(out, "[info] {} expires", summary.expires)?;
    writeln!(out, "[info] {} already expired", summary.expired)?;
    writeln!(out, "[info] {} functions", summary.functions)?;
    if summary.empty_keys > 0 {
        writeln!(out, "[info] {} keys without elements", summary.empty_keys)?;
    }
    let Some(version) = summary.version else { return Ok(()) };
    writeln!(out, "[info] {version}, {} bytes, {} databases", summary.bytes, summary.databases)?;
    for (kind, sum) in summary.by_kind().filter(|(_, sum)| sum.keys > 0) {
        let name = kind.name();
        let (keys, elements, bytes) = (sum.keys, sum.elements, sum.bytes);
        writeln!(out, "[info] {name}: {keys} keys, {elements} elements, {bytes} bytes")?;
    }
    for (rank, key) in summary.biggest.iter().enumerate() {
        writeln!(
            out,
            "[info] biggest {}: '{}' in DB {}, {}, {} elements, {} bytes",
            rank + 1,
            key.name.escape_ascii(),
            key.database,
            key.kind.name(),
            key.elements,
            key.bytes
        )?;
    }
    Ok(())
}

/// How far it has come, on the line of a terminal that is written over.
struct Bar {
    total: u64,
    /// In hundredths, as it was drawn.
    drawn: Option<u64>,
    is_shown: bool,
}

impl Bar {
    fn new(total: u64) -> Bar {
        let is_shown = total > 0 && io::stderr().is_terminal();
        Bar { total, drawn: None, is_shown }
    }

    fn advance(&mut self, offset: u64) {
        let hundredths = 100 * offset.min(self.total) / self.total.max(1);
        if !self.is_shown || self.drawn == Some(hundredths) {
            return;
        }
        self.drawn = Some(hundredths);
        let full = "#".repeat((BAR_WIDTH * hundredths / 100) as usize);
        // A terminal that is gone has nobody to tell.
        let _ =
            write!(io::stderr(), "\r[{full:<width$}] {hundredths:3} %", width = BAR_WIDTH as usize);
    }

    /// Makes room for a line of text.
    fn clear(&mut self) -> io::Result<()> {
        if self.drawn.take().is_some() {
            write!(io::stderr(), "\r\x1b[K")?;
        }
        Ok(())
    }
}
