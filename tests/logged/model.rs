//! The random commands of the model test: what they log here is what the oracle writes into its AOF.
//!
//! `LOG_SEED=<number>` runs those of a seed again, `LOG_COMMANDS=<number>` more or fewer.

use std::sync::Arc;

use testkit::transcript::{Environment, Target};
use testkit::{Client, Program, Server, Setup, model};

use super::{AOF, WORKER, commands, compare, number, read_aof, run, take_log};
use crate::in_process::{InProcess, World};

const COMMANDS: u64 = 20_000;

/// Nodes of streams and lists that few entries fill.
const SETTINGS: [(&str, &str); 2] =
    [("stream-node-max-entries", "3"), ("list-max-listpack-size", "4")];

#[test]
fn random_commands_log_what_the_oracle_writes() {
    let seed = crate::seed("LOG_SEED");
    let count = number("LOG_COMMANDS").unwrap_or(COMMANDS);
    let random = model::commands(seed, count as usize, false);
    let setup = AOF
        .iter()
        .chain(&SETTINGS)
        .fold(Setup::new(), |setup, (name, value)| setup.with(name, &[value]));
    let server = Server::start(&Program::valkey(), setup);
    run(&mut server.client(), &random);
    let start = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let world = Arc::new(World::new(&Environment { start, ..Environment::default() }));
    world.node.begin_log(node::LogUser::File, WORKER, world.now(), |_, _| ());
    let target = InProcess(Arc::clone(&world));
    run(&mut Client::new(target.connect().expect("it accepts")), &random);
    let (ours, oracle) = (commands(&take_log(&world)), commands(&read_aof(&server)));
    println!("{} commands, {} logged", random.len(), oracle.len());
    if let Some(difference) = compare::difference(&ours, &oracle) {
        panic!("LOG_SEED={seed}\n{difference}");
    }
}
