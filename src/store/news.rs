//! Applying journal rows: statuses to their messages, what people wrote to feedback and consent. All of it in the writer's transaction, and
//! only for rows that nobody applied before.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::encode::{millis, storable};
use super::journal::NOT_APPLIED;
use super::ledger::Ledger;
use super::outbox::{self, Wanted};
use super::people::People;
use super::sql::{Db, Row, Sql, Table, args};
use super::windows::{self, Pair};
use crate::domain::consent::ConsentChangeKind;
use crate::domain::delivery::Effect;
use crate::domain::feedback::reference;
use crate::domain::hook::data::FeedbackReceived;
use crate::domain::hook::{HookEvent, NewHookEvent};
use crate::domain::ids::{ContactId, FeedbackId, JournalId, MessageId, RunId};
use crate::domain::news::StatusNews;
use crate::domain::phone_number::PhoneNumber;
use crate::ports::{Applied, Heard};

/// The news of one journal row.
#[derive(Debug, Clone)]
pub(super) struct RowNews {
    pub(super) statuses: Vec<StatusNews>,
    pub(super) heard: Vec<Heard>,
    pub(super) now: Timestamp,
}

/// A row that is to be applied in this transaction, and how far that has come.
struct Live<'a> {
    news: &'a RowNews,
    applied: Applied,
}

/// The rows of one transaction.
pub(super) struct Batch<'a> {
    /// In the order of the requests; `None` where somebody applied the row before.
    rows: Vec<Option<Live<'a>>>,
    by_whatsapp_id: HashMap<String, i64>,
    /// Row (its place in `rows`), what was heard, from which contact, and their number where somebody wants to hear of it.
    feedback: Vec<(usize, &'a Heard, i64, Option<String>)>,
    /// Row and message.
    to_suppress: Vec<(usize, i64)>,
    /// Row and message that waited for a service window.
    parked: Vec<(usize, i64)>,
    tag: &'a str,
    wanted: &'a Wanted,
}

impl<'a> Batch<'a> {
    /// Takes the rows, writes what changes about people, and finds the messages that all of it is about.
    pub(super) async fn begin(
        db: &Db<'_, DatabaseTransaction>,
        news: &[(JournalId, &'a RowNews)],
        tag: &'a str,
        wanted: &'a Wanted,
    ) -> Sql<Self> {
        let unapplied = take(db, news).await?;
        let mut taken = HashSet::new();
        let rows = news
            .iter()
            .map(|(row, news)| {
                let live = unapplied.contains(&row.number()) && taken.insert(*row);
                live.then(|| Live { news, applied: Applied::default() })
            })
            .collect();
        let mut batch = Self {
            rows,
            by_whatsapp_id: HashMap::new(),
            feedback: Vec::new(),
            to_suppress: Vec::new(),
            parked: Vec::new(),
            tag,
            wanted,
        };
        batch.hear(db).await?;
        batch.find_messages(db).await?;
        Ok(batch)
    }

    /// Creates and changes people; notes which of their messages may no longer be sent.
    async fn hear(&mut self, db: &Db<'_, DatabaseTransaction>) -> Sql<()> {
        let heard: Vec<(usize, &'a Heard)> = self
            .rows
            .iter()
            .enumerate()
            .filter_map(|(at, live)| live.as_ref().map(|live| (at, live.news)))
            .flat_map(|(at, news)| news.heard.iter().map(move |heard| (at, heard)))
            .collect();
        let Some(now) = heard.first().and_then(|(at, _)| self.rows[*at].as_ref()).map(|live| live.news.now) else {
            return Ok(());
        };
        let ids: Vec<String> = heard.iter().map(|(_, heard)| heard.news.whatsapp_id.to_string()).collect();
        let mut known = HashSet::new();
        for row in db.all("SELECT whatsapp_id FROM feedback WHERE whatsapp_id {}", args![ids]).await? {
            known.insert(Row::of(&row, "feedback").text()?);
        }
        let phones = heard.iter().filter_map(|(_, heard)| heard.news.phone.clone()).collect();
        let bsuids = heard.iter().filter_map(|(_, heard)| heard.news.bsuid.clone()).collect();
        let mut people = People::load(db, phones, bsuids, Vec::new()).await?;
        let starts =
            |heard: &Heard| heard.consent.as_ref().is_some_and(|change| change.kind == ConsentChangeKind::Start);
        if heard.iter().any(|(_, heard)| starts(heard)) {
            people.recall_stop_words(db).await?;
        }
        let mut places = Vec::new();
        let mut silenced: Vec<(usize, usize)> = Vec::new();
        for (at, heard) in heard {
            if !known.insert(heard.news.whatsapp_id.to_string()) {
                continue;
            }
            // What Meta calls a WhatsApp id is a number; whatever else stands there is no address that we could write to.
            let phone = heard.news.phone.as_deref().and_then(|phone| PhoneNumber::from_e164(phone).ok());
            let bsuid = heard.news.bsuid.clone().map(storable);
            let (person, twin) = people.heard(phone, bsuid, heard.language, &heard.timezone);
            if let Some(name) = &heard.news.profile_name {
                people.name(person, name);
            }
            if let Some(change) = &heard.consent {
                for person in [Some(person), twin].into_iter().flatten() {
                    people.hear_consent(person, change);
                    silenced.push((at, person));
                }
            }
            places.push((at, heard, person));
        }
        people.save(db, self.wanted, now).await?;
        let is_told = self.wanted.wants(HookEvent::FeedbackReceived);
        let from = |(at, heard, person): (usize, &'a Heard, usize)| {
            let contact = people.contact(person);
            let phone = contact.phone.as_ref().filter(|_| is_told).map(|phone| phone.e164().to_owned());
            (at, heard, contact.id.number(), phone)
        };
        self.feedback = places.into_iter().map(from).collect();
        let mut of_contact: HashMap<i64, usize> = HashMap::new();
        for (at, person) in silenced {
            of_contact.entry(people.contact(person).id.number()).or_insert(at);
        }
        self.open_windows(db).await?;
        for (contact, message) in open_messages(db, of_contact.keys().copied().collect()).await? {
            self.to_suppress.push((of_contact[&contact], message));
        }
        Ok(())
    }

    /// Opens the service windows of those who wrote, and finds what waited for them.
    async fn open_windows(&mut self, db: &Db<'_, DatabaseTransaction>) -> Sql<()> {
        let (mut opened, mut by): (BTreeMap<Pair, Timestamp>, HashMap<Pair, usize>) = Default::default();
        for (at, heard, contact, _) in &self.feedback {
            if let (Some(sender), Some(until)) = (&heard.sender, heard.window_until) {
                let pair = (*contact, sender.clone());
                by.entry(pair.clone()).or_insert(*at);
                let open_until = opened.entry(pair).or_insert(until);
                *open_until = (*open_until).max(until);
            }
        }
        windows::open(db, &opened).await?;
        self.parked =
            windows::parked(db, &opened).await?.into_iter().map(|(pair, message)| (by[&pair], message)).collect();
        Ok(())
    }

    /// Finds messages by Meta's ids: those of statuses without our own reference, and those that people answered.
    async fn find_messages(&mut self, db: &Db<'_, DatabaseTransaction>) -> Sql<()> {
        let mut wanted: BTreeSet<String> = self
            .feedback
            .iter()
            .filter_map(|(_, heard, ..)| heard.news.in_reply_to.as_ref())
            .map(ToString::to_string)
            .collect();
        for live in self.rows.iter().flatten() {
            let unreferenced = live.news.statuses.iter().filter(|status| own_message(status, self.tag).is_none());
            wanted.extend(unreferenced.map(|status| status.whatsapp_id.to_string()));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let wanted: Vec<String> = wanted.into_iter().collect();
        let sql = "SELECT id, whatsapp_id FROM messages WHERE whatsapp_id {} ORDER BY id";
        for row in db.all(sql, args![wanted]).await? {
            let mut row = Row::of(&row, "messages");
            let id = row.int()?;
            self.by_whatsapp_id.insert(row.text()?, id);
        }
        Ok(())
    }

    /// The messages that must be loaded.
    pub(super) fn messages(&self) -> impl Iterator<Item = i64> {
        let statuses = self.rows.iter().flatten().flat_map(|live| &live.news.statuses);
        statuses
            .filter_map(|status| own_message(status, self.tag))
            .chain(self.by_whatsapp_id.values().copied())
            .chain(self.to_suppress.iter().chain(&self.parked).map(|(_, message)| *message))
    }

    /// Applies everything to the messages, in the order of the rows. `accepted` are ids that this same transaction learns.
    pub(super) fn apply(&mut self, ledger: &mut Ledger, accepted: &HashMap<&str, i64>) {
        for (at, message) in std::mem::take(&mut self.to_suppress) {
            if let Some(live) = &mut self.rows[at]
                && ledger.suppress_unless_allowed(message, live.news.now)
            {
                live.applied.suppressed += 1;
            }
        }
        for (at, message) in std::mem::take(&mut self.parked) {
            if let Some(live) = &mut self.rows[at] {
                ledger.window_opened(message, live.news.now);
                live.applied.held.extend(ledger.consequences().0);
            }
        }
        for live in self.rows.iter_mut().flatten() {
            for status in &live.news.statuses {
                let id = status.whatsapp_id.as_str();
                let message = own_message(status, self.tag)
                    .filter(|id| ledger.holds(*id))
                    .or_else(|| self.by_whatsapp_id.get(id).copied())
                    .or_else(|| accepted.get(id).copied());
                let effect = message.map(|message| ledger.status(message, status, live.news.now));
                let (held, refused, let_through) = ledger.consequences();
                live.applied.let_through.extend(let_through);
                live.applied.held.extend(held);
                live.applied.refused.extend(refused);
                match effect {
                    Some(Effect::Changed(_)) => live.applied.changed += 1,
                    _ => live.applied.unchanged += 1,
                }
            }
        }
    }

    /// Writes feedback and answers what each row did.
    pub(super) async fn finish(mut self, db: &Db<'_, DatabaseTransaction>, ledger: &Ledger) -> Sql<Vec<Applied>> {
        self.write_feedback(db, ledger).await?;
        Ok(self.rows.into_iter().map(|live| live.map_or_else(Applied::default, |live| live.applied)).collect())
    }

    async fn write_feedback(&mut self, db: &Db<'_, DatabaseTransaction>, ledger: &Ledger) -> Sql<()> {
        if self.feedback.is_empty() {
            return Ok(());
        }
        let feedback = std::mem::take(&mut self.feedback);
        for (at, ..) in &feedback {
            if let Some(live) = &mut self.rows[*at] {
                live.applied.feedback += 1;
            }
        }
        let ids = db.fresh_ids("feedback", feedback.len()).await?;
        let newest = newest_of_campaigns(db, &feedback).await?;
        let answered: Vec<Option<Answered>> = feedback
            .iter()
            .map(|(_, heard, contact, _)| {
                let quoted =
                    heard.news.in_reply_to.as_ref().and_then(|id| self.by_whatsapp_id.get(id.as_str()).copied());
                let quoted = quoted.map(|message| Answered {
                    message,
                    run: ledger.run_of(message),
                    campaign: ledger.campaign_of(message).map(str::to_owned),
                });
                // Whoever quotes something else speaks about that, and a mark on nothing of ours is about nothing of ours.
                let may_be_an_answer = heard.news.in_reply_to.is_none() && heard.news.kind != "reaction";
                quoted.or_else(|| {
                    let (answered, called_at) = newest.get(contact).filter(|_| may_be_an_answer)?;
                    (*called_at >= millis(heard.answers_since)).then(|| answered.clone())
                })
            })
            .collect();
        let said = feedback.iter().map(|(_, heard, ..)| heard.consent.as_ref().map(|change| change.kind.name()));
        let news = || feedback.iter().map(|(_, heard, ..)| &heard.news);
        let text = |text: &Option<String>| text.clone().map(storable);
        let received: Vec<i64> =
            feedback.iter().map(|(at, ..)| self.rows[*at].as_ref().map_or(0, |live| millis(live.news.now))).collect();
        // What nobody is to answer counts as answered.
        let answered_at =
            feedback.iter().zip(&received).map(|((_, heard, ..), at)| (!heard.wants_answer).then_some(*at));
        let table = Table::new()
            .int("id", ids.iter().copied())
            .text("whatsapp_id", news().map(|news| news.whatsapp_id.as_str()))
            .text("reference", ids.iter().map(|id| reference(FeedbackId::new(*id))))
            .int("contact_id", feedback.iter().map(|(_, _, contact, _)| *contact))
            .text("channel", news().map(|news| news.channel.name()))
            .opt_text("sender", feedback.iter().map(|(_, heard, ..)| heard.sender.as_ref().map(|name| name.as_str())))
            .text("kind", news().map(|news| news.kind))
            .opt_text("text", news().map(|news| text(&news.text)))
            .opt_text("payload", news().map(|news| text(&news.payload)))
            .opt_text("media_id", news().map(|news| text(&news.media_id)))
            .opt_text("consent", said)
            .opt_int("answered_at", answered_at)
            .opt_int("message_id", answered.iter().map(|answered| answered.as_ref().map(|answered| answered.message)))
            .opt_int("run_id", answered.iter().map(|answered| answered.as_ref().and_then(|answered| answered.run)))
            .int("provider_at", news().map(|news| millis(news.provider_at)))
            .int("received_at", received.iter().copied());
        db.run(
            "INSERT INTO feedback (id, whatsapp_id, reference, contact_id, channel, sender, kind, text, payload, media_id, consent, answered_at, \
             message_id, run_id, provider_at, received_at) SELECT id, whatsapp_id, reference, contact_id, channel, sender, kind, text, payload, \
             media_id, consent, answered_at, message_id, run_id, provider_at, received_at FROM {}",
            args![table],
        )
        .await?;
        if !self.wanted.wants(HookEvent::FeedbackReceived) {
            return Ok(());
        }
        let told = feedback.iter().zip(ids).zip(&answered).map(|(((at, heard, contact, phone), id), answered)| {
            let (id, contact, news) = (FeedbackId::new(id), ContactId::new(*contact), &heard.news);
            let received_at = self.rows[*at].as_ref().map_or(news.provider_at, |live| live.news.now);
            let data = FeedbackReceived {
                id,
                reference: &reference(id),
                contact,
                phone: phone.as_deref(),
                kind: news.kind,
                text: news.text.as_deref(),
                payload: news.payload.as_deref(),
                media_id: news.media_id.as_deref(),
                channel: news.channel.name(),
                campaign: answered.as_ref().and_then(|answered| answered.campaign.as_deref()),
                run: answered.as_ref().and_then(|answered| answered.run).map(RunId::new),
                message_id: answered.as_ref().map(|answered| MessageId::new(answered.message)),
                whatsapp_id: news.whatsapp_id.as_str(),
                sent_at: news.provider_at,
                received_at,
            };
            NewHookEvent::new(HookEvent::FeedbackReceived, Some(contact), received_at, &data)
        });
        outbox::add(db, self.wanted, told.collect()).await
    }
}

/// The message that a feedback answers.
#[derive(Clone)]
struct Answered {
    message: i64,
    run: Option<i64>,
    campaign: Option<String>,
}

/// For each of those who wrote and quote no message of ours: the newest message of a campaign to them, and when it was called.
async fn newest_of_campaigns(
    db: &Db<'_, DatabaseTransaction>,
    feedback: &[(usize, &Heard, i64, Option<String>)],
) -> Sql<HashMap<i64, (Answered, i64)>> {
    let without_quote = feedback.iter().filter(|(_, heard, ..)| heard.news.in_reply_to.is_none());
    let contacts: BTreeSet<i64> = without_quote.map(|(_, _, contact, _)| *contact).collect();
    if contacts.is_empty() {
        return Ok(HashMap::new());
    }
    // By the index of messages of a contact: a person has few.
    let sql = "SELECT m.contact_id, m.id, m.run_id, r.campaign, m.called_at FROM messages m JOIN runs r ON r.id = m.run_id \
               WHERE m.contact_id {} AND m.called_at IS NOT NULL AND m.state NOT IN ('failed', 'suppressed', 'expired') \
               ORDER BY m.called_at, m.id";
    let rows = db.all(sql, args![contacts.into_iter().collect::<Vec<i64>>()]).await?;
    let mut newest = HashMap::new();
    for row in rows {
        let mut row = Row::of(&row, "messages");
        let contact = row.int()?;
        let answered = Answered { message: row.int()?, run: row.opt_int()?, campaign: row.opt_text()? };
        newest.insert(contact, (answered, row.int()?));
    }
    Ok(newest)
}

/// Marks these rows as applied; answers those that were not before. The mark is part of the transaction, so whoever else would apply one of
/// them waits for us, and finds it done or, if we fail, undone.
async fn take(db: &Db<'_, DatabaseTransaction>, news: &[(JournalId, &RowNews)]) -> Sql<HashSet<i64>> {
    let Some((_, first)) = news.first() else { return Ok(HashSet::new()) };
    let ids: Vec<i64> = news.iter().map(|(row, _)| row.number()).collect();
    let sql = format!("UPDATE journal SET applied_at = ? WHERE id {{}} AND {NOT_APPLIED} RETURNING id");
    let rows = db.all(&sql, args![first.now, ids]).await?;
    rows.iter().map(|row| Row::of(row, "journal").int()).collect()
}

/// Contact and id of the messages of these people that wait to be called.
pub(super) async fn open_messages(db: &Db<'_, DatabaseTransaction>, contacts: Vec<i64>) -> Sql<Vec<(i64, i64)>> {
    if contacts.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT contact_id, id FROM messages WHERE contact_id {} AND state IN ('planned', 'held') ORDER BY id";
    let rows = db.all(sql, args![contacts]).await?;
    rows.iter()
        .map(|row| {
            let mut row = Row::of(row, "messages");
            Ok((row.int()?, row.int()?))
        })
        .collect()
}

/// The message that a status names by a reference of ours.
fn own_message(status: &StatusNews, tag: &str) -> Option<i64> {
    status.reference.as_ref().filter(|reference| reference.store == tag).map(|reference| reference.message.number())
}
