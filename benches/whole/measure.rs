//! What processes used, and the line that says so.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::harness::Barid;

/// The number behind an argument such as `--messages`.
pub(crate) fn argument(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args();
    arguments.find(|argument| argument == name).and_then(|_| arguments.next()?.parse().ok()).unwrap_or(default)
}

/// One line of the result.
pub(crate) struct Report(Map<String, Value>);

impl Report {
    pub(crate) fn new(name: &str) -> Self {
        Self(Map::from_iter([("bench".to_owned(), json!(name))]))
    }

    /// Adds a value; a fraction with as many digits as mean something.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let rounded = match value.as_f64().filter(|_| value.is_f64()) {
            Some(number) if number.abs() >= 100.0 => json!(number.round()),
            Some(number) => json!((number * 10_000.0).round() / 10_000.0),
            None => value,
        };
        self.0.insert(name.to_owned(), rounded);
        self
    }

    pub(crate) fn print(self) {
        println!("{}", Value::Object(self.with("load", load()).0));
    }
}

fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

/// Fields of `/proc/PID/stat` behind the name, from the state on.
fn stat(pid: u32) -> Vec<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

fn seconds(fields: &[String], which: impl IntoIterator<Item = usize>) -> f64 {
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // The kernel reports in hundredths of a second on every Linux that we know of.
    which.into_iter().map(ticks).sum::<f64>() / 100.0
}

/// User and system seconds that a process has used.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    seconds(&stat(pid), [11, 12])
}

/// The same for a process and its children, those that ended included.
fn cpu_seconds_of_family(pid: u32) -> f64 {
    let mut sum = seconds(&stat(pid), [11, 12, 13, 14]);
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let fields = stat(child);
        if fields.get(1).and_then(|parent| parent.parse().ok()) == Some(pid) {
            sum += seconds(&fields, [11, 12]);
        }
    }
    sum
}

/// A line of `/proc/PID/status` that is in kB, in MB: `VmHWM`, the most that the process has ever held, or `VmRSS`, what it holds now.
pub(crate) fn megabytes(pid: u32, line: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes = found.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0);
    kilobytes / 1024.0
}

/// Makes [`megabytes`] of `VmHWM` begin anew; where the kernel does not let us, it tells of the time before, too.
pub(crate) fn forget_peak(pid: u32) {
    let _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// The value of a metric without labels, or with exactly these, in a page of them.
pub(crate) fn metric(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or(f64::NAN)
}

/// The process whose id stands in a file; 0, of which nothing is known, without one.
fn pid_in(file: &Path) -> u32 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().next().and_then(|line| line.trim().parse().ok()).unwrap_or(0)
}

pub(crate) fn redis_pid(barid: &Barid) -> u32 {
    pid_in(&barid.redis_pid_file())
}

/// CPU seconds of the processes that work together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    barid: f64,
    redis: f64,
    postgres: Option<f64>,
}

impl Cpu {
    /// Up to now; `postgres`: the URL of the database, where one is used.
    pub(crate) fn now(barid: &Barid, postgres: Option<&str>) -> Self {
        let server =
            postgres.and_then(|url| url.split_once("host=")).map(|(_, dir)| Path::new(dir).join("data/postmaster.pid"));
        Self {
            barid: cpu_seconds(barid.pid()),
            redis: cpu_seconds(redis_pid(barid)),
            postgres: server.map(|file| cpu_seconds_of_family(pid_in(&file))),
        }
    }

    /// What barid alone used since `before`.
    pub(crate) fn barid_since(self, before: Self) -> f64 {
        self.barid - before.barid
    }

    /// Adds what was used since `before`, for each 1,000 messages. The database server is named beside the sum, not in it.
    pub(crate) fn report(self, before: Self, messages: usize, report: Report) -> Report {
        let per = |seconds: f64| seconds / messages as f64 * 1000.0;
        let (barid, redis) = (self.barid - before.barid, self.redis - before.redis);
        let report = report
            .with("cpu_seconds_per_1000", per(barid + redis))
            .with("barid_cpu_per_1000", per(barid))
            .with("redis_cpu_per_1000", per(redis));
        match (self.postgres, before.postgres) {
            (Some(now), Some(before)) => report.with("postgres_cpu_per_1000", per(now - before)),
            _ => report,
        }
    }
}
