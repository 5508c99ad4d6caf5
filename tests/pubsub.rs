//! Messages between processes and threads: every one once, in order, no client without bound, no cache with an old value.

use std::time::Duration;

use testkit::{Client, Cluster, Program, Protocol, Reply, Server, Setup, wait};

const LIMIT: Duration = Duration::from_secs(20);
const SUBSCRIBERS: usize = 50;
const PUBLISHERS: usize = 4;
const MESSAGES: usize = 500;
const SLOW_LIMIT_BYTES: usize = 1 << 20;

fn integer(reply: &Reply) -> i64 {
    let Reply::Integer(number) = reply else { panic!("not a number: {reply:?}") };
    *number
}

/// Begins to listen and takes the confirmation.
fn listen(client: &mut Client, command: &str, name: &str) {
    client.send_raw(format!("{command} {name}\r\n").as_bytes()).expect("the server takes it");
    client.reply().expect("it is told that it listens");
}

/// The text of the message that comes next.
fn message(client: &mut Client) -> String {
    match client.reply() {
        Ok(Reply::Array(parts) | Reply::Push(parts)) => {
            parts.last().and_then(Reply::text).expect("a message has a text")
        }
        other => panic!("no message: {other:?}"),
    }
}

fn two_workers() -> Server {
    Server::start(&crate::program(), Setup::new().with("worker-threads", &["2"]))
}

#[test]
fn every_message_arrives_once_and_in_the_order_of_its_publisher() {
    let server = two_workers();
    let mut subscribers: Vec<Client> = (0..SUBSCRIBERS)
        .map(|number| {
            let protocol = if number % 2 == 0 { Protocol::Resp2 } else { Protocol::Resp3 };
            let mut client = server.client_speaking(protocol);
            client.set_limit(LIMIT);
            match number % 3 {
                0 => listen(&mut client, "PSUBSCRIBE", "news*"),
                _ => listen(&mut client, "SUBSCRIBE", "news"),
            }
            client
        })
        .collect();
    std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let mut client = server.client();
            scope.spawn(move || {
                for start in (0..MESSAGES).step_by(50) {
                    let texts: Vec<String> =
                        (start..start + 50).map(|n| format!("{publisher} {n}")).collect();
                    let requests: Vec<Vec<&[u8]>> = texts
                        .iter()
                        .map(|text| vec![b"PUBLISH".as_slice(), b"news", text.as_bytes()])
                        .collect();
                    let replies = client.pipeline(&requests).expect("the server answers");
                    assert!(replies.iter().all(|reply| integer(reply) == SUBSCRIBERS as i64));
                }
            });
        }
        for client in &mut subscribers {
            let mut next = [0; PUBLISHERS];
            for _ in 0..PUBLISHERS * MESSAGES {
                let text = message(client);
                let (publisher, number) = text.split_once(' ').expect("the tests publish pairs");
                let publisher: usize = publisher.parse().expect("a number");
                assert_eq!(number.parse(), Ok(next[publisher]), "of publisher {publisher}");
                next[publisher] += 1;
            }
            assert_eq!(next, [MESSAGES; PUBLISHERS]);
        }
    });
    // Nothing more comes: what is answered next is the answer.
    for client in &mut subscribers {
        client.send_raw(b"PING\r\n").expect("the server takes it");
        let reply = client.reply().expect("the server answers");
        let pong = Reply::Array(vec![Reply::Bulk(b"pong".to_vec()), Reply::Bulk(Vec::new())]);
        assert!(reply == pong || reply == Reply::Status("PONG".into()), "{reply:?}");
    }
}

#[test]
fn a_subscriber_that_does_not_read_is_disconnected_at_its_limit() {
    let server = two_workers();
    let mut publisher = server.client();
    let limit = format!("pubsub {SLOW_LIMIT_BYTES} 0 0");
    publisher.command(&["CONFIG", "SET", "client-output-buffer-limit", &limit]);
    let mut slow = server.client();
    listen(&mut slow, "SUBSCRIBE", "flood");
    let mut reader = server.client();
    listen(&mut reader, "SUBSCRIBE", "flood");
    let payload = "x".repeat(64 << 10);
    let before = server.resident_bytes();
    let gone = wait::until(LIMIT, || {
        let heard = integer(&publisher.command(&["PUBLISH", "flood", &payload]));
        assert_eq!(message(&mut reader).len(), payload.len());
        heard == 1
    });
    assert!(gone, "the subscriber that does not read is still there");
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 16 * SLOW_LIMIT_BYTES as u64, "grown by {grown} bytes");
    let line = "closed for overcoming of output buffer limits.";
    assert!(wait::until(LIMIT, || server.log().contains(line)), "{}", server.log());
    let stats = publisher.command(&["INFO", "stats"]).text().unwrap_or_default();
    assert!(stats.contains("client_output_buffer_limit_disconnections:1\r"), "{stats}");
    assert!(stats.contains("pubsub_channels:1\r"), "{stats}");
}

#[test]
fn a_subscriber_beyond_its_soft_limit_has_so_many_seconds() {
    let server = two_workers();
    let mut publisher = server.client();
    publisher.command(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 100000 1"]);
    let mut slow = server.client();
    listen(&mut slow, "SUBSCRIBE", "flood");
    // More than the sockets on the way hold.
    let payload = "x".repeat(16 << 20);
    assert_eq!(integer(&publisher.command(&["PUBLISH", "flood", &payload])), 1);
    assert_eq!(integer(&publisher.command(&["PUBLISH", "flood", "x"])), 1, "not at once");
    let gone = wait::until(LIMIT, || integer(&publisher.command(&["PUBLISH", "flood", "x"])) == 0);
    assert!(gone, "the subscriber that does not read is still there");
}

/// The reply that comes next; notices before it are of what was read before.
fn reply_behind_notices(client: &mut Client) -> Reply {
    loop {
        let reply = client.reply().expect("the server answers");
        if !matches!(reply, Reply::Push(_)) {
            return reply;
        }
    }
}

#[test]
fn a_cache_that_heeds_its_notices_ends_with_the_last_value() {
    const CHANGES: usize = 3000;
    let server = two_workers();
    // Connections are dealt in turn: one of the two readers shares the writer's worker, the other does not.
    let mut writer = server.client();
    let readers: Vec<Client> = (0..2)
        .map(|_| {
            let mut client = server.client_speaking(Protocol::Resp3);
            client.set_limit(LIMIT);
            client.command(&["CLIENT", "TRACKING", "ON"]);
            client
        })
        .collect();
    std::thread::scope(|scope| {
        for mut client in readers {
            scope.spawn(move || {
                let mut cached = String::new();
                while cached != CHANGES.to_string() {
                    client.send_raw(b"GET k\r\n").expect("the server takes it");
                    cached = reply_behind_notices(&mut client).text().unwrap_or_default();
                    if cached == CHANGES.to_string() {
                        return;
                    }
                    // What was read is not the last value, so there is to be a notice, however late it comes.
                    let notice = client.reply().expect("it is told that the value has ended");
                    assert!(matches!(notice, Reply::Push(_)), "{notice:?}");
                }
            });
        }
        let requests = vec![vec![b"INCR".as_slice(), b"k"]; 30];
        for _ in 0..CHANGES / requests.len() {
            writer.pipeline(&requests).expect("the server answers");
        }
    });
}

#[test]
fn messages_reach_all_nodes_of_a_cluster_of_both_kinds() {
    let (theirs, ours) = (Program::redis(), crate::program());
    let cluster = Cluster::start(&[&theirs, &ours, &ours], Duration::from_secs(5));
    let mut subscribers: Vec<Client> = cluster.nodes.iter().map(Server::client).collect();
    for client in &mut subscribers {
        client.set_limit(LIMIT);
        listen(client, "SUBSCRIBE", "news");
    }
    for (number, node) in cluster.nodes.iter().enumerate() {
        let text = format!("from {number}");
        assert_eq!(integer(&node.client().command(&["PUBLISH", "news", &text])), 1);
        for client in &mut subscribers {
            assert_eq!(message(client), text);
        }
    }
}
