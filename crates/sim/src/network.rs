//! The network between the simulated nodes: connections that take time, stall, break, and in some runs
//! misbehave in ways that TCP does not.

use base::Rng;
use cluster::LinkId;

/// Names a connection. Never used twice, so that what is still under way for one that is over finds nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ConnId {
    index: usize,
    generation: u32,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) node: usize,
    /// How often the node had been started when the connection was made.
    pub(crate) run: u32,
    /// The machine's name for its end; the accepting end has none until it has accepted.
    pub(crate) link: Option<LinkId>,
    pub(crate) open: bool,
    /// When the last message towards this end arrives: messages do not overtake each other.
    pub(crate) last_arrival_us: u64,
}

/// A connection: the opener's end, then the acceptor's.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) ends: [End; 2],
}

/// All connections.
#[derive(Clone, Default, Debug)]
pub(crate) struct Connections {
    places: Vec<(u32, Option<Connection>)>,
    vacant: Vec<usize>,
}

impl Connections {
    pub(crate) fn open(&mut self, connection: Connection) -> ConnId {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.places.push((0, None));
            self.places.len() - 1
        });
        let place = &mut self.places[index];
        place.0 += 1;
        place.1 = Some(connection);
        ConnId { index, generation: place.0 }
    }

    pub(crate) fn close(&mut self, id: ConnId) {
        if self.get(id).is_some() {
            self.places[id.index].1 = None;
            self.vacant.push(id.index);
        }
    }

    pub(crate) fn get(&self, id: ConnId) -> Option<&Connection> {
        let (generation, connection) = self.places.get(id.index)?;
        connection.as_ref().filter(|_| *generation == id.generation)
    }

    pub(crate) fn get_mut(&mut self, id: ConnId) -> Option<&mut Connection> {
        let (generation, connection) = self.places.get_mut(id.index)?;
        connection.as_mut().filter(|_| *generation == id.generation)
    }
}

/// How messages fare.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// The least time a message takes.
    pub latency_min_us: u64,
    /// How much longer it may take.
    pub jitter_us: u64,
    /// How many of a thousand messages are lost on their own.
    pub drop_permille: u64,
    /// How many of a thousand messages come twice.
    pub duplicate_permille: u64,
    /// How many of a thousand messages may overtake others.
    pub reorder_permille: u64,
}

impl Weather {
    /// A network as it should be.
    pub const FAIR: Weather = Weather {
        latency_min_us: 200,
        jitter_us: 400,
        drop_permille: 0,
        duplicate_permille: 0,
        reorder_permille: 0,
    };

    pub(crate) fn latency(&self, rng: &mut Rng) -> u64 {
        self.latency_min_us + if self.jitter_us == 0 { 0 } else { rng.below(self.jitter_us) }
    }

    pub(crate) fn strikes(permille: u64, rng: &mut Rng) -> bool {
        permille > 0 && rng.below(1000) < permille
    }
}

/// Which node can reach which, one way at a time.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    nodes: usize,
    cut: Vec<bool>,
    any: bool,
}

impl Reach {
    pub(crate) fn new(nodes: usize) -> Reach {
        Reach { nodes, cut: vec![false; nodes * nodes], any: false }
    }

    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        self.cut[from * self.nodes + to] = true;
        self.any = true;
    }

    pub(crate) fn heal(&mut self) {
        self.cut.fill(false);
        self.any = false;
    }

    pub(crate) fn is_open(&self, from: usize, to: usize) -> bool {
        !self.any || !self.cut[from * self.nodes + to]
    }
}
