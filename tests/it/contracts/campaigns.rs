//! Stages, reminders, who was called lately, and sending once more what failed.

use barid::domain::audience::{Audience, AudienceSource, Sample};
use barid::domain::campaign::{self, Campaign, OnUnknown, Reminder, Rollout};
use barid::domain::consent::{ConsentChangeKind, Purpose, Purposes};
use barid::domain::delivery::{Delivery, Fact, State};
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::ids::{ContactId, MessageId};
use barid::domain::news::ProviderStatus;
use barid::domain::rollout::{LOTS, StageStanding, lot, lots_of_stage};
use barid::domain::run::{Run, RunCommand, RunState};
use barid::domain::share::Share;
use barid::domain::start::StartAnswer;
use barid::ports::{
    Contacts as _, DeadLetterFilter, DeadLetters as _, Messages as _, OpenedRun, PlannedMessage, Reminders as _,
    ReplayTerms, Replayed, RowNews, Runs as _, Stages as _,
};
use barid::store::SqlStore;
use jiff::SignedDuration;

use super::{
    Database, at, begin, callback, change, delivery, heard, inbound, on_both_databases, people, planned, run_to,
    single, start, state, status, terms, wamid,
};

fn rollout() -> Rollout {
    Rollout {
        stages: ["10%", "100%"].map(|share| share.parse().unwrap()).to_vec(),
        wait: SignedDuration::from_mins(30),
        failed_above: Some("5%".parse().unwrap()),
        opted_out_above: None,
    }
}

fn campaign(name: &str) -> Campaign {
    Campaign {
        name: name.parse().unwrap(),
        template: "survey-invitation".parse().unwrap(),
        purpose: Purpose::Survey,
        start: None,
        timezone: "Asia/Riyadh".parse().unwrap(),
        expires_after: SignedDuration::from_hours(36),
        sender: "default".parse().unwrap(),
        audience: Audience {
            source: AudienceSource::Query,
            tags_any: vec![],
            tags_none: vec![],
            where_: [].into(),
            not_contacted_for: None,
            sample: Sample::of(Share::ALL, name),
        },
        values: [].into(),
        delivery: campaign::Delivery {
            rate: None,
            quiet_hours: None,
            fallback: vec![],
            not_delivered_after: None,
            on_unknown: OnUnknown::Evidence,
            unknown_after: SignedDuration::from_mins(15),
        },
        rollout: None,
        reminder: None,
        budget: None,
    }
}

async fn open(store: &SqlStore, campaign: &Campaign, due: i64) -> Run {
    let definition = serde_json::to_string(campaign).unwrap();
    let opened = store.open(&campaign.name, at(due), &definition, at(due)).await.unwrap();
    let OpenedRun::New(run) = opened else { panic!("the run is new") };
    run
}

async fn plan(store: &SqlStore, run: &Run, contacts: &[ContactId]) {
    let people: Vec<PlannedMessage> = contacts.iter().copied().map(planned).collect();
    store.plan(run.id, &terms(), people, "end", true, at(0)).await.unwrap();
}

async fn stages(store: &SqlStore, run: &Run) -> Option<StageStanding> {
    store.run(run.id).await.unwrap().unwrap().stages
}

/// The first attempt of a message, refused.
async fn fail(store: &SqlStore, id: MessageId, class: FailureClass, code: i64, second: i64) {
    let answer = store.start(begin(id, 0, at(second + 60), at(second))).await.unwrap();
    assert_eq!(answer, StartAnswer::Go);
    store.learn(id, 1, Fact::Refused(Refusal::new(class, Some(code), "No")), at(second + 1)).await.unwrap();
    assert_eq!(state(store, id).await, State::Failed);
}

const TERMS: ReplayTerms =
    ReplayTerms { expires_after: None, expires_after_otherwise: SignedDuration::from_hours(1), by: "api" };

on_both_databases! {
    async fn nothing_of_a_run_with_stages_is_fed_before_its_first_stage_and_then_only_its_lots(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1_000).await;
        let campaign = Campaign { rollout: Some(rollout()), ..campaign("pilot") };
        let run = open(&store, &campaign, 0).await;
        let lots = |stage| lots_of_stage(&rollout(), stage);
        assert!(!store.open_stage(run.id, None, 0, lots(0), at(1)).await.unwrap(), "not planned whole");
        plan(&store, &run, &contacts).await;
        assert_eq!(store.feed(run.id, 100).await.unwrap(), []);

        assert!(store.open_stage(run.id, None, 0, lots(0), at(2)).await.unwrap());
        assert!(!store.open_stage(run.id, None, 0, lots(0), at(2)).await.unwrap(), "once, however many ask");
        let open = stages(&store, &run).await.unwrap();
        assert!(open.people.abs_diff(100) <= 5 && open.people + open.later == 1_000, "{open:?}");
        let fed = store.feed(run.id, 1_000).await.unwrap();
        assert_eq!(fed.len() as u64, open.people);
        assert!(fed.iter().all(|(id, _)| lot(id.number()) < lots(0).end));
        assert_eq!(store.queued(run.id).await.unwrap(), open.people);
        let waiting = store.fed_and_waiting(run.id, None, 1_000).await.unwrap();
        assert_eq!(waiting, fed);
        for (id, _) in &fed[..10] {
            start(&store, *id).await;
        }
        let (queued, first) = store.queued_from(run.id, None).await.unwrap();
        assert_eq!((queued, first), (open.people - 10, Some(fed[10].0)));
        assert_eq!(store.queued_from(run.id, first).await.unwrap(), (queued, first));

        assert!(store.open_stage(run.id, Some(&open), 1, lots(1), at(9)).await.unwrap());
        let last = stages(&store, &run).await.unwrap();
        assert_eq!((last.stage, last.people, last.later), (1, 990, 0), "with those who still wait");
        assert_eq!(store.feed(run.id, 2_000).await.unwrap().len(), 990);
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn a_halted_run_is_paused_with_its_reason_until_somebody_resumes_it(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 40).await;
        let campaign = Campaign { rollout: Some(Rollout { stages: vec!["50%".parse().unwrap(), Share::ALL], ..rollout() }), ..campaign("pilot") };
        let run = open(&store, &campaign, 0).await;
        plan(&store, &run, &contacts).await;
        store.open_stage(run.id, None, 0, 0..LOTS / 2, at(1)).await.unwrap();
        let open = stages(&store, &run).await.unwrap();
        let fed = store.feed(run.id, 100).await.unwrap();
        assert_eq!(store.stage_outcome(run.id, open.opened_at).await.unwrap(), (0, 0));
        fail(&store, fed[0].0, FailureClass::Undeliverable, 131_026, 2).await;
        fail(&store, fed[1].0, FailureClass::Undeliverable, 131_026, 3).await;
        start(&store, fed[2].0).await;
        let told = store.load(fed[2].0).await.unwrap().unwrap().contact.id;
        let untold = store.load(fed[3].0).await.unwrap().unwrap().contact.id;
        for (contact, kind) in [(told, ConsentChangeKind::Stop), (told, ConsentChangeKind::Withdraw(Purposes::all())), (untold, ConsentChangeKind::Stop)] {
            let stop = barid::domain::consent::ConsentChange { at: at(10), ..change(kind, "api") };
            store.change_consent(contact, stop, at(10)).await.unwrap();
        }
        assert_eq!(store.stage_outcome(run.id, at(1)).await.unwrap(), (2, 1), "whoever was not called did not answer to it");
        assert_eq!(store.stage_outcome(run.id, at(3)).await.unwrap(), (1, 0), "called since then");

        let halted = StageStanding { halted: Some("failed 10.0% > 5%".to_owned()), ..open.clone() };
        assert!(store.note_stage(run.id, &open, &halted).await.unwrap());
        assert!(!store.note_stage(run.id, &open, &halted).await.unwrap(), "it stands otherwise now");
        let paused = store.run(run.id).await.unwrap().unwrap();
        assert_eq!((paused.state, paused.halted()), (RunState::Paused, Some("failed 10.0% > 5%")));
        assert_eq!(store.feed(run.id, 100).await.unwrap(), []);
        assert!(!store.open_stage(run.id, Some(&halted), 1, 0..LOTS, at(20)).await.unwrap(), "a paused run stays where it is");
        let resumed = store.command(run.id, RunCommand::Resume, at(30)).await.unwrap();
        assert_eq!((resumed.state, resumed.halted()), (RunState::Running, None));
        assert!(store.open_stage(run.id, Some(&halted), 1, 0..LOTS, at(31)).await.unwrap());
    }

    async fn a_reminder_is_opened_once_and_is_no_newest_run(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let twice = Reminder { after: SignedDuration::from_hours(72), times: 2, template: None };
        let campaign = Campaign { reminder: Some(twice), ..campaign("twice") };
        let run = open(&store, &campaign, 0).await;
        plan(&store, &run, &contacts).await;
        assert_eq!(store.reminding().await.unwrap(), []);
        assert_eq!(store.open_reminder(run.id, 1, at(500), "{}", at(500)).await.unwrap(), None, "it has not ended");
        store.command(run.id, RunCommand::Pause, at(2)).await.unwrap();
        store.command(run.id, RunCommand::Resume, at(2)).await.unwrap();
        let id = store.feed(run.id, 1).await.unwrap()[0].0;
        start(&store, id).await;
        callback(&store, vec![status(&store, id, ProviderStatus::Delivered)]).await;
        assert!(store.finish_if_done(run.id, at(9)).await.unwrap());
        assert_eq!(store.reminding().await.unwrap().iter().map(|run| run.id).collect::<Vec<_>>(), [run.id]);

        let asked = (0..6).map(|_| store.open_reminder(run.id, 1, at(500), "{}", at(500)));
        let opened: Vec<Run> = futures_util::future::join_all(asked).await.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(opened.len(), 1);
        assert_eq!(opened[0].reminder, Some((run.id, 1)));
        assert_eq!(store.newest(&campaign.name).await.unwrap().map(|run| run.id), Some(run.id));
        assert_eq!(store.reminders_of(run.id).await.unwrap(), opened);
        assert_eq!(store.active().await.unwrap().len(), 1, "it is fed and finished like any run");
        store.open_reminder(run.id, 2, at(900), "{}", at(900)).await.unwrap().unwrap();
        assert_eq!(store.open_reminder(run.id, 3, at(950), "{}", at(950)).await.unwrap(), None);
        assert_eq!(store.reminding().await.unwrap(), []);
        assert_eq!(store.committed_micros(run.id).await.unwrap(), 30_000);
    }

    async fn who_has_the_message_and_did_not_write_is_reminded(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 7).await;
        let (run, messages) = run_to(&store, &contacts).await;
        // 0 wrote before and not since; 1 answered; 2 said stop; 3 and 4 did nothing; 5 never got it; 6 was not called.
        heard(&store, vec![inbound(0, "wamid.before", "hello")]).await;
        for id in &messages[..6] {
            store.start(begin(*id, 0, at(90), at(30))).await.unwrap();
        }
        let got = |n: usize, what| status(&store, messages[n], what);
        callback(&store, vec![got(0, ProviderStatus::Read), got(1, ProviderStatus::Read), got(2, ProviderStatus::Delivered)]).await;
        callback(&store, vec![got(3, ProviderStatus::Delivered), got(4, ProviderStatus::Read), got(5, ProviderStatus::Sent)]).await;
        let row = barid::ports::Journal::append(&store, barid::domain::news::Source::Meta, "{}".into(), at(40)).await.unwrap();
        let answers = vec![inbound(1, "wamid.answer", "good"), crate::contracts::stop(2, "wamid.stop")];
        barid::ports::Journal::apply(&store, row, RowNews { heard: answers, ..RowNews::default() }, at(41)).await.unwrap();
        let first = store.unanswered(run.id, None, 2).await.unwrap();
        let ids = |page: &barid::ports::Page<barid::domain::contact::Contact>| page.items.iter().map(|contact| contact.id).collect::<Vec<_>>();
        assert_eq!(ids(&first), [contacts[0], contacts[3]]);
        let rest = store.unanswered(run.id, first.next.map(MessageId::new), 2).await.unwrap();
        assert_eq!((ids(&rest), rest.next), (vec![contacts[4]], None));
    }

    async fn who_was_called_lately_is_known_whatever_the_campaign(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 5).await;
        let (_, messages) = run_to(&store, &contacts[..3]).await;
        store.start(begin(messages[0], 0, at(160), at(100))).await.unwrap();
        fail(&store, messages[1], FailureClass::Undeliverable, 131_026, 100).await;
        let alone = store.create(single(contacts[3], "hello"), at(100)).await.unwrap().id();
        store.start(begin(alone, 0, at(160), at(120))).await.unwrap();
        let since = async |second| {
            let mut found: Vec<_> = store.contacted_since(&contacts, at(second)).await.unwrap().into_iter().collect();
            found.sort();
            found
        };
        assert_eq!(since(100).await, [contacts[0], contacts[3]], "a failed one told nobody anything");
        assert_eq!(since(101).await, [contacts[3]]);
        assert_eq!(store.contacted_since(&[], at(0)).await.unwrap().len(), 0);
    }

    async fn what_failed_is_listed_counted_and_sent_once_more(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 6).await;
        let run = open(&store, &campaign("welcome"), 0).await;
        plan(&store, &run, &contacts).await;
        let fed: Vec<MessageId> = store.feed(run.id, 10).await.unwrap().into_iter().map(|(id, _)| id).collect();
        fail(&store, fed[0], FailureClass::Undeliverable, 131_026, 10).await;
        fail(&store, fed[1], FailureClass::ContentRefused, 132_000, 20).await;
        fail(&store, fed[2], FailureClass::OptedOut, 131_050, 30).await;
        fail(&store, fed[3], FailureClass::Undeliverable, 131_026, 40).await;
        // Its failure was wrong: it arrived after all.
        callback(&store, vec![status(&store, fed[3], ProviderStatus::Delivered)]).await;
        start(&store, fed[4]).await;
        callback(&store, vec![status(&store, fed[4], ProviderStatus::Read)]).await;
        start(&store, fed[5]).await;
        callback(&store, vec![status(&store, fed[5], ProviderStatus::Sent)]).await;
        assert!(store.finish_if_done(run.id, at(50)).await.unwrap());

        let of_run = DeadLetterFilter { run: Some(run.id), ..DeadLetterFilter::default() };
        let page = store.dead_letters(&of_run, None, 2).await.unwrap();
        assert_eq!(page.items.iter().map(|letter| letter.id).collect::<Vec<_>>(), [fed[2], fed[1]]);
        let rest = store.dead_letters(&of_run, page.next, 2).await.unwrap();
        let letter = &rest.items[0];
        assert_eq!((letter.id, letter.attempts, letter.first.as_str()), (fed[0], 1, "undeliverable 131026"));
        assert_eq!(letter.campaign.as_ref().map(|name| name.as_str()), Some("welcome"));
        let counted = async |filter: DeadLetterFilter| store.replayable(&filter).await.unwrap();
        assert_eq!(counted(of_run.clone()).await, 2, "not who does not want it");
        assert_eq!(counted(DeadLetterFilter { class: Some(FailureClass::OptedOut), ..of_run.clone() }).await, 1);
        assert_eq!(counted(DeadLetterFilter { code: Some(132_000), ..of_run.clone() }).await, 1);
        assert_eq!(counted(DeadLetterFilter { since: Some(at(21)), ..of_run.clone() }).await, 1);
        assert_eq!(counted(DeadLetterFilter { since: Some(at(22)), ..of_run.clone() }).await, 0);
        assert_eq!(counted(DeadLetterFilter { campaign: Some("other".parse().unwrap()), ..DeadLetterFilter::default() }).await, 0);
        assert_eq!(counted(DeadLetterFilter { messages: vec![fed[0], fed[4]], ..DeadLetterFilter::default() }).await, 1);

        let replayed = store.replay(&of_run, &TERMS, None, at(200_000)).await.unwrap();
        assert_eq!(replayed, Replayed { messages: vec![(fed[0], 1), (fed[1], 1)], next: None });
        assert_eq!(store.replay(&of_run, &TERMS, None, at(200_000)).await.unwrap(), Replayed::default());
        let again = store.load(fed[0]).await.unwrap().unwrap();
        assert_eq!((again.standing.delivery.clone(), again.standing.attempt, again.standing.waits_used), (Delivery::Planned, 1, 0));
        assert_eq!(again.expires_at, at(200_000 + 36 * 3_600), "as long as the campaign says, from now");
        let reopened = store.run(run.id).await.unwrap().unwrap();
        assert_eq!((reopened.state, reopened.ended_at), (RunState::Running, None));
        assert_eq!(store.fed_and_waiting(run.id, None, 10).await.unwrap(), [(fed[0], 1), (fed[1], 1)], "the sweep finds them too");
        let history = store.history(fed[0]).await.unwrap();
        let last = history.last().unwrap();
        assert_eq!((last.event.as_str(), last.detail.as_str()), ("replayed", "by api"));
        database.assert_counts_are_exact(&store, run.id).await;

        // A late word about the attempt that failed: only an arrival counts, and then nothing is sent again.
        callback(&store, vec![status(&store, fed[0], ProviderStatus::Sent)]).await;
        assert_eq!(state(&store, fed[0]).await, State::Planned);
        callback(&store, vec![status(&store, fed[0], ProviderStatus::Delivered)]).await;
        assert_eq!(state(&store, fed[0]).await, State::Delivered);
        assert!(matches!(store.start(begin(fed[0], 1, at(200_090), at(200_030))).await.unwrap(), StartAnswer::NotNow { .. }));
        // The other goes through every check again.
        let stop = change(ConsentChangeKind::Stop, "api");
        store.change_consent(contacts[1], stop, at(200_020)).await.unwrap();
        assert_eq!(state(&store, fed[1]).await, State::Suppressed);
        assert!(store.finish_if_done(run.id, at(200_100)).await.unwrap());
    }

    async fn a_replayed_message_is_called_again_as_a_further_attempt(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let alone = store.create(single(contacts[0], "hello"), at(0)).await.unwrap().id();
        fail(&store, alone, FailureClass::Undeliverable, 131_026, 10).await;
        let terms = ReplayTerms { expires_after: Some(SignedDuration::from_mins(5)), ..TERMS };
        let all = DeadLetterFilter::default();
        assert_eq!(store.replay(&all, &terms, None, at(100)).await.unwrap().messages, [(alone, 1)]);
        assert_eq!(store.load(alone).await.unwrap().unwrap().expires_at, at(400));
        assert_eq!(store.single_waiting(at(1_000), 10).await.unwrap(), [(alone, 1)]);
        assert_eq!(store.start(begin(alone, 1, at(170), at(110))).await.unwrap(), StartAnswer::Go);
        store.learn(alone, 2, Fact::Accepted(wamid(alone)), at(111)).await.unwrap();
        assert!(matches!(delivery(&store, alone).await, Delivery::Submitted { .. }));
    }

    async fn what_failed_in_a_cancelled_run_stays_so(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (run, messages) = run_to(&store, &contacts).await;
        fail(&store, messages[0], FailureClass::Undeliverable, 131_026, 10).await;
        store.command(run.id, RunCommand::Cancel, at(20)).await.unwrap();
        let all = DeadLetterFilter::default();
        assert_eq!(store.replayable(&all).await.unwrap(), 0);
        assert_eq!(store.replay(&all, &TERMS, None, at(30)).await.unwrap(), Replayed::default());
        assert_eq!(store.dead_letters(&all, None, 10).await.unwrap().items.len(), 1, "it is shown all the same");
    }

    async fn a_replay_of_many_goes_in_steps_and_meets_nobody_twice(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1_100).await;
        let (run, messages) = run_to(&store, &contacts).await;
        let failing = messages.iter().map(|id| fail(&store, *id, FailureClass::Undeliverable, 131_026, 10));
        futures_util::future::join_all(failing).await;
        let of_run = DeadLetterFilter { run: Some(run.id), ..DeadLetterFilter::default() };
        let (mut after, mut seen, mut steps) = (None, Vec::new(), 0);
        loop {
            let step = store.replay(&of_run, &TERMS, after, at(100)).await.unwrap();
            seen.extend(step.messages.into_iter().map(|(id, _)| id));
            steps += 1;
            after = step.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((seen, steps), (messages, 3));
        database.assert_counts_are_exact(&store, run.id).await;
    }
}

/// The plan that the database makes of a statement, as one text.
async fn explained(database: &Database, sql: &str) -> String {
    let is_sqlite = database.url.starts_with("sqlite");
    if is_sqlite {
        let connection = crate::direct::connect(&database.url).await;
        let statement =
            sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = sea_orm::ConnectionTrait::query_all_raw(&connection, statement).await.unwrap();
        let lines: Vec<String> = rows.iter().map(|row| row.try_get_by_index::<String>(3).unwrap()).collect();
        connection.close().await.unwrap();
        lines.join("\n")
    } else {
        // Empty tables are always read whole, unless that is forbidden.
        let forbid =
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET enable_seqscan = off', current_database()); END $$";
        database.change(forbid).await;
        database.ask(&format!("EXPLAIN {sql}")).await.join("\n")
    }
}

on_both_databases! {
    async fn what_is_asked_often_is_answered_by_an_index(database: Database) {
        let store = database.open().await;
        for (sql, index) in [
            ("SELECT DISTINCT contact_id FROM messages WHERE contact_id IN (1, 2, 3) AND called_at >= 5 \
              AND state NOT IN ('failed', 'suppressed', 'expired')", "messages_of_contact"),
            ("SELECT COUNT(*) FROM messages m WHERE m.state = 'failed' AND m.run_id = 1 AND m.id >= 5 AND m.id <= 900", "messages_failed"),
            ("SELECT COUNT(DISTINCT c.contact_id) FROM consent_changes c \
              JOIN messages m ON m.contact_id = c.contact_id AND m.run_id = 1 \
              WHERE c.kind IN ('stop', 'withdraw', 'stop-marketing') AND c.at >= 5 AND m.called_at >= 5", "consent_changes_against"),
            ("SELECT COUNT(*), MIN(id) FROM messages WHERE run_id = 1 AND state = 'planned' AND id >= 1 AND id <= 900", "messages_planned"),
            ("SELECT r.id FROM runs r WHERE r.reminders_left > 0 AND r.state = 'finished' ORDER BY r.id", "runs_reminding"),
        ] {
            let plan = explained(&database, sql).await;
            assert!(plan.contains(index), "{sql}\n{plan}");
        }
        store.close().await;
    }
}
