//! `docs/commands.md` says what the command table says. `cargo xtask commands` writes it, by running this with `COMMANDS_PAGE=write`.

use commands::spec::Group;
use node::{Entry, Table, command_table};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What COMMAND of Valkey 9.1.2 tells, subcommands in two words.
const VALKEY: &str = include_str!("commands_page/valkey_9_1_2");

const HEAD: &str = "\
# Commands

Written by `cargo xtask commands` from the command table: what `COMMAND DOCS` tells. What differs in a command's behaviour stands in
[compatibility.md](compatibility.md).
";

/// The chapters in the order of the manual.
const CHAPTERS: [(Group, &str); 15] = [
    (Group::Generic, "Keys of any type"),
    (Group::String, "Strings"),
    (Group::Bitmap, "Bitmaps"),
    (Group::Hyperloglog, "HyperLogLog"),
    (Group::List, "Lists"),
    (Group::Set, "Sets"),
    (Group::Hash, "Hashes"),
    (Group::SortedSet, "Sorted sets"),
    (Group::Geo, "Geospatial"),
    (Group::Stream, "Streams"),
    (Group::Transactions, "Transactions"),
    (Group::Pubsub, "Publish and subscribe"),
    (Group::Connection, "Connections"),
    (Group::Server, "Server"),
    (Group::Cluster, "Cluster"),
];

/// The name in words: `client list`.
fn name(entry: &Entry) -> String {
    entry.full_name.replace('|', " ")
}

fn page(table: &Table) -> String {
    let entries = table.by_number();
    let mut page = HEAD.to_owned();
    for (group, title) in CHAPTERS {
        let chapter: Vec<_> = entries.iter().filter(|entry| entry.spec.group == group).collect();
        if chapter.is_empty() {
            continue;
        }
        let _ = write!(
            page,
            "\n## {title}\n\n| command | since | what it does | time |\n|---|---|---|---|\n"
        );
        for entry in chapter {
            let (spec, name) = (entry.spec, name(entry).to_uppercase());
            let (summary, time) = (cell(spec.summary), cell(spec.complexity));
            let _ = writeln!(page, "| `{name}` | {} | {summary} | {time} |", spec.since);
        }
    }
    let ours: BTreeSet<String> = entries.iter().map(|entry| name(entry)).collect();
    let theirs: BTreeSet<String> = VALKEY.lines().map(str::to_owned).collect();
    page + &beside(&ours, &theirs)
}

/// What only one of the two has.
fn beside(ours: &BTreeSet<String>, theirs: &BTreeSet<String>) -> String {
    format!(
        "\n## Not here\n\nWhat Valkey 9.1 has and this does not:\n\n{}\n\n## Only here\n\n{}\n",
        listed(theirs, ours),
        listed(ours, theirs)
    )
}

/// What is in `all` and not in `others`; of a command that is not there at all, only its own name.
fn listed(all: &BTreeSet<String>, others: &BTreeSet<String>) -> String {
    let is_told = |name: &&String| {
        let container = name.split_once(' ').map_or(name.as_str(), |(container, _)| container);
        !others.contains(*name) && (container == name.as_str() || others.contains(container))
    };
    let names: Vec<String> =
        all.iter().filter(is_told).map(|name| format!("`{}`", name.to_uppercase())).collect();
    if names.is_empty() { "Nothing.".to_owned() } else { names.join(", ") + "." }
}

/// Text that stands in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md")
}

#[test]
fn the_page_of_commands_is_up_to_date() {
    let page = page(&command_table());
    if std::env::var("COMMANDS_PAGE").is_ok_and(|task| task == "write") {
        fs::write(path(), page).expect("docs/commands.md can be written");
        return;
    }
    let written = fs::read_to_string(path()).unwrap_or_default();
    assert!(
        written == page,
        "docs/commands.md is not what the table says: run `cargo xtask commands`"
    );
}

#[test]
fn every_chapter_is_on_the_page() {
    let table = command_table();
    let chapters = CHAPTERS.map(|(group, _)| group);
    assert!(table.by_number().iter().all(|entry| chapters.contains(&entry.spec.group)));
}

#[test]
fn of_a_missing_command_the_subcommands_are_not_listed() {
    let names = |text: &str| text.split(", ").map(str::to_owned).collect::<BTreeSet<_>>();
    let (ours, theirs) = (names("acl, get"), names("acl, acl list, get, xinfo, xinfo stream"));
    assert_eq!(listed(&theirs, &ours), "`ACL LIST`, `XINFO`.");
    assert_eq!(listed(&ours, &theirs), "Nothing.");
}
