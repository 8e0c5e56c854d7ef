//! The paces of channels that take over.

use std::sync::Arc;

use barid::domain::channel::Channel;
use barid::domain::ids::RunId;
use barid::domain::limit::{Limit, Urgency};
use barid::limits::{Sender, Settings};
use barid::ports::{Ask, Limits as _, SlowDown, Verdict};
use jiff::SignedDuration;
use tokio::time::{Duration, Instant};

use super::lines::{busiest, slots};
use super::{NothingUsed, ask, granted, now, of_run, over, permit, refused, settings};
use crate::queue::harness::{TestRedis, until};

fn paced(channels: &[(Channel, u32)]) -> Settings {
    Settings { channels: channels.to_vec(), ..settings(1_000, None) }
}

fn over_sms(ask: Ask) -> Ask {
    Ask { channel: Channel::Sms, counts_for_tier: false, ..ask }
}

#[tokio::test]
async fn no_second_carries_more_text_messages_than_the_pace_over_all_processes_and_portfolios() {
    let redis = TestRedis::start();
    let facts = Arc::new(NothingUsed::default());
    let mut both = paced(&[(Channel::Sms, 20), (Channel::Email, 500)]);
    both.senders.push(Sender {
        name: "riyadh".parse().unwrap(),
        portfolio: "p2".to_owned(),
        ..both.senders[0].clone()
    });
    let one = Arc::new(over(&redis, facts.clone(), both.clone()).await);
    let two = Arc::new(over(&redis, facts, both).await);
    let asks = (0..50).map(|n| {
        let sender = if n % 4 < 2 { "default" } else { "riyadh" };
        over_sms(Ask { sender: sender.parse().unwrap(), ..of_run(n, n % 3) })
    });
    let slots = slots(&[one.clone(), two], asks.collect()).await;
    // One more where the estimate of Redis's clock was corrected by less than a slot.
    assert!(slots.len() == 50 && busiest(&slots) <= 21, "{}", busiest(&slots));
    // A mail does not stand in the line of text messages.
    let mail = permit(&one, &Ask { channel: Channel::Email, ..over_sms(ask(100)) }).await;
    assert!(mail.leave_at.unwrap() < Instant::now() + Duration::from_millis(200));
}

#[tokio::test]
async fn who_would_wait_long_for_a_channel_is_held_and_its_budget_is_given_back() {
    let redis = TestRedis::start();
    let limiter = Arc::new(over(&redis, Arc::new(NothingUsed::default()), paced(&[(Channel::Sms, 1)])).await);
    // Six fit into the line of four seconds and the slots before it; each costs a tenth of the budget.
    let costly = |n| over_sms(Ask { budget_micros: Some(100), price_micros: 10, ..of_run(n, 1) });
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..10 {
        let (limiter, ask) = (Arc::clone(&limiter), costly(n));
        waiting.spawn(async move { limiter.permit(&ask).await });
    }
    let verdicts = waiting.join_all().await;
    let held: Vec<_> = verdicts
        .iter()
        .filter_map(|verdict| match verdict {
            Verdict::Refused { limit, until } => Some((*limit, *until)),
            Verdict::Granted(_) => None,
        })
        .collect();
    assert!(!held.is_empty() && held.len() < 10, "{verdicts:?}");
    for (limit, until) in &held {
        assert_eq!(*limit, Limit::Channel);
        assert!(*until > now() - SignedDuration::from_secs(1), "{until}");
    }
    // Their times are as far apart as the pace wants.
    let mut times: Vec<_> = held.iter().map(|(_, until)| *until).collect();
    times.sort_unstable();
    assert!(times.windows(2).all(|two| two[1].duration_since(two[0]) >= SignedDuration::from_millis(900)), "{times:?}");
    // What those took who were held is there for others, and no more: WhatsApp asks the same budget.
    let left = i64::try_from(held.len()).unwrap() * 10;
    let whatsapp = |price| Ask { budget_micros: Some(100), price_micros: price, ..of_run(50, 1) };
    let (limit, _) = refused(limiter.permit(&whatsapp(left + 1)).await);
    assert_eq!(limit, Limit::Budget);
    granted(limiter.permit(&whatsapp(left)).await);
}

#[tokio::test]
async fn who_leaves_the_line_of_a_channel_gives_back_what_it_had() {
    let redis = TestRedis::start();
    let limiter = Arc::new(over(&redis, Arc::new(NothingUsed::default()), paced(&[(Channel::Sms, 1)])).await);
    let single =
        |n| over_sms(Ask { urgency: Urgency::Single, budget_micros: Some(30), price_micros: 10, ..of_run(n, 1) });
    for n in 0..2 {
        permit(&limiter, &single(n)).await;
    }
    let third = {
        let (limiter, ask) = (Arc::clone(&limiter), single(2));
        tokio::spawn(async move { limiter.permit(&ask).await })
    };
    let rest = Ask { budget_micros: Some(30), price_micros: 10, ..of_run(3, 1) };
    until("the third has its part of the budget", async || {
        matches!(
            limiter.permit(&Ask { price_micros: 20, ..rest.clone() }).await,
            Verdict::Refused { limit: Limit::Budget, .. }
        )
    })
    .await;
    third.abort();
    assert!(third.await.unwrap_err().is_cancelled());
    until("its part is free again", async || matches!(limiter.permit(&rest).await, Verdict::Granted(_))).await;
}

#[tokio::test]
async fn a_run_keeps_its_rate_on_a_faster_channel_and_a_channel_that_was_too_fast_slows_down_alone() {
    let redis = TestRedis::start();
    let paces = [(Channel::Sms, 100), (Channel::Email, 100)];
    let limiter = Arc::new(over(&redis, Arc::new(NothingUsed::default()), paced(&paces)).await);
    let asks = (0..20).map(|n| over_sms(Ask { rate: Some(10), ..of_run(n, 1) }));
    let of_run = slots(&[Arc::clone(&limiter)], asks.collect()).await;
    assert!(busiest(&of_run) <= 11, "{}", busiest(&of_run));

    limiter.slow_down(&SlowDown::Channel(Channel::Sms)).await;
    // Fifty more at half the pace take a second or so.
    let fifty = slots(&[Arc::clone(&limiter)], (100..150).map(|n| over_sms(ask(n))).collect()).await;
    let took = fifty.last().unwrap().1 - fifty.first().unwrap().1;
    assert!(took >= Duration::from_millis(900), "{took:?}");
    let others = (200..250).map(|n| Ask { channel: Channel::Email, ..over_sms(ask(n)) });
    let mails = slots(&[Arc::clone(&limiter)], others.collect()).await;
    let took = mails.last().unwrap().1 - mails.first().unwrap().1;
    assert!(took < Duration::from_millis(700), "{took:?}");
    assert_eq!(limiter.standing().await.unwrap()[0].mps_now, 1_000.0, "nor does our number");
    assert!(limiter.full(&super::sender(), RunId::new(1), now()).is_none());
}
