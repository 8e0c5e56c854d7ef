//! How far our numbers may go, as Meta says: the tier of each portfolio, quality, throughput and state of each number, the standing of each
//! account; what is to be alerted, and what changed since Meta was asked before.

mod changes;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::changes::{Direction, SaidAbout, SaidOtherwise, changes};
use crate::domain::alert::{AlertKind, AlertScope, NewAlert, Severity};
use crate::domain::ids::SenderName;
use crate::domain::limit::Tier;
use crate::domain::live_check::{AccountFacts, NumberFacts, Ours, judge_account, judge_number};
use crate::domain::standing_job::{JobOutcome, JobResult};

/// What alerts of a check are about. Whatever of these kinds is open after it and was not found by it is over.
pub const KINDS: [AlertKind; 3] = [AlertKind::NumberState, AlertKind::MessagingLimit, AlertKind::AccountStanding];
/// Meta's word where it gave no tier yet.
const NOT_SET: &str = "TIER_NOT_SET";

/// What Meta said; a check keeps it in the details of its run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidByMeta {
    /// When.
    pub asked_at: Timestamp,
    /// Of each number.
    pub numbers: BTreeMap<SenderName, NumberFacts>,
    /// Of each account, by Meta's id.
    pub accounts: BTreeMap<String, AccountFacts>,
}

impl SaidByMeta {
    /// From the details of a run.
    pub fn of_details(details: serde_json::Value) -> Option<Self> {
        serde_json::from_value(details).ok()
    }

    /// Meta's tier of a number's portfolio.
    pub fn tier(&self, sender: &SenderName) -> Option<Tier> {
        Tier::of_meta(&self.numbers.get(sender)?.messaging_limit)
    }
}

/// How people take what a number sends (…/messaging-limits, checked 2026-11-22).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// Well.
    Green,
    /// Some block or report it.
    Yellow,
    /// Many do.
    Red,
    /// Too few messages for a rating.
    Unknown,
}

impl Quality {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Green, Self::Yellow, Self::Red, Self::Unknown];

    /// From Meta's word.
    pub fn of_meta(word: &str) -> Self {
        match word {
            "GREEN" => Self::Green,
            "YELLOW" => Self::Yellow,
            "RED" => Self::Red,
            _ => Self::Unknown,
        }
    }

    /// The word in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
            Self::Unknown => "unknown",
        }
    }
}

/// What follows from a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Alerts of [`KINDS`] that are to be open.
    pub alerts: Vec<NewAlert>,
    /// The tier of each portfolio of which Meta says one: the lowest that any of its numbers has.
    pub tiers: BTreeMap<String, Tier>,
    /// How the run ended.
    pub outcome: JobOutcome,
}

/// Judges what Meta said; `before`: what it said the last time.
pub fn judge(said: &SaidByMeta, before: Option<&SaidByMeta>, ours: &Ours) -> Checked {
    let mut alerts = Vec::new();
    for number in &ours.numbers {
        if let Some(facts) = said.numbers.get(&number.name) {
            let step = judge_number(number.name.as_str(), facts, number.mps, ours.callback_url.as_deref());
            alerts.extend(NewAlert::of_step(AlertKind::NumberState, AlertScope::Sender(number.name.clone()), &step));
        }
    }
    for (account, facts) in &said.accounts {
        let step = judge_account(account, facts);
        alerts.extend(NewAlert::of_step(AlertKind::AccountStanding, AlertScope::Account(account.clone()), &step));
    }
    let (tiers, of_tiers) = judge_tiers(said, ours);
    alerts.extend(of_tiers);
    let changes = before.map(|before| changes(before, said)).unwrap_or_default();
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let changed = if changes.is_empty() { String::new() } else { format!("; changed: {}", changes.join(", ")) };
    let found = if alerts.is_empty() {
        format!("{} of our numbers and {} accounts are as they should be", said.numbers.len(), said.accounts.len())
    } else {
        alerts.iter().map(|alert| alert.text.as_str()).collect::<Vec<_>>().join("; ")
    };
    let outcome = JobOutcome {
        details: serde_json::to_value(said).ok(),
        ..JobOutcome::new(JobResult::of_alerts(&alerts), format!("{found}{changed}"))
    };
    Checked { alerts, tiers, outcome }
}

fn judge_tiers(said: &SaidByMeta, ours: &Ours) -> (BTreeMap<String, Tier>, Vec<NewAlert>) {
    let (mut tiers, mut alerts) = (BTreeMap::<String, (SenderName, Tier)>::new(), Vec::new());
    let mut warn = |sender: &SenderName, text: String| {
        let (kind, scope) = (AlertKind::MessagingLimit, AlertScope::Sender(sender.clone()));
        alerts.push(NewAlert { kind, scope, severity: Severity::Warning, text });
    };
    for number in &ours.numbers {
        let Some(facts) = said.numbers.get(&number.name) else { continue };
        let (name, word) = (&number.name, facts.messaging_limit.as_str());
        let Some(tier) = Tier::of_meta(word) else {
            if !word.is_empty() && word != NOT_SET {
                warn(
                    name,
                    format!(
                        "Meta says of the number {name} that its tier is `{word}`, which this version of barid does not know; what is \
                     configured counts: set `tier`"
                    ),
                );
            }
            continue;
        };
        if let Some((other, theirs)) = tiers.get(&number.portfolio)
            && *theirs != tier
        {
            warn(
                name,
                format!(
                    "the numbers {other} and {name} share the portfolio `{}` here, and Meta gives them different tiers, {theirs} and {tier}: the \
                 lower one counts for both; give each the `portfolio` that it belongs to",
                    number.portfolio
                ),
            );
        } else if let Some(configured) = number.tier
            && configured.people().unwrap_or(u32::MAX) > tier.people().unwrap_or(u32::MAX)
        {
            warn(
                name,
                format!(
                    "`tier` of the number {name} is {configured}, and Meta lets its portfolio write to {tier} people in 24 hours: that counts; \
                 take `tier` out of the configuration, or lower it"
                ),
            );
        }
        let lowest = tiers.entry(number.portfolio.clone()).or_insert_with(|| (name.clone(), tier));
        if tier.people().unwrap_or(u32::MAX) < lowest.1.people().unwrap_or(u32::MAX) {
            *lowest = (name.clone(), tier);
        }
    }
    (tiers.into_iter().map(|(portfolio, (_, tier))| (portfolio, tier)).collect(), alerts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::live_check::OurNumber;

    fn number(name: &str, portfolio: &str, tier: Option<Tier>) -> OurNumber {
        let (name, account) = (name.parse().unwrap(), Some("800".to_owned()));
        OurNumber { name, account, mps: 70, portfolio: portfolio.to_owned(), tier }
    }

    fn facts(limit: &str) -> NumberFacts {
        NumberFacts {
            status: "CONNECTED".to_owned(),
            quality: "GREEN".to_owned(),
            throughput: "STANDARD".to_owned(),
            messaging_limit: limit.to_owned(),
            ..NumberFacts::default()
        }
    }

    fn said(limits: &[(&str, &str)]) -> SaidByMeta {
        let numbers = limits.iter().map(|(name, limit)| (name.parse().unwrap(), facts(limit))).collect();
        let account = AccountFacts {
            review: "APPROVED".to_owned(),
            business_verification: "verified".to_owned(),
            can_send: "AVAILABLE".to_owned(),
            because: Vec::new(),
        };
        let accounts = [("800".to_owned(), account)].into();
        SaidByMeta { asked_at: Timestamp::UNIX_EPOCH, numbers, accounts }
    }

    fn texts(checked: &Checked) -> Vec<String> {
        checked.alerts.iter().map(|alert| format!("{} {}: {}", alert.kind.name(), alert.scope, alert.text)).collect()
    }

    #[test]
    fn the_tier_of_a_portfolio_is_what_meta_says_and_what_is_configured_above_it_is_told() {
        let ours = |numbers| Ours { numbers, ..Ours::default() };
        let one = |tier| ours(vec![number("default", "p", tier)]);
        for (ours, said, tier, told) in [
            (one(None), said(&[("default", "TIER_2K")]), Some(Tier::People(2_000)), None),
            (one(None), said(&[("default", "TIER_UNLIMITED")]), Some(Tier::Unlimited), None),
            (one(None), said(&[("default", "TIER_NOT_SET")]), None, None),
            (one(None), said(&[("default", "TIER_MANY")]), None, Some("`TIER_MANY`")),
            (one(Some(Tier::People(250))), said(&[("default", "TIER_2K")]), Some(Tier::People(2_000)), None),
            (
                one(Some(Tier::Unlimited)),
                said(&[("default", "TIER_2K")]),
                Some(Tier::People(2_000)),
                Some("is \"unlimited\""),
            ),
            (
                ours(vec![number("default", "p", None), number("riyadh", "p", None)]),
                said(&[("default", "TIER_UNLIMITED"), ("riyadh", "TIER_250")]),
                Some(Tier::People(250)),
                Some("different tiers, \"unlimited\" and 250"),
            ),
        ] {
            let checked = judge(&said, None, &ours);
            assert_eq!(checked.tiers.get("p").copied(), tier, "{checked:?}");
            let texts = texts(&checked);
            assert_eq!(texts.len(), usize::from(told.is_some()), "{texts:?}");
            assert!(told.is_none_or(|told| texts[0].contains(told)), "{texts:?}");
            assert_eq!(checked.outcome.result == JobResult::Ok, told.is_none());
        }
    }

    #[test]
    fn accounts_that_may_not_send_are_told_with_metas_reason_and_changes_are_named() {
        let ours = Ours { numbers: vec![number("default", "p", None)], ..Ours::default() };
        let before = said(&[("default", "TIER_250")]);
        let mut now = said(&[("default", "TIER_2K")]);
        now.numbers.values_mut().for_each(|facts| facts.quality = "YELLOW".to_owned());
        let account = now.accounts.get_mut("800").unwrap();
        account.can_send = "BLOCKED".to_owned();
        account.because = vec!["141006 There is an error with the payment method.".to_owned()];
        let checked = judge(&now, Some(&before), &ours);
        insta::assert_snapshot!(format!("{}\n{}", texts(&checked).join("\n"), checked.outcome.summary), @"
        number-state sender default: number default:  (): its quality is YELLOW; people block or report what it sends: send less, and to those who expect it
        account-standing account 800: account 800: it may not send: 141006 There is an error with the payment method.; do what Meta says; payment and restrictions are in Meta's Business Suite
        number default:  (): its quality is YELLOW; people block or report what it sends: send less, and to those who expect it; account 800: it may not send: 141006 There is an error with the payment method.; do what Meta says; payment and restrictions are in Meta's Business Suite; changed: the tier of default from TIER_250 to TIER_2K, the quality of default from GREEN to YELLOW, what may be sent of 800 from AVAILABLE to BLOCKED
        ");
        assert_eq!(SaidByMeta::of_details(checked.outcome.details.unwrap()), Some(now));
    }
}
