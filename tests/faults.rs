//! Disks that are full, and disks that fail, under the running server: nothing is acknowledged that is not on the disk, reads go on, and it goes on by
//! itself when it can.

pub(crate) mod disk;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fs, thread};

use crate::appending::{await_rewrite, digest, info, setup};
use disk::{BrokenSyncs, SmallDisk};
use testkit::wait::{PATIENCE, until};
use testkit::{Client, Program, Reply, Server, Setup};

const MISCONF: &str = "MISCONF Errors writing to the AOF file: No space left on device";

/// What clients were told that it is written.
#[derive(Default)]
struct Acknowledged(Mutex<BTreeMap<String, String>>);

impl Acknowledged {
    /// Writes until told to stop. A write that is refused is tried again.
    fn write(&self, mut client: Client, number: usize, is_over: &AtomicBool) {
        client.set_limit(3 * PATIENCE);
        let mut round = 0_u64;
        while !is_over.load(SeqCst) {
            round += 1;
            let (key, value) = (format!("{number}:{round}"), format!("{round:0500}"));
            let reply = client.command(&["SET", &key, &value]);
            if reply.is_error() {
                assert_eq!(reply, Reply::Error(MISCONF.into()));
                thread::sleep(Duration::from_millis(10));
            } else {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
            }
        }
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn assert_there(&self, client: &mut Client) {
        for (key, value) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            assert_eq!(client.command(&["GET", key]).text().as_ref(), Some(value), "{key}");
        }
    }
}

/// Whether writes are refused with a text. Whoever has written before that is known is not answered, hence a client of its own.
fn refuses(server: &Server, text: &str) -> bool {
    refuses_within(server, text, Duration::from_millis(500))
}

fn refuses_within(server: &Server, text: &str, limit: Duration) -> bool {
    let mut client = server.client();
    client.set_limit(limit);
    let reply = client.try_command(&["SET", "probe", "1"]);
    reply.is_ok_and(|reply| reply == Reply::Error(text.into()))
}

/// Nothing more is acknowledged.
fn is_quiet(acknowledged: &Acknowledged) -> bool {
    let before = acknowledged.len();
    // It is no wait for luck: whoever is still told something makes the caller ask again.
    thread::sleep(Duration::from_millis(300));
    acknowledged.len() == before
}

#[test]
fn a_log_on_a_full_disk_goes_on_when_there_is_room() {
    for policy in ["always", "everysec", "no"] {
        let disk = SmallDisk::new(4096);
        let setup = setup(policy).with("auto-aof-rewrite-percentage", &["0"]);
        let mut server = disk.start(&crate::program(), setup);
        let mut client = server.client();
        client.line("SET before full");
        disk.fill_up(100 << 10);
        let (acknowledged, is_over) = (Acknowledged::default(), AtomicBool::new(false));
        thread::scope(|scope| {
            for number in 0..4 {
                let client = server.client();
                let (acknowledged, is_over) = (&acknowledged, &is_over);
                scope.spawn(move || acknowledged.write(client, number, is_over));
            }
            assert!(until(PATIENCE, || refuses(&server, MISCONF)), "{policy}: the disk gets full");
            assert!(until(PATIENCE, || is_quiet(&acknowledged)), "{policy}: nothing is written");
            let full = acknowledged.len();
            assert!(full > 20, "{policy}: {full} were acknowledged before");
            for _ in 0..10 {
                assert!(refuses_within(&server, MISCONF, PATIENCE), "{policy}");
                assert_eq!(client.line("GET before").text().as_deref(), Some("full"));
            }
            assert_eq!(info(&mut client, "aof_last_write_status"), "err");
            assert_eq!(acknowledged.len(), full, "{policy}: nothing is acknowledged");
            disk.make_room();
            assert!(until(PATIENCE, || acknowledged.len() > full + 100), "{policy}: it goes on");
            assert_eq!(info(&mut client, "aof_last_write_status"), "ok");
            is_over.store(true, SeqCst);
        });
        assert_eq!(info(&mut client, "aof_rewrites"), "0", "{policy}: it needs no rewrite");
        let wanted = digest(&mut client);
        acknowledged.assert_there(&mut client);
        server.kill();
        server.restart();
        let mut client = server.client();
        assert_eq!(digest(&mut client), wanted, "{policy}");
        acknowledged.assert_there(&mut client);
    }
}

#[test]
fn a_server_that_is_killed_on_a_full_disk_has_what_was_acknowledged() {
    for policy in ["always", "everysec"] {
        let disk = SmallDisk::new(4096);
        let setup = setup(policy).with("auto-aof-rewrite-percentage", &["0"]);
        let mut server = disk.start(&crate::program(), setup);
        disk.fill_up(50 << 10);
        let mut client = server.client();
        let mut count = 0;
        // The last is not answered: it is known that it is not on the disk.
        client.set_limit(PATIENCE / 4);
        while let Ok(reply) = client.try_command(&["SET", &count.to_string(), &"x".repeat(1000)]) {
            assert_eq!(reply, Reply::ok());
            count += 1;
        }
        assert!(count > 10, "{policy}: {count}");
        assert!(refuses_within(&server, MISCONF, PATIENCE), "{policy}");
        server.kill();
        server.restart();
        let mut client = server.client();
        assert_eq!(client.line("DBSIZE"), Reply::Integer(count), "{policy}");
        disk.make_room();
        assert!(until(PATIENCE, || !client.line("SET after it").is_error()), "{policy}");
    }
}

/// Fills the disk by the log; the reply to a write then.
fn reply_when_full(program: &Program) -> Reply {
    let disk = SmallDisk::new(4096);
    let server = disk.start(program, setup("everysec"));
    disk.fill_up(64 << 10);
    let mut writer = server.client();
    let value = "x".repeat(20_000);
    // Ours does not answer to the last.
    (0..8).for_each(|_| {
        writer.send_raw(&testkit::encode_command(&["SET", "k", &value])).expect("it listens")
    });
    let mut client = server.client();
    // Whoever writes before it is known is not answered here either.
    let is_full = until(PATIENCE, || info(&mut client, "aof_last_write_status") == "err");
    assert!(is_full, "{}", server.log());
    client.line("SET probe 1")
}

#[test]
fn a_full_disk_is_told_of_in_valkeys_words() {
    assert_eq!(reply_when_full(&crate::program()), reply_when_full(&Program::valkey()));
}

#[test]
fn a_rewrite_on_a_full_disk_fails_and_harms_nothing() {
    for preamble in ["yes", "no"] {
        let disk = SmallDisk::new(8192);
        let setup = setup("everysec")
            .with("auto-aof-rewrite-percentage", &["0"])
            .with("aof-use-rdb-preamble", &[preamble])
            .with("rdbcompression", &["no"]);
        let mut server = disk.start(&crate::program(), setup);
        let mut client = server.client();
        (0..1000).for_each(|number| {
            client.command(&["SET", &number.to_string(), &"x".repeat(1000)]);
        });
        disk.fill_up(500 << 10);
        for failures in 1..3 {
            assert!(!client.line("BGREWRITEAOF").is_error());
            let is_over = until(PATIENCE, || {
                info(&mut client, "aof_rewrite_in_progress") == "0"
                    && info(&mut client, "aof_rewrite_scheduled") == "0"
            });
            assert!(is_over, "{}", server.log());
            assert_eq!(info(&mut client, "aof_last_bgrewrite_status"), "err", "{failures}");
            // It does not keep writes from being logged.
            assert_eq!(client.line(&format!("SET failures {failures}")), Reply::ok());
        }
        assert!(server.log().contains("No space left on device"), "{}", server.log());
        let files: Vec<_> = fs::read_dir(disk.path().join("appendonlydir"))
            .expect("it is there")
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with("temp-"))
            .collect();
        assert_eq!(files, Vec::<String>::new(), "what was begun is removed");
        let wanted = digest(&mut client);
        server.kill();
        server.restart();
        let mut client = server.client();
        assert_eq!(digest(&mut client), wanted);
        disk.make_room();
        client.line("BGREWRITEAOF");
        await_rewrite(&mut client);
        server.kill();
        server.restart();
        assert_eq!(digest(&mut server.client()), wanted);
    }
}

#[test]
fn a_snapshot_on_a_full_disk_fails_and_the_old_one_stays() {
    let disk = SmallDisk::new(8192);
    let saving = Setup::new().with("save", &["3600", "1000000"]).with("rdbcompression", &["no"]);
    let mut server = disk.start(&crate::program(), saving);
    let mut client = server.client();
    client.line("SET old 1");
    assert_eq!(client.line("SAVE"), Reply::ok());
    let old = fs::read(disk.path().join("dump.rdb")).expect("it was saved");
    let value = "x".repeat(1000);
    (0..1000).for_each(|number| {
        client.command(&["SET", &number.to_string(), &value]);
    });
    disk.fill_up(500 << 10);
    assert!(!client.line("BGSAVE").is_error());
    assert!(until(PATIENCE, || info(&mut client, "rdb_bgsave_in_progress") == "0"));
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "err");
    assert_eq!(client.line("SAVE"), Reply::Error("ERR".into()));
    assert!(
        server.log().contains("Write error saving DB on disk(fwrite): No space left on device")
    );
    assert_eq!(fs::read(disk.path().join("dump.rdb")).expect("it is there"), old);
    assert!(!disk.names().iter().any(|name| name.starts_with("temp-")), "{:?}", disk.names());
    let refused = client.line("SET new 1");
    assert!(matches!(&refused, Reply::Error(text) if text.starts_with("MISCONF ")), "{refused:?}");
    assert_eq!(client.line("GET old").text().as_deref(), Some("1"), "reads go on");
    disk.make_room();
    assert!(!client.line("BGSAVE").is_error());
    assert!(until(PATIENCE, || info(&mut client, "rdb_last_bgsave_status") == "ok"));
    assert_eq!(client.line("SET new 1"), Reply::ok());
    assert_eq!(client.line("SAVE"), Reply::ok());
    let wanted = digest(&mut client);
    server.kill();
    server.restart();
    assert_eq!(digest(&mut server.client()), wanted);
}

#[test]
fn what_a_broken_disk_did_not_take_is_not_acknowledged() {
    const BROKEN: &str = "MISCONF Errors writing to the AOF file: Input/output error";
    for policy in ["always", "everysec"] {
        let mut server = Server::start(&crate::program(), setup(policy));
        let mut client = server.client();
        assert_eq!(client.line("SET before 1"), Reply::ok());
        let broken = BrokenSyncs::begin(&server);
        let mut writer = server.client();
        writer.send_raw(b"SET during 1\r\n").expect("it listens");
        if policy == "everysec" {
            // Its promise is about the system, not the disk.
            assert_eq!(writer.reply().expect("it is answered"), Reply::ok());
        }
        let is_refused = until(PATIENCE, || refuses(&server, BROKEN));
        assert!(is_refused, "{policy}: {}", server.log());
        if policy == "always" {
            writer.set_limit(Duration::from_millis(500));
            assert!(writer.reply().is_err(), "it is not on the disk");
            writer.set_limit(PATIENCE);
        }
        assert_eq!(client.line("GET before").text().as_deref(), Some("1"), "reads go on");
        assert_eq!(info(&mut client, "aof_last_write_status"), "err");
        let manifest = server.directory().join("appendonlydir/appendonly.aof.manifest");
        let text = || fs::read_to_string(&manifest).expect("it is there");
        drop(broken);
        if policy == "always" {
            assert_eq!(writer.reply().expect("it is answered"), Reply::ok(), "{}", server.log());
        }
        assert!(until(PATIENCE, || !client.line("SET after 1").is_error()), "{}", server.log());
        assert!(!text().contains("#SUSPECT"), "all was written anew: {}", text());
        assert_ne!(info(&mut client, "aof_rewrites"), "0", "nothing else makes it good again");
        let wanted = digest(&mut client);
        server.kill();
        server.restart();
        let mut client = server.client();
        assert_eq!(digest(&mut client), wanted, "{policy}");
        assert_eq!(client.line("GET during").text().as_deref(), Some("1"), "{policy}");
    }
}
