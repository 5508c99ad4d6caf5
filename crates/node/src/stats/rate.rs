//! How fast counters grow at the moment: the `instantaneous_...` fields of INFO.

use base::Monotonic;

/// How many samples the average is over; with a sample every 100 ms, 1.6 seconds. The same as in Redis.
const SAMPLES: usize = 16;

/// How fast one counter grows.
#[derive(Clone, Copy, Default)]
struct Rate {
    last: Option<(Monotonic, u64)>,
    /// Per second.
    samples: [u64; SAMPLES],
    next: usize,
}

impl Rate {
    fn sample(&mut self, now: Monotonic, total: u64) {
        if let Some((then, before)) = self.last {
            let micros = now.since(then).as_micros();
            if micros == 0 {
                return;
            }
            // A counter that began anew has grown by what it is.
            let growth = total.checked_sub(before).unwrap_or(total);
            self.samples[self.next] = (u128::from(growth) * 1_000_000 / micros) as u64;
            self.next = (self.next + 1) % SAMPLES;
        }
        self.last = Some((now, total));
    }

    fn per_second(&self) -> u64 {
        self.samples.iter().sum::<u64>() / SAMPLES as u64
    }
}

/// What is counted, as it stands at one moment; then how much of it comes in a second.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Traffic {
    pub(crate) commands: u64,
    pub(crate) input_bytes: u64,
    pub(crate) output_bytes: u64,
    /// The time of batches, in nanoseconds.
    pub(crate) batch_nanos: u64,
}

impl Traffic {
    /// What comes in a second is a share of the time that so many workers have: in thousandths.
    pub(crate) fn load_permille(self, workers: usize) -> u16 {
        (self.batch_nanos / 1_000_000 / workers.max(1) as u64).min(1000) as u16
    }
}

/// How fast the counters of a node grow.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rates {
    commands: Rate,
    input: Rate,
    output: Rate,
    batches: Rate,
}

impl Rates {
    /// Takes the counters as they stand at `now`. For a timer.
    pub(crate) fn sample(&mut self, now: Monotonic, total: Traffic) {
        self.commands.sample(now, total.commands);
        self.input.sample(now, total.input_bytes);
        self.output.sample(now, total.output_bytes);
        self.batches.sample(now, total.batch_nanos);
    }

    /// How much comes in a second.
    pub(crate) fn per_second(&self) -> Traffic {
        Traffic {
            commands: self.commands.per_second(),
            input_bytes: self.input.per_second(),
            output_bytes: self.output.per_second(),
            batch_nanos: self.batches.per_second(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_has_its_rate_and_an_end_of_it_fades() {
        let mut rates = Rates::default();
        let mut total = Traffic::default();
        for step in 0..=SAMPLES as u64 {
            rates.sample(Monotonic::from_millis(step * 100), total);
            total.commands += 50;
            total.output_bytes += 1024;
            total.batch_nanos += 60_000_000;
        }
        let rate = rates.per_second();
        let expected = Traffic {
            commands: 500,
            input_bytes: 0,
            output_bytes: 10_240,
            batch_nanos: 600_000_000,
        };
        assert_eq!(rate, expected);
        assert_eq!((rate.load_permille(1), rate.load_permille(2)), (600, 300));
        total.commands -= 50;
        total.output_bytes -= 1024;
        for step in 0..SAMPLES as u64 / 2 {
            rates.sample(Monotonic::from_millis((17 + step) * 100), total);
        }
        assert_eq!(rates.per_second().commands, 250);
    }

    #[test]
    fn a_counter_that_begins_anew_has_no_huge_rate() {
        let mut rates = Rates::default();
        let commands = |commands| Traffic { commands, ..Traffic::default() };
        rates.sample(Monotonic::from_millis(0), commands(1000));
        rates.sample(Monotonic::from_millis(100), commands(16));
        assert_eq!(rates.per_second().commands, 10);
    }
}
