//! A cluster of simulated nodes in one thread: one seed, virtual time, a network that fails.
//!
//! The nodes are the very machines that the server runs; what is simulated is what they cannot see through:
//! sockets, clocks, disks, data, crashes, clients, operators. `checker` says what must hold at every step,
//! `scenario` and `failover` what a run goes through, `mutation` which bugs it has to find, `large` what large
//! clusters cost.

mod candidate;
mod chart;
mod checker;
mod failover;
mod large;
mod minimal;
mod mutation;
mod network;
mod queue;
mod scenario;
mod trace;
mod world;

pub use chart::svg;
pub use checker::{Checker, Observed, Violation};
pub use large::{Figures, large};
pub use minimal::{Minimal, minimal};
pub use mutation::Mutation;
pub use network::Weather;
pub use scenario::{Outcome, Plan, run, run_with_log};
