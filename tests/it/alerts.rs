//! Alerts out: what stopped by itself, mails to those who operate the service, each once.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use barid::domain::alert::{AlertKind, AlertScope, NewAlert, Severity};
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::live_check::Ours;
use barid::domain::suspension::{Cause, NewSuspension, Probe, ReleasedBy, Rules, Scope, automatic};
use barid::jobs::mail_alerts::{self, MailTo};
use barid::jobs::rotate_token::{self, Rotation};
use barid::jobs::{alert_suspensions, alerts};
use barid::ports::{AccessToken, Alerts as _, Answer, Clock as _, Notice, Notices, Suspensions as _, TokenCandidate};
use barid::simulator::{Faults, TokenState};
use barid::store::SqlStore;
use jiff::SignedDuration;

use crate::contracts::Database;
use crate::fakes::{FakeQueue, services};
use crate::harness::{Barid, Setup, people, tail};
use crate::standing_jobs::Hand;

/// The mail server, as the test wants it.
#[derive(Default)]
struct Post {
    /// Answers that come before everything is taken.
    will: Mutex<VecDeque<Answer>>,
    taken: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl Notices for Post {
    async fn tell(&self, notice: &Notice) -> Answer {
        if let Some(answer) = self.will.lock().unwrap().pop_front() {
            return answer;
        }
        self.taken.lock().unwrap().push((notice.to.clone(), notice.id.split_once('.').unwrap().1.to_owned()));
        Answer::Accepted("mail@example.com".parse().unwrap())
    }
}

impl Post {
    fn taken(&self) -> Vec<String> {
        let taken = std::mem::take(&mut *self.taken.lock().unwrap());
        taken.into_iter().map(|(to, id)| format!("{to} {id}")).collect()
    }
}

struct Bench {
    _database: Database,
    store: SqlStore,
    clock: Arc<Hand>,
    post: Post,
    mail_to: MailTo,
}

impl Bench {
    async fn new(to: &[&str]) -> Self {
        let database = Database::sqlite_in_memory();
        let mail_to = MailTo {
            to: to.iter().map(|to| (*to).to_owned()).collect(),
            apart: SignedDuration::from_hours(1),
            tag: "k7q2".to_owned(),
        };
        Self {
            store: database.open().await,
            _database: database,
            clock: Hand::at("2026-11-27T12:00:00Z"),
            post: Post::default(),
            mail_to,
        }
    }

    async fn pass(&self) {
        mail_alerts::run(&self.store, &self.post, &*self.clock, &self.mail_to).await.unwrap();
    }

    async fn raise(&self) {
        let scope = AlertScope::Job("tidy".parse().unwrap());
        let text = "it failed".to_owned();
        let new = NewAlert { kind: AlertKind::JobFailed, scope, severity: Severity::Critical, text };
        alerts::raise(&self.store, new, self.clock.now()).await.unwrap();
    }

    async fn clear(&self) {
        let scope = AlertScope::Job("tidy".parse().unwrap());
        alerts::clear(&self.store, AlertKind::JobFailed, scope, self.clock.now()).await.unwrap();
    }
}

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

#[tokio::test]
async fn an_alert_is_mailed_to_everybody_once_when_raised_and_once_when_over() {
    let bench = Bench::new(&["a@example.com", "b@example.com"]).await;
    bench.raise().await;
    for _ in 0..3 {
        bench.pass().await;
        bench.raise().await;
        bench.clock.advance(MINUTE);
    }
    assert_eq!(bench.post.taken(), ["a@example.com alr_00000001.raised", "b@example.com alr_00000001.raised"]);
    bench.clear().await;
    for _ in 0..3 {
        bench.pass().await;
        bench.clock.advance(MINUTE);
    }
    assert_eq!(bench.post.taken(), ["a@example.com alr_00000001.cleared", "b@example.com alr_00000001.cleared"]);
    bench.clock.advance(SignedDuration::from_hours(48));
    bench.pass().await;
    assert!(bench.post.taken().is_empty());
}

#[tokio::test]
async fn while_the_mail_server_is_away_it_is_tried_again_and_whoever_was_reached_is_not_told_twice() {
    let bench = Bench::new(&["a@example.com", "b@example.com"]).await;
    let away = || Answer::NotSent { because: "connection refused".to_owned() };
    let nobody = Refusal::new(FailureClass::Undeliverable, Some(550), "no such user");
    // First nobody is reached, then only one of them, and then the other turns out to be gone.
    *bench.post.will.lock().unwrap() = VecDeque::from([away(), away(), away()]);
    bench.raise().await;
    bench.pass().await;
    assert!(bench.post.taken().is_empty());
    bench.clock.advance(SignedDuration::from_secs(59));
    bench.pass().await;
    assert!(bench.post.taken().is_empty(), "not before a minute");
    bench.clock.advance(SignedDuration::from_secs(1));
    bench.pass().await;
    assert_eq!(bench.post.taken(), ["b@example.com alr_00000001.raised"]);
    *bench.post.will.lock().unwrap() = VecDeque::from([Answer::Refused(nobody)]);
    bench.clock.advance(MINUTE * 5);
    bench.pass().await;
    bench.clock.advance(SignedDuration::from_hours(5));
    bench.pass().await;
    assert!(bench.post.taken().is_empty(), "an address that takes no mail does not hold up the others");
    bench.clear().await;
    bench.pass().await;
    assert_eq!(bench.post.taken().len(), 2);
}

#[tokio::test]
async fn a_warning_that_becomes_critical_is_mailed_at_once_and_once() {
    let bench = Bench::new(&["a@example.com"]).await;
    let raise = async |severity| {
        let scope = AlertScope::Sender("default".parse().unwrap());
        let new = NewAlert { kind: AlertKind::NumberState, scope, severity, text: "its quality sinks".to_owned() };
        alerts::raise(&bench.store, new, bench.clock.now()).await.unwrap();
        bench.pass().await;
        bench.clock.advance(MINUTE);
    };
    raise(Severity::Warning).await;
    assert_eq!(bench.post.taken(), ["a@example.com alr_00000001.raised"]);
    raise(Severity::Critical).await;
    assert_eq!(bench.post.taken(), ["a@example.com alr_00000001.risen"]);
    for severity in [Severity::Critical, Severity::Warning, Severity::Critical] {
        raise(severity).await;
    }
    assert!(bench.post.taken().is_empty(), "to and fro is not told");
    // It becomes critical while the mail server is away, and was told of as a warning to nobody.
    let scope = || AlertScope::Sender("default".parse().unwrap());
    alerts::clear(&bench.store, AlertKind::NumberState, scope(), bench.clock.now()).await.unwrap();
    bench.pass().await;
    assert_eq!(bench.post.taken(), ["a@example.com alr_00000001.cleared"]);
    bench.clock.advance(SignedDuration::from_hours(2));
    *bench.post.will.lock().unwrap() = VecDeque::from([Answer::NotSent { because: "connection refused".to_owned() }]);
    raise(Severity::Warning).await;
    raise(Severity::Critical).await;
    let taken = bench.post.taken();
    assert!(matches!(&taken[..], [one] if one.ends_with(".raised")), "once, as critical: {taken:?}");
    bench.clock.advance(SignedDuration::from_hours(2));
    bench.pass().await;
    assert!(bench.post.taken().is_empty());
}

#[tokio::test]
async fn of_two_processes_one_mails_and_the_other_takes_up_what_a_dead_one_left() {
    let bench = Bench::new(&["a@example.com"]).await;
    let other = bench._database.open().await;
    bench.raise().await;
    let mail = |store| mail_alerts::run(store, &bench.post, &*bench.clock, &bench.mail_to);
    let (one, two) = tokio::join!(mail(&bench.store), mail(&other));
    one.and(two).unwrap();
    assert_eq!(bench.post.taken().len(), 1);
    // A process takes the next mail and dies.
    bench.clear().await;
    let due = bench.store.alerts_to_mail(bench.clock.now(), 1).await.unwrap().remove(0);
    let until = bench.clock.now() + MINUTE * 5;
    assert!(bench.store.plan_alert_mail(due.alert.id, due.due_at, Some(until), 0, Vec::new()).await.unwrap());
    mail(&other).await.unwrap();
    assert!(bench.post.taken().is_empty());
    bench.clock.set(until);
    mail(&other).await.unwrap();
    assert_eq!(bench.post.taken(), ["a@example.com alr_00000001.cleared"]);
}

#[tokio::test]
async fn what_comes_and_goes_is_told_of_once_an_hour() {
    let bench = Bench::new(&["a@example.com"]).await;
    for _ in 0..90 {
        bench.raise().await;
        bench.pass().await;
        bench.clock.advance(MINUTE);
        bench.clear().await;
        bench.pass().await;
        bench.clock.advance(MINUTE);
    }
    let taken = bench.post.taken();
    assert!((4..=6).contains(&taken.len()), "three hours: {taken:?}");
    // What stays is told of when its time has come.
    bench.raise().await;
    for _ in 0..61 {
        bench.pass().await;
        bench.clock.advance(MINUTE);
    }
    let id = bench.store.open_alerts().await.unwrap()[0].id;
    assert!(bench.post.taken().contains(&format!("a@example.com {id}.raised")));
}

#[tokio::test]
async fn what_stopped_by_itself_is_alerted_of_while_it_stands_still() {
    let bench = Bench::new(&[]).await;
    let now = bench.clock.now();
    let sender = Scope::Sender("default".parse().unwrap());
    let cause = Cause::Refusal { class: FailureClass::AccountRestricted, code: Some(368) };
    let by_itself = automatic(sender, cause, &Rules::default(), now);
    let by_hand = NewSuspension {
        scope: Scope::Country("EG".parse().unwrap()),
        cause: Cause::Operator("rates changed".to_owned()),
        by: "amal".to_owned(),
        until: None,
        probe: Probe::Never,
        probe_at: None,
        shown_at: None,
    };
    let (suspension, _) = bench.store.suspend(by_itself, now).await.unwrap();
    bench.store.suspend(by_hand, now).await.unwrap();
    for _ in 0..3 {
        alert_suspensions::run(&bench.store, now).await.unwrap();
    }
    let open = bench.store.open_alerts().await.unwrap();
    let [alert] = open.as_slice() else { panic!("{open:?}") };
    assert_eq!((alert.kind, alert.scope.to_string()), (AlertKind::SendingSuspended, "sender default".to_owned()));
    bench.store.release(suspension.id, ReleasedBy::Asked, now).await.unwrap();
    alert_suspensions::run(&bench.store, now).await.unwrap();
    assert!(bench.store.open_alerts().await.unwrap().is_empty());
}

/// A token's file as a process sees it.
struct Wish(Mutex<Result<(), String>>);

impl AccessToken for Wish {
    fn candidate(&self) -> Result<Option<Arc<dyn TokenCandidate>>, String> {
        self.0.lock().unwrap().clone().map(|()| None)
    }
}

#[tokio::test]
async fn a_process_that_is_content_does_not_end_what_another_one_alerts_of() {
    let database = Database::sqlite_in_memory();
    let store = Arc::new(database.open().await);
    let services = services(Arc::clone(&store) as _, Arc::new(FakeQueue::default()), &[]);
    let ours = Ours { app_id: None, callback_url: None, numbers: Vec::new() };
    let torn = Wish(Mutex::new(Err("its file cannot be read".to_owned())));
    let content = Wish(Mutex::new(Ok(())));
    let look = async |wish: &Wish, before| rotate_token::run(&services, &ours, wish, before).await.unwrap();
    let is_open = async || !store.open_alerts().await.unwrap().is_empty();

    assert_eq!(look(&torn, Rotation::Pending).await, Rotation::Pending);
    for _ in 0..2 {
        assert_eq!(look(&content, Rotation::Settled).await, Rotation::Settled);
        assert!(is_open().await, "the other process still cannot read it");
    }
    *torn.0.lock().unwrap() = Ok(());
    assert_eq!(look(&torn, Rotation::Pending).await, Rotation::Settled);
    assert!(!is_open().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_mailed_and_told_over_the_whole_service() {
    let more = "[alerts]\nemail_to = [\"operations@example.com\"]\n".to_owned();
    let barid = Barid::start_with(Setup { channels: true, more, ..Setup::default() }, &people(1)).await;
    barid.simulator.set_faults(Faults { token: TokenState::Revoked, ..Faults::default() }).unwrap();
    assert_eq!(barid.run(&["job", "run", "verify-token"]).status.code(), Some(69));
    let begin = Instant::now();
    let subjects = loop {
        let mails = barid.simulator.mails();
        let told = mails.iter().filter(|mail| mail.to == "operations@example.com");
        let subjects: BTreeSet<String> = told.filter_map(|mail| mail.header("subject").map(str::to_owned)).collect();
        // The token, and the sending that stands still because of it.
        if subjects.len() == 2 {
            break subjects;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{subjects:?} {}", tail(&barid.log()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let wanted =
        ["barid: critical: sending-suspended (sender default)", "barid: critical: token-refused (installation)"];
    assert_eq!(subjects.into_iter().collect::<Vec<_>>(), wanted);
    let open = barid.get("/api/v1/alerts").await;
    let kinds: BTreeSet<&str> =
        open["items"].as_array().unwrap().iter().filter_map(|alert| alert["kind"].as_str()).collect();
    assert_eq!(kinds, BTreeSet::from(["sending-suspended", "token-refused"]));
    let log = barid.log();
    assert!(!log.contains("operations@example.com") && !log.contains(&barid.simulator.settings().token), "{log}");
}
