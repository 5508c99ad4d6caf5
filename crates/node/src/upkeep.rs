//! What the timers of a node do: rates and peaks, the end of pauses, expiry, freeing what was flushed.

use crate::configuration::Tuning;
use crate::eviction::EvictionStats;
use crate::node::Node;
use crate::server::MemoryUse;
use crate::stats::{Counter, Rates, Traffic};
use crate::worker::Now;
use base::{Monotonic, Rng, Slot};
use config::Config;
use engine::{Effects, Eviction, ExpireCursor, ExpireProgress, ModifiedKey};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How many keys with an expiry are looked at before the clock is.
const EXPIRE_STEP_KEYS: u64 = 200;

/// How many flushed keys are freed before the thread does something else.
const FREE_STEP_KEYS: u64 = 5000;

/// Workers look through their memory when so much less is in use, in bytes and as a part of what was: looking takes time in what is in use.
const GIVE_BACK_BYTES_MIN: u64 = 32 << 20;
const GIVE_BACK_SHARE: u64 = 8;

/// What the timers keep.
pub(crate) struct Upkeep {
    /// DEBUG SET-ACTIVE-EXPIRE.
    pub(crate) is_expiry_active: AtomicBool,
    /// DEBUG PAUSE-CRON.
    pub(crate) is_paused: AtomicBool,
    /// A signal has asked for the end, and nothing was done about it yet.
    pub(crate) is_end_asked: AtomicBool,
    peak_bytes: AtomicU64,
    rates: Mutex<Rates>,
    pub(crate) expiry: ExpiryStats,
    pub(crate) eviction: EvictionStats,
    /// The evictions of the timer.
    pub(crate) timer_eviction: Mutex<Eviction>,
    /// See [`Upkeep::link_bytes`].
    link_bytes: AtomicU64,
    pub(crate) giving_back: GivingBack,
}

/// When threads give memory back to the system.
#[derive(Default)]
pub(crate) struct GivingBack {
    /// How often they were asked to.
    times: AtomicU64,
    /// The most that was in use since then, in bytes.
    peak_bytes: AtomicU64,
}

/// What is told of active expiry. Only the thread of the timers writes it.
#[derive(Default)]
pub(crate) struct ExpiryStats {
    /// Of a hundred keys with an expiry, how many are past it: a running average, as the bits of an `f64`.
    stale_percent: AtomicU64,
    /// Cycles that ended because their time was used up.
    pub(crate) time_cap_reached: Counter,
    /// The time of all cycles.
    pub(crate) micros: Counter,
}

impl ExpiryStats {
    pub(crate) fn stale_percent(&self) -> f64 {
        f64::from_bits(self.stale_percent.load(Relaxed))
    }

    /// A twentieth of the average is the newest cycle's, as in Redis.
    fn add_cycle(&self, progress: ExpireProgress) {
        let newest = match progress.examined {
            0 => 0.0,
            examined => progress.expired as f64 * 100.0 / examined as f64,
        };
        let average = newest * 0.05 + self.stale_percent() * 0.95;
        self.stale_percent.store(average.to_bits(), Relaxed);
    }
}

/// How hard expired keys are looked for in one cycle (`active-expire-effort`), as Redis scales it.
struct ExpireEffort {
    /// How long it may take.
    time_max: Duration,
    /// The part of the keys looked at that has to be due for it to go on, in percent.
    stale_percent_min: u64,
}

impl ExpireEffort {
    fn new(config: &Config, cycle: Duration) -> ExpireEffort {
        let beyond_least = config.general.active_expire_effort.saturating_sub(1);
        ExpireEffort {
            time_max: cycle * (25 + 2 * beyond_least) / 100,
            stale_percent_min: u64::from(10u32.saturating_sub(beyond_least)),
        }
    }
}

impl Upkeep {
    pub(crate) fn new(run_id: &str) -> Upkeep {
        // It follows from the run's name, which is random and no secret.
        let seed = run_id.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let mut rng = Rng::from_seed(seed.unwrap_or_default());
        Upkeep {
            is_expiry_active: AtomicBool::new(true),
            is_paused: AtomicBool::new(false),
            is_end_asked: AtomicBool::new(false),
            peak_bytes: AtomicU64::new(0),
            rates: Mutex::default(),
            expiry: ExpiryStats::default(),
            eviction: EvictionStats::default(),
            timer_eviction: Mutex::new(Eviction::new(rng.fork())),
            link_bytes: AtomicU64::new(0),
            giving_back: GivingBack::default(),
        }
    }

    /// What waits to be sent on the links of the bus, in bytes, as the timer last saw it.
    pub(crate) fn link_bytes(&self) -> u64 {
        self.link_bytes.load(Relaxed)
    }

    pub(crate) fn rates(&self) -> Traffic {
        self.rates.lock().per_second()
    }

    /// Begins the statistics that are kept here anew.
    pub(crate) fn reset_statistics(&self) {
        *self.rates.lock() = Rates::default();
        self.eviction.reset();
        let ExpiryStats { stale_percent, time_cap_reached, micros } = &self.expiry;
        stale_percent.store(0, Relaxed);
        [time_cap_reached, micros].into_iter().for_each(Counter::reset);
    }
}

impl Node {
    /// What has to be done about every 100 ms: takes samples of the statistics, makes room, and ends a pause that is over.
    pub fn tick(&self, now: Now) {
        if self.upkeep.is_paused.load(Relaxed) {
            return;
        }
        let total = self.all_stats().fold(Traffic::default(), |sum, stats| Traffic {
            commands: sum.commands + stats.commands.value(),
            input_bytes: sum.input_bytes + stats.input_bytes.value(),
            output_bytes: sum.output_bytes + stats.output_bytes.value(),
            batch_nanos: sum.batch_nanos + stats.batch_nanos.value(),
        });
        self.upkeep.rates.lock().sample(now.monotonic, total);
        if let Some(cluster) = &self.cluster {
            let load = self.upkeep.rates().load_permille(self.workers());
            cluster.ask(|machine| machine.report_load(load));
        }
        // The peak is noted.
        let _ = MemoryUse::with_clients(self, self.clients.count_all() as u64);
        self.upkeep.link_bytes.store(self.link_bytes() as u64, Relaxed);
        // Clients that take too much go before keys do.
        self.evict_clients();
        let moment = self.moment(&Tuning::new(&self.settings.current()), now);
        self.evict_by_timer(&moment);
        self.tracking.shrink();
        self.tick_replication(now);
        self.announce_log(self.upkeep());
        self.bound_save();
        self.end_pause_if_due(now.monotonic);
    }

    /// One of the cycles of active expiry that come every `cycle`: goes on while enough of the keys it looks at are due, within its time.
    pub fn expire_cycle(
        &self,
        cursor: &mut ExpireCursor,
        cycle: Duration,
        clock: impl Fn() -> Now,
    ) {
        let upkeep = &self.upkeep;
        if upkeep.is_paused.load(Relaxed)
            || !upkeep.is_expiry_active.load(Relaxed)
            || self.pause_kind().is_some()
            // Of what is loaded, later commands of a file may say more.
            || self.is_loading()
            // It is the primary's to say.
            || self.replication.is_replica()
        {
            return;
        }
        let config = self.settings.current();
        let effort = ExpireEffort::new(&config, cycle);
        let tuning = Tuning::new(&config);
        let start = clock().monotonic;
        let mut all = ExpireProgress::default();
        loop {
            let now = clock();
            let moment = self.moment(&tuning, now);
            let mut awaited = Vec::new();
            let mut tell = |slot: Slot, effects: &Effects| {
                self.tell_each(self.upkeep(), slot, effects);
                if self.blocked.len() > 0 {
                    awaited.extend_from_slice(effects.modified());
                }
            };
            let worker = self.upkeep();
            let step =
                self.keyspace.expire_step(cursor, EXPIRE_STEP_KEYS, worker, &moment, &mut tell);
            // Some want to be told that a key is no more.
            for ModifiedKey { database, key, .. } in &awaited {
                self.serve_those_that_await((*database, key), worker, moment);
            }
            all.examined += step.examined;
            all.expired += step.expired;
            let is_worth_it =
                step.examined > 0 && step.expired * 100 >= step.examined * effort.stale_percent_min;
            if step.finished || !is_worth_it {
                break;
            }
            if now.monotonic.since(start) > effort.time_max {
                upkeep.expiry.time_cap_reached.add(1);
                break;
            }
        }
        self.expire_fields(start, effort.time_max, &tuning, &clock);
        self.announce_log(self.upkeep());
        upkeep.expiry.add_cycle(all);
        upkeep.expiry.micros.add(micros_since(start, clock().monotonic));
    }

    /// The part of the cycle that is for fields of hashes: goes on while some are due, within its time.
    fn expire_fields(
        &self,
        start: Monotonic,
        time_max: Duration,
        tuning: &Tuning,
        clock: &impl Fn() -> Now,
    ) {
        let worker = self.upkeep();
        loop {
            let now = clock();
            let moment = self.moment(tuning, now);
            let mut conclude = |access| self.conclude(access, worker, moment, None);
            if self.keyspace.expire_fields(worker, moment, &mut conclude).is_none() {
                self.keyspace.review_field_times(worker, moment, &mut conclude);
                return;
            }
            if now.monotonic.since(start) > time_max {
                self.upkeep.expiry.time_cap_reached.add(1);
                return;
            }
        }
    }

    /// Notes how much is in use, for [`Node::give_back_memory`]. Before anything is freed: what waits to be freed is still in use.
    pub fn note_memory_peak(&self) {
        self.upkeep.giving_back.peak_bytes.fetch_max(self.keyspace.memory_bytes(), Relaxed);
    }

    /// Gives memory back to the system that nobody has needed for a while, and asks the workers to do the same where much less is in use now than
    /// before. For a thread that has time, now and then.
    pub fn give_back_memory(&self) {
        engine::give_back_memory(false);
        let GivingBack { peak_bytes, .. } = &self.upkeep.giving_back;
        let used = self.keyspace.memory_bytes();
        let peak = peak_bytes.fetch_max(used, Relaxed).max(used);
        if peak - used >= GIVE_BACK_BYTES_MIN.max(peak / GIVE_BACK_SHARE) {
            self.ask_to_give_back();
        }
    }

    /// Asks all workers to give memory back to the system.
    pub(crate) fn ask_to_give_back(&self) {
        let GivingBack { times, peak_bytes } = &self.upkeep.giving_back;
        peak_bytes.store(self.keyspace.memory_bytes(), Relaxed);
        times.fetch_add(1, Relaxed);
    }

    /// How often workers were asked to give memory back.
    pub(crate) fn giving_back_times(&self) -> u64 {
        self.upkeep.giving_back.times.load(Relaxed)
    }

    /// Frees some of what was flushed or removed; false when there is nothing left to free.
    pub fn free_flushed(&self) -> bool {
        self.keyspace.free_discarded() || self.free_flushed_tables()
    }

    /// Frees some of what was flushed; false when there is nothing left of it.
    pub(crate) fn free_flushed_tables(&self) -> bool {
        let Some(mut flushed) = self.flushed.lock().pop() else { return false };
        flushed.free(FREE_STEP_KEYS);
        if !flushed.is_empty() {
            self.flushed.lock().push(flushed);
        }
        true
    }

    /// The most memory that was in use, as far as the timer and those that ask have seen, given what is now.
    pub(crate) fn peak_memory_bytes(&self, used: u64) -> u64 {
        self.upkeep.peak_bytes.fetch_max(used, Relaxed).max(used)
    }

    /// What waits to be sent on the links of the bus, in bytes.
    pub(crate) fn link_bytes(&self) -> usize {
        let Some(cluster) = &self.cluster else { return 0 };
        let links: Vec<_> = cluster.ask(|machine| machine.cluster_links().collect());
        links.iter().map(|link| self.host.bus_link_buffer_bytes(link.link)).sum()
    }
}

fn micros_since(start: Monotonic, end: Monotonic) -> u64 {
    end.since(start).as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_tries_harder_with_more_effort() {
        let effort = |effort: &[u8]| {
            let words: [&[u8]; 2] = [b"active-expire-effort", effort];
            let change = Config::default().with(&words, false).expect("it can be set");
            ExpireEffort::new(&change.config, Duration::from_millis(100))
        };
        let (least, most) = (effort(b"1"), effort(b"10"));
        assert_eq!((least.time_max, least.stale_percent_min), (Duration::from_millis(25), 10));
        assert_eq!((most.time_max, most.stale_percent_min), (Duration::from_millis(43), 1));
    }
}
