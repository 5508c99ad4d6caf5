//! A node in the world: sockets, threads, clocks, entropy, files, signals.
//!
//! ```text
//!   control thread                     worker threads (one tokio current_thread runtime each)
//!     accepts ── deals round-robin ──►   a Connection per client: read ─► Session::execute ─► write
//!     timers: expiry, timeouts
//!     signals: SIGTERM, SIGINT
//! ```
//!
//! This crate and the binary are the only ones that do I/O. Clocks are read in `clock.rs` alone, entropy in `entropy.rs`.

mod bus;
mod clock;
mod connection;
mod control;
mod entropy;
mod host;
mod listen;
mod nodes_conf;
mod options;
mod server;
mod stream;
mod worker;

pub use listen::ListenError;
pub use nodes_conf::NodesConfError;
pub use options::{ClusterOptions, Options};
pub use server::{StartError, run};
