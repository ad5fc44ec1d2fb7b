//! The process as the system sees it, under the names that Prometheus' own clients use. Where there is no `/proc`, they
//! are 0.

use std::fs;

use crate::metrics::readings::Reading;
use crate::metrics::series;

/// This process; knows when it began.
#[derive(Debug)]
pub struct Process {
    start_seconds: u64,
}

impl Process {
    /// The process that calls.
    pub fn of_this_one() -> Process {
        let since_boot = Stat::read().map_or(0, |stat| stat.start_ticks / TICKS_PER_SECOND);
        let boot = boot_seconds().unwrap_or(0);
        Process { start_seconds: boot + since_boot }
    }

    /// What it uses now, except CPU time, which is no whole number.
    pub fn readings(&self) -> [Reading; 3] {
        [
            Reading::of(&series::PROCESS_RESIDENT_BYTES, resident_bytes().unwrap_or(0)),
            Reading::of(&series::PROCESS_OPEN_FDS, open_fds().unwrap_or(0)),
            Reading::of(&series::PROCESS_START_SECONDS, self.start_seconds),
        ]
    }

    /// The lines for CPU time: the recorder's counters are whole numbers, and whole seconds would hide a sidecar.
    pub fn cpu_lines(&self) -> String {
        let ticks = Stat::read().map_or(0, |stat| stat.cpu_ticks);
        let series = &series::PROCESS_CPU_SECONDS;
        let (name, help) = (series.name, series.help);
        let (whole, hundredths) = (ticks / TICKS_PER_SECOND, ticks % TICKS_PER_SECOND);
        format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {whole}.{hundredths:02}\n")
    }
}

/// `/proc` counts in hundredths of a second, whatever the kernel's own clock (proc(5), USER_HZ).
const TICKS_PER_SECOND: u64 = 100;

struct Stat {
    cpu_ticks: u64,
    start_ticks: u64,
}

impl Stat {
    fn read() -> Option<Stat> {
        Stat::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// Fields 14, 15 and 22 of proc_pid_stat(5); the name before them may hold anything, so counting starts behind it.
    fn parse(text: &str) -> Option<Stat> {
        let (_, rest) = text.rsplit_once(") ")?;
        let field = |number: usize| rest.split(' ').nth(number - 3)?.trim().parse::<u64>().ok();
        Some(Stat { cpu_ticks: field(14)?.checked_add(field(15)?)?, start_ticks: field(22)? })
    }
}

fn boot_seconds() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?;
    kib.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn open_fds() -> Option<u64> {
    // Reading the folder opens it: one that is gone again before anybody reads the figure.
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(count).ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_whose_name_holds_brackets_and_blanks_is_still_read() {
        let line = "7 (a) b (c) S 1 7 7 0 -1 4194304 99 0 0 0 250 31 0 0 20 0 2 0 12345 1000 200";
        let stat = Stat::parse(line).expect("a whole line");
        assert_eq!((stat.cpu_ticks, stat.start_ticks), (281, 12345));
        assert!(Stat::parse("7 (a").is_none() && Stat::parse("7 (a) S 1").is_none());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_memory_and_files_and_began_in_this_century() {
        let process = Process::of_this_one();
        let [resident, files, start] = process.readings().map(|reading| reading.value);
        assert!(resident > 1024 * 1024 && (3..100_000).contains(&files), "{resident} bytes, {files} files");
        assert!(start > 946_684_800, "began at {start}");
    }
}
