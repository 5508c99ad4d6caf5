//! The suites that run the real executable. One binary: what they share is linked once.

#![allow(clippy::print_stdout, reason = "tests print what they did")]

mod aof;
mod appending;
mod arguments;
mod bad_input;
mod blocking;
mod blocking_order;
mod bus_pubsub;
mod bus_security;
mod check_rdb;
mod clients;
mod cluster_tool;
mod command_line;
mod compose;
mod demo;
mod ending;
mod failover;
mod faults;
mod following;
mod high_availability;
mod in_process;
mod logged;
mod memory;
mod mixed_bus;
mod model;
mod process;
mod pubsub;
mod rdb;
mod redis_cli;
mod replaying;
mod replication;
mod saving;
mod scripts;
mod slots;
mod tidy;
mod tools;
mod transactions;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use testkit::Program;

fn program() -> Program {
    Program::redstart(env!("CARGO_BIN_EXE_redstart"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The seed that a variable of the environment names, or one by chance; printed, so that it can be named next time.
fn seed(variable: &str) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos());
    let seed = std::env::var(variable).map_or(now as u64, |seed| seed.parse().expect("a number"));
    println!("{variable}={seed}");
    seed
}
