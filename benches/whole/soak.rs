//! A steady stream with all callbacks: nothing may grow.

use std::time::{Duration, Instant};

use barid::simulator::{Latency, Millis, Settings};

use crate::campaigns::all_three;
use crate::harness::{Barid, Setup, people};
use crate::measure::{Cpu, Report, megabytes, metric, redis_pid};

/// What fills at first (connections, caches, statements) does not count as growth.
const WARM_UP: Duration = Duration::from_secs(10);

async fn look(barid: &Barid, when: &str, report: Report) -> Report {
    let metrics = barid.metrics().await;
    let depth = |queue: &str| metric(&metrics, &format!("barid_queue_depth{{queue=\"{queue}\"}}"));
    let named = |what: &str| format!("{what}_at_{when}");
    report
        .with(&named("barid_mb"), megabytes(barid.pid(), "VmRSS"))
        .with(&named("redis_mb"), megabytes(redis_pid(barid), "VmRSS"))
        .with(&named("sending_depth"), depth("sending"))
        .with(&named("news_depth"), depth("news"))
        .with(&named("news_lag_seconds"), metric(&metrics, "barid_news_lag_seconds"))
}

/// `rate` messages each second for `time`. The reference is the rate itself.
pub(crate) async fn measure(rate: usize, time: Duration) {
    let n = rate * time.as_secs() as usize;
    let answer = Millis::new(50);
    let latency = Latency { min: answer, median: answer, max: answer };
    let simulator = Settings { statuses: all_three(), latency, ..Setup::default().simulator };
    let mps = u32::try_from(rate).expect("the rate is small");
    let barid = Barid::start_with(Setup { mps, simulator, ..Setup::default() }, &people(n)).await;
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "the audience to be planned", |_, run| run["total"] == n).await;
    tokio::time::sleep(WARM_UP).await;
    let before = Cpu::now(&barid, None);
    let accepted = || barid.simulator.counts().accepted as usize;
    let sent_before = accepted();
    let begin = Instant::now();
    let report = look(&barid, "begin", Report::new("soak")).await;
    // Until shortly before the end, so that the last look sees it at work.
    while accepted() < n - rate {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let report = look(&barid, "end", report).await;
    let seconds = begin.elapsed().as_secs_f64();
    let sent = accepted() - sent_before;
    let report = report
        .with("seconds", seconds)
        .with("messages_per_second", sent as f64 / seconds)
        .with("ratio_to_rate", sent as f64 / seconds / rate as f64);
    let report = Cpu::now(&barid, None).report(before, sent, report);
    barid.settle("survey").await;
    report.with("barid_peak_mb", megabytes(barid.pid(), "VmHWM")).print();
}
