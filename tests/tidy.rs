//! The repository's own rules: layers, bans, documents. A rule without a test is a wish.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which crates of ours each crate may know. A new crate has to say so here.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("collections", &[]),
    ("config", &["base"]),
    ("resp", &["base"]),
    ("values", &["base", "collections"]),
    ("engine", &["base", "collections", "values"]),
    ("cluster", &["base"]),
    ("replication", &["base"]),
    ("persist", &["base", "collections", "engine", "resp", "values"]),
    ("commands", &["base", "engine", "persist", "resp", "values"]),
    (
        "node",
        &["base", "cluster", "commands", "config", "engine", "persist", "replication", "resp"],
    ),
    ("server", &["base", "cluster", "config", "engine", "node", "persist", "replication", "resp"]),
    ("sim", &["base", "cluster"]),
    (
        "testkit",
        &[
            "base",
            "cluster",
            "commands",
            "config",
            "engine",
            "node",
            "persist",
            "replication",
            "resp",
        ],
    ),
    ("xtask", &["testkit"]),
];

/// Crates that may do I/O and start threads.
const WORLDLY: &[&str] = &["server", "testkit", "xtask", "sim"];

/// Words that stand only in the crates, or the files, named beside them.
const BANS: &[(&str, &[&str])] = &[
    ("std::fs", WORLDLY),
    ("std::net::Tcp", WORLDLY),
    ("std::process", WORLDLY),
    ("std::thread", WORLDLY),
    ("tokio::", &["server", "xtask"]),
    ("Instant::now", &["server/src/clock.rs", "testkit", "xtask", "sim"]),
    ("SystemTime::now", &["server/src/clock.rs", "testkit", "xtask"]),
    ("getrandom::", &["server/src/entropy.rs", "server/src/server.rs"]),
];

/// Crates in which the order of iteration must not depend on chance.
const DETERMINISTIC: &[&str] = &["cluster", "node", "sim"];

/// The longest source file, in lines. One that is longer answers two questions.
const FILE_LINES_MAX: usize = 750;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The path below the root, with `/` between its parts.
fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

fn files_below(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("the repository can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            files_below(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

/// The text of every Rust file of ours, by path.
fn sources() -> BTreeMap<String, String> {
    let mut paths = Vec::new();
    for folder in ["crates", "src", "tests", "benches", "fuzz"] {
        files_below(&root().join(folder), ".rs", &mut paths);
    }
    paths
        .into_iter()
        .map(|path| (relative(&path), fs::read_to_string(&path).expect("a source is text")))
        .collect()
}

/// The text without what is only compiled for tests at the foot of a file.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.contains("/benches/")
        || path.contains("/examples/")
        || path.ends_with("/testing.rs")
}

#[test]
fn crates_know_only_the_crates_below_them() {
    let allowed: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for entry in fs::read_dir(root().join("crates")).expect("there are crates") {
        let folder = entry.expect("crates can be read").path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(may_know) = allowed.get(name.as_str()) else {
            wrong.push(format!("{name} has no layer: add it to LAYERS"));
            continue;
        };
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a crate's manifest");
        let dependencies = manifest.split("\n[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines() {
            let known = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if allowed.contains_key(known) && !may_know.contains(&known) {
                wrong.push(format!("{name} must not know {known}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_world_is_touched_only_where_it_may_be() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(inside) = path.strip_prefix("crates/").filter(|_| !is_test(&path)) else {
            continue;
        };
        for (number, line) in without_tests(&text).lines().enumerate() {
            let code = line.trim_start();
            if code.starts_with("//") {
                continue;
            }
            for (word, places) in BANS {
                let is_allowed = places
                    .iter()
                    .any(|place| inside == *place || inside.starts_with(&format!("{place}/")));
                if code.contains(word) && !is_allowed {
                    wrong.push(format!("{path}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn iteration_order_depends_on_nothing_by_chance() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if DETERMINISTIC.iter().any(|name| path.starts_with(&format!("crates/{name}/"))) {
            for word in ["HashMap", "HashSet"] {
                if without_tests(&text).contains(word) {
                    wrong.push(format!("{path}: {word}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_stands_only_in_collections() {
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| !path.starts_with("crates/collections/"))
        .filter(|(path, text)| {
            path != "tests/tidy.rs"
                && (text.contains("unsafe {")
                    || text.contains("unsafe impl")
                    || text.contains("unsafe fn"))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_and_answers_one_question() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//!") && !is_test(&path) {
            wrong.push(format!("{path}: opens without `//!`"));
        }
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{path}: {lines} lines"));
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        if ["utils.rs", "util.rs", "helpers.rs", "helper.rs", "common.rs", "misc.rs"]
            .contains(&name)
        {
            wrong.push(format!("{path}: a name that says nothing"));
        }
        for word in ["todo!(", "unimplemented!(", "#[ignore"] {
            if path != "tests/tidy.rs" && text.contains(word) {
                wrong.push(format!("{path}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace's manifest");
    let reasons = fs::read_to_string(root().join("docs/dependencies.md")).expect("dependencies.md");
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let missing: Vec<_> = section
        .lines()
        .filter(|line| line.contains('=') && !line.contains("path = "))
        .map(|line| line.split(['=', ' ']).next().unwrap_or_default())
        .filter(|name| !reasons.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "docs/dependencies.md says nothing of {missing:?}");
}

#[test]
fn every_decision_is_listed() {
    let folder = root().join("docs/decisions");
    let index = fs::read_to_string(folder.join("README.md")).expect("the list of decisions");
    let mut pages = Vec::new();
    files_below(&folder, ".md", &mut pages);
    let pages: BTreeSet<String> = pages
        .iter()
        .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .filter(|name| name != "README.md")
        .collect();
    for page in &pages {
        assert!(index.contains(&format!("({page})")), "{page} is not in the list");
    }
    for link in index.split('(').filter_map(|rest| rest.split_once(".md)")).map(|(name, _)| name) {
        assert!(pages.contains(&format!("{link}.md")), "{link}.md is listed and not there");
    }
}
