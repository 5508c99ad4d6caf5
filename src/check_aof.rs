//! `redstart check-aof`, and what the program is when it is called `redis-check-aof`.

use persist::aof::check::{self, Mode, Operator};
use server::DiskStorage;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

/// What clap is to know.
pub(crate) fn command() -> Command {
    Command::new("check-aof")
        .about("Check an append-only file, or all that a manifest lists")
        .arg(
            Arg::new("fix")
                .long("fix")
                .action(ArgAction::SetTrue)
                .help("Cut the last file off behind what is whole, after a question"),
        )
        .arg(
            Arg::new("timestamp")
                .long("truncate-to-timestamp")
                .value_name("SECONDS")
                .value_parser(clap::value_parser!(i64))
                .conflicts_with("fix")
                .help("Cut the last file off before what is later, in seconds since 1970"),
        )
        .arg(
            Arg::new("file")
                .required(true)
                .value_name("FILE")
                .value_parser(clap::value_parser!(OsString))
                .help("A manifest, or a single file"),
        )
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &ArgMatches) -> ExitCode {
    let seconds = arguments.get_one::<i64>("timestamp").copied();
    let mode = if arguments.get_flag("fix") { Mode::Fix } else { mode_of(seconds) };
    let file = arguments.get_one::<OsString>("file").cloned().unwrap_or_default();
    checked(&file, mode)
}

/// Nothing is later than time zero for the tool of Redis, which takes it for none.
fn mode_of(seconds: Option<i64>) -> Mode {
    seconds.filter(|seconds| *seconds != 0).map_or(Mode::Check, Mode::TruncateToTimestamp)
}

/// Whether the program was called by the name of the tool of Redis or Valkey.
pub(crate) fn is_called_by(name: &OsStr) -> bool {
    let name = Path::new(name).file_name().unwrap_or_default();
    name == "redis-check-aof" || name == "valkey-check-aof"
}

/// Runs as the tool does, with its own reading of the command line; `name` is what it was called.
pub(crate) fn run_as(name: &OsStr, arguments: &[Vec<u8>]) -> ExitCode {
    let file = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    match arguments {
        [option] if option == b"-v" || option == b"--version" => {
            let name = Path::new(name).file_name().unwrap_or_default().to_string_lossy();
            tell(&format!("{name} {}", crate::command_line::version_fields()));
            ExitCode::SUCCESS
        }
        [path] => checked(&file(path), Mode::Check),
        [option, path] if option == b"--fix" => checked(&file(path), Mode::Fix),
        [option, seconds, path] if option == b"--truncate-to-timestamp" => {
            let seconds = std::str::from_utf8(seconds).ok().and_then(|text| text.parse().ok());
            match seconds {
                Some(seconds) => checked(&file(path), mode_of(Some(seconds))),
                None => {
                    tell("Invalid timestamp, aborting...\n");
                    ExitCode::FAILURE
                }
            }
        }
        _ => {
            tell(&format!(
                "Usage: {} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>\n",
                name.to_string_lossy()
            ));
            ExitCode::FAILURE
        }
    }
}

fn checked(path: &OsStr, mode: Mode) -> ExitCode {
    let mut terminal = Terminal { bar: io::stderr().is_terminal(), shown: None };
    match check::check(&DiskStorage, &mut terminal, Path::new(path), mode) {
        Ok(()) => ExitCode::SUCCESS,
        Err(check::Refused) => ExitCode::FAILURE,
    }
}

fn tell(text: &str) {
    // Where standard output is closed nobody listens.
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Whoever sits in front of it.
struct Terminal {
    /// Whether standard error can show a bar.
    bar: bool,
    /// How full the bar is that is shown, in percent.
    shown: Option<u64>,
}

const BAR_SIGNS: u64 = 40;

impl Operator for Terminal {
    fn tell(&mut self, text: &str) {
        if self.shown.take().is_some() {
            // Back to an empty line.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        tell(text);
    }

    fn answer(&mut self) -> Option<u8> {
        let mut answer = [0];
        io::stdin().read_exact(&mut answer).ok().map(|()| answer[0])
    }

    fn progress(&mut self, done: u64, total: u64) {
        let percent = (done.saturating_mul(100) / total.max(1)).min(100);
        if !self.bar || self.shown == Some(percent) {
            return;
        }
        self.shown = Some(percent);
        let full = (percent * BAR_SIGNS / 100) as usize;
        let bar = format!("{:-<1$}", "#".repeat(full), BAR_SIGNS as usize);
        let _ = write!(io::stderr(), "\r[{bar}] {percent:>3}% of {} MiB", total >> 20);
    }
}
