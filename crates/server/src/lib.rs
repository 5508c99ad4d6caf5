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

mod appending;
mod banner;
mod bus;
mod bus_auth;
mod clock;
mod connection;
mod control;
pub mod daemon;
mod entropy;
mod feeding;
mod files;
mod following;
mod giving_way;
mod host;
mod launch;
mod listen;
mod loading;
mod migrating;
mod nodes_conf;
mod open_files;
mod pid_file;
mod process;
mod reception;
mod saving;
mod sending;
mod server;
mod storage;
mod stream;
mod synced_file;
mod telemetry;
mod upkeep;
mod worker;

pub use bus_auth::BusAuthError;
pub use files::DiskFiles;
pub use launch::Launch;
pub use listen::ListenError;
pub use loading::LoadingError;
pub use nodes_conf::NodesConfError;
pub use persist::storage::reason;
pub use server::{StartError, run};
pub use storage::DiskStorage;
