//! What the tests of a whole server stand on: free ports, server processes that end with the test,
//! waiting without sleeping, a plain client, transcripts and malformed input.
//!
//! Nothing here is part of the server. The same suites run on ours and on the oracles (Valkey and
//! redis-server); which one is a [`Program`], given by whoever runs the suite.

// Tests print; and of the many types of reply a test asks for one and takes all others alike.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a fixture talks to the person who runs the tests, and looks for one kind of reply at a time"
)]

pub mod bad_input;
mod client;
mod cluster;
mod daemon;
mod escape;
pub mod fuzz;
pub mod model;
mod port;
mod process;
mod program;
mod reply;
pub mod transcript;
pub mod wait;

pub use client::{Client, Connection, Protocol, ReceiveError, encode_command};
pub use cluster::{Cluster, my_id};
pub use daemon::Daemon;
pub use escape::{display_bytes, unescape, words};
pub use port::Port;
pub use process::{Finished, Folder, Server, Setup, run};
pub use program::{Kind, Program, target_directory, tools_directory};
pub use reply::{Incomplete, Reply, ReplyError, decode};
