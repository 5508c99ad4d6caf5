//! The suites that run the real executable. One binary: what they share is linked once.

#![allow(clippy::print_stdout, reason = "tests print what they did")]

mod arguments;
mod bad_input;
mod clients;
mod command_line;
mod demo;
mod in_process;
mod memory;
mod mixed_bus;
mod model;
mod process;
mod pubsub;
mod scripts;
mod tidy;
mod tools;

use std::path::PathBuf;

use testkit::Program;

fn program() -> Program {
    Program::redstart(env!("CARGO_BIN_EXE_redstart"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
