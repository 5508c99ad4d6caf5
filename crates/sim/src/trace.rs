//! The hash of a run: two runs with the same hash have, in all likelihood, done the same.

/// Folds everything that happens into one number.
#[derive(Clone, Debug)]
pub(crate) struct Trace(u64);

impl Trace {
    pub(crate) fn new(seed: u64) -> Trace {
        let mut trace = Trace(0xcbf2_9ce4_8422_2325);
        trace.fold(seed);
        trace
    }

    /// A packet reached a node.
    pub(crate) fn packet(&mut self, at_us: u64, from: usize, to: usize, bytes: &[u8]) {
        self.fold(at_us);
        self.fold((from as u64) << 32 | to as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.fold(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| self.fold(u64::from(*byte)));
    }

    /// Something else happened at a node.
    pub(crate) fn note(&mut self, at_us: u64, node: usize, what: u64) {
        self.fold(at_us);
        self.fold((node as u64) << 8 | what);
    }

    pub(crate) fn hash(&self) -> u64 {
        self.0
    }

    fn fold(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }
}
