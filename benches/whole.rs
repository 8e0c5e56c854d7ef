//! What the whole service does on this machine, next to a bare HTTP client loop against the same simulator in the same run.
//!
//! One JSON object on each line of standard output. `make bench`, or `make bench BENCH="--messages 20000 --waiting 200000"`.
//! Nothing is asserted: machines differ, and the ratios to the bare loop are what to compare. CPU is user and system time of the
//! process named, taken from the kernel; the simulator and the loop run in this process, barid and its Redis in their own.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement may panic, and its lines are its result")]

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/harness/mod.rs"]
mod harness;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use barid::simulator::{Settings, Simulator, Span, Statuses};
use harness::{Barid, Contact, Setup, people};
use serde_json::json;

fn argument(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args();
    arguments.find(|argument| argument == name).and_then(|_| arguments.next()?.parse().ok()).unwrap_or(default)
}

/// User and system seconds that a process has used.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // The kernel reports in hundredths of a second on every Linux that we know of.
    (ticks(11) + ticks(12)) / 100.0
}

/// The most memory that a process has ever held, in MB.
fn peak_megabytes(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0);
    kilobytes / 1024.0
}

fn redis_pid(barid: &Barid) -> u32 {
    let text = std::fs::read_to_string(barid.redis_pid_file()).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

fn simulator(statuses: Statuses) -> Settings {
    Settings { statuses, ..Setup::default().simulator }
}

fn all_three() -> Statuses {
    Statuses {
        sent_after: Span::millis(0, 100),
        delivered_after: Span::millis(0, 200),
        read_after: Span::millis(0, 300),
        read_share: 1.0,
        undelivered_share: 0.0,
        skip_delivered_share: 0.0,
        duplicate_share: 0.0,
        reorder_share: 0.0,
        ..Statuses::default()
    }
}

/// The reference: the same calls from a loop that keeps nothing.
async fn bare_loop(n: usize) -> f64 {
    let simulator = Simulator::start(simulator(Statuses::off())).await.expect("the simulator starts");
    let number = simulator.settings().numbers[0].phone_number_id.clone();
    let url = format!("{}/v26.0/{number}/messages", simulator.url());
    let token = simulator.settings().token.clone();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client can be built");
    let next = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let begin = Instant::now();
    let mut loops = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (client, url, token, next) = (client.clone(), url.clone(), token.clone(), next.clone());
        loops.spawn(async move {
            loop {
                let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if i >= n {
                    return;
                }
                let body = json!({"messaging_product": "whatsapp", "to": format!("+9665{:08}", 10_000_000 + i), "type": "template",
                    "template": {"name": "survey_invitation", "language": {"code": "ar"}, "components": [{"type": "body", "parameters":
                    [{"type": "text", "text": format!("Zephyrine{i}")}, {"type": "text", "text": "استبيان رضا العملاء"}]}]}});
                let answer = client.post(&url).bearer_auth(&token).json(&body).send().await.expect("the simulator answers");
                let _ = answer.bytes().await;
            }
        });
    }
    loops.join_all().await;
    let rate = n as f64 / begin.elapsed().as_secs_f64();
    simulator.shutdown().await;
    rate
}

/// A campaign to people who are in the store already, from start to the last effect.
async fn campaign(name: &str, n: usize, statuses: Statuses, bare: f64) {
    let with_callbacks = statuses.enabled;
    let barid = Barid::start_with(Setup { simulator: simulator(statuses), ..Setup::default() }, &people(n)).await;
    let before = (cpu_seconds(barid.pid()), cpu_seconds(redis_pid(&barid)));
    let begin = Instant::now();
    barid.start_campaign("survey").await;
    if with_callbacks {
        barid.settle("survey").await;
    } else {
        barid.wait_for("survey", "the run to finish", |state, _| state == "finished").await;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let (cpu, redis) = (cpu_seconds(barid.pid()) - before.0, cpu_seconds(redis_pid(&barid)) - before.1);
    let rows = barid.simulator.ledger();
    let calls = rows.last().map_or(0, |row| row.accepted_at) - rows.first().map_or(0, |row| row.accepted_at);
    let rate = n as f64 / seconds;
    println!(
        "{}",
        json!({"bench": name, "messages": n, "accepted": rows.len(), "seconds": seconds, "messages_per_second": rate,
            "calls_per_second": rows.len() as f64 / (calls.max(1) as f64 / 1000.0), "ratio_to_bare_loop": rate / bare,
            "cpu_seconds_per_1000": (cpu + redis) / n as f64 * 1000.0, "barid_cpu_per_1000": cpu / n as f64 * 1000.0,
            "redis_cpu_per_1000": redis / n as f64 * 1000.0, "barid_peak_mb": peak_megabytes(barid.pid()), "load": load()})
    );
}

fn contacts_file(people: &[Contact]) -> String {
    people.iter().fold(String::from("phone,name,language,consent\n"), |mut text, person| {
        writeln!(text, "{},{},{},{}", person.phone, person.name, person.language, person.consent)
            .expect("a string grows");
        text
    })
}

async fn import(n: usize) {
    let barid = Barid::prepare(Setup::default()).await;
    let file = barid.dir.path().join("people.csv");
    std::fs::write(&file, contacts_file(&people(n))).expect("the folder is there");
    let begin = Instant::now();
    let output = barid.run(&["contacts", "import", file.to_str().expect("the path is text")]);
    let seconds = begin.elapsed().as_secs_f64();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    println!(
        "{}",
        json!({"bench": "import", "rows": n, "seconds": seconds, "rows_per_second": n as f64 / seconds, "load": load()})
    );
}

/// Memory with a large audience planned and hardly anything sent.
async fn waiting(n: usize) {
    let setup = Setup { mps: 1, simulator: simulator(Statuses::off()), ..Setup::default() };
    let barid = Barid::start_with(setup, &people(n)).await;
    let begin = Instant::now();
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "the audience to be planned", |_, run| run["total"].as_u64() == Some(n as u64)).await;
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{}",
        json!({"bench": "waiting", "recipients": n, "planned_per_second": n as f64 / seconds,
            "barid_peak_mb": peak_megabytes(barid.pid()), "redis_peak_mb": peak_megabytes(redis_pid(&barid)), "load": load()})
    );
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be built");
    let messages = argument("--messages", 20_000);
    runtime.block_on(async {
        let bare = bare_loop(messages).await;
        println!(
            "{}",
            json!({"bench": "bare loop", "messages": messages, "messages_per_second": bare, "load": load()})
        );
        campaign("send", messages, Statuses::off(), bare).await;
        campaign("send with three callbacks", messages, all_three(), bare).await;
        import(argument("--rows", 100_000)).await;
        waiting(argument("--waiting", 200_000)).await;
    });
}
