//! First come, first served: a model that knows who waits for which key, and in which order, tells what each of many clients is given.
//!
//! `BLOCKING_ORDER_SEED=<number>` makes the choices of a seed again.

mod model;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use base::Rng;
use model::{End, GROUPS, Model, SINKS, SORTED_SETS, SOURCES, STREAMS, Served, Wait, pick};
use testkit::{Client, Kind, Program, Reply, Server, Setup, encode_command};

const CLIENTS: usize = 40;
const STEPS: usize = 2500;
const WORKERS: usize = 8;
const LIMIT: Duration = Duration::from_secs(20);

fn start(program: &Program) -> Server {
    let setup = Setup::new();
    Server::start(
        program,
        match program.kind {
            Kind::Redstart => setup.with("worker-threads", &[&WORKERS.to_string()]),
            Kind::Valkey | Kind::Redis => setup,
        },
    )
}

/// A client that may wait.
struct Waiter {
    client: Client,
    id: String,
}

impl Waiter {
    fn new(server: &Server) -> Waiter {
        let mut client = server.client();
        client.set_limit(LIMIT);
        let id = client.command(&["CLIENT", "ID"]).integer().expect("an id").to_string();
        Waiter { client, id }
    }

    fn send(&mut self, command: &str) {
        let words: Vec<&str> = command.split(' ').collect();
        self.client.send_raw(&encode_command(&words)).expect("the server reads");
    }
}

/// The words of a reply, however they are nested.
fn flatten(reply: &Reply, words: &mut Vec<String>) {
    match reply.items() {
        Some(items) => items.iter().for_each(|item| flatten(item, words)),
        None => words.push(reply.text().unwrap_or_else(|| format!("{reply:?}"))),
    }
}

fn await_blocked(control: &mut Client, count: usize, context: &str) {
    let expected = format!("\nblocked_clients:{count}\r");
    let deadline = Instant::now() + LIMIT;
    loop {
        let text = control.line("INFO clients").text().unwrap_or_default();
        if text.contains(&expected) {
            return;
        }
        assert!(Instant::now() < deadline, "{context}: not {count} clients wait:\n{text}");
        thread::yield_now();
    }
}

/// Sends lines, none of which may fail.
fn all(control: &mut Client, lines: &[String]) {
    for line in lines {
        let reply = control.line(line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    }
}

struct Run {
    server: Server,
    model: Model,
    controls: Vec<Client>,
    waiters: Vec<Waiter>,
    rng: Rng,
    elements: u64,
    served: usize,
}

impl Run {
    fn new(program: &Program, seed: u64) -> Run {
        let server = start(program);
        let mut controls: Vec<Client> = (0..WORKERS).map(|_| server.client()).collect();
        for (stream, group) in STREAMS.iter().flat_map(|one| GROUPS.map(|group| (one, group))) {
            all(&mut controls[0], &[format!("XGROUP CREATE {stream} {group} $ MKSTREAM")]);
        }
        let waiters = (0..CLIENTS).map(|_| Waiter::new(&server)).collect();
        let (model, rng) = (Model::default(), Rng::from_seed(seed));
        Run { server, model, controls, waiters, rng, elements: 0, served: 0 }
    }

    fn control(&mut self) -> &mut Client {
        let number = self.rng.below(WORKERS as u64) as usize;
        &mut self.controls[number]
    }

    /// What the model says is what they are given, and nobody else is.
    fn check(&mut self, served: Vec<Served>, context: &str) {
        self.served += served.len();
        for (number, expected) in served {
            let reply = self.waiters[number].client.reply();
            let reply = reply.unwrap_or_else(|error| panic!("{context}: {error}"));
            let mut words = Vec::new();
            flatten(&reply, &mut words);
            assert_eq!(words, expected, "{context}");
        }
        let count = self.model.waiting.len();
        await_blocked(self.control(), count, context);
    }

    /// Somebody who does not wait begins to.
    fn begin(&mut self) {
        let is_idle = |number: &usize| self.model.waiting.iter().all(|(one, _)| one != number);
        let idle: Vec<usize> = (0..CLIENTS).filter(is_idle).collect();
        if idle.is_empty() {
            return self.push();
        }
        let number = idle[self.rng.below(idle.len() as u64) as usize];
        let millis = if self.rng.percent(10) { 1 + self.rng.below(5) } else { 0 };
        let wait = Wait::any(&mut self.rng, millis);
        self.waiters[number].send(&wait.command);
        let served = self.model.begin(number, &wait);
        if served.is_empty() && millis > 0 {
            // Nothing comes before his time is up.
            let reply = self.waiters[number].client.reply().expect("its time comes");
            assert!(reply.is_null(), "{}: {reply:?}", wait.command);
            self.model.waiting.pop();
        }
        self.check(served, &wait.command);
    }

    /// New elements come to a key, in one of the ways in which they can.
    fn push(&mut self) {
        let key =
            pick(&mut self.rng, &[&SOURCES[..], &SOURCES, &SINKS, &SORTED_SETS, &STREAMS].concat());
        let count = 1 + self.rng.below(4);
        let first = self.elements;
        self.elements += count;
        let elements: Vec<(String, u64)> =
            (first..first + count).map(|number| (format!("e{number}"), number + 1)).collect();
        let names: Vec<&str> = elements.iter().map(|(element, _)| element.as_str()).collect();
        let names = names.join(" ");
        let is_empty = self.model.values.get(key).is_none_or(VecDeque::is_empty);
        let mut at = End::Last;
        let lines = if STREAMS.contains(&key) {
            let add =
                |(element, id): &(String, u64)| format!("XADD {key} {id}-1 element {element}");
            let adds: Vec<String> = elements.iter().map(add).collect();
            [vec!["MULTI".to_owned()], adds, vec!["EXEC".to_owned()]].concat()
        } else if SORTED_SETS.contains(&key) {
            let pairs: Vec<String> =
                elements.iter().map(|(element, score)| format!("{score} {element}")).collect();
            vec![format!("ZADD {key} {}", pairs.join(" "))]
        } else {
            match self.rng.below(if is_empty { 7 } else { 4 }) {
                0 | 1 => vec![format!("RPUSH {key} {names}")],
                2 if SOURCES.contains(&key) => {
                    at = End::First;
                    vec![format!("LPUSH {key} {names}")]
                }
                2 | 3 => {
                    let pushes = names.split(' ').map(|name| format!("RPUSH {key} {name}"));
                    // What is taken away within the transaction nobody has seen.
                    let back = [format!("RPUSH {key} back"), format!("RPOP {key}")];
                    let pushes: Vec<String> = back.into_iter().chain(pushes).collect();
                    [vec!["MULTI".to_owned()], pushes, vec!["EXEC".to_owned()]].concat()
                }
                4 => vec![format!("RPUSH new {names}"), format!("RENAME new {key}")],
                5 => vec![
                    format!("RPUSH new {names}"),
                    format!("COPY new {key}"),
                    "DEL new".to_owned(),
                ],
                _ => [
                    "SELECT 1",
                    &format!("RPUSH {key} {names}"),
                    &format!("MOVE {key} 0"),
                    "SELECT 0",
                ]
                .map(str::to_owned)
                .to_vec(),
            }
        };
        let served = self.model.push(key, at, &elements);
        all(self.control(), &lines);
        self.check(served, &lines.join(", "));
    }

    /// Somebody who waits does so no longer: unblocked, killed, or gone.
    fn end(&mut self) {
        if self.model.waiting.is_empty() {
            return self.begin();
        }
        let place = self.rng.below(self.model.waiting.len() as u64) as usize;
        let (number, wait) = self.model.waiting.remove(place);
        let id = self.waiters[number].id.clone();
        let way = self.rng.below(4);
        match way {
            0 | 1 => {
                let how = ["TIMEOUT", "ERROR"][way as usize];
                let unblock = format!("CLIENT UNBLOCK {id} {how}");
                assert_eq!(self.control().line(&unblock), Reply::Integer(1), "{wait:?}");
                let reply = self.waiters[number].client.reply().expect("it is told");
                let error = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
                assert!(
                    if way == 0 { reply.is_null() } else { reply == Reply::Error(error.into()) },
                    "{wait:?}: {reply:?}"
                );
                assert_eq!(self.control().line(&unblock), Reply::Integer(0));
            }
            2 => {
                let kill = format!("CLIENT KILL ID {id}");
                assert_eq!(self.control().line(&kill), Reply::Integer(1), "{wait:?}");
                assert!(self.waiters[number].client.is_closed(LIMIT), "{wait:?}");
            }
            _ => {}
        }
        if way > 1 {
            self.waiters[number] = Waiter::new(&self.server);
        }
        self.check(Vec::new(), &wait.command);
    }

    fn step(&mut self) {
        match self.rng.below(100) {
            0..60 => self.begin(),
            60..92 => self.push(),
            _ => self.end(),
        }
    }
}

/// The model is also held against Valkey: what it says is no idea of ours.
#[test]
fn who_came_first_is_served_first() {
    let seed = crate::seed("BLOCKING_ORDER_SEED");
    for program in [crate::program(), Program::valkey()] {
        let mut run = Run::new(&program, seed);
        for _ in 0..STEPS {
            run.step();
        }
        println!("{:?}: {} elements, {} times served", program.kind, run.elements, run.served);
        assert!(run.served > STEPS / 10, "BLOCKING_ORDER_SEED={seed}");
    }
}

const MOVES: usize = 600;

const PRODUCERS: usize = 4;
const PUSHES: usize = 12;
const ROUNDS: usize = 24;

/// One who waits for `queue`, in a way that takes one element.
fn one_of_queue(rng: &mut Rng, kind: u64) -> String {
    match kind {
        0 => match rng.below(5) {
            0 => "BLPOP other queue 0".into(),
            1 => "BRPOP queue 0".into(),
            2 => "BLMPOP 0 2 other queue LEFT".into(),
            _ => format!("BLMOVE queue {} LEFT RIGHT 0", pick(rng, &SINKS)),
        },
        1 => match rng.below(3) {
            0 => "BZPOPMIN other queue 0".into(),
            1 => "BZPOPMAX queue 0".into(),
            _ => "BZMPOP 0 2 other queue MIN".into(),
        },
        _ => "XREADGROUP GROUP a c COUNT 1 BLOCK 0 STREAMS queue >".into(),
    }
}

/// Several push at once to a key for which others wait: each element goes to one of these, and those of one producer, who pushes one after the other, go to
/// ever later ones.
#[test]
fn who_came_first_is_served_first_when_several_push_at_once() {
    let seed = crate::seed("BLOCKING_ORDER_SEED");
    let mut rng = Rng::from_seed(seed);
    let server = start(&crate::program());
    let mut control = server.client();
    let mut waiters: Vec<Waiter> = (0..PRODUCERS * PUSHES).map(|_| Waiter::new(&server)).collect();
    // Lists more often: only these are moved to other slots.
    for kind in [0, 0, 0, 1, 0, 2].into_iter().cycle().take(ROUNDS) {
        control.line("FLUSHALL");
        if kind == 2 {
            control.line("XGROUP CREATE queue a $ MKSTREAM");
        }
        for (number, waiter) in waiters.iter_mut().enumerate() {
            waiter.send(&one_of_queue(&mut rng, kind));
            await_blocked(&mut control, number + 1, "they come one after the other");
        }
        thread::scope(|scope| {
            for producer in 0..PRODUCERS {
                let mut client = server.client();
                scope.spawn(move || {
                    for push in 0..PUSHES {
                        let element = format!("e:{producer}:{push}");
                        all(
                            &mut client,
                            &[match kind {
                                0 => format!("RPUSH queue {element}"),
                                1 => format!("ZADD queue 1 {element}"),
                                _ => format!("XADD queue * element {element}"),
                            }],
                        );
                    }
                });
            }
        });
        let mut next = [0; PRODUCERS];
        for (number, waiter) in waiters.iter_mut().enumerate() {
            let reply = waiter.client.reply();
            let reply = reply.unwrap_or_else(|error| {
                panic!("BLOCKING_ORDER_SEED={seed}: {number} of kind {kind}: {error}")
            });
            let mut words = Vec::new();
            flatten(&reply, &mut words);
            let element = words.iter().find_map(|word| word.strip_prefix("e:"));
            let (producer, push) =
                element.and_then(|one| one.split_once(':')).expect("one of ours");
            let producer: usize = producer.parse().expect("a number");
            assert_eq!(push.parse(), Ok(next[producer]), "BLOCKING_ORDER_SEED={seed}: {words:?}");
            next[producer] += 1;
        }
        assert_eq!(next, [PUSHES; PRODUCERS]);
        await_blocked(&mut control, 0, "all are served");
    }
}

/// One waits, in turn for each sink; what he is given, until it is not what has come. Elements come in all ways in which a list can come to hold one.
fn move_one_by_one(server: &Server, rng: &mut Rng) -> Vec<String> {
    let (mut waiter, mut control) = (Waiter::new(server), server.client());
    waiter.client.set_limit(Duration::from_secs(2));
    let moves = (0..MOVES).map_while(|number| {
        waiter.send(&format!("BLMOVE queue {} LEFT RIGHT 0", SINKS[number % SINKS.len()]));
        await_blocked(&mut control, 1, "one waits");
        let lines = match rng.below(4) {
            0 => vec![format!("RPUSH queue e{number}")],
            1 => vec!["MULTI".into(), format!("LPUSH queue e{number}"), "EXEC".into()],
            2 => vec![format!("RPUSH other e{number}"), "LMOVE other queue LEFT LEFT".into()],
            _ => vec![format!("RPUSH other e{number}"), "RENAME other queue".into()],
        };
        all(&mut control, &lines);
        waiter.client.reply().ok()?.text()
    });
    moves.collect()
}

/// Not even where he needs another slot: nobody sees what another waits for.
#[test]
fn nobody_sees_what_another_waits_for() {
    let seed = crate::seed("BLOCKING_ORDER_SEED");
    let mut rng = Rng::from_seed(seed);
    let server = start(&crate::program());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (server, is_over) = (&server, &is_over);
        let mover = scope.spawn(move || move_one_by_one(server, &mut rng));
        let thieves: Vec<_> = ["LPOP queue", "LLEN queue", "RPUSH sink:0 x"]
            .into_iter()
            .map(|line| {
                let mut client = server.client();
                scope.spawn(move || {
                    let mut seen = Vec::new();
                    while !is_over.load(Relaxed) {
                        let reply = client.line(line);
                        if !line.starts_with("RPUSH")
                            && !reply.is_null()
                            && reply != Reply::Integer(0)
                        {
                            seen.push(reply);
                        }
                    }
                    seen
                })
            })
            .collect();
        let moved = mover.join();
        is_over.store(true, Relaxed);
        for thief in thieves {
            assert_eq!(thief.join().expect("a thief ends"), [], "BLOCKING_ORDER_SEED={seed}");
        }
        let expected: Vec<String> = (0..MOVES).map(|number| format!("e{number}")).collect();
        assert_eq!(moved.expect("all is moved"), expected, "BLOCKING_ORDER_SEED={seed}");
    });
}
