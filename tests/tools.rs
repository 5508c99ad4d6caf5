//! The tools that come with Redis, unchanged: redis-cli in its modes, and redis-benchmark.

use std::time::Duration;

use testkit::{Cluster, Program, Server, encode_command};

const LIMIT: Duration = Duration::from_secs(180);
const NODE_TIMEOUT: Duration = Duration::from_secs(5);

fn cli(arguments: &[&str], input: &[u8]) -> String {
    testkit::run(&Program::tool("redis-cli"), arguments, input, LIMIT).expect_success()
}

fn benchmark(arguments: &[&str]) -> String {
    testkit::run(&Program::tool("redis-benchmark"), arguments, b"", LIMIT).expect_success()
}

fn filled(server: &Server, count: usize) {
    let mut client = server.client();
    let keys: Vec<String> = (0..count).map(|index| format!("key:{index}")).collect();
    for batch in keys.chunks(1000) {
        let commands: Vec<Vec<&[u8]>> =
            batch.iter().map(|key| vec![&b"SET"[..], key.as_bytes(), b"value"]).collect();
        let replies = client.pipeline(&commands).expect("every command is answered");
        assert!(replies.iter().all(|reply| *reply == testkit::Reply::ok()));
    }
}

#[test]
fn redis_cli_forms_checks_and_asks_a_cluster_of_six_blank_nodes() {
    let program = crate::program();
    let cluster = Cluster::blank(&[&program; 6], NODE_TIMEOUT);
    let addresses = cluster.addresses();
    let first = addresses.first().expect("six nodes").as_str();
    let mut create = vec!["--cluster", "create"];
    create.extend(addresses.iter().map(String::as_str));
    create.extend(["--cluster-replicas", "0", "--cluster-yes"]);
    let created = cli(&create, b"");
    assert!(created.contains("[OK] All 16384 slots covered."), "{created}");
    cluster.await_agreement();
    let checked = cli(&["--cluster", "check", first], b"");
    assert!(checked.contains("[OK] All nodes agree about slots configuration."), "{checked}");
    assert!(checked.contains("[OK] All 16384 slots covered."), "{checked}");
    assert!(checked.contains("[OK] 0 keys in 6 masters."), "{checked}");
    let told = cli(&["--cluster", "info", first], b"");
    assert!(told.contains("[OK] 0 keys in 6 masters."), "{told}");
    let called = cli(&["--cluster", "call", first, "PING"], b"");
    assert_eq!(called.matches("PONG").count(), 6, "{called}");
    follows_redirections(&cluster);
}

/// `redis-cli -c` is sent from node to node.
fn follows_redirections(cluster: &Cluster) {
    let port = cluster.nodes[0].port().to_string();
    let lines: String = (0..100).map(|n| format!("SET key:{n} {n}\nGET key:{n}\n")).collect();
    let output = cli(&["-c", "-p", &port], lines.as_bytes());
    assert!(output.contains("-> Redirected to slot ["), "{output}");
    let is_value = |line: &&str| *line != "OK" && !line.starts_with("-> Redirected");
    let values: Vec<&str> = output.lines().filter(is_value).collect();
    let expected: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    assert_eq!(values, expected, "{output}");
    let moved =
        cli(&["-p", &cluster.nodes[1].port().to_string()], b"GET {x}a\nGET {y}b\nGET {z}c\n");
    assert!(moved.contains("MOVED "), "{moved}");
}

#[test]
fn redis_cli_scans_and_finds_big_keys() {
    let server = Server::standalone(&crate::program());
    filled(&server, 5000);
    let port = server.port().to_string();
    let scanned = cli(&["-p", &port, "--scan", "--pattern", "key:1*"], b"");
    assert_eq!(scanned.lines().count(), 1111);
    server.client().line("SET big $(x*100000)");
    let big = cli(&["-p", &port, "--bigkeys"], b"");
    assert!(big.contains("Biggest string found '\"big\"' has 100000 bytes"), "{big}");
    assert!(big.contains("Sampled 5001 keys in the keyspace!"), "{big}");
    let memory = cli(&["-p", &port, "--memkeys"], b"");
    assert!(memory.contains("Biggest string found '\"big\"'"), "{memory}");
}

#[test]
fn redis_cli_shows_figures_line_by_line() {
    let server = Server::standalone(&crate::program());
    filled(&server, 1234);
    let port = server.port().to_string();
    // --stat goes on for ever: it is asked for three lines and then cut off by its own pipe.
    let line = format!("redis-cli -p {port} --stat -i 0.05 | head -n 5");
    let shell = testkit::run(&Program::tool("sh"), &["-c", &line], b"", LIMIT);
    assert!(shell.stdout.lines().any(|line| line.trim_start().starts_with("1234 ")), "{shell:?}");
}

#[test]
fn a_million_commands_go_through_the_pipe() {
    let server = Server::standalone(&crate::program());
    let input: Vec<u8> =
        (0..1_000_000).flat_map(|n| encode_command(&["SET", &format!("k{n}"), "value"])).collect();
    let output = cli(&["-p", &server.port().to_string(), "--pipe"], &input);
    assert!(output.contains("errors: 0, replies: 1000000"), "{output}");
    assert_eq!(server.client().command(&["DBSIZE"]), testkit::Reply::Integer(1_000_000));
}

#[test]
fn redis_benchmark_runs_the_tests_of_strings() {
    let server = Server::standalone(&crate::program());
    let port = server.port().to_string();
    let tests = "ping_inline,ping_mbulk,set,get,incr,mset";
    for depth in ["1", "100"] {
        let arguments =
            ["-p", &port, "-t", tests, "-n", "20000", "-r", "1000", "-P", depth, "--csv"];
        let output = benchmark(&arguments);
        let figures: Vec<f64> = output
            .lines()
            .skip(1)
            .filter_map(|line| line.split(',').nth(1)?.trim_matches('"').parse().ok())
            .collect();
        assert_eq!(figures.len(), 6, "{output}");
        assert!(figures.iter().all(|figure| *figure > 0.0), "{output}");
    }
}

#[test]
fn redis_benchmark_knows_the_cluster() {
    let program = crate::program();
    let cluster = Cluster::start(&[&program; 3], NODE_TIMEOUT);
    let port = cluster.nodes[0].port().to_string();
    let arguments = ["-p", &port, "--cluster", "-t", "set,get", "-n", "20000", "-r", "10000", "-q"];
    let output = benchmark(&arguments);
    assert!(output.contains("Cluster has 3 master nodes"), "{output}");
    assert!(output.contains("GET: "), "{output}");
    for node in &cluster.nodes {
        let size = node.client().command(&["DBSIZE"]).integer();
        assert!(size.is_some_and(|size| size > 0), "a node was left out");
    }
}
