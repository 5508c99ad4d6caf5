//! The crate from outside, in one binary.

mod captured_packets;
mod extensions;
mod foreign;
mod forged;
mod net;
mod scripts;
mod sealed;
mod wire;
