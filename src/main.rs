//! The program: `redstart [redis.conf | -] [--directive value ...]`, as redis-server takes it, and subcommands.
//!
//! A first word that is a subcommand wins over a configuration file of that name.

mod check_aof;
mod check_rdb;
mod client;
mod cluster;
mod command_line;
mod demo;
mod healthcheck;
mod redis_cli;
mod screen;
mod signals;

use config::{Invocation, Start};
use server::{DiskFiles, Launch, daemon};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::process::ExitCode;

/// Chosen by measurement: docs/decisions/0006-allocator.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    demo::bind_to_parent();
    match run() {
        Ok(code) => code,
        Err(Failure::Told) => ExitCode::FAILURE,
        Err(Failure::Said(text)) => {
            // Where standard error is closed nobody listens.
            let _ = writeln!(io::stderr(), "{text}");
            ExitCode::FAILURE
        }
    }
}

/// Why the program ends with 1.
enum Failure {
    /// The user has been told.
    Told,
    /// This is to be said.
    Said(String),
}

/// A failure that has yet to be said.
fn say(error: impl ToString) -> Failure {
    Failure::Said(error.to_string())
}

fn run() -> Result<ExitCode, Failure> {
    if let Some(result) = check_rdb::run_by_name() {
        return result;
    }
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_default();
    let arguments: Vec<Vec<u8>> = words.map(OsStringExt::into_vec).collect();
    if check_aof::is_called_by(&name) {
        return Ok(check_aof::run_as(&name, &arguments));
    }
    if redis_cli::is_called_by(&name) {
        return Ok(redis_cli::run_as(&name, &arguments));
    }
    if let Some(first) = arguments.first()
        && command_line::is_subcommand(first)
    {
        return command_line::run_subcommand();
    }
    match Invocation::parse(&arguments).map_err(say)? {
        Invocation::Version => print(&command_line::version()),
        Invocation::Help => print(&command_line::help()),
        Invocation::Start(start) => serve(&start),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn serve(start: &Start) -> Result<(), Failure> {
    let mut stdin = None;
    if start.stdin {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text).map_err(say)?;
        stdin = Some(text);
    }
    let loaded = config::load(start, stdin.as_deref(), &mut DiskFiles).map_err(say)?;
    let file = start.file.as_deref().map(absolute).transpose().map_err(say)?;
    let launch = Launch::new(loaded, file).map_err(say)?;
    let logs_to_stdout = launch.config.logging.logfile.is_empty();
    if launch.config.general.daemonize {
        if !daemon::is_detached() {
            return daemon::detach(stdin.as_deref()).map_err(say);
        }
        daemon::begin_session().map_err(say)?;
    }
    server::run(launch).map_err(|error| {
        // What is only in a file is told here too.
        if logs_to_stdout && error.is_logged() { Failure::Told } else { say(error) }
    })
}

/// The path as it is from everywhere, for the working folder will change.
fn absolute(path: &[u8]) -> io::Result<PathBuf> {
    std::path::absolute(std::ffi::OsStr::from_bytes(path))
}

/// Writes to the standard output.
fn print(text: &str) -> Result<(), Failure> {
    io::stdout().write_all(text.as_bytes()).map_err(say)
}
