//! CLUSTER SETSLOT, and where requests go while a slot is open: what Valkey answers stands in `open.txt`.

use super::answers;
use testkit::Program;

const SCRIPT: &str = "tests/slots/open.txt";

fn script() -> String {
    std::fs::read_to_string(crate::root().join(SCRIPT)).expect("the script is read")
}

/// With `UPDATE_GOLDENFILES=1` what it answers is written into the script.
#[test]
fn valkey_answers_as_the_script_says() {
    let (script, valkey) = (script(), Program::valkey());
    let answers = answers(&[&valkey; 2], &script);
    if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
        std::fs::write(crate::root().join(SCRIPT), &answers).expect("the script is written");
    } else {
        assert_same(&answers, &script);
    }
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
fn open_slots_send_requests_where_their_keys_are() {
    let (script, program) = (script(), crate::program());
    assert_same(&answers(&[&program; 2], &script), &script);
}
