//! Chores of the repository: `cargo xtask <task>`.
//!
//! Only the dispatch on the first argument stands here; each task has a module of its own.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to its terminal")]

mod bench;
mod test;
mod tools;
mod upstream;

use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask <task> [options]

tasks:
  test [--only <stage>]...   install what the tests need, then check everything
                             stages: install format lint unit transcripts process clients
                             (and oracle-tools: the process tests on the oracles, to prove the tests;
                             and docker, also --docker: the image and the compose file, on an engine)
  commands                   write docs/commands.md from the command table
  bench                      measure Redstart beside Valkey, Redis and the echo floor
                             (cargo xtask bench --help)
  upstream                   run Valkey's own test suite on Redstart and on Valkey
                             (cargo xtask upstream --help)";

/// Writes the page of commands. The test that compares it knows how.
fn write_commands() -> anyhow::Result<()> {
    let status = Command::new("cargo")
        .current_dir(tools::workspace_root())
        .args(["test", "--quiet", "-p", "redstart-node", "--test", "commands_page"])
        .env("COMMANDS_PAGE", "write")
        .status()?;
    anyhow::ensure!(status.success(), "docs/commands.md was not written: {status}");
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["test", rest @ ..] => return test::main(rest),
        ["bench", ..] => bench::run(&arguments[1..]),
        ["upstream", rest @ ..] => upstream::run(rest),
        ["commands"] => write_commands(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        [] => Err(anyhow::anyhow!("no task given\n{USAGE}")),
        [unknown, ..] => Err(anyhow::anyhow!("there is no task `{unknown}`\n{USAGE}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
