//! The cluster bus and its logic, without any I/O.
//!
//! Packets, times and operators' orders go in; packets, links to open, lines to log and a routing view come
//! out. The shell (or the simulator) owns sockets, clocks and files. A node joins clusters of Redis 7 and
//! Valkey 8 or 9 as one of theirs.
//!
//! ```text
//!   sockets --bytes--> wire::packet_bytes --packets--> Machine::handle --Output--> sockets, nodes.conf
//!   operator ------------------------------verbs-----> Machine --------View------> routing of requests
//! ```
//!
//! Where to read: `wire` for the bytes, `machine` for the face, then one file for each question:
//! `handshake` (who is in), `gossip` (what is told), `failure` (who fails), `epochs` and `slots` (who owns), `open_slots` (what is on its way),
//! `votes` (who may take over), `replica`, `election` and `manual` (how this node does), `safety` (what is never lost),
//! `sealing` (who is let in; the frames are in `seal`), `state` (may we serve), `timers` (when), `route` (where a request goes), `publish` (messages).

mod bitmap;
mod config;
mod counters;
mod election;
mod epochs;
mod error;
mod failure;
mod gossip;
mod handshake;
pub mod limits;
mod links;
mod machine;
mod malformed;
mod manual;
mod messages;
mod node;
mod nodes;
mod nodes_conf;
mod open_slots;
mod orphans;
mod publish;
mod replica;
mod replicate;
mod report;
mod route;
mod safety;
pub mod seal;
mod sealing;
mod slots;
mod state;
mod timers;
mod verbs;
mod votes;
pub mod wire;

pub use bitmap::{SLOT_BITMAP_BYTES, SlotBitmap, SlotBits};
pub use config::{Config, PreferredEndpoint, is_hostname, is_human_nodename};
pub use counters::Counters;
pub use epochs::Bump;
pub use error::ClusterError;
pub use links::{Direction, LinkId};
pub use machine::{Input, LogLevel, Machine, Now, Output};
pub use manual::Takeover;
pub use nodes_conf::ConfError;
pub use open_slots::SetSlot;
pub use replica::{Data, Leader};
pub use report::{Health, LinkInfo, Role, ShardInfo, ShardNode, SlotsEntry, SlotsNode};
pub use route::{Access, Endpoint, KeySlots, Presence, Refusal, Request, View};
pub use safety::Lease;
pub use state::ClusterState;
pub use verbs::Reset;
