//! The transcripts of `tests/scripts` on a node without sockets: bytes go into a session, replies come out of it.
//!
//! What holds here and not over a socket, or the other way round, is the server's doing, not the node's.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base::{Monotonic, Rng, UnixMillis};
use cluster::{Input, LinkId, Machine, Output};
use config::{Change, Config, FileSource, SetError, Start};
use engine::{ExpireCursor, HashSeed, WorkerId};
use node::clients::Origin;
use node::{Host, Node, NodeOptions, Now, ProcessFacts, Session, Step, Worker};
use testkit::transcript::{self, ClusterMode, Environment, Options, Target};
use testkit::{Connection, Protocol};

/// How often a connection that waits looks whether it may go on.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How many connections may be used at once, by a thread each.
pub(crate) const WORKERS: usize = 4;

/// The time between two cycles of expiry that a cycle takes a part of.
const CYCLE: Duration = Duration::from_millis(10);

/// A world in which writing and changing always work, and nobody is at the other end of the bus.
struct Alone;

impl Host for Alone {
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
        Err("there is no file".to_owned())
    }
    fn wake_saver(&self, node: &Node) {
        // It is as if it were written at once.
        if let Some(order) = node.take_save_order() {
            node.end_save(&order, true, node.started);
        }
    }

    fn load_snapshot(&self, _: &Node, _: bool) -> bool {
        false
    }

    fn load_log(&self, node: &Node) -> bool {
        // There are no files.
        node.empty(node.control());
        false
    }

    fn wake_bus(&self) {}
    fn bus_link_buffer_bytes(&self, _: LinkId) -> usize {
        0
    }
    fn resident_bytes(&self) -> u64 {
        1 << 20
    }
}

/// The command line and nothing else.
struct NoFiles;

impl FileSource for NoFiles {
    fn read(&mut self, _: &[u8]) -> Result<Vec<u8>, String> {
        Err("there are no files here".to_owned())
    }
    fn names(&mut self, _: &[u8]) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

/// A node, and what its control thread would do for it.
pub(crate) struct World {
    pub(crate) node: Arc<Node>,
    started: Instant,
    /// The wall-clock time that it is, in milliseconds, where it does not pass by itself; else 0.
    wall: AtomicI64,
    cursor: Mutex<ExpireCursor>,
}

impl World {
    pub(crate) fn new(environment: &Environment) -> World {
        World::at(environment, UnixMillis(0))
    }

    /// The same where time does not pass by itself, unless it is 0.
    pub(crate) fn at(environment: &Environment, wall: UnixMillis) -> World {
        // As the harness starts processes, and as they then change into their folder.
        let mut lines = "bind 127.0.0.1\nsave \"\"\ndir /\nenable-debug-command yes\n".to_owned();
        for (directive, value) in &environment.start {
            lines += &format!("{directive} {value}\n");
        }
        if environment.cluster != ClusterMode::Off {
            lines += "cluster-enabled yes\n";
        }
        let start = Start { options: lines.into_bytes(), ..Start::default() };
        let loaded = config::load(&start, None, &mut NoFiles);
        let config = loaded.unwrap_or_else(|error| panic!("{error}")).config;
        let started = Instant::now();
        let now = now(started);
        let bus_now = cluster::Now { monotonic: now.monotonic, wall: now.wall };
        let cluster = config.cluster.enabled.then(|| {
            let (bus, _) = node::bus_config(&config).expect("the addresses are valid");
            Machine::new(bus, Rng::from_seed(11), bus_now)
        });
        let options = NodeOptions {
            config,
            workers: WORKERS,
            seed: HashSeed(1, 2),
            run_id: "0".repeat(40),
            started: now,
            cluster,
        };
        let mut node = Node::new(options, Box::new(Alone));
        node.facts = ProcessFacts {
            process_id: std::process::id(),
            executable: env!("CARGO_BIN_EXE_redstart").to_owned(),
            system: "none".to_owned(),
            ..ProcessFacts::default()
        };
        let node = Arc::new(node);
        World { node, started, wall: AtomicI64::new(wall.0), cursor: Mutex::default() }
    }

    /// The time that it is.
    pub(crate) fn now(&self) -> Now {
        let now = now(self.started);
        match self.wall.load(Relaxed) {
            0 => now,
            wall => Now { wall: UnixMillis(wall), ..now },
        }
    }

    /// Lets time pass where it does not by itself.
    pub(crate) fn advance(&self, millis: i64) {
        self.wall.fetch_add(millis, Relaxed);
    }

    /// What timers and the bus do between two batches.
    fn pass(&self) -> Now {
        let now = self.now();
        let node = &self.node;
        // One at a time: there is one thread for timers.
        let mut cursor = self.cursor.lock().expect("no test panics while it holds this");
        node.tick(now);
        node.expire_cycle(&mut cursor, CYCLE, || self.now());
        node.flushed.lock().clear();
        if let Some(cluster) = &node.cluster {
            let bus_now = cluster::Now { monotonic: now.monotonic, wall: now.wall };
            let handle = |input: Input<'_>| {
                cluster.operate(node, node.control(), |machine| {
                    machine.handle(bus_now, input);
                });
            };
            handle(Input::Tick);
            while let Some(output) = cluster.poll_bus() {
                if let Output::Connect { link, .. } = output {
                    handle(Input::Closed { link });
                }
            }
        }
        now
    }
}

fn now(started: Instant) -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now {
        wall: UnixMillis(wall.as_millis() as i64),
        monotonic: Monotonic::from_duration(started.elapsed()),
    }
}

/// A node as a target of transcripts.
pub(crate) struct InProcess(pub(crate) Arc<World>);

impl Target for InProcess {
    fn connect(&self) -> io::Result<Box<dyn Connection>> {
        let world = Arc::clone(&self.0);
        let now = world.pass();
        let node = &world.node;
        let number = node.clients.connected() + 1;
        let origin = Origin {
            address: format!("127.0.0.1:{}", 40_000 + number),
            local_address: "127.0.0.1:6379".to_owned(),
            is_unix: false,
            is_local: true,
            descriptor: 10 + number as i32,
            worker: 0,
        };
        let clients_max = node.settings.current().network.maxclients as usize;
        let client = node.clients.connect(origin, clients_max, now.wall, now.monotonic);
        let client = client.ok_or_else(|| io::Error::other("max number of clients reached"))?;
        node.stats(node.control()).connections.add(1);
        let id = WorkerId(number % WORKERS);
        let worker = Worker::new(Arc::clone(node), id, Rng::from_seed(number as u64));
        let session = Session::new(client, !node.password.is_required());
        let (input, output) = (Vec::new(), Vec::new());
        Ok(Box::new(Link { world, worker, session, input, output, step: Step::Input }))
    }
}

/// One connection.
struct Link {
    world: Arc<World>,
    worker: Worker,
    session: Session,
    input: Vec<u8>,
    output: Vec<u8>,
    step: Step,
}

impl Link {
    fn is_closed(&self) -> bool {
        self.step == Step::Close || self.session.client().is_killed()
    }

    /// Executes what can be executed.
    fn run(&mut self) {
        while !self.is_closed() {
            let now = self.world.pass();
            if !self.session.unblock(&self.worker, now.monotonic, &mut self.output) {
                return;
            }
            self.step = self.session.execute(&mut self.worker, now, &self.input, &mut self.output);
            let consumed = self.session.consumed();
            self.input.drain(..consumed);
            self.session.advance(consumed);
            match self.step {
                Step::Write => {}
                Step::Sleep(time) => thread::sleep(time),
                Step::Input | Step::Wait | Step::Block | Step::Close => return,
            }
        }
    }
}

impl Connection for Link {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_closed() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.input.extend_from_slice(bytes);
        self.worker.stats().reads.add(1);
        self.worker.stats().input_bytes.add(bytes.len() as u64);
        self.run();
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>, limit: Duration) -> io::Result<usize> {
        let deadline = Instant::now() + limit;
        loop {
            if matches!(self.step, Step::Wait | Step::Block) {
                self.run();
            }
            if !self.is_closed() {
                self.world.pass();
                self.session.deliver(&mut self.output);
            }
            if !self.output.is_empty() {
                let count = self.output.len();
                self.worker.stats().writes.add(1);
                self.worker.stats().output_bytes.add(count as u64);
                buffer.append(&mut self.output);
                return Ok(count);
            }
            if self.is_closed() {
                return Ok(0);
            }
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.step = Step::Close;
        Ok(())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.world.node.disconnect(self.session.client());
    }
}

fn run(protocol: Protocol) {
    let filter = std::env::var("TRANSCRIPT").ok();
    let root = crate::root();
    let mut scripts = transcript::load(&root.join("tests/scripts")).expect("transcripts are read");
    let compatibility = root.join("docs/compatibility.md");
    let options = Options {
        protocol,
        oracle: false,
        features: crate::scripts::FEATURES,
        filter: filter.as_deref(),
        record: false,
        compatibility: Some(Path::new(&compatibility)),
    };
    let summary = transcript::run(&mut scripts, &options, |environment| {
        Box::new(InProcess(Arc::new(World::new(environment))))
    });
    transcript::assert_passes(&format!("in process, {protocol:?}"), &summary, filter.as_deref());
}

#[test]
fn transcripts_hold_in_process_in_resp2() {
    run(Protocol::Resp2);
}

#[test]
fn transcripts_hold_in_process_in_resp3() {
    run(Protocol::Resp3);
}
