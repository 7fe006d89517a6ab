//! Figures of processes and threads from `/proc` (proc(5)). None: there is no such process (any more).

use std::path::{Path, PathBuf};

use crate::{kernel, memory, system};

/// CPU times in nanoseconds, in steps of a clock tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// In user mode, guest time included.
    pub user: u64,
    /// In the kernel.
    pub system: u64,
    /// The CPU it ran on last.
    pub processor: u32,
}

/// Times of a thread by the scheduler, in nanoseconds, exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Schedule {
    /// On a processor.
    pub running: u64,
    /// Ready, waiting for a processor.
    pub waiting: u64,
}

/// CPU times of a process with all its threads, the ended ones too.
pub fn times(pid: i32) -> Option<Times> {
    parse_stat(&read(dir(pid).join("stat"))?)
}

/// CPU times of one thread.
pub fn thread_times(pid: i32, tid: i32) -> Option<Times> {
    parse_stat(&read(thread_dir(pid, tid).join("stat"))?)
}

/// Scheduler times of one thread; None also where the kernel keeps no such statistics.
pub fn thread_schedule(pid: i32, tid: i32) -> Option<Schedule> {
    let text = read(thread_dir(pid, tid).join("schedstat"))?;
    let mut numbers = text.split_ascii_whitespace().map(|word| word.parse().ok());
    Some(Schedule { running: numbers.next()??, waiting: numbers.next()?? })
}

/// CPUs that a thread may run on, ascending (sched_getaffinity(2)).
pub fn affinity(tid: i32) -> Option<Vec<u32>> {
    let pid = rustix::process::Pid::from_raw(tid)?;
    let set = rustix::thread::sched_getaffinity(Some(pid)).ok()?;
    let most = u32::try_from(rustix::thread::CpuSet::MAX_CPU).unwrap_or(u32::MAX);
    Some((0..most).filter(|cpu| set.is_set(*cpu as usize)).collect())
}

/// Nanoseconds that a thread waited for something else than a processor; None where the kernel does not keep it.
pub fn thread_wait(pid: i32, tid: i32) -> Option<u64> {
    let text = read(thread_dir(pid, tid).join("sched"))?;
    let line = text.lines().find(|line| {
        let name = line.split(':').next().unwrap_or_default().trim();
        matches!(name, "wait_sum" | "se.statistics.wait_sum" | "se.statistics->wait_sum")
    })?;
    // Milliseconds with a fraction.
    let value: f64 = line.split(':').nth(1)?.trim().parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some((value * 1e6) as u64)
}

/// Numbers of the threads of a process, ascending.
pub fn threads(pid: i32) -> Option<Vec<i32>> {
    numbers(&dir(pid).join("task"))
}

/// Numbers of all processes, ascending.
pub fn processes() -> Option<Vec<i32>> {
    numbers(Path::new("/proc"))
}

/// Resident memory in KiB.
pub fn resident_kib(pid: i32) -> Option<u64> {
    let text = read(dir(pid).join("statm"))?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(memory::page_size() / 1024)
}

fn dir(pid: i32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

fn thread_dir(pid: i32, tid: i32) -> PathBuf {
    dir(pid).join("task").join(tid.to_string())
}

fn numbers(dir: &Path) -> Option<Vec<i32>> {
    let number = |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    let mut numbers: Vec<i32> = std::fs::read_dir(dir).ok()?.filter_map(number).collect();
    numbers.sort_unstable();
    Some(numbers)
}

fn read(path: PathBuf) -> Option<String> {
    // The name of a program need not be UTF-8; what is read stands behind it.
    let bytes = crate::store::read(&path, 1 << 16).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Fields 14, 15 and 39 of a `stat` file.
fn parse_stat(text: &str) -> Option<Times> {
    let path = Path::new("stat");
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let field = |number: usize| kernel::parse::<u64>(path, fields.get(number - 3)?).ok();
    Some(Times {
        user: system::ticks_to_ns(field(14)?),
        system: system::ticks_to_ns(field(15)?),
        processor: u32::try_from(field(39)?).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_fields_whatever_the_name() {
        let text = "7 (a) b) S 4 5 6 7 8 9 10 11 12 13 200 300 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 \
                    34 35 36 37 38 5 40 41";
        assert_eq!(
            parse_stat(text),
            Some(Times { user: system::ticks_to_ns(200), system: system::ticks_to_ns(300), processor: 5 })
        );
        assert_eq!(parse_stat("7 (a) S 1 2 3"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn our_own_figures() {
        let pid = std::process::id().cast_signed();
        assert!(times(pid).is_some());
        assert!(resident_kib(pid).unwrap() > 100);
        let all = threads(pid).unwrap();
        assert!(all.contains(&pid));
        assert!(processes().unwrap().contains(&pid));
        assert!(thread_times(pid, pid).is_some());
        assert!(thread_schedule(pid, pid).is_some());
        assert!(!affinity(pid).unwrap().is_empty());
    }

    #[test]
    fn no_such_process_is_none() {
        assert_eq!(times(-1), None);
        assert_eq!(threads(-1), None);
        assert_eq!(resident_kib(i32::MAX), None);
    }
}
