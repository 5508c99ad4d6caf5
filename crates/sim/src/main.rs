//! The simulator's command line: one seed, many seeds, or one large cluster.

use sim::{Figures, Mutation, Outcome, Plan, large, minimal, run, run_with_log, svg};
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const USAGE: &str = "\
Simulates clusters from seeds.

  sim --seed N               runs one seed and prints its trace hash
  sim --seeds COUNT          runs so many seeds from --from on, on all cores
  sim --mutations            looks for each of the historical bugs, in seeds from --from on
  sim --large N[,N...]       lets a primary fail in clusters of so many nodes

  --log             with --seed: prints what the nodes log, and what they know in the end
  --mutation NAME   with --seed and --seeds: a cluster that has this bug
  --without N       with --seed: leaves out a disturbance; may be given again
  --minimal         with --seed: leaves out what a failure does not need, and prints what happens then
  --from N          the first seed of --seeds (default 0)
  --nodes N         nodes in a run (default 6)
  --seconds N       simulated seconds of a run (default 60)
  --timeout-ms N    cluster-node-timeout (default 2000; 15000 with --large)
  --figures FILE    with --large: adds what was measured to a file
  --chart FILE      draws what stands in the file of --figures
";

#[derive(Default)]
struct Arguments {
    seed: Option<u64>,
    seeds: Option<u64>,
    from: u64,
    nodes: Option<u64>,
    seconds: Option<u64>,
    timeout_ms: Option<u64>,
    large: Vec<usize>,
    figures: Option<String>,
    chart: Option<String>,
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
                "--large" => {
                    let sizes = words.next().unwrap_or_default();
                    let sizes: Result<_, _> = sizes.split(',').map(str::parse).collect();
                    arguments.large = sizes.map_err(|_| "--large needs numbers".to_owned())?;
                    continue;
                }
                "--figures" => {
                    arguments.figures = words.next();
                    continue;
                }
                "--chart" => {
                    arguments.chart = words.next();
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
        if !arguments.large.is_empty() || arguments.chart.is_some() {
            return large_clusters(&arguments);
        }
        match (arguments.mutations, arguments.seed, arguments.seeds) {
            (true, ..) => mutations(&arguments),
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

/// The columns of a file of figures.
const COLUMNS: &str = "nodes timeout_ms detected_ms known_ms taken_over_ms converged_ms steady_bytes_s failing_bytes_s";

fn large_clusters(arguments: &Arguments) -> Result<bool, String> {
    let timeout = Duration::from_millis(arguments.timeout_ms.unwrap_or(15_000));
    let file = arguments.figures.as_deref();
    say(COLUMNS);
    for &nodes in &arguments.large {
        let started = Instant::now();
        let one = large(arguments.seed.unwrap_or(0), nodes, timeout).map_err(|why| why.0)?;
        let spans = [one.node_timeout, one.detected, one.known, one.taken_over, one.converged];
        let [timeout, detected, known, taken_over, converged] = spans.map(|span| span.as_millis());
        let line = format!(
            "{nodes} {timeout} {detected} {known} {taken_over} {converged} {} {}",
            one.steady_bytes_s, one.failing_bytes_s
        );
        say(&format!("{line}  (simulated in {:.0} s)", started.elapsed().as_secs_f64()));
        if let Some(file) = file {
            let known = std::fs::read_to_string(file).unwrap_or_default();
            std::fs::write(file, known + &line + "\n").map_err(|why| format!("{file}: {why}"))?;
        }
    }
    let (Some(chart), Some(file)) = (&arguments.chart, file) else { return Ok(true) };
    let text = std::fs::read_to_string(file).map_err(|why| format!("{file}: {why}"))?;
    let mut figures: Vec<Figures> = text.lines().filter_map(figures_of).collect();
    figures.sort_by_key(|one| one.nodes);
    std::fs::write(chart, svg(&figures)).map_err(|why| format!("{chart}: {why}"))?;
    Ok(true)
}

fn figures_of(line: &str) -> Option<Figures> {
    let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [nodes, timeout, detected, known, taken_over, converged, steady, failing] = numbers[..]
    else {
        return None;
    };
    Some(Figures {
        nodes: nodes as usize,
        node_timeout: Duration::from_millis(timeout),
        detected: Duration::from_millis(detected),
        known: Duration::from_millis(known),
        taken_over: Duration::from_millis(taken_over),
        converged: Duration::from_millis(converged),
        steady_bytes_s: steady,
        failing_bytes_s: failing,
    })
}
