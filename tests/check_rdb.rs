//! `redstart check-rdb`: files of Valkey's and damaged ones, beside what Redis's own tool says of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use testkit::{Finished, Program, Server, run};

const LIMIT: Duration = Duration::from_secs(20);

/// A file that Valkey has saved, in a folder that goes with the server.
fn saved() -> (Server, PathBuf) {
    let server = Server::standalone(&Program::valkey());
    let mut client = server.client();
    for line in [
        "DEBUG SET-ACTIVE-EXPIRE 0",
        "SET a 1",
        "SET gone 1 PX 1",
        "SET later 1 EX 1000",
        "RPUSH list a b c",
        "SADD set 1 2",
        "ZADD zset 1 a",
        "HSET hash a 1 b 2",
        "XADD stream 1-1 a b",
        "SELECT 3",
        "SETRANGE big 5000 x",
        "SAVE",
    ] {
        let reply = client.line(line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    }
    let path = server.directory().join("dump.rdb");
    (server, path)
}

fn check(path: &Path) -> Finished {
    run(&crate::program().path, &["check-rdb", &path.to_string_lossy()], b"", LIMIT)
}

fn code(finished: &Finished) -> Option<i32> {
    finished.status.and_then(|status| status.code())
}

#[test]
fn a_whole_file_is_told_of() {
    let (_server, path) = saved();
    let finished = check(&path);
    assert_eq!(code(&finished), Some(0), "{}", finished.stderr);
    for line in [
        "AUX FIELD valkey-ver = '",
        "Selecting DB ID 0",
        "Selecting DB ID 3",
        "Checksum OK",
        "\\o/ RDB looks OK! \\o/",
        "[info] 9 keys read",
        "[info] 2 expires",
        "[info] 1 already expired",
        "[info] VALKEY080, ",
        "[info] string: 4 keys, 4 elements, ",
        "[info] hash: 1 keys, 2 elements, ",
        "[info] biggest 1: 'big' in DB 3, string, 1 elements, ",
    ] {
        assert!(finished.stdout.contains(line), "no {line}:\n{}", finished.stdout);
    }
    // No bar where there is no terminal.
    assert_eq!(finished.stderr, "");
}

#[test]
fn a_damaged_file_is_told_of_with_the_place() {
    let (_server, path) = saved();
    let whole = fs::read(&path).expect("it was saved");
    let told = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("the folder can be written");
        let finished = check(&path);
        assert_eq!(code(&finished), Some(1), "{}", finished.stdout);
        assert!(finished.stdout.contains("--- RDB ERROR DETECTED ---"));
        finished.stdout
    };
    let cut = told(&whole[..whole.len() - 20]);
    assert!(cut.contains(&format!("[offset {}] Unexpected EOF", whole.len() - 20)), "{cut}");
    assert!(cut.contains("While doing: read-object-value"), "{cut}");
    assert!(cut.contains("Reading key 'big'"), "{cut}");
    assert!(cut.contains("Reading type 0 (string)"), "{cut}");
    let mut flipped = whole.clone();
    *flipped.last_mut().expect("it has bytes") ^= 1;
    let flipped = told(&flipped);
    assert!(flipped.contains(&format!("[offset {}] RDB CRC error", whole.len())), "{flipped}");
    let other = told(b"hello, world");
    assert!(other.contains("[offset 9] Wrong signature trying to load DB from file"), "{other}");
    let newer = told(b"REDIS0099\xff");
    assert!(newer.contains("[offset 9] Can't handle RDB format version 99"), "{newer}");
    let other = told(b"REDIS0011\x63\x01k");
    assert!(other.contains("[offset 10] Invalid object type: 99"), "{other}");
    assert!(other.contains("While doing: read-type"), "{other}");
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let finished = check(Path::new("/nowhere/dump.rdb"));
    assert_eq!(code(&finished), Some(1));
    assert!(finished.stderr.contains("Cannot open /nowhere/dump.rdb"), "{}", finished.stderr);
}

#[test]
fn the_program_is_the_tool_whose_name_it_bears() {
    let (server, path) = saved();
    let tool = server.directory().join("redis-check-rdb");
    std::os::unix::fs::symlink(crate::program().path, &tool).expect("the folder can be written");
    let finished = run(&tool, &[&path.to_string_lossy()], b"", LIMIT);
    assert_eq!(code(&finished), Some(0), "{}", finished.stderr);
    assert!(finished.stdout.contains("RDB looks OK!"));
    let finished = run(&tool, &[], b"", LIMIT);
    assert_eq!(code(&finished), Some(1));
    assert_eq!(finished.stderr, "Usage: redis-check-rdb <rdb-file-name>\n");
    assert!(run(&tool, &["-v"], b"", LIMIT).expect_success().starts_with("redis-check-rdb "));
}

/// What Redis's tool says of a file of ours that Redis can read: the same, line by line, but for our summary.
#[test]
fn the_words_are_those_of_redis_s_own_tool() {
    let server = Server::standalone(&Program::redis());
    let mut client = server.client();
    for line in ["SET a 1", "SET later 1 EX 1000", "RPUSH list a b c", "SAVE"] {
        assert!(!client.line(line).is_error(), "{line}");
    }
    let path = server.directory().join("dump.rdb");
    let whole = fs::read(&path).expect("it was saved");
    let tool = Program::redis().path.with_file_name("redis-check-rdb");
    for bytes in [&whole[..], &whole[..whole.len() - 12], b"hello, world"] {
        fs::write(&path, bytes).expect("the folder can be written");
        let name = path.to_string_lossy();
        let theirs = run(&tool, &[&name], b"", LIMIT);
        let ours = check(&path);
        assert_eq!(code(&ours), code(&theirs), "{}", theirs.stdout);
        for line in theirs.stdout.lines() {
            // Where a file ends they tell the place of what they were reading, and a type before there is one.
            let is_place = line.contains("Unexpected EOF") || line.contains("Reading type 0");
            assert!(is_place || ours.stdout.contains(line), "no {line}:\n{}", ours.stdout);
        }
    }
}
