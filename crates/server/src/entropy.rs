//! Randomness from the operating system, asked for here and nowhere else.

use base::Rng;

/// Bytes that nobody knows.
pub(crate) fn bytes() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A generator with a seed that nobody knows.
pub(crate) fn rng() -> Result<Rng, getrandom::Error> {
    Ok(Rng::from_seed(getrandom::u64()?))
}
