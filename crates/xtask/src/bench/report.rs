//! The outcome of a run as a page of Markdown.

mod persistence;
mod replication;
mod update;

pub(crate) use update::updated;

use super::Outcome;
use super::commands::{self, Commands};
use super::goals;
use super::memory::Memory;
use super::options::{Generator, Options};
use super::paths::{Logged, Medians, Paths};
use super::pause;
use super::peer::Peer;
use super::statistics::{median, range};
use super::suites::{DATA_SETS, DEFAULT, Suite, TYPES};
use super::throughput::{
    CONNECTIONS, DEPTHS, FOREIGN_PERCENT_MAX, SATURATED_PERCENT, STEAL_PERCENT_MAX, Throughput,
};
use super::types_memory::TypesMemory;
use super::wire::Kind;
use std::fmt::Write;

const MIB: f64 = (1 << 20) as f64;

/// The page.
pub(crate) fn markdown(options: &Options, outcome: &Outcome) -> String {
    let mut page = String::from(
        "# Benchmarks\n\n<!-- Written by `cargo xtask bench`; change it there, not here. -->\n\n",
    );
    if !options.is_full() {
        page += "**Not a full run**: rows, peers, pairs or keys were left out or made smaller.\n\n";
    }
    let foreign = outcome.throughput.as_ref().and_then(Throughput::foreign_percent);
    if let Some(percent) = foreign.filter(|percent| *percent > FOREIGN_PERCENT_MAX) {
        page += &format!(
            "**Not a silent machine**: others used {percent:.0} % of the server's core.\n\n"
        );
    }
    page += &goal_table(outcome);
    page += "\n![CPU time per command and bytes per key](benchmarks.svg)\n\n";
    page += &setting(options, outcome);
    if let Some(row) = &outcome.throughput {
        page += &throughput(options, row);
    }
    if let Some(row) = &outcome.memory {
        page += &memory(row);
    }
    if let Some(runs) = &outcome.pause {
        page += &pauses(options, runs);
    }
    if let Some(row) = &outcome.paths {
        page += &paths(row);
    }
    if let Some(row) = &outcome.idle {
        page += &format!(
            "## Idle connections\n\nGrowth of the resident set over {} connections, each of which has \
             asked PING once and is silent since; the kernel's socket buffers are not in it.\n\n\
             | | KiB per connection |\n|---|---:|\n",
            options.idle_connections
        );
        for idle in row {
            let _ = writeln!(page, "| {} | {:.1} |", idle.peer.title(), idle.bytes / 1024.0);
        }
        page.push('\n');
    }
    for (suite, row) in [(&DEFAULT, &outcome.default_list), (&TYPES, &outcome.types)] {
        if let Some(row) = row {
            page += &commands(options, suite, row);
        }
    }
    if let Some(row) = &outcome.types_memory {
        page += &types_memory(row);
    }
    if let Some(row) = &outcome.save {
        page += &persistence::save(options, row);
    }
    if let Some(runs) = &outcome.snapshot {
        page += &persistence::snapshot(options, runs);
    }
    if let Some(growths) = &outcome.save_memory {
        page += &persistence::save_memory(options, growths);
    }
    if let Some(row) = &outcome.aof {
        page += &persistence::aof(options, row);
    }
    page + &replication::sections(options, &outcome.replication)
}

fn goal_table(outcome: &Outcome) -> String {
    let mut table = String::from("| figure | goal | measured | |\n|---|---|---|---|\n");
    for line in goals::check(outcome) {
        let verdict = line.verdict();
        let _ =
            writeln!(table, "| {} | {} | {} | {verdict} |", line.figure, line.goal, line.measured);
    }
    table
}

fn setting(options: &Options, outcome: &Outcome) -> String {
    let machine = &outcome.machine;
    let versions: Vec<String> = outcome
        .programs
        .iter()
        .map(|program| format!("{} ({})", program.peer.title(), program.version))
        .collect();
    format!(
        "## Machine and method\n\n\
         - {}, {} cores, {:.0} GiB, Linux {}, transparent huge pages: {}; {}\n\
         - {}; commit {}\n\
         - {}\n\
         - Servers on core 0 with one worker, nothing saved where a row does not ask for it, TCP over loopback; the client on core 1.\n\
         - 16-byte keys (`key:` and twelve digits), 32-byte values, {} keys, uniformly random.\n\n\
         To repeat: `cargo xtask bench` on an otherwise silent machine with two cores.\n\n",
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        machine.huge_pages,
        machine.rustc,
        machine.date,
        machine.commit,
        versions.join(", "),
        options.keys
    )
}

fn throughput(options: &Options, row: &Throughput) -> String {
    let client = match options.generator {
        Generator::Own => {
            "The client is one thread that polls (so a server never pays for waking it), keeps each \
             connection's pipeline full and checks every byte of every reply."
        }
        Generator::RedisBenchmark => "The client is redis-benchmark: a cross-check.",
    };
    let mut text = format!(
        "## CPU per command\n\n\
         Microseconds of CPU (user and system, all threads of the server, from its process CPU clock) per \
         command; {CONNECTIONS} connections. {client} In each of {} pairs all programs are started afresh and \
         loaded; then, for each command and depth, they are measured one right after the other for {:.1} s, in \
         an order that turns from pair to pair. Figures are medians, with the smallest and the largest in \
         brackets; ratios are taken within a pair. A stretch with more than {STEAL_PERCENT_MAX} % of steal on either core \
         is measured again: {} were dropped. Others used {:.1} % of the server's core (median). The echo floor is a tokio \
         program that returns as many bytes as a server would and does nothing else.\n\n",
        options.pairs,
        options.cell.as_secs_f64(),
        row.dropped,
        row.foreign_percent().unwrap_or(0.0)
    );
    text += "| | depth | CPU µs per command | Valkey / this | this / echo floor | commands/s | core used |\n";
    text += "|---|---:|---:|---:|---:|---:|---:|\n";
    for kind in Kind::ALL {
        for depth in DEPTHS {
            for peer in Peer::ALL {
                text += &throughput_line(row, peer, (kind, depth)).unwrap_or_default();
            }
        }
    }
    let _ = writeln!(
        text,
        "\nWhere less than {SATURATED_PERCENT} % of the core was used the client was the limit, and the \
         throughput (in brackets) says nothing about the server.\n"
    );
    text
}

fn throughput_line(row: &Throughput, peer: Peer, cell: (Kind, usize)) -> Option<String> {
    let (kind, depth) = cell;
    let cpu = with_range(&row.of(peer, cell, |sample| sample.cpu_us), 3)?;
    let ratio = |of: Peer, to: Peer| {
        let ratios = row.ratios(of, to, cell);
        if of == to { None } else { with_range(&ratios, 2) }.unwrap_or_else(|| "-".to_owned())
    };
    let per_second = median(&row.of(peer, cell, |sample| sample.per_second))?;
    let used = median(&row.of(peer, cell, |sample| sample.used_percent))?;
    let rate = if used >= SATURATED_PERCENT {
        format!("{per_second:.0}")
    } else {
        format!("({per_second:.0})")
    };
    Some(format!(
        "| {} {} | {depth} | {cpu} | {} | {} | {rate} | {used:.0} % |\n",
        kind.name(),
        peer.title(),
        ratio(peer, Peer::Valkey),
        ratio(Peer::Echo, peer),
    ))
}

/// `median (smallest-largest)`; `None` of nothing.
fn with_range(values: &[f64], decimals: usize) -> Option<String> {
    let middle = median(values)?;
    let (low, high) = range(values)?;
    Some(format!("{middle:.decimals$} ({low:.decimals$}-{high:.decimals$})"))
}

fn memory(row: &Memory) -> String {
    let mut text = String::from(
        "## Memory\n\nBytes per key, what an empty server uses taken off: growth of the resident set \
         (`smaps_rollup`) and of `used_memory`, read when the latter has come to rest (at most 10 s).\n\n| keys |",
    );
    for (peer, _) in row {
        let _ = write!(text, " {0} RSS | {0} used |", peer.title());
    }
    text += "\n|---:|";
    text += &"---:|---:|".repeat(row.len());
    text += "\n";
    let counts = row.first().map_or(0, |(_, points)| points.len());
    for index in 0..counts {
        let keys = row.first().map_or(0, |(_, points)| points[index].keys);
        let _ = write!(text, "| {keys} |");
        for (_, points) in row {
            let _ = write!(text, " {:.1} | {:.1} |", points[index].rss, points[index].used);
        }
        text += "\n";
    }
    text + "\n"
}

fn pauses(options: &Options, runs: &[pause::Run]) -> String {
    let mut text = format!(
        "## Pauses while the table grows\n\n\
         From {} to {} keys on {CONNECTIONS} connections, three SETs of new keys to one GET, at 60 % of what the \
         same server managed right before (closed loop, depth 1). Open loop: a command's latency counts from the moment it \
         was due. The echo floor runs at the rate of the first server of its round. \"Client late\" is the \
         longest time by which the client itself was behind.\n\n\
         | round | | commands/s | longest ms | p99.9 ms | p50 ms | client late ms | steal |\n\
         |---:|---|---:|---:|---:|---:|---:|---:|\n",
        options.keys,
        4 * options.keys
    );
    for run in runs {
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {:.2} | {:.2} | {:.3} | {:.2} | {:.1} % |",
            run.round + 1,
            run.peer.title(),
            run.rate,
            run.max_ms,
            run.p999_ms,
            run.p50_ms,
            run.late_ms,
            run.steal_percent
        );
    }
    text + "\n"
}

fn paths(row: &Paths) -> String {
    let mut text = String::from(
        "## The whole path without sockets\n\n\
         Decode, route, lock, execute and encode, in memory (`examples/paths.rs`); medians. \"Lost\" is the part of two threads' \
         time that goes to locks and to lines of the cache that both want: what they do on one node, against what they do on a node each \
         with half of the keys.\n\n",
    );
    if matches!(row, Paths::NotBuiltYet) {
        return text + "Not built yet.\n\n";
    }
    text += "| | one thread, M/s | two threads, M/s | ratio | lost |\n|---|---:|---:|---:|---:|\n";
    for kind in Kind::ALL {
        if let Some(Medians { one, two, ratio, lost }) = row.medians(kind) {
            let (name, one, two, lost) = (kind.name(), one / 1e6, two / 1e6, 100.0 * lost);
            let _ = writeln!(text, "| {name} | {one:.2} | {two:.2} | {ratio:.2}x | {lost:.1} % |");
        }
    }
    if let Some(Logged { one, two, ratio }) = row.logged() {
        let (one, two) = (one / 1e6, two / 1e6);
        let _ =
            writeln!(text, "| SET, appended to a file | {one:.2} | {two:.2} | {ratio:.2}x | - |");
    }
    text + "\n"
}

fn commands(options: &Options, suite: &Suite, row: &Commands) -> String {
    let mut text = format!(
        "## {}\n\nMicroseconds of CPU per command, {CONNECTIONS} connections (SINTER: one), the same number of requests for both; \
         medians of {} pairs, ratios within a pair, with the smallest and the largest in brackets. During {} tests \
         more than {STEAL_PERCENT_MAX} % of a core was stolen.\n\n\
         | test | depth | Redstart µs | Valkey µs | Valkey / this | Redstart/s | Valkey/s |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
        suite.title, options.pairs, row.stolen
    );
    for (test, name) in suite.tests.iter().map(|test| test.name).enumerate() {
        for (depth, shown) in commands::DEPTHS.into_iter().enumerate() {
            let of = |peer| row.figures(peer, (test, depth));
            let cpu = |peer| of(peer).map_or("-".to_owned(), |(cpu, _)| format!("{cpu:.3}"));
            let rate = |peer| of(peer).map_or("-".to_owned(), |(_, rate)| format!("{rate:.0}"));
            let ratio = with_range(&row.ratios((test, depth)), 2).unwrap_or_else(|| "-".to_owned());
            let (ours, theirs) = (Peer::Redstart, Peer::Valkey);
            let _ = writeln!(
                text,
                "| {name} | {shown} | {} | {} | {ratio} | {} | {} |",
                cpu(ours),
                cpu(theirs),
                rate(ours),
                rate(theirs)
            );
        }
    }
    text + "\n"
}

fn types_memory(row: &TypesMemory) -> String {
    let mut text = String::from(
        "## Memory of large collections\n\nMiB that each takes in a server that holds nothing else: growth of the resident set, and of \
         `used_memory`.\n\n\
         | | Redstart RSS | used | Valkey RSS | used | this / Valkey RSS | used |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    for (index, data_set) in DATA_SETS.iter().enumerate() {
        let sizes = |peer| {
            row.of(peer, index).map_or("- | -".to_owned(), |size| {
                format!("{:.1} | {:.1}", size.rss / MIB, size.used / MIB)
            })
        };
        let ratios = row.ratios(index);
        let ratios =
            ratios.map_or("- | -".to_owned(), |(rss, used)| format!("{rss:.2} | {used:.2}"));
        let (ours, theirs) = (sizes(Peer::Redstart), sizes(Peer::Valkey));
        let _ = writeln!(text, "| {} | {ours} | {theirs} | {ratios} |", data_set.name);
    }
    text + "\n"
}
