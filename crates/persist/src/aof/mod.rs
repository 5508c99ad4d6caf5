//! The append-only file: a base and increments, in the order that a manifest gives, as Redis 7 has it.
//!
//! ```text
//!  appendonlydir/
//!    appendonly.aof.manifest        which of the files below make up the data, in order
//!    appendonly.aof.1.base.rdb      everything at the moment of the last rewrite; or .base.aof, as commands
//!    appendonly.aof.1.incr.aof      the commands since then
//!    appendonly.aof.2.incr.aof      the commands since a rewrite that goes on, or has failed
//! ```
//!
//! A server starts with [`Manifest::load`] and [`upgrade`], loads with a [`Reader`], and goes on with [`Writer::open`]; one that is told to write while it runs, with
//! [`Writer::waiting`] and a rewrite. Then one thread appends what the log has and runs the syncs that are due; a rewrite is [`Writer::begin_rewrite`], a base written by somebody
//! else, [`Writer::finish_rewrite`], and the end of history.
//!
//! Increments, and bases that are not RDB, are requests as clients send them, and lines that begin with `#`: see [`annotation`].

pub mod annotation;
mod base;
pub mod check;
mod commands;
mod large;
mod layout;
mod manifest;
mod reader;
mod schedule;
#[cfg(test)]
mod testing;
mod upgrade;
mod writer;

pub use base::CommandWriter;
pub use commands::{push_key, push_select};
pub use large::LargeCommands;
pub use layout::{FolderError, Layout};
pub use manifest::{BaseFormat, Entry, LoadError, Manifest, ManifestError, SaveError};
pub use reader::{ReadError, Reader, Step, Truncation, is_rdb};
pub use schedule::{Due, RewriteRule, RewriteSchedule, Sizes};
pub use upgrade::{UpgradeError, upgrade};
pub use writer::{AppendError, Fsync, OpenError, Options, RewriteError, State, SyncJob, Writer};
