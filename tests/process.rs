//! The server as a process: how it listens, refuses, stops and comes back.

use std::time::Duration;

use testkit::{Client, Protocol, Reply, Server, Setup, wait};

const LIMIT: Duration = Duration::from_secs(20);

fn ping(client: &mut Client) -> Reply {
    client.command(&["PING"])
}

fn pong() -> Reply {
    Reply::Status("PONG".into())
}

#[test]
fn signals_and_shutdown_stop_it_cleanly() {
    let program = crate::program();
    for signal in ["TERM", "INT"] {
        let mut server = Server::standalone(&program);
        server.signal(signal);
        let status = server.await_exit(LIMIT).expect("it ends");
        assert!(status.success(), "{signal}: {status}");
    }
    let mut server = Server::standalone(&program);
    let mut client = server.client();
    client.send_raw(b"SHUTDOWN NOSAVE\r\n").expect("it listens");
    assert!(client.is_closed(LIMIT), "a shutdown that works has no reply");
    let status = server.await_exit(LIMIT).expect("it ends");
    assert!(status.success(), "{status}");
}

#[test]
fn the_log_says_what_tools_wait_for() {
    let server = Server::standalone(&crate::program());
    for line in ["Server initialized", "Ready to accept connections"] {
        assert!(wait::until(LIMIT, || server.log().contains(line)), "no {line}:\n{}", server.log());
    }
    let mark = format!("{}:M ", server.pid());
    assert!(server.log().lines().any(|line| line.starts_with(&mark)), "{}", server.log());
}

#[test]
fn one_client_too_many_is_told_so_and_let_go() {
    let server = Server::start(&crate::program(), Setup::new().with("maxclients", &["2"]));
    let mut two = [server.client(), server.client()];
    // The connection of the fixture's own question may still be counted.
    assert!(wait::until(LIMIT, || two.iter_mut().all(|client| {
        let answered = client.try_command(&["PING"]).is_ok_and(|reply| reply == pong());
        if !answered {
            *client = server.client();
        }
        answered
    })));
    let mut third = server.client();
    let error = Reply::Error("ERR max number of clients reached".into());
    assert_eq!(third.reply().expect("it says why"), error);
    assert!(third.is_closed(LIMIT));
    let [first, second] = two;
    drop(second);
    let freed = wait::until(LIMIT, || {
        server.client().try_command(&["PING"]).is_ok_and(|reply| reply == pong())
    });
    assert!(freed, "the place of the client that left stays taken");
    drop(first);
}

#[test]
fn it_listens_on_a_unix_socket() {
    let setup = Setup::new().with("unixsocket", &["redis.sock"]);
    let server = Server::start(&crate::program(), setup);
    let path = server.directory().join("redis.sock");
    let mut client = Client::connect_unix(&path).expect("the socket is there");
    assert_eq!(ping(&mut client), pong());
    let info = client.command(&["CLIENT", "INFO"]).text().unwrap_or_default();
    assert!(info.contains("redis.sock:0"), "{info}");
}

#[test]
fn idle_clients_are_closed_after_the_timeout() {
    let server = Server::start(&crate::program(), Setup::new().with("timeout", &["1"]));
    let mut client = server.client();
    assert_eq!(ping(&mut client), pong());
    assert!(client.is_closed(LIMIT), "still open");
}

#[test]
fn clients_that_wait_are_not_idle() {
    let server = Server::start(&crate::program(), Setup::new().with("timeout", &["1"]));
    let mut waiting = server.client();
    waiting.send_raw(b"BLPOP list 0\r\n").expect("it listens");
    // When one that came later is gone, the one that waits would be as well.
    let mut idle = server.client();
    assert_eq!(ping(&mut idle), pong());
    assert!(idle.is_closed(LIMIT), "still open");
    assert_eq!(server.client().command(&["RPUSH", "list", "v"]), Reply::Integer(1));
    let popped = Reply::Array(vec![Reply::bulk("list"), Reply::bulk("v")]);
    assert_eq!(waiting.reply().expect("it is served"), popped);
    assert_eq!(ping(&mut waiting), pong(), "and begins to be idle");
    assert!(waiting.is_closed(LIMIT), "still open");
}

#[test]
fn a_pipeline_cut_at_every_byte_is_answered_in_order() {
    let server = Server::standalone(&crate::program());
    let pipeline = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nv\r\n\r\n\r\nGET k\r\n*1\r\n$4\r\nPING\r\nECHO \"a b\"\r\n";
    let expected = [Reply::ok(), Reply::bulk("v\r\n\r\n"), pong(), Reply::bulk("a b")];
    let mut control = server.client();
    for cut in 1..pipeline.len() {
        let mut client = server.client();
        let (first, second) = pipeline.split_at(cut);
        client.send_raw(first).expect("it listens");
        assert_eq!(ping(&mut control), pong());
        client.send_raw(second).expect("it listens");
        for reply in &expected {
            assert_eq!(client.reply().expect("each is answered"), *reply, "cut at {cut}");
        }
    }
}

#[test]
fn replies_that_nobody_reads_are_kept_until_they_are_read() {
    let server = Server::standalone(&crate::program());
    let mut client = server.client_speaking(Protocol::Resp3);
    client.line("SET big $(x*1000000)");
    client.send_raw(&b"GET big\r\n".repeat(50)).expect("it listens");
    assert_eq!(ping(&mut server.client()), pong(), "others are served meanwhile");
    for _ in 0..50 {
        let Reply::Bulk(bytes) = client.reply().expect("each is answered") else {
            panic!("GET gives a bulk string");
        };
        assert_eq!(bytes.len(), 1_000_000);
    }
}

#[test]
fn a_client_that_has_read_its_replies_holds_no_memory_for_them() {
    const VALUE_BYTES: usize = 64 << 20;
    let server = Server::standalone(&crate::program());
    let mut client = server.client();
    client.line(&format!("SET big $(x*{VALUE_BYTES})"));
    client.send_raw(b"GET big\r\n").expect("it listens");
    let mut control = server.client();
    let line = |control: &mut Client| {
        let list = control.command(&["CLIENT", "LIST"]).text().unwrap_or_default();
        list.lines().find(|line| line.contains("cmd=get")).map(str::to_owned).unwrap_or_default()
    };
    let waits = |line: &str| !line.is_empty() && !line.contains(" omem=0 ");
    assert!(wait::until(LIMIT, || waits(&line(&mut control))), "nothing waits to be written");
    client.reply().expect("it is answered");
    // Its next command would set the count anew.
    assert!(
        wait::until(LIMIT, || line(&mut control).contains(" omem=0 ")),
        "{}",
        line(&mut control)
    );
}

#[test]
fn a_node_that_cannot_save_its_place_in_the_cluster_acknowledges_nothing_and_fails() {
    let folder = testkit::Folder::new();
    let place = folder.path().join("place");
    std::fs::create_dir(&place).expect("the folder is writable");
    let file = place.join("nodes.conf").display().to_string();
    let setup = Setup::cluster(LIMIT).with("cluster-config-file", &[&file]);
    let mut server = Server::start(&crate::program(), setup);
    let mut client = server.client();
    assert_eq!(ping(&mut client), pong());
    // It may be saving its place just now.
    let is_gone = || std::fs::remove_dir_all(&place).is_ok() || !place.exists();
    assert!(wait::until(LIMIT, is_gone), "the folder is ours");
    let reply = client.try_command(&["CLUSTER", "ADDSLOTS", "1"]);
    assert!(reply.is_err(), "{reply:?}");
    let status = server.await_exit(LIMIT).expect("it ends");
    assert_eq!(status.code(), Some(1), "{}", server.log());
    assert!(server.log().contains("can't update cluster config file"), "{}", server.log());
}

#[test]
fn a_configuration_file_is_read_overridden_and_rewritten() {
    let folder = testkit::Folder::new();
    let path = folder.path().join("redis.conf");
    std::fs::write(&path, "# kept\nmaxmemory 100mb\ntimeout 7\n").expect("written");
    let setup = Setup::new().file(&path).with("timeout", &["9"]);
    let server = Server::start(&crate::program(), setup);
    let mut client = server.client();
    let value = |client: &mut Client, name: &str| {
        client.command(&["CONFIG", "GET", name]).items().and_then(|items| items.last()?.text())
    };
    assert_eq!(value(&mut client, "maxmemory").as_deref(), Some("104857600"));
    assert_eq!(value(&mut client, "timeout").as_deref(), Some("9"));
    assert_eq!(client.line("CONFIG SET maxmemory 200mb"), Reply::ok());
    assert_eq!(client.line("CONFIG REWRITE"), Reply::ok());
    let text = std::fs::read_to_string(&path).expect("it is still there");
    assert!(text.starts_with("# kept\n"), "{text}");
    assert!(text.contains("maxmemory 200mb") || text.contains("maxmemory 209715200"), "{text}");
    assert!(text.lines().any(|line| line == "timeout 9"), "{text}");
}
