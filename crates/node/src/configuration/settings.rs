//! The settings in force, where every thread can see them.
//!
//! # Design
//!
//! The whole [`Config`] is an immutable value behind a pointer that CONFIG SET swaps. No command takes the pointer's lock: what commands go by
//! stands in a [`Tuning`], a small copy that each worker keeps and renews once per batch, when one load has told it that something changed.

use crate::client_eviction::clients_bytes_max;
use crate::eviction::MemoryLimit;
use crate::pubsub::event_classes;
use config::{Config, EvictionPolicy, OutputLimits};
use engine::{AccessPolicy, EventClasses};
use parking_lot::{Mutex, MutexGuard, RwLock};
use resp::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The settings in force.
pub struct Settings {
    current: RwLock<Arc<Config>>,
    /// Goes up with every change, after it.
    version: AtomicU64,
    /// Held from the reading of the old settings to the writing of the new.
    changing: Mutex<()>,
}

impl Settings {
    /// These settings.
    #[must_use]
    pub fn new(config: Config) -> Settings {
        Settings {
            current: RwLock::new(Arc::new(config)),
            version: AtomicU64::new(1),
            changing: Mutex::new(()),
        }
    }

    /// The settings at this moment.
    #[must_use]
    pub fn current(&self) -> Arc<Config> {
        Arc::clone(&self.current.read())
    }

    /// Keeps others from changing the settings.
    pub(crate) fn begin_change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock()
    }

    /// Puts other settings in force. `_change` is what [`Settings::begin_change`] gave.
    pub(crate) fn replace(&self, config: Config, _change: &MutexGuard<'_, ()>) {
        *self.current.write() = Arc::new(config);
        self.version.fetch_add(1, Ordering::Release);
    }
}

/// What commands and connections go by, ready for use.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// What a request may be.
    pub limits: Limits,
    /// What the access clock of a record counts.
    pub access_policy: AccessPolicy,
    /// How many bytes of requests that have not run a client may have sent (`client-query-buffer-limit`).
    pub query_buffer_bytes_max: usize,
    /// How much memory may be in use, and what is done about it.
    pub memory: MemoryLimit,
    /// How much memory all clients together may take, in bytes (`maxmemory-clients`); 0 is without limit.
    pub(crate) clients_bytes_max: u64,
    /// The classes of keyspace events that are published (`notify-keyspace-events`).
    pub events: EventClasses,
    /// How much clients may leave unread.
    pub output_limits: OutputLimits,
    /// Of which settings this is a copy; 0 is none.
    version: u64,
}

impl Tuning {
    /// The values that these settings mean.
    #[must_use]
    pub fn new(config: &Config) -> Tuning {
        let network = &config.network;
        // The settings may be greater, as in Redis; the decoder does not keep places beyond this.
        let input_bytes = |setting: u64| setting.min(u64::from(Limits::INPUT_BYTES_MAX));
        Tuning {
            limits: Limits {
                bulk_bytes_max: input_bytes(network.proto_max_bulk_len) as i64,
                ..Limits::DEFAULT
            },
            access_policy: access_policy(config),
            query_buffer_bytes_max: input_bytes(network.client_query_buffer_limit) as usize,
            memory: MemoryLimit::new(config),
            clients_bytes_max: clients_bytes_max(config),
            events: event_classes(config.general.notify_keyspace_events),
            output_limits: network.client_output_buffer_limit,
            version: 0,
        }
    }

    /// Takes over what was changed since.
    #[inline]
    pub(crate) fn renew(&mut self, settings: &Settings) {
        let version = settings.version.load(Ordering::Acquire);
        if version != self.version {
            // Settings changed in between are older than their version: they are taken again.
            *self = Tuning { version, ..Tuning::new(&settings.current()) };
        }
    }
}

fn access_policy(config: &Config) -> AccessPolicy {
    let memory = &config.memory;
    match memory.maxmemory_policy {
        EvictionPolicy::VolatileLfu | EvictionPolicy::AllkeysLfu => AccessPolicy::Lfu {
            log_factor: memory.lfu_log_factor,
            decay_minutes: memory.lfu_decay_time_minutes,
        },
        EvictionPolicy::VolatileLru
        | EvictionPolicy::VolatileRandom
        | EvictionPolicy::VolatileTtl
        | EvictionPolicy::AllkeysLru
        | EvictionPolicy::AllkeysRandom
        | EvictionPolicy::Noeviction => AccessPolicy::Lru,
    }
}
