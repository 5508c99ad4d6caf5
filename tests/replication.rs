//! Replication between real processes: servers of all brands follow one another, over links that break, through restarts and failovers.
//!
//! `REPLICATION_OURS=valkey` or `redis` puts an oracle in the place of the server under test, which proves what the suite expects; a path puts another build there.

mod acknowledged;
mod chains;
mod interruptions;
mod keys;
mod links;
mod load;
mod matrix;
mod nodes;
mod replies;
mod restarts;

use testkit::Program;

/// The server under test, or what stands in its place.
fn ours() -> Program {
    match std::env::var("REPLICATION_OURS").as_deref() {
        Ok("valkey") => Program::valkey(),
        Ok("redis") => Program::redis(),
        Ok(path) if path.contains('/') => Program::redstart(path),
        Ok(other) => panic!("REPLICATION_OURS={other}: valkey, redis or a path"),
        Err(_) => crate::program(),
    }
}

/// A number in a variable of the environment, for who has more time.
fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable);
    text.map_or(otherwise, |text| {
        text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number"))
    })
}
