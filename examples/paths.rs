//! The whole path without sockets: decode, route, lock, execute, encode, on any number of threads.
//!
//! ```text
//! cargo run --release --example paths -- --threads 2 --keys 1000000 --duration-ms 3000
//! ```
//!
//! Fills a node with keys, pins thread `i` to core `i`, lets every thread run pipelined requests over random keys for the time of
//! GET and then of SET, and prints one line for each: commands per second, the sum over all threads. `cargo xtask bench`
//! reads it. With `--apart`, each thread has a node of its own with its share of the keys, so that no lock and no line of the cache is asked for by two:
//! what threads on one node do less than that is what they lose to each other. With `--logged FOLDER`, writes are logged, and written to an append-only file in
//! this folder, after each batch by whichever thread finds nobody at it, as workers do.

#![allow(clippy::print_stdout, reason = "a program whose output is read")]

#[path = "../benches/load/mod.rs"]
mod load;

use base::{Monotonic, UnixMillis};
use load::{BATCHES, Load, PIPELINE, filled_node};
use node::{Node, Now};
use persist::aof::{Fsync, Layout, Manifest, Options, Writer};
use server::DiskStorage;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn option(name: &str, default: u64) -> u64 {
    let words: Vec<String> = std::env::args().collect();
    let at = words.iter().position(|word| word == name);
    at.and_then(|at| words.get(at + 1)).and_then(|word| word.parse().ok()).unwrap_or(default)
}

/// The append-only file of a node.
struct Appended {
    writer: Writer,
    batch: Vec<u8>,
}

impl Appended {
    /// Begins to log, to a file in this folder.
    fn begin(node: &Node, folder: &Path) -> Appended {
        let now = Now { wall: UnixMillis(1), monotonic: Monotonic::from_millis(1) };
        let offset = node.begin_log(node::LogUser::File, node.control(), now, |_, offset| offset);
        let layout = Layout::new(folder, b"appendonlydir", b"appendonly.aof");
        let options =
            Options { fsync: Fsync::EverySecond, rests_on_rewrite: false, timestamps: false };
        let (storage, manifest) = (Arc::new(DiskStorage), Manifest::default());
        let writer = Writer::open(storage, layout, manifest, options, offset, now.monotonic);
        Appended { writer: writer.expect("the folder can be written to"), batch: Vec::new() }
    }

    fn write(&mut self, node: &Node) {
        let end = node.take_log(usize::MAX, &mut self.batch);
        if !self.batch.is_empty() {
            self.writer.append(&self.batch, end, UnixMillis(1)).expect("the disk has room");
        }
    }
}

/// Commands per second of all threads together; each works on the next of the nodes, which have so many keys each.
fn measure(
    nodes: &[Arc<Node>],
    appended: Option<&Arc<Mutex<Appended>>>,
    name: &'static str,
    threads: usize,
    keys: u64,
    time: Duration,
) -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let barrier = Arc::new(std::sync::Barrier::new(threads + 1));
    let runs: Vec<_> = (0..threads)
        .map(|number| {
            let node = Arc::clone(&nodes[number % nodes.len()]);
            let (stop, barrier) = (Arc::clone(&stop), Arc::clone(&barrier));
            let appended = appended.cloned();
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
                        if let Some(Ok(mut appended)) = appended.as_ref().map(|one| one.try_lock())
                        {
                            appended.write(&node);
                        }
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
    let nodes = if std::env::args().any(|word| word == "--apart") { threads } else { 1 };
    let keys = keys / nodes as u64;
    let nodes: Vec<_> = (0..nodes).map(|_| filled_node(threads, keys)).collect();
    let folder = std::env::args().skip_while(|word| word != "--logged").nth(1);
    let appended = folder.map(|folder| Appended::begin(&nodes[0], Path::new(&folder)));
    let appended = appended.map(|appended| Arc::new(Mutex::new(appended)));
    for name in ["GET", "SET"] {
        let rate = measure(&nodes, appended.as_ref(), name, threads, keys, time);
        println!("{} {rate:.1}", name.to_lowercase());
    }
}
