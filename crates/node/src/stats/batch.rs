//! The time of commands, from two readings of the clock a batch.

use super::WorkerStats;
use base::Monotonic;

/// The commands that ran in a batch, by their numbers; bounded by the number of commands there are.
pub(crate) struct Batch {
    started: Monotonic,
    runs: Box<[u32]>,
    /// Whose count is not 0.
    ran: Vec<usize>,
    total: u64,
}

impl Batch {
    pub(crate) fn new(commands: usize) -> Batch {
        let runs = vec![0; commands].into();
        Batch { started: Monotonic::from_millis(0), runs, ran: Vec::new(), total: 0 }
    }

    /// A batch begins. One that nobody has ended leaves no time.
    pub(crate) fn begin(&mut self, now: Monotonic) {
        self.clear();
        self.started = now;
    }

    /// A command runs.
    #[inline]
    pub(crate) fn count(&mut self, command: usize) {
        let runs = &mut self.runs[command];
        if *runs == 0 {
            self.ran.push(command);
        }
        *runs = runs.saturating_add(1);
        self.total += 1;
    }

    /// Divides the time of the batch equally among its commands.
    pub(crate) fn end(&mut self, now: Monotonic, stats: &WorkerStats) {
        let nanos = now.since(self.started).as_nanos() as u64;
        stats.batches.add(1);
        stats.batch_nanos.add(nanos);
        if let Some(share) = nanos.checked_div(self.total) {
            for &command in &self.ran {
                stats.by_command[command].nanos.add(share * u64::from(self.runs[command]));
            }
        }
        self.clear();
    }

    fn clear(&mut self) {
        for command in self.ran.drain(..) {
            self.runs[command] = 0;
        }
        self.total = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_batch_is_divided_among_its_commands() {
        let stats = WorkerStats::new(3);
        let mut batch = Batch::new(3);
        let at = Monotonic::from_millis;
        batch.begin(at(10));
        [0, 2, 2, 2].into_iter().for_each(|command| batch.count(command));
        batch.end(at(14), &stats);
        let nanos = || [0, 1, 2].map(|command: usize| stats.by_command[command].nanos.value());
        assert_eq!(nanos(), [1_000_000, 0, 3_000_000]);
        // Nothing is counted twice, and a batch without commands counts for none.
        batch.begin(at(20));
        batch.end(at(30), &stats);
        batch.begin(at(30));
        batch.count(1);
        batch.begin(at(40));
        batch.end(at(50), &stats);
        assert_eq!(nanos(), [1_000_000, 0, 3_000_000]);
        assert_eq!((stats.batches.value(), stats.batch_nanos.value()), (3, 24_000_000));
    }
}
