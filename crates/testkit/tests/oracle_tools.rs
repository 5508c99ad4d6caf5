//! The suites of tools and clients on Valkey: when they fail here, the suite is wrong, not our server.

#[path = "../../../tests/clients.rs"]
mod clients;
#[path = "../../../tests/high_availability/mod.rs"]
mod high_availability;
#[path = "../../../tests/mixed_bus.rs"]
mod mixed_bus;
#[path = "../../../tests/process.rs"]
mod process;
#[path = "../../../tests/tools.rs"]
mod tools;

use std::path::{Path, PathBuf};

use testkit::Program;

/// Valkey, redis-server with `ORACLE=redis`, or another build of ours by its path.
fn program() -> Program {
    match std::env::var("ORACLE").as_deref() {
        Ok("redis") => Program::redis(),
        Ok(path) if path.contains('/') => Program::redstart(path),
        _ => Program::valkey(),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
