//! What writes leave in the log: against the AOF of the oracle, and against the keys that come of it when it is run again.

mod compare;
mod model;
mod replay;
mod scripts;
mod threads;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use engine::WorkerId;
use testkit::{Client, Server};

use crate::in_process::World;

/// A command of a log.
type Command = Vec<Vec<u8>>;

/// How the oracle is started so that its AOF tells what it does, as commands.
const AOF: [(&str, &str); 4] = [
    ("appendonly", "yes"),
    ("appendfsync", "no"),
    ("aof-use-rdb-preamble", "no"),
    ("auto-aof-rewrite-percentage", "0"),
];

/// The thread that the tests count under where they do not run commands.
const WORKER: WorkerId = WorkerId(0);

/// The commands that bytes in wire form are.
fn commands(bytes: &[u8]) -> Vec<Command> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let words = header(bytes, &mut at, b'*');
        let command = (0..words).map(|_| {
            let length = header(bytes, &mut at, b'$');
            let word = bytes[at..at + length].to_vec();
            at += length + 2;
            word
        });
        found.push(command.collect());
    }
    found
}

/// The number of a line that begins with `sign`, behind which `at` is set.
fn header(bytes: &[u8], at: &mut usize, sign: u8) -> usize {
    let line = &bytes[*at..];
    let end = line.windows(2).position(|pair| pair == b"\r\n").expect("a line ends");
    assert_eq!(line[0], sign, "at {at}");
    *at += end + 2;
    String::from_utf8_lossy(&line[1..end]).parse().expect("a number")
}

/// What a node has logged since this was last called.
fn take_log(world: &Arc<World>) -> Vec<u8> {
    let (mut all, mut part) = (Vec::new(), Vec::new());
    loop {
        world.node.take_log(1 << 16, &mut part);
        if part.is_empty() {
            return all;
        }
        all.extend_from_slice(&part);
    }
}

/// The file that the oracle appends to.
fn aof(server: &Server) -> PathBuf {
    server.directory().join("appendonlydir/appendonly.aof.1.incr.aof")
}

fn read_aof(server: &Server) -> Vec<u8> {
    fs::read(aof(server)).expect("the oracle writes its AOF")
}

/// Sends commands and takes their replies, whatever these are.
fn run(client: &mut Client, commands: &[Command]) {
    /// How many are sent at once.
    const COMMANDS_MAX: usize = 200;
    for commands in commands.chunks(COMMANDS_MAX) {
        let words = commands.iter().map(|words| words.iter().map(Vec::as_slice).collect());
        client.pipeline(&words.collect::<Vec<_>>()).expect("the server replies");
    }
}

/// A number in a variable of the environment.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}
