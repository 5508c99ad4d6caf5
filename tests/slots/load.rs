//! Slots move back and forth under the load of a cluster client, which sees nothing of it; the tool that moves them is killed now and then.
//!
//! By default briefly; `SLOTS_OPERATIONS=200000 SLOTS_COUNT=4096 SLOTS_KILLS=20` is the full count. `SLOTS_SEED` names the seed.

use super::NODE_TIMEOUT;
use super::tools::{id, is_whole};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;
use testkit::{Cluster, Program};

/// Enough for the full count on a busy machine.
const LIMIT: Duration = Duration::from_secs(1800);

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn slots_move_back_and_forth_under_a_client_that_sees_nothing_of_it() {
    const ROUNDS: usize = 4;
    let operations = number("SLOTS_OPERATIONS", 16_000);
    let (slots, kills) = (number("SLOTS_COUNT", 160), number("SLOTS_KILLS", 2));
    let seed = crate::seed("SLOTS_SEED") % 1_000_000;
    let program = crate::program();
    let cluster = Cluster::start(&[&program; 3], NODE_TIMEOUT);
    let (a, b) = (id(&cluster.nodes[0]), id(&cluster.nodes[1]));
    let first = cluster.nodes[0].address();
    let mut client = Command::new(Program::python())
        .arg("-B")
        .arg(crate::root().join("tests/clients/moving_slots.py"))
        .args([cluster.nodes[0].port().to_string(), operations.to_string(), seed.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the client starts");
    let mut killed = 0;
    for round in 0..ROUNDS {
        let (from, to) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        for _ in 0..kills / ROUNDS + usize::from(round < kills % ROUNDS) {
            killed += usize::from(reshard_killed(&first, (from, to), slots));
            repair(&first);
        }
        let count = slots.to_string();
        let tool = Program::tool("redis-cli");
        let arguments = [
            "--cluster",
            "reshard",
            &first,
            "--cluster-from",
            from,
            "--cluster-to",
            to,
            "--cluster-slots",
            &count,
            "--cluster-yes",
            "--cluster-pipeline",
            "100",
        ];
        let moved = testkit::run(&tool, &arguments, b"", LIMIT);
        assert!(moved.success(), "{moved:?}");
    }
    let mut replies = BufReader::new(client.stdout.take().expect("its output is read"));
    let mut line = String::new();
    replies.read_line(&mut line).expect("it writes");
    assert_eq!(line, "done writing\n");
    is_whole(&cluster);
    client.stdin.take().expect("its input is written").write_all(b"\n").expect("it reads");
    let told: Vec<String> = replies.lines().map(|line| line.expect("it writes text")).collect();
    println!("{} slots {ROUNDS} times, the tool killed {killed} times: {}", slots, told.join("\n"));
    assert!(client.wait().expect("it ends").success(), "{told:?}");
    assert_eq!(killed, kills, "each kill has met the tool at work");
}

/// Begins to move slots and kills the tool in the middle; whether it was still at work.
fn reshard_killed(first: &str, (from, to): (&str, &str), slots: usize) -> bool {
    let count = slots.to_string();
    let tool = Program::tool("redis-cli").display().to_string();
    let arguments = [
        "-s",
        "KILL",
        "0.7",
        &tool,
        "--cluster",
        "reshard",
        first,
        "--cluster-from",
        from,
        "--cluster-to",
        to,
        "--cluster-slots",
        &count,
        "--cluster-yes",
        "--cluster-pipeline",
        "100",
    ];
    let ended = testkit::run(&Program::tool("timeout"), &arguments, b"", LIMIT);
    !ended.success()
}

fn repair(first: &str) {
    let tool = Program::tool("redis-cli");
    let fixed = testkit::run(&tool, &["--cluster", "fix", first], b"yes\nyes\n", LIMIT);
    assert!(fixed.success(), "{fixed:?}");
}
