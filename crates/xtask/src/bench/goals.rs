//! The table of goals and how a run stands against it.

use super::Outcome;
use super::aof::POLICIES;
use super::commands::{Commands, DEPTHS};
use super::memory::Point;
use super::paths::Paths;
use super::pause;
use super::peer::Peer;
use super::replication::{acknowledged::Acknowledged, applying, cost, full_sync, slow};
use super::save;
use super::save_memory;
use super::snapshot::{self, Mix};
use super::statistics::median;
use super::suites::{DEFAULT, Suite, TYPES};
use super::throughput::Throughput;
use super::wire::Kind;

/// CPU per command against Valkey: depth and the ratio to reach.
const CPU_RATIOS: [(usize, f64); 3] = [(1, 1.1), (16, 1.5), (100, 2.5)];
/// Bytes per key at the largest count.
const KEY_BYTES_END: f64 = 70.0;
/// Bytes per key below which every count must stay.
const KEY_BYTES_ANY: f64 = 80.0;
/// How far the longest pause may be beyond the echo floor's, in milliseconds.
const PAUSE_MS: f64 = 2.0;
/// Two threads against one.
const THREADS_RATIO: f64 = 1.85;
/// KiB per idle connection.
const IDLE_KIB: f64 = 20.0;

/// Memory of a collection as a part of Valkey's.
const TYPES_MEMORY_RATIO: f64 = 0.9;

/// How much faster than Valkey's SAVE and loading must be.
const SAVE_RATIO: f64 = 2.0;
const LOADING_RATIO: f64 = 2.5;
/// p99.9 during BGSAVE against idle.
const SNAPSHOT_RATIO: f64 = 1.3;
/// How far the longest wait during BGSAVE may be beyond the echo floor's, in milliseconds.
const SNAPSHOT_MS: f64 = 1.0;
/// Growth of memory during BGSAVE.
const SAVE_MEMORY_PERCENT: f64 = 10.0;

/// Commands per second against Valkey with `appendfsync always`, and CPU per command with `everysec`.
const ALWAYS_RATIO: f64 = 1.5;
const EVERYSEC_RATIO: f64 = 1.3;
/// Two threads against one with the log on.
const LOGGED_THREADS_RATIO: f64 = 1.6;

/// Against Valkey: CPU per SET of a primary with a replica, filling an empty replica, and SETs a second that one runs.
const REPLICA_COST_RATIO: f64 = 1.3;
const FULL_SYNC_RATIO: f64 = 2.0;
const APPLYING_RATIO: f64 = 2.0;
/// SETs a second where replies wait for a replica, against where they do not.
const ACKNOWLEDGED_RATIO: f64 = 0.6;

/// How one goal stands.
pub(crate) struct Line {
    /// What is measured.
    pub(crate) figure: String,
    /// What it must reach.
    pub(crate) goal: String,
    /// What was found.
    pub(crate) measured: String,
    /// Whether that is enough; `None` when there is nothing to judge.
    pub(crate) reached: Option<bool>,
}

impl Line {
    /// The last column.
    pub(crate) fn verdict(&self) -> &'static str {
        match self.reached {
            Some(true) => "pass",
            Some(false) => "FAIL",
            None => "-",
        }
    }
}

/// All goals, in the order of the rows.
pub(crate) fn check(outcome: &Outcome) -> Vec<Line> {
    let mut lines: Vec<Line> =
        CPU_RATIOS.iter().map(|&(depth, ratio)| cpu(outcome, depth, ratio)).collect();
    lines.push(memory_at_the_end(outcome));
    lines.push(memory_anywhere(outcome));
    lines.push(pause(outcome));
    lines.push(paths(outcome));
    let logged = outcome.paths.as_ref().and_then(Paths::logged).map(|logged| logged.ratio);
    let figure = "whole path with the append-only file written, SET, two threads against one";
    lines.push(at_least(figure.to_owned(), LOGGED_THREADS_RATIO, logged));
    lines.push(idle(outcome));
    for (suite, row) in [(&DEFAULT, &outcome.default_list), (&TYPES, &outcome.types)] {
        for (depth, goal) in suite.goals.into_iter().enumerate() {
            lines.push(commands(suite, row.as_ref(), depth, goal));
        }
    }
    lines.push(types_memory(outcome));
    lines.push(saving("SAVE against Valkey", SAVE_RATIO, outcome, |one| one.save_s));
    let loading = "loading what was saved against Valkey";
    lines.push(saving(loading, LOADING_RATIO, outcome, |one| one.load_s));
    for mix in Mix::ALL {
        lines.push(snapshot_p999(outcome, mix));
        lines.push(snapshot_longest(outcome, mix));
    }
    lines.push(save_memory(outcome));
    lines.push(aof_always(outcome));
    lines.push(aof_everysec(outcome));
    lines.extend(replication(outcome));
    lines
}

fn replication(outcome: &Outcome) -> [Line; 5] {
    let row = &outcome.replication;
    let cell = (Kind::Set, cost::DEPTH);
    let cost = row.cost.as_ref();
    let cost = cost.and_then(|row| median(&row.ratios(Peer::Redstart, Peer::Valkey, cell)));
    let figure =
        format!("CPU per SET of a primary with one replica against Valkey, depth {}", cost::DEPTH);
    let full_sync = row.full_sync.as_ref().and_then(full_sync::FullSync::ratio);
    let filled = format!("full synchronisation of {} against Valkey", full_sync::DATA_SET.name);
    let applying = row.applying.as_ref().and_then(applying::Applying::ratio);
    let applied = "SETs per second of a replica that follows a stream against Valkey".to_owned();
    [
        at_least(figure, REPLICA_COST_RATIO, cost),
        at_least(filled, FULL_SYNC_RATIO, full_sync),
        at_least(applied, APPLYING_RATIO, applying),
        acknowledged(row.acknowledged.as_ref()),
        slow_replicas(row.slow.as_deref()),
    ]
}

fn acknowledged(row: Option<&Acknowledged>) -> Line {
    let found = row.and_then(|row| {
        let (ratio, p99_ms) = row.figures(Peer::Redstart)?;
        let valkey = row.figures(Peer::Valkey);
        let valkey =
            valkey.map_or("-".to_owned(), |(ratio, p99)| format!("{ratio:.2}x, {p99:.2} ms"));
        let measured = format!("{ratio:.2}x, p99 {p99_ms:.2} ms (Valkey with WAIT: {valkey})");
        Some((measured, ratio >= ACKNOWLEDGED_RATIO))
    });
    let figure = "SETs per second with write-acks 1 against write-acks 0, depth 1".to_owned();
    line(figure, format!("{ACKNOWLEDGED_RATIO}x or more"), found)
}

fn slow_replicas(growths: Option<&[slow::Growth]>) -> Line {
    const MIB: f64 = (1 << 20) as f64;
    let goal = slow::GROWTH_BYTES as f64;
    let found = growths.and_then(|growths| {
        let ours = slow::median_growth(growths, Peer::Redstart)?;
        let valkey = slow::median_growth(growths, Peer::Valkey);
        let valkey = valkey.map_or("-".to_owned(), |bytes| format!("{:.1} MiB", bytes / MIB));
        Some((format!("{:.1} MiB (Valkey: {valkey})", ours / MIB), ours <= goal))
    });
    let figure = format!("memory of {} replicas that do not read", slow::REPLICAS);
    line(figure, format!("{:.0} MiB or less, the backlog included", goal / MIB), found)
}

/// The ratio within the pairs of row `aof` for a policy, by a figure.
fn aof(
    outcome: &Outcome,
    policy: usize,
    ratios: impl Fn(&Throughput, (Kind, usize)) -> Vec<f64>,
) -> Option<f64> {
    let row = outcome.aof.as_ref()?.get(policy)?;
    median(&ratios(row, (Kind::Set, POLICIES[policy].depth)))
}

fn aof_always(outcome: &Outcome) -> Line {
    let ours = |row: &Throughput, cell| row.speed_ups(Peer::Redstart, Peer::Valkey, cell);
    let figure = "SETs per second against Valkey, appendfsync always, depth 1".to_owned();
    at_least(figure, ALWAYS_RATIO, aof(outcome, 0, ours))
}

fn aof_everysec(outcome: &Outcome) -> Line {
    let ours = |row: &Throughput, cell| row.ratios(Peer::Redstart, Peer::Valkey, cell);
    let figure = "CPU per SET against Valkey, appendfsync everysec, depth 16".to_owned();
    at_least(figure, EVERYSEC_RATIO, aof(outcome, 1, ours))
}

fn at_least(figure: String, goal: f64, ratio: Option<f64>) -> Line {
    let found = ratio.map(|ratio| (format!("{ratio:.2}x"), ratio >= goal));
    line(figure, format!("{goal}x or more"), found)
}

/// A line; `found` is what was measured and whether it is enough.
fn line(figure: String, goal: String, found: Option<(String, bool)>) -> Line {
    let (measured, reached) = match found {
        Some((measured, reached)) => (measured, Some(reached)),
        None => ("not measured".to_owned(), None),
    };
    Line { figure, goal, measured, reached }
}

fn cpu(outcome: &Outcome, depth: usize, goal: f64) -> Line {
    let found = outcome.throughput.as_ref().and_then(|row| {
        let ratio = |kind| median(&row.ratios(Peer::Redstart, Peer::Valkey, (kind, depth)));
        let (get, set) = (ratio(Kind::Get)?, ratio(Kind::Set)?);
        Some((format!("GET {get:.2}x, SET {set:.2}x"), get.min(set) >= goal))
    });
    let figure = format!("CPU per command against Valkey, depth {depth}");
    line(figure, format!("{goal}x better or more"), found)
}

fn our_points(outcome: &Outcome) -> Option<&[Point]> {
    let row = outcome.memory.as_ref()?;
    row.iter().find(|(peer, _)| *peer == Peer::Redstart).map(|(_, points)| points.as_slice())
}

fn memory_at_the_end(outcome: &Outcome) -> Line {
    let found = our_points(outcome).and_then(|points| points.last()).map(|point| {
        let measured = format!("RSS {:.1}, used_memory {:.1}", point.rss, point.used);
        (measured, point.rss.max(point.used) <= KEY_BYTES_END)
    });
    let goal = format!("{KEY_BYTES_END} or less");
    line("bytes per key at the largest count".to_owned(), goal, found)
}

fn memory_anywhere(outcome: &Outcome) -> Line {
    let found = our_points(outcome).and_then(|points| {
        let rss = points.iter().map(|point| point.rss).max_by(f64::total_cmp)?;
        let used = points.iter().map(|point| point.used).max_by(f64::total_cmp)?;
        let measured = format!("RSS {rss:.1}, used_memory {used:.1}");
        Some((measured, rss.max(used) < KEY_BYTES_ANY))
    });
    let goal = format!("below {KEY_BYTES_ANY}");
    line("bytes per key at the worst count from N to 2N".to_owned(), goal, found)
}

fn pause(outcome: &Outcome) -> Line {
    let found = outcome.pause.as_ref().and_then(|runs| {
        let beyond = pause::beyond_floor_ms(runs, Peer::Redstart)?;
        let longest = |peer| pause::median_of(runs, peer, |run| run.max_ms);
        let ours = longest(Peer::Redstart)?;
        let valkey = longest(Peer::Valkey).map_or("-".to_owned(), |ms| format!("{ms:.2} ms"));
        let measured = format!("{ours:.2} ms, {beyond:+.2} ms (Valkey: {valkey})");
        Some((measured, beyond <= PAUSE_MS))
    });
    let figure = "longest pause while the table grows fourfold, at 60 % load".to_owned();
    line(figure, format!("{PAUSE_MS} ms beyond the echo floor's or less"), found)
}

fn paths(outcome: &Outcome) -> Line {
    let figure = "whole path without sockets, two threads against one".to_owned();
    let goal = format!("{THREADS_RATIO}x or more");
    let found = outcome.paths.as_ref().and_then(|row| {
        let get = row.medians(Kind::Get)?.ratio;
        let set = row.medians(Kind::Set)?.ratio;
        Some((format!("GET {get:.2}x, SET {set:.2}x"), get.min(set) >= THREADS_RATIO))
    });
    let mut line = line(figure, goal, found);
    if matches!(outcome.paths, Some(Paths::NotBuiltYet)) {
        line.measured = "not built yet".to_owned();
        line.reached = Some(false);
    }
    line
}

fn idle(outcome: &Outcome) -> Line {
    let found = outcome.idle.as_ref().and_then(|row| {
        let ours = row.iter().find(|idle| idle.peer == Peer::Redstart)?;
        let kib = ours.bytes / 1024.0;
        Some((format!("{kib:.1} KiB"), kib <= IDLE_KIB))
    });
    let figure = "memory of an idle connection".to_owned();
    line(figure, format!("{IDLE_KIB} KiB or less"), found)
}

fn commands(suite: &Suite, row: Option<&Commands>, depth: usize, goal: f64) -> Line {
    let found = row
        .and_then(|row| row.worst(suite, depth))
        .map(|(test, ratio)| (format!("worst: {test} {ratio:.2}x"), ratio >= goal));
    let figure = format!("{}: CPU against Valkey, depth {}", suite.title, DEPTHS[depth]);
    line(figure, format!("each {goal:.1}x better or more"), found)
}

fn types_memory(outcome: &Outcome) -> Line {
    let found =
        outcome.types_memory.as_ref().and_then(|row| row.worst()).map(|(name, ratio)| {
            (format!("worst: {name} {ratio:.2}x"), ratio <= TYPES_MEMORY_RATIO)
        });
    let figure = "memory of large collections against Valkey's".to_owned();
    line(figure, format!("each {TYPES_MEMORY_RATIO}x or less"), found)
}

fn saving(figure: &str, goal: f64, outcome: &Outcome, of: fn(&save::Sample) -> f64) -> Line {
    let found = outcome.save.as_ref().and_then(|row| {
        let ratios = save::DATA_SETS
            .iter()
            .enumerate()
            .map(|(index, data_set)| Some((data_set.name, median(&row.ratios(index, of))?)));
        let ratios: Vec<(&str, f64)> = ratios.collect::<Option<_>>()?;
        let each = ratios.iter().map(|(name, ratio)| format!("{name} {ratio:.2}x"));
        let reached = ratios.iter().all(|(_, ratio)| *ratio >= goal);
        Some((each.collect::<Vec<_>>().join(", "), reached))
    });
    line(figure.to_owned(), format!("each {goal:.1}x faster or more"), found)
}

fn snapshot_p999(outcome: &Outcome, mix: Mix) -> Line {
    let found = outcome.snapshot.as_ref().and_then(|runs| {
        let ours = snapshot::p999_ratio(runs, Peer::Redstart, mix)?;
        let valkey = snapshot::p999_ratio(runs, Peer::Valkey, mix);
        let valkey = valkey.map_or("-".to_owned(), |ratio| format!("{ratio:.2}x"));
        Some((format!("{ours:.2}x (Valkey: {valkey})"), ours <= SNAPSHOT_RATIO))
    });
    let figure = format!("p99.9 of {} during BGSAVE against idle, at 60 % load", mix.name());
    line(figure, format!("{SNAPSHOT_RATIO}x or less"), found)
}

fn snapshot_longest(outcome: &Outcome, mix: Mix) -> Line {
    let found = outcome.snapshot.as_ref().and_then(|runs| {
        let (ours, beyond) = snapshot::longest_ms(runs, Peer::Redstart, mix)?;
        let beyond = beyond?;
        let valkey = snapshot::longest_ms(runs, Peer::Valkey, mix);
        let valkey = valkey.map_or("-".to_owned(), |(ms, _)| format!("{ms:.2} ms"));
        let measured = format!("{ours:.2} ms, {beyond:+.2} ms (Valkey: {valkey})");
        Some((measured, beyond <= SNAPSHOT_MS))
    });
    let figure = format!("longest pause of {} during BGSAVE", mix.name());
    line(figure, format!("{SNAPSHOT_MS} ms beyond the echo floor's or less"), found)
}

fn save_memory(outcome: &Outcome) -> Line {
    let found = outcome.save_memory.as_ref().and_then(|growths| {
        let ours = save_memory::median_percent(growths, Peer::Redstart)?;
        let valkey = save_memory::median_percent(growths, Peer::Valkey);
        let valkey = valkey.map_or("-".to_owned(), |percent| format!("{percent:.1} %"));
        Some((format!("{ours:.1} % (Valkey: {valkey})"), ours <= SAVE_MEMORY_PERCENT))
    });
    let figure = "growth of memory during BGSAVE while all keys are written to".to_owned();
    line(figure, format!("{SAVE_MEMORY_PERCENT} % or less"), found)
}

/// The table for the terminal.
pub(crate) fn as_text(lines: &[Line]) -> String {
    let width = |cell: &dyn Fn(&Line) -> usize| lines.iter().map(cell).max().unwrap_or(0);
    let figure = width(&|line| line.figure.len());
    let goal = width(&|line| line.goal.len());
    let measured = width(&|line| line.measured.len());
    let mut text = String::new();
    for line in lines {
        text += &format!(
            "{:figure$}  {:goal$}  {:measured$}  {}\n",
            line.figure,
            line.goal,
            line.measured,
            line.verdict()
        );
    }
    text
}
