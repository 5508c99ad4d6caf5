//! The transcripts of `tests/scripts`: what they log here is what the oracle writes into its AOF.

use std::slice;
use std::sync::{Arc, Mutex};
use std::thread;

use testkit::transcript::{self, Environment, Options, ProcessTarget, Script};
use testkit::{Program, Protocol};

use super::{AOF, WORKER, commands, compare, read_aof, take_log};
use crate::in_process::{InProcess, World};

/// Transcripts that log something else on purpose, and what.
const DIFFERENT: [(&str, &str); 1] =
    [("string/msetex", "a time that has come already is logged as the removal of the keys")];

fn options(oracle: bool) -> Options<'static> {
    Options {
        protocol: Protocol::Resp2,
        oracle,
        features: crate::scripts::FEATURES,
        filter: None,
        record: false,
        compatibility: None,
    }
}

/// What a transcript logs here; none where it is left out.
fn log_of_ours(script: &mut Script) -> Option<Vec<u8>> {
    let mut world = None;
    let _ = transcript::run(slice::from_mut(script), &options(false), |environment| {
        let opened = Arc::new(World::new(environment));
        opened.node.begin_log(node::LogUser::File, WORKER, opened.now(), |_, _| ());
        world = Some(Arc::clone(&opened));
        Box::new(InProcess(opened))
    });
    world.map(|world| take_log(&world))
}

/// What it writes into the AOF of the oracle.
fn log_of_oracle(script: &mut Script) -> Option<Vec<u8>> {
    let mut server = None;
    let _ = transcript::run(slice::from_mut(script), &options(true), |environment| {
        let mut environment: Environment = environment.clone();
        environment.start.extend(AOF.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let target = ProcessTarget::start(&Program::valkey(), &environment);
        server = Some(target.server());
        Box::new(target)
    });
    server.map(|server| read_aof(&server))
}

/// How many transcripts run at once: most of the time they wait for a server.
const THREADS: usize = 6;

/// What becomes of one transcript: how many commands the oracle has written, and the first difference; none where it is left out.
fn compare(script: &mut Script) -> Option<(usize, Option<String>)> {
    let oracle = commands(&log_of_oracle(script)?);
    let ours = commands(&log_of_ours(script)?);
    let difference = compare::difference(&ours, &oracle);
    Some((oracle.len(), difference.map(|difference| format!("{}:\n{difference}", script.name()))))
}

#[test]
fn transcripts_log_what_the_oracle_writes() {
    let filter = std::env::var("TRANSCRIPT").unwrap_or_default();
    let scripts =
        transcript::load(&crate::root().join("tests/scripts")).expect("transcripts are read");
    let wanted = |script: &Script| {
        script.name().contains(&filter) && !DIFFERENT.iter().any(|(name, _)| *name == script.name())
    };
    let left = Mutex::new(scripts.into_iter().filter(wanted).collect::<Vec<_>>());
    let next = || left.lock().expect("no thread panics while it holds this").pop();
    let compared: Vec<_> = thread::scope(|scope| {
        let run = || {
            let mut found = Vec::new();
            while let Some(mut script) = next() {
                found.extend(compare(&mut script));
            }
            found
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(run)).collect();
        threads.into_iter().flat_map(|one| one.join().expect("a thread ends")).collect()
    });
    let logged: usize = compared.iter().map(|(logged, _)| logged).sum();
    println!("{} transcripts, {logged} commands in the AOF", compared.len());
    assert!(!compared.is_empty() || !filter.is_empty(), "no transcript was compared");
    let differences: Vec<_> = compared.into_iter().filter_map(|(_, one)| one).collect();
    assert!(differences.is_empty(), "{} differ\n\n{}", differences.len(), differences.join("\n"));
}
