//! The command table, and every command that needs only the keyspace.
//!
//! A command is declared once: its name, arity, flags, key specifications, ACL categories, summary and arguments stand beside the
//! function that runs it. COMMAND, routing, key extraction and documentation are derived from that declaration. A family is
//! a folder whose `mod.rs` reads like a page of the manual; the functions stand in files by topic.
//!
//! A reading command receives a [`View`](engine::View), a writing one an [`Edit`](engine::Edit), a command over all keys a [`Whole`]: what a
//! declaration says about writing cannot be untrue.

pub mod bitmap;
mod block;
mod database;
pub mod debug;
mod error;
mod expiry;
pub mod generic;
pub mod geo;
pub mod hash;
mod help;
pub mod hyperloglog;
pub mod keyspace;
pub mod list;
mod scan;
pub mod set;
pub mod sort;
pub mod sorted_set;
pub mod spec;
pub mod stream;
pub mod string;
#[cfg(test)]
mod testing;
mod whole;

pub use block::{
    Attempt, AttemptRun, Blocking, Rewrite, Timeout, parse_timeout, parse_timeout_millis,
};
pub use database::parse_database;
pub use error::{CommandError, echoed};
pub use help::{HelpEntry, reply_help};
pub use spec::{Body, Command, Spec};
pub use whole::Whole;

use engine::{Edit, View};
use resp::{Args, Reply};

/// The most elements that a command gives by chance with repetitions: a short request must not fill the memory.
pub(crate) const REPEATED_MAX: u64 = 1 << 27;

/// What running a command gives: its reply has been written, or the client made a mistake.
pub type Outcome = Result<(), CommandError>;

/// How a command of this crate runs.
#[derive(Clone, Copy)]
pub enum Run {
    /// Reads the keys that it declares.
    Read(fn(&mut View<'_, '_>, Args<'_>, &mut Reply<'_>) -> Outcome),
    /// Changes the keys that it declares.
    Write(fn(&mut Edit<'_, '_>, Args<'_>, &mut Reply<'_>) -> Outcome),
    /// Changes the keys that it declares, or waits until they hold something.
    Blocking(Blocking),
    /// Changes the keys that it declares, and for some requests reads others.
    Wide(Wide),
    /// Goes over the whole keyspace, one slot at a time or all at once.
    Whole(WholeRun),
}

/// Goes over the whole keyspace.
pub type WholeRun = fn(&mut Whole<'_, '_>, Args<'_>, &mut Reply<'_>) -> Outcome;

/// A command that may read keys that no argument names, for their names are made of what it finds.
#[derive(Clone, Copy)]
pub struct Wide {
    /// Runs it; tells whether this is a node of a cluster.
    pub run: fn(&mut Edit<'_, '_>, Args<'_>, in_cluster: bool, &mut Reply<'_>) -> Outcome,
    /// Whether a request reads such keys. Outside a cluster all slots have to be held then; in a cluster these keys are of the slot of those that are named.
    pub reads_others: fn(Args<'_>) -> bool,
}

/// A declared command of this crate.
pub type KeyspaceCommand = Command<Run>;

/// Every family of this crate.
pub const FAMILIES: &[&[KeyspaceCommand]] = &[
    // By name.
    bitmap::COMMANDS,
    generic::COMMANDS,
    geo::COMMANDS,
    hash::COMMANDS,
    hyperloglog::COMMANDS,
    keyspace::COMMANDS,
    list::COMMANDS,
    set::COMMANDS,
    sort::COMMANDS,
    sorted_set::COMMANDS,
    stream::COMMANDS,
    string::COMMANDS,
];
