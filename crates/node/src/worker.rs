//! What one thread keeps for itself, and the time that it is told.

use crate::clients::Client;
use crate::configuration::Tuning;
use crate::event::Event;
use crate::node::Node;
use crate::session::Window;
use crate::stats::{Batch, WorkerStats};
use base::{Monotonic, Rng, UnixMillis};
use engine::{Eviction, WorkerId};
use std::sync::Arc;

/// One reading of the clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Wall-clock time.
    pub wall: UnixMillis,
    /// Monotonic time.
    pub monotonic: Monotonic,
}

/// What one thread keeps for itself while it serves sessions.
pub struct Worker {
    /// What all threads share.
    pub node: Arc<Node>,
    /// Its number.
    pub id: WorkerId,
    /// Its randomness.
    pub rng: Rng,
    /// Requests decoded and not yet executed.
    pub(crate) window: Window,
    /// What commands go by; renewed with every batch.
    pub tuning: Tuning,
    /// What happened and has to be logged.
    pub(crate) events: Vec<Event>,
    /// The state of its evictions.
    pub(crate) eviction: Eviction,
    /// The commands that have run since the clock was last read.
    pub(crate) batch: Batch,
    /// How often it was asked to give memory back, as far as it has seen.
    given_back_times: u64,
}

impl Worker {
    /// The worker of this number.
    #[must_use]
    pub fn new(node: Arc<Node>, id: WorkerId, mut rng: Rng) -> Worker {
        let tuning = Tuning::new(&node.settings.current());
        let batch = Batch::new(node.table.numbered());
        let eviction = Eviction::new(rng.fork());
        Worker {
            node,
            id,
            rng,
            window: Window::default(),
            tuning,
            events: Vec::new(),
            eviction,
            batch,
            given_back_times: 0,
        }
    }

    /// Evicts keys where memory is short, whether or not the commands that come need any, as Redis does.
    pub(crate) fn make_room(&mut self, now: Now) {
        let moment = self.node.moment(&self.tuning, now);
        self.node.make_room(&self.tuning.memory, &mut self.eviction, self.id, &moment);
    }

    /// Counts what a client takes, which may have changed: too much of all clients ends some of them.
    #[inline]
    pub fn bound_clients(&self, client: &Client) {
        if self.tuning.clients_bytes_max != 0 {
            self.node.bound_clients(client, self.tuning.clients_bytes_max);
        }
    }

    /// Gives memory back to the system where the worker was asked to since this was last called. To be called now and then.
    pub fn give_back_memory(&mut self) {
        let times = self.node.giving_back_times();
        if std::mem::replace(&mut self.given_back_times, times) != times {
            engine::give_back_memory(true);
        }
    }

    /// What happened since this was last called. Few: each kind of event limits itself.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Tells that the batch that a session has executed ended at `now`: its time is divided equally among the commands that ran in it.
    pub fn end_batch(&mut self, now: Monotonic) {
        self.batch.end(now, self.node.stats(self.id));
    }

    /// How many sessions have looked ahead and not executed yet.
    #[must_use]
    pub fn ahead_sessions(&self) -> usize {
        self.window.sessions()
    }

    /// Its statistics.
    #[must_use]
    pub fn stats(&self) -> &WorkerStats {
        self.node.stats(self.id)
    }
}
