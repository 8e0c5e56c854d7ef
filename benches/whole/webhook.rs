//! Meta's callbacks where they arrive: how many are journalled and acknowledged in a second, how long each waits, and when what they say is
//! applied. All of them are about messages that were really sent, so that applying them costs what it costs.

#![expect(clippy::disallowed_methods, reason = "load comes in real time")]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use barid::simulator::{LedgerRow, Settings, Statuses};
use jiff::Timestamp;

use crate::generator::{Load, Posted, Requests, post};
use crate::harness::{Barid, Setup, people};
use crate::measure::{Cpu, Report, argument, forget_peak, megabytes, metric};
use crate::{bare, postgres};

/// What the design asks for: callbacks in each second, their share of a bare route, and the 99th percentile at a steady rate.
const GOAL_PER_SECOND: usize = 15_000;
const GOAL_RATIO: f64 = 0.3;
const GOAL_P99_MS: f64 = 20.0;
/// Meta's advice for a number of 1,000 messages/s: three times what goes out, and what comes in.
const STEADY_PER_SECOND: usize = 4_000;
/// As many as Meta puts into one body at most (page …/webhooks/overview, 2026-11-22).
const CHANGES_MAX: usize = 1_000;
/// Bodies of so many changes that are on their way at once.
const LARGE_AT_ONCE: usize = 8;
const STATUSES: [&str; 3] = ["sent", "delivered", "read"];

/// Connections of whoever posts.
fn connections() -> usize {
    argument("--connections", 512)
}

/// A service that has sent `n` messages of which no callback told anything yet.
async fn after_sending(n: usize, store_url: Option<String>) -> (Barid, Vec<LedgerRow>) {
    let simulator = Settings { statuses: Statuses::off(), ..Setup::default().simulator };
    let barid = Barid::start_with(Setup { simulator, store_url, ..Setup::default() }, &people(n)).await;
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "the run to finish", |state, _| state == "finished").await;
    let rows = barid.simulator.ledger();
    assert_eq!(rows.len(), n);
    (barid, rows)
}

/// The change that tells a status, in the shape of Meta (page …/webhooks/reference/messages/status, 2026-11-22).
fn status(change: &mut String, row: &LedgerRow, status: &str, now: Timestamp) {
    let (digits, reference) = (&row.to[1..], row.biz_opaque_callback_data.as_deref().unwrap_or_default());
    write!(
        change,
        r#"{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550100000","phone_number_id":"{number}"}},"contacts":[{{"profile":{{"name":"Zephyrine"}},"wa_id":"{digits}","user_id":"SA.{digits}"}}],"statuses":[{{"id":"{wamid}","status":"{status}","timestamp":"{at}","recipient_id":"{digits}","recipient_user_id":"SA.{digits}","biz_opaque_callback_data":"{reference}","pricing":{{"billable":true,"pricing_model":"PMP","category":"utility","type":"regular"}}}}]}}}}"#,
        number = row.phone_number_id,
        wamid = row.wamid,
        at = now.as_second(),
    )
    .expect("a string grows");
}

/// The change that brings what a person wrote, in answer to a message (page …/webhooks/reference/messages/text, 2026-11-22).
fn written(change: &mut String, row: &LedgerRow, now: Timestamp) {
    let digits = &row.to[1..];
    write!(
        change,
        r#"{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550100000","phone_number_id":"{number}"}},"contacts":[{{"profile":{{"name":"Zephyrine"}},"wa_id":"{digits}","user_id":"SA.{digits}"}}],"messages":[{{"context":{{"from":"15550100000","id":"{wamid}"}},"from":"{digits}","from_user_id":"SA.{digits}","id":"{wamid}.answer","timestamp":"{at}","type":"text","text":{{"body":"The delivery was quick and the driver was friendly"}}}}]}}}}"#,
        number = row.phone_number_id,
        wamid = row.wamid,
        at = now.as_second(),
    )
    .expect("a string grows");
}

fn body(changes: &str) -> String {
    format!(r#"{{"object":"whatsapp_business_account","entry":[{{"id":"800000000000001","changes":[{changes}]}}]}}"#)
}

fn secret(barid: &Barid) -> String {
    barid.simulator.settings().app_secret.clone()
}

fn address(barid: &Barid) -> SocketAddr {
    barid.listen.parse().expect("it is an address")
}

/// Each status of each message in a body of its own: first all of one kind, then all of the next, as a campaign brings them.
fn single_statuses(barid: &Barid, rows: &[LedgerRow]) -> Requests {
    let mut requests = Requests::signed_with(&secret(barid));
    for name in STATUSES {
        for row in rows {
            let mut change = String::new();
            status(&mut change, row, name, Timestamp::now());
            requests.push(&body(&change));
        }
    }
    requests
}

/// What the service still had to do when everything was acknowledged, and how long it took.
struct Backlog {
    waiting: f64,
    worked_off_in: f64,
}

impl Backlog {
    /// Looks now, and waits until it is worked off.
    async fn work_off(barid: &Barid) -> Self {
        let begin = Instant::now();
        let waiting = async || {
            let waiting = metric(&barid.metrics().await, "barid_news_waiting");
            assert!(!waiting.is_nan(), "the service tells how many callbacks wait");
            waiting
        };
        let first = waiting().await;
        while waiting().await > 0.0 {
            assert!(begin.elapsed() < Duration::from_secs(600), "callbacks stay unapplied");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Self { waiting: first, worked_off_in: begin.elapsed().as_secs_f64() }
    }

    fn report(&self, report: Report) -> Report {
        report.with("unapplied_at_end", self.waiting).with("seconds_until_lag_0", self.worked_off_in)
    }
}

fn waits(posted: &Posted, report: Report) -> Report {
    report
        .with("wait_p50_ms", posted.wait_ms(0.5))
        .with("wait_p99_ms", posted.wait_ms(0.99))
        .with("wait_max_ms", posted.wait_ms(1.0))
        .with("refused", posted.refused)
}

/// The journal has every callback, and each did what it says.
async fn assert_applied(barid: &Barid, bodies: usize, messages: usize) {
    let kept = metric(&barid.metrics().await, "barid_webhook_requests_total{result=\"kept\"}");
    assert_eq!(kept, bodies as f64, "bodies that were journalled");
    let run = barid.counts("survey").await;
    assert_eq!(run["read"], messages, "every status was applied: {run}");
}

/// As many callbacks of one status each as are taken, `n` in all.
pub(crate) async fn as_fast_as_it_goes(n: usize, on_postgres: bool) {
    let database = if on_postgres { Some(postgres::fresh_database().await) } else { None };
    let messages = n / STATUSES.len();
    let (barid, rows) = after_sending(messages, database.clone()).await;
    let requests = Arc::new(single_statuses(&barid, &rows));
    let load = Load { connections: connections(), per_second: None };
    let bare = bare::webhook(&secret(&barid)).await;
    let bare = requests.len() as f64 / post(bare, &requests, load).await.seconds;

    forget_peak(barid.pid());
    let before = Cpu::now(&barid, database.as_deref());
    let posted = post(address(&barid), &requests, load).await;
    let taken = Cpu::now(&barid, database.as_deref());
    let backlog = Backlog::work_off(&barid).await;
    let applied = Cpu::now(&barid, database.as_deref());
    assert_applied(&barid, requests.len(), messages).await;

    let rate = requests.len() as f64 / posted.seconds;
    let name = if on_postgres { "webhook, PostgreSQL" } else { "webhook" };
    let report = Report::new(name)
        .with("callbacks", requests.len())
        .with("seconds", posted.seconds)
        .with("callbacks_per_second", rate)
        .with("goal_per_second", GOAL_PER_SECOND)
        .with("bare_route_per_second", bare)
        .with("ratio_to_bare_route", rate / bare)
        .with("goal_ratio", GOAL_RATIO);
    let report = backlog.report(waits(&posted, report));
    let all = posted.seconds + backlog.worked_off_in;
    let report = report
        .with("applied_per_second", requests.len() as f64 / all)
        .with("barid_cpu_per_1000_until_answered", taken.barid_since(before) / requests.len() as f64 * 1000.0);
    applied.report(before, requests.len(), report).with("barid_peak_mb", megabytes(barid.pid(), "VmHWM")).print();
}

/// Three statuses and an answer of each of 1,000 messages in each second, evenly, for `time`.
pub(crate) async fn steady(time: Duration) {
    let messages = STEADY_PER_SECOND / 4 * time.as_secs() as usize;
    let (barid, rows) = after_sending(messages, None).await;
    let mut requests = Requests::signed_with(&secret(&barid));
    for row in &rows {
        for name in STATUSES {
            let mut change = String::new();
            status(&mut change, row, name, Timestamp::now());
            requests.push(&body(&change));
        }
        let mut change = String::new();
        written(&mut change, row, Timestamp::now());
        requests.push(&body(&change));
    }
    let requests = Arc::new(requests);
    let (write_p50, write_p99) = bare::durable_writes(400, barid.dir.path());
    forget_peak(barid.pid());
    let before = Cpu::now(&barid, None);
    let load = Load { connections: connections(), per_second: Some(STEADY_PER_SECOND as f64) };
    let posted = post(address(&barid), &requests, load).await;
    let backlog = Backlog::work_off(&barid).await;
    let after = Cpu::now(&barid, None);
    assert_applied(&barid, requests.len(), messages).await;

    let report = Report::new("webhook, a steady rate")
        .with("callbacks", requests.len())
        .with("due_per_second", STEADY_PER_SECOND)
        .with("callbacks_per_second", requests.len() as f64 / posted.seconds)
        .with("bare_durable_write_p50_ms", write_p50)
        .with("bare_durable_write_p99_ms", write_p99);
    let report = backlog.report(waits(&posted, report).with("goal_p99_ms", GOAL_P99_MS));
    after.report(before, requests.len(), report).with("barid_peak_mb", megabytes(barid.pid(), "VmHWM")).print();
}

/// `n` changes, a thousand in each body.
pub(crate) async fn large_bodies(n: usize) {
    let messages = n / STATUSES.len();
    let (barid, rows) = after_sending(messages, None).await;
    let mut requests = Requests::signed_with(&secret(&barid));
    for name in STATUSES {
        for rows in rows.chunks(CHANGES_MAX) {
            let mut changes = String::new();
            for row in rows {
                if !changes.is_empty() {
                    changes.push(',');
                }
                status(&mut changes, row, name, Timestamp::now());
            }
            requests.push(&body(&changes));
        }
    }
    let requests = Arc::new(requests);
    let changes = messages * STATUSES.len();
    let load = Load { connections: LARGE_AT_ONCE, per_second: None };
    let bare = bare::webhook(&secret(&barid)).await;
    let bare = changes as f64 / post(bare, &requests, load).await.seconds;

    forget_peak(barid.pid());
    let before = Cpu::now(&barid, None);
    let posted = post(address(&barid), &requests, load).await;
    let backlog = Backlog::work_off(&barid).await;
    let after = Cpu::now(&barid, None);
    assert_applied(&barid, requests.len(), messages).await;

    let rate = changes as f64 / posted.seconds;
    let report = Report::new("webhook, 1,000 changes in a body")
        .with("bodies", requests.len())
        .with("changes", changes)
        .with("changes_per_second", rate)
        .with("bare_route_per_second", bare)
        .with("ratio_to_bare_route", rate / bare);
    let report = backlog.report(waits(&posted, report));
    let all = posted.seconds + backlog.worked_off_in;
    let report = report.with("applied_per_second", changes as f64 / all);
    after.report(before, changes, report).with("barid_peak_mb", megabytes(barid.pid(), "VmHWM")).print();
}
