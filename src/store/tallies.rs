//! What is counted by differences in the same transaction as the messages: states, costs, and when callbacks came.

use std::collections::BTreeMap;

use sea_orm::DatabaseTransaction;

use super::encode;
use super::sql::{Db, Sql, Table, args};
use crate::domain::channel::Channel;
use crate::domain::delivery::Delivery;
use crate::domain::ids::SenderName;
use crate::domain::language::Language;

/// Run, language, channel, state and reason.
type CountKey = (i64, &'static str, &'static str, &'static str, String);

/// How the counts of runs change in one transaction.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<CountKey, i64>);

impl Counts {
    /// Adds `n` messages of that delivery.
    pub(super) fn add(&mut self, run: i64, language: Language, channel: Channel, delivery: &Delivery, n: i64) {
        let key = (run, language.code(), channel.name(), delivery.state().name(), encode::counted_reason(delivery));
        *self.0.entry(key).or_default() += n;
    }

    /// Adds them to what is counted, in a fixed order.
    pub(super) async fn save(self, db: &Db<'_, DatabaseTransaction>, shard: i64) -> Sql<()> {
        let deltas: Vec<_> = self.0.into_iter().filter(|(_, n)| *n != 0).collect();
        if deltas.is_empty() {
            return Ok(());
        }
        let table = Table::new()
            .int("run_id", deltas.iter().map(|(key, _)| key.0))
            .int("shard", deltas.iter().map(|_| shard))
            .text("language", deltas.iter().map(|(key, _)| key.1))
            .text("channel", deltas.iter().map(|(key, _)| key.2))
            .text("state", deltas.iter().map(|(key, _)| key.3))
            .text("reason", deltas.iter().map(|(key, _)| key.4.as_str()))
            .int("n", deltas.iter().map(|(_, n)| *n));
        db.run(
            "INSERT INTO run_counts (run_id, shard, language, channel, state, reason, n) \
             SELECT run_id, shard, language, channel, state, reason, n FROM {} WHERE TRUE \
             ON CONFLICT (run_id, shard, language, channel, state, reason) DO UPDATE SET n = run_counts.n + excluded.n",
            args![table],
        )
        .await?;
        Ok(())
    }
}

/// How the costs of runs change in one transaction: spent and reserved, in micro-units.
#[derive(Default)]
pub(super) struct Costs(BTreeMap<i64, (i64, i64)>);

impl Costs {
    pub(super) fn spend(&mut self, run: i64, micros: i64) {
        self.0.entry(run).or_default().0 += micros;
    }

    pub(super) fn reserve(&mut self, run: i64, micros: i64) {
        self.0.entry(run).or_default().1 += micros;
    }

    /// Adds them to what is counted.
    pub(super) async fn save(self, db: &Db<'_, DatabaseTransaction>, shard: i64) -> Sql<()> {
        let costs: Vec<_> = self.0.into_iter().filter(|(_, cost)| *cost != (0, 0)).collect();
        if costs.is_empty() {
            return Ok(());
        }
        let table = Table::new()
            .int("run_id", costs.iter().map(|cost| cost.0))
            .int("shard", costs.iter().map(|_| shard))
            .int("micros", costs.iter().map(|cost| cost.1.0))
            .int("reserved", costs.iter().map(|cost| cost.1.1));
        db.run(
            "INSERT INTO run_costs (run_id, shard, micros, reserved) SELECT run_id, shard, micros, reserved FROM {} WHERE TRUE \
             ON CONFLICT (run_id, shard) DO UPDATE SET micros = run_costs.micros + excluded.micros, \
             reserved = run_costs.reserved + excluded.reserved",
            args![table],
        )
        .await?;
        Ok(())
    }
}

/// How the budgets of the whole installation are used in one transaction: spent and reserved, in micro-units, by the day of the call.
#[derive(Default)]
pub(super) struct BudgetDays(BTreeMap<i64, (i64, i64)>);

impl BudgetDays {
    pub(super) fn spend(&mut self, day: i64, micros: i64) {
        self.0.entry(day).or_default().0 += micros;
    }

    pub(super) fn reserve(&mut self, day: i64, micros: i64) {
        self.0.entry(day).or_default().1 += micros;
    }

    /// Adds them to what is counted.
    pub(super) async fn save(self, db: &Db<'_, DatabaseTransaction>, shard: i64) -> Sql<()> {
        let days: Vec<_> = self.0.into_iter().filter(|(_, used)| *used != (0, 0)).collect();
        if days.is_empty() {
            return Ok(());
        }
        let table = Table::new()
            .int("day", days.iter().map(|day| day.0))
            .int("shard", days.iter().map(|_| shard))
            .int("micros", days.iter().map(|day| day.1.0))
            .int("reserved", days.iter().map(|day| day.1.1));
        db.run(
            "INSERT INTO budget_days (day, shard, micros, reserved) SELECT day, shard, micros, reserved FROM {} WHERE TRUE \
             ON CONFLICT (day, shard) DO UPDATE SET micros = budget_days.micros + excluded.micros, \
             reserved = budget_days.reserved + excluded.reserved",
            args![table],
        )
        .await?;
        Ok(())
    }
}

/// Day, campaign, channel and language.
type CallKey = (i64, String, &'static str, &'static str);

/// How many messages were called and what became of them, by the day of the call.
#[derive(Default)]
pub(super) struct CallDays(BTreeMap<CallKey, [i64; 5]>);

/// What becomes of a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum CallFate {
    Called = 0,
    Delivered = 1,
    Read = 2,
    Failed = 3,
    TookOver = 4,
}

impl CallDays {
    pub(super) fn add(&mut self, day: i64, campaign: &str, channel: Channel, language: Language, fate: CallFate) {
        let key = (day, campaign.to_owned(), channel.name(), language.code());
        self.0.entry(key).or_default()[fate as usize] += 1;
    }

    /// Adds them to what is counted.
    pub(super) async fn save(self, db: &Db<'_, DatabaseTransaction>, shard: i64) -> Sql<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let of = |fate: CallFate| self.0.values().map(move |counts| counts[fate as usize]);
        let table = Table::new()
            .int("day", self.0.keys().map(|key| key.0))
            .int("shard", self.0.iter().map(|_| shard))
            .text("campaign", self.0.keys().map(|key| key.1.as_str()))
            .text("channel", self.0.keys().map(|key| key.2))
            .text("language", self.0.keys().map(|key| key.3))
            .int("called", of(CallFate::Called))
            .int("delivered", of(CallFate::Delivered))
            .int("read", of(CallFate::Read))
            .int("failed", of(CallFate::Failed))
            .int("took_over", of(CallFate::TookOver));
        db.run(
            "INSERT INTO call_days (day, shard, campaign, channel, language, called, delivered, read, failed, took_over) \
             SELECT day, shard, campaign, channel, language, called, delivered, read, failed, took_over FROM {} WHERE TRUE \
             ON CONFLICT (day, shard, campaign, channel, language) DO UPDATE SET called = call_days.called + excluded.called, \
             delivered = call_days.delivered + excluded.delivered, read = call_days.read + excluded.read, \
             failed = call_days.failed + excluded.failed, took_over = call_days.took_over + excluded.took_over",
            args![table],
        )
        .await?;
        Ok(())
    }
}

/// Whose callbacks they are: those of one of our numbers, or of another channel, which has one account for all.
pub(super) fn heard_from(channel: Channel, sender: &SenderName) -> String {
    match channel {
        Channel::Whatsapp => sender.to_string(),
        // No name of a sender has a colon in it.
        channel => format!("{}:", channel.name()),
    }
}

/// By sender and minute of the call: when the newest callback about such a message came, and how slow the slowest first one was.
#[derive(Default)]
pub(super) struct HeardFrom(BTreeMap<(String, i64), (i64, i64)>);

impl HeardFrom {
    /// A callback at `now` about a message called at `called_at`; `first` when it is the first of its attempt.
    pub(super) fn note(&mut self, channel: Channel, sender: &SenderName, called_at: i64, now: i64, first: bool) {
        let (last, slowest) = self.0.entry((heard_from(channel, sender), minute(called_at))).or_default();
        *last = (*last).max(now);
        if first {
            *slowest = (*slowest).max(now - called_at);
        }
    }

    /// Adds them to what is known.
    pub(super) async fn save(self, db: &Db<'_, DatabaseTransaction>, shard: i64) -> Sql<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let table = Table::new()
            .text("sender", self.0.keys().map(|key| key.0.as_str()))
            .int("called_minute", self.0.keys().map(|key| key.1))
            .int("shard", self.0.iter().map(|_| shard))
            .int("last_at", self.0.values().map(|heard| heard.0))
            .int("slowest", self.0.values().map(|heard| heard.1));
        db.run(
            "INSERT INTO heard (sender, called_minute, shard, last_at, slowest) \
             SELECT sender, called_minute, shard, last_at, slowest FROM {} WHERE TRUE \
             ON CONFLICT (sender, called_minute, shard) DO UPDATE SET \
             last_at = CASE WHEN excluded.last_at > heard.last_at THEN excluded.last_at ELSE heard.last_at END, \
             slowest = CASE WHEN excluded.slowest > heard.slowest THEN excluded.slowest ELSE heard.slowest END",
            args![table],
        )
        .await?;
        Ok(())
    }
}

/// The minute in which a message was called.
pub(super) const fn minute(milliseconds: i64) -> i64 {
    milliseconds.div_euclid(60_000)
}
