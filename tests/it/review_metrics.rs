//! The monthly review: over two months by a settable clock, beside what the review before it saw, safe to run twice; and over the command line.

use std::collections::BTreeSet;
use std::sync::Arc;

use barid::domain::ids::JobName;
use barid::domain::live_check::{AccountFacts, NumberFacts};
use barid::domain::news::ProviderStatus;
use barid::domain::standing_job::{JobOutcome, JobResult, StandingJob};
use barid::jobs::schedule;
use barid::ports::{Answer, Messages as _, Runs as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::contracts::{self, Database};
use crate::harness::{Barid, Setup, people};
use crate::report_costs::{Post, away};
use crate::standing_jobs::{Hand, Process, entry};

/// So many messages, planned and called at that moment and delivered so much later; all but some of them arrive.
async fn month(process: &Process, at: Timestamp, n: usize, lost: usize, after: SignedDuration) {
    let contacts = contracts::people(&process.store, n).await;
    let run = contracts::new_run(&process.store).await;
    let terms = barid::ports::RunTerms { expires_at: at + SignedDuration::from_hours(24), ..contracts::terms() };
    let planned = contacts.into_iter().map(contracts::planned).collect();
    process.store.plan(run.id, &terms, planned, "end", true, at).await.unwrap();
    let messages = process.store.feed(run.id, n as u64).await.unwrap();
    let called_at = at + SignedDuration::from_secs(2);
    let lease_until = called_at + SignedDuration::from_mins(1);
    for (id, _) in &messages {
        process.store.start(contracts::begin(*id, 0, lease_until, called_at)).await.unwrap();
    }
    let statuses = messages.iter().skip(lost).map(|(id, _)| {
        let mut news = contracts::status(&process.store, *id, ProviderStatus::Delivered);
        news.provider_at = called_at + after;
        news
    });
    let body = barid::ports::RowNews { statuses: statuses.collect(), ..Default::default() };
    use barid::ports::Journal as _;
    let row = process.store.append(barid::domain::news::Source::Meta, "{}".into(), called_at).await.unwrap();
    process.store.apply(row, body, called_at + after + SignedDuration::from_secs(1)).await.unwrap();
}

async fn outcomes(process: &Process, job: StandingJob) -> Vec<JobOutcome> {
    let runs = process.runs().await.into_iter().filter(|run| run.job == job.name());
    runs.filter_map(|run| Some(run.ended?.1)).collect()
}

#[tokio::test]
async fn a_month_is_reviewed_beside_the_one_before_and_again_beside_the_same() {
    let database = Database::sqlite_in_memory();
    let clock = Hand::at("2026-09-30T12:00:00Z");
    let schedule = vec![entry(StandingJob::SyncLimits, "17 6 * * *"), entry(StandingJob::ReviewMetrics, "0 7 2 * *")];
    let process = Process::over(&database, &clock, schedule).await;
    let says = |quality: &str, verification: &str| {
        let (status, quality) = ("CONNECTED".to_owned(), quality.to_owned());
        process.says(
            NumberFacts { status, quality, ..NumberFacts::default() },
            AccountFacts { business_verification: verification.to_owned(), ..AccountFacts::default() },
        );
    };
    process.pass().await;
    // A message of the last hour of September where the account is (UTC here) is none of October's.
    month(&process, "2026-09-30T23:30:00Z".parse().unwrap(), 3, 0, SignedDuration::from_secs(90)).await;
    month(&process, "2026-10-10T09:00:00Z".parse().unwrap(), 400, 4, SignedDuration::from_secs(3)).await;
    says("GREEN", "verified");
    clock.set("2026-11-02T04:00:00Z".parse().unwrap());
    process.pass().await;
    let first = outcomes(&process, StandingJob::ReviewMetrics).await.remove(0);
    assert_eq!(first.result, JobResult::Ok, "{first:?}");
    assert_eq!(
        first.summary,
        "2026-10: 400 called (before: 3), delivered 99.00 % (before: 100.00 %), read 0.00 % (before: 0.00 %), \
         answered 0.00 % (before: 0.00 %); kept as review-2026-10"
    );
    let details = first.details.unwrap();
    assert_eq!(details["times"]["lateness"], serde_json::json!({"n": 400, "p50": 2_000, "p95": 2_000, "p99": 2_000}));
    assert_eq!(details["times"]["latency"]["whatsapp"]["p50"], 3_000);

    month(&process, "2026-11-15T09:00:00Z".parse().unwrap(), 400, 40, SignedDuration::from_secs(12)).await;
    says("YELLOW", "expired");
    clock.set("2026-12-02T04:00:00Z".parse().unwrap());
    process.pass().await;
    let worse = "worse: the quality of default from GREEN to YELLOW, the business verification of 800 from verified to expired, \
                 delivered over whatsapp from 99.00 % to 90.00 %, the time within which half are delivered over whatsapp from 3.0 s to 12.0 s";
    let second = outcomes(&process, StandingJob::ReviewMetrics).await.pop().unwrap();
    assert_eq!(second.result, JobResult::Warning);
    assert!(second.summary.contains(worse), "{}", second.summary);

    // Once more by hand, days later: it is compared with October's again, not with itself.
    clock.advance(SignedDuration::from_hours(72));
    process.pass().await;
    let by_hand: JobName = "review-metrics".parse().unwrap();
    schedule::open_by_hand(&process.upkeep, &by_hand, "amal").await.unwrap().unwrap();
    process.pass().await;
    let again = outcomes(&process, StandingJob::ReviewMetrics).await.pop().unwrap();
    assert_eq!(again.summary, second.summary);

    let folder = process.state_dir.path().join("reports");
    let kept: BTreeSet<String> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let names = ["2026-10", "2026-11"].map(|month| {
        ["ar.html", "ar.txt", "csv", "en.html", "en.txt", "json"].map(|ending| format!("review-{month}.{ending}"))
    });
    assert_eq!(kept, names.concat().into_iter().collect());
    let json: Value = serde_json::from_slice(&std::fs::read(folder.join("review-2026-11.json")).unwrap()).unwrap();
    assert_eq!(json["total"]["previous"]["delivery_percent"], "99.00");
    assert_eq!(json["meta"]["compared_with"], "2026-10");
}

#[tokio::test]
async fn a_review_is_mailed_once_and_one_that_is_owed_is_left_to_its_own_job() {
    let (database, post) = (Database::sqlite_in_memory(), Arc::new(Post::default()));
    let clock = Hand::at("2026-11-02T03:59:00Z");
    let mut process = Process::over(&database, &clock, vec![entry(StandingJob::ReviewMetrics, "0 7 2 * *")]).await;
    process.upkeep.report_recipients.to = ["a@example.com", "b@example.com"].map(str::to_owned).to_vec();
    process.upkeep.report_recipients.notices = Some(Arc::clone(&post) as _);
    process.pass().await;
    clock.advance(SignedDuration::from_mins(1));
    let taken = Some(Answer::Accepted("m@example.com".parse().unwrap()));
    post.wills([taken, away()]);
    process.pass().await;
    let by_hand = async |name: &str| {
        let name: JobName = name.parse().unwrap();
        schedule::open_by_hand(&process.upkeep, &name, "amal").await.unwrap().unwrap();
        process.pass().await;
    };
    // The review is tried again in a minute; until then a report on costs must not take its mail for one of its own.
    by_hand("report-costs").await;
    let costs = ["a", "b"].map(|to| format!("{to}@example.com costs-2026-11-01-2026-11-01"));
    assert_eq!(post.taken(), costs);
    assert_eq!(outcomes(&process, StandingJob::ReportCosts).await[0].result, JobResult::Ok);
    clock.advance(SignedDuration::from_mins(2));
    process.pass().await;
    assert_eq!(post.taken(), ["b@example.com review-2026-10"]);
    by_hand("review-metrics").await;
    let again = outcomes(&process, StandingJob::ReviewMetrics).await.pop().unwrap();
    assert!(post.taken().is_empty() && again.summary.contains("2 had it before"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_reviewed_over_the_command_line() {
    let barid = Barid::start_with(Setup::default(), &people(3)).await;
    let run = |arguments: &[&str]| {
        let done = barid.run(arguments);
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    run(&["job", "run", "sync-limits"]);
    let said = run(&["job", "run", "review-metrics"]);
    assert!(said.contains("kept as review-"), "{said}");
    let review: Value = serde_json::from_str(&run(&["report", "review", "--json"])).unwrap();
    assert_eq!(review["meta"]["numbers"]["default"]["quality"], "GREEN", "{review}");
    let page = run(&["report", "review", "--month", "2026-05", "--format", "html", "--language", "ar", "--keep"]);
    assert!(page.contains("dir=\"rtl\"") && page.contains("2026-05"), "{page}");
    let kept = |name: &str| barid.dir.path().join("state/reports").join(name).exists();
    assert!(kept("review-2026-05.csv") && kept("review-2026-05.en.txt"));
    assert!(kept(&format!("review-{}.json", review["month"].as_str().unwrap())), "the job keeps it");
    let done = barid.run(&["report", "review", "--month", "2026-13"]);
    assert_eq!(done.status.code(), Some(64), "{done:?}");
}
