//! A cluster of simulated nodes in one thread: one seed, virtual time, a network that fails.
//!
//! The nodes are the very machines that the server runs; what is simulated is what they cannot see through:
//! sockets, clocks, disks, crashes, operators. `checker` says what must hold at every step, `scenario` what a
//! run goes through, `growth` how a large cluster converges.

mod candidate;
mod checker;
mod failover;
mod growth;
mod minimal;
mod mutation;
mod network;
mod queue;
mod scenario;
mod trace;
mod world;

pub use checker::{Checker, Observed, Violation};
pub use growth::{Growth, grow};
pub use minimal::{Minimal, minimal};
pub use mutation::Mutation;
pub use network::Weather;
pub use scenario::{Outcome, Plan, run, run_with_log};
pub use world::World;
