//! The messages of one transaction: read together, decided one request after the other in memory, written together.
//!
//! Whatever order the requests of a batch have, it is one in which they could have come; facts about one message see each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::dialect::Lock;
use super::encode::{self, STANDING_COLUMNS, millis};
use super::sql::{Db, Row, Sql, Table, args};
use crate::domain::consent::{Consent, Purpose};
use crate::domain::delivery::{Delivery, Effect, Fact, Standing, State, SuppressedReason, after_fact};
use crate::domain::ids::WhatsAppId;
use crate::domain::language::Language;
use crate::domain::news::{ProviderStatus, StatusNews};
use crate::domain::run::RunState;
use crate::domain::start::{StartAnswer, StartQuestion, may_start};

/// What a message that does not exist answers.
const NO_SUCH_MESSAGE: &str = "there is no such message";

/// A message as a writer holds it.
struct Entry {
    run: Option<i64>,
    run_state: Option<RunState>,
    sender: String,
    purpose: Purpose,
    language: Language,
    standing: Standing,
    expires_at: Timestamp,
    price_micros: i64,
    billable: Option<bool>,
    cost_micros: Option<i64>,
    called_at: Option<i64>,
    changed_at: i64,
    n_events: i64,
    /// One bit for each kind of event that the history has for the newest attempt, so that a repetition need not be written again.
    events_seen: i64,
    consent: Consent,
    has_address: bool,
    changed: bool,
}

struct Line {
    message: i64,
    seq: i64,
    at: i64,
    provider_at: Option<i64>,
    attempt: u16,
    event: &'static str,
    detail: String,
}

/// The messages of one transaction.
#[derive(Default)]
pub(super) struct Ledger {
    entries: HashMap<i64, Entry>,
    history: Vec<Line>,
    counts: Counts,
    costs: BTreeMap<i64, i64>,
    /// Sender and minute of the call, and when the newest callback about such a message came.
    heard: BTreeMap<(String, i64), i64>,
}

/// The bit of an event in `events_seen`.
fn bit(event: &str) -> i64 {
    const EVENTS: [&str; 12] = [
        "submitted",
        "failed",
        "not-sent",
        "unanswered",
        "sent",
        "delivered",
        "read",
        "send-again",
        "assumed",
        "still-silent",
        "suppressed",
        "expired",
    ];
    EVENTS.iter().position(|known| *known == event).map_or(0, |at| 1 << at)
}

impl Ledger {
    /// Reads and locks these messages. Where one of them may be started, its contact is locked first, so that no stop word is
    /// applied between the look at its consent and the commit.
    pub(super) async fn load(
        db: &Db<'_, DatabaseTransaction>,
        ids: &BTreeSet<i64>,
        to_start: &BTreeSet<i64>,
    ) -> Sql<Self> {
        let mut ledger = Self::default();
        if ids.is_empty() {
            return Ok(ledger);
        }
        let shared = db.lock(Lock::Shared, "c");
        if !shared.is_empty() && !to_start.is_empty() {
            let of_messages = format!(
                "SELECT c.id FROM contacts c WHERE c.id IN (SELECT m.contact_id FROM messages m WHERE m.id {{}}) ORDER BY c.id{shared}"
            );
            db.all(&of_messages, args![to_start.iter().copied().collect::<Vec<i64>>()]).await?;
        }
        let sql = format!(
            "SELECT m.id, m.run_id, r.state AS run_state, m.sender, m.purpose, m.language, {STANDING_COLUMNS}, \
             m.expires_at, m.price_micros, m.billable, m.cost_micros, m.called_at, m.changed_at, m.n_events, m.events_seen, \
             c.granted, c.stopped, CAST(CASE WHEN c.phone IS NULL AND c.bsuid IS NULL THEN 0 ELSE 1 END AS BIGINT) AS addressed \
             FROM messages m JOIN contacts c ON c.id = m.contact_id LEFT JOIN runs r ON r.id = m.run_id \
             WHERE m.id {{}} ORDER BY m.id{}",
            db.lock(Lock::Exclusive, "m")
        );
        for row in db.all(&sql, args![ids.iter().copied().collect::<Vec<i64>>()]).await? {
            let mut row = Row::of(&row, "messages");
            let id = row.int()?;
            let entry = Entry {
                run: row.opt_int()?,
                run_state: row.opt_parsed(RunState::named)?,
                sender: row.text()?,
                purpose: row.parsed(Purpose::named)?,
                language: row.parsed(encode::language)?,
                standing: encode::standing(&mut row)?,
                expires_at: row.time()?,
                price_micros: row.int()?,
                billable: row.opt_int()?.map(|flag| flag != 0),
                cost_micros: row.opt_int()?,
                called_at: row.opt_int()?,
                changed_at: row.int()?,
                n_events: row.int()?,
                events_seen: row.int()?,
                consent: Consent { granted: encode::purposes(&mut row)?, stopped: row.flag()? },
                has_address: row.flag()?,
                changed: false,
            };
            ledger.entries.insert(id, entry);
        }
        Ok(ledger)
    }

    /// Whether the message is there.
    pub(super) fn holds(&self, id: i64) -> bool {
        self.entries.contains_key(&id)
    }

    /// The run of a message.
    pub(super) fn run_of(&self, id: i64) -> Option<i64> {
        self.entries.get(&id).and_then(|entry| entry.run)
    }

    /// Marks the next attempt as started, or says why not.
    pub(super) fn start(
        &mut self,
        id: i64,
        attempts_before: u16,
        lease_until: Timestamp,
        now: Timestamp,
    ) -> StartAnswer {
        let Some(entry) = self.entries.get(&id) else { return StartAnswer::NotNow { because: NO_SUCH_MESSAGE } };
        if entry.standing.attempt != attempts_before {
            return StartAnswer::NotNow { because: "another attempt was started since" };
        }
        let question = StartQuestion {
            standing: &entry.standing,
            consent: entry.consent,
            purpose: entry.purpose,
            has_address: entry.has_address,
            run: entry.run_state,
            expires_at: entry.expires_at,
        };
        let answer = may_start(&question, now);
        match answer {
            StartAnswer::Go => {
                let attempt = attempts_before + 1;
                self.change(id, Delivery::Calling { lease_until }, now);
                let entry = self.entries.get_mut(&id).expect("it was there a moment ago");
                entry.standing.attempt = attempt;
                entry.called_at = Some(millis(now));
                entry.events_seen = 0;
                self.write(id, now, None, attempt, "started", String::new());
            }
            StartAnswer::Suppress(reason) => self.end(id, Delivery::Suppressed(reason), reason.name().to_owned(), now),
            StartAnswer::Expire => self.end(id, Delivery::Expired, String::new(), now),
            StartAnswer::NotNow { .. } => {}
        }
        answer
    }

    /// Applies a fact about an attempt.
    pub(super) fn learn(
        &mut self,
        id: i64,
        attempt: u16,
        fact: &Fact,
        provider_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Effect {
        let Some(entry) = self.entries.get_mut(&id) else { return Effect::Unchanged { because: NO_SUCH_MESSAGE } };
        let effect = after_fact(&entry.standing, attempt, fact);
        let event = fact.name();
        match &effect {
            Effect::Changed(next) => {
                let arrived = matches!(next.delivery, Delivery::Delivered | Delivery::Read);
                entry.standing.whatsapp_id.clone_from(&next.whatsapp_id);
                if arrived && entry.cost_micros.is_none() {
                    let micros = if entry.billable == Some(false) { 0 } else { entry.price_micros };
                    entry.cost_micros = Some(micros);
                    if let Some(run) = entry.run {
                        *self.costs.entry(run).or_default() += micros;
                    }
                }
                let detail = match fact {
                    Fact::Refused(refusal) => encode::refusal_text(refusal),
                    Fact::NotSent { because, .. } | Fact::Unanswered { because, .. } => because.clone(),
                    _ => String::new(),
                };
                self.change(id, next.delivery.clone(), now);
                self.write(id, now, provider_at, attempt, event, detail);
            }
            Effect::Unchanged { because } => {
                let repeated = attempt == entry.standing.attempt && entry.events_seen & bit(event) != 0;
                if !repeated {
                    self.write(id, now, provider_at, attempt, event, (*because).to_owned());
                }
            }
        }
        effect
    }

    /// Applies a status to the message that it is about.
    pub(super) fn status(&mut self, id: i64, news: &StatusNews, now: Timestamp) -> Effect {
        let Some(entry) = self.entries.get_mut(&id) else { return Effect::Unchanged { because: NO_SUCH_MESSAGE } };
        let attempt = news
            .reference
            .as_ref()
            .filter(|reference| reference.message.number() == id)
            .map_or(entry.standing.attempt, |reference| reference.attempt);
        if let Some(pricing) = &news.pricing
            && entry.billable != Some(pricing.billable)
        {
            entry.billable = Some(pricing.billable);
            entry.changed = true;
        }
        let newest = attempt == entry.standing.attempt;
        let was_started = attempt > 0 && attempt <= entry.standing.attempt;
        let refused = matches!(news.status, ProviderStatus::Failed(_));
        if entry.standing.whatsapp_id.is_none() && was_started && (newest || !refused) {
            entry.standing.whatsapp_id = Some(news.whatsapp_id.clone());
            entry.changed = true;
        }
        if let Some(called_at) = entry.called_at {
            let last = self.heard.entry((entry.sender.clone(), minute(called_at))).or_default();
            *last = (*last).max(millis(now));
        }
        let fact = match &news.status {
            ProviderStatus::Sent => Fact::Sent,
            ProviderStatus::Delivered => Fact::Delivered,
            ProviderStatus::Read => Fact::Read,
            ProviderStatus::Failed(refusal) => Fact::Refused(refusal.clone()),
        };
        self.learn(id, attempt, &fact, Some(news.provider_at), now)
    }

    /// Ends a message that waits to be called; answers whether it did.
    pub(super) fn suppress(&mut self, id: i64, reason: SuppressedReason, detail: &str, now: Timestamp) -> bool {
        let waits = self
            .entries
            .get(&id)
            .is_some_and(|entry| matches!(entry.standing.delivery, Delivery::Planned | Delivery::Held { .. }));
        if waits {
            let detail = match detail {
                "" => reason.name().to_owned(),
                detail => format!("{}: {detail}", reason.name()),
            };
            self.end(id, Delivery::Suppressed(reason), detail, now);
        }
        waits
    }

    /// Ends a message of a person who no longer allows it; answers whether it did.
    pub(super) fn suppress_unless_allowed(&mut self, id: i64, now: Timestamp) -> bool {
        let Some(entry) = self.entries.get(&id) else { return false };
        if entry.consent.allows(entry.purpose) {
            return false;
        }
        let reason = if entry.consent.stopped { SuppressedReason::OptedOut } else { SuppressedReason::NoConsent };
        self.suppress(id, reason, "", now)
    }

    fn end(&mut self, id: i64, delivery: Delivery, detail: String, now: Timestamp) {
        let attempt = self.entries[&id].standing.attempt;
        let event = delivery.state().name();
        self.change(id, delivery, now);
        self.write(id, now, None, attempt, event, detail);
    }

    fn change(&mut self, id: i64, next: Delivery, now: Timestamp) {
        let entry = self.entries.get_mut(&id).expect("only messages that were loaded change");
        if let Some(run) = entry.run {
            self.counts.add(run, entry.language, &entry.standing.delivery, -1);
            self.counts.add(run, entry.language, &next, 1);
        }
        entry.standing.delivery = next;
        entry.changed_at = millis(now);
        entry.changed = true;
    }

    fn write(
        &mut self,
        id: i64,
        now: Timestamp,
        provider_at: Option<Timestamp>,
        attempt: u16,
        event: &'static str,
        detail: String,
    ) {
        let entry = self.entries.get_mut(&id).expect("only messages that were loaded have events");
        entry.n_events += 1;
        entry.changed = true;
        if attempt == entry.standing.attempt {
            entry.events_seen |= bit(event);
        }
        self.history.push(Line {
            message: id,
            seq: entry.n_events,
            at: millis(now),
            provider_at: provider_at.map(millis),
            attempt,
            event,
            detail,
        });
    }

    /// Writes what changed.
    pub(super) async fn save(self, db: &Db<'_, DatabaseTransaction>, shard: i64) -> Sql<()> {
        let mut changed: Vec<(i64, Entry)> = self.entries.into_iter().filter(|(_, entry)| entry.changed).collect();
        changed.sort_unstable_by_key(|(id, _)| *id);
        if !changed.is_empty() {
            db.run(UPDATE, args![update_table(&changed)]).await?;
        }
        if !self.history.is_empty() {
            db.run(APPEND_HISTORY, args![history_table(self.history)]).await?;
        }
        self.counts.save(db, shard).await?;
        let costs: Vec<(i64, i64)> = self.costs.into_iter().filter(|(_, micros)| *micros != 0).collect();
        if !costs.is_empty() {
            let table = Table::new()
                .int("run_id", costs.iter().map(|cost| cost.0))
                .int("shard", costs.iter().map(|_| shard))
                .int("micros", costs.iter().map(|cost| cost.1));
            db.run(
                "INSERT INTO run_costs (run_id, shard, micros) SELECT run_id, shard, micros FROM {} WHERE TRUE \
                 ON CONFLICT (run_id, shard) DO UPDATE SET micros = run_costs.micros + excluded.micros",
                args![table],
            )
            .await?;
        }
        if !self.heard.is_empty() {
            let table = Table::new()
                .text("sender", self.heard.keys().map(|key| key.0.as_str()))
                .int("called_minute", self.heard.keys().map(|key| key.1))
                .int("shard", self.heard.iter().map(|_| shard))
                .int("last_at", self.heard.values().copied());
            db.run(
                "INSERT INTO heard (sender, called_minute, shard, last_at) \
                 SELECT sender, called_minute, shard, last_at FROM {} WHERE TRUE \
                 ON CONFLICT (sender, called_minute, shard) DO UPDATE SET last_at = excluded.last_at \
                 WHERE excluded.last_at > heard.last_at",
                args![table],
            )
            .await?;
        }
        Ok(())
    }
}

/// The minute in which a message was called.
pub(super) const fn minute(milliseconds: i64) -> i64 {
    milliseconds.div_euclid(60_000)
}

const UPDATE: &str = "UPDATE messages SET state = v.state, reason = v.reason, code = v.code, details = v.details, attempt = v.attempt, \
     due_at = v.due_at, whatsapp_id = v.whatsapp_id, billable = v.billable, cost_micros = v.cost_micros, called_at = v.called_at, \
     changed_at = v.changed_at, n_events = v.n_events, events_seen = v.events_seen FROM {} WHERE messages.id = v.id";

fn update_table(changed: &[(i64, Entry)]) -> Table {
    let entries = || changed.iter().map(|(_, entry)| entry);
    let standings = || entries().map(|entry| &entry.standing);
    let whys = || standings().map(|standing| encode::why(&standing.delivery));
    Table::new()
        .int("id", changed.iter().map(|(id, _)| *id))
        .text("state", standings().map(|standing| standing.delivery.state().name()))
        .opt_text("reason", whys().map(|why| why.0))
        .opt_int("code", whys().map(|why| why.1))
        .opt_text("details", whys().map(|why| why.2.map(|text| encode::storable(text.to_owned()))))
        .int("attempt", standings().map(|standing| i64::from(standing.attempt)))
        .opt_int("due_at", standings().map(|standing| standing.delivery.due_at().map(millis)))
        .opt_text("whatsapp_id", standings().map(|standing| standing.whatsapp_id.as_ref().map(WhatsAppId::as_str)))
        .opt_int("billable", entries().map(|entry| entry.billable.map(i64::from)))
        .opt_int("cost_micros", entries().map(|entry| entry.cost_micros))
        .opt_int("called_at", entries().map(|entry| entry.called_at))
        .int("changed_at", entries().map(|entry| entry.changed_at))
        .int("n_events", entries().map(|entry| entry.n_events))
        .int("events_seen", entries().map(|entry| entry.events_seen))
}

const APPEND_HISTORY: &str = "INSERT INTO history (message_id, seq, at, provider_at, attempt, event, detail) \
     SELECT message_id, seq, at, provider_at, attempt, event, detail FROM {}";

fn history_table(mut lines: Vec<Line>) -> Table {
    lines.sort_unstable_by_key(|line| (line.message, line.seq));
    Table::new()
        .int("message_id", lines.iter().map(|line| line.message))
        .int("seq", lines.iter().map(|line| line.seq))
        .int("at", lines.iter().map(|line| line.at))
        .opt_int("provider_at", lines.iter().map(|line| line.provider_at))
        .int("attempt", lines.iter().map(|line| i64::from(line.attempt)))
        .text("event", lines.iter().map(|line| line.event))
        .text("detail", lines.into_iter().map(|line| encode::storable(line.detail)))
}

/// Writes the first events of messages that are suppressed from the beginning.
pub(super) async fn write_born_suppressed(
    db: &Db<'_, DatabaseTransaction>,
    born: Vec<(i64, String)>,
    now: Timestamp,
) -> Sql<()> {
    if born.is_empty() {
        return Ok(());
    }
    let line = |(message, detail): (i64, String)| Line {
        message,
        seq: 1,
        at: millis(now),
        provider_at: None,
        attempt: 0,
        event: State::Suppressed.name(),
        detail,
    };
    db.run(APPEND_HISTORY, args![history_table(born.into_iter().map(line).collect())]).await?;
    Ok(())
}

/// How the counts of runs change in one transaction.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<(i64, &'static str, &'static str, String), i64>);

impl Counts {
    /// Adds `n` messages of that delivery.
    pub(super) fn add(&mut self, run: i64, language: Language, delivery: &Delivery, n: i64) {
        let key = (run, language.code(), delivery.state().name(), encode::counted_reason(delivery));
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
            .text("state", deltas.iter().map(|(key, _)| key.2))
            .text("reason", deltas.iter().map(|(key, _)| key.3.as_str()))
            .int("n", deltas.iter().map(|(_, n)| *n));
        db.run(
            "INSERT INTO run_counts (run_id, shard, language, state, reason, n) \
             SELECT run_id, shard, language, state, reason, n FROM {} WHERE TRUE \
             ON CONFLICT (run_id, shard, language, state, reason) DO UPDATE SET n = run_counts.n + excluded.n",
            args![table],
        )
        .await?;
        Ok(())
    }
}
