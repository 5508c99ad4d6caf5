//! Randomness from the operating system, asked for here and nowhere else.

use base::Rng;
pub(crate) use getrandom::Error as NoEntropy;

/// Bytes that nobody knows.
pub(crate) fn bytes() -> Result<[u8; 32], NoEntropy> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A generator with a seed that nobody knows.
pub(crate) fn rng() -> Result<Rng, getrandom::Error> {
    Ok(Rng::from_seed(getrandom::u64()?))
}
