//! Randomness from the operating system, asked for here and nowhere else.

use base::Rng;

/// A generator with a seed that nobody knows.
pub(crate) fn rng() -> Result<Rng, getrandom::Error> {
    Ok(Rng::from_seed(getrandom::u64()?))
}
