//! A whole node without sockets, files, clocks or threads of its own.
//!
//! ```text
//!   bytes ─► Session::execute ─► decode a window of requests ─► look up, hash, prefetch ─► for each:
//!               arity ─► authentication ─► pause ─► route ─► hold slots ─► command ─► reply bytes
//! ```
//!
//! [`Node`] is what all sessions share; a [`Worker`] is what one thread keeps for itself; a [`Session`] is one connection. What a
//! node needs of the world (stopping, writing files, its memory) it asks of its [`Host`].

pub mod clients;
mod cluster;
mod connection;
mod host;
mod node;
mod session;
pub mod stats;
mod table;
mod worker;

pub use cluster::ClusterNode;
pub use host::Host;
pub use node::{Node, NodeOptions};
pub use session::Context;
pub use session::{Session, Step};
pub use table::{Action, Entry, SessionCommand, SessionRun, Table};
pub use worker::{Now, Worker};
