//! A node without a world and the load for it: what the bench of the whole path and the example `paths` share.

use base::{Monotonic, Rng, UnixMillis};
use config::{Change, Config, SetError};
use engine::{HashSeed, WorkerId};
use node::clients::Origin;
use node::{Host, Node, NodeOptions, Now, Session, Step, Worker};
use std::io;
use std::sync::Arc;

/// How many requests one read brings.
pub(crate) const PIPELINE: usize = 100;

/// The length of a value, in bytes.
const VALUE_BYTES: usize = 32;

/// How many different batches a thread goes through.
pub(crate) const BATCHES: usize = 512;

const NOW: Now = Now { wall: UnixMillis(1_700_000_000_000), monotonic: Monotonic::from_millis(1) };

/// A world in which nothing happens.
struct NoWorld;

impl Host for NoWorld {
    fn shutdown(&self) {}
    fn abandon(&self, _: &str) {}
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
    fn wake_saver(&self, _: &Node) {}

    fn load_snapshot(&self, _: &Node, _: bool) -> bool {
        false
    }

    fn load_log(&self, _: &Node) -> bool {
        false
    }

    fn wake_bus(&self) {}
    fn bus_link_buffer_bytes(&self, _: cluster::LinkId) -> usize {
        0
    }
    fn resident_bytes(&self) -> u64 {
        0
    }
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
pub(crate) struct Load {
    worker: Worker,
    session: Session,
    rng: Rng,
    keys: u64,
}

impl Load {
    /// The load of one thread.
    pub(crate) fn new(node: &Arc<Node>, number: usize, keys: u64) -> Load {
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
    pub(crate) fn run(&mut self, batch: &[u8], out: &mut Vec<u8>) {
        let step = self.session.execute(&mut self.worker, NOW, batch, out);
        assert_eq!((step, self.session.consumed()), (Step::Input, batch.len()));
        self.session.advance(batch.len());
        assert!(!out.is_empty());
        out.clear();
    }

    /// Batches of one command over random keys.
    pub(crate) fn batches(&mut self, name: &str) -> Vec<Vec<u8>> {
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

/// A node of so many workers that holds so many keys.
pub(crate) fn filled_node(workers: usize, keys: u64) -> Arc<Node> {
    let options = NodeOptions {
        config: Config::default(),
        workers,
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
    node
}
