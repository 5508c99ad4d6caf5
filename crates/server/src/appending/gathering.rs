//! When the next sync begins, where each write is synced (`appendfsync always`).
//!
//! A sync is for all that is written when it begins. Clients that were told of one ask again at about the same time, each as soon as it is told, so there are
//! two ways to go on. To begin the next at once keeps disk and processor at work together, but who comes a little later waits for two syncs. To let
//! them gather first has nobody wait for more than one, but the disk rests meanwhile.
//!
//! With `n` clients, `c` of processor time for each and `s` for a sync, the first serves the smaller of `1 / c` and `n / 2s`, the second `n / (s + nc)`. So
//! gathering is better where the sync takes longer than all of them, `s > nc`. All three are known from the sync that has just ended.

use node::Node;
use std::time::Duration;

/// How the next sync is put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gathering {
    /// So many clients are enough: all that have waited.
    pub(super) clients: usize,
    /// The longest that it may last.
    pub(super) time_max: Duration,
}

/// What is known of the syncs before.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The processor time that the process had taken when the last one ended.
    cpu: Duration,
}

/// A sync that has ended.
pub(super) struct Synced {
    /// How long it took.
    pub(super) took: Duration,
    /// How many clients have waited, for this sync or for the next.
    pub(super) clients: usize,
    /// How many of them wait no longer.
    pub(super) released: usize,
    /// The processor time that the process has taken since it began.
    pub(super) cpu: Duration,
}

impl Pace {
    /// Whether clients are to gather before the next one.
    pub(super) fn after(&mut self, node: &Node, synced: &Synced) -> Option<Gathering> {
        let &Synced { took, clients, released, cpu } = synced;
        let spent = cpu.saturating_sub(std::mem::replace(&mut self.cpu, cpu));
        if released == 0 || clients < 2 {
            return None;
        }
        let each = spent.div_f64((released * node.workers()) as f64);
        (took > each.mul_f64(clients as f64)).then_some(Gathering { clients, time_max: took / 2 })
    }
}
