//! Clients that wait, by the hundred, while others push, move and kill: nothing twice, nothing lost but with who was killed, and nobody who goes on waiting
//! for what is there.
//!
//! `BLOCKING_SEED=<number>` makes the choices of a seed again; what the threads of the server do between them stays chance.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use base::Rng;
use testkit::{Client, Reply, Server, Setup, wait};

const CONSUMERS: usize = 200;
const PRODUCERS: usize = 4;
const ELEMENTS_PER_PRODUCER: usize = 2_500;
const KILLS: usize = 150;
const LISTS: u64 = 8;
const SORTED_SETS: u64 = 4;
const LIMIT: Duration = Duration::from_secs(30);

/// What a consumer waits for, and as which client.
#[derive(Default, Clone)]
struct Waiting {
    id: String,
    keys: Vec<String>,
}

#[derive(Default)]
struct Ledger {
    pushed: AtomicUsize,
    delivered: Mutex<BTreeSet<String>>,
    twice: Mutex<Vec<String>>,
    /// Clients that were killed: what was on its way to them is gone.
    killed: AtomicUsize,
    waiting: Vec<Mutex<Waiting>>,
    is_over: AtomicBool,
}

impl Ledger {
    fn take(&self, element: String) {
        let mut delivered = self.delivered.lock().expect("no thread of ours panics with it");
        if !delivered.insert(element.clone()) {
            self.twice.lock().expect("no thread of ours panics with it").push(element);
        }
    }
}

fn list(rng: &mut Rng) -> String {
    format!("list{}", rng.below(LISTS))
}

fn sorted_set(rng: &mut Rng) -> String {
    format!("sorted{}", rng.below(SORTED_SETS))
}

/// A command that waits for ever, and the keys that it waits for.
fn waiting_command(rng: &mut Rng) -> (String, Vec<String>) {
    let lists = [list(rng), list(rng)];
    let sets = [sorted_set(rng), sorted_set(rng)];
    match rng.below(8) {
        0 | 1 => (format!("BLPOP {} {} 0", lists[0], lists[1]), lists.into()),
        2 => (format!("BRPOP {} 0", lists[0]), lists[..1].into()),
        3 => (format!("BLMPOP 0 2 {} {} LEFT", lists[0], lists[1]), lists.into()),
        4 => (format!("BLMOVE {} {} LEFT RIGHT 0", lists[0], lists[1]), lists[..1].into()),
        5 => (format!("BZPOPMIN {} {} 0", sets[0], sets[1]), sets.into()),
        6 => (format!("BZMPOP 0 1 {} MAX", sets[0]), sets[..1].into()),
        _ => {
            let command = "XREADGROUP GROUP group consumer COUNT 1 BLOCK 0 STREAMS stream >";
            (command.into(), vec!["stream".into()])
        }
    }
}

/// The elements in a reply: those words that producers make.
fn elements(reply: &Reply, found: &mut Vec<String>) {
    match reply.items() {
        Some(items) => items.iter().for_each(|item| elements(item, found)),
        None => found.extend(reply.text().filter(|text| text.starts_with("e:"))),
    }
}

/// Waits for one thing after the other until all is over; connects again when killed.
fn consume(server: &Server, ledger: &Ledger, number: usize, mut rng: Rng) {
    while !ledger.is_over.load(Relaxed) {
        let mut client = server.client();
        client.set_limit(Duration::from_secs(120));
        let Ok(id) = client.try_command(&["CLIENT", "ID"]) else { continue };
        let id = id.integer().expect("an id").to_string();
        loop {
            let (command, keys) = waiting_command(&mut rng);
            *ledger.waiting[number].lock().expect("it is only set") =
                Waiting { id: id.clone(), keys };
            let words: Vec<&str> = command.split(' ').collect();
            let Ok(reply) = client.try_command(&words) else { break };
            if !command.starts_with("BLMOVE") {
                let mut found = Vec::new();
                elements(&reply, &mut found);
                found.into_iter().for_each(|element| ledger.take(element));
            }
        }
    }
}

/// Pushes elements, alone and in transactions, and moves some between lists.
fn produce(server: &Server, ledger: &Ledger, number: usize, mut rng: Rng) {
    let mut client = server.client();
    for element in 0..ELEMENTS_PER_PRODUCER {
        let element = format!("e:{number}:{element}");
        ledger.pushed.fetch_add(1, Relaxed);
        let push = match rng.below(5) {
            0 => format!("ZADD {} {} {element}", sorted_set(&mut rng), rng.below(10)),
            1 => format!("XADD stream * element {element}"),
            2 => format!("LPUSH {} {element}", list(&mut rng)),
            _ => format!("RPUSH {} {element}", list(&mut rng)),
        };
        match rng.below(6) {
            0 => {
                client.line("MULTI");
                client.line(&push);
                client.line(&format!("LMOVE {} {} RIGHT LEFT", list(&mut rng), list(&mut rng)));
                assert!(client.line("EXEC").items().is_some());
            }
            1 => {
                client.line(&push);
                client.line(&format!("RENAMENX {} {}", list(&mut rng), list(&mut rng)));
            }
            _ => assert!(!client.line(&push).is_error(), "{push}"),
        }
    }
}

/// Kills clients that wait, by chance.
fn kill(server: &Server, ledger: &Ledger, mut rng: Rng) {
    let mut control = server.client();
    for _ in 0..KILLS {
        let victim = &ledger.waiting[rng.below(CONSUMERS as u64) as usize];
        let id = victim.lock().expect("it is only set").id.clone();
        // Counted before: what is lost with it must not be missed first.
        ledger.killed.fetch_add(1, Relaxed);
        control.command(&["CLIENT", "KILL", "ID", &id]);
        thread::sleep(Duration::from_millis(rng.below(8)));
    }
}

/// How many elements a key holds that nobody was given.
fn left_in(control: &mut Client, key: &str) -> usize {
    let count = match key {
        "stream" => {
            let groups = control.line("XINFO GROUPS stream");
            let group = groups.items().and_then(|groups| groups.first()?.items()).expect("a group");
            let lag = group.iter().position(|field| field.text().as_deref() == Some("lag"));
            group[lag.expect("it has a lag") + 1].integer()
        }
        key if key.starts_with("list") => control.command(&["LLEN", key]).integer(),
        key => control.command(&["ZCARD", key]).integer(),
    };
    usize::try_from(count.expect("a number")).expect("no negative count")
}

fn keys() -> Vec<String> {
    let lists = (0..LISTS).map(|number| format!("list{number}"));
    let sets = (0..SORTED_SETS).map(|number| format!("sorted{number}"));
    lists.chain(sets).chain(["stream".to_owned()]).collect()
}

/// A key that holds elements although somebody waits for it.
fn neglected(control: &mut Client, ledger: &Ledger) -> Option<String> {
    let awaited = |key: &String| {
        ledger.waiting.iter().any(|one| one.lock().expect("it is only set").keys.contains(key))
    };
    keys().into_iter().find(|key| awaited(key) && left_in(control, key) > 0)
}

fn blocked_clients(control: &mut Client) -> Option<String> {
    let text = control.line("INFO clients").text()?;
    Some(text.lines().find_map(|line| line.strip_prefix("blocked_clients:"))?.to_owned())
}

#[test]
fn who_waits_is_served_once_and_nobody_is_forgotten() {
    let seed = crate::seed("BLOCKING_SEED");
    let mut rng = Rng::from_seed(seed);
    let server = Server::start(&crate::program(), Setup::new().with("worker-threads", &["8"]));
    let mut control = server.client();
    control.line("XGROUP CREATE stream group $ MKSTREAM");
    let waiting = (0..CONSUMERS).map(|_| Mutex::default()).collect();
    let ledger = Ledger { waiting, ..Ledger::default() };
    thread::scope(|scope| {
        let (server, ledger) = (&server, &ledger);
        for number in 0..CONSUMERS {
            let rng = Rng::from_seed(rng.next_u64());
            thread::Builder::new()
                .stack_size(256 << 10)
                .spawn_scoped(scope, move || consume(server, ledger, number, rng))
                .expect("a thread starts");
        }
        assert!(wait::until(LIMIT, || {
            let is_set =
                |one: &Mutex<Waiting>| !one.lock().expect("it is only set").keys.is_empty();
            ledger.waiting.iter().all(is_set)
        }));
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|number| {
                let rng = Rng::from_seed(rng.next_u64());
                scope.spawn(move || produce(server, ledger, number, rng))
            })
            .collect();
        let killer_rng = Rng::from_seed(rng.next_u64());
        let killer = scope.spawn(move || kill(server, ledger, killer_rng));
        let ended: Vec<bool> = producers.into_iter().map(|one| one.join().is_ok()).collect();
        let killer_ended = killer.join().is_ok();
        // BLMOVE may go on moving for a while: so it is asked until the deadline.
        let deadline = Instant::now() + LIMIT;
        let mut forgotten = neglected(&mut control, ledger);
        while forgotten.is_some() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
            forgotten = neglected(&mut control, ledger);
        }
        ledger.is_over.store(true, Relaxed);
        control.line("CLIENT KILL TYPE normal SKIPME yes");
        assert!(ended.iter().all(|ended| *ended) && killer_ended);
        assert_eq!(forgotten, None, "BLOCKING_SEED={seed}: somebody waits for what is there");
    });
    let twice = ledger.twice.lock().expect("all threads have ended");
    assert!(twice.is_empty(), "BLOCKING_SEED={seed}: given twice: {twice:?}");
    let left: usize = keys().iter().map(|key| left_in(&mut control, key)).sum();
    let delivered = ledger.delivered.lock().expect("all threads have ended").len();
    let (pushed, killed) = (ledger.pushed.load(Relaxed), ledger.killed.load(Relaxed));
    println!("{pushed} pushed, {delivered} delivered, {left} left, {killed} killed");
    let lost = pushed - delivered - left;
    assert!(lost <= killed, "BLOCKING_SEED={seed}: {lost} lost, {killed} killed");
    let settled = wait::until(LIMIT, || blocked_clients(&mut control).as_deref() == Some("0"));
    assert!(settled, "BLOCKING_SEED={seed}: {:?} still blocked", blocked_clients(&mut control));
}
