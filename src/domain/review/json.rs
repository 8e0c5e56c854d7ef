//! The review as JSON. Shares are percent as text, times are seconds as text.

use std::collections::BTreeMap;

use serde::Serialize;

use super::compare::{Changed, Whose};
use super::rates::{Rate, Rates};
use super::sections::{OF_ACCOUNTS, OF_NUMBERS, of_account, of_number};
use super::times::{Percentiles, Times};
use super::{Change, Compared, Review, words};
use crate::domain::limits_check::{SaidAbout, SaidByMeta};
use crate::domain::report::percent;

/// A review, to be shown.
#[derive(Debug, Serialize)]
pub struct ShownReview {
    month: String,
    month_before: String,
    made_at: String,
    total: ShownCompared,
    channels: Vec<ShownCompared>,
    campaigns: Vec<ShownCompared>,
    /// The names of those with the least share, the least first.
    worst: ShownWorst,
    times: ShownTimes,
    times_before: ShownTimes,
    /// What Meta says; nothing where it was never asked.
    meta: Option<ShownMeta>,
    changes: Vec<ShownChange>,
}

#[derive(Debug, Serialize)]
struct ShownCompared {
    /// Of a channel or a campaign; empty: outside of campaigns.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(flatten)]
    rates: ShownRates,
    previous: ShownRates,
    #[serde(skip_serializing_if = "Option::is_none")]
    median_answer_seconds: Option<i64>,
}

#[derive(Debug, Serialize)]
struct ShownRates {
    called: i64,
    failed: i64,
    delivered: i64,
    read: i64,
    answered: i64,
    delivery_percent: Option<String>,
    read_percent: Option<String>,
    answer_percent: Option<String>,
}

#[derive(Debug, Serialize)]
struct ShownWorst {
    delivered: Vec<String>,
    answered: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ShownTimes {
    sample: ShownSample,
    lateness: Option<ShownPercentiles>,
    latency: BTreeMap<&'static str, ShownPercentiles>,
}

#[derive(Debug, Serialize)]
struct ShownSample {
    /// Whether not every message was looked at.
    is_sample: bool,
    looked_at: u64,
    /// Of so many at most.
    of: u64,
    called: u64,
    without_steps: u64,
    waited_for_a_rule: u64,
}

#[derive(Debug, Serialize)]
struct ShownPercentiles {
    messages: u64,
    p50_seconds: String,
    p95_seconds: String,
    p99_seconds: String,
}

#[derive(Debug, Serialize)]
struct ShownMeta {
    asked_at: String,
    /// Of which month the review was that saw what is compared with.
    compared_with: Option<String>,
    numbers: BTreeMap<String, BTreeMap<&'static str, String>>,
    accounts: BTreeMap<String, BTreeMap<&'static str, String>>,
    /// Why an account may not send, in Meta's words.
    because: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Serialize)]
struct ShownChange {
    direction: &'static str,
    /// A rate, `latency`, `lateness`, or about what Meta says something.
    about: &'static str,
    /// The channel, campaign, number or account.
    of: String,
    before: String,
    now: String,
    text: String,
}

impl ShownReview {
    /// Of a review.
    pub fn new(review: &Review) -> Self {
        let channels = review.channels.iter().map(|one| {
            let answered = review.answered.get(&one.whose);
            ShownCompared {
                median_answer_seconds: answered.map(|answered| answered.median.as_secs()),
                ..compared(Some(one.whose.name().to_owned()), one)
            }
        });
        let campaigns = review.campaigns.iter().map(|one| compared(Some(one.whose.clone()), one));
        let worst = |rate| review.worst(rate).into_iter().map(|one| one.whose.clone()).collect();
        Self {
            month: review.month.to_string(),
            month_before: review.month.previous().to_string(),
            made_at: review.made_at.to_string(),
            total: compared(None, &review.all),
            channels: channels.collect(),
            campaigns: campaigns.collect(),
            worst: ShownWorst { delivered: worst(Rate::Delivered), answered: worst(Rate::Answered) },
            times: times(&review.times),
            times_before: times(&review.times_before),
            meta: review.said.now.as_ref().map(|said| meta(review, said)),
            changes: review.changes.iter().map(change).collect(),
        }
    }
}

fn compared<K>(name: Option<String>, one: &Compared<K>) -> ShownCompared {
    ShownCompared { name, rates: rates(&one.now), previous: rates(&one.before), median_answer_seconds: None }
}

fn rates(rates: &Rates) -> ShownRates {
    let share = |rate| rates.share(rate).map(percent);
    ShownRates {
        called: rates.called,
        failed: rates.failed,
        delivered: rates.delivered.n,
        read: rates.read.n,
        answered: rates.answered.n,
        delivery_percent: share(Rate::Delivered),
        read_percent: share(Rate::Read),
        answer_percent: share(Rate::Answered),
    }
}

fn times(times: &Times) -> ShownTimes {
    let percentiles = |times: &Percentiles| ShownPercentiles {
        messages: times.n,
        p50_seconds: words::seconds(times.p50),
        p95_seconds: words::seconds(times.p95),
        p99_seconds: words::seconds(times.p99),
    };
    let sample = ShownSample {
        is_sample: times.is_sample(),
        looked_at: times.looked_at,
        of: times.of,
        called: times.called,
        without_steps: times.without_steps,
        waited_for_a_rule: times.waited,
    };
    let latency = times.latency.iter().map(|(channel, times)| (channel.name(), percentiles(times)));
    ShownTimes { sample, lateness: times.lateness.as_ref().map(percentiles), latency: latency.collect() }
}

fn meta(review: &Review, said: &SaidByMeta) -> ShownMeta {
    let words = |abouts: &[SaidAbout], name: &str, of: fn(&SaidByMeta, &str, SaidAbout) -> Option<String>| {
        abouts.iter().filter_map(|about| Some((about.name(), of(said, name, *about)?))).collect()
    };
    let numbers = said.numbers.keys().map(|name| (name.to_string(), words(&OF_NUMBERS, name.as_str(), of_number)));
    let accounts = said.accounts.keys().map(|account| (account.clone(), words(&OF_ACCOUNTS, account, of_account)));
    let because = said.accounts.iter().filter(|(_, facts)| !facts.because.is_empty());
    ShownMeta {
        asked_at: said.asked_at.to_string(),
        compared_with: review.said.before.as_ref().map(|(month, _)| month.to_string()),
        numbers: numbers.collect(),
        accounts: accounts.collect(),
        because: because.map(|(account, facts)| (account.clone(), facts.because.clone())).collect(),
    }
}

fn change(change: &Change) -> ShownChange {
    let (about, of, before, now) = match &change.what {
        Changed::Rate { whose, rate, before, now } => {
            let of = match whose {
                Whose::Channel(channel) => channel.name().to_owned(),
                Whose::Campaign(campaign) => campaign.clone(),
            };
            (rate.name(), of, percent(*before), percent(*now))
        }
        Changed::Latency { channel, before, now } => {
            ("latency", channel.name().to_owned(), words::seconds(*before), words::seconds(*now))
        }
        Changed::Lateness { before, now } => ("lateness", String::new(), words::seconds(*before), words::seconds(*now)),
        Changed::Said(said) => (said.about.name(), said.of.clone(), said.before.clone(), said.now.clone()),
    };
    let text = words::in_english(&change.what);
    ShownChange { direction: change.direction.name(), about, of, before, now, text }
}
