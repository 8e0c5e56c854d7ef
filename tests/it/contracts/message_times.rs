//! How long messages took: found by their numbers, with the steps that say something about time.

use barid::domain::channel::Channel;
use barid::domain::delivery::HeldReason;
use barid::domain::ids::MessageId;
use barid::domain::news::ProviderStatus;
use barid::domain::retention::Retained;
use barid::domain::review::{CampaignAnswers, MessageSteps, Step, StepKind};
use barid::ports::{MessageTimes as _, Messages as _, Runs as _, Tidying as _};
use barid::store::SqlStore;
use jiff::Timestamp;

use super::{at, callback, heard, inbound, new_run, on_both_databases, people, planned, run_to, start, status, terms};

/// One message, planned at that second.
async fn plan_at(store: &SqlStore, contact: barid::domain::ids::ContactId, second: i64) -> MessageId {
    let run = new_run(store).await;
    store.plan(run.id, &terms(), vec![planned(contact)], "end", true, at(second)).await.unwrap();
    store.feed(run.id, 1).await.unwrap()[0].0
}

async fn steps(store: &SqlStore, id: MessageId) -> MessageSteps {
    store.steps_of(vec![id.number()]).await.unwrap().remove(0)
}

on_both_databases! {
    async fn messages_of_a_time_are_found_by_their_numbers_with_gaps_between(database: Database) {
        let store = database.open().await;
        let between = async |from: i64, to: i64| store.planned_between(at(from), at(to)).await.unwrap();
        assert_eq!(between(0, 1_000).await, None);
        let contacts = people(&store, 30).await;
        let mut ids = Vec::new();
        for (n, contact) in (0..).zip(&contacts) {
            ids.push(plan_at(&store, *contact, n * 10).await);
        }
        for gone in [0, 10, 11, 12, 13, 20, 29] {
            database.change(&format!("DELETE FROM messages WHERE id = {}", ids[gone].number())).await;
        }
        let there = |n: usize| ![0, 10, 11, 12, 13, 20, 29].contains(&n);
        for (from, to) in [(0, 300), (0, 1), (95, 145), (100, 140), (105, 150), (100, 130), (195, 205), (280, 9_999), (300, 400), (50, 50)] {
            let wanted: Vec<i64> = (0..30).filter(|n| there(*n) && (from..to).contains(&(*n as i64 * 10))).map(|n| ids[n].number()).collect();
            let found = between(from, to).await;
            let (first, last) = found.map_or((0, -1), |ends| ends);
            let inside: Vec<i64> = ids.iter().enumerate().filter(|(n, id)| there(*n) && (first..=last).contains(&id.number())).map(|(_, id)| id.number()).collect();
            assert_eq!(inside, wanted, "{from} to {to}: {found:?}");
        }
    }

    async fn a_message_comes_with_the_steps_that_say_something_about_time(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 4).await;
        let (_, messages) = run_to(&store, &contacts).await;
        let [read, held, failed, waits] = messages[..] else { panic!() };
        start(&store, read).await;
        callback(&store, vec![status(&store, read, ProviderStatus::Sent), status(&store, read, ProviderStatus::Read)]).await;
        store.hold(held, 0, HeldReason::QuietHours, at(50), at(0)).await.unwrap();
        start_at(&store, held, 55).await;
        start(&store, failed).await;
        let known = steps(&store, read).await;
        let step = |kind, attempt, second, provider: Option<i64>| Step { kind, attempt, at: at(second), provider_at: provider.map(at) };
        let called = StepKind::Started(Channel::Whatsapp);
        let message = |is_called, steps| MessageSteps { planned_at: at(0), is_called, is_staged: false, steps };
        assert_eq!(known, message(true, vec![step(called, 1, 1, None), step(StepKind::Arrived, 1, 7, Some(5))]));
        let was_held = vec![step(StepKind::Held, 0, 0, None), step(called, 1, 55, None)];
        assert_eq!(steps(&store, held).await, message(true, was_held));
        assert_eq!(steps(&store, waits).await, message(false, vec![]));
        let numbers = messages.iter().map(|id| id.number()).chain([i64::MAX]).collect();
        assert_eq!(store.steps_of(numbers).await.unwrap().len(), 4, "what is not there is left out");

        // Where steps are kept no longer, it is known only that it was called.
        store.tidy(Retained::History, at(900), None, at(1_000)).await.unwrap();
        assert_eq!(steps(&store, read).await, message(true, vec![]));
    }

    async fn attempts_over_other_channels_are_told_apart_and_stages_are_known(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        let taken_over = format!(
            "INSERT INTO history (message_id, seq, at, attempt, event, detail) VALUES ({}, 9, {}, 2, 'started', 'sms')",
            messages[0].number(),
            at(30).as_millisecond()
        );
        database.change(&taken_over).await;
        let channels = async || {
            let steps = steps(&store, messages[0]).await.steps;
            steps.into_iter().map(|step| step.kind).collect::<Vec<_>>()
        };
        assert_eq!(channels().await, [StepKind::Started(Channel::Whatsapp), StepKind::Started(Channel::Sms)]);
        // A person who was forgotten: the history says no channel any more.
        database.change("UPDATE history SET detail = ''").await;
        database.change("UPDATE messages SET attempt = 2, channel = 'sms'").await;
        assert_eq!(channels().await, [StepKind::Started(Channel::Whatsapp), StepKind::Started(Channel::Sms)]);
        assert!(!steps(&store, messages[0]).await.is_staged);
        database.change(&format!("UPDATE runs SET stages = '{{}}' WHERE id = {}", run.id.number())).await;
        assert!(steps(&store, messages[0]).await.is_staged);
    }

    async fn answers_are_counted_by_campaign_once_for_each_message(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (run, messages) = run_to(&store, &contacts).await;
        for message in &messages {
            start(&store, *message).await;
            callback(&store, vec![status(&store, *message, ProviderStatus::Delivered)]).await;
        }
        heard(&store, vec![inbound(0, "wamid.a", "fine"), inbound(0, "wamid.b", "very"), inbound(1, "wamid.c", "no")]).await;
        let answered = async |from: Timestamp, to: Timestamp| store.answered_by_campaign(from, to).await.unwrap();
        let (campaign, channel) = (run.campaign.to_string(), Channel::Whatsapp);
        assert_eq!(answered(at(0), at(100)).await, [CampaignAnswers { campaign, channel, messages: 2 }]);
        assert_eq!(answered(at(100), at(200)).await, []);
    }
}

async fn start_at(store: &SqlStore, id: MessageId, second: i64) {
    store.start(super::begin(id, 0, at(second + 60), at(second))).await.unwrap();
}
