//! A node without a world around it, and clients without sockets, for tests.

use crate::clients::{Client, ClientId, Origin};
use crate::{
    Event, Host, Node, NodeOptions, Now, Replica, SaveOrder, Session, Step, Worker, bus_config,
};
use base::{Monotonic, Rng, UnixMillis};
use cluster::Machine;
use config::{Change, Config, SetError};
use engine::{HashSeed, WorkerId};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Wake, Waker};
use std::time::Duration;

/// A world in which nothing happens, but for the end.
struct NoHost {
    is_stopped: Arc<AtomicBool>,
    log_wakes: Arc<AtomicUsize>,
    sync: Arc<Mutex<Option<SaveOrder>>>,
}

impl Host for NoHost {
    fn shutdown(&self) {
        self.is_stopped.store(true, SeqCst);
    }

    fn abandon(&self, reason: &str) {
        panic!("{reason}");
    }

    fn save_nodes_conf(&self, _: &str, _: bool) -> std::io::Result<()> {
        Ok(())
    }

    fn reconfigure(&self, _: &Config, _: &mut Change) -> Result<(), SetError> {
        Ok(())
    }

    fn read_config_file(&self) -> Option<Result<Vec<u8>, String>> {
        Some(Ok(b"# mine\ntimeout 5\n".to_vec()))
    }

    fn replace_config_file(&self, text: &[u8]) -> Result<(), String> {
        Err(format!("not writing {}", String::from_utf8_lossy(text).replace('\n', "|")))
    }

    fn wake_saver(&self, node: &Node) {
        let Some(order) = node.take_save_order() else { return };
        if order.transfer.is_some() {
            *self.sync.lock() = Some(order);
        } else {
            // It is as if it were written at once.
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

    fn wake_log_reader(&self) {
        self.log_wakes.fetch_add(1, SeqCst);
    }

    fn bus_link_buffer_bytes(&self, _: cluster::LinkId) -> usize {
        0
    }

    fn resident_bytes(&self) -> u64 {
        0
    }
}

/// A node and its time.
pub(crate) struct Fixture {
    pub(crate) node: Arc<Node>,
    pub(crate) now: Now,
    is_stopped: Arc<AtomicBool>,
    log_wakes: Arc<AtomicUsize>,
    sync: Arc<Mutex<Option<SaveOrder>>>,
}

impl Fixture {
    pub(crate) fn new() -> Fixture {
        Fixture::made_with(Config::default())
    }

    /// A node whose settings `change` has changed.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Fixture {
        let mut config = Config::default();
        change(&mut config);
        Fixture::made_with(config)
    }

    fn made_with(config: Config) -> Fixture {
        let now = Now { wall: UnixMillis(1_700_000_000_000), monotonic: Monotonic::from_millis(5) };
        let machine = || {
            let (bus, _) = bus_config(&config).expect("the tests set what the bus can use");
            let now = cluster::Now { monotonic: now.monotonic, wall: now.wall };
            Machine::new(bus, Rng::from_seed(3), now)
        };
        let options = NodeOptions {
            cluster: config.cluster.enabled.then(machine),
            config,
            workers: 1,
            seed: HashSeed(1, 2),
            run_id: "0".repeat(40),
            started: now,
        };
        let (is_stopped, log_wakes) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let sync = Arc::<Mutex<Option<SaveOrder>>>::default();
        let host = NoHost {
            is_stopped: Arc::clone(&is_stopped),
            log_wakes: Arc::clone(&log_wakes),
            sync: Arc::clone(&sync),
        };
        let node = Arc::new(Node::new(options, Box::new(host)));
        Fixture { node, now, is_stopped, log_wakes, sync }
    }

    /// The snapshot for replicas that has begun and that nobody writes.
    pub(crate) fn take_sync(&self) -> Option<SaveOrder> {
        self.sync.lock().take()
    }

    /// How often the reader of the log was told that there is something to take.
    pub(crate) fn log_wakes(&self) -> usize {
        self.log_wakes.load(SeqCst)
    }

    /// Whether the node has asked for the end of the process.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(SeqCst)
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.wall = UnixMillis(self.now.wall.0 + time.as_millis() as i64);
        self.now.monotonic = self.now.monotonic + time;
    }

    /// The session of a client that has just connected, to be served by a worker of the test's.
    pub(crate) fn session(&self) -> Session {
        Session::new(self.client(), !self.node.password.is_required())
    }

    /// A worker to serve sessions.
    pub(crate) fn worker(&self) -> Worker {
        Worker::new(Arc::clone(&self.node), WorkerId(0), Rng::from_seed(7))
    }

    /// A client that has just connected.
    pub(crate) fn client(&self) -> Arc<Client> {
        let number = self.node.clients.connected() + 1;
        let origin = Origin {
            address: format!("127.0.0.1:{}", 40_000 + number),
            local_address: "127.0.0.1:6379".to_owned(),
            is_unix: false,
            is_local: true,
            descriptor: 10 + number as i32,
            worker: 0,
        };
        let client = self.node.clients.connect(origin, 100, self.now.wall, self.now.monotonic);
        client.expect("there is room for it")
    }

    /// A client that has just connected.
    pub(crate) fn connect(&self) -> Peer {
        let session = self.session();
        let client = session.client();
        let wakes = Arc::new(Wakes::default());
        client.set_waker(&Waker::from(Arc::clone(&wakes)));
        Peer { worker: self.worker(), session, input: Vec::new(), step: Step::Input, wakes }
    }
}

/// A client and the session that serves it.
pub(crate) struct Peer {
    worker: Worker,
    session: Session,
    input: Vec<u8>,
    /// What the session wanted last.
    pub(crate) step: Step,
    wakes: Arc<Wakes>,
}

impl Peer {
    /// Sends bytes and returns what is replied at once.
    pub(crate) fn send(&mut self, fixture: &Fixture, bytes: &str) -> String {
        self.input.extend_from_slice(bytes.as_bytes());
        self.run(fixture)
    }

    /// Lets the session go on with what it has been sent.
    pub(crate) fn run(&mut self, fixture: &Fixture) -> String {
        let mut out = Vec::new();
        self.step = Step::Write;
        while self.step == Step::Write {
            self.step = self.session.execute(&mut self.worker, fixture.now, &self.input, &mut out);
            let consumed = self.session.consumed();
            self.input.drain(..consumed);
            self.session.advance(consumed);
        }
        String::from_utf8(out).expect("the tests reply in text")
    }

    /// Tells that the batch that was sent last has ended.
    pub(crate) fn end_batch(&mut self, fixture: &Fixture) {
        self.worker.end_batch(fixture.now.monotonic);
    }

    /// The reply that the session waits for, where it has come.
    pub(crate) fn unblock(&mut self, fixture: &Fixture) -> String {
        let mut out = Vec::new();
        self.session.unblock(&self.worker, fixture.now.monotonic, &mut out);
        String::from_utf8(out).expect("the tests reply in text")
    }

    /// The same after a while.
    pub(crate) fn unblock_after(&mut self, fixture: &Fixture, time: Duration) -> String {
        let mut out = Vec::new();
        self.session.unblock(&self.worker, fixture.now.monotonic + time, &mut out);
        String::from_utf8(out).expect("the tests reply in text")
    }

    /// Waits for replicas no longer.
    pub(crate) fn give_up_acks(
        &mut self,
        fixture: &Fixture,
        offset: u64,
    ) -> Option<Option<String>> {
        let given_up = self.session.give_up_acks(&fixture.node, offset)?;
        Some(given_up.map(|error| String::from_utf8(error).expect("errors are text")))
    }

    /// It is a replica.
    pub(crate) fn replica(&self) -> &Arc<Replica> {
        self.session.replica().expect("it is a replica")
    }

    pub(crate) fn log_offset(&self) -> u64 {
        self.session.log_offset()
    }

    /// What its output has to wait for.
    pub(crate) fn awaited(&self, fixture: &Fixture) -> Option<u64> {
        self.session.awaited(&fixture.node)
    }

    /// Whether output that waits for this offset may leave; else it is woken.
    pub(crate) fn may_leave(&self, fixture: &Fixture, offset: u64) -> bool {
        self.session.may_leave(&fixture.node, offset)
    }

    pub(crate) fn id(&self) -> ClientId {
        self.session.client().id
    }

    pub(crate) fn address(&self) -> &str {
        &self.session.client().origin.address
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.session.client().is_killed()
    }

    /// How often the session was woken.
    pub(crate) fn wakes(&self) -> usize {
        self.wakes.0.load(SeqCst)
    }

    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        self.worker.take_events()
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}
