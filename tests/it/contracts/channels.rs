//! What follows a refusal, in the record: the same channel again, another one, or the end; and what it costs.

use barid::domain::audience::{Audience, AudienceSource, Sample};
use barid::domain::campaign::{self, Campaign, OnUnknown};
use barid::domain::channel::Channel;
use barid::domain::consent::Purpose;
use barid::domain::delivery::{Delivery, Fact, HeldReason, State};
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::ids::{MessageId, RunId, WhatsAppId};
use barid::domain::limit::Tier;
use barid::domain::message::{Content, Rendered};
use barid::domain::news::ProviderStatus;
use barid::domain::share::Share;
use barid::domain::start::StartAnswer;
use barid::ports::{Costs as _, LimitFactsOf as _, Messages as _, OpenedRun, Runs as _, Start};
use barid::store::SqlStore;
use jiff::SignedDuration;
use jiff::civil::date;

use super::{at, begin, callback, charged, on_both_databases, people, planned, start, state, status, terms, wamid};

/// A run whose campaign falls back to SMS, and after four hours without arrival.
async fn falling_back(store: &SqlStore, not_delivered_after: Option<SignedDuration>) -> (RunId, Vec<MessageId>) {
    let contacts = people(store, 3).await;
    let campaign = Campaign {
        name: "fallback".parse().unwrap(),
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
            sample: Sample::of(Share::ALL, "fallback"),
        },
        values: [].into(),
        delivery: campaign::Delivery {
            rate: None,
            quiet_hours: None,
            fallback: vec![Channel::Sms],
            not_delivered_after,
            on_unknown: OnUnknown::Evidence,
            unknown_after: SignedDuration::from_mins(15),
        },
        rollout: None,
        reminder: None,
        budget: None,
    };
    let definition = serde_json::to_string(&campaign).unwrap();
    let opened = store.open(&"fallback".parse().unwrap(), at(0), &definition, at(0)).await.unwrap();
    let OpenedRun::New(run) = opened else { panic!("the run is new") };
    store.plan(run.id, &terms(), contacts.into_iter().map(planned).collect(), "end", true, at(0)).await.unwrap();
    let fed = store.feed(run.id, 10).await.unwrap();
    (run.id, fed.into_iter().map(|(id, _)| id).collect())
}

fn over_sms(id: MessageId, now: i64) -> Start {
    Start { channel: Channel::Sms, price_micros: 7_500, counts_for_tier: false, ..begin(id, 1, at(now + 60), at(now)) }
}

fn undeliverable() -> ProviderStatus {
    ProviderStatus::Failed(Refusal::new(FailureClass::Undeliverable, Some(131_026), ""))
}

fn sid() -> WhatsAppId {
    "SM00000000000000000000000000000001".parse().unwrap()
}

on_both_databases! {
    async fn a_failure_that_a_callback_brings_makes_the_next_channel_take_over(database: Database) {
        let store = database.open().await;
        let (run, messages) = falling_back(&store, None).await;
        start(&store, messages[0]).await;
        store.learn(messages[0], 1, Fact::Accepted(wamid(messages[0])), at(2)).await.unwrap();
        let applied = callback(&store, vec![status(&store, messages[0], undeliverable())]).await;
        assert_eq!(applied.held.len(), 1, "whoever applies it is told whom to wake");
        assert_eq!((applied.held[0].id, applied.held[0].channel), (messages[0], Channel::Sms));
        assert_eq!(applied.refused.len(), 1);
        let standing = store.load(messages[0]).await.unwrap().unwrap().standing;
        assert!(matches!(standing.delivery, Delivery::Held { reason: HeldReason::Fallback, .. }));
        database.assert_counts_are_exact(&store, run).await;

        let stale = begin(messages[0], 1, at(70), at(10));
        assert!(matches!(store.start(stale).await.unwrap(), StartAnswer::NotNow { .. }), "not over WhatsApp again");
        assert_eq!(store.start(over_sms(messages[0], 10)).await.unwrap(), StartAnswer::Go);
        store.learn(messages[0], 2, Fact::Accepted(sid()), at(11)).await.unwrap();
        assert_eq!(state(&store, messages[0]).await, State::Submitted);
        assert_eq!(store.cost_micros(run).await.unwrap(), 7_500, "an SMS is charged when it is taken");
        let counts = store.counts(run).await.unwrap();
        assert!(counts.iter().any(|count| count.channel == Channel::Sms && count.state == State::Submitted && count.n == 1));
        let mut days = store.call_days(date(0, 1, 1), date(9999, 1, 1)).await.unwrap();
        days.sort_by_key(|day| day.channel);
        let days: Vec<_> = days.iter().map(|day| (day.channel, day.called, day.took_over)).collect();
        assert_eq!(days, [(Channel::Whatsapp, 1, 0), (Channel::Sms, 1, 1)], "one message, called over two channels");
        database.assert_counts_are_exact(&store, run).await;
    }

    async fn a_late_arrival_over_whatsapp_stops_the_other_channel_and_is_charged(database: Database) {
        let store = database.open().await;
        let (run, messages) = falling_back(&store, Some(SignedDuration::from_hours(4))).await;
        start(&store, messages[0]).await;
        store.learn(messages[0], 1, Fact::Accepted(wamid(messages[0])), at(2)).await.unwrap();
        assert!(!store.finish_if_done(run, at(3)).await.unwrap());
        let four_hours = 2 + 4 * 3600;
        assert!(store.due(at(four_hours - 1), None, 10).await.unwrap().is_empty());
        assert_eq!(store.due(at(four_hours), None, 10).await.unwrap().len(), 1);
        store.learn(messages[0], 1, Fact::NotDelivered, at(four_hours)).await.unwrap();
        assert_eq!(state(&store, messages[0]).await, State::Held);
        let delivered = charged(status(&store, messages[0], ProviderStatus::Delivered), true);
        callback(&store, vec![delivered]).await;
        assert_eq!(state(&store, messages[0]).await, State::Delivered);
        let late = Start { now: at(four_hours + 1), ..over_sms(messages[0], four_hours + 1) };
        assert!(matches!(store.start(late).await.unwrap(), StartAnswer::NotNow { .. }));
        assert_eq!(store.cost_micros(run).await.unwrap(), 30_000);
        database.assert_counts_are_exact(&store, run).await;
    }

    async fn a_run_whose_message_fails_after_its_end_is_opened_again(database: Database) {
        let store = database.open().await;
        let (run, messages) = falling_back(&store, None).await;
        for id in &messages {
            start(&store, *id).await;
            store.learn(*id, 1, Fact::Accepted(wamid(*id)), at(2)).await.unwrap();
        }
        assert!(store.finish_if_done(run, at(3)).await.unwrap());
        callback(&store, vec![status(&store, messages[0], undeliverable())]).await;
        let reopened = store.run(run).await.unwrap().unwrap();
        assert_eq!((reopened.state.name(), reopened.ended_at), ("running", None));
        assert!(!store.finish_if_done(run, at(8)).await.unwrap());
        assert_eq!(store.start(over_sms(messages[0], 10)).await.unwrap(), StartAnswer::Go);
        store.learn(messages[0], 2, Fact::Accepted(sid()), at(11)).await.unwrap();
        assert!(store.finish_if_done(run, at(12)).await.unwrap());
    }

    async fn the_words_of_a_message_are_kept_with_its_first_attempt(database: Database) {
        let store = database.open().await;
        let (_, messages) = falling_back(&store, None).await;
        let text = Content::Text { body: "hello".to_owned(), preview_url: false };
        let rendered = Rendered { content: text, text: Some("hello".to_owned()), subject: Some("A word".to_owned()) };
        let first = Start { freeze: Some(rendered.clone()), ..begin(messages[0], 0, at(60), at(1)) };
        assert_eq!(store.start(first).await.unwrap(), StartAnswer::Go);
        let loaded = store.load(messages[0]).await.unwrap().unwrap();
        assert!(loaded.frozen == Some(rendered));
    }

    async fn a_permit_of_an_older_generation_starts_nothing(database: Database) {
        let store = database.open().await;
        let (run, messages) = falling_back(&store, None).await;
        let facts = store.limit_facts("portfolio", &["default".parse().unwrap()], Some(250), at(1)).await.unwrap();
        assert_eq!(facts.generation, 1);
        let with = |id, generation| Start {
            permits: vec![("portfolio".to_owned(), generation)],
            ..begin(id, 0, at(60), at(1))
        };
        assert_eq!(store.start(with(messages[0], 1)).await.unwrap(), StartAnswer::Go);
        let again = store.limit_facts("portfolio", &["default".parse().unwrap()], Some(250), at(2)).await.unwrap();
        assert_eq!((again.generation, again.people.len(), again.pairs.len()), (2, 1, 1));
        assert_eq!(again.budgets, [(run, 30_000)], "what is under way is reserved");
        assert!(matches!(store.start(with(messages[1], 1)).await.unwrap(), StartAnswer::NotNow { .. }));
        assert_eq!(store.start(with(messages[1], 2)).await.unwrap(), StartAnswer::Go);
        // What was refused counts neither toward the tier nor toward the budget.
        let refused = Fact::Refused(Refusal::new(FailureClass::ContentRefused, Some(132_000), ""));
        store.learn(messages[0], 1, refused, at(3)).await.unwrap();
        let after = store.limit_facts("portfolio", &["default".parse().unwrap()], Some(250), at(4)).await.unwrap();
        assert_eq!((after.people.len(), after.budgets), (1, vec![(run, 30_000)]));
    }

    async fn a_tier_that_meta_changes_begins_a_generation_and_one_that_stays_does_not(database: Database) {
        let store = database.open().await;
        let (_, messages) = falling_back(&store, None).await;
        let senders = ["default".parse().unwrap()];
        assert_eq!(store.tier_at_meta("portfolio").await.unwrap(), None);
        let facts = store.limit_facts("portfolio", &senders, None, at(1)).await.unwrap();
        let with = |id, generation| Start {
            permits: vec![("portfolio".to_owned(), generation)],
            ..begin(id, 0, at(60), at(1))
        };
        assert_eq!(store.start(with(messages[0], 1)).await.unwrap(), StartAnswer::Go);
        assert_eq!((facts.generation, facts.tier_at_meta), (1, None));
        assert!(store.note_tier("portfolio", Tier::People(250)).await.unwrap());
        assert!(!store.note_tier("portfolio", Tier::People(250)).await.unwrap());
        assert_eq!(store.limit_generation("portfolio").await.unwrap(), 2);
        assert!(matches!(store.start(with(messages[1], 1)).await.unwrap(), StartAnswer::NotNow { .. }));
        let facts = store.limit_facts("portfolio", &senders, None, at(2)).await.unwrap();
        assert_eq!((facts.generation, facts.tier_at_meta), (3, Some(Tier::People(250))));
        assert_eq!(facts.people.len(), 1, "people count, though nothing is configured");
        assert!(store.note_tier("portfolio", Tier::Unlimited).await.unwrap());
        assert_eq!(store.tier_at_meta("portfolio").await.unwrap(), Some(Tier::Unlimited));
        assert!(store.note_tier("another", Tier::People(2_000)).await.unwrap());
        assert_eq!(store.limit_generation("another").await.unwrap(), 1);
    }
}
