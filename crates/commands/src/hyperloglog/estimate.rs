//! From registers to a number: Otmar Ertl's improved raw estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017).

use super::hash::RANK_BITS;
use super::sketch::REGISTERS;

/// How many registers hold each value.
pub(super) struct Histogram([u32; 64]);

impl Histogram {
    pub(super) fn new() -> Histogram {
        Histogram([0; 64])
    }

    /// Counts registers that come four at a time, in counters that do not wait for each other.
    pub(super) fn of(registers: impl Iterator<Item = [u8; 4]>) -> Histogram {
        let mut counts = [[0u32; 64]; 4];
        for four in registers {
            for (counts, value) in counts.iter_mut().zip(four) {
                counts[usize::from(value & 63)] += 1;
            }
        }
        Histogram(std::array::from_fn(|value| counts.iter().map(|counts| counts[value]).sum()))
    }

    /// Counts registers that hold `value`, a number of six bits.
    #[inline]
    pub(super) fn add(&mut self, value: u8, registers: usize) {
        self.0[usize::from(value & 63)] += registers as u32;
    }

    /// The number of different elements that such registers speak of.
    pub(super) fn cardinality(&self) -> u64 {
        /// 1 / (2 ln 2), the limit of the estimator's constant for many registers.
        const ALPHA: f64 = 0.721_347_520_444_481_7;
        let registers = REGISTERS as f64;
        let count = |value: usize| f64::from(self.0[value]);
        let last = RANK_BITS as usize;
        let mut sum = registers * tau((registers - count(last + 1)) / registers);
        for value in (1..=last).rev() {
            sum = (sum + count(value)) * 0.5;
        }
        sum += registers * sigma(count(0) / registers);
        (ALPHA * registers * registers / sum).round() as u64
    }
}

/// What registers that are still zero add.
fn sigma(share: f64) -> f64 {
    if share == 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut factor, mut sum) = (share, 1.0, share);
    loop {
        power *= power;
        let before = sum;
        sum += power * factor;
        factor += factor;
        if sum == before {
            return sum;
        }
    }
}

/// What registers that are full add.
fn tau(share: f64) -> f64 {
    if share == 0.0 || share == 1.0 {
        return 0.0;
    }
    let (mut root, mut factor, mut sum) = (share, 1.0, 1.0 - share);
    loop {
        root = root.sqrt();
        let before = sum;
        factor *= 0.5;
        sum -= (1.0 - root) * (1.0 - root) * factor;
        if sum == before {
            return sum / 3.0;
        }
    }
}
