//! Runs of standing jobs: each firing once, in one pair of hands at a time, and what came of it.

use std::collections::BTreeMap;

use barid::domain::ids::JobName;
use barid::domain::standing_job::{Fired, JobOutcome, JobResult, JobRun, JobTrigger, StandingJob};
use barid::ports::{JobEnded, JobRuns as _, NewJobRun, ReportMailBegun, ReportMailEnded, ReportMails as _};
use barid::store::SqlStore;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::json;

use super::{at, on_both_databases};

fn name(text: &str) -> JobName {
    text.parse().unwrap()
}

fn due(text: &str, second: i64) -> NewJobRun {
    NewJobRun {
        name: name(text),
        job: StandingJob::named(text).unwrap_or(StandingJob::Tidy),
        arguments: BTreeMap::from([("period".to_owned(), "day".to_owned())]),
        trigger: JobTrigger::Schedule,
        due_at: at(second),
    }
}

fn by_hand(text: &str, second: i64) -> NewJobRun {
    NewJobRun { trigger: JobTrigger::Operator("amal".to_owned()), ..due(text, second) }
}

/// In the test's own time.
fn second_of(run: &JobRun) -> i64 {
    run.due_at.as_second() - at(0).as_second()
}

fn outcome(result: JobResult, again_at: Option<Timestamp>) -> JobEnded {
    let details = Some(json!({"files": 2, "word": "بريد"}));
    JobEnded::Outcome(JobOutcome { result, summary: "2 files".to_owned(), details, again_at })
}

/// Opens a run, takes it and ends it.
async fn made(store: &SqlStore, new: NewJobRun, result: JobResult, again_at: Option<Timestamp>, second: i64) {
    let (run, is_new) = store.open_job(new, at(second)).await.unwrap();
    assert!(is_new);
    let taken = store.take_job(Some(run.id), at(second + 60), at(second)).await.unwrap().unwrap();
    assert!(store.end_job(run.id, taken.tries, outcome(result, again_at), at(second)).await.unwrap());
}

on_both_databases! {
    async fn the_first_look_begins_the_watch_and_a_changed_schedule_another_one(database: Database) {
        let store = database.open().await;
        let tidy = name("tidy");
        assert_eq!(store.fired(&tidy, "30 3 * * * UTC").await.unwrap(), None);
        for second in [100, 200] {
            store.watch_job(&tidy, "30 3 * * * UTC", at(second)).await.unwrap();
        }
        let fired = Fired { watched_since: at(100), newest: None, again_at: None };
        assert_eq!(store.fired(&tidy, "30 3 * * * UTC").await.unwrap(), Some(fired));
        assert_eq!(store.fired(&tidy, "30 4 * * * UTC").await.unwrap(), None);
        made(&store, due("tidy", 150), JobResult::Ok, Some(at(900)), 150).await;
        // What a person starts is no firing of the schedule, and its end counts all the same.
        made(&store, by_hand("tidy", 160), JobResult::Ok, Some(at(800)), 160).await;
        store.watch_job(&tidy, "30 4 * * * UTC", at(300)).await.unwrap();
        let fired = Fired { watched_since: at(300), newest: Some(at(150)), again_at: Some(at(800)) };
        assert_eq!(store.fired(&tidy, "30 4 * * * UTC").await.unwrap(), Some(fired));
        let other = store.fired(&name("verify-token"), "30 4 * * * UTC").await.unwrap();
        assert_eq!(other, None);
    }

    async fn several_processes_fire_once_and_one_of_them_does_it(database: Database) {
        let stores = join_all((0..4).map(|_| database.open())).await;
        let opened = join_all(stores.iter().map(|store| store.open_job(due("tidy", 100), at(101)))).await;
        let opened: Vec<_> = opened.into_iter().map(Result::unwrap).collect();
        assert_eq!(opened.iter().filter(|(_, is_new)| *is_new).count(), 1);
        assert!(opened.iter().all(|(run, _)| run.id == opened[0].0.id));
        let taken = join_all(stores.iter().map(|store| store.take_job(None, at(161), at(101)))).await;
        let taken: Vec<_> = taken.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(taken.len(), 1, "{taken:?}");
        assert_eq!((taken[0].tries, taken[0].started_at), (1, Some(at(101))));
        assert_eq!(taken[0].arguments, BTreeMap::from([("period".to_owned(), "day".to_owned())]));
    }

    async fn what_a_dead_process_had_in_hand_is_taken_up_and_its_late_word_counts_no_more(database: Database) {
        let store = database.open().await;
        let (run, _) = store.open_job(due("tidy", 100), at(100)).await.unwrap();
        let first = store.take_job(None, at(160), at(100)).await.unwrap().unwrap();
        assert!(store.hold_job(run.id, first.tries, at(180)).await.unwrap());
        assert_eq!(store.take_job(None, at(230), at(170)).await.unwrap(), None, "it was held on to");
        let second = store.take_job(None, at(240), at(180)).await.unwrap().unwrap();
        assert_eq!((second.id, second.tries), (run.id, 2));
        assert!(!store.hold_job(run.id, first.tries, at(999)).await.unwrap());
        assert!(!store.end_job(run.id, first.tries, outcome(JobResult::Failed, None), at(190)).await.unwrap());
        assert!(store.end_job(run.id, second.tries, outcome(JobResult::Ok, None), at(200)).await.unwrap());
        assert!(!store.end_job(run.id, second.tries, outcome(JobResult::Failed, None), at(201)).await.unwrap());
        let (ended_at, ended) = store.job_run(run.id).await.unwrap().unwrap().ended.unwrap();
        assert_eq!((ended_at, ended.result, ended.summary.as_str()), (at(200), JobResult::Ok, "2 files"));
        assert_eq!(ended.details, Some(json!({"files": 2, "word": "بريد"})));
        assert_eq!(store.take_job(None, at(999), at(900)).await.unwrap(), None, "it is over");
    }

    async fn a_try_that_failed_waits_and_one_that_was_broken_off_counts_not(database: Database) {
        let store = database.open().await;
        let (run, _) = store.open_job(due("tidy", 100), at(100)).await.unwrap();
        let taken = store.take_job(None, at(160), at(100)).await.unwrap().unwrap();
        let again = JobEnded::Again { at: at(110), counts: true };
        assert!(store.end_job(run.id, taken.tries, again, at(100)).await.unwrap());
        assert_eq!(store.take_job(None, at(160), at(109)).await.unwrap(), None);
        let taken = store.take_job(None, at(170), at(110)).await.unwrap().unwrap();
        assert_eq!(taken.tries, 2);
        let broken_off = JobEnded::Again { at: at(111), counts: false };
        assert!(store.end_job(run.id, taken.tries, broken_off, at(111)).await.unwrap());
        assert_eq!(store.take_job(None, at(170), at(111)).await.unwrap().unwrap().tries, 2);
    }

    async fn one_run_of_a_job_at_a_time_and_others_beside_it(database: Database) {
        let store = database.open().await;
        let (first, _) = store.open_job(due("tidy", 100), at(100)).await.unwrap();
        let (second, _) = store.open_job(by_hand("tidy", 100), at(100)).await.unwrap();
        assert_ne!(first.id, second.id, "what a person asks for is a run of its own");
        let (token, _) = store.open_job(due("verify-token", 101), at(101)).await.unwrap();
        let mut taken = Vec::new();
        while let Some(run) = store.take_job(None, at(200), at(101)).await.unwrap() {
            taken.push(run.id);
        }
        assert_eq!(taken, [first.id, token.id]);
        assert_eq!(store.take_job(Some(second.id), at(200), at(101)).await.unwrap(), None);
        assert!(store.end_job(first.id, 1, outcome(JobResult::Ok, None), at(102)).await.unwrap());
        assert_eq!(store.take_job(Some(second.id), at(200), at(102)).await.unwrap().unwrap().id, second.id);
    }

    async fn runs_are_listed_newest_first_and_the_last_of_each_is_found(database: Database) {
        let store = database.open().await;
        let results = [JobResult::Ok, JobResult::Warning, JobResult::Failed, JobResult::Ok, JobResult::Failed];
        for (second, result) in (0..).zip(results) {
            let which = if second < 3 { "tidy" } else { "verify-token" };
            made(&store, due(which, second), result, None, second).await;
        }
        store.open_job(due("tidy", 9), at(9)).await.unwrap();
        let (tidy, token) = (name("tidy"), name("verify-token"));
        let page = store.job_runs(None, None, 4).await.unwrap();
        let seen: Vec<_> = page.items.iter().map(second_of).collect();
        assert_eq!(seen, [9, 4, 3, 2]);
        let rest = store.job_runs(None, page.next, 4).await.unwrap();
        assert_eq!(rest.items.iter().map(second_of).collect::<Vec<_>>(), [1, 0]);
        let of_tidy = store.job_runs(Some(&tidy), None, 100).await.unwrap();
        assert_eq!(of_tidy.items.iter().map(second_of).collect::<Vec<_>>(), [9, 2, 1, 0]);
        let last = async |name: &JobName, well| {
            store.last_job(name, well).await.unwrap().map(|run| second_of(&run))
        };
        assert_eq!((last(&tidy, false).await, last(&tidy, true).await), (Some(2), Some(1)));
        assert_eq!((last(&token, false).await, last(&token, true).await), (Some(4), Some(3)));
        assert_eq!(last(&name("nothing"), false).await, None);
        let found = store.last_details(StandingJob::VerifyToken).await.unwrap().unwrap();
        assert_eq!(found.due_at, at(4));
    }

    async fn old_runs_are_deleted_and_the_newest_of_each_name_stays(database: Database) {
        let store = database.open().await;
        for second in 0..4 {
            made(&store, due("tidy", second), JobResult::Ok, None, second).await;
        }
        made(&store, due("verify-token", 1), JobResult::Ok, None, 1).await;
        store.watch_job(&name("tidy"), "d", at(0)).await.unwrap();
        assert_eq!(store.tidy_jobs(at(2)).await.unwrap(), 2, "those of the seconds 0 and 1");
        assert_eq!(store.tidy_jobs(at(1_000)).await.unwrap(), 1);
        assert_eq!(store.tidy_jobs(at(1_000)).await.unwrap(), 0);
        let left = store.job_runs(None, None, 100).await.unwrap().items;
        assert_eq!(left.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), ["verify-token", "tidy"]);
        assert_eq!(store.fired(&name("tidy"), "d").await.unwrap().unwrap().newest, Some(at(3)), "nothing fires anew");
    }

    async fn the_mail_of_a_report_is_begun_by_one_and_again_only_if_it_was_not_sent(database: Database) {
        let mut stores = vec![database.open().await];
        stores.extend(join_all((0..3).map(|_| database.open())).await);
        let begin = async |store: &SqlStore, to: &str| store.begin_report_mail("costs-x", to, at(1)).await.unwrap();
        let begun = join_all(stores.iter().map(|store| begin(store, "a@example.com"))).await;
        let ours = begun.iter().filter(|begun| **begun == ReportMailBegun::Ours).count();
        assert_eq!((ours, begun.contains(&ReportMailBegun::Over)), (1, false), "{begun:?}");
        let store = &stores[0];
        assert_eq!(begin(store, "a@example.com").await, ReportMailBegun::Unknown);
        assert_eq!(begin(store, "b@example.com").await, ReportMailBegun::Ours, "somebody else");
        for (ended, wanted) in [
            (ReportMailEnded::NotSent, ReportMailBegun::Ours),
            (ReportMailEnded::Sent, ReportMailBegun::Over),
            // What was sent was sent.
            (ReportMailEnded::NotSent, ReportMailBegun::Over),
        ] {
            store.end_report_mail("costs-x", "a@example.com", ended).await.unwrap();
            let unsent = store.unsent_report_mails(at(1)).await.unwrap();
            assert_eq!(unsent.len(), usize::from(wanted == ReportMailBegun::Ours), "{ended:?}");
            assert_eq!(begin(store, "a@example.com").await, wanted, "{ended:?}");
        }
        store.end_report_mail("costs-x", "b@example.com", ReportMailEnded::Nobody).await.unwrap();
        assert_eq!(begin(store, "b@example.com").await, ReportMailBegun::Over);
        assert_eq!(store.begin_report_mail("costs-y", "a@example.com", at(1)).await.unwrap(), ReportMailBegun::Ours, "another report");
    }
}
