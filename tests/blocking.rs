//! Clients that wait, by the hundred, while others push, move, unblock and kill: nothing twice, nothing lost but with who was killed or went away, and nobody
//! who goes on waiting for what is there.
//!
//! `BLOCKING_SEED=<number>` makes the choices of a seed again; what the threads of the server do between them stays chance.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use base::Rng;
use testkit::{Client, ReceiveError, Reply, Server, Setup, encode_command, wait};

const CONSUMERS: usize = 200;
const PRODUCERS: usize = 4;
const ELEMENTS_PER_PRODUCER: usize = 2_500;
const FOLLOWERS: usize = 4;
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
    /// Clients that were killed, or closed their connections: what was on its way to them is gone.
    gone: AtomicUsize,
    /// Whether clients may close their connections while they wait.
    may_close: bool,
    /// How many clients CLIENT UNBLOCK has unblocked: as if their time were up, and with an error.
    unblocked: [AtomicUsize; 2],
    /// How many have been told so; of the first, those whose time is never up by itself.
    told: [AtomicUsize; 2],
    waiting: Vec<Mutex<Waiting>>,
    /// Nothing more is pushed: who waits now waits for ever.
    is_quiet: AtomicBool,
    is_over: AtomicBool,
}

impl Ledger {
    fn take_all(&self, reply: &Reply) {
        let mut found = Vec::new();
        elements(reply, &mut found);
        found.into_iter().for_each(|element| self.take(element));
    }

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

/// A command that waits so many milliseconds, or for ever, and the keys that it waits for.
fn waiting_command(rng: &mut Rng, millis: u64) -> (String, Vec<String>) {
    let lists = [list(rng), list(rng)];
    let sets = [sorted_set(rng), sorted_set(rng)];
    let time = millis as f64 / 1000.0;
    match rng.below(12) {
        0 | 1 => (format!("BLPOP {} {} {time}", lists[0], lists[1]), lists.into()),
        2 => (format!("BRPOP {} {time}", lists[0]), lists[..1].into()),
        3 => (format!("BLMPOP {time} 2 {} {} LEFT", lists[0], lists[1]), lists.into()),
        4 => {
            let command = format!("BLMPOP {time} 1 {} RIGHT COUNT 3", lists[0]);
            (command, lists[..1].into())
        }
        5 => (format!("BLMOVE {} {} LEFT RIGHT {time}", lists[0], lists[1]), lists[..1].into()),
        6 => (format!("BRPOPLPUSH {} {} {time}", lists[0], lists[1]), lists[..1].into()),
        7 => (format!("BZPOPMIN {} {} {time}", sets[0], sets[1]), sets.into()),
        8 => (format!("BZPOPMAX {} {time}", sets[0]), sets[..1].into()),
        9 => (format!("BZMPOP {time} 2 {} {} MAX COUNT 2", sets[0], sets[1]), sets.into()),
        10 => {
            let command =
                format!("XREADGROUP GROUP group other NOACK BLOCK {millis} STREAMS stream >");
            (command, vec!["stream".into()])
        }
        _ => {
            let command =
                format!("XREADGROUP GROUP group consumer COUNT 1 BLOCK {millis} STREAMS stream >");
            (command, vec!["stream".into()])
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
        while !ledger.is_over.load(Relaxed) {
            let is_patient = ledger.is_quiet.load(Relaxed) || rng.percent(70);
            let millis = if is_patient { 0 } else { 1 + rng.below(40) };
            let (command, keys) = waiting_command(&mut rng, millis);
            *ledger.waiting[number].lock().expect("it is only set") =
                Waiting { id: id.clone(), keys };
            let words: Vec<&str> = command.split(' ').collect();
            if ledger.may_close && !ledger.is_quiet.load(Relaxed) && rng.percent(2) {
                // Counted before: what is lost with it must not be missed first.
                ledger.gone.fetch_add(1, Relaxed);
                go_away(client, &words, ledger, &mut rng);
                break;
            }
            let Ok(reply) = client.try_command(&words) else { break };
            if let Reply::Error(text) = &reply {
                assert_eq!(text, "UNBLOCKED client unblocked via CLIENT UNBLOCK", "{command}");
                ledger.told[1].fetch_add(1, Relaxed);
            } else if reply.is_null() && millis == 0 {
                ledger.told[0].fetch_add(1, Relaxed);
            } else if !moves(&words) {
                ledger.take_all(&reply);
            }
        }
    }
}

/// Whether what comes to a command is in another list as well.
fn moves(words: &[&str]) -> bool {
    ["BLMOVE", "BRPOPLPUSH"].contains(&words[0])
}

/// Begins to wait, and closes the connection; or only its own half of it, then what still comes is taken.
fn go_away(mut client: Client, words: &[&str], ledger: &Ledger, rng: &mut Rng) {
    if client.send_raw(&encode_command(words)).is_err() {
        return;
    }
    thread::sleep(Duration::from_micros(rng.below(3000)));
    if rng.percent(50) && client.finish().is_ok() {
        loop {
            match client.reply() {
                Ok(reply) if !moves(words) => ledger.take_all(&reply),
                Ok(_) => {}
                Err(ReceiveError::Closed(_)) => return,
                Err(error) => panic!("not closed by the server: {error}"),
            }
        }
    }
}

/// Reads the stream as it grows until all is over: the entries, which nobody takes away.
fn follow(server: &Server, ledger: &Ledger, mut rng: Rng) -> Vec<String> {
    let mut client = server.client();
    let (mut seen, mut last) = (Vec::new(), "0-0".to_owned());
    loop {
        // Asked before, so that nothing comes behind the last look.
        let is_over = ledger.is_over.load(Relaxed);
        let (count, block) = (1 + rng.below(20), 1 + rng.below(40));
        let command = format!("XREAD COUNT {count} BLOCK {block} STREAMS stream {last}");
        let reply = client.line(&command);
        let mut found = Vec::new();
        elements(&reply, &mut found);
        if found.is_empty() {
            assert!(reply.is_null(), "{command}: {reply:?}");
            if is_over {
                return seen;
            }
            continue;
        }
        let entries = reply.items().and_then(|keys| keys.first()?.items()?.get(1)?.items());
        let entry = entries.and_then(|entries| entries.last()?.items()?.first()?.text());
        last = entry.expect("an entry has an id");
        seen.append(&mut found);
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

/// Somebody who waits, by chance.
fn somebody(ledger: &Ledger, rng: &mut Rng) -> String {
    let one = &ledger.waiting[rng.below(CONSUMERS as u64) as usize];
    one.lock().expect("it is only set").id.clone()
}

/// Kills clients that wait, by chance.
fn kill(server: &Server, ledger: &Ledger, mut rng: Rng) {
    let mut control = server.client();
    for _ in 0..KILLS {
        let id = somebody(ledger, &mut rng);
        // Counted before: what is lost with it must not be missed first.
        ledger.gone.fetch_add(1, Relaxed);
        control.command(&["CLIENT", "KILL", "ID", &id]);
        thread::sleep(Duration::from_millis(rng.below(8)));
    }
}

/// CLIENT UNBLOCK, with an error or as if the time were up.
fn unblock(control: &mut Client, ledger: &Ledger, id: &str, with_error: bool) {
    let how = if with_error { "ERROR" } else { "TIMEOUT" };
    let has_waited = control.command(&["CLIENT", "UNBLOCK", id, how]) == Reply::Integer(1);
    ledger.unblocked[usize::from(with_error)].fetch_add(usize::from(has_waited), Relaxed);
}

/// Unblocks clients that wait, by chance, while elements are pushed.
fn unblock_some(server: &Server, ledger: &Ledger, mut rng: Rng) {
    let mut control = server.client();
    while !ledger.is_quiet.load(Relaxed) {
        unblock(&mut control, ledger, &somebody(ledger, &mut rng), rng.percent(50));
        thread::sleep(Duration::from_millis(rng.below(4)));
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

type Threads<'scope, T> = Vec<ScopedJoinHandle<'scope, T>>;

fn start_consumers<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    (server, ledger): (&'env Server, &'env Ledger),
    rng: &mut Rng,
) -> Threads<'scope, ()> {
    let start = |number: usize| {
        let rng = rng.fork();
        thread::Builder::new()
            .stack_size(256 << 10)
            .spawn_scoped(scope, move || consume(server, ledger, number, rng))
            .expect("a thread starts")
    };
    let consumers = (0..CONSUMERS).map(start).collect();
    assert!(wait::until(LIMIT, || {
        let is_set = |one: &Mutex<Waiting>| !one.lock().expect("it is only set").keys.is_empty();
        ledger.waiting.iter().all(is_set)
    }));
    consumers
}

/// Ends those that wait: by killing them, or so that nothing can be lost.
fn end_consumers(control: &mut Client, ledger: &Ledger, consumers: &Threads<'_, ()>, kills: bool) {
    if kills {
        control.line("CLIENT KILL TYPE normal SKIPME yes");
        return;
    }
    // Who has begun to wait since is unblocked in the next round.
    let have_ended = wait::until(LIMIT, || {
        for (consumer, waiting) in consumers.iter().zip(&ledger.waiting) {
            if !consumer.is_finished() {
                let id = waiting.lock().expect("it is only set").id.clone();
                unblock(control, ledger, &id, false);
            }
        }
        consumers.iter().all(ScopedJoinHandle::is_finished)
    });
    // They would be waited for without end.
    if !have_ended {
        control.line("CLIENT KILL TYPE normal SKIPME yes");
    }
    assert!(have_ended, "CLIENT UNBLOCK does not reach all");
}

/// Runs all of them, with kills and closed connections or without, and looks at what has become of what was pushed.
fn run(kills: bool) {
    let seed = crate::seed("BLOCKING_SEED");
    let mut rng = Rng::from_seed(seed);
    let server = Server::start(&crate::program(), Setup::new().with("worker-threads", &["8"]));
    let mut control = server.client();
    control.line("XGROUP CREATE stream group $ MKSTREAM");
    let waiting = (0..CONSUMERS).map(|_| Mutex::default()).collect();
    let ledger = Ledger { waiting, may_close: kills, ..Ledger::default() };
    let followed = thread::scope(|scope| {
        let (server, ledger) = (&server, &ledger);
        let consumers = start_consumers(scope, (server, ledger), &mut rng);
        let mut followers = Vec::new();
        for _ in 0..FOLLOWERS {
            let rng = rng.fork();
            followers.push(scope.spawn(move || follow(server, ledger, rng)));
        }
        let mut pushing = Vec::new();
        for number in 0..PRODUCERS {
            let rng = rng.fork();
            pushing.push(scope.spawn(move || produce(server, ledger, number, rng)));
        }
        if kills {
            let rng = rng.fork();
            pushing.push(scope.spawn(move || kill(server, ledger, rng)));
        }
        let unblocker_rng = rng.fork();
        let unblocker = scope.spawn(move || unblock_some(server, ledger, unblocker_rng));
        let mut ended: Vec<bool> = pushing.into_iter().map(|one| one.join().is_ok()).collect();
        ledger.is_quiet.store(true, Relaxed);
        ended.push(unblocker.join().is_ok());
        // BLMOVE may go on moving for a while: so it is asked until the deadline.
        let deadline = Instant::now() + LIMIT;
        let mut forgotten = neglected(&mut control, ledger);
        while forgotten.is_some() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
            forgotten = neglected(&mut control, ledger);
        }
        ledger.is_over.store(true, Relaxed);
        let followed: Vec<_> = followers.into_iter().map(ScopedJoinHandle::join).collect();
        end_consumers(&mut control, ledger, &consumers, kills);
        assert!(ended.iter().all(|ended| *ended), "BLOCKING_SEED={seed}");
        assert_eq!(forgotten, None, "BLOCKING_SEED={seed}: somebody waits for what is there");
        followed
    });
    let settled = wait::until(LIMIT, || blocked_clients(&mut control).as_deref() == Some("0"));
    assert!(settled, "BLOCKING_SEED={seed}: {:?} still blocked", blocked_clients(&mut control));
    let mut stream = Vec::new();
    elements(&control.line("XRANGE stream - +"), &mut stream);
    for seen in followed {
        assert_eq!(seen.expect("a follower has ended"), stream, "BLOCKING_SEED={seed}");
    }
    let twice = ledger.twice.lock().expect("all threads have ended");
    assert!(twice.is_empty(), "BLOCKING_SEED={seed}: given twice: {twice:?}");
    let left: usize = keys().iter().map(|key| left_in(&mut control, key)).sum();
    let delivered = ledger.delivered.lock().expect("all threads have ended").len();
    let (pushed, gone) = (ledger.pushed.load(Relaxed), ledger.gone.load(Relaxed));
    let unblocked = ledger.unblocked.each_ref().map(|count| count.load(Relaxed));
    let told = ledger.told.each_ref().map(|count| count.load(Relaxed));
    println!(
        "{pushed} pushed, {delivered} delivered, {left} left, {gone} killed or gone; {unblocked:?} unblocked, {told:?} told so"
    );
    assert!(delivered + left <= pushed, "BLOCKING_SEED={seed}: more than there was");
    let lost = pushed - delivered - left;
    assert!(lost <= gone, "BLOCKING_SEED={seed}: {lost} lost, {gone} killed or gone");
    assert!(unblocked.iter().all(|count| *count > 0), "BLOCKING_SEED={seed}: {unblocked:?}");
    assert!(
        told[0] <= unblocked[0],
        "BLOCKING_SEED={seed}: {unblocked:?} unblocked, {told:?} told"
    );
    if !kills {
        assert_eq!(told[1], unblocked[1], "BLOCKING_SEED={seed}: each is told once");
    }
}

#[test]
fn who_waits_is_served_once_and_nobody_is_forgotten() {
    run(true);
}

#[test]
fn nothing_is_lost_where_nobody_is_killed() {
    run(false);
}
