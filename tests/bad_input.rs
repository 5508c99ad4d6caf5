//! Malformed input over a socket, cut at every byte: an error or a close as the oracle does it, never a
//! hang, a crash, or memory that grows.

use testkit::bad_input::GROWTH_BYTES_MAX;
use testkit::{Kind, bad_input};

#[test]
fn malformed_input_is_answered_as_the_oracle_does_and_costs_nothing() {
    let program = crate::program();
    let directory = crate::root().join("tests/bad_input");
    if program.kind == Kind::Valkey && std::env::var_os("UPDATE_GOLDENFILES").is_some() {
        for file in &mut bad_input::load(&directory).expect("vectors are read") {
            file.record(&program).expect("the oracle answers");
        }
    }
    let reports = bad_input::run_all(&directory, &program);
    let vectors: usize = reports.iter().map(|report| report.vectors).sum();
    let connections: usize = reports.iter().map(|report| report.connections).sum();
    let growth = reports.iter().map(|report| report.growth_bytes).max().unwrap_or(0);
    println!("{vectors} vectors, {connections} connections, growth {} KiB", growth / 1024);
    let failures: Vec<&String> = reports.iter().flat_map(|report| &report.failures).collect();
    let shown: Vec<&str> = failures.iter().take(30).map(|text| text.as_str()).collect();
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), shown.join("\n"));
    assert!(growth < GROWTH_BYTES_MAX, "grew by {growth} bytes");
    assert!(vectors >= 200, "only {vectors} vectors");
}
