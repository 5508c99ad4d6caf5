//! No server outlives the test runner that started it, however that one ends.

use std::process::Command;
use std::{env, fs, path::Path};

use testkit::{Program, Server, wait};

const ROLE: &str = "TESTKIT_LIFETIME_REPORT";

#[test]
fn a_server_dies_with_the_runner_that_started_it() {
    if let Some(report) = env::var_os(ROLE) {
        let server = Server::standalone(&Program::redis());
        fs::write(report, server.pid().to_string()).unwrap();
        // No destructor runs: as a kill -9.
        std::process::abort();
    }
    let folder = testkit::Folder::new();
    let report = folder.path().join("pid");
    let this = env::current_exe().unwrap();
    let status = Command::new(this)
        .args(["--exact", "a_server_dies_with_the_runner_that_started_it"])
        .env(ROLE, &report)
        .output()
        .unwrap()
        .status;
    assert!(!status.success(), "the other runner aborts");
    let pid: u32 = fs::read_to_string(&report).unwrap().parse().unwrap();
    let process = format!("/proc/{pid}/status");
    let gone = || {
        let text = fs::read_to_string(Path::new(&process)).unwrap_or_default();
        text.is_empty() || text.contains("State:\tZ")
    };
    assert!(wait::until(wait::PATIENCE, gone), "{}", fs::read_to_string(&process).unwrap());
}

#[test]
fn a_server_dies_when_its_value_is_dropped() {
    let mut server = Server::standalone(&Program::redis());
    assert!(server.is_running());
    let pid = server.pid();
    drop(server);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}
