//! The transcripts of `tests/scripts`, on the server under test over a socket, in RESP2 and RESP3.
//!
//! With `UPDATE_GOLDENFILES=1`, on the oracle, what it answers is written into the files: read the diff then.
//! `TRANSCRIPT=string/set` runs only the files whose name contains that.

use std::env;
use std::path::Path;

use testkit::transcript::{self, Options, ProcessTarget};
use testkit::{Kind, Protocol};

/// What needs a type of value that the server under test does not have yet.
pub(crate) const FEATURES: &[&str] = &[];

fn run(protocol: Protocol) {
    let program = crate::program();
    let oracle = program.kind == Kind::Valkey;
    let filter = env::var("TRANSCRIPT").ok();
    let root = crate::root();
    let mut scripts = transcript::load(&root.join("tests/scripts")).expect("transcripts are read");
    let compatibility = root.join("docs/compatibility.md");
    let options = Options {
        protocol,
        oracle,
        features: FEATURES,
        filter: filter.as_deref(),
        record: oracle && env::var_os("UPDATE_GOLDENFILES").is_some(),
        compatibility: Some(Path::new(&compatibility)),
    };
    let summary = transcript::run(&mut scripts, &options, |environment| {
        Box::new(ProcessTarget::start(&program, environment))
    });
    let what = format!("{:?}, {protocol:?}", program.kind);
    transcript::assert_passes(&what, &summary, filter.as_deref());
}

#[test]
fn transcripts_hold_in_resp2() {
    run(Protocol::Resp2);
}

#[test]
fn transcripts_hold_in_resp3() {
    run(Protocol::Resp3);
}
