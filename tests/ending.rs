//! How a server ends: by SHUTDOWN, by signals, in the middle of loading and of saving, and what keeps it from it.

use std::fs;
use std::time::Duration;

use crate::appending::{await_rewrite, digest, info, setup};
use testkit::wait::{PATIENCE, until};
use testkit::{Client, Program, Reply, Server, Setup};

const REFUSED: &str = "ERR Errors trying to SHUTDOWN. Check logs.";

/// Sends a command that nothing may be replied to.
fn send(server: &Server, line: &str) {
    let mut client = server.client();
    client.send_raw(format!("{line}\r\n").as_bytes()).expect("it listens");
    assert!(client.is_closed(PATIENCE), "{line}: {}", server.log());
}

fn await_end(server: &mut Server) {
    let status = server.await_exit(PATIENCE).unwrap_or_else(|| panic!("{}", server.log()));
    assert!(status.success(), "{status}, {}", server.log());
}

fn says(server: &Server, text: &str) {
    assert!(until(PATIENCE, || server.log().contains(text)), "{text} in {}", server.log());
}

fn make_keys(client: &mut Client, count: usize) {
    for number in 0..count {
        assert_eq!(client.command(&["SET", &number.to_string(), "value"]), Reply::ok());
    }
}

#[test]
fn nobody_ends_it_while_the_first_log_is_written() {
    for program in [crate::program(), Program::valkey()] {
        let slow = Setup::new().with("rdb-key-save-delay", &["10000000"]);
        let mut server = Server::start(&program, slow);
        let mut client = server.client();
        make_keys(&mut client, 10);
        assert_eq!(client.line("CONFIG SET appendonly yes"), Reply::ok());
        assert!(until(PATIENCE, || info(&mut client, "aof_rewrite_in_progress") == "1"));
        for line in ["SHUTDOWN", "SHUTDOWN NOSAVE", "SHUTDOWN SAVE NOW"] {
            assert_eq!(client.line(line), Reply::Error(REFUSED.into()), "{line}");
        }
        let refusals =
            |server: &Server| server.log().matches("Writing initial AOF, can't exit.").count();
        assert!(until(PATIENCE, || refusals(&server) == 3), "{}", server.log());
        server.signal("TERM");
        assert!(until(PATIENCE, || refusals(&server) == 4), "{}", server.log());
        assert_eq!(client.line("GET 1").text().as_deref(), Some("value"));
        assert_eq!(client.line("CONFIG SET shutdown-on-sigterm force"), Reply::ok());
        server.signal("TERM");
        await_end(&mut server);
        says(&server, "Writing initial AOF. Exit anyway.");
    }
}

#[test]
fn the_end_in_the_middle_of_a_rewrite_loses_nothing() {
    for end in ["SHUTDOWN", "TERM"] {
        let mut server = Server::start(&crate::program(), setup("everysec"));
        let mut client = server.client();
        make_keys(&mut client, 1000);
        assert_eq!(client.line("CONFIG SET rdb-key-save-delay 10000000"), Reply::ok());
        assert!(!client.line("BGREWRITEAOF").is_error());
        assert!(until(PATIENCE, || info(&mut client, "aof_rewrite_in_progress") == "1"));
        assert_eq!(client.line("SET during rewrite"), Reply::ok());
        let wanted = digest(&mut client);
        if end == "TERM" {
            server.signal(end)
        } else {
            send(&server, end)
        }
        await_end(&mut server);
        let folder = fs::read_dir(server.directory().join("appendonlydir")).expect("it is there");
        let names: Vec<_> = folder.flatten().map(|entry| entry.file_name()).collect();
        assert!(!names.iter().any(|name| name.to_string_lossy().starts_with("temp-")), "{names:?}");
        server.restart();
        let mut client = server.client();
        assert_eq!(digest(&mut client), wanted, "{end}");
        client.line("BGREWRITEAOF");
        await_rewrite(&mut client);
    }
}

#[test]
fn a_log_that_cannot_begin_is_not_switched_on() {
    let mut replies = Vec::new();
    for program in [crate::program(), Program::valkey()] {
        let mut server = Server::start(&program, Setup::new());
        let mut client = server.client();
        make_keys(&mut client, 10);
        let in_the_way = server.directory().join("appendonlydir");
        fs::write(&in_the_way, "").expect("the folder is ours");
        replies.push(client.line("CONFIG SET appendonly yes maxmemory-samples 7"));
        for (name, value) in [("appendonly", "no"), ("maxmemory-samples", "5")] {
            let told = client.command(&["CONFIG", "GET", name]);
            let value = Reply::Bulk(value.as_bytes().to_vec());
            assert_eq!(told, Reply::Array(vec![Reply::Bulk(name.into()), value]));
        }
        assert_eq!(info(&mut client, "aof_enabled"), "0");
        assert_eq!(client.line("SET goes on"), Reply::ok());
        fs::remove_file(&in_the_way).expect("it is there");
        assert_eq!(client.line("CONFIG SET appendonly yes"), Reply::ok());
        await_rewrite(&mut client);
        let wanted = digest(&mut client);
        server.kill();
        let mut server = crate::appending::with_folder(&program, server.directory());
        assert_eq!(digest(&mut server.client()), wanted);
        server.kill();
    }
    assert!(replies[0].is_error(), "{:?}", replies[0]);
    assert_eq!(replies[0], replies[1]);
}

#[test]
fn a_server_that_is_stopped_while_it_loads_a_log_leaves_it_alone() {
    for end in ["TERM", "INT", "SHUTDOWN"] {
        let setup = setup("everysec").with("key-load-delay", &["2000"]);
        let mut server = Server::start(&crate::program(), setup);
        make_keys(&mut server.client(), 10_000);
        let wanted = digest(&mut server.client());
        let path = server.directory().join("appendonlydir/appendonly.aof.1.incr.aof");
        server.kill();
        let before = fs::read(&path).expect("it is there");
        server.restart_without_waiting();
        says(&server, "Done loading RDB");
        if end == "SHUTDOWN" {
            send(&server, end)
        } else {
            server.signal(end)
        }
        await_end(&mut server);
        assert_eq!(fs::read(&path).expect("it is there"), before, "{end}");
        assert!(!server.log().contains("DB loaded from append only file"), "{}", server.log());
        let fast = crate::appending::with_folder(&crate::program(), server.directory());
        assert_eq!(digest(&mut fast.client()), wanted, "{end}");
    }
}

#[test]
fn what_the_log_is_made_of_is_not_changed_while_it_loads() {
    let slow = setup("everysec").with("key-load-delay", &["2000"]);
    let mut server = Server::start(&crate::program(), slow);
    make_keys(&mut server.client(), 10_000);
    server.kill();
    server.restart_without_waiting();
    says(&server, "Done loading RDB");
    let mut client = server.client();
    let loading = Reply::Error("LOADING Redis is loading the dataset in memory".into());
    for line in ["CONFIG SET appendonly no", "CONFIG SET maxmemory-samples 7 dir /", "GET 1"] {
        assert_eq!(client.line(line), loading, "{line}");
    }
    for line in ["CONFIG SET aof-disable-auto-gc yes", "CONFIG SET aof-disable-auto-gc no"] {
        assert_eq!(client.line(line), Reply::ok(), "{line}");
    }
    let refused = "ERR Error trying to load the AOF files, check server logs.";
    assert_eq!(client.line("DEBUG LOADAOF"), Reply::Error(refused.into()));
    server.signal("TERM");
    await_end(&mut server);
}

#[test]
fn a_snapshot_that_is_being_written_goes_with_the_server() {
    let slow = Setup::new().with("rdb-key-save-delay", &["10000000"]);
    let mut server = Server::start(&crate::program(), slow);
    let mut client = server.client();
    make_keys(&mut client, 20);
    assert!(!client.line("BGSAVE").is_error());
    let temporary = server.directory().join(format!("temp-{}.rdb", server.pid()));
    assert!(until(PATIENCE, || temporary.exists()), "{}", server.log());
    send(&server, "SHUTDOWN NOSAVE");
    await_end(&mut server);
    assert!(!temporary.exists());
}

#[test]
fn an_end_that_is_put_off_can_be_taken_back() {
    for program in [crate::program(), Program::valkey()] {
        let mut server = Server::standalone(&program);
        let mut client = server.client();
        let none = Reply::Error("ERR No shutdown in progress.".into());
        assert_eq!(client.line("SHUTDOWN ABORT"), none);
        assert_eq!(client.line("DEBUG PAUSE-CRON 1"), Reply::ok());
        server.signal("TERM");
        assert!(until(PATIENCE, || client.line("SHUTDOWN ABORT") == Reply::ok()));
        says(&server, "Shutdown manually aborted.");
        assert_eq!(client.line("SHUTDOWN ABORT"), none);
        assert_eq!(client.line("DEBUG PAUSE-CRON 0"), Reply::ok());
        assert_eq!(client.line("PING"), Reply::Status("PONG".into()));
        server.signal("TERM");
        await_end(&mut server);
    }
}

#[test]
fn signals_are_what_the_settings_say() {
    let saving = || Setup::new().with("save", &["3600", "1000000"]);
    for (signal, directive, flags, is_saved) in [
        ("TERM", "shutdown-on-sigterm", "nosave", false),
        ("INT", "shutdown-on-sigint", "nosave force", false),
        ("INT", "shutdown-on-sigterm", "nosave", true),
        ("TERM", "shutdown-on-sigterm", "save", true),
    ] {
        let mut server = Server::start(&crate::program(), saving());
        let mut client = server.client();
        make_keys(&mut client, 1);
        assert_eq!(client.command(&["CONFIG", "SET", directive, flags]), Reply::ok());
        server.signal(signal);
        await_end(&mut server);
        let is_there = server.directory().join("dump.rdb").exists();
        assert_eq!(is_there, is_saved, "{signal}, {directive} {flags}");
    }
    // Nothing is lost by an end in good order, but by one that is forced.
    let mut server = Server::start(&crate::program(), saving());
    let mut client = server.client();
    make_keys(&mut client, 1);
    fs::create_dir(server.directory().join("dump.rdb")).expect("a folder in the way");
    server.signal("TERM");
    says(&server, "Error trying to save the DB, can't exit.");
    assert_eq!(client.line("GET 0").text().as_deref(), Some("value"));
    assert_eq!(client.line("CONFIG SET shutdown-on-sigterm force"), Reply::ok());
    server.signal("TERM");
    await_end(&mut server);
    says(&server, "Error trying to save the DB. Exit anyway.");
}

#[test]
fn who_does_not_want_to_wait_for_the_last_save_need_not() {
    let saving = Setup::new().with("save", &["3600", "1000000"]);
    let mut server =
        Server::start(&crate::program(), saving.with("rdb-key-save-delay", &["1000000"]));
    make_keys(&mut server.client(), 100);
    let temporary = server.directory().join(format!("temp-{}.rdb", server.pid()));
    server.signal("INT");
    assert!(until(PATIENCE, || temporary.exists()), "{}", server.log());
    server.signal("INT");
    let status = server.await_exit(Duration::from_secs(10)).expect("it ends at once");
    assert_eq!(status.code(), Some(1));
    assert!(!temporary.exists());
    assert!(!server.directory().join("dump.rdb").exists());
}
