//! Clients that write to one shard of a cluster, whoever leads it, and remember what was acknowledged.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Client, Reply};

/// How many clients write.
const WRITERS: usize = 4;

/// How many writes are acknowledged before anything is done.
const WRITES_BEFORE: usize = 500;

/// How long a client waits for a reply before it asks another node.
const REPLY_TIME_MAX: Duration = Duration::from_millis(500);

/// How long it rests when nobody serves it.
const REST: Duration = Duration::from_millis(5);

/// What a shard acknowledged while something was done to it.
#[derive(Debug)]
pub(super) struct Written {
    /// How many values each writer knows to be written, by number.
    acknowledged: Vec<Vec<u64>>,
    /// The longest time in which no write was acknowledged to anybody.
    pub(super) blocked: Duration,
    tag: String,
}

impl Written {
    /// How many values were acknowledged.
    pub(super) fn count(&self) -> usize {
        self.acknowledged.iter().map(Vec::len).sum()
    }

    /// How many of them are not there any more.
    pub(super) fn missing(&self, client: &mut Client) -> usize {
        let keys = self.acknowledged.iter().enumerate();
        let keys = keys.flat_map(|(writer, all)| all.iter().map(move |number| (writer, *number)));
        keys.filter(|(writer, number)| {
            let reply = client.command(&["GET".to_owned(), key(&self.tag, *writer, *number)]);
            reply.text() != Some(number.to_string())
        })
        .count()
    }
}

fn key(tag: &str, writer: usize, number: u64) -> String {
    format!("{{{tag}}}:{writer}:{number}")
}

/// Writes keys of one hash tag while `act` runs and until `is_enough`.
pub(super) fn write_during(
    ports: &[u16],
    tag: &str,
    act: impl FnOnce(),
    is_enough: impl Fn() -> bool,
) -> Written {
    let ends = AtomicBool::new(false);
    let times = Mutex::new(Vec::new());
    let begin = Instant::now();
    let acknowledged = thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (ends, times) = (&ends, &times);
                scope.spawn(move || {
                    let mut acknowledged = Vec::new();
                    let mut route = Route { ports, at: writer % ports.len(), client: None };
                    for number in 1.. {
                        if ends.load(SeqCst) {
                            break;
                        }
                        if route.set(&key(tag, writer, number), number) {
                            acknowledged.push(number);
                            times.lock().expect("nobody panics with it").push(begin.elapsed());
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        let limit = Duration::from_secs(60);
        let count = || times.lock().expect("nobody panics with it").len();
        let is_begun = testkit::wait::until(limit, || count() > WRITES_BEFORE);
        act();
        let is_over = testkit::wait::until(limit, is_enough);
        // Some more, under the new leader.
        let before = count();
        let is_served = testkit::wait::until(limit, || count() > before + WRITERS);
        ends.store(true, SeqCst);
        let all = threads.into_iter().map(|thread| thread.join().expect("it has not panicked"));
        let all = all.collect();
        assert!(is_begun, "nobody acknowledges anything");
        assert!(is_over, "it does not come to an end");
        assert!(is_served, "nobody acknowledges anything any more");
        all
    });
    let mut times = times.into_inner().expect("nobody panics with it");
    times.sort_unstable();
    let blocked = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    Written { acknowledged, blocked, tag: tag.to_owned() }
}

/// The way to whoever takes the writes.
struct Route<'a> {
    ports: &'a [u16],
    at: usize,
    client: Option<Client>,
}

impl Route<'_> {
    /// Writes a value once; whether that was acknowledged.
    fn set(&mut self, key: &str, number: u64) -> bool {
        let Some(client) = self.connected() else { return false };
        match client.try_command(&["SET", key, &number.to_string()]) {
            Ok(reply) if reply == Reply::ok() => return true,
            Ok(Reply::Error(text)) => match text.strip_prefix("MOVED ") {
                Some(target) => {
                    let port = target.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
                    let at = port.and_then(|port| self.ports.iter().position(|one| *one == port));
                    self.at = at.expect("a node of the cluster");
                    self.client = None;
                    // It may be gone, and the one that sends there not know of it yet.
                    thread::sleep(REST);
                    return false;
                }
                None => thread::sleep(REST),
            },
            // What became of it nobody knows.
            Ok(_) | Err(_) => {}
        }
        self.turn();
        false
    }

    fn connected(&mut self) -> Option<&mut Client> {
        if self.client.is_none() {
            match Client::connect(self.ports[self.at]) {
                Ok(mut client) => {
                    client.set_limit(REPLY_TIME_MAX);
                    self.client = Some(client);
                }
                Err(_) => {
                    thread::sleep(REST);
                    self.turn();
                }
            }
        }
        self.client.as_mut()
    }

    /// Asks the next node.
    fn turn(&mut self) {
        self.client = None;
        self.at = (self.at + 1) % self.ports.len();
    }
}
