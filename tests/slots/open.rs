//! CLUSTER SETSLOT, MIGRATE, and where requests go while a slot is open: what Valkey answers stands in the scripts.

use super::{Pair, answers};
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;
use testkit::{Program, Reply, Server, encode_command, wait};

fn script(name: &str) -> String {
    std::fs::read_to_string(path(name)).expect("the script is read")
}

fn path(name: &str) -> PathBuf {
    crate::root().join("tests/slots").join(name)
}

/// With `UPDATE_GOLDENFILES=1` what it answers is written into the script.
fn valkey_answers(name: &str) {
    let (script, valkey) = (script(name), Program::valkey());
    let answers = answers(&[&valkey; 2], &script);
    if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
        std::fs::write(path(name), &answers).expect("the script is written");
    } else {
        assert_same(&answers, &script);
    }
}

fn we_answer(name: &str) {
    let (script, program) = (script(name), crate::program());
    assert_same(&answers(&[&program; 2], &script), &script);
}

/// The first difference is enough to read.
fn assert_same(answers: &str, script: &str) {
    let lines = answers.lines().zip(script.lines()).enumerate();
    for (number, (answer, expected)) in lines {
        assert_eq!(answer, expected, "line {}", number + 1);
    }
    assert_eq!(answers.len(), script.len());
}

#[test]
fn valkey_opens_slots_as_the_script_says() {
    valkey_answers("open.txt");
}

#[test]
fn open_slots_send_requests_where_their_keys_are() {
    we_answer("open.txt");
}

#[test]
fn valkey_migrates_as_the_script_says() {
    valkey_answers("migrate.txt");
}

#[test]
fn migrate_answers_as_valkey_does_and_brings_all_types_over() {
    we_answer("migrate.txt");
}

/// A client that waits for a key is sent after its slot.
#[test]
fn who_waits_for_a_key_of_a_slot_that_moves_is_sent_after_it() {
    for program in [crate::program(), Program::valkey()] {
        let pair = Pair::new(&[&program; 2]);
        let [a, b] = [0, 1].map(|index| &pair.cluster.nodes[index]);
        let (mut waiting, mut operator, mut target) = (a.client(), a.client(), b.client());
        waiting.send_raw(&encode_command(&["BLPOP", "b", "0"])).expect("it is sent");
        let waits = || {
            let info = operator.command(&["INFO", "clients"]).text().unwrap_or_default();
            info.contains("blocked_clients:1\r\n")
        };
        assert!(wait::until(Duration::from_secs(30), waits));
        let [_, to] = &pair.ids;
        assert_eq!(target.command(&["CLUSTER", "SETSLOT", "3300", "NODE", to]), Reply::ok());
        assert_eq!(operator.command(&["CLUSTER", "SETSLOT", "3300", "NODE", to]), Reply::ok());
        let told = waiting.reply().expect("it is answered");
        assert_eq!(told, Reply::Error(format!("MOVED 3300 {}", b.address())));
    }
}

/// While keys are on their way they are read, and whoever writes to them waits; a target that does not answer leaves them here.
#[test]
fn keys_that_are_leaving_are_read_and_their_writers_wait() {
    let server = Server::standalone(&crate::program());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port().to_string();
    let (mut sender, mut reader, mut writer, mut whole) =
        (server.client(), server.client(), server.client(), server.client());
    reader.line("MSET k v other v");
    let request = ["MIGRATE", "127.0.0.1", &port, "k", "0", "2000"];
    sender.send_raw(&encode_command(&request)).expect("it is sent");
    let (target, _) = listener.accept().expect("the keys are on their way");
    assert_eq!(reader.line("GET k"), Reply::bulk("v"));
    assert_eq!(reader.line("SET other w"), Reply::ok());
    writer.send_raw(&encode_command(&["APPEND", "k", "w"])).expect("it is sent");
    whole.send_raw(&encode_command(&["FLUSHDB"])).expect("it is sent");
    assert_eq!(reader.line("GET k"), Reply::bulk("v"));
    assert_eq!(reader.line("DBSIZE"), Reply::Integer(2));
    let told = sender.reply().expect("its time is up");
    let silence = "IOERR error or timeout reading from target instance";
    assert_eq!(told, Reply::Error(silence.to_owned()));
    drop(target);
    let appended = writer.reply().expect("it has waited");
    assert!([Reply::Integer(2), Reply::Integer(1)].contains(&appended), "{appended:?}");
    assert_eq!(whole.reply().expect("it has waited"), Reply::ok());
}
