//! `redstart cluster` on clusters of Valkey, of Redis and of our own: formed, grown, shrunk, interrupted, repaired.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use base::Slot;
use testkit::{Client, Finished, Kind, Program, Reply, Server, Setup, run, wait};

const LIMIT: Duration = Duration::from_secs(300);
const NODE_TIMEOUT: Duration = Duration::from_secs(5);

fn tool(arguments: &[&str]) -> Finished {
    run(&crate::program().path, &[&["cluster"], arguments].concat(), b"", LIMIT)
}

/// What it tells when it does what it is to do.
fn done(arguments: &[&str]) -> String {
    tool(arguments).expect_success()
}

fn code(finished: &Finished) -> Option<i32> {
    finished.status.and_then(|status| status.code())
}

fn fails(arguments: &[&str], expected: i32, parts: &[&str]) {
    let finished = tool(arguments);
    assert_eq!(code(&finished), Some(expected), "{finished:?}");
    for part in parts {
        let told = format!("{}{}", finished.stdout, finished.stderr);
        assert!(told.contains(part), "no {part}:\n{told}");
    }
}

/// Servers of one brand, and what is done to them.
struct Field {
    nodes: Vec<Server>,
}

impl Field {
    fn blank(program: &Program, count: usize) -> Field {
        // A replica need not wait for others that might want the same copy.
        let setup = || Setup::cluster(NODE_TIMEOUT).with("repl-diskless-sync-delay", &["0"]);
        Field { nodes: (0..count).map(|_| Server::start(program, setup())).collect() }
    }

    /// With the first nodes as primaries, and replicas of each.
    fn formed(program: &Program, count: usize, used: usize, replicas: &str) -> Field {
        let field = Field::blank(program, count);
        field.create(used, replicas);
        field
    }

    fn create(&self, used: usize, replicas: &str) {
        let addresses = self.addresses();
        let nodes: Vec<&str> = addresses.iter().take(used).map(String::as_str).collect();
        let options = ["--replicas", replicas, "--yes"];
        done(&[&["create"], nodes.as_slice(), &options].concat());
    }

    fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(Server::address).collect()
    }

    fn entry(&self) -> String {
        self.nodes[0].address()
    }

    fn check(&self) -> String {
        done(&["check", &self.entry()])
    }

    /// The node that has each slot, as the first node says.
    fn owners(&self) -> BTreeMap<u16, u16> {
        let reply = self.nodes[0].client().command(&["CLUSTER", "SLOTS"]);
        let Reply::Array(ranges) = reply else { panic!("{reply:?}") };
        let mut owners = BTreeMap::new();
        for range in ranges {
            let Reply::Array(parts) = range else { panic!("a range") };
            let [first, last, Reply::Array(primary), ..] = parts.as_slice() else {
                panic!("a range")
            };
            let number =
                |reply: &Reply| u16::try_from(reply.integer().expect("a number")).expect("16 bits");
            for slot in number(first)..=number(last) {
                owners.insert(slot, number(&primary[1]));
            }
        }
        owners
    }

    /// Writes keys of several kinds through their owners.
    fn fill(&self, count: usize) {
        let owners = self.owners();
        let mut by_owner: BTreeMap<u16, Vec<Vec<String>>> = BTreeMap::new();
        for number in 0..count {
            let key = format!("key:{number}");
            let slot = Slot::of_key(key.as_bytes()).number();
            let words = match number % 3 {
                0 => vec!["SET".to_owned(), key, format!("value {number}")],
                1 => vec!["RPUSH".to_owned(), key, "a".to_owned(), number.to_string()],
                _ => vec!["HSET".to_owned(), key, "field".to_owned(), number.to_string()],
            };
            by_owner.entry(owners[&slot]).or_default().push(words);
        }
        for (port, commands) in by_owner {
            let mut client = Client::connect(port).expect("the owner serves");
            for batch in commands.chunks(500) {
                let batch: Vec<Vec<&[u8]>> = batch
                    .iter()
                    .map(|words| words.iter().map(|word| word.as_bytes()).collect())
                    .collect();
                let replies = client.pipeline(&batch).expect("every command is answered");
                assert!(
                    replies.iter().all(|reply| !matches!(reply, Reply::Error(_))),
                    "{replies:?}"
                );
            }
        }
    }

    /// Every key is at its owner, with its value, and nowhere else.
    fn assert_filled(&self, count: usize) {
        let owners = self.owners();
        let mut found = 0;
        let ports: std::collections::BTreeSet<u16> = owners.values().copied().collect();
        for port in ports {
            let mut client = Client::connect(port).expect("the owner serves");
            let size = client.command(&["DBSIZE"]).integer().expect("a number");
            found += usize::try_from(size).expect("not negative");
            for number in (0..count).filter(|number| {
                owners[&Slot::of_key(format!("key:{number}").as_bytes()).number()] == port
            }) {
                let key = format!("key:{number}");
                let (words, expected) = match number % 3 {
                    0 => (vec!["GET", &key], format!("value {number}")),
                    1 => (vec!["LINDEX", &key, "1"], number.to_string()),
                    _ => (vec!["HGET", &key, "field"], number.to_string()),
                };
                assert_eq!(client.command(&words).text(), Some(expected), "{key} on {port}");
            }
        }
        assert_eq!(found, count, "no key is lost or doubled");
    }

    fn slots_of(&self, number: usize) -> usize {
        let port = self.nodes[number].port();
        self.owners().values().filter(|owner| **owner == port).count()
    }
}

fn brands() -> [Program; 2] {
    [Program::valkey(), Program::redis()]
}

#[test]
fn nothing_is_done_without_consent_and_creation_is_resumed() {
    for program in brands() {
        let field = Field::blank(&program, 6);
        let addresses = field.addresses();
        let nodes: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let create = [&["create"], nodes.as_slice(), &["--replicas", "1"]].concat();
        let plan = done(&[create.as_slice(), &["--dry-run"]].concat());
        for part in ["0-5460", "10923-16383", "on one host", "Nothing was changed"] {
            assert!(plan.contains(part), "no {part}:\n{plan}");
        }
        fails(&create, 3, &["no terminal", "--replicas 1 --yes"]);
        for node in &field.nodes {
            let text = node.client().command(&["CLUSTER", "NODES"]).text().unwrap_or_default();
            assert!(text.lines().count() == 1 && text.trim_end().ends_with("connected"), "{text}");
        }
        // What an earlier run has done up to some point is gone on from.
        let mut first = field.nodes[0].client();
        assert!(first.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "99"]) == Reply::ok());
        let port = field.nodes[1].port().to_string();
        assert!(first.command(&["CLUSTER", "MEET", "127.0.0.1", &port]) == Reply::ok());
        field.create(6, "1");
        field.check();
        let again = done(&create);
        assert!(again.contains("nothing to do"), "{again}");
        let table = done(&["status", nodes[4]]);
        for part in ["healthy", "6 nodes", "16,384 of 16,384", "0-5460", "replica", "0 B", "online"]
        {
            assert!(table.contains(part), "no {part}:\n{table}");
        }
        let brand = match program.kind {
            Kind::Redstart => "Redstart ",
            Kind::Valkey => "Valkey 9.1.2",
            Kind::Redis => "Redis 7.0",
        };
        assert_eq!(table.matches(brand).count(), 6, "{table}");
    }
}

#[test]
fn what_is_no_blank_node_is_refused_with_what_to_do() {
    let program = Program::redis();
    let field = Field::blank(&program, 3);
    let addresses = field.addresses();
    let create = |third: &str, expected: &[&str]| {
        fails(&["create", &addresses[0], &addresses[1], third, "--yes"], 1, expected);
    };
    let alone = Server::standalone(&program);
    create(&alone.address(), &["is no node of a cluster", "--cluster-enabled yes"]);
    create(
        "127.0.0.1:1",
        &["cannot reach 127.0.0.1:1", "Connection refused", "redstart healthcheck"],
    );
    create(&addresses[1], &["are the same node"]);
    fails(
        &["create", &addresses[0], &addresses[1], "--yes"],
        1,
        &["fewer than 3 primaries", "Give 3 nodes"],
    );
    let mut client = field.nodes[2].client();
    client.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    assert!(wait::until(LIMIT, || client.command(&["SET", "k", "v"]) == Reply::ok()));
    create(&addresses[2], &["is not empty: it has 1 keys", "FLUSHALL", "CLUSTER RESET"]);
    fails(&["status", "nonsense"], 2, &["is not HOST:PORT"]);
}

#[test]
fn zones_are_kept_apart() {
    let zones = ["a", "a", "b", "b", "c", "c"];
    let program = Program::valkey();
    let nodes = zones.map(|zone| {
        Server::start(&program, Setup::cluster(NODE_TIMEOUT).with("availability-zone", &[zone]))
    });
    let field = Field { nodes: nodes.into() };
    field.create(6, "1");
    let text = field.nodes[0].client().command(&["CLUSTER", "NODES"]).text().unwrap_or_default();
    let zone = |line: &str| {
        let address = line.split([' ', '@']).nth(1).unwrap_or_default();
        let number = field.addresses().iter().position(|known| known == address);
        zones[number.expect("one of ours")]
    };
    let mut primaries = Vec::new();
    for line in text.lines() {
        if line.contains("master") {
            primaries.push(zone(line));
            continue;
        }
        let primary = line.split(' ').nth(3).unwrap_or_default();
        let primary = text.lines().find(|line| line.starts_with(primary)).expect("it is known");
        assert_ne!(zone(line), zone(primary), "{text}");
    }
    primaries.sort_unstable();
    assert_eq!(primaries, ["a", "b", "c"], "each zone has a primary");
}

#[test]
fn a_cluster_grows_shrinks_and_fails_over_without_losing_a_key() {
    for program in brands() {
        const KEYS: usize = 9_000;
        let field = Field::formed(&program, 8, 6, "1");
        field.fill(KEYS);
        let (entry, addresses) = (field.entry(), field.addresses());
        done(&["add", &entry, &addresses[6], "--yes"]);
        // The bigger part of the way is done by whoever comes after the one that was interrupted.
        let weight = format!("{}=0.1", addresses[6]);
        let rebalance = ["rebalance", &entry, "--weight", &weight, "--yes"];
        interrupt("INT", &rebalance, || field.slots_of(6) > 50);
        let told = tool(&["check", &entry]);
        assert!(told.stdout.contains("healthy") || code(&told) == Some(1), "{told:?}");
        done(&rebalance);
        let share = field.slots_of(6);
        assert!((528..=529).contains(&share), "a tenth of the others' share, not {share}");
        field.check();
        field.assert_filled(KEYS);
        assert!(done(&rebalance).contains("nothing to do"));
        // A replica of the new one, which then takes its place.
        let told = done(&["add", &entry, &addresses[7], "--replica", "--yes"]);
        let joins = format!("{} joins as a replica of {}", addresses[7], addresses[6]);
        assert!(told.contains(&joins), "{told}");
        done(&["failover", &addresses[7], "--yes"]);
        assert_eq!(field.slots_of(7), share);
        fails(&["failover", &addresses[7], "--yes"], 1, &["is a primary already", &addresses[6]]);
        field.assert_filled(KEYS);
        // Both go; the slots go first.
        let remove = ["remove", &entry, &addresses[6], &addresses[7], "--yes"];
        interrupt("KILL", &remove, || field.slots_of(7) < 500);
        done(&remove);
        assert_eq!(field.slots_of(7), 0);
        field.check();
        field.assert_filled(KEYS);
        for gone in &field.nodes[6..] {
            let text = gone.client().command(&["CLUSTER", "NODES"]).text().unwrap_or_default();
            assert_eq!(text.lines().count(), 1, "{text}");
            assert_eq!(gone.client().command(&["DBSIZE"]), Reply::Integer(0));
        }
        let text =
            field.nodes[3].client().command(&["CLUSTER", "NODES"]).text().unwrap_or_default();
        assert_eq!(text.lines().count(), 6, "{text}");
    }
}

/// Runs the tool, and ends it by a signal once the condition holds.
fn interrupt(signal: &str, arguments: &[&str], mut condition: impl FnMut() -> bool) {
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .arg(crate::program().path)
        .arg("cluster")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("our program runs");
    assert!(wait::until(LIMIT, &mut condition), "it goes on");
    let status =
        Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
    assert!(status.is_ok_and(|status| status.success()));
    let ended = wait::some(LIMIT, || child.try_wait().expect("it is our child"));
    let mut told = String::new();
    if let Some(mut errors) = child.stderr.take() {
        std::io::Read::read_to_string(&mut errors, &mut told).expect("it is text");
    }
    let ended = ended.expect("it ends");
    if signal == "INT" {
        assert_eq!(ended.code(), Some(130), "{told}");
        assert!(told.contains("same command"), "{told}");
    }
}

#[test]
fn what_is_half_way_or_of_nobody_is_found_and_repaired() {
    for program in brands().into_iter().chain([crate::program()]) {
        const KEYS: usize = 3_000;
        let field = Field::formed(&program, 3, 3, "0");
        field.fill(KEYS);
        let id = |number: usize| {
            field.nodes[number].client().command(&["CLUSTER", "MYID"]).text().expect("an id")
        };
        let ids = [id(0), id(1), id(2)];
        let set = |number: usize, slot: u16, words: &[&str]| {
            let slot = slot.to_string();
            let words = [&["CLUSTER", "SETSLOT", &slot], words].concat();
            assert_eq!(field.nodes[number].client().command(&words), Reply::ok(), "{words:?}");
        };
        // Half-way, with some of its keys at the target.
        let slot = Slot::of_key(b"key:1").number();
        let ports: Vec<u16> = field.nodes.iter().map(Server::port).collect();
        let from =
            ports.iter().position(|port| *port == field.owners()[&slot]).expect("it has an owner");
        let to = (from + 1) % 3;
        set(to, slot, &["IMPORTING", &ids[from]]);
        set(from, slot, &["MIGRATING", &ids[to]]);
        let port = field.nodes[to].port().to_string();
        let migrate = ["MIGRATE", "127.0.0.1", &port, "key:1", "0", "5000"];
        assert_eq!(field.nodes[from].client().command(&migrate), Reply::ok());
        // One end alone, and nothing has moved.
        set(0, 1, &["MIGRATING", &ids[1]]);
        set(1, 2, &["IMPORTING", &ids[0]]);
        fails(&["check", &field.entry()], 1, &["half-way", &format!("{slot}")]);
        fails(
            &["check", &field.entry(), "--fix"],
            3,
            &["Plan:", "complete the way", "close slots 1", "--yes"],
        );
        let told = done(&["check", &field.entry(), "--fix", "--yes"]);
        assert!(told.contains("healthy"), "{told}");
        assert_eq!(field.owners()[&slot], field.nodes[to].port());
        field.assert_filled(KEYS);
        // Of nobody, with keys and without: nobody knows of them after a restart of the bus's memory.
        let taken: Vec<u16> = field
            .owners()
            .iter()
            .filter(|(_, port)| **port == ports[2])
            .map(|(slot, _)| *slot)
            .take(40)
            .collect();
        let mut words = vec!["CLUSTER".to_owned(), "DELSLOTS".to_owned()];
        words.extend(taken.iter().map(ToString::to_string));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        for node in &field.nodes {
            assert_eq!(node.client().command(&words), Reply::ok());
        }
        let told = format!("nobody has {} of the slots", taken.len());
        fails(&["check", &field.entry()], 1, &[&told]);
        done(&["check", &field.entry(), "--fix", "--yes"]);
        field.check();
        field.assert_filled(KEYS);
    }
}

#[test]
fn passwords_are_used_for_nodes_and_between_them() {
    let program = Program::valkey();
    let setup = || {
        Setup::cluster(NODE_TIMEOUT)
            .with("requirepass", &["secret"])
            .with("masterauth", &["secret"])
    };
    let nodes: Vec<Server> = (0..4).map(|_| Server::start(&program, setup())).collect();
    let addresses: Vec<String> = nodes.iter().map(Server::address).collect();
    let create = ["create", &addresses[0], &addresses[1], &addresses[2], "--yes"];
    fails(&create, 1, &["asks for a password", "--pass", "REDISCLI_AUTH"]);
    fails(
        &[&create[..], &["--pass", "wrong"]].concat(),
        1,
        &["does not accept the password: WRONGPASS"],
    );
    let by_variable = Command::new(crate::program().path)
        .arg("cluster")
        .args(create)
        .env("REDISCLI_AUTH", "secret")
        .output()
        .expect("our program runs");
    assert!(by_variable.status.success(), "{by_variable:?}");
    let mut client = nodes[0].client();
    assert_eq!(client.command(&["AUTH", "secret"]), Reply::ok());
    // The last slots are the first to go.
    let is_last = |key: &String| (5300..5461).contains(&Slot::of_key(key.as_bytes()).number());
    let key = (0..).map(|n| format!("k{n}")).find(is_last);
    let key = key.expect("there are keys of every slot");
    assert_eq!(client.command(&["SET", &key, "v"]), Reply::ok());
    let as_default = ["--user", "default", "--pass", "secret", "--yes"];
    done(&[&["add", &addresses[0], &addresses[3]], &as_default[..]].concat());
    let weight = format!("{}=0.1", addresses[3]);
    done(&[&["rebalance", &addresses[3], "--weight", &weight], &as_default[..]].concat());
    done(&["check", &addresses[3], "--pass", "secret"]);
    assert_eq!(client.command(&["DBSIZE"]), Reply::Integer(0), "its key has moved");
}

/// Each primary of the field is replaced by a blank node of another brand, which copies it and takes its place.
fn replace_all(field: Field, blank: Field) -> (Field, Field) {
    for (old, new) in field.nodes.iter().zip(&blank.nodes) {
        done(&["add", &field.entry(), &new.address(), "--replica-of", &old.address(), "--yes"]);
        let has_caught_up = || done(&["status", &field.entry()]).contains(" 0 B  online");
        assert!(wait::until(LIMIT, has_caught_up), "it has what its primary has");
        done(&["failover", &new.address(), "--yes"]);
    }
    let entry = blank.entry();
    let old = field.addresses();
    let old: Vec<&str> = old.iter().map(String::as_str).collect();
    done(&[&["remove", &entry], old.as_slice(), &["--yes"]].concat());
    blank.check();
    (blank, field)
}

#[test]
fn a_cluster_of_another_brand_moves_here_and_back() {
    for program in brands() {
        const KEYS: usize = 3_000;
        let theirs = Field::formed(&program, 3, 3, "0");
        theirs.fill(KEYS);
        let (ours, _) = replace_all(theirs, Field::blank(&crate::program(), 3));
        ours.assert_filled(KEYS);
        let table = done(&["status", &ours.entry()]);
        assert_eq!(table.matches("Redstart").count(), 3, "{table}");
        // Back to other nodes than before: whoever was removed is let in again after a minute only.
        let (theirs, ours) = replace_all(ours, Field::blank(&program, 3));
        theirs.assert_filled(KEYS);
        for node in &ours.nodes {
            assert_eq!(node.client().command(&["DBSIZE"]), Reply::Integer(0), "it is blank again");
        }
    }
}
