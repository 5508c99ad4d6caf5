//! Random commands, on the server under test and on Valkey; see `testkit::model`.
//!
//! `MODEL_COMMANDS=<number>` runs more or fewer, `MODEL_SEED=<number>` those of a seed again, `MODEL_FAMILY=list` those of one family.

use std::time::{SystemTime, UNIX_EPOCH};

use testkit::Program;
use testkit::model::{self, Plan};

const COMMANDS: usize = 100_000;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

#[test]
fn random_commands_are_answered_as_the_oracle_answers_them() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos());
    let plan = Plan {
        seed: number("MODEL_SEED").unwrap_or(now as u64),
        commands: number("MODEL_COMMANDS").map_or(COMMANDS, |number| number as usize),
        family: std::env::var("MODEL_FAMILY").ok(),
    };
    let report = model::run(&crate::program(), &Program::valkey(), &plan);
    println!("seed {}: {} commands", plan.seed, report.commands);
    println!("not there, and left out: {:#?}", report.left_out);
    if let Some(difference) = report.difference {
        panic!("MODEL_SEED={}\n{difference}", plan.seed);
    }
}
