//! Real clients, unchanged, against a server and a cluster of three.

use std::path::Path;
use std::time::Duration;

use testkit::{Cluster, Program, Server};

const LIMIT: Duration = Duration::from_secs(180);

/// Python writes nothing beside the scripts.
const WITHOUT_CACHE: &str = "-B";

/// Runs a script with the ports of a server and of a cluster.
fn run(program: &Path, first: &[&str]) -> String {
    let under_test = crate::program();
    let server = Server::standalone(&under_test);
    let cluster = Cluster::start(&[&under_test; 3], Duration::from_secs(5));
    let mut ports = vec![server.port()];
    ports.extend(cluster.nodes.iter().map(Server::port));
    run_with(program, first, &ports)
}

/// Runs a script of Python with the port of a server.
fn run_on_server(name: &str) -> String {
    let server = Server::standalone(&crate::program());
    run_with(&Program::python(), &[WITHOUT_CACHE, &script(name)], &[server.port()])
}

fn run_with(program: &Path, first: &[&str], ports: &[u16]) -> String {
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let arguments: Vec<&str> =
        first.iter().copied().chain(ports.iter().map(String::as_str)).collect();
    testkit::run(program, &arguments, b"", LIMIT).expect_success()
}

fn script(name: &str) -> String {
    crate::root().join("tests/clients").join(name).display().to_string()
}

fn redis_py(name: &str) {
    let output = run(&Program::python(), &[WITHOUT_CACHE, &script(name)]);
    assert_eq!(output.matches(": ok").count(), 2, "{output}");
}

fn ioredis(name: &str) {
    let folder = Program::node_directory().display().to_string();
    let output = run(&Program::tool("node"), &[&script(name), &folder]);
    assert!(output.contains(": ok"), "{output}");
}

#[test]
fn redis_py_works_in_both_protocols() {
    redis_py("redis_py.py");
}

#[test]
fn redis_py_publishes_and_subscribes() {
    redis_py("redis_py_pubsub.py");
}

#[test]
fn redis_py_shares_streams() {
    redis_py("redis_py_streams.py");
}

#[test]
fn redis_py_watches_keys() {
    redis_py("redis_py_transactions.py");
}

#[test]
fn ioredis_works() {
    ioredis("ioredis.mjs");
}

#[test]
fn ioredis_publishes_and_subscribes() {
    ioredis("ioredis_pubsub.mjs");
}

#[test]
fn ioredis_runs_transactions() {
    ioredis("ioredis_transactions.mjs");
}

#[test]
fn celery_loses_no_task_when_workers_die() {
    let output = run_on_server("celery_tasks.py");
    assert!(output.contains("celery: ok"), "{output}");
}

#[test]
fn rq_does_what_needs_no_scripts() {
    let output = run_on_server("rq_jobs.py");
    assert!(output.contains("rq: ok"), "{output}");
}
