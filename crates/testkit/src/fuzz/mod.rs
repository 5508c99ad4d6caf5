//! The bodies of the fuzz targets: functions that take any bytes and panic when a promise is broken.
//!
//! They stand here once. `fuzz/` runs them for long under libFuzzer, which looks for bytes that reach new
//! code; `cargo test -p redstart-testkit` runs each for a second on random bytes, made more telling by words
//! that mean something to the target.

mod aof;
mod cluster;
mod config;
mod glob;
mod rdb;
mod replication;
mod resp;
mod sealed;

pub use aof::{aof_load, aof_manifest};
pub use cluster::cluster_packet;
pub use config::config_parser;
pub use glob::glob;
pub use rdb::{rdb_load, rdb_restore};
pub use replication::replica_handshake;
pub use resp::{resp_decode, resp_round_trip};
pub use sealed::sealed_packet;

/// A body, its name, and words that mean something to it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of its program in `fuzz/`.
    pub name: &'static str,
    /// Panics when a promise is broken.
    pub body: fn(&[u8]),
    /// Parts that inputs are made of, beside random bytes.
    pub words: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: [Target; 11] = [
    Target { name: "resp_decode", body: resp_decode, words: resp::words },
    Target { name: "resp_round_trip", body: resp_round_trip, words: Vec::new },
    Target { name: "cluster_packet", body: cluster_packet, words: Vec::new },
    Target { name: "sealed_packet", body: sealed_packet, words: Vec::new },
    Target { name: "glob", body: glob, words: glob::words },
    Target { name: "config_parser", body: config_parser, words: config::words },
    Target { name: "rdb_load", body: rdb_load, words: rdb::words },
    Target { name: "rdb_restore", body: rdb_restore, words: rdb::words },
    Target { name: "aof_load", body: aof_load, words: aof::words },
    Target { name: "aof_manifest", body: aof_manifest, words: aof::manifest_words },
    Target { name: "replica_handshake", body: replica_handshake, words: replication::words },
];

/// Takes values from the front of the fuzzer's bytes. When they are used up it gives zeros.
struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    fn number(&mut self) -> usize {
        usize::from(self.byte()) << 8 | usize::from(self.byte())
    }

    /// At most so many bytes.
    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Rng;
    use std::panic;
    use std::time::{Duration, Instant, SystemTime};

    const TIME: Duration = Duration::from_secs(1);
    const PARTS_MAX: u64 = 24;

    fn input(rng: &mut Rng, words: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..rng.below(PARTS_MAX) {
            match words.get(rng.below(2 * words.len() as u64 + 1) as usize) {
                Some(word) => bytes.extend(word),
                None => {
                    let mut part = vec![0; rng.below(12) as usize];
                    rng.fill(&mut part);
                    bytes.extend(part);
                }
            }
        }
        bytes
    }

    /// `FUZZ_SEED=<number>` runs the inputs of one seed again.
    fn seed() -> u64 {
        let given = std::env::var("FUZZ_SEED").ok().and_then(|text| text.parse().ok());
        given.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.map_or(1, |since| since.as_nanos() as u64)
        })
    }

    fn run(name: &str) {
        let target = TARGETS.iter().find(|target| target.name == name).expect("a target's name");
        let (seed, words) = (seed(), (target.words)());
        let mut rng = Rng::from_seed(seed);
        let begin = Instant::now();
        let mut inputs = 0;
        while begin.elapsed() < TIME {
            let bytes = input(&mut rng, &words);
            if let Err(cause) = panic::catch_unwind(|| (target.body)(&bytes)) {
                println!("{name}: FUZZ_SEED={seed}, input {inputs}: b\"{}\"", bytes.escape_ascii());
                panic::resume_unwind(cause);
            }
            inputs += 1;
        }
        println!("{name}: {inputs} inputs, FUZZ_SEED={seed}");
        assert!(inputs > 20, "only {inputs} inputs: too slow to find anything");
    }

    #[test]
    fn requests_are_decoded_from_any_bytes_however_they_are_cut() {
        run("resp_decode");
    }

    #[test]
    fn requests_and_replies_come_back_as_they_were_written() {
        run("resp_round_trip");
    }

    #[test]
    fn packets_of_any_bytes_leave_a_node_sound() {
        run("cluster_packet");
    }

    #[test]
    fn nothing_that_is_not_sealed_changes_a_node_that_wants_seals() {
        run("sealed_packet");
    }

    #[test]
    fn globs_match_as_the_slow_matcher_says() {
        run("glob");
    }

    #[test]
    fn configurations_of_any_bytes_are_read_and_written() {
        run("config_parser");
    }

    #[test]
    fn a_primary_that_sends_anything_is_understood_or_refused() {
        run("replica_handshake");
    }

    #[test]
    fn files_of_any_bytes_are_read_or_refused() {
        run("rdb_load");
    }

    #[test]
    fn payloads_of_any_bytes_are_taken_or_refused_and_do_no_harm() {
        run("rdb_restore");
    }

    #[test]
    fn append_only_files_of_any_bytes_are_loaded_or_refused() {
        run("aof_load");
    }

    #[test]
    fn manifests_of_any_bytes_are_read_or_refused() {
        run("aof_manifest");
    }

    #[test]
    fn every_target_has_its_program() {
        let folder = crate::program::workspace_directory().join("fuzz/fuzz_targets");
        let mut programs: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| entry.expect("it can be read").file_name().into_string().expect("ASCII"))
            .collect();
        programs.sort();
        let mut names: Vec<String> = TARGETS.iter().map(|t| format!("{}.rs", t.name)).collect();
        names.sort();
        assert_eq!(programs, names);
    }
}
