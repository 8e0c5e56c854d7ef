//! What messages have cost, asked by day.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::SqlStore;
use super::charges::SCOPE_OF_MARKET;
use super::encode;
use super::sql::{Row, Sql, args};
use crate::domain::budget::{day_number, day_of_number, month_number};
use crate::domain::channel::Channel;
use crate::domain::cost_report::{Answered, CallDay, CostDay};
use crate::domain::country::CountryCode;
use crate::domain::ids::MessageId;
use crate::domain::pricing::{Basis, Difference, FreeBecause, PriceCategory, Source};
use crate::ports::{BudgetUsed, Costs, ListedCharge, Stored};

/// A word that may be missing: it is empty then.
fn word<T>(row: &mut Row<'_>, named: impl FnOnce(&str) -> Option<T>) -> Sql<Option<T>> {
    match row.text()?.as_str() {
        "" => Ok(None),
        name => named(name).map(Some).ok_or_else(|| row.impossible()),
    }
}

fn day(row: &mut Row<'_>) -> Sql<Date> {
    let number = row.int()?;
    day_of_number(number).ok_or_else(|| row.impossible())
}

fn cost_day(row: &mut Row<'_>) -> Sql<CostDay> {
    Ok(CostDay {
        day: day(row)?,
        campaign: row.text()?,
        channel: row.parsed(Channel::named)?,
        country: word(row, |text| text.parse::<CountryCode>().ok())?,
        category: row.parsed(PriceCategory::named)?,
        language: row.parsed(encode::language)?,
        currency: row.parsed(|text| text.parse().ok())?,
        basis: row.parsed(Basis::named)?,
        source: word(row, Source::named)?,
        free: word(row, FreeBecause::named)?,
        difference: row.parsed(Difference::named)?,
        n: row.int()?,
        micros: row.int()?,
        estimated_micros: row.int()?,
    })
}

#[async_trait]
impl Costs for SqlStore {
    async fn cost_days(&self, from: Date, to: Date) -> Stored<Vec<CostDay>> {
        let key = "day, campaign, channel, country, category, language, currency, basis, source, free, difference";
        let sql = format!(
            "SELECT {key}, CAST(SUM(n) AS BIGINT), CAST(SUM(micros) AS BIGINT), CAST(SUM(estimated_micros) AS BIGINT) FROM cost_days \
             WHERE day >= ? AND day <= ? GROUP BY {key} HAVING SUM(n) <> 0 OR SUM(micros) <> 0 ORDER BY {key}"
        );
        let rows = self.read(&sql, args![day_number(from), day_number(to)]).await?;
        self.rows(&rows, "cost_days", cost_day)
    }

    async fn call_days(&self, from: Date, to: Date) -> Stored<Vec<CallDay>> {
        let key = "day, campaign, channel, language";
        let sql = format!(
            "SELECT {key}, CAST(SUM(called) AS BIGINT), CAST(SUM(delivered) AS BIGINT), CAST(SUM(read) AS BIGINT), \
             CAST(SUM(failed) AS BIGINT), CAST(SUM(took_over) AS BIGINT) FROM call_days WHERE day >= ? AND day <= ? GROUP BY {key} ORDER BY {key}"
        );
        let rows = self.read(&sql, args![day_number(from), day_number(to)]).await?;
        self.rows(&rows, "call_days", |row| {
            Ok(CallDay {
                day: day(row)?,
                campaign: row.text()?,
                channel: row.parsed(Channel::named)?,
                language: row.parsed(encode::language)?,
                called: row.int()?,
                delivered: row.int()?,
                read: row.int()?,
                failed: row.int()?,
                took_over: row.int()?,
            })
        })
    }

    async fn answered(&self, from: Timestamp, to: Timestamp) -> Stored<BTreeMap<Channel, Answered>> {
        // Answers are few beside messages, and theirs are looked up by id.
        let sql = "SELECT m.channel, MIN(f.provider_at) - m.called_at FROM feedback f JOIN messages m ON m.id = f.message_id \
                   WHERE f.received_at >= ? AND f.received_at < ? AND m.called_at IS NOT NULL GROUP BY m.id, m.channel, m.called_at";
        let rows = self.read(sql, args![from, to]).await?;
        let mut waits: BTreeMap<Channel, Vec<i64>> = BTreeMap::new();
        for (channel, wait) in self.rows(&rows, "feedback", |row| Ok((row.parsed(Channel::named)?, row.int()?)))? {
            // Providers tell whole seconds: an answer may seem to come before its question.
            waits.entry(channel).or_default().push(wait.max(0));
        }
        let answered = waits.into_iter().map(|(channel, mut waits)| {
            let middle = waits.len() / 2;
            let (_, median, _) = waits.select_nth_unstable(middle);
            let median = SignedDuration::from_millis(*median);
            (channel, Answered { messages: waits.len() as u64, median })
        });
        Ok(answered.collect())
    }

    async fn charged_in_month(&self, day: Date) -> Stored<BTreeMap<(String, PriceCategory), u64>> {
        let sql = "SELECT scope, category, n FROM price_volumes WHERE month = ?";
        let rows = self.read(sql, args![month_number(day)]).await?;
        let volumes = self.rows(&rows, "price_volumes", |row| {
            Ok((row.text()?, row.parsed(PriceCategory::named)?, row.small::<u64>()?))
        })?;
        let of_market = |(scope, category, n): (String, PriceCategory, u64)| {
            let market = scope.strip_prefix(SCOPE_OF_MARKET)?.to_owned();
            Some(((market, category), n))
        };
        Ok(volumes.into_iter().filter_map(of_market).collect())
    }

    async fn charges_of(&self, message: MessageId) -> Stored<Vec<ListedCharge>> {
        let sql = "SELECT attempt, at, channel, country, market, category, micros, currency, basis, free FROM charges \
                   WHERE message_id = ? ORDER BY attempt";
        let rows = self.read(sql, args![message.number()]).await?;
        self.rows(&rows, "charges", |row| {
            Ok(ListedCharge {
                attempt: row.small()?,
                at: row.time()?,
                channel: row.parsed(Channel::named)?,
                country: word(row, |text| text.parse::<CountryCode>().ok())?,
                market: row.text()?,
                category: row.parsed(PriceCategory::named)?,
                micros: row.int()?,
                currency: row.parsed(|text| text.parse().ok())?,
                basis: row.parsed(Basis::named)?,
                free: word(row, FreeBecause::named)?,
            })
        })
    }

    async fn budget_used(&self, day: Date) -> Stored<BudgetUsed> {
        let sql = "SELECT CAST(COALESCE(SUM(CASE WHEN day = ? THEN micros + reserved ELSE 0 END), 0) AS BIGINT), \
                   CAST(COALESCE(SUM(micros + reserved), 0) AS BIGINT) FROM budget_days WHERE day >= ? AND day <= ?";
        let (first, last) = (day_number(day.first_of_month()), day_number(day.last_of_month()));
        let rows = self.read(sql, args![day_number(day), first, last]).await?;
        let used =
            self.rows(&rows, "budget_days", |row| Ok(BudgetUsed { day_micros: row.int()?, month_micros: row.int()? }))?;
        Ok(used.into_iter().next().unwrap_or_default())
    }
}
