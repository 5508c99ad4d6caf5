//! What the times of an append-only file mean when its commands are run again: to us what they mean to Valkey.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::appending::{digest, setup};
use testkit::{Client, Program, Reply, Server, encode_command};

/// How far two servers may be apart that load the same file one after the other, in milliseconds.
const APART_MS: i64 = 10_000;

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right");
    i64::try_from(since.as_millis()).expect("not yet")
}

/// A server that has loaded these commands.
fn loaded(program: &Program, commands: &[String]) -> Server {
    let mut server = Server::start(program, setup("everysec"));
    server.kill();
    let path = server.directory().join("appendonlydir/appendonly.aof.1.incr.aof");
    let bytes: Vec<u8> = commands
        .iter()
        .flat_map(|line| encode_command(&testkit::words(line).expect("quotes match")))
        .collect();
    fs::write(path, bytes).expect("the folder is ours");
    server.restart();
    server
}

/// The numbers of a reply and of those in it, in order.
fn numbers(reply: &Reply) -> Vec<i64> {
    match reply.items() {
        Some(items) => items.iter().flat_map(numbers).collect(),
        None => reply.integer().into_iter().collect(),
    }
}

fn told(client: &mut Client) -> Vec<(&'static str, Vec<i64>)> {
    [
        "PTTL relative",
        "PTTL set",
        "PTTL with",
        "PTTL absolute",
        "HPTTL hash FIELDS 1 f",
        "PTTL gone",
        "HLEN short",
        "XPENDING stream group - + 10",
        "XINFO CONSUMERS stream group",
        "XINFO CONSUMERS stream other",
        "XLEN stream",
    ]
    .map(|line| (line, numbers(&client.line(line))))
    .to_vec()
}

#[test]
fn times_mean_what_they_mean_to_valkey() {
    let now = now_ms();
    let (delivered, later, before) = (now - 3_600_000, now + 1_000_000, now - 1000);
    let commands: Vec<String> = [
        "SELECT 0",
        "SET relative v",
        "EXPIRE relative 1000",
        "SETEX set 1000 v",
        "SET with v EX 1000",
        &format!("SET absolute v PXAT {later}"),
        "HSET hash f v",
        "HPEXPIRE hash 1000000 FIELDS 1 f",
        &format!("SET gone v PXAT {before}"),
        "HSET short f v g w",
        &format!("HPEXPIREAT short {before} FIELDS 1 f"),
        "XADD stream 1-1 f v",
        "XADD stream 2-1 f v",
        "XGROUP CREATE stream group 0",
        "XGROUP CREATECONSUMER stream group idle",
        &format!(
            "XCLAIM stream group busy 0 1-1 TIME {delivered} RETRYCOUNT 3 JUSTID FORCE LASTID 1-1"
        ),
        "XGROUP CREATE stream other 0",
        "XREADGROUP GROUP other reader COUNT 1 STREAMS stream >",
    ]
    .map(str::to_owned)
    .to_vec();
    let ours = loaded(&crate::program(), &commands);
    let theirs = loaded(&Program::valkey(), &commands);
    let (ours, theirs) = (told(&mut ours.client()), told(&mut theirs.client()));
    for ((line, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        let is_near = |(a, b): (&i64, &i64)| (a - b).abs() <= APART_MS;
        let are_alike = ours.len() == theirs.len() && ours.iter().zip(theirs).all(is_near);
        assert!(are_alike, "{line}: {ours:?}, Valkey {theirs:?}");
        println!("{line}: {ours:?}");
    }
    let pending = ours.iter().find(|(line, _)| line.starts_with("XPENDING")).expect("it was asked");
    assert!(pending.1[0] >= 3_600_000 && pending.1[0] < 3_600_000 + APART_MS, "{pending:?}");
}

#[test]
fn pending_entries_keep_their_times_through_every_base() {
    for preamble in ["yes", "no"] {
        let setup = setup("everysec").with("aof-use-rdb-preamble", &[preamble]);
        let mut server = Server::start(&crate::program(), setup);
        let mut client = server.client();
        for line in [
            "XADD stream 1-1 f v",
            "XADD stream 2-1 f v",
            "XGROUP CREATE stream group 0",
            "XREADGROUP GROUP group a COUNT 2 STREAMS stream >",
            "XCLAIM stream group b 0 1-1 IDLE 3600000 RETRYCOUNT 5",
        ] {
            assert!(!client.line(line).is_error(), "{line}");
        }
        let wanted = digest(&mut client);
        for round in 0..2 {
            let pending = numbers(&client.line("XPENDING stream group - + 10"));
            let about = [3_600_000, 5, 0, 1];
            let is_near = |(a, b): (&i64, &i64)| a >= b && a - b <= 60_000;
            assert!(
                pending.len() == 4 && pending.iter().zip(&about).all(is_near),
                "{pending:?}, {round}, {preamble}"
            );
            if round == 1 {
                client.line("BGREWRITEAOF");
                crate::appending::await_rewrite(&mut client);
            }
            server.kill();
            server.restart();
            client = server.client();
            assert_eq!(digest(&mut client), wanted, "{round}, {preamble}");
        }
    }
}
