//! When the next sync begins, where each write is synced (`appendfsync always`).
//!
//! A sync is for all that is written when it begins. Clients that were told of one ask again at about the same time, each as soon as it is told, so there are
//! two ways to go on. To begin the next at once keeps disk and processor at work together, but who comes a little later waits for two syncs. To let
//! them gather first has nobody wait for more than one, but the disk rests meanwhile.
//!
//! With `n` clients, `c` of processor time for each and `s` for a sync, the first serves the smaller of `1 / c` and `n / 2s`, the second `n / (s + nc)`. So
//! gathering is better where the sync takes longer than all of them, `s > nc`. All three are known from the sync that has just ended.

use std::time::Duration;

/// The longest that clients are waited for: a disk that has stalled once must not hold up those that are there.
const GATHERING_MAX: Duration = Duration::from_millis(10);

/// How the next sync is put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gathering {
    /// So many clients are enough: all that have waited.
    pub(super) clients: usize,
    /// The longest that it may last.
    pub(super) time_max: Duration,
}

/// What is known of the syncs before.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The processor time that the process had taken when the last one ended.
    cpu: Duration,
}

/// A sync that has ended.
pub(super) struct Synced {
    /// How long it took.
    pub(super) took: Duration,
    /// How many clients have waited, for this sync or for the next.
    pub(super) clients: usize,
    /// How many of them wait no longer.
    pub(super) released: usize,
    /// The processor time that the process has taken since it began.
    pub(super) cpu: Duration,
}

impl Pace {
    /// Whether clients are to gather before the next one; so many workers serve them.
    pub(super) fn after(&mut self, workers: usize, synced: &Synced) -> Option<Gathering> {
        let &Synced { took, clients, released, cpu } = synced;
        let spent = cpu.saturating_sub(std::mem::replace(&mut self.cpu, cpu));
        if released == 0 || clients < 2 {
            return None;
        }
        let each = spent.div_f64((released * workers) as f64);
        let time_max = (took / 2).min(GATHERING_MAX);
        (took > each.mul_f64(clients as f64)).then_some(Gathering { clients, time_max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// What follows a sync of 50 clients, half of which it was for, that took so long; each client has cost 10 microseconds.
    fn after(workers: usize, took: Duration) -> Option<Gathering> {
        let mut pace = Pace::default();
        let synced = |cpu| Synced { took, clients: 50, released: 25, cpu };
        // What the process has taken before the first is no measure, but little harm for once.
        pace.after(workers, &synced(micros(1_000_000)));
        pace.after(workers, &synced(micros(1_000_250)))
    }

    #[test]
    fn clients_gather_where_the_sync_takes_longer_than_all_of_them() {
        let gathering = Gathering { clients: 50, time_max: micros(300) };
        assert_eq!(after(1, micros(600)), Some(gathering));
        assert_eq!(after(1, micros(400)), None);
        assert!(after(2, micros(400)).is_some(), "two workers serve them in half the time");
    }

    #[test]
    fn nobody_gathers_alone_or_after_a_sync_for_nobody() {
        let synced =
            |clients, released| Synced { took: micros(9999), clients, released, cpu: micros(1) };
        assert_eq!(Pace::default().after(1, &synced(1, 1)), None);
        assert_eq!(Pace::default().after(1, &synced(5, 0)), None);
    }
}
