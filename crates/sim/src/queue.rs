//! What is still to happen, in the order of time, and of having been put in where times are equal.

use crate::network::ConnId;
use crate::world::data::{Stream, Write};
use cluster::LinkId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What happens at a moment.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Tick {
        node: usize,
        run: u32,
    },
    Established {
        conn: ConnId,
    },
    Refused {
        node: usize,
        run: u32,
        link: LinkId,
    },
    Arrived {
        conn: ConnId,
        end: usize,
        bytes: Vec<u8>,
    },
    Ended {
        conn: ConnId,
        end: usize,
    },
    /// A client thinks of something to write.
    Client,
    /// A client's write reaches a node.
    Request {
        node: usize,
        write: Write,
        tries: u32,
    },
    /// Something comes on a replication link.
    Stream {
        from: usize,
        to: usize,
        session: u32,
        what: Stream,
    },
    /// A shell has made a replica's data its own.
    Promoted {
        node: usize,
        run: u32,
    },
}

struct Scheduled {
    at_us: u64,
    sequence: u64,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Scheduled) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Scheduled) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Scheduled) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
impl Scheduled {
    fn key(&self) -> (u64, u64) {
        (self.at_us, self.sequence)
    }
}

/// The queue of all events.
#[derive(Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<Scheduled>>,
    sequence: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, at_us: u64, event: Event) {
        self.sequence += 1;
        self.heap.push(Reverse(Scheduled { at_us, sequence: self.sequence, event }));
    }

    /// The next event, unless it is later than `until_us`.
    pub(crate) fn pop_until(&mut self, until_us: u64) -> Option<(u64, Event)> {
        if self.heap.peek()?.0.at_us > until_us {
            return None;
        }
        let Reverse(next) = self.heap.pop()?;
        Some((next.at_us, next.event))
    }
}
