//! The simulator's command line: one seed, many seeds, or one large cluster.

use sim::{Mutation, Outcome, Plan, grow, minimal, run, run_with_log};
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const USAGE: &str = "\
Simulates clusters from seeds.

  sim --seed N               runs one seed and prints its trace hash
  sim --seeds COUNT          runs so many seeds from --from on, on all cores
  sim --mutations            looks for each of the historical bugs, in seeds from --from on
  sim --nodes N --report     forms one large cluster and prints what it took

  --log             with --seed: prints what the nodes log, and what they know in the end
  --mutation NAME   with --seed and --seeds: a cluster that has this bug
  --without N       with --seed: leaves out a disturbance; may be given again
  --minimal         with --seed: leaves out what a failure does not need, and prints what happens then
  --from N          the first seed of --seeds (default 0)
  --nodes N         nodes in a run (default 6)
  --seconds N       simulated seconds of a run (default 60)
  --timeout-ms N    cluster-node-timeout (default 2000; 15000 with --report)
";

#[derive(Default)]
struct Arguments {
    seed: Option<u64>,
    seeds: Option<u64>,
    from: u64,
    nodes: Option<u64>,
    seconds: Option<u64>,
    timeout_ms: Option<u64>,
    report: bool,
    log: bool,
    minimal: bool,
    mutations: bool,
    mutation: Option<Mutation>,
    without: Vec<usize>,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let mut arguments = Arguments::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--report" => {
                    arguments.report = true;
                    continue;
                }
                "--log" => {
                    arguments.log = true;
                    continue;
                }
                "--minimal" => {
                    arguments.minimal = true;
                    continue;
                }
                "--mutations" => {
                    arguments.mutations = true;
                    continue;
                }
                "--mutation" => {
                    let name = words.next().unwrap_or_default();
                    let mutation = Mutation::named(&name);
                    arguments.mutation = Some(mutation.ok_or(format!("unknown mutation {name}"))?);
                    continue;
                }
                _ => {}
            }
            let mut number = || -> Result<u64, String> {
                let value = words.next().ok_or(format!("{word} needs a number"))?;
                value.parse().map_err(|_| format!("{word} {value}: not a number"))
            };
            match word.as_str() {
                "--seed" => arguments.seed = Some(number()?),
                "--seeds" => arguments.seeds = Some(number()?),
                "--from" => arguments.from = number()?,
                "--without" => arguments.without.push(number()? as usize),
                "--nodes" => arguments.nodes = Some(number()?),
                "--seconds" => arguments.seconds = Some(number()?),
                "--timeout-ms" => arguments.timeout_ms = Some(number()?),
                _ => return Err(format!("unknown argument {word}\n\n{USAGE}")),
            }
        }
        Ok(arguments)
    }

    fn plan(&self) -> Result<Plan, String> {
        let mut plan = Plan::default();
        plan.nodes = self.nodes.map_or(plan.nodes, |nodes| nodes as usize);
        plan.length = self.seconds.map_or(plan.length, Duration::from_secs);
        plan.node_timeout = self.timeout_ms.map_or(plan.node_timeout, Duration::from_millis);
        plan.mutation = self.mutation;
        plan.without.clone_from(&self.without);
        let least = Duration::from_secs(10) + plan.node_timeout * 4;
        if plan.nodes == 0 || plan.length < least {
            return Err(format!("a run needs a node and {} seconds", least.as_secs_f64()));
        }
        Ok(plan)
    }

    /// The arguments that replay a run, but for its seed.
    fn replay(&self) -> String {
        let named = [
            ("--nodes", self.nodes),
            ("--seconds", self.seconds),
            ("--timeout-ms", self.timeout_ms),
        ];
        let given = named.iter().filter_map(|(name, value)| Some(format!(" {name} {}", (*value)?)));
        let mutation = self.mutation.map(|one| format!(" --mutation {}", one.name()));
        given.chain(mutation).collect()
    }
}

fn main() -> ExitCode {
    let outcome = Arguments::parse(std::env::args().skip(1)).and_then(|arguments| {
        match (arguments.report, arguments.seed, arguments.seeds) {
            _ if arguments.mutations => mutations(&arguments),
            (true, ..) => report(&arguments),
            (false, Some(seed), _) => one(&arguments, seed),
            (false, None, Some(count)) => many(&arguments, count),
            (false, None, None) => Err(USAGE.to_owned()),
        }
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn say_failure(outcome: &Outcome, replay: &str) {
    if let Some(failure) = &outcome.failure {
        let seed = outcome.seed;
        say(&format!(
            "seed {seed} failed {failure}; replay: cargo run --release -p redstart-sim -- --seed {seed}{replay}"
        ));
    }
}

/// More disturbances than any run has.
const DISTURBANCES_MAX: usize = 40;

/// In how many seeds a bug is looked for.
const MUTATION_SEEDS: u64 = 500;

fn mutations(arguments: &Arguments) -> Result<bool, String> {
    let mut plan = arguments.plan()?;
    let mut missed = 0;
    for mutation in Mutation::ALL {
        plan.mutation = Some(mutation);
        let seeds = arguments.from..arguments.from + arguments.seeds.unwrap_or(MUTATION_SEEDS);
        let found = seeds.map(|seed| run(seed, &plan)).find(|outcome| outcome.failure.is_some());
        let name = mutation.name();
        say(&match found {
            Some(Outcome { seed, failure: Some(failure), .. }) => {
                let after = seed - arguments.from + 1;
                format!("{name}: found with seed {seed}, after {after} seeds: {failure}")
            }
            _ => {
                missed += 1;
                format!("{name}: not found")
            }
        });
    }
    let all = Mutation::ALL.len();
    say(&format!("{} of {all} found", all - missed));
    Ok(missed <= 1)
}

fn one(arguments: &Arguments, seed: u64) -> Result<bool, String> {
    let plan = arguments.plan()?;
    if arguments.minimal {
        let minimal = minimal(seed, &plan, DISTURBANCES_MAX);
        minimal.trace.iter().for_each(|line| say(line));
        let replay: String =
            minimal.without.iter().map(|nth| format!(" --without {nth}")).collect();
        say_failure(&minimal.outcome, &(arguments.replay() + &replay));
        return Ok(minimal.outcome.failure.is_none());
    }
    let outcome = if arguments.log {
        let (outcome, lines) = run_with_log(seed, &plan);
        lines.iter().for_each(|line| say(line));
        outcome
    } else {
        run(seed, &plan)
    };
    say(&format!("seed {seed} trace {:016x}", outcome.trace));
    say_failure(&outcome, &arguments.replay());
    Ok(outcome.failure.is_none())
}

fn many(arguments: &Arguments, count: u64) -> Result<bool, String> {
    let plan = arguments.plan()?;
    let replay = arguments.replay();
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let folded = AtomicU64::new(0);
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= count {
                        break;
                    }
                    let outcome = run(arguments.from + nth, &plan);
                    folded.fetch_xor(outcome.trace.rotate_left(nth as u32 % 64), Ordering::Relaxed);
                    failed.fetch_add(u64::from(outcome.failure.is_some()), Ordering::Relaxed);
                    say_failure(&outcome, &replay);
                }
            });
        }
    });
    let (failed, seconds) = (failed.into_inner(), started.elapsed().as_secs_f64());
    say(&format!(
        "{count} seeds from {}, {failed} failed, {seconds:.1} s, {:.0} seeds a minute on {threads} threads, traces {:016x}",
        arguments.from,
        count as f64 * 60.0 / seconds,
        folded.into_inner()
    ));
    Ok(failed == 0)
}

fn report(arguments: &Arguments) -> Result<bool, String> {
    let nodes = arguments.nodes.unwrap_or(1000) as usize;
    let timeout = Duration::from_millis(arguments.timeout_ms.unwrap_or(15_000));
    let patience = arguments.seconds.map_or(Duration::from_secs(300), Duration::from_secs);
    let started = Instant::now();
    let seed = arguments.seed.unwrap_or(0);
    match grow(seed, nodes, timeout, patience) {
        Ok(growth) => {
            say(&format!("seed {seed} trace {:016x}", growth.trace));
            say(&format!("nodes {nodes}, node timeout {} ms", timeout.as_millis()));
            say(&format!("converged after {:.1} s", growth.converged_after.as_secs_f64()));
            say(&format!(
                "bus bytes per node and second while forming: {}",
                growth.forming_bytes_per_node_s
            ));
            say(&format!(
                "bus bytes per node and second when steady: {}",
                growth.steady_bytes_per_node_s
            ));
            say(&format!("simulated in {:.1} s", started.elapsed().as_secs_f64()));
            Ok(true)
        }
        Err(violation) => Err(violation.0),
    }
}
