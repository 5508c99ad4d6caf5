//! The sections of the rows that save and load.

use super::super::aof::{Aof, POLICIES};
use super::super::options::Options;
use super::super::peer::Peer;
use super::super::save::{DATA_SETS, Sample, Save};
use super::super::save_memory::{DEPTH, Growth};
use super::super::snapshot::{KEYS, Run, Waits};
use super::super::statistics::median;
use super::super::throughput::{self, CONNECTIONS, STEAL_PERCENT_MAX};
use super::super::wire::Kind;
use super::{MIB, with_range};
use std::fmt::Write;

/// Row `save`.
pub(super) fn save(options: &Options, row: &Save) -> String {
    let mut text = format!(
        "## Saving and loading\n\nSeconds of SAVE by the client's clock, seconds of CPU (user and system) that the process used meanwhile, and seconds of loading \
         that file at the next start by the server's own log; values come by chance and hardly compress. Medians of {} pairs, ratios within a pair, with \
         the smallest and the largest in brackets. During {} of the measurements more than {STEAL_PERCENT_MAX} % of a core was stolen.\n\n\
         | | | Redstart | Valkey | Valkey / this |\n|---|---|---:|---:|---:|\n",
        options.pairs, row.stolen
    );
    type Figure = (&'static str, fn(&Sample) -> f64);
    let figures: [Figure; 4] = [
        ("SAVE, s", |sample| sample.save_s),
        ("SAVE, s of CPU", |sample| sample.save_cpu_s),
        ("loading, s", |sample| sample.load_s),
        ("file, MiB", |sample| sample.file_bytes / MIB),
    ];
    for (index, data_set) in DATA_SETS.iter().enumerate() {
        for (name, figure) in figures {
            let of = |peer| {
                row.median(peer, index, figure)
                    .map_or("-".to_owned(), |value| format!("{value:.3}"))
            };
            let ratio = with_range(&row.ratios(index, figure), 2).unwrap_or_else(|| "-".to_owned());
            let (ours, theirs) = (of(Peer::Redstart), of(Peer::Valkey));
            let _ = writeln!(text, "| {} | {name} | {ours} | {theirs} | {ratio} |", data_set.name);
        }
    }
    text + "\n"
}

/// Row `snapshot`.
pub(super) fn snapshot(options: &Options, runs: &[Run]) -> String {
    let mut text = format!(
        "## Pauses while a snapshot is taken\n\n\
         {} keys, {CONNECTIONS} connections, equal parts of the commands, keys by chance; ZADD and HSET write to a sorted set and a hash of {} members each. At 60 % of what the same \
         server managed right before with the same commands; open loop, as above. First without, then with one BGSAVE after the other, the saving thread \
         or process on the server's core. The echo floor runs at the rate of the first server of its round, with GET and SET.\n\n\
         | round | | commands | commands/s | BGSAVEs | longest ms | p99.9 ms | p50 ms | client late ms | steal |\n\
         |---:|---|---|---:|---:|---:|---:|---:|---:|---:|\n",
        KEYS * options.keys,
        options.keys
    );
    for run in runs {
        let mut add = |saves: usize, waits: &Waits| {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {:.0} | {saves} | {:.2} | {:.2} | {:.3} | {:.2} | {:.1} % |",
                run.round + 1,
                run.peer.title(),
                run.mix.name(),
                run.rate,
                waits.max_ms,
                waits.p999_ms,
                waits.p50_ms,
                waits.late_ms,
                waits.steal_percent
            );
        };
        add(0, &run.idle);
        if let Some(saving) = &run.saving {
            add(run.saves, saving);
        }
    }
    text + "\n"
}

/// Row `save-memory`.
pub(super) fn save_memory(options: &Options, growths: &[Growth]) -> String {
    let mut text = format!(
        "## Memory while a snapshot is taken\n\n\
         Resident set before one BGSAVE, and the most there was at once until it ended, while {CONNECTIONS} connections (depth {DEPTH}, closed loop) set one of {} \
         keys after the other. For a forked child what it shares no more with its parent is added (`Private_Dirty`).\n\n\
         | round | | before MiB | peak MiB | growth | SETs per key |\n|---:|---|---:|---:|---:|---:|\n",
        KEYS * options.keys
    );
    for growth in growths {
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} | {:.1} | {:+.1} % | {:.2} |",
            growth.round + 1,
            growth.peer.title(),
            growth.before / MIB,
            growth.peak / MIB,
            growth.percent(),
            growth.sets_per_key
        );
    }
    text + "\n"
}

/// Row `aof`.
pub(super) fn aof(options: &Options, row: &Aof) -> String {
    let mut text = format!(
        "## The append-only file\n\nSET with `appendonly yes`, {CONNECTIONS} connections, measured as CPU per command above; no rewrite. Medians of {} pairs, ratios within a pair, with \
         the smallest and the largest in brackets. With `always` each reply waits for the disk, and the server for its core or the disk.\n\n\
         | appendfsync | depth | | commands/s | this / Valkey | CPU µs per command | Valkey / this | core used |\n\
         |---|---:|---|---:|---:|---:|---:|---:|\n",
        options.pairs
    );
    for (policy, found) in POLICIES.iter().zip(row) {
        let cell = (Kind::Set, policy.depth);
        for peer in [Peer::Redstart, Peer::Valkey] {
            let figures = |figure: fn(&throughput::Sample) -> f64, decimals| {
                with_range(&found.of(peer, cell, figure), decimals)
            };
            let (Some(rate), Some(cpu), Some(used)) = (
                figures(|sample| sample.per_second, 0),
                figures(|sample| sample.cpu_us, 3),
                median(&found.of(peer, cell, |sample| sample.used_percent)),
            ) else {
                continue;
            };
            let ratio = |ratios: Vec<f64>| match peer {
                Peer::Redstart => with_range(&ratios, 2).unwrap_or_else(|| "-".to_owned()),
                Peer::Valkey | Peer::Redis | Peer::Echo => "-".to_owned(),
            };
            let faster = ratio(found.speed_ups(peer, Peer::Valkey, cell));
            let cheaper = ratio(found.ratios(peer, Peer::Valkey, cell));
            let _ = writeln!(
                text,
                "| {} | {} | {} | {rate} | {faster} | {cpu} | {cheaper} | {used:.0} % |",
                policy.name,
                policy.depth,
                peer.title()
            );
        }
    }
    text + "\n"
}
