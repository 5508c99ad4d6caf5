//! The state machine of one node in the cluster: inputs and time in, outputs out.
//!
//! It opens no socket, reads no clock and writes no file. `handle` takes what happened, the operator's verbs
//! (in `verbs`) take what is wanted, `poll_output` gives what the shell has to do, getters tell the rest.
//!
//! *Guarantees*: the outputs of one step stand in an order that is safe to carry out one by one; above all,
//! `SaveConfig` comes before every packet that relies on it, so a vote is on disk before it is sent.
//!
//! *Not here*: slot migration.

use crate::config::Config;
use crate::counters::Counters;
use crate::handshake::Forgotten;
use crate::limits::{INBOUND_LINKS_MAX, OUTPUTS_MAX, TICK, UNIDENTIFIED_LINKS_MAX};
use crate::links::{Direction, Link, LinkId, LinkTable};
use crate::malformed::Malformed;
use crate::node::{Address, Node};
use crate::nodes::{MYSELF, NodeIndex, NodeTable};
use crate::replica::{Failover, Leader};
use crate::route::View;
use crate::safety::Lease;
use crate::seal::Seal;
use crate::slots::SlotTable;
use crate::state::{ClusterState, StateClock};
use crate::wire::{NodeFlags, PacketType};
use base::{Epoch, Monotonic, NodeId, Rng, Slot, UnixMillis};
use core::net::IpAddr;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// The time of a step: what decisions go by, and what is shown and told to others.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Now {
    /// Decides.
    pub monotonic: Monotonic,
    /// Is shown and gossiped.
    pub wall: UnixMillis,
}

/// What happened outside.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// [`TICK`] has passed since the last one.
    Tick,
    /// An outbound link stands. `local` is our own address on it.
    Connected {
        /// The link of the `Connect` output.
        link: LinkId,
        /// Our end's address.
        local: Option<IpAddr>,
    },
    /// A link broke, could not be opened, or ended. Not sent for links closed by `CloseLink`.
    Closed {
        /// Which.
        link: LinkId,
    },
    /// The send buffer of a link outgrew `cluster-link-sendbuf-limit`.
    Overflowed {
        /// Which.
        link: LinkId,
    },
    /// One whole packet, sealed or not, as [`crate::wire::packet_bytes`] cuts it.
    Packet {
        /// The link it came on.
        link: LinkId,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// The stream of a link is not made of packets.
    Unframed {
        /// The link, which is closed for it.
        link: LinkId,
    },
}

/// How loud a line of the log is, in Redis's levels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LogLevel {
    /// `.`
    Debug,
    /// `-`
    Verbose,
    /// `*`
    Notice,
    /// `#`
    Warning,
}

/// What the shell has to do, in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Open a link; answer with `Connected` or `Closed`.
    Connect {
        /// The new link's name.
        link: LinkId,
        /// Where to.
        ip: IpAddr,
        /// The peer's bus port.
        port: u16,
    },
    /// Close a link; nothing more will be said about it.
    CloseLink {
        /// Which.
        link: LinkId,
    },
    /// Send a packet.
    Send {
        /// On which link.
        link: LinkId,
        /// The whole packet.
        bytes: Vec<u8>,
    },
    /// Write [`Machine::nodes_conf`] to its file. Without `fsync` several may be made one.
    SaveConfig {
        /// Nothing that follows may leave before the file is on disk.
        fsync: bool,
    },
    /// [`Machine::view`] gives a new view.
    ViewChanged,
    /// The cluster's state changed, as seen from here.
    StateChanged(ClusterState),
    /// Be a replica of this node: get its data, or go on from where they are.
    Follow(Leader),
    /// Follow nobody, keep the data, and tell when that is so with [`Machine::promoted`].
    Promote,
    /// Follow nobody, and have no keys.
    StandAlone,
    /// Let clients' writes wait, and tell with [`Machine::writes_paused`] when none is under way any more.
    PauseWrites,
    /// Let them go on.
    ResumeWrites,
    /// Acknowledge writes so long.
    Leased(Lease),
    /// A slot was taken from us: its keys belong to another now.
    DropKeysInSlot(Slot),
    /// A message that another node has published.
    Deliver {
        /// Whether to a shard channel.
        sharded: bool,
        /// The channel.
        channel: Vec<u8>,
        /// The message.
        message: Vec<u8>,
    },
    /// A line for the log.
    Log(LogLevel, String),
}

/// What the current step has still to do before it ends.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Pending {
    pub(crate) save: bool,
    pub(crate) fsync: bool,
    pub(crate) state: bool,
    pub(crate) view: bool,
    /// Writes may go on: where they are served by then.
    pub(crate) resume: bool,
}

/// One node's side of the cluster.
#[derive(Clone, Debug)]
pub struct Machine {
    pub(crate) config: Config,
    pub(crate) rng: Rng,
    pub(crate) now: Now,
    pub(crate) nodes: NodeTable,
    pub(crate) slots: SlotTable,
    pub(crate) links: LinkTable,
    pub(crate) current_epoch: Epoch,
    pub(crate) last_vote_epoch: Epoch,
    pub(crate) state: ClusterState,
    pub(crate) state_clock: StateClock,
    pub(crate) forgotten: Vec<Forgotten>,
    pub(crate) failover: Failover,
    /// The nodes that have the flag PFAIL.
    pub(crate) suspects: Vec<NodeIndex>,
    pub(crate) counters: Counters,
    pub(crate) malformed: Malformed,
    pub(crate) load_permille: u16,
    pub(crate) heartbeats: u64,
    /// How many nonces were made.
    pub(crate) nonces: u64,
    pub(crate) ticks: u64,
    pub(crate) last_tick: Option<Monotonic>,
    pub(crate) pending: Pending,
    view: Arc<View>,
    view_is_stale: bool,
    outputs: VecDeque<Output>,
    step_start: usize,
}

impl Machine {
    /// A node that has never been in a cluster: a new id, a new shard, no slots.
    #[must_use]
    pub fn new(config: Config, mut rng: Rng, now: Now) -> Machine {
        let mut myself = Node::new(
            NodeId::random(&mut rng),
            NodeFlags::MYSELF | NodeFlags::PRIMARY | NodeFlags::ANNOUNCED,
            Address::default(),
            now.monotonic,
        );
        myself.shard = NodeId::random(&mut rng);
        let nodes = NodeTable::new(myself, &mut rng);
        let mut machine = Machine::with_nodes(config, rng, now, nodes);
        let id = machine.my_id();
        machine.log(LogLevel::Notice, || format!("No cluster configuration found, I'm {id}"));
        machine.save(true);
        machine.finish();
        machine
    }

    pub(crate) fn with_nodes(config: Config, rng: Rng, now: Now, nodes: NodeTable) -> Machine {
        let mut machine = Machine {
            config,
            rng,
            now,
            nodes,
            slots: SlotTable::new(),
            links: LinkTable::default(),
            current_epoch: Epoch(0),
            last_vote_epoch: Epoch(0),
            state: ClusterState::Fail,
            state_clock: StateClock::new(now.monotonic),
            forgotten: Vec::new(),
            failover: Failover::new(),
            suspects: Vec::new(),
            counters: Counters::default(),
            malformed: Malformed::default(),
            load_permille: 0,
            heartbeats: 0,
            nonces: 0,
            ticks: 0,
            last_tick: None,
            pending: Pending { view: true, state: true, ..Pending::default() },
            view: Arc::new(View::empty()),
            view_is_stale: true,
            outputs: VecDeque::new(),
            step_start: 0,
        };
        machine.adopt_config();
        machine
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        self.begin(now);
        match input {
            Input::Tick => self.tick(),
            Input::Connected { link, local } => self.connected(link, local),
            Input::Closed { link } => self.link_closed(link),
            Input::Overflowed { link } => {
                self.counters.links_overflowed += 1;
                self.close_link(link);
            }
            Input::Packet { link, bytes } => self.packet(link, bytes),
            Input::Unframed { link } => {
                self.malformed_packet(
                    "Bad message length or signature received on the Cluster bus.",
                );
                self.close_link(link);
            }
        }
        self.finish();
    }

    /// Takes in a connection to the bus port; `None` refuses it, for there are too many.
    ///
    /// `peer` is the other end's address, `local` ours: what the two take each other's address from.
    pub fn accept(&mut self, now: Now, peer: IpAddr, local: IpAddr) -> Option<LinkId> {
        self.begin(now);
        if self.links.unidentified() >= UNIDENTIFIED_LINKS_MAX
            && let Some(oldest) = self.links.oldest_unidentified()
        {
            self.close_link(oldest);
        }
        let room = self.links.inbound() < INBOUND_LINKS_MAX;
        let link = room.then(|| {
            self.links.open(Link {
                direction: Direction::Inbound,
                node: None,
                connected: true,
                created_at: now.monotonic,
                peer: Some(peer),
                local: Some(local),
                extensions: false,
                seal: Seal::Plain,
                pings: 0,
                introduced: false,
            })
        });
        self.finish();
        link
    }

    /// The next thing to do, if there is one. Asked until it gives none after every step.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When the next `Tick` is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Monotonic {
        self.last_tick.map_or(self.now.monotonic, |last| last + TICK)
    }

    /// The routing view of this moment; rebuilt only when something changed.
    pub fn view(&mut self) -> Arc<View> {
        if self.view_is_stale {
            self.view = Arc::new(self.build_view());
            self.view_is_stale = false;
        }
        Arc::clone(&self.view)
    }

    /// This node's id.
    #[must_use]
    pub fn my_id(&self) -> NodeId {
        self.nodes[MYSELF].id
    }

    /// This node's shard.
    #[must_use]
    pub fn my_shard_id(&self) -> NodeId {
        self.nodes[MYSELF].shard
    }

    /// The cluster's state, as seen from here.
    #[must_use]
    pub fn state(&self) -> ClusterState {
        self.state
    }

    /// The greatest epoch seen anywhere.
    #[must_use]
    pub fn current_epoch(&self) -> Epoch {
        self.current_epoch
    }

    /// The epoch of this node's own configuration.
    #[must_use]
    pub fn config_epoch(&self) -> Epoch {
        self.nodes[MYSELF].config_epoch
    }

    /// The epoch of the last vote given.
    #[must_use]
    pub fn last_vote_epoch(&self) -> Epoch {
        self.last_vote_epoch
    }

    /// The time of the last step.
    #[must_use]
    pub fn now(&self) -> Now {
        self.now
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn begin(&mut self, now: Now) {
        self.now = now;
        self.step_start = self.outputs.len();
    }

    /// Ends a step: the state is brought up to date, and what must be saved goes before what is sent.
    pub(crate) fn finish(&mut self) {
        if self.is_replica() {
            self.pursue_failover();
            self.direct();
        }
        self.pursue_asking();
        self.renew_lease();
        if std::mem::take(&mut self.pending.state) {
            self.update_state();
        }
        let pending = std::mem::take(&mut self.pending);
        if pending.save {
            let at = self.step_start.min(self.outputs.len());
            self.outputs.insert(at, Output::SaveConfig { fsync: pending.fsync });
        }
        if pending.view {
            self.view_is_stale = true;
            self.outputs.push_back(Output::ViewChanged);
        }
        if pending.resume {
            self.outputs.push_back(Output::ResumeWrites);
        }
        debug_assert!(self.slot_counts_agree(), "slot counts are those of the slot table");
    }

    /// Marks the configuration to be saved at the end of the step.
    pub(crate) fn save(&mut self, fsync: bool) {
        self.pending.save = true;
        self.pending.fsync |= fsync;
    }

    /// Marks that addresses, names, owners or roles changed.
    pub(crate) fn changed(&mut self) {
        self.pending.save = true;
        self.pending.state = true;
        self.pending.view = true;
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn log(&mut self, level: LogLevel, line: impl FnOnce() -> String) {
        if self.outputs.len() < OUTPUTS_MAX {
            self.outputs.push_back(Output::Log(level, line()));
        }
    }

    /// Sends on a link that stands; a packet for one that does not is lost, as on a network.
    pub(crate) fn send(&mut self, link: LinkId, kind: PacketType, bytes: Vec<u8>) {
        let full = self.outputs.len() >= OUTPUTS_MAX;
        if let Some(to) = self.links.get_mut(link).filter(|to| to.connected && !full) {
            let bytes = match &mut to.seal {
                Seal::Sealed(session) => session.seal(&bytes),
                Seal::Plain | Seal::Greeted { .. } => bytes,
            };
            self.counters.sent(kind, bytes.len());
            self.outputs.push_back(Output::Send { link, bytes });
        }
    }

    /// Sends the same packet to every node that we have a link to and that is no handshake.
    pub(crate) fn broadcast(&mut self, kind: PacketType, bytes: &[u8]) {
        let links: Vec<LinkId> = self
            .nodes
            .iter()
            .filter(|(_, node)| !node.is_myself() && !node.in_handshake())
            .filter_map(|(_, node)| node.outbound)
            .collect();
        for link in links {
            self.send(link, kind, bytes.to_vec());
        }
    }

    /// How long the ping's answer may stay away before a node is believed to fail.
    pub(crate) fn node_timeout(&self) -> Duration {
        self.config.node_timeout
    }

    /// A moment of ours as others' clocks show it.
    pub(crate) fn wall_of(&self, moment: Monotonic) -> UnixMillis {
        let ago = self.now.monotonic.since(moment).as_millis() as i64;
        UnixMillis(self.now.wall.0 - ago)
    }

    /// An optional moment as CLUSTER NODES and gossip show it: 0 for none.
    pub(crate) fn wall_or_zero(&self, moment: Option<Monotonic>) -> i64 {
        moment.map_or(0, |moment| self.wall_of(moment).0)
    }

    pub(crate) fn describe(&self, index: NodeIndex) -> String {
        let node = &self.nodes[index];
        match &node.human_nodename {
            Some(name) => format!("{} ({name})", node.id),
            None => format!("{} ()", node.id),
        }
    }
}
