//! The ledger: started, answered, and never backwards.

use barid::domain::consent::ConsentChangeKind;
use barid::domain::delivery::{Delivery, Effect, Fact, State, SuppressedReason};
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::ids::{ContactId, MessageId};
use barid::domain::message::Content;
use barid::domain::news::ProviderStatus;
use barid::domain::start::StartAnswer;
use barid::ports::{Contacts as _, MessageFilter, Messages as _, Runs as _};

use super::{
    at, begin, callback, change, delivery, minutes, on_both_databases, people, phone, run_to, single, start, state,
    status, wamid, words,
};

fn refusal() -> Refusal {
    Refusal::new(FailureClass::Undeliverable, Some(131_026), "Message undeliverable")
}

on_both_databases! {
    async fn a_message_comes_back_with_all_that_sending_needs(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (run, messages) = run_to(&store, &contacts).await;
        let loaded = store.load(messages[1]).await.unwrap().unwrap();
        assert_eq!(loaded.run, Some(run.id));
        assert_eq!(loaded.contact.phone.as_ref().map(|number| number.e164().to_owned()), Some(phone(1)));
        assert_eq!(loaded.contact.attributes["city"], "الرياض");
        assert_eq!((loaded.standing.attempt, loaded.planned_at, loaded.called_at), (0, at(0), None));
        assert!(store.load(MessageId::new(999_999)).await.unwrap().is_none());
    }

    async fn a_start_is_a_mark_and_the_answer_closes_it(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        let called = store.load(messages[0]).await.unwrap().unwrap();
        assert_eq!(called.standing.delivery, Delivery::Calling { lease_until: at(60) });
        assert_eq!((called.standing.attempt, called.called_at), (1, Some(at(1))));
        let Effect::Changed(after) = store.learn(messages[0], 1, Fact::Accepted(wamid(messages[0])), at(2)).await.unwrap() else {
            panic!("the answer is news")
        };
        assert_eq!(store.load(messages[0]).await.unwrap().unwrap().standing, after);
        assert_eq!(after.whatsapp_id, Some(wamid(messages[0])));
        let history: Vec<_> = store.history(messages[0]).await.unwrap().into_iter().map(|entry| (entry.attempt, entry.event)).collect();
        assert_eq!(history, [(0, "planned".to_owned()), (1, "started".to_owned()), (1, "submitted".to_owned())]);
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn of_many_who_would_start_one_message_exactly_one_may(database: Database) {
        let stores = [database.open().await, database.open().await];
        let contacts = people(&stores[0], 20).await;
        let (run, messages) = run_to(&stores[0], &contacts).await;
        let starts = (0..100).map(|n| stores[n % 2].start(begin(messages[n % 20], 0, at(60), at(1))));
        let answers = futures_util::future::join_all(starts).await;
        let gone: Vec<usize> = (0..100).filter(|n| matches!(answers[*n], Ok(StartAnswer::Go))).map(|n| n % 20).collect();
        assert_eq!(gone.len(), 20);
        assert_eq!(gone.iter().collect::<std::collections::BTreeSet<_>>().len(), 20, "each once");
        assert!(answers.iter().all(|answer| matches!(answer, Ok(StartAnswer::Go | StartAnswer::NotNow { .. }))));
        database.assert_counts_are_exact(&stores[0], run.id).await;
    }

    async fn a_job_that_knows_another_number_of_attempts_does_not_start(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let (_, messages) = run_to(&store, &contacts).await;
        assert!(matches!(store.start(begin(messages[0], 1, at(60), at(1))).await.unwrap(), StartAnswer::NotNow { .. }));
        assert!(matches!(store.start(begin(MessageId::new(777), 0, at(60), at(1))).await.unwrap(), StartAnswer::NotNow { .. }));
        start(&store, messages[0]).await;
        store.learn(messages[0], 1, Fact::NotSent { because: String::new() }, at(2)).await.unwrap();
        assert!(matches!(store.start(begin(messages[0], 0, at(90), at(31))).await.unwrap(), StartAnswer::NotNow { .. }), "a stale job");
        assert!(matches!(store.start(begin(messages[0], 1, at(90), at(29))).await.unwrap(), StartAnswer::NotNow { .. }), "held until later");
        assert_eq!(store.start(begin(messages[0], 1, at(99), at(40))).await.unwrap(), StartAnswer::Go);
        assert_eq!(store.load(messages[0]).await.unwrap().unwrap().standing.attempt, 2);
    }

    async fn consent_and_age_are_asked_inside_the_transaction(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (run, messages) = run_to(&store, &contacts).await;
        assert_eq!(store.start(begin(messages[0], 0, at(200_000), at(100_000))).await.unwrap(), StartAnswer::Expire);
        assert_eq!(delivery(&store, messages[0]).await, Delivery::Expired);
        database.change(&format!("UPDATE contacts SET stopped = 1 WHERE id = {}", contacts[1].number())).await;
        assert_eq!(store.start(begin(messages[1], 0, at(60), at(1))).await.unwrap(), StartAnswer::Suppress(SuppressedReason::OptedOut));
        assert_eq!(delivery(&store, messages[1]).await, Delivery::Suppressed(SuppressedReason::OptedOut));
        database.assert_counts_are_exact(&store, run.id).await;
        assert!(store.finish_if_done(run.id, at(2)).await.unwrap());
    }

    async fn a_refusal_is_kept_with_class_code_and_words(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        store.learn(messages[0], 1, Fact::Refused(refusal()), at(2)).await.unwrap();
        assert_eq!(delivery(&store, messages[0]).await, Delivery::Failed(refusal()));
        let counts = store.counts(run.id).await.unwrap();
        assert_eq!(counts[0].reason, "undeliverable 131026");
        assert_eq!(store.history(messages[0]).await.unwrap().last().unwrap().detail, "undeliverable 131026");
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn statuses_in_any_order_and_any_number_end_at_the_highest(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 24).await;
        let (run, messages) = run_to(&store, &contacts).await;
        let mut orders = vec![vec![0_usize, 1, 2, 3]];
        // All permutations of submitted, sent, delivered, read, by swapping.
        for (a, b) in [(2, 3), (1, 2), (1, 3), (0, 1), (0, 2), (0, 3)] {
            let more: Vec<Vec<usize>> = orders.iter().cloned().map(|mut order| { order.swap(a, b); order }).collect();
            orders.extend(more);
            orders.sort();
            orders.dedup();
        }
        assert_eq!(orders.len(), 24);
        for (message, order) in messages.iter().zip(&orders) {
            start(&store, *message).await;
            for step in order.iter().chain(order) {
                match step {
                    0 => drop(store.learn(*message, 1, Fact::Accepted(wamid(*message)), at(2)).await.unwrap()),
                    1 => drop(callback(&store, vec![status(&store, *message, ProviderStatus::Sent)]).await),
                    2 => drop(callback(&store, vec![status(&store, *message, ProviderStatus::Delivered)]).await),
                    _ => drop(callback(&store, vec![status(&store, *message, ProviderStatus::Read)]).await),
                }
            }
            assert_eq!(state(&store, *message).await, State::Read, "{order:?}");
            let events = store.history(*message).await.unwrap();
            assert!(events.len() <= 6, "repetitions are not written again: {events:?}");
        }
        database.assert_counts_are_exact(&store, run.id).await;
        assert_eq!(store.cost_micros(run.id).await.unwrap(), 24 * 30_000);
    }

    async fn facts_about_one_message_that_come_together_all_count(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 50).await;
        let (run, messages) = run_to(&store, &contacts).await;
        futures_util::future::join_all(messages.iter().map(|id| start(&store, *id))).await;
        let facts = messages.iter().flat_map(|id| {
            [Fact::Accepted(wamid(*id)), Fact::Sent, Fact::Delivered].map(|fact| store.learn(*id, 1, fact, at(3)))
        });
        for effect in futures_util::future::join_all(facts).await {
            effect.unwrap();
        }
        for id in &messages {
            let loaded = store.load(*id).await.unwrap().unwrap();
            assert_eq!(loaded.standing.delivery, Delivery::Delivered);
            assert_eq!(loaded.standing.whatsapp_id, Some(wamid(*id)));
        }
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn what_is_due_comes_oldest_moment_first(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 4).await;
        let (_, messages) = run_to(&store, &contacts).await;
        for id in &messages {
            start(&store, *id).await;
        }
        store.learn(messages[0], 1, Fact::NotSent { because: String::new() }, at(2)).await.unwrap();
        store.learn(messages[1], 1, Fact::Unanswered { decide_at: at(30), because: String::new() }, at(2)).await.unwrap();
        store.learn(messages[3], 1, Fact::Accepted(wamid(messages[3])), at(2)).await.unwrap();
        let due = |now| {
            let store = &store;
            async move { store.due(at(now), None, 10).await.unwrap().into_iter().map(|message| message.id).collect::<Vec<_>>() }
        };
        assert_eq!(due(29).await, []);
        assert_eq!(due(45).await, [messages[1], messages[0]]);
        assert_eq!(due(60).await, [messages[1], messages[0], messages[2]], "the lease of a call that nobody answered");
        // Page by page, each once, the oldest moment first.
        let mut paged = Vec::new();
        let mut after = None;
        loop {
            let page = store.due(at(60), after, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.standing.delivery.due_at().unwrap(), last.id));
            paged.extend(page.iter().map(|message| message.id));
        }
        let whole: Vec<_> = store.due(at(60), None, 10).await.unwrap().iter().map(|message| message.id).collect();
        assert!(whole.len() > 2);
        assert_eq!(paged, whole);
        assert_eq!(store.unknown_count().await.unwrap(), 1);
    }

    async fn a_call_that_brought_no_answer_says_why_in_its_history(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (_, messages) = run_to(&store, &contacts).await;
        let because = || "the connection was reset".to_owned();
        for (id, fact) in messages.iter().zip([
            Fact::NotSent { because: because() },
            Fact::Unanswered { decide_at: at(30), because: because() },
        ]) {
            start(&store, *id).await;
            let event = fact.name();
            store.learn(*id, 1, fact, at(2)).await.unwrap();
            let history = store.history(*id).await.unwrap();
            let line = history.iter().find(|line| line.event == event).expect("the fact is in the history");
            assert!(line.detail.starts_with(&because()), "{}", line.detail);
        }
    }

    async fn others_are_heard_only_of_the_same_sender_and_the_same_minutes(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (_, messages) = run_to(&store, &contacts).await;
        let sender = "default".parse().unwrap();
        // `start` calls at second 1, the callback comes at second 7.
        start(&store, messages[0]).await;
        start(&store, messages[1]).await;
        assert!(!store.others_were_heard(barid::domain::channel::Channel::Whatsapp, &sender, at(1)).await.unwrap());
        callback(&store, vec![status(&store, messages[0], ProviderStatus::Sent)]).await;
        assert!(store.others_were_heard(barid::domain::channel::Channel::Whatsapp, &sender, at(1)).await.unwrap());
        assert!(!store.others_were_heard(barid::domain::channel::Channel::Whatsapp, &"second".parse().unwrap(), at(1)).await.unwrap());
        assert!(!store.others_were_heard(barid::domain::channel::Channel::Whatsapp, &sender, at(8)).await.unwrap(), "no callback came since");
        assert!(store.others_were_heard(barid::domain::channel::Channel::Whatsapp, &sender, at(1) - minutes(10)).await.unwrap(), "later calls count");
        assert!(!store.others_were_heard(barid::domain::channel::Channel::Whatsapp, &sender, at(1) + minutes(10)).await.unwrap());
    }

    async fn a_single_message_keeps_its_text_and_waits_by_itself(database: Database) {
        let store = database.open().await;
        let contact = people(&store, 1).await[0];
        let made = futures_util::future::join_all((0..30).map(|n| store.create(words(contact, &format!("مرحبا {n}")), at(n)))).await;
        for (n, id) in made.into_iter().enumerate() {
            let loaded = store.load(id.unwrap().id()).await.unwrap().unwrap();
            let Some(Content::Text { body, .. }) = loaded.frozen.map(|frozen| frozen.content) else { panic!("its text") };
            assert_eq!(body, format!("مرحبا {n}"), "nobody gets the id of a neighbour");
            assert_eq!(loaded.run, None);
        }
        assert_eq!(store.single_waiting(at(10), 100).await.unwrap().len(), 10);
    }

    async fn a_poisoned_request_does_not_hurt_its_neighbours(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 10).await;
        let (run, messages) = run_to(&store, &contacts).await;
        let starts = messages.iter().map(|id| store.start(begin(*id, 0, at(60), at(1))));
        let creates = (0..10).map(|n| {
            // Every third is for nobody, which the database refuses.
            let contact = if n % 3 == 0 { ContactId::new(99_999) } else { contacts[n] };
            store.create(single(contact, "hello"), at(1))
        });
        let (started, created) =
            tokio::join!(futures_util::future::join_all(starts), futures_util::future::join_all(creates));
        assert!(started.iter().all(|answer| matches!(answer, Ok(StartAnswer::Go))), "{started:?}");
        for (n, answer) in created.iter().enumerate() {
            match answer {
                Ok(_) => assert_ne!(n % 3, 0),
                Err(error) => assert!(n % 3 == 0 && !error.is_unavailable(), "{error:?}"),
            }
        }
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn a_message_that_cannot_be_made_is_suppressed_unless_it_was_called(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[1]).await;
        for id in &messages {
            store.suppress(*id, SuppressedReason::CannotRender, "`survey_link` is missing", at(2)).await.unwrap();
        }
        assert_eq!(delivery(&store, messages[0]).await, Delivery::Suppressed(SuppressedReason::CannotRender));
        assert_eq!(state(&store, messages[1]).await, State::Calling);
        let last = store.history(messages[0]).await.unwrap().pop().unwrap();
        assert_eq!((last.event.as_str(), last.detail.as_str()), ("suppressed", "cannot-render: `survey_link` is missing"));
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn lists_page_newest_first_and_filter(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 25).await;
        let (run, messages) = run_to(&store, &contacts).await;
        let (_, others) = run_to(&store, &contacts[..5]).await;
        start(&store, messages[3]).await;
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = store.list(&MessageFilter::default(), before, 7).await.unwrap();
            seen.extend(page.items.iter().map(|listed| listed.message.id));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        let mut expected = [messages.clone(), others].concat();
        expected.sort();
        expected.reverse();
        assert_eq!(seen, expected);
        let listed = |filter: MessageFilter| {
            let store = &store;
            async move { store.list(&filter, None, 100).await.unwrap().items }
        };
        let of_campaign = listed(MessageFilter { campaign: Some(run.campaign.clone()), ..Default::default() }).await;
        assert_eq!(of_campaign.len(), 25);
        assert!(of_campaign.iter().all(|listed| listed.campaign.as_ref() == Some(&run.campaign)));
        assert_eq!(listed(MessageFilter { phone: Some(phone(3)), ..Default::default() }).await.len(), 2);
        assert_eq!(listed(MessageFilter { phone: Some(phone(999)), ..Default::default() }).await.len(), 0);
        let calling = listed(MessageFilter { state: Some(State::Calling), campaign: Some(run.campaign.clone()), phone: Some(phone(3)) }).await;
        assert_eq!(calling.len(), 1);
        assert_eq!(calling[0].changed_at, at(1));
    }

    async fn the_rule_of_silence_is_written_once(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (run, messages) = run_to(&store, &contacts).await;
        for id in &messages {
            start(&store, *id).await;
            store.learn(*id, 1, Fact::Unanswered { decide_at: at(900), because: String::new() }, at(2)).await.unwrap();
        }
        store.learn(messages[0], 1, Fact::SendAgain, at(900)).await.unwrap();
        store.learn(messages[1], 1, Fact::AssumeSent, at(900)).await.unwrap();
        assert_eq!(delivery(&store, messages[0]).await, Delivery::Planned);
        assert_eq!(delivery(&store, messages[1]).await, Delivery::Submitted { assumed: true, fall_back_at: None });
        assert_eq!(store.fed_and_waiting(run.id, None, 10).await.unwrap(), [(messages[0], 1)]);
        assert!(matches!(store.learn(messages[0], 1, Fact::SendAgain, at(901)).await.unwrap(), Effect::Unchanged { .. }));
        store.change_consent(contacts[0], change(ConsentChangeKind::Stop, "stop-word"), at(902)).await.unwrap();
        assert_eq!(delivery(&store, messages[0]).await, Delivery::Suppressed(SuppressedReason::OptedOut));
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn a_row_that_cannot_be_read_hides_no_other(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 3).await;
        let (_, messages) = run_to(&store, &contacts).await;
        database.change(&format!("UPDATE messages SET state = 'nonsense' WHERE id = {}", messages[1].number())).await;
        let loaded = futures_util::future::join_all(messages.iter().map(|id| store.load(*id))).await;
        let started = futures_util::future::join_all(messages.iter().map(|id| store.start(begin(*id, 0, at(60), at(1))))).await;
        for n in [0, 2] {
            assert!(loaded[n].as_ref().unwrap().is_some());
            assert_eq!(started[n].as_ref().unwrap(), &StartAnswer::Go);
        }
        let place = loaded[1].as_ref().unwrap_err().to_string();
        assert!(place.contains("messages, column") && place.contains(&format!("row {}", messages[1].number())), "{place}");
        assert!(matches!(started[1], Err(barid::ports::StoreError::Inconsistent { .. })));
    }
}
