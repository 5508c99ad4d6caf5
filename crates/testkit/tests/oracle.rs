//! The contract suites against Valkey: what the files of `tests/` expect is what it answers.

// Tests print what they did.
#![allow(clippy::print_stdout, reason = "tests print what they did")]

#[path = "../../../tests/bad_input.rs"]
mod bad_input;
#[path = "../../../tests/scripts.rs"]
mod scripts;

use std::path::{Path, PathBuf};

use testkit::Program;

fn program() -> Program {
    Program::valkey()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
