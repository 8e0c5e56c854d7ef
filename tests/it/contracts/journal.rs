//! Callbacks: kept, applied once, and what they do.

use std::time::Duration;

use barid::domain::consent::{ConsentChange, ConsentChangeKind};
use barid::domain::delivery::{Delivery, Fact, State, SuppressedReason};
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::ids::{CallbackReference, JournalId, MessageId};
use barid::domain::news::{ProviderStatus, StatusNews};
use barid::domain::start::StartAnswer;
use barid::ports::{
    Applied, Contacts as _, Heard, Journal as _, JournalFilter, Kept, KeptNews as _, Messages as _, RowNews, Runs as _,
};

use super::{
    at, begin, callback, change, charged, delivery, heard, inbound, on_both_databases, people, phone, run_to, start,
    state, status, stop, wamid,
};

on_both_databases! {
    async fn a_body_is_kept_as_it_came_until_it_is_applied(database: Database) {
        let store = database.open().await;
        let body: Vec<u8> = (0..=255).collect();
        let rows = futures_util::future::join_all((0..20).map(|n| store.append(barid::domain::news::Source::Meta, [body.clone(), vec![n]].concat().into(), at(i64::from(n))))).await;
        let rows: Vec<JournalId> = rows.into_iter().map(Result::unwrap).collect();
        for (n, row) in rows.iter().enumerate() {
            let Kept { source, body: kept, received_at, applied_before: _ } = store.unapplied(*row).await.unwrap().unwrap();
            assert_eq!(source, barid::domain::news::Source::Meta);
            assert_eq!(kept.last().copied().map(usize::from), Some(n), "nobody gets a neighbour's row");
            assert_eq!(kept[..256], body);
            assert_eq!(received_at, at(n as i64));
        }
        assert_eq!(store.lag(at(30)).await.unwrap(), (Duration::from_secs(30), 20));
        assert_eq!(store.waiting(at(5), 100).await.unwrap(), rows[..5]);
        assert_eq!(store.waiting(at(5), 2).await.unwrap(), rows[..2]);
        store.apply(rows[0], RowNews::default(), at(31)).await.unwrap();
        store.set_aside(rows[1], "not JSON", at(31)).await.unwrap();
        assert_eq!(store.unapplied(rows[0]).await.unwrap(), None);
        assert_eq!(store.unapplied(rows[1]).await.unwrap(), None);
        assert_eq!(store.unapplied(JournalId::new(999)).await.unwrap(), None);
        assert_eq!(store.lag(at(31)).await.unwrap().1, 18);
        let kept = database.ask("SELECT outcome FROM journal WHERE outcome IS NOT NULL").await;
        assert_eq!(kept, ["not JSON"], "the row is kept with the reason");
    }

    async fn rows_are_found_by_what_they_are_and_applied_again_without_doing_it_twice(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        let mut rows = Vec::new();
        for minute in 0..40 {
            rows.push(store.append(barid::domain::news::Source::Meta, "{}".into(), at(minute * 60)).await.unwrap());
        }
        let news = || RowNews {
            statuses: vec![status(&store, messages[0], ProviderStatus::Delivered)],
            heard: vec![inbound(0, "wamid.in", "thanks")],
            ..RowNews::default()
        };
        store.apply(rows[30], news(), at(2_000)).await.unwrap();
        store.apply(rows[31], RowNews::default(), at(2_000)).await.unwrap();
        store.set_aside(rows[2], "not JSON", at(2_000)).await.unwrap();
        let found = async |filter: JournalFilter| {
            let page = store.kept_rows(&filter, None, 100).await.unwrap();
            page.items.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(found(JournalFilter::default()).await, [rows[2], rows[30], rows[31]], "those that wait are not meant");
        assert_eq!(found(JournalFilter { set_aside: true, ..JournalFilter::default() }).await, [rows[2]]);
        let (since, until) = (Some(at(1_800)), Some(at(1_860)));
        assert_eq!(found(JournalFilter { since, until, ..JournalFilter::default() }).await, [rows[30]]);
        assert_eq!(found(JournalFilter { rows: vec![rows[31], rows[5]], ..JournalFilter::default() }).await, [rows[31]]);
        let first = store.kept_rows(&JournalFilter::default(), None, 1).await.unwrap();
        assert_eq!((first.items[0].set_aside.as_deref(), first.items[0].bytes, first.next), (Some("not JSON"), 2, Some(rows[2].number())));

        assert_eq!(store.reopen(vec![rows[30], rows[2], rows[5]]).await.unwrap(), [rows[2], rows[30]]);
        assert!(store.unapplied(rows[30]).await.unwrap().unwrap().applied_before);
        assert!(!store.unapplied(rows[2]).await.unwrap().unwrap().applied_before, "of it nothing followed yet");
        let history = store.history(messages[0]).await.unwrap();
        let again = store.apply(rows[30], news(), at(2_100)).await.unwrap();
        assert_eq!(again, Applied { unchanged: 1, ..Applied::default() });
        assert_eq!(store.feedback(None, 10).await.unwrap().items.len(), 1);
        assert_eq!(store.history(messages[0]).await.unwrap(), history);
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn a_row_is_applied_once_however_many_apply_it(database: Database) {
        let stores = [database.open().await, database.open().await];
        let contacts = people(&stores[0], 1).await;
        let (run, messages) = run_to(&stores[0], &contacts).await;
        start(&stores[0], messages[0]).await;
        let row = stores[0].append(barid::domain::news::Source::Meta, "{}".into(), at(6)).await.unwrap();
        let news = || vec![status(&stores[0], messages[0], ProviderStatus::Delivered)];
        let written = || vec![inbound(0, "wamid.in", "thanks"), inbound(77, "wamid.in2", "hello")];
        let applied = futures_util::future::join_all((0..12).map(|n| stores[n % 2].apply(row, RowNews { statuses: news(), heard: written(), ..RowNews::default() }, at(7)))).await;
        let effects: Vec<Applied> = applied.into_iter().map(Result::unwrap).filter(|applied| *applied != Applied::default()).collect();
        assert_eq!(effects, [Applied { changed: 1, unchanged: 0, feedback: 2, ..Applied::default() }]);
        assert_eq!(stores[0].feedback(None, 10).await.unwrap().items.len(), 2);
        assert_eq!(stores[0].history(messages[0]).await.unwrap().len(), 3);
        database.assert_counts_are_exact(&stores[0], run.id).await;
    }

    async fn a_status_that_comes_before_the_answer_counts_and_brings_its_id(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        assert_eq!(callback(&store, vec![status(&store, messages[0], ProviderStatus::Sent)]).await.changed, 1);
        let standing = store.load(messages[0]).await.unwrap().unwrap().standing;
        assert_eq!((standing.delivery, standing.whatsapp_id), (Delivery::Sent { fall_back_at: None }, Some(wamid(messages[0]))));
        store.learn(messages[0], 1, Fact::Accepted(wamid(messages[0])), at(9)).await.unwrap();
        assert_eq!(state(&store, messages[0]).await, State::Sent, "never backwards");
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn a_status_without_our_reference_finds_its_message_by_whatsapp_id(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 3).await;
        let (run, messages) = run_to(&store, &contacts).await;
        for id in &messages {
            start(&store, *id).await;
            store.learn(*id, 1, Fact::Accepted(wamid(*id)), at(2)).await.unwrap();
        }
        let bare = |id: MessageId| StatusNews { reference: None, ..status(&store, id, ProviderStatus::Delivered) };
        let foreign = |id: MessageId| StatusNews {
            reference: Some(CallbackReference { store: "zzzz".into(), message: MessageId::new(1), attempt: 1 }),
            ..bare(id)
        };
        let nowhere = StatusNews { whatsapp_id: "wamid.of-somebody-else".parse().unwrap(), ..bare(messages[0]) };
        let applied = callback(&store, vec![bare(messages[0]), foreign(messages[1]), nowhere]).await;
        assert_eq!((applied.changed, applied.unchanged), (2, 1));
        assert_eq!(state(&store, messages[0]).await, State::Delivered);
        assert_eq!(state(&store, messages[1]).await, State::Delivered);
        assert_eq!(state(&store, messages[2]).await, State::Submitted);
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn a_reference_of_another_store_touches_nothing_of_ours(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let (_, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        let mut foreign = status(&store, messages[0], ProviderStatus::Read);
        foreign.reference.as_mut().unwrap().store = "zzzz".into();
        assert_eq!(callback(&store, vec![foreign]).await, Applied { unchanged: 1, ..Applied::default() });
        assert_eq!(state(&store, messages[0]).await, State::Calling);
    }

    async fn a_message_is_paid_for_once_and_only_when_it_arrived_and_is_charged(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 4).await;
        let (run, messages) = run_to(&store, &contacts).await;
        for id in &messages {
            start(&store, *id).await;
        }
        let news = |n: usize, what| status(&store, messages[n], what);
        callback(&store, vec![charged(news(0, ProviderStatus::Sent), true), news(0, ProviderStatus::Delivered), news(0, ProviderStatus::Read)]).await;
        callback(&store, vec![charged(news(1, ProviderStatus::Sent), false), news(1, ProviderStatus::Read)]).await;
        callback(&store, vec![news(2, ProviderStatus::Delivered)]).await;
        callback(&store, vec![charged(news(3, ProviderStatus::Sent), true)]).await;
        assert_eq!(store.cost_micros(run.id).await.unwrap(), 2 * 30_000);
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn a_failure_in_a_status_ends_the_message(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        let refusal = Refusal::new(FailureClass::Undeliverable, Some(131_049), "not delivered");
        callback(&store, vec![status(&store, messages[0], ProviderStatus::Failed(refusal.clone()))]).await;
        assert_eq!(delivery(&store, messages[0]).await, Delivery::Failed(refusal));
        assert_eq!(store.history(messages[0]).await.unwrap().last().unwrap().provider_at, Some(at(5)));
        database.assert_counts_are_exact(&store, run.id).await;
        assert!(store.finish_if_done(run.id, at(8)).await.unwrap());
    }

    async fn what_people_write_becomes_feedback_that_knows_what_it_answers(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        store.learn(messages[0], 1, Fact::Accepted(wamid(messages[0])), at(2)).await.unwrap();
        let mut answer = inbound(0, "wamid.in1", "ممتاز\0 جدا");
        answer.news.in_reply_to = Some(wamid(messages[0]));
        let stranger = inbound(55, "wamid.in2", "who is this?");
        let twice = inbound(0, "wamid.in1", "ممتاز");
        assert_eq!(heard(&store, vec![answer, stranger, twice.clone()]).await.feedback, 2);
        assert_eq!(heard(&store, vec![twice]).await.feedback, 0, "Meta delivers twice");
        let feedback = store.feedback(None, 10).await.unwrap().items;
        assert_eq!(feedback.len(), 2);
        let [stranger, answer] = &feedback[..] else { panic!("newest first") };
        assert_eq!(answer.text.as_deref(), Some("ممتاز جدا"), "no database keeps a NUL");
        assert_eq!((answer.message, answer.run, answer.contact), (Some(messages[0]), Some(run.id), contacts[0]));
        assert_eq!(answer.campaign.as_deref(), Some(run.campaign.as_str()));
        assert!(answer.reference.starts_with("VOC-"));
        assert_eq!((answer.received_at, answer.provider_at), (at(21), at(20)));
        let contact = store.contact(stranger.contact).await.unwrap().unwrap();
        assert_eq!(contact.phone.unwrap().e164(), phone(55));
        assert_eq!(contact.name.as_deref(), Some("Profile"));
        assert!(contact.consent.granted.is_empty(), "writing to us is no consent");
        assert_eq!(store.contact(contacts[0]).await.unwrap().unwrap().name.as_deref(), Some("Person 0"), "a known name stays");
        let page = store.feedback(None, 1).await.unwrap();
        assert_eq!(store.feedback(page.next, 5).await.unwrap().items.len(), 1);
    }

    async fn what_quotes_nothing_answers_the_newest_message_of_a_campaign(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (first, messages) = run_to(&store, &contacts).await;
        let (second, others) = run_to(&store, &contacts).await;
        for id in [messages[0], others[0], messages[1]] {
            start(&store, id).await;
        }
        let since = |n: usize, id: &str, since: i64| Heard { answers_since: at(since), ..inbound(n, id, "good") };
        let reaction = |id: &str| {
            let mut heard = since(0, id, 0);
            heard.news.kind = "reaction";
            heard
        };
        let mut elsewhere = since(0, "in.4", 0);
        elsewhere.news.in_reply_to = Some("wamid.of-somebody-else".parse().unwrap());
        let said = vec![since(0, "in.1", 0), since(1, "in.2", 0), since(0, "in.3", 2), elsewhere, reaction("in.5"), stop(1, "in.6")];
        heard(&store, said).await;
        let feedback = store.feedback(None, 10).await.unwrap().items;
        let answers = |id: &str| {
            let feedback = feedback.iter().find(|feedback| feedback.whatsapp_id.as_str() == id).unwrap();
            (feedback.message, feedback.run)
        };
        assert_eq!(answers("in.1"), (Some(others[0]), Some(second.id)));
        assert_eq!(answers("in.2"), (Some(messages[1]), Some(first.id)));
        assert_eq!(answers("in.3"), (None, None), "it was called too long ago");
        assert_eq!(answers("in.4"), (None, None), "it quotes something else");
        assert_eq!(answers("in.5"), (None, None));
        assert_eq!(answers("in.6"), (Some(messages[1]), Some(first.id)));
        assert_eq!(store.respondents(second.id).await.unwrap(), 1);
        assert_eq!(store.respondents(first.id).await.unwrap(), 1, "a stop is no answer");
    }

    async fn a_stop_word_suppresses_every_waiting_message_of_that_person_in_every_run(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (first, messages) = run_to(&store, &contacts).await;
        let (second, others) = run_to(&store, &contacts).await;
        start(&store, others[0]).await;
        store.learn(others[0], 1, Fact::NotSent { because: String::new() }, at(2)).await.unwrap();
        let applied = heard(&store, vec![stop(0, "wamid.stop")]).await;
        assert_eq!((applied.feedback, applied.suppressed), (1, 2));
        assert_eq!(delivery(&store, messages[0]).await, Delivery::Suppressed(SuppressedReason::OptedOut));
        assert_eq!(delivery(&store, others[0]).await, Delivery::Suppressed(SuppressedReason::OptedOut));
        assert_eq!(state(&store, messages[1]).await, State::Planned);
        assert!(store.contact(contacts[0]).await.unwrap().unwrap().consent.stopped);
        assert_eq!(store.consent_history(contacts[0]).await.unwrap().last().unwrap().source, "stop-word");
        for run in [first, second] {
            database.assert_counts_are_exact(&store, run.id).await;
        }
    }

    async fn a_stop_that_is_applied_as_it_is_kept_holds_at_once_and_counts_once(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (run, messages) = run_to(&store, &contacts).await;
        let mut rows = Vec::new();
        for (feedback, suppressed) in [(1, 1), (0, 0)] {
            let news = (vec![status(&store, messages[1], ProviderStatus::Delivered)], vec![stop(0, "wamid.stop")]);
            let kept = store.append_and_apply(barid::domain::news::Source::Meta, "{}".into(), RowNews { statuses: news.0, heard: news.1, ..RowNews::default() }, at(20)).await;
            let (row, applied) = kept.unwrap();
            assert_eq!((applied.feedback, applied.suppressed), (feedback, suppressed));
            assert_ne!(store.start(begin(messages[0], 0, at(60), at(21))).await.unwrap(), StartAnswer::Go);
            assert!(store.unapplied(row).await.unwrap().is_none(), "nothing is left to do");
            assert_eq!(store.apply(row, RowNews { heard: vec![stop(1, "wamid.x")], ..RowNews::default() }, at(22)).await.unwrap(), Applied::default());
            rows.push(row);
        }
        assert_ne!(rows[0], rows[1], "each body is kept");
        assert_eq!(store.lag(at(30)).await.unwrap(), (Duration::ZERO, 0));
        assert_eq!(delivery(&store, messages[0]).await, Delivery::Suppressed(SuppressedReason::OptedOut));
        let told = store.history(messages[0]).await.unwrap();
        assert_eq!((told.len(), told.last().unwrap().at), (2, at(20)));
        assert_eq!(store.consent_history(contacts[0]).await.unwrap().len(), 2, "an import and one stop");
        assert_eq!(state(&store, messages[1]).await, State::Planned, "a status of what was never called");
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn a_start_that_meta_brings_late_does_not_undo_the_stop_after_it(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let said = |n, kind, second, id: &str| Heard {
            consent: Some(ConsentChange { at: at(second), ..change(kind, if kind == ConsentChangeKind::Stop { "stop-word" } else { "start-word" }) }),
            ..inbound(n, id, "a word")
        };
        let is_stopped = async |n: usize| store.contact(contacts[n]).await.unwrap().unwrap().consent.stopped;
        heard(&store, vec![said(0, ConsentChangeKind::Stop, 20, "wamid.a")]).await;
        assert_eq!(heard(&store, vec![said(0, ConsentChangeKind::Start, 10, "wamid.b")]).await.feedback, 1, "it is kept");
        assert!(is_stopped(0).await);
        heard(&store, vec![said(0, ConsentChangeKind::Start, 20, "wamid.c")]).await;
        assert!(!is_stopped(0).await);
        // In one body.
        heard(&store, vec![said(1, ConsentChangeKind::Stop, 20, "wamid.d"), said(1, ConsentChangeKind::Start, 10, "wamid.e")]).await;
        assert!(is_stopped(1).await);
        heard(&store, vec![said(1, ConsentChangeKind::Start, 30, "wamid.f"), said(1, ConsentChangeKind::Stop, 31, "wamid.g")]).await;
        assert!(is_stopped(1).await);
    }

    async fn a_business_scoped_id_joins_the_number_it_comes_with(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let with = |id: &str, number: Option<String>, bsuid: Option<&str>| {
            let mut heard: Heard = inbound(0, id, "hello");
            heard.news.phone = number;
            heard.news.bsuid = bsuid.map(str::to_owned);
            heard
        };
        heard(&store, vec![with("wamid.1", Some(phone(0)), Some("SA.1"))]).await;
        assert_eq!(store.contact(contacts[0]).await.unwrap().unwrap().bsuid.as_deref(), Some("SA.1"));
        heard(&store, vec![with("wamid.2", None, Some("SA.1")), with("wamid.3", None, Some("SA.2"))]).await;
        heard(&store, vec![with("wamid.4", Some(phone(9)), Some("SA.2"))]).await;
        heard(&store, vec![with("wamid.5", None, None)]).await;
        let feedback = store.feedback(None, 10).await.unwrap().items;
        let by_id = |id: &str| feedback.iter().find(|feedback| feedback.whatsapp_id.as_str() == id).unwrap();
        assert_eq!(by_id("wamid.2").contact, contacts[0]);
        assert_eq!(by_id("wamid.3").contact, by_id("wamid.4").contact);
        assert_eq!(store.by_phone(&phone(9)).await.unwrap().unwrap().bsuid.as_deref(), Some("SA.2"));
        assert_ne!(by_id("wamid.5").contact, contacts[0]);
    }

    async fn a_large_body_is_kept_whole(database: Database) {
        let store = database.open().await;
        let body = vec![0xA5_u8; 3 << 20];
        let (one, other) = tokio::join!(store.append(barid::domain::news::Source::Meta, body.clone().into(), at(0)), store.append(barid::domain::news::Source::Meta, vec![1].into(), at(0)));
        assert_eq!(store.unapplied(one.unwrap()).await.unwrap().unwrap().body, body);
        assert_eq!(store.unapplied(other.unwrap()).await.unwrap().unwrap().body, vec![1]);
    }
}
