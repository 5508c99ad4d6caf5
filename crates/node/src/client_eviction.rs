//! Disconnecting clients that take too much memory (`maxmemory-clients`).
//!
//! While there is a limit, a client is counted anew before its requests run and after they have: what one takes that runs nothing (messages in
//! its mailbox) is as the timer last saw it.

use crate::clients::{Client, flag};
use crate::node::Node;
use config::Config;
use std::cmp::Reverse;
use std::sync::atomic::Ordering::Relaxed;

/// What `maxmemory-clients` is at least: with less, nobody could say so much as CONFIG SET.
const CLIENTS_BYTES_MIN: u64 = 128 << 10;

/// How much memory all clients together may take, in bytes; 0 is without limit.
pub(crate) fn clients_bytes_max(config: &Config) -> u64 {
    match config.network.maxmemory_clients.of(config.memory.maxmemory) {
        0 => 0,
        bytes => bytes.max(CLIENTS_BYTES_MIN),
    }
}

impl Node {
    /// Counts anew what a client takes, which may have changed; where all together take more than `bytes_max`, some are disconnected.
    pub(crate) fn bound_clients(&self, client: &Client, bytes_max: u64) {
        self.clients.count(client);
        if self.clients.counted_bytes() > bytes_max {
            self.evict_clients();
        }
    }

    /// Disconnects the clients that take most memory, until all together take no more than `maxmemory-clients`. Those with
    /// `CLIENT NO-EVICT` count and stay, and so do replicas and the primary.
    pub(crate) fn evict_clients(&self) {
        let bytes_max = clients_bytes_max(&self.settings.current());
        if bytes_max == 0 {
            return;
        }
        let clients = self.clients.all().into_iter();
        let mut clients: Vec<_> =
            clients.map(|client| (self.clients.count(&client), client)).collect();
        clients.sort_unstable_by_key(|(bytes, _)| Reverse(*bytes));
        let mut sum: usize = clients.iter().map(|(bytes, _)| bytes).sum();
        for (bytes, client) in clients {
            if sum as u64 <= bytes_max {
                return;
            }
            if !client.has_flag(flag::NO_EVICT | flag::REPLICA | flag::PRIMARY) {
                sum -= bytes;
                client.evict();
                self.clients.count(&client);
                self.upkeep.eviction.clients.fetch_add(1, Relaxed);
            }
        }
    }
}
