//! INFO: what the server tells of itself to tools and people. Sections, fields and their order are those of Redis 7.2.
//!
//! A field is there where what it tells of is known here; one of a feature that is not there is told, as Redis tells it of a
//! server that does not use the feature, where tools expect the field.

mod data;
mod memory;
mod process;
mod replication;
mod statistics;

use super::settings::Settings;
use crate::node::Node;
use crate::session::Context;
use crate::worker::Now;
use commands::Outcome;
use resp::{Args, Reply};
use std::fmt::{Display, Write as _};

/// What is told, and the fields as they are written.
struct Report<'n> {
    node: &'n Node,
    settings: Settings,
    now: Now,
    text: String,
}

/// A part of the report.
struct Section {
    title: &'static str,
    /// Whether INFO without arguments tells it.
    is_default: bool,
    write: fn(&mut Report<'_>),
}

const fn section(title: &'static str, write: fn(&mut Report<'_>)) -> Section {
    Section { title, is_default: true, write }
}

/// Told only when it is asked for.
const fn detail(title: &'static str, write: fn(&mut Report<'_>)) -> Section {
    Section { title, is_default: false, write }
}

/// In the order in which they are told, whatever the order in which they are asked for.
const SECTIONS: &[Section] = &[
    section("Server", process::server),
    section("Clients", process::clients),
    section("Memory", memory::memory),
    section("Persistence", data::persistence),
    section("Stats", statistics::stats),
    section("Replication", replication::replication),
    section("CPU", process::cpu),
    section("Modules", |_| {}),
    detail("Commandstats", statistics::commands),
    section("Errorstats", statistics::errors),
    detail("Latencystats", |_| {}),
    section("Cluster", data::cluster),
    section("Keyspace", data::keyspace),
];

/// `INFO [section ...]`: a section that is not known tells nothing.
pub(super) fn info(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let is_asked =
        |name: &str| args.iter_from(1).any(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    let all = is_asked("all") || is_asked("everything");
    let default = args.len() == 1 || is_asked("default");
    let mut report = Report {
        node: context.node,
        settings: Settings::of(context.node),
        now: context.now,
        text: String::with_capacity(8192),
    };
    for section in SECTIONS {
        if all || (default && section.is_default) || is_asked(section.title) {
            if !report.text.is_empty() {
                report.text.push_str("\r\n");
            }
            write!(report.text, "# {}\r\n", section.title)
                .expect("writing to memory does not fail");
            (section.write)(&mut report);
        }
    }
    reply.verbatim(&report.text);
    Ok(())
}

impl Report<'_> {
    /// A line: the field's name and its value.
    fn field(&mut self, name: impl Display, value: impl Display) {
        write!(self.text, "{name}:{value}\r\n").expect("writing to memory does not fail");
    }

    /// The same number for many fields.
    fn fields(&mut self, names: &[&str], value: impl Display + Copy) {
        names.iter().for_each(|name| self.field(name, value));
    }

    /// A number of bytes, as it is and as people read it.
    fn bytes(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.field(format_args!("{name}_human"), human_bytes(bytes));
    }
}

/// A number of bytes with two places and a unit.
fn human_bytes(bytes: u64) -> String {
    const UNITS: [char; 6] = ['B', 'K', 'M', 'G', 'T', 'P'];
    let unit = if bytes == 0 { 0 } else { (bytes.ilog2() / 10) as usize };
    match UNITS.get(unit) {
        Some('B') => format!("{bytes}B"),
        Some(letter) => format!("{:.2}{letter}", bytes as f64 / (1u64 << (10 * unit)) as f64),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_as_redis_tells_them() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1_018_472, "994.60K"),
            (6_451_200, "6.15M"),
            (25_276_502_016, "23.54G"),
            (u64::MAX, "18446744073709551615B"),
        ] {
            assert_eq!(human_bytes(bytes), text);
        }
    }
}
