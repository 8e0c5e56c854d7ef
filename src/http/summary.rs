//! A campaign and how its newest run stands, in the shape of `GET /api/v1/campaigns/{name}` and `barid campaign show --json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::channel::Channel;
use crate::domain::delivery::{HeldReason, State};
use crate::domain::forecast::Forecast;
use crate::domain::ids::CampaignName;
use crate::domain::limit::Limit;
use crate::domain::money::Money;
use crate::ports::RunCount;

/// A campaign and its newest run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignSummary {
    /// The stem of its file.
    pub name: CampaignName,
    /// The state of its newest run; `waiting` before the first.
    pub state: &'static str,
    /// Why that run was halted, while it is: `failed 7.2% > 5%`.
    pub halted: Option<String>,
    /// The one reason for which everything that is open is held, if there is one: `limit-budget`, `quiet-hours`, …
    pub waits_for: Option<String>,
    /// How many recipients of that run stand where.
    pub run: StateCounts,
    /// Held recipients by reason.
    pub held_for: BTreeMap<String, u64>,
    /// Suppressed recipients by reason.
    pub suppressed_for: BTreeMap<String, u64>,
    /// Of those recipients, the ones whose newest or next attempt goes over another channel than WhatsApp, by channel.
    pub fallback: BTreeMap<&'static str, StateCounts>,
    /// What that run has cost so far.
    pub cost: Cost,
    /// What it may cost.
    pub budget: Option<Cost>,
    /// How far its stages have come, if it has stages.
    pub rollout: Option<RolloutSummary>,
    /// Its reminders, those that were begun and the next one.
    pub reminders: Vec<ReminderSummary>,
    /// Who answered it.
    pub responses: Responses,
    /// When it will be through under the limits of now, while it goes on and they can be asked.
    pub forecast: Option<ForecastSummary>,
}

impl CampaignSummary {
    /// Of a campaign that never fired.
    pub fn waiting(name: CampaignName, cost: Money) -> Self {
        Self {
            name,
            state: "waiting",
            halted: None,
            waits_for: None,
            run: StateCounts::default(),
            held_for: BTreeMap::new(),
            suppressed_for: BTreeMap::new(),
            fallback: BTreeMap::new(),
            cost: cost.into(),
            budget: None,
            rollout: None,
            reminders: Vec::new(),
            responses: Responses::default(),
            forecast: None,
        }
    }

    /// With the counts of a run, of which so many are handed to the lane.
    #[must_use]
    pub fn with_counts(mut self, counts: &[RunCount], queued: u64) -> Self {
        self.run = StateCounts::of(counts).with_queued(queued);
        self.held_for = by_reason(counts, State::Held);
        self.suppressed_for = by_reason(counts, State::Suppressed);
        for channel in Channel::FALLBACKS {
            let of_channel: Vec<RunCount> = counts.iter().filter(|count| count.channel == channel).cloned().collect();
            if !of_channel.is_empty() {
                self.fallback.insert(channel.name(), StateCounts::of(&of_channel));
            }
        }
        let open: u64 = counts.iter().filter(|count| count.state.is_open()).map(|count| count.n).sum();
        let planned: u64 = counts.iter().filter(|count| count.state == State::Planned).map(|count| count.n).sum();
        // A run that has reached a limit of its own is not fed further: what is still planned waits for the same.
        let waits = |reason: &str, n: u64| n == open || (holds_up_all(reason) && n + planned == open);
        let reason = self.held_for.iter().find(|(reason, n)| **n > 0 && waits(reason, **n));
        self.waits_for = reason.map(|(reason, _)| reason.clone());
        self
    }
}

/// Whether what one message of a run waits for, those that are not called yet wait for too.
fn holds_up_all(reason: &str) -> bool {
    matches!(
        HeldReason::named(reason),
        Some(HeldReason::Limit(Limit::Budget | Limit::DayBudget | Limit::MonthBudget | Limit::Tier))
    )
}

fn by_reason(counts: &[RunCount], state: State) -> BTreeMap<String, u64> {
    let mut by_reason = BTreeMap::new();
    for count in counts.iter().filter(|count| count.state == state) {
        *by_reason.entry(count.reason.clone()).or_default() += count.n;
    }
    by_reason
}

/// Who answered a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Responses {
    /// How many people.
    pub people: u64,
    /// Their share of those whom a message reached, from 0 to 1; `null` where it reached nobody.
    pub rate: Option<f64>,
}

impl Responses {
    /// Of so many people whom it reached. Whoever answers was reached, whatever the statuses say.
    #[expect(clippy::cast_precision_loss, reason = "there are fewer people than whole numbers in an f64")]
    pub fn of(people: u64, reached: u64) -> Self {
        let reached = reached.max(people);
        Self { people, rate: (reached > 0).then(|| people as f64 / reached as f64) }
    }
}

/// An amount of money as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// A decimal, as text.
    pub amount: String,
    /// Three letters.
    pub currency: String,
}

impl From<Money> for Cost {
    fn from(money: Money) -> Self {
        Self { amount: money.to_decimal(), currency: money.currency.code().to_owned() }
    }
}

/// When a run will be through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastSummary {
    /// When the last message that can go leaves; `null`: none can, under the limits of now.
    pub ends_at: Option<Timestamp>,
    /// The limit that decides it: `number`, `rate`, `tier` or `budget`.
    pub limited_by: String,
    /// Messages in each 24 hours from now.
    pub days: Vec<u64>,
    /// Messages that the budget does not pay for.
    pub not_paid_for: u64,
}

impl From<Forecast> for ForecastSummary {
    fn from(forecast: Forecast) -> Self {
        let Forecast { ends_at, limited_by, days, not_paid_for } = forecast;
        Self { ends_at, limited_by: limited_by.name().to_owned(), days, not_paid_for }
    }
}

/// How far the stages of a run have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RolloutSummary {
    /// The open stage, from 1; 0 before the first is.
    pub stage: usize,
    /// How many there are.
    pub stages: usize,
    /// Who was to be called in the open one.
    pub people: u64,
    /// When the next one begins unless the run is halted; `null` while people are being called.
    pub next_at: Option<Timestamp>,
}

/// A reminder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReminderSummary {
    /// Which, from 1.
    pub number: u32,
    /// The state of its run; `waiting` before it begins.
    pub state: &'static str,
    /// When it began or begins.
    pub due_at: Timestamp,
    /// How many recipients stand where.
    pub run: StateCounts,
    /// What it has cost so far.
    pub cost: Cost,
}

/// How many recipients stand where; each counts once, at its present standing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "each is the state with its name; `queued` are those handed to the lane and not called yet"
)]
pub struct StateCounts {
    pub total: u64,
    pub planned: u64,
    pub queued: u64,
    pub calling: u64,
    pub held: u64,
    pub unknown: u64,
    pub submitted: u64,
    pub sent: u64,
    pub delivered: u64,
    pub read: u64,
    pub failed: u64,
    pub suppressed: u64,
    pub expired: u64,
}

impl StateCounts {
    /// The sum over languages and reasons. The store does not tell queued from planned: both are `planned` here, and
    /// [`StateCounts::with_queued`] moves those that wait in the lane.
    pub fn of(counts: &[RunCount]) -> Self {
        let mut sum = Self::default();
        for count in counts {
            sum.total += count.n;
            *sum.at(count.state) += count.n;
        }
        sum
    }

    /// With so many of the planned ones shown as queued; never more than there are.
    #[must_use]
    pub fn with_queued(self, n: u64) -> Self {
        let queued = n.min(self.planned);
        Self { planned: self.planned - queued, queued: self.queued + queued, ..self }
    }

    fn at(&mut self, state: State) -> &mut u64 {
        match state {
            State::Planned => &mut self.planned,
            State::Held => &mut self.held,
            State::Calling => &mut self.calling,
            State::Unknown => &mut self.unknown,
            State::Submitted => &mut self.submitted,
            State::Sent => &mut self.sent,
            State::Delivered => &mut self.delivered,
            State::Read => &mut self.read,
            State::Failed => &mut self.failed,
            State::Suppressed => &mut self.suppressed,
            State::Expired => &mut self.expired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::Channel;
    use crate::domain::language::Language;

    #[test]
    fn every_recipient_is_counted_once() {
        let counts: Vec<RunCount> = State::ALL
            .into_iter()
            .zip(1..)
            .map(|(state, n)| RunCount {
                language: Language::Ar,
                channel: Channel::Whatsapp,
                state,
                reason: String::new(),
                n,
            })
            .collect();
        let sum = StateCounts::of(&counts).with_queued(5);
        assert_eq!((sum.total, sum.planned, sum.queued, sum.expired), (66, 0, 1, 11));
        let parts = serde_json::to_value(sum).unwrap();
        let parts: u64 = parts.as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
        assert_eq!(parts, 2 * sum.total);
    }

    #[test]
    fn what_everything_open_waits_for_is_named() {
        let count = |channel, state, reason: &str, n| RunCount {
            language: Language::Ar,
            channel,
            state,
            reason: reason.to_owned(),
            n,
        };
        let summary = |counts: &[RunCount]| {
            let money = Money { micros: 0, currency: crate::domain::money::Currency::USD };
            CampaignSummary::waiting("welcome".parse().unwrap(), money).with_counts(counts, 0)
        };
        let mut counts = vec![
            count(Channel::Whatsapp, State::Held, "limit-budget", 5),
            count(Channel::Whatsapp, State::Read, "", 7),
            count(Channel::Sms, State::Held, "limit-budget", 2),
            count(Channel::Sms, State::Delivered, "", 1),
        ];
        let stuck = summary(&counts);
        assert_eq!(stuck.waits_for.as_deref(), Some("limit-budget"));
        assert_eq!(stuck.held_for, [("limit-budget".to_owned(), 7)].into());
        assert_eq!((stuck.fallback["sms"].held, stuck.fallback["sms"].delivered, stuck.run.held), (2, 1, 7));
        counts.push(count(Channel::Whatsapp, State::Planned, "", 1));
        assert_eq!(summary(&counts).waits_for.as_deref(), Some("limit-budget"), "it is not fed any more");
        counts.push(count(Channel::Whatsapp, State::Calling, "", 1));
        assert_eq!(summary(&counts).waits_for, None, "one is on its way");
        let quiet =
            [count(Channel::Whatsapp, State::Held, "quiet-hours", 5), count(Channel::Whatsapp, State::Planned, "", 1)];
        assert_eq!(summary(&quiet).waits_for, None, "one may still go");
        assert_eq!(summary(&counts[1..2]).waits_for, None, "nothing is open");
    }
}
