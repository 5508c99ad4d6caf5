//! Real clients, unchanged, against a server and a cluster of three.

use std::path::Path;
use std::time::Duration;

use testkit::{Cluster, Program, Server};

const LIMIT: Duration = Duration::from_secs(180);

fn run(program: &Path, first: &[&str]) -> String {
    let under_test = crate::program();
    let server = Server::standalone(&under_test);
    let cluster = Cluster::start(&[&under_test; 3], Duration::from_secs(5));
    let mut ports = vec![server.port().to_string()];
    ports.extend(cluster.nodes.iter().map(|node| node.port().to_string()));
    let arguments: Vec<&str> =
        first.iter().copied().chain(ports.iter().map(String::as_str)).collect();
    testkit::run(program, &arguments, b"", LIMIT).expect_success()
}

fn script(name: &str) -> String {
    crate::root().join("tests/clients").join(name).display().to_string()
}

#[test]
fn redis_py_works_in_both_protocols() {
    let output = run(&Program::python(), &[&script("redis_py.py")]);
    assert_eq!(output.matches(": ok").count(), 2, "{output}");
}

#[test]
fn ioredis_works() {
    let folder = Program::node_directory().display().to_string();
    let output = run(&Program::tool("node"), &[&script("ioredis.mjs"), &folder]);
    assert!(output.contains("ioredis: ok"), "{output}");
}
