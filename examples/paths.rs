//! The whole path without sockets: decode, route, lock, execute, encode, on any number of threads.
//!
//! ```text
//! cargo run --release --example paths -- --threads 2 --keys 1000000 --duration-ms 3000
//! ```
//!
//! Fills a node with keys, pins thread `i` to core `i`, lets every thread run pipelined requests over random keys for the time of
//! GET and then of SET, and prints one line for each: commands per second, the sum over all threads. `cargo xtask bench`
//! reads it.

#![allow(clippy::print_stdout, reason = "a program whose output is read")]

use base::{Monotonic, Rng, UnixMillis};
use config::{Change, Config, SetError};
use engine::{HashSeed, WorkerId};
use node::clients::Origin;
use node::{Host, Node, NodeOptions, Now, Session, Step, Worker};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many requests one read brings.
const PIPELINE: usize = 100;

/// The length of a value, in bytes.
const VALUE_BYTES: usize = 32;

/// How many different batches a thread goes through.
const BATCHES: usize = 512;

const NOW: Now = Now { wall: UnixMillis(1_700_000_000_000), monotonic: Monotonic::from_millis(1) };

/// A world in which nothing happens.
struct NoWorld;

impl Host for NoWorld {
    fn shutdown(&self) {}
    fn abandon(&self, reason: &str) {
        panic!("{reason}");
    }
    fn save_nodes_conf(&self, _: &str, _: bool) -> io::Result<()> {
        Ok(())
    }
    fn reconfigure(&self, _: &Config, _: &mut Change) -> Result<(), SetError> {
        Ok(())
    }
    fn read_config_file(&self) -> Option<Result<Vec<u8>, String>> {
        None
    }
    fn replace_config_file(&self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
    fn wake_bus(&self) {}
    fn bus_link_buffer_bytes(&self, _: cluster::LinkId) -> usize {
        0
    }
    fn resident_bytes(&self) -> u64 {
        0
    }
}

fn option(name: &str, default: u64) -> u64 {
    let words: Vec<String> = std::env::args().collect();
    let at = words.iter().position(|word| word == name);
    at.and_then(|at| words.get(at + 1)).and_then(|word| word.parse().ok()).unwrap_or(default)
}

/// The bytes of one request for key number `key`.
fn push_request(batch: &mut Vec<u8>, name: &str, key: u64) {
    let is_set = name == "SET";
    batch.extend_from_slice(if is_set { b"*3\r\n$3\r\nSET\r\n" } else { b"*2\r\n$3\r\nGET\r\n" });
    batch.extend_from_slice(format!("$16\r\nkey:{key:012}\r\n").as_bytes());
    if is_set {
        batch.extend_from_slice(
            format!("${VALUE_BYTES}\r\n{}\r\n", "x".repeat(VALUE_BYTES)).as_bytes(),
        );
    }
}

/// One thread's session, worker and requests.
struct Load {
    worker: Worker,
    session: Session,
    rng: Rng,
    keys: u64,
}

impl Load {
    fn new(node: &Arc<Node>, number: usize, keys: u64) -> Load {
        let origin = Origin {
            address: "127.0.0.1:1".to_owned(),
            local_address: "127.0.0.1:2".to_owned(),
            is_unix: false,
            is_local: true,
            descriptor: -1,
            worker: number,
        };
        let client = node
            .clients
            .connect(origin, usize::MAX, NOW.wall, NOW.monotonic)
            .expect("there is room for a client");
        let rng = Rng::from_seed(number as u64 + 1);
        let worker = Worker::new(Arc::clone(node), WorkerId(number), rng.clone());
        Load { worker, session: Session::new(client, true), rng, keys }
    }

    /// Runs one batch as a connection would.
    fn run(&mut self, batch: &[u8], out: &mut Vec<u8>) {
        let step = self.session.execute(&mut self.worker, NOW, batch, out);
        assert_eq!((step, self.session.consumed()), (Step::Input, batch.len()));
        self.session.advance(batch.len());
        assert!(!out.is_empty());
        out.clear();
    }

    fn batches(&mut self, name: &str) -> Vec<Vec<u8>> {
        (0..BATCHES)
            .map(|_| {
                let mut batch = Vec::new();
                for _ in 0..PIPELINE {
                    push_request(&mut batch, name, self.rng.below(self.keys));
                }
                batch
            })
            .collect()
    }
}

/// Commands per second of all threads together.
fn measure(node: &Arc<Node>, name: &'static str, threads: usize, keys: u64, time: Duration) -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let barrier = Arc::new(std::sync::Barrier::new(threads + 1));
    let runs: Vec<_> = (0..threads)
        .map(|number| {
            let (node, stop, barrier) = (Arc::clone(node), Arc::clone(&stop), Arc::clone(&barrier));
            std::thread::spawn(move || {
                pin(number);
                let mut load = Load::new(&node, number, keys);
                let batches = load.batches(name);
                let mut out = Vec::new();
                barrier.wait();
                let (start, mut commands) = (Instant::now(), 0usize);
                while !stop.load(Relaxed) {
                    for batch in &batches {
                        load.run(batch, &mut out);
                    }
                    commands += BATCHES * PIPELINE;
                }
                commands as f64 / start.elapsed().as_secs_f64()
            })
        })
        .collect();
    barrier.wait();
    std::thread::sleep(time);
    stop.store(true, Relaxed);
    runs.into_iter().map(|run| run.join().expect("a thread of ours does not panic")).sum()
}

fn pin(core: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    // Without it the figure is less steady, not wrong.
    let _ = rustix::thread::sched_setaffinity(None, &set);
}

fn main() {
    let threads = option("--threads", 1) as usize;
    let keys = option("--keys", 1_000_000);
    let time = Duration::from_millis(option("--duration-ms", 2000));
    let options = NodeOptions {
        config: Config::default(),
        workers: threads,
        seed: HashSeed(1, 2),
        run_id: "0".repeat(40),
        started: NOW,
        cluster: None,
    };
    let node = Arc::new(Node::new(options, Box::new(NoWorld)));
    let mut load = Load::new(&node, 0, keys);
    let (mut batch, mut out) = (Vec::new(), Vec::new());
    for key in 0..keys {
        push_request(&mut batch, "SET", key);
        if batch.len() > 16_000 || key + 1 == keys {
            load.run(&batch, &mut out);
            batch.clear();
        }
    }
    drop(load);
    for name in ["GET", "SET"] {
        let rate = measure(&node, name, threads, keys, time);
        println!("{} {rate:.1}", name.to_lowercase());
    }
}
