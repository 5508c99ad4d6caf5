//! Counts of changes, both forms, and bytes that nobody of ours wrote. The bytes themselves stand in the transcripts.

use super::sketch::{self, Form, HEADER_BYTES};
use super::sparse;
use crate::testing::Fixture;
use proptest::prelude::*;
use std::fmt::Write;

fn sparse_sketch(runs: &[u8]) -> Vec<u8> {
    let mut bytes = sketch::empty();
    bytes.truncate(HEADER_BYTES);
    bytes.extend(runs);
    bytes
}

#[test]
fn what_makes_a_difference_counts() {
    let mut fixture = Fixture::new();
    fixture.check(&[
        ("PFADD k", ":1"),
        ("PFADD k", ":0"),
        ("PFADD k a b c d e f g", ":1"),
        ("PFADD k a g", ":0"),
        ("PFCOUNT k", ":7"),
        ("PFDEBUG ENCODING k", "+sparse"),
    ]);
    assert_eq!(fixture.changes(), 1 + 7 + 1);
    assert_eq!(fixture.encoding("k"), Some("raw"));
}

#[test]
fn a_sparse_one_becomes_dense_when_it_grows_too_long() {
    let mut fixture = Fixture::new();
    let mut line = "PFADD k".to_owned();
    for number in 0..2000 {
        write!(line, " {number}").expect("a string takes all");
    }
    fixture.check(&[
        (&line, ":1"),
        ("PFDEBUG ENCODING k", "+dense"),
        ("STRLEN k", ":12304"),
        ("PFADD small x", ":1"),
        ("PFMERGE small k", "+OK"),
        ("PFDEBUG ENCODING small", "+dense"),
        ("PFDEBUG TODENSE small", ":0"),
        ("PFDEBUG DECODE small", "-ERR HLL encoding is not sparse"),
    ]);
}

#[test]
fn the_server_s_own_test_passes() {
    assert_eq!(Fixture::new().run("PFSELFTEST"), "+OK");
}

proptest! {
    /// Whatever follows the header: it is counted, merged and added to, or refused.
    #[test]
    fn foreign_runs_are_read_to_their_end_or_refused(
        runs in proptest::collection::vec(any::<u8>(), 0..200),
        stale: bool,
    ) {
        let mut bytes = sparse_sketch(&runs);
        if stale {
            sketch::forget(&mut bytes);
        }
        let mut fixture = Fixture::new();
        for request in [
            &[&b"PFADD"[..], b"k", b"a", b"b", b"c"][..],
            &[b"PFCOUNT", b"k"],
            &[b"PFCOUNT", b"k", b"other"],
            &[b"PFMERGE", b"k", b"other"],
            &[b"PFMERGE", b"other", b"k"],
            &[b"PFDEBUG", b"DECODE", b"k"],
            &[b"PFDEBUG", b"TODENSE", b"k"],
        ] {
            fixture.run_words(&[b"SET", b"k", &bytes]);
            let reply = fixture.run_words(request);
            let refused = reply == "-INVALIDOBJ Corrupted HLL object detected";
            prop_assert!(refused || !reply.starts_with('-'), "{reply}");
        }
    }

    /// The sparse form says what the dense one does, and stays well-formed.
    #[test]
    fn both_forms_hold_the_same(
        raised in proptest::collection::vec((0..40usize, 1..40u8), 0..200),
        most in 20..200usize,
    ) {
        let (mut grown, mut form) = (sketch::empty(), Form::Sparse);
        let (mut dense, mut dense_form) = (sketch::empty(), Form::Sparse);
        sketch::make_dense(&mut dense, &mut dense_form).expect("it is well-formed");
        for register in raised {
            let one = sketch::raise(&mut grown, &mut form, register, most);
            let other = sketch::raise(&mut dense, &mut dense_form, register, most);
            prop_assert_eq!(one, other);
            if form == Form::Sparse {
                prop_assert!(grown.len() <= most.max(18));
                prop_assert!(sparse::for_each(&grown[HEADER_BYTES..], |_, _| ()).is_ok());
            }
        }
        sketch::make_dense(&mut grown, &mut form).expect("it is well-formed");
        prop_assert_eq!(grown, dense);
    }
}
