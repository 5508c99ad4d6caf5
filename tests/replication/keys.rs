//! What servers hold, told so that servers of other brands tell the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use testkit::transcript::render;
use testkit::wait::until;
use testkit::{Client, Kind, Reply, Server, display_bytes};

use super::load::Command;
use super::nodes::{field, has_all};

/// How many databases servers have.
pub(super) const DATABASES: usize = 16;

/// How many commands are sent at once.
const COMMANDS_MAX: usize = 500;

/// How long keys that are about to expire may take until they have.
const SETTLING: Duration = Duration::from_secs(60);

/// How many differences are told.
const TOLD: usize = 10;

/// What several servers have in common.
#[derive(Clone)]
pub(super) struct Common {
    commands: BTreeSet<String>,
    /// Whether all are as old as Redis 7.0, or none is: it prints scores, and so digests, otherwise than later ones, and counts what groups have read otherwise.
    is_alike: bool,
}

impl Common {
    pub(super) fn of(servers: &[&Server]) -> Common {
        let commands = servers.iter().map(|server| {
            let listed = server.client().line("COMMAND LIST");
            let names = listed.items().expect("COMMAND LIST gives an array");
            names.iter().filter_map(Reply::text).map(|name| name.to_uppercase()).collect()
        });
        let commands = commands.reduce(|one: BTreeSet<String>, other| &one & &other);
        let old = servers.iter().filter(|server| server.program().kind == Kind::Redis).count();
        Common {
            commands: commands.expect("there are servers"),
            is_alike: old == 0 || old == servers.len(),
        }
    }

    /// Whether all of them know a command.
    pub(super) fn knows(&self, name: &[u8]) -> bool {
        self.commands.contains(&String::from_utf8_lossy(name).to_uppercase())
    }

    /// Whether all of them know fields that expire.
    pub(super) fn has_field_times(&self) -> bool {
        self.knows(b"HPEXPIREAT")
    }
}

/// What a server holds.
#[derive(PartialEq, Debug, Default)]
pub(super) struct Holding {
    digest: Option<String>,
    /// By database and key.
    keys: BTreeMap<(usize, Vec<u8>), Vec<Reply>>,
}

pub(super) fn held(server: &Server, common: &Common) -> Holding {
    let mut client = server.client();
    let mut holding = Holding::default();
    for database in 0..DATABASES {
        client.line(&format!("SELECT {database}"));
        let found = client.line("KEYS *");
        let names: Vec<Vec<u8>> =
            found.items().unwrap_or_default().iter().filter_map(bytes).collect();
        let kinds = ask(&mut client, &names, |name| vec![b"TYPE".into(), name.into()]);
        let times = ask(&mut client, &names, |name| vec![b"PEXPIRETIME".into(), name.into()]);
        for ((name, kind), time) in names.into_iter().zip(kinds).zip(times) {
            let mut told = vec![kind.clone(), time];
            match kind.text().as_deref() {
                Some("zset") => told.push(ranking(&mut client, &name)),
                Some("hash") => {
                    told.push(fields(&mut client, &name));
                    if common.has_field_times() {
                        told.push(field_times(&mut client, &name));
                    }
                }
                Some("stream") => {
                    told.push(digest(&mut client, &name));
                    told.extend(groups(&mut client, &name, common));
                }
                _ => told.push(digest(&mut client, &name)),
            }
            holding.keys.insert((database, name), told);
        }
    }
    holding.digest = common.is_alike.then(|| client.line("DEBUG DIGEST").text()).flatten();
    holding
}

fn bytes(reply: &Reply) -> Option<Vec<u8>> {
    if let Reply::Bulk(bytes) = reply { Some(bytes.clone()) } else { None }
}

/// One question about each of many keys.
fn ask(client: &mut Client, names: &[Vec<u8>], question: fn(&[u8]) -> Command) -> Vec<Reply> {
    let mut replies = Vec::with_capacity(names.len());
    for names in names.chunks(COMMANDS_MAX) {
        let commands: Vec<Command> = names.iter().map(|name| question(name)).collect();
        let words = commands.iter().map(|words| words.iter().map(Vec::as_slice).collect());
        let some = client.pipeline(&words.collect::<Vec<_>>());
        replies.extend(some.expect("the server replies"));
    }
    replies
}

fn digest(client: &mut Client, name: &[u8]) -> Reply {
    client.command(&[b"DEBUG".as_slice(), b"DIGEST-VALUE", name])
}

/// Members and scores, these as numbers.
fn ranking(client: &mut Client, name: &[u8]) -> Reply {
    let reply = client.command(&[b"ZRANGE", name, b"0", b"-1", b"WITHSCORES"]);
    let words = reply.items().unwrap_or_default().iter().enumerate();
    let number = |reply: &Reply| {
        let score = reply.text().and_then(|text| text.parse::<f64>().ok());
        Reply::Double(format!("{:?}", score.expect("a score is a number")))
    };
    let words = words.map(|(at, word)| if at % 2 == 0 { word.clone() } else { number(word) });
    Reply::Array(words.collect())
}

/// The fields of a hash with their values, in order.
fn fields(client: &mut Client, name: &[u8]) -> Reply {
    let reply = client.command(&[b"HGETALL", name]);
    let mut pairs: Vec<_> = reply.items().unwrap_or_default().chunks(2).collect();
    pairs.sort_by_key(|pair| bytes(&pair[0]));
    Reply::Array(pairs.concat())
}

/// The fields of a hash that expire, and when.
fn field_times(client: &mut Client, name: &[u8]) -> Reply {
    let keys = client.command(&[b"HKEYS", name]);
    let mut fields: Vec<Vec<u8>> =
        keys.items().unwrap_or_default().iter().filter_map(bytes).collect();
    fields.sort();
    let count = fields.len().to_string().into_bytes();
    let mut question = vec![b"HPEXPIRETIME".to_vec(), name.into(), b"FIELDS".into(), count];
    question.extend(fields);
    client.command(&question)
}

/// What consumer groups know that replicas know, too. These are not told how often an entry was delivered to the same consumer again, nor of each consumer that nothing
/// was delivered to.
fn groups(client: &mut Client, name: &[u8], common: &Common) -> Vec<Reply> {
    let mut told = Vec::new();
    let stream = client.command(&[b"XINFO".as_slice(), b"STREAM", name]);
    let kept = ["last-generated-id", "max-deleted-entry-id", "entries-added"];
    told.extend(kept.map(|name| value(&stream, name)));
    let groups = client.command(&[b"XINFO".as_slice(), b"GROUPS", name]);
    for group in groups.items().unwrap_or_default() {
        let title = value(group, "name").text().unwrap_or_default().into_bytes();
        told.extend(["name", "pending", "last-delivered-id"].map(|name| value(group, name)));
        told.extend(common.is_alike.then(|| value(group, "entries-read")));
        let pending = client.command(&[b"XPENDING", name, &title, b"-", b"+", b"1000"]);
        let entries = pending.items().unwrap_or_default().iter().filter_map(Reply::items);
        // Their ids and consumers.
        told.extend(entries.map(|one| Reply::Array(one[..2].to_vec())));
    }
    told
}

/// The value behind a name in a flat array.
fn value(reply: &Reply, name: &str) -> Reply {
    let pairs = reply.items().unwrap_or_default().chunks(2);
    let found = pairs.into_iter().find(|pair| pair[0].text().as_deref() == Some(name));
    found.map_or(Reply::Null, |pair| pair[1].clone())
}

/// Waits until a replica holds what its primary holds; fails with the keys in which they differ.
pub(super) fn assert_same(replica: &Server, primary: &Server, common: &Common) {
    let mut found = None;
    let is_same = until(SETTLING, || {
        if !has_all(replica, primary) {
            return false;
        }
        let (copy, original) = (held(replica, common), held(primary, common));
        let is_same = copy == original;
        found = Some((copy, original));
        is_same
    });
    if is_same {
        return;
    }
    let (copy, original) = found.unwrap_or_else(|| {
        let offset = |server: &Server, name| field(&mut server.client(), name);
        panic!(
            "the replica is at {:?}, the primary at {:?}",
            offset(replica, "slave_repl_offset"),
            offset(primary, "master_repl_offset")
        )
    });
    panic!("{}", differences(&copy, &original));
}

/// The keys in which two servers differ, or some of them.
pub(super) fn differences(copy: &Holding, original: &Holding) -> String {
    let names: BTreeSet<_> = copy.keys.keys().chain(original.keys.keys()).collect();
    let differ: Vec<String> = names
        .into_iter()
        .filter(|name| copy.keys.get(name) != original.keys.get(name))
        .map(|name| {
            let told = |holding: &Holding| {
                let told = holding.keys.get(name).map(|told| render(&Reply::Array(told.clone())));
                told.map_or("not there".to_owned(), |lines| lines.join("\n    "))
            };
            format!(
                "{} {}:\n  replica:\n    {}\n  primary:\n    {}",
                name.0,
                display_bytes(&name.1),
                told(copy),
                told(original)
            )
        })
        .collect();
    format!(
        "{} keys differ, digests {:?} and {:?}\n{}",
        differ.len(),
        copy.digest,
        original.digest,
        differ.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("\n")
    )
}
