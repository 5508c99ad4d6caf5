//! What the kernel tells of a process and of the machine: CPU time, memory, steal.
//!
//! All but the CPU time of a process come from `/proc` (proc(5)).

use anyhow::{Context, Result, ensure};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;
use std::fs;
use std::process::Command;

/// The core that servers run on.
pub(crate) const SERVER_CORE: usize = 0;
/// The core that clients run on.
pub(crate) const CLIENT_CORE: usize = 1;

/// The length of a tick of `/proc/stat` in nanoseconds: USER_HZ is 100 on every Linux of today.
const TICK_NS: u64 = 10_000_000;

/// Lets the calling thread, and what it starts from now on, run on this core only.
pub(crate) fn pin_to(core: usize) -> Result<()> {
    run_on(&[core]).with_context(|| format!("cannot pin to core {core}: two cores are needed"))
}

/// Lets the calling thread run on both cores again.
pub(crate) fn unpin() -> Result<()> {
    run_on(&[SERVER_CORE, CLIENT_CORE])
}

fn run_on(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Nanoseconds, user and system, that all threads of a process have run, those that have ended included:
/// the process's CPU clock (clock_getcpuclockid(3)), which is exact where the figures of `/proc` come in ticks.
pub(crate) fn cpu_ns(pid: u32) -> Result<u64> {
    let pid = Pid::from_raw(i32::try_from(pid)?);
    let time =
        clock_getcpuclockid(pid).and_then(ClockId::now).context("cannot read a CPU clock")?;
    Ok(u64::try_from(time.tv_sec())? * 1_000_000_000 + u64::try_from(time.tv_nsec())?)
}

/// Bytes of a process that are in memory.
pub(crate) fn rss_bytes(pid: u32) -> Result<u64> {
    memory_bytes(pid, "Rss:")
}

/// Bytes of a process that it shares with no other and has not on a disk: what a forked child has kept of what its
/// parent has changed since.
pub(crate) fn private_dirty_bytes(pid: u32) -> Result<u64> {
    memory_bytes(pid, "Private_Dirty:")
}

/// A line of `smaps_rollup`.
fn memory_bytes(pid: u32, name: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.with_context(|| format!("no line {name} in {path}"))?;
    Ok(number.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
}

/// The processes that the first thread of a process has started and that still run.
pub(crate) fn children(pid: u32) -> Result<Vec<u32>> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    text.split_ascii_whitespace().map(|word| Ok(word.parse()?)).collect()
}

/// The time of one core since start-up, in ticks.
#[derive(Clone, Copy, Default)]
struct CoreTicks {
    total: u64,
    steal: u64,
    busy: u64,
}

/// The state of both cores at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Cores([CoreTicks; 2]);

/// What happened on the cores between two moments.
#[derive(Clone, Copy)]
pub(crate) struct CoreUse {
    /// The larger share of the two cores, in percent, that the hypervisor gave to others.
    pub(crate) steal_percent: f64,
    /// Nanoseconds that each core was busy.
    busy_ns: [u64; 2],
}

impl CoreUse {
    /// Nanoseconds that the server's core spent on something other than the server.
    pub(crate) fn foreign_ns(&self, server_ns: u64) -> u64 {
        self.busy_ns[SERVER_CORE].saturating_sub(server_ns)
    }
}

impl Cores {
    /// Reads `/proc/stat`.
    pub(crate) fn now() -> Result<Cores> {
        let text = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
        let mut cores = [CoreTicks::default(); 2];
        for (core, ticks) in cores.iter_mut().enumerate() {
            let prefix = format!("cpu{core} ");
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(&prefix))
                .with_context(|| format!("core {core} is missing: two cores are needed"))?;
            *ticks = core_ticks(line)?;
        }
        Ok(Cores(cores))
    }

    /// What happened from `self` to `later`.
    pub(crate) fn until(&self, later: &Cores) -> CoreUse {
        let mut steal_percent = 0.0_f64;
        let mut busy_ns = [0; 2];
        for core in [SERVER_CORE, CLIENT_CORE] {
            let (from, to) = (self.0[core], later.0[core]);
            let total = to.total.saturating_sub(from.total);
            let steal = to.steal.saturating_sub(from.steal);
            if total > 0 {
                steal_percent = steal_percent.max(100.0 * steal as f64 / total as f64);
            }
            busy_ns[core] = to.busy.saturating_sub(from.busy) * TICK_NS;
        }
        CoreUse { steal_percent, busy_ns }
    }
}

/// Parses `user nice system idle iowait irq softirq steal guest guest_nice`.
fn core_ticks(line: &str) -> Result<CoreTicks> {
    let fields: Vec<u64> =
        line.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    ensure!(fields.len() >= 8, "a core of /proc/stat has {} fields, not 8", fields.len());
    let total: u64 = fields[..8].iter().sum();
    let steal = fields[7];
    Ok(CoreTicks { total, steal, busy: total - fields[3] - fields[4] - steal })
}

/// The machine and the build that figures belong to.
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) processor: String,
    /// How many cores the system has.
    pub(crate) cores: usize,
    /// Memory in GiB.
    pub(crate) memory_gib: f64,
    /// Kernel release.
    pub(crate) kernel: String,
    /// The kernel's setting of transparent huge pages.
    pub(crate) huge_pages: String,
    /// The compiler.
    pub(crate) rustc: String,
    /// The commit, with a `+` when there are changes beside it.
    pub(crate) commit: String,
    /// The date of the run, UTC.
    pub(crate) date: String,
}

impl Machine {
    /// Reads what there is to know.
    pub(crate) fn read() -> Result<Machine> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").context("cannot read /proc/cpuinfo")?;
        let processor = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']))
            .to_owned();
        let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
        let meminfo = fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
        let memory_kib: f64 = meminfo
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))
            .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok())
            .context("no MemTotal in /proc/meminfo")?;
        let huge_pages = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
            .unwrap_or_else(|_| "unknown".to_owned());
        let changed =
            !line_of(git().args(["status", "--porcelain", "--untracked-files=no"]))?.is_empty();
        Ok(Machine {
            processor,
            cores,
            memory_gib: memory_kib / 1024.0 / 1024.0,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            huge_pages: chosen(&huge_pages).to_owned(),
            rustc: line_of(Command::new("rustc").arg("--version"))?,
            commit: line_of(git().args(["rev-parse", "--short=12", "HEAD"]))?
                + if changed { "+" } else { "" },
            date: line_of(Command::new("date").args(["--utc", "+%Y-%m-%d %H:%M UTC"]))?,
        })
    }
}

fn git() -> Command {
    let mut command = Command::new("git");
    command.current_dir(crate::tools::workspace_root());
    command
}

fn line_of(command: &mut Command) -> Result<String> {
    Ok(crate::tools::run(command)?.lines().next().unwrap_or_default().trim().to_owned())
}

/// The word in brackets of a kernel setting such as `always [madvise] never`.
fn chosen(setting: &str) -> &str {
    let inside = setting.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    inside.map_or(setting.trim(), |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_and_busy_time_are_told_apart_from_idle_time() {
        let ticks = core_ticks("10 1 5 100 7 2 3 4 0 0").expect("ten fields");
        assert_eq!((ticks.total, ticks.steal, ticks.busy), (132, 4, 21));
        assert!(core_ticks("1 2 3").is_err());
    }

    #[test]
    fn own_process_has_run_and_has_memory() {
        let pid = std::process::id();
        assert!(cpu_ns(pid).expect("own clock") > 0);
        let rss = rss_bytes(pid).expect("own smaps_rollup");
        assert!(rss > 100_000);
        assert!((1..=rss).contains(&private_dirty_bytes(pid).expect("own smaps_rollup")));
    }

    #[test]
    fn bracketed_word_is_the_setting() {
        assert_eq!(chosen("always [madvise] never\n"), "madvise");
        assert_eq!(chosen("unknown"), "unknown");
    }
}
