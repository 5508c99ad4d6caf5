//! A whole node without sockets, files, clocks or threads of its own.
//!
//! ```text
//!   bytes ─► Session::execute ─► decode a window of requests ─► look up, hash, prefetch ─► for each:
//!               authentication ─► arity ─► pause ─► hold slots ─► route ─► command ─► reply bytes
//! ```
//!
//! [`Node`] is what all sessions share; a [`Worker`] is what one thread keeps for itself; a [`Session`] is one connection. What a
//! node needs of the world (stopping, writing files, its memory) it asks of its [`Host`].

mod blocking;
mod client_eviction;
pub mod clients;
mod cluster;
mod command;
mod configuration;
mod confirmation;
mod connection;
mod departure;
mod effects;
mod event;
mod eviction;
mod facts;
mod help;
mod host;
mod identity;
mod log;
mod mailbox;
mod monitor;
mod node;
mod password;
mod pause;
mod persistence;
pub mod protected_mode;
mod pubsub;
mod replay;
mod replication;
mod server;
mod session;
pub mod stats;
mod table;
#[cfg(test)]
mod testing;
mod tracking;
mod transaction;
mod upkeep;
mod worker;

pub use cluster::ClusterNode;
pub use configuration::{AnnounceError, Settings, Tuning, bus_config};
pub use departure::{Carried, Departure, Failure};
pub use event::Event;
pub use facts::ProcessFacts;
pub use host::{CpuTime, CpuTimes, Host};
pub use identity::Identity;
pub use log::{LOG_BYTES_MAX, LogUser};
pub use node::{Node, NodeOptions, command_table};
pub use password::Password;
pub use pause::PauseKind;
pub use persistence::{LogStatus, SaveError, SaveOrder};
pub use pubsub::Channels;
pub use replay::{Replay, ReplayError};
pub use replication::{
    Abandoned, Applied, Applier, Fed, LinkStage, Mark, Primary, Replica, StreamFailures,
    StreamPlace, TRANSFER_BYTES_MAX, Transfer,
};
pub use session::{Context, Session, Step};
pub use table::{Action, Container, Entry, SessionCommand, SessionRun, Table};
pub use tracking::Tracking;
pub use worker::{Now, Worker};
