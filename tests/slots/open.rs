//! CLUSTER SETSLOT, MIGRATE, and where requests go while a slot is open: what Valkey answers stands in the scripts.

use super::answers;
use std::path::PathBuf;
use testkit::Program;

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
