//! Cost reports by the schedule: on the period before the firing, kept as files, mailed once to each whoever fires, fails and dies.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use barid::domain::alert::{AlertKind, Severity};
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::ids::JobName;
use barid::domain::news::ProviderStatus;
use barid::domain::standing_job::{JobOutcome, JobResult, ScheduledJob, StandingJob, TRIES_MAX};
use barid::jobs::schedule::{self, Carried, LEASE};
use barid::ports::{Answer, Notice, Notices};
use jiff::SignedDuration;
use mail_parser::{MessageParser, MimeHeaders as _};
use tokio::sync::Notify;

use crate::contracts::{self, Database};
use crate::harness::{Barid, Setup, people, tail};
use crate::standing_jobs::{Hand, Process, entry};

/// The mail server, as the test wants it.
#[derive(Default)]
pub(crate) struct Post {
    /// Answers that come before everything is taken; `None`: none ever comes.
    will: Mutex<VecDeque<Option<Answer>>>,
    taken: Mutex<Vec<Notice>>,
    called: Notify,
}

#[async_trait]
impl Notices for Post {
    async fn tell(&self, notice: &Notice) -> Answer {
        self.called.notify_one();
        let will = self.will.lock().unwrap().pop_front();
        match will {
            Some(Some(answer)) => answer,
            Some(None) => std::future::pending().await,
            None => {
                self.taken.lock().unwrap().push(notice.clone());
                Answer::Accepted("mail@example.com".parse().unwrap())
            }
        }
    }
}

impl Post {
    pub(crate) fn wills(&self, answers: impl IntoIterator<Item = Option<Answer>>) {
        *self.will.lock().unwrap() = answers.into_iter().collect();
    }

    pub(crate) fn taken(&self) -> Vec<String> {
        let taken = std::mem::take(&mut *self.taken.lock().unwrap());
        taken.into_iter().map(|notice| format!("{} {}", notice.to, notice.id.split_once('.').unwrap().1)).collect()
    }
}

pub(crate) fn away() -> Option<Answer> {
    Some(Answer::NotSent { because: "connection refused".to_owned() })
}

/// An entry in the shipped manner.
fn report(period: &str, cron: &str) -> ScheduledJob {
    let mut entry = entry(StandingJob::ReportCosts, cron);
    entry.name = format!("report-costs-{period}").parse().unwrap();
    entry.arguments =
        [("period", period), ("email", "yes")].map(|(key, word)| (key.to_owned(), word.to_owned())).into();
    entry
}

const DAILY: &str = "0 7 * * *";

async fn process(database: &Database, clock: &Arc<Hand>, post: &Arc<Post>, schedule: Vec<ScheduledJob>) -> Process {
    let mut process = Process::over(database, clock, schedule).await;
    process.upkeep.report_recipients.to = ["a@example.com", "b@example.com"].map(str::to_owned).to_vec();
    process.upkeep.report_recipients.notices = Some(Arc::clone(post) as _);
    process
}

async fn newest(process: &Process) -> JobOutcome {
    process.runs().await.last().unwrap().ended.clone().unwrap().1
}

#[tokio::test]
async fn a_day_is_reported_once_over_all_processes_and_by_hand_it_is_not_mailed_again() {
    let (database, post) = (Database::sqlite(), Arc::new(Post::default()));
    let clock = Hand::at(&contracts::at(0).to_string());
    let one = process(&database, &clock, &post, vec![report("day", DAILY)]).await;
    let two = process(&database, &clock, &post, vec![report("day", DAILY)]).await;
    let contacts = contracts::people(&one.store, 1).await;
    let (_, messages) = contracts::run_to(&one.store, &contacts).await;
    contracts::start(&one.store, messages[0]).await;
    contracts::callback(&one.store, vec![contracts::status(&one.store, messages[0], ProviderStatus::Read)]).await;
    tokio::join!(one.pass(), two.pass());
    assert!(post.taken().is_empty(), "nothing fired yet");
    // At seven in Riyadh, and at once after it.
    clock.set("2025-11-25T04:00:00Z".parse().unwrap());
    for _ in 0..3 {
        tokio::join!(one.pass(), two.pass());
        clock.advance(SignedDuration::from_secs(1));
    }
    let name = "costs-2025-11-24-2025-11-24";
    assert_eq!(post.taken(), [format!("a@example.com {name}"), format!("b@example.com {name}")]);
    let outcome = newest(&one).await;
    assert_eq!(outcome.result, JobResult::Ok, "{outcome:?}");
    assert_eq!(outcome.summary, format!("2025-11-24: 0.03 USD (1 charged, 0 free); kept as {name}; mailed to 2"));
    let did_it = [&one, &two].into_iter().filter(|process| process.state_dir.path().join("reports").exists());
    let folder = did_it.map(|process| process.state_dir.path().join("reports")).next().unwrap();
    let kept: BTreeSet<String> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(kept, ["ar.html", "csv", "en.html", "json"].map(|ending| format!("{name}.{ending}")).into());
    assert!(std::fs::read_to_string(folder.join(format!("{name}.csv"))).unwrap().contains("0.03"));

    let by_hand: JobName = "report-costs".parse().unwrap();
    schedule::open_by_hand(&one.upkeep, &by_hand, "amal").await.unwrap().unwrap();
    one.pass().await;
    assert!(newest(&one).await.summary.ends_with("; 2 had it before"), "{:?}", newest(&one).await);
    assert!(post.taken().is_empty());
    clock.advance(SignedDuration::from_hours(24));
    one.pass().await;
    assert_eq!(post.taken().len(), 2, "the next day has its own");
}

#[tokio::test]
async fn a_mail_in_the_middle_of_which_its_process_died_is_not_sent_twice_and_the_others_are_sent() {
    let (database, post) = (Database::sqlite(), Arc::new(Post::default()));
    let clock = Hand::at("2026-11-27T03:59:00Z");
    let one = process(&database, &clock, &post, vec![report("day", DAILY)]).await;
    let two = process(&database, &clock, &post, vec![report("day", DAILY)]).await;
    one.pass().await;
    clock.set("2026-11-27T04:00:00Z".parse().unwrap());
    // The mail server takes the first mail, and its answer never comes.
    post.wills([None]);
    tokio::select! {
        _ = one.pass() => panic!("the mail server does not answer"),
        () = post.called.notified() => {}
    }
    clock.advance(LEASE);
    two.pass().await;
    assert_eq!(post.taken(), ["b@example.com costs-2026-11-26-2026-11-26"]);
    let outcome = newest(&two).await;
    assert_eq!(outcome.result, JobResult::Warning);
    assert!(outcome.summary.contains("not known whether a mail begun before came through"), "{outcome:?}");
    assert!(two.state_dir.path().join("reports/costs-2026-11-26-2026-11-26.en.html").exists());
}

#[tokio::test]
async fn while_the_mail_server_is_away_it_is_tried_again_on_the_same_days_and_then_it_is_an_alert() {
    let (database, post) = (Database::sqlite_in_memory(), Arc::new(Post::default()));
    let clock = Hand::at("2026-11-26T20:58:00Z");
    // Shortly before midnight: what comes later is on the same day all the same.
    let process = process(&database, &clock, &post, vec![report("day", "59 23 * * *")]).await;
    process.pass().await;
    clock.set("2026-11-26T23:59:50Z".parse().unwrap());
    post.wills([away(), None.or(Some(Answer::Accepted("m@example.com".parse().unwrap()))), away()]);
    let carried = process.pass().await;
    assert!(
        matches!(&carried[..], [Carried::Again { because, .. }] if because.contains("connection refused")),
        "{carried:?}"
    );
    clock.advance(SignedDuration::from_secs(10));
    process.pass().await;
    assert!(post.taken().is_empty());
    clock.advance(SignedDuration::from_mins(1));
    process.pass().await;
    // The second had it in the first try.
    assert_eq!(post.taken(), ["a@example.com costs-2026-11-25-2026-11-25"]);
    let outcome = newest(&process).await;
    assert_eq!(
        (outcome.result, outcome.summary.contains("mailed to 1; 1 had it before")),
        (JobResult::Ok, true),
        "{outcome:?}"
    );

    clock.advance(SignedDuration::from_hours(24));
    post.wills(std::iter::repeat_with(away).take(2 * usize::from(TRIES_MAX)));
    for _ in 0..TRIES_MAX {
        process.pass().await;
        clock.advance(SignedDuration::from_mins(20));
    }
    let outcome = newest(&process).await;
    assert_eq!(outcome.result, JobResult::Failed);
    assert_eq!(outcome.summary, "failed while mailing a report; the log says why");
    let wanted = (AlertKind::JobFailed, "job report-costs-day".to_owned(), Severity::Critical);
    assert_eq!(process.alerts().await, BTreeSet::from([wanted]));
    // After some hours once more: that is another day, and the mail of the one before is owed.
    clock.advance(SignedDuration::from_hours(6));
    process.pass().await;
    let mut taken = post.taken();
    taken.sort();
    let wanted = ["a", "b"].map(|to| [26, 27].map(|day| format!("{to}@example.com costs-2026-11-{day}-2026-11-{day}")));
    assert_eq!(taken, wanted.concat());
    assert!(process.alerts().await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_mailed_is_told_and_does_not_hold_up_the_others() {
    let (database, post) = (Database::sqlite_in_memory(), Arc::new(Post::default()));
    let clock = Hand::at("2026-10-01T03:59:00Z");
    let mut kept_only = report("day", DAILY);
    kept_only.arguments.insert("email".to_owned(), "no".to_owned());
    let schedule = vec![kept_only, report("month", DAILY), report("quarter", DAILY)];
    let mut process = process(&database, &clock, &post, schedule).await;
    process.pass().await;
    clock.set("2026-10-01T04:00:00Z".parse().unwrap());
    let nobody = Refusal::new(FailureClass::Undeliverable, Some(550), "no such user");
    post.wills([Some(Answer::Refused(nobody)), Some(Answer::Unanswered { because: "no answer".to_owned() })]);
    process.pass().await;
    let runs = process.runs().await;
    let said: Vec<_> = runs.iter().map(|run| run.ended.clone().unwrap().1).collect();
    assert_eq!(
        said.iter().map(|outcome| outcome.result).collect::<Vec<_>>(),
        [JobResult::Ok, JobResult::Warning, JobResult::Ok]
    );
    assert!(!said[0].summary.contains("mail"), "{:?}", said[0]);
    assert!(said[1].summary.contains("takes no mail") && said[1].summary.contains("not known"), "{:?}", said[1]);
    let quarter = "costs-2026-07-01-2026-09-30";
    assert_eq!(post.taken(), [format!("a@example.com {quarter}"), format!("b@example.com {quarter}")]);
    process.upkeep.report_recipients.notices = None;
    clock.set("2026-11-01T04:00:00Z".parse().unwrap());
    process.pass().await;
    let outcome = newest(&process).await;
    assert!(outcome.result == JobResult::Warning && outcome.summary.contains("`barid check`"), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_mailed_in_both_languages_over_the_whole_service() {
    let more = "[reports]\nemail_to = [\"finance@example.com\"]\n".to_owned();
    let barid = Barid::start_with(Setup { channels: true, more, ..Setup::default() }, &people(1)).await;
    for _ in 0..2 {
        let done = barid.run(&["job", "run", "report-costs-monthly"]);
        assert!(done.status.success(), "{done:?}");
    }
    let of_report =
        || -> Vec<_> { barid.simulator.mails().into_iter().filter(|mail| mail.to == "finance@example.com").collect() };
    let begin = Instant::now();
    while of_report().is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{}", tail(&barid.log()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mails = of_report();
    let [mail] = mails.as_slice() else { panic!("{} mails", mails.len()) };
    assert!(mail.header("content-type").unwrap().starts_with("multipart/mixed"), "{:?}", mail.headers);
    let read = MessageParser::default().parse(mail.text.as_bytes()).unwrap();
    let (text, page) = (read.body_text(0).unwrap(), read.body_html(0).unwrap());
    for said in ["التكلفة الإجمالية", "Total cost"] {
        assert!(text.contains(said) && page.contains(said), "{said}: {text} {page}");
    }
    assert!(page.contains("dir=\"rtl\"") && read.subject().unwrap().starts_with("تكاليف الرسائل"));
    let names: Vec<_> = read.attachments().filter_map(|file| file.attachment_name()).collect();
    let ending = |name: &&str, ending| name.starts_with("costs-") && name.ends_with(ending);
    assert!(matches!(&names[..], [ar, en] if ending(ar, ".ar.html") && ending(en, ".en.html")), "{names:?}");
    let files = std::fs::read_dir(barid.dir.path().join("state/reports")).map(Iterator::count);
    assert_eq!(files.unwrap(), 4);
    assert!(!barid.log().contains("finance@example.com"));
}
