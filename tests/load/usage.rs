//! What a process takes, as the system counts it (Linux, proc(5)).

use std::fs;
use std::path::Path;
use std::time::Duration;

/// Processor time and memory of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Of all its threads.
    pub(crate) processor: Duration,
    /// Resident bytes.
    pub(crate) memory: u64,
}

impl Usage {
    /// Up to now. `None` when there is no such process, or no proc(5).
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
        let times = tasks.filter_map(|task| scheduled(&task.ok()?.path()));
        let processor = times.sum();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(Self {
            processor,
            memory: kibibytes * 1_024,
        })
    }
}

/// What the calling thread has computed so far.
pub(crate) fn of_this_thread() -> Duration {
    scheduled(Path::new("/proc/thread-self")).unwrap_or_default()
}

/// The first number of `schedstat`: nanoseconds on a processor.
fn scheduled(task: &Path) -> Option<Duration> {
    let text = fs::read_to_string(task.join("schedstat")).ok()?;
    let nanos = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// How many wanted a processor within the last minute, on average; there are how many processors.
pub(crate) fn machine() -> (f64, usize) {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = text.split_whitespace().next().and_then(|l| l.parse().ok());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (load.unwrap_or_default(), processors)
}

/// What the host kept from this machine's processors, to run others: all of them together, since the machine began.
/// Zero where the machine is no guest.
pub(crate) fn stolen() -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let all = text.lines().next().unwrap_or_default();
    // Behind a name: user, nice, system, idle, iowait, irq, softirq, steal.
    let ticks = all.split_whitespace().nth(8).and_then(|t| t.parse().ok());
    let ticks: u64 = ticks.unwrap_or_default();
    let micros = 1_000_000 / rustix::param::clock_ticks_per_second().max(1);
    Duration::from_micros(ticks * micros)
}
