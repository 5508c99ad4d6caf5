//! The sections of the row on replicas.

use super::super::options::Options;
use super::super::peer::Peer;
use super::super::replication::acknowledged::{self, Acknowledged};
use super::super::replication::applying::{self, Applying};
use super::super::replication::full_sync::{DATA_SET, FullSync};
use super::super::replication::slow::{Growth, REPLICAS};
use super::super::replication::{Replication, cost};
use super::super::statistics::median;
use super::super::throughput::{self, CONNECTIONS, STEAL_PERCENT_MAX, Throughput};
use super::super::wire::Kind;
use super::{MIB, with_range};
use std::fmt::Write;

const BOTH: [Peer; 2] = [Peer::Redstart, Peer::Valkey];

/// All that were measured.
pub(super) fn sections(options: &Options, row: &Replication) -> String {
    let mut text = String::new();
    if let Some(found) = &row.cost {
        text += &cost_section(options, found);
    }
    if let Some(found) = &row.full_sync {
        text += &full_sync(options, found);
    }
    if let Some(found) = &row.applying {
        text += &applying_section(options, found);
    }
    if let Some(found) = &row.acknowledged {
        text += &acknowledged_section(options, found);
    }
    if let Some(found) = &row.slow {
        text += &slow(found);
    }
    text
}

/// Ratios stand with the one that is compared with Valkey.
fn ratio_of(peer: Peer, ratios: &[f64]) -> String {
    let ratio = if peer == Peer::Redstart { with_range(ratios, 2) } else { None };
    ratio.unwrap_or_else(|| "-".to_owned())
}

fn cost_section(options: &Options, row: &Throughput) -> String {
    let cell = (Kind::Set, cost::DEPTH);
    let mut text = format!(
        "## A primary with a replica\n\nSET, {CONNECTIONS} connections, depth {}, measured as CPU per command above, on a primary that one replica follows; the replica \
         is on the client's core. Medians of {} pairs, ratios within a pair, with the smallest and the largest in brackets. {} stretches were dropped for steal.\n\n\
         | | commands/s | CPU µs per command | Valkey / this | core used |\n|---|---:|---:|---:|---:|\n",
        cost::DEPTH,
        options.pairs,
        row.dropped
    );
    for peer in BOTH {
        let figures = |figure: fn(&throughput::Sample) -> f64, decimals| {
            with_range(&row.of(peer, cell, figure), decimals)
        };
        let (Some(rate), Some(cpu), Some(used)) = (
            figures(|sample| sample.per_second, 0),
            figures(|sample| sample.cpu_us, 3),
            median(&row.of(peer, cell, |sample| sample.used_percent)),
        ) else {
            continue;
        };
        let ratio = ratio_of(peer, &row.ratios(peer, Peer::Valkey, cell));
        let _ = writeln!(text, "| {} | {rate} | {cpu} | {ratio} | {used:.0} % |", peer.title());
    }
    text + "\n"
}

fn full_sync(options: &Options, row: &FullSync) -> String {
    let mut text = format!(
        "## Full synchronisation\n\nSeconds from the moment in which an empty replica tells that it is sent all there is (`master_sync_in_progress`) until it has loaded that and follows; {}, sent without a file, primary and replica on a core each. \
         Medians of {} pairs, ratios within a pair, with the smallest and the largest in brackets. During {} of the measurements more than {STEAL_PERCENT_MAX} % of a core was stolen.\n\n\
         | | s | Valkey / this |\n|---|---:|---:|\n",
        DATA_SET.name, options.pairs, row.stolen
    );
    for peer in BOTH {
        if let Some(seconds) = with_range(&row.seconds(peer), 2) {
            let ratio = ratio_of(peer, &row.ratios());
            let _ = writeln!(text, "| {} | {seconds} | {ratio} |", peer.title());
        }
    }
    text + "\n"
}

fn applying_section(options: &Options, row: &Applying) -> String {
    let mut text = format!(
        "## Following\n\nSETs of {} keys by chance, all of them there before, that a replica runs of its primary's stream. The primary is a program that has them ready and asks for the offset \
         at the end; the replica has core 0 for itself. Medians of {} pairs, ratios within a pair, with the smallest and the largest in brackets. During {} of the measurements more than \
         {STEAL_PERCENT_MAX} % of a core was stolen.\n\n\
         | | SETs/s | this / Valkey | CPU µs per SET |\n|---|---:|---:|---:|\n",
        options.keys, options.pairs, row.stolen
    );
    for peer in BOTH {
        let figures = |figure: fn(&applying::Sample) -> f64, decimals| {
            with_range(&row.of(peer, figure), decimals)
        };
        if let (Some(rate), Some(cpu)) =
            (figures(|sample| sample.per_second, 0), figures(|sample| sample.cpu_us, 3))
        {
            let ratio = ratio_of(peer, &row.ratios());
            let _ = writeln!(text, "| {} | {rate} | {ratio} | {cpu} |", peer.title());
        }
    }
    text + "\n"
}

fn acknowledged_section(options: &Options, row: &Acknowledged) -> String {
    let mut text = format!(
        "## Replies that wait for a replica\n\nSET, {CONNECTIONS} connections, depth 1, a primary with one replica on the same machine; the client shares the replica's core and sleeps \
         while it has nothing to do. Redstart with `write-acks 0` and `write-acks 1`; Valkey without, and with `WAIT 1 0` sent behind each SET. Medians of {} pairs, ratios within a pair, with \
         the smallest and the largest in brackets. During {} of the measurements more than {STEAL_PERCENT_MAX} % of a core was stolen.\n\n\
         | | replies | SETs/s | waiting / at once | p50 ms | p99 ms |\n|---|---|---:|---:|---:|---:|\n",
        options.pairs, row.stolen
    );
    for peer in BOTH {
        for (waits, how) in [(false, "at once"), (true, "wait")] {
            let figures = |figure: fn(&acknowledged::Sample) -> f64, decimals| {
                with_range(&row.of((peer, waits), figure), decimals)
            };
            let (Some(rate), Some(p50), Some(p99)) = (
                figures(|sample| sample.per_second, 0),
                figures(|sample| sample.p50_ms, 3),
                figures(|sample| sample.p99_ms, 3),
            ) else {
                continue;
            };
            let ratio = if waits { with_range(&row.ratios(peer), 2) } else { None };
            let ratio = ratio.unwrap_or_else(|| "-".to_owned());
            let _ =
                writeln!(text, "| {} | {how} | {rate} | {ratio} | {p50} | {p99} |", peer.title());
        }
    }
    text + "\n"
}

fn slow(growths: &[Growth]) -> String {
    let mut text = format!(
        "## Replicas that do not read\n\nBy how much `used_memory` and the resident set of a primary grow at most while {REPLICAS} replicas, which have taken the snapshot, read nothing of what is \
         written (SET of keys that are there). Before, the primary has no replica and no backlog; what a replica may leave unread is as much as the backlog.\n\n\
         | round | | written MiB | used_memory MiB | RSS MiB | replicas left |\n|---:|---|---:|---:|---:|---:|\n"
    );
    for growth in growths {
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {:+.1} | {:+.1} | {} |",
            growth.round + 1,
            growth.peer.title(),
            growth.written / MIB,
            growth.used / MIB,
            growth.rss / MIB,
            growth.left
        );
    }
    text + "\n"
}
