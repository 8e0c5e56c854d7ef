//! How long messages took, read by their key: nothing is scanned.

use async_trait::async_trait;
use jiff::Timestamp;

use super::SqlStore;
use super::encode::millis;
use super::sql::{Row, Sql, args};
use crate::domain::channel::Channel;
use crate::domain::review::{CampaignAnswers, MessageSteps, Step, StepKind};
use crate::ports::{MessageTimes, Stored};

/// A row of a message with one of its steps, if it has any.
fn message_and_step(row: &mut Row<'_>) -> Sql<(i64, MessageSteps, Option<Step>)> {
    let (id, planned_at) = (row.int()?, row.time()?);
    let (is_called, is_staged) = (row.flag()?, row.flag()?);
    let message = MessageSteps { planned_at, is_called, is_staged, steps: Vec::new() };
    let (newest, whatsapp_attempts) = (row.small::<u16>()?, row.small::<u16>()?);
    let newest_channel = row.parsed(Channel::named)?;
    let Some(event) = row.opt_text()? else { return Ok((id, message, None)) };
    let (attempt, at, provider_at) = (row.small::<u16>()?, row.time()?, row.opt_time()?);
    let kind = match event.as_str() {
        "started" => {
            // The mark names every channel but WhatsApp, unless the person was forgotten.
            let channel = match Channel::named(&row.text()?) {
                Some(channel) => channel,
                None if attempt <= whatsapp_attempts => Channel::Whatsapp,
                None if attempt == newest => newest_channel,
                None => return Ok((id, message, None)),
            };
            StepKind::Started(channel)
        }
        "held" => StepKind::Held,
        _ => StepKind::Arrived,
    };
    Ok((id, message, Some(Step { kind, attempt, at, provider_at })))
}

impl SqlStore {
    /// The least number from which on messages were planned at that moment or later, between two numbers.
    async fn first_planned_at(&self, at: Timestamp, mut low: i64, mut high: i64) -> Stored<i64> {
        while low < high {
            let middle = low + (high - low) / 2;
            // The next one that there is.
            let sql = "SELECT id, planned_at FROM messages WHERE id >= ? ORDER BY id LIMIT 1";
            let rows = self.read(sql, args![middle]).await?;
            match self.rows(&rows, "messages", |row| Ok((row.int()?, row.int()?)))?.first() {
                Some((id, planned_at)) if *planned_at < millis(at) => low = id + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }
}

#[async_trait]
impl MessageTimes for SqlStore {
    async fn planned_between(&self, from: Timestamp, to: Timestamp) -> Stored<Option<(i64, i64)>> {
        let sql = "SELECT (SELECT MIN(id) FROM messages), (SELECT MAX(id) FROM messages)";
        let rows = self.read(sql, args![]).await?;
        let ends = self.rows(&rows, "messages", |row| Ok((row.opt_int()?, row.opt_int()?)))?;
        let Some((Some(first), Some(last))) = ends.first().copied() else { return Ok(None) };
        let begin = self.first_planned_at(from, first, last + 1).await?;
        let end = self.first_planned_at(to, begin, last + 1).await?;
        Ok((begin < end).then_some((begin, end - 1)))
    }

    async fn steps_of(&self, numbers: Vec<i64>) -> Stored<Vec<MessageSteps>> {
        let sql = "SELECT m.id, m.planned_at, CAST(CASE WHEN m.called_at IS NULL THEN 0 ELSE 1 END AS BIGINT), \
                   CAST(CASE WHEN r.stages IS NULL THEN 0 ELSE 1 END AS BIGINT), m.attempt, m.whatsapp_attempt, m.channel, \
                   h.event, h.attempt, h.at, h.provider_at, h.detail \
                   FROM messages m LEFT JOIN runs r ON r.id = m.run_id \
                   LEFT JOIN history h ON h.message_id = m.id AND h.event IN ('started', 'held', 'delivered', 'read') \
                   WHERE m.id {} ORDER BY m.id, h.seq";
        let rows = self.read(sql, args![numbers]).await?;
        let mut messages: Vec<(i64, MessageSteps)> = Vec::new();
        for (id, message, step) in self.rows(&rows, "history", message_and_step)? {
            if messages.last().is_none_or(|(last, _)| *last != id) {
                messages.push((id, message));
            }
            if let (Some((_, message)), Some(step)) = (messages.last_mut(), step) {
                message.steps.push(step);
            }
        }
        Ok(messages.into_iter().map(|(_, message)| message).collect())
    }

    async fn answered_by_campaign(&self, from: Timestamp, to: Timestamp) -> Stored<Vec<CampaignAnswers>> {
        // Answers are few beside messages, and theirs are looked up by id.
        let sql = "SELECT COALESCE(r.campaign, ''), m.channel, COUNT(DISTINCT m.id) FROM feedback f \
                   JOIN messages m ON m.id = f.message_id LEFT JOIN runs r ON r.id = m.run_id \
                   WHERE f.received_at >= ? AND f.received_at < ? AND m.called_at IS NOT NULL \
                   GROUP BY COALESCE(r.campaign, ''), m.channel ORDER BY 1, 2";
        let rows = self.read(sql, args![from, to]).await?;
        self.rows(&rows, "feedback", |row| {
            Ok(CampaignAnswers {
                campaign: row.text()?,
                channel: row.parsed(Channel::named)?,
                messages: row.small::<u64>()?,
            })
        })
    }
}
