//! What a command over the whole keyspace may touch.

use base::Rng;
use engine::{Flushed, Moment, Reach, WorkerId};

/// The keyspace as a command over all keys has it. Such a command walks slot by slot.
pub struct Whole<'a, 'k> {
    /// All keys.
    pub reach: Reach<'a, 'k>,
    /// The database that the connection has selected.
    pub database: usize,
    /// Whether the node is in cluster mode, where databases are not exchanged.
    pub in_cluster: bool,
    /// The time of this command.
    pub moment: Moment,
    /// Which thread runs it.
    pub worker: WorkerId,
    /// Randomness.
    pub rng: &'a mut Rng,
    /// How many changes were made.
    pub changes: u64,
    /// What was flushed, for a thread that has time to free it.
    pub flushed: Vec<Flushed>,
    /// Keys of the selected database that were come by and whose time has come: they are removed when the command has run.
    pub due: Vec<Box<[u8]>>,
}
