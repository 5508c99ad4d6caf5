//! `cargo xtask test`: installs what the tests need, then runs every stage and sums up.
//!
//! A stage that cannot run has failed: nothing is left out in silence. The stages after a failed one still
//! run, except that nothing runs when the installation failed.

mod docker;
mod install;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

type Outcome = Result<(), String>;

/// One stage. The extra ones run only when they are named.
struct Stage {
    name: &'static str,
    extra: bool,
    run: fn(&Places) -> Outcome,
}

const STAGES: &[Stage] = &[
    Stage { name: "install", extra: false, run: install::run },
    Stage { name: "format", extra: false, run: format },
    Stage { name: "lint", extra: false, run: lint },
    Stage { name: "unit", extra: false, run: unit },
    Stage { name: "transcripts", extra: false, run: transcripts },
    Stage { name: "process", extra: false, run: process },
    Stage { name: "clients", extra: false, run: clients },
    Stage { name: "high-availability", extra: false, run: high_availability },
    Stage { name: "oracle-tools", extra: true, run: oracle_tools },
    Stage { name: "docker", extra: true, run: docker::run },
];

/// The folders that a stage works in.
struct Places {
    root: PathBuf,
    tools: PathBuf,
}

/// Runs the stages asked for.
pub(crate) fn main(arguments: &[&str]) -> ExitCode {
    let only = match chosen(arguments) {
        Ok(only) => only,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let places = places();
    let begin = Instant::now();
    let mut summary: Vec<(&str, Duration, Outcome)> = Vec::new();
    for stage in STAGES {
        let wanted = if only.is_empty() { !stage.extra } else { only.contains(&stage.name) };
        if !wanted {
            continue;
        }
        println!("==> {}", stage.name);
        let started = Instant::now();
        let outcome = (stage.run)(&places);
        let took = started.elapsed();
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("<== {}: {word} in {:.1} s", stage.name, took.as_secs_f64());
        let stop = stage.name == "install" && outcome.is_err();
        summary.push((stage.name, took, outcome));
        if stop {
            break;
        }
    }
    report(&summary, begin.elapsed())
}

fn report(summary: &[(&str, Duration, Outcome)], took: Duration) -> ExitCode {
    println!("\nsummary");
    for (name, took, outcome) in summary {
        let text =
            outcome.as_ref().err().map_or("ok".to_owned(), |error| format!("FAILED: {error}"));
        println!("  {name:<18}{:>8.1} s  {text}", took.as_secs_f64());
    }
    let failed = summary.iter().filter(|(.., outcome)| outcome.is_err()).count();
    println!("{} stages, {failed} failed, {:.1} s", summary.len(), took.as_secs_f64());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn chosen(arguments: &[&str]) -> Result<Vec<&'static str>, String> {
    let names = || STAGES.iter().map(|stage| stage.name).collect::<Vec<_>>().join(" ");
    let mut only = Vec::new();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let name = match (*word, word.strip_prefix("--only=")) {
            ("--docker", _) => "docker",
            ("--only", _) => *rest.next().ok_or_else(|| format!("--only: one of {}", names()))?,
            (_, Some(name)) => name,
            (word, None) => return Err(format!("unknown argument: {word}")),
        };
        let stage = STAGES.iter().find(|stage| stage.name == name);
        only.push(stage.ok_or_else(|| format!("no stage {name}; there are {}", names()))?.name);
    }
    Ok(only)
}

fn places() -> Places {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.parent().and_then(Path::parent).unwrap_or(manifest).to_path_buf();
    let target = env::var_os("CARGO_TARGET_DIR")
        .map(|directory| root.join(directory))
        .or_else(|| metadata_target(&root))
        .unwrap_or_else(|| root.join("target"));
    Places { tools: target.join("tools"), root }
}

fn metadata_target(root: &Path) -> Option<PathBuf> {
    let output = Command::new(cargo_program())
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, rest) = text.split_once("\"target_directory\":\"")?;
    let (path, _) = rest.split_once('"')?;
    Some(PathBuf::from(path))
}

fn cargo_program() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs a program in the root; its output goes to the person.
fn run(places: &Places, program: &std::ffi::OsStr, arguments: &[&str]) -> Outcome {
    let shown = format!("{} {}", program.to_string_lossy(), arguments.join(" "));
    let status = Command::new(program).args(arguments).current_dir(&places.root).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown}: {status}")),
        Err(error) => Err(format!("{shown}: {error}")),
    }
}

fn cargo(places: &Places, arguments: &[&str]) -> Outcome {
    run(places, &cargo_program(), arguments)
}

/// All stages of a list, so that one failure does not hide the next.
fn each(places: &Places, commands: &[&[&str]]) -> Outcome {
    let failures: Vec<String> =
        commands.iter().filter_map(|command| cargo(places, command).err()).collect();
    if failures.is_empty() { Ok(()) } else { Err(failures.join("; ")) }
}

fn format(places: &Places) -> Outcome {
    cargo(places, &["fmt", "--all", "--check"])
}

fn lint(places: &Places) -> Outcome {
    cargo(places, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn unit(places: &Places) -> Outcome {
    // What needs servers stands in tests/main.rs and in testkit's oracle suites: the stages below run those.
    let own_suites: &[&[&str]] = &[
        &["test", "--workspace", "--exclude", "redstart", "--exclude", "redstart-testkit"],
        &["test", "-p", "redstart-testkit", "--lib", "--test", "lifetime"],
        &["test", "-p", "redstart", "--bins"],
        &["test", "-p", "redstart", "--test", "main", "tidy"],
    ];
    each(places, own_suites)
}

fn transcripts(places: &Places) -> Outcome {
    let suites: &[&[&str]] = &[
        &["test", "-p", "redstart-testkit", "--test", "oracle"],
        &[&MAIN_SUITE[..], &TRANSCRIPTS].concat(),
    ];
    each(places, suites)
}

/// The suites on the real executable, or parts of it.
const MAIN_SUITE: [&str; 6] = ["test", "-p", "redstart", "--test", "main", "--"];

/// Those of them that compare answers with files.
const TRANSCRIPTS: [&str; 3] = ["scripts::", "in_process::", "bad_input::"];

fn process(places: &Places) -> Outcome {
    let others = TRANSCRIPTS.into_iter().chain(["tidy::", "clients::", "high_availability::"]);
    let skipped: Vec<&str> = others.flat_map(|suite| ["--skip", suite]).collect();
    cargo(places, &[&MAIN_SUITE[..], &skipped].concat())
}

fn clients(places: &Places) -> Outcome {
    cargo(places, &["test", "-p", "redstart", "--test", "main", "clients::"])
}

fn high_availability(places: &Places) -> Outcome {
    // By themselves, and side by side, for they wait most of the time: a Sentinel that gets no processor for two seconds takes no decisions for thirty.
    let patient = ["high_availability::", "--test-threads=4"];
    cargo(places, &[&MAIN_SUITE[..], &patient].concat())
}

fn oracle_tools(places: &Places) -> Outcome {
    cargo(places, &["test", "-p", "redstart-testkit", "--test", "oracle_tools"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_chosen_by_name() {
        assert_eq!(chosen(&[]).unwrap(), [""; 0]);
        assert_eq!(chosen(&["--only", "lint", "--only=unit"]).unwrap(), ["lint", "unit"]);
        assert!(chosen(&["--only", "nothing"]).unwrap_err().contains("transcripts"));
        assert_eq!(chosen(&["--docker"]).unwrap(), ["docker"]);
        assert!(chosen(&["--only"]).is_err());
        assert!(chosen(&["fast"]).is_err());
    }
}
