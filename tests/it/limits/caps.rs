//! What the whole installation may spend in a day and in a month.

use barid::domain::budget::SpendingCaps;
use barid::domain::channel::Channel;
use barid::domain::limit::Limit;
use barid::limits::{Sender, Settings};
use barid::ports::{Ask, Limits as _};
use jiff::SignedDuration;
use std::sync::Arc;

use super::{NothingUsed, ask, granted, now, of_run, over, permit, refused, settings};
use crate::queue::harness::TestRedis;

fn caps(day_micros: Option<i64>, month_micros: Option<i64>) -> Option<SpendingCaps> {
    Some(SpendingCaps { day_micros, month_micros, zone: barid::domain::schedule::Zone::utc() })
}

fn costs(ask: Ask, price_micros: i64) -> Ask {
    Ask { price_micros, ..ask }
}

#[tokio::test]
async fn everything_that_costs_counts_whatever_it_is_of_and_what_goes_back_is_there_again() {
    let redis = TestRedis::start();
    let settings = Settings { caps: caps(Some(100), None), ..settings(1_000, None) };
    let limiter = over(&redis, Arc::new(NothingUsed::default()), settings).await;
    permit(&limiter, &costs(of_run(1, 1), 40)).await;
    permit(&limiter, &costs(ask(2), 40)).await;
    // Over a channel without a pace, outside of any run: bound all the same.
    let by_mail = |n, price| costs(Ask { channel: Channel::Email, counts_for_tier: false, ..ask(n) }, price);
    let mail = granted(limiter.permit(&by_mail(3, 15)).await);
    assert!(mail.spends_on.is_some() && mail.fences.len() == 1);
    let (limit, until) = refused(limiter.permit(&costs(of_run(4, 2), 6)).await);
    assert_eq!(limit, Limit::DayBudget);
    assert!(until <= now() + SignedDuration::from_hours(24), "with the next day there is room again");
    permit(&limiter, &costs(of_run(5, 2), 0)).await;
    limiter.give_back(&by_mail(3, 15), mail).await;
    permit(&limiter, &costs(ask(6), 20)).await;
    assert_eq!(refused(limiter.permit(&costs(ask(7), 1)).await).0, Limit::DayBudget);
}

#[tokio::test]
async fn the_month_binds_where_the_days_would_not() {
    let redis = TestRedis::start();
    let settings = Settings { caps: caps(Some(80), Some(90)), ..settings(1_000, None) };
    let limiter = over(&redis, Arc::new(NothingUsed::default()), settings).await;
    permit(&limiter, &costs(ask(1), 50)).await;
    assert_eq!(refused(limiter.permit(&costs(ask(2), 50)).await).0, Limit::DayBudget);
    let redis = TestRedis::start();
    let settings = Settings { caps: caps(None, Some(90)), ..super::settings(1_000, None) };
    let limiter = over(&redis, Arc::new(NothingUsed::default()), settings).await;
    permit(&limiter, &costs(ask(1), 90)).await;
    assert_eq!(refused(limiter.permit(&costs(ask(2), 1)).await).0, Limit::MonthBudget);
}

#[tokio::test]
async fn portfolios_share_it_and_what_their_own_limits_gave_goes_back() {
    let redis = TestRedis::start();
    let plain = settings(1_000, Some(2));
    let other = Sender { name: "other".parse().unwrap(), portfolio: "p2".to_owned(), ..plain.senders[0].clone() };
    let senders = vec![plain.senders[0].clone(), other];
    let settings = Settings { caps: caps(Some(100), None), senders, ..plain };
    let limiter = over(&redis, Arc::new(NothingUsed::default()), settings).await;
    let of_other = |n, price| costs(Ask { sender: "other".parse().unwrap(), ..of_run(n, 2) }, price);
    let first = granted(limiter.permit(&costs(of_run(1, 1), 60)).await);
    assert_eq!(first.fences.len(), 2, "of its portfolio, and of what all spend");
    // The place in the tier that it was given first goes back.
    for n in 2..6 {
        assert_eq!(refused(limiter.permit(&of_other(n, 50)).await).0, Limit::DayBudget);
    }
    let second = granted(limiter.permit(&of_other(6, 40)).await);
    permit(&limiter, &of_other(7, 0)).await;
    assert_eq!(refused(limiter.permit(&of_other(8, 0)).await).0, Limit::Tier);
    limiter.give_back(&of_other(6, 40), second).await;
    permit(&limiter, &of_other(9, 40)).await;
}
