//! What the operating system tells of the process: through `/proc`, zeros where there is none.

use node::{CpuTime, CpuTimes, ProcessFacts};
use std::fs::read_to_string;
use std::path::Path;
use std::time::Duration;

/// Pages as /proc counts them.
const PAGE_BYTES: u64 = 4096;

/// How long the ticks are that /proc counts processor time in.
const TICK: Duration = Duration::from_millis(10);

/// The allocator that the program is built with (`src/main.rs`).
const ALLOCATOR: &str = "mimalloc";

/// The resident memory of the process, in bytes.
pub(crate) fn resident_bytes() -> u64 {
    let statm = read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}

pub(crate) fn cpu_times() -> CpuTimes {
    let process = read_to_string("/proc/self/stat").unwrap_or_default();
    // The first thread has the process's number.
    let thread = format!("/proc/self/task/{}/stat", std::process::id());
    let thread = read_to_string(thread).unwrap_or_default();
    CpuTimes {
        process: cpu_time(&process, 11),
        children: cpu_time(&process, 13),
        main_thread: cpu_time(&thread, 11),
    }
}

/// User and system time of a line of `/proc/.../stat`; `index` counts from the field behind the name, which may have spaces in it.
fn cpu_time(stat: &str, index: usize) -> CpuTime {
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let mut ticks = fields.split_whitespace().skip(index).map(|field| field.parse().unwrap_or(0));
    let mut time = || TICK * ticks.next().unwrap_or(0);
    let user = time();
    CpuTime { user, system: time() }
}

/// What does not change while the process runs.
pub(crate) fn facts(config_file: Option<&Path>) -> ProcessFacts {
    let text = |path: &str| read_to_string(path).unwrap_or_default().trim().to_owned();
    let shown = |path: &Path| path.display().to_string();
    ProcessFacts {
        process_id: std::process::id(),
        executable: std::env::current_exe().map(|path| shown(&path)).unwrap_or_default(),
        system: format!(
            "{} {} {}",
            text("/proc/sys/kernel/ostype"),
            text("/proc/sys/kernel/osrelease"),
            std::env::consts::ARCH
        ),
        system_memory_bytes: total_memory_bytes(&text("/proc/meminfo")),
        allocator: ALLOCATOR.to_owned(),
        config_file: config_file.map(shown).unwrap_or_default(),
    }
}

fn total_memory_bytes(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_times_stand_behind_a_name_with_spaces() {
        let stat = "7 (a (b) c) R 1 2 3 4 5 6 7 8 9 10 250 31 4 5 20 0";
        let time = cpu_time(stat, 11);
        assert_eq!((time.user, time.system), (TICK * 250, TICK * 31));
        assert_eq!(cpu_time(stat, 13).user, TICK * 4);
        assert_eq!(cpu_time("", 11).system, Duration::ZERO);
    }

    #[test]
    fn the_process_has_memory_and_a_machine() {
        assert!(resident_bytes() > PAGE_BYTES);
        assert!(facts(None).system_memory_bytes > resident_bytes());
    }
}
