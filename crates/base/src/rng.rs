//! Randomness as an argument: a seeded generator that is passed to whoever needs it.

/// A small, fast, seeded generator; not for secrets. Equal seeds give equal sequences.
#[derive(Clone, Debug)]
pub struct Rng(fastrand::Rng);

impl Rng {
    /// The generator that starts from `seed`.
    #[must_use]
    pub fn from_seed(seed: u64) -> Rng {
        Rng(fastrand::Rng::with_seed(seed))
    }

    /// A uniform number in `0..bound`.
    ///
    /// # Panics
    ///
    /// Where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.u64(..bound)
    }

    /// A uniform 64-bit number.
    pub fn next_u64(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// True with a probability of `percent` in a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Fills `bytes` with random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    /// An independent generator, seeded from this one.
    #[must_use]
    pub fn fork(&mut self) -> Rng {
        Rng(self.0.fork())
    }
}
