//! Writing what people said, with the message that it answers, and what they put right or took back of it.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use sea_orm::DatabaseTransaction;

use super::encode::{millis, storable};
use super::ledger::Ledger;
use super::media;
use super::outbox::{self, Wanted};
use super::sql::{Db, Row, Sql, Table, args};
use crate::domain::feedback::reference;
use crate::domain::hook::data::FeedbackReceived;
use crate::domain::hook::{HookEvent, NewHookEvent};
use crate::domain::ids::{ContactId, FeedbackId, MessageId, RunId};
use crate::domain::media::MediaState;
use crate::domain::news::RevokeNews;
use crate::ports::Heard;

/// Meta delivers a callback for 7 days; what was taken back and has not come by then never will.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(8 * 24);

/// Something that a person said.
pub(super) struct Said<'a> {
    pub(super) heard: &'a Heard,
    pub(super) contact: i64,
    /// Their number, where somebody wants to be told of it.
    pub(super) phone: Option<String>,
    /// What it came to for their consent.
    pub(super) consent: Option<&'static str>,
    pub(super) now: Timestamp,
}

/// The message that a feedback answers.
#[derive(Clone)]
struct Answered {
    message: i64,
    run: Option<i64>,
    campaign: Option<String>,
}

/// Adds it to the record and to what others are told. `by_whatsapp_id`: messages of ours that are quoted.
pub(super) async fn write(
    db: &Db<'_, DatabaseTransaction>,
    ledger: &Ledger,
    said: &[Said<'_>],
    by_whatsapp_id: &HashMap<String, i64>,
    wanted: &Wanted,
) -> Sql<()> {
    if said.is_empty() {
        return Ok(());
    }
    let ids = db.fresh_ids("feedback", said.len()).await?;
    let newest = newest_of_campaigns(db, said).await?;
    let answered: Vec<Option<Answered>> =
        said.iter().map(|said| answered(said, ledger, by_whatsapp_id, &newest)).collect();
    let news = || said.iter().map(|said| &said.heard.news);
    let media = || said.iter().map(|said| said.heard.media.as_ref());
    let text = |text: Option<&str>| text.map(|text| storable(text.to_owned()));
    // What nobody is to answer counts as answered.
    let answered_at = said.iter().map(|said| (!said.heard.wants_answer).then_some(millis(said.now)));
    let table = Table::new()
        .int("id", ids.iter().copied())
        .text("whatsapp_id", news().map(|news| news.whatsapp_id.as_str()))
        .text("reference", ids.iter().map(|id| reference(FeedbackId::new(*id))))
        .int("contact_id", said.iter().map(|said| said.contact))
        .text("channel", news().map(|news| news.channel.name()))
        .opt_text("sender", said.iter().map(|said| said.heard.sender.as_ref().map(|name| name.as_str())))
        .text("kind", news().map(|news| news.kind))
        .opt_text("text", news().map(|news| text(news.text.as_deref())))
        .opt_text("payload", news().map(|news| text(news.payload.as_deref())))
        .opt_text("media_id", news().map(|news| text(news.media_id())))
        .opt_text("consent", said.iter().map(|said| said.consent))
        .opt_text("media_state", media().map(|media| media.map(|media| media.state.name())))
        .opt_text("media_type", media().map(|media| text(media.and_then(|media| media.file_type.as_deref()))))
        .opt_text("media_hash", media().map(|media| media.and_then(|media| media.hash).map(|hash| hash.to_string())))
        .opt_text("media_name", media().map(|media| text(media.and_then(|media| media.name.as_deref()))))
        .opt_text("media_detail", media().map(|media| text(media.and_then(|media| media.detail.as_deref()))))
        .opt_int("media_due_at", said.iter().map(|said| is_wanted(said.heard).then_some(millis(said.now))))
        .opt_int("answered_at", answered_at)
        .opt_int("message_id", answered.iter().map(|answered| answered.as_ref().map(|answered| answered.message)))
        .opt_int("run_id", answered.iter().map(|answered| answered.as_ref().and_then(|answered| answered.run)))
        .int("provider_at", news().map(|news| millis(news.provider_at)))
        .int("received_at", said.iter().map(|said| millis(said.now)));
    db.run(
        "INSERT INTO feedback (id, whatsapp_id, reference, contact_id, channel, sender, kind, text, payload, media_id, media_state, \
         media_type, media_hash, media_name, media_detail, media_due_at, consent, answered_at, message_id, run_id, provider_at, received_at) SELECT id, whatsapp_id, reference, contact_id, channel, sender, kind, text, payload, media_id, media_state, media_type, \
         media_hash, media_name, media_detail, media_due_at, consent, answered_at, message_id, run_id, provider_at, received_at FROM {}",
        args![table],
    )
    .await?;
    let taken_back = taken_back_before(db, said).await?;
    if !wanted.wants(HookEvent::FeedbackReceived) {
        return Ok(());
    }
    let told = said
        .iter()
        .zip(ids)
        .zip(&answered)
        .filter(|((said, _), _)| !taken_back.contains(said.heard.news.whatsapp_id.as_str()))
        .map(|((said, id), answered)| told(said, id, answered.as_ref()));
    outbox::add(db, wanted, told.collect()).await
}

/// Of what was just written, takes out what had been taken back before it was applied: callbacks are applied in any order.
async fn taken_back_before(db: &Db<'_, DatabaseTransaction>, said: &[Said<'_>]) -> Sql<BTreeSet<String>> {
    let ids: Vec<String> = said.iter().map(|said| said.heard.news.whatsapp_id.to_string()).collect();
    let rows = db.all("SELECT whatsapp_id, at FROM taken_back WHERE whatsapp_id {}", args![ids]).await?;
    let mut found = BTreeSet::new();
    for row in rows {
        let mut row = Row::of(&row, "taken_back");
        let (whatsapp_id, at) = (row.text()?, row.int()?);
        take_out(db, &whatsapp_id, at, said[0].now).await?;
        db.run("DELETE FROM taken_back WHERE whatsapp_id = ?", args![whatsapp_id.as_str()]).await?;
        found.insert(whatsapp_id);
    }
    Ok(found)
}

/// Whether the file that came with it is to be fetched.
fn is_wanted(heard: &Heard) -> bool {
    heard.media.as_ref().is_some_and(|media| media.state == MediaState::Wanted)
}

/// The message that is answered: the quoted one, else the newest that a campaign sent, if it is not too old.
fn answered(
    said: &Said<'_>,
    ledger: &Ledger,
    by_whatsapp_id: &HashMap<String, i64>,
    newest: &HashMap<i64, (Answered, i64)>,
) -> Option<Answered> {
    let heard = said.heard;
    let Some(quoted) = &heard.news.in_reply_to else {
        // A mark on nothing of ours is about nothing of ours.
        let (answered, called_at) = newest.get(&said.contact).filter(|_| heard.news.kind != "reaction")?;
        return (*called_at >= millis(heard.answers_since)).then(|| answered.clone());
    };
    // Whoever quotes something else speaks about that.
    by_whatsapp_id.get(quoted.as_str()).map(|message| Answered {
        message: *message,
        run: ledger.run_of(*message),
        campaign: ledger.campaign_of(*message).map(str::to_owned),
    })
}

fn told(said: &Said<'_>, id: i64, answered: Option<&Answered>) -> NewHookEvent {
    let (id, contact, news) = (FeedbackId::new(id), ContactId::new(said.contact), &said.heard.news);
    let data = FeedbackReceived {
        id,
        reference: &reference(id),
        contact,
        phone: said.phone.as_deref(),
        kind: news.kind,
        text: news.text.as_deref(),
        payload: news.payload.as_deref(),
        media_id: news.media_id(),
        channel: news.channel.name(),
        campaign: answered.and_then(|answered| answered.campaign.as_deref()),
        run: answered.and_then(|answered| answered.run).map(RunId::new),
        message_id: answered.map(|answered| MessageId::new(answered.message)),
        whatsapp_id: news.whatsapp_id.as_str(),
        sent_at: news.provider_at,
        received_at: said.now,
    };
    NewHookEvent::new(HookEvent::FeedbackReceived, Some(contact), said.now, &data)
}

/// For each of those who wrote and quote no message of ours: the newest message of a campaign to them, and when it was called.
async fn newest_of_campaigns(
    db: &Db<'_, DatabaseTransaction>,
    said: &[Said<'_>],
) -> Sql<HashMap<i64, (Answered, i64)>> {
    let without_quote = said.iter().filter(|said| said.heard.news.in_reply_to.is_none());
    let contacts: BTreeSet<i64> = without_quote.map(|said| said.contact).collect();
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

/// Puts the words of an earlier feedback right, unless it was put right later already or taken back; answers whether it did. They are read again.
pub(super) async fn correct(db: &Db<'_, DatabaseTransaction>, heard: &Heard) -> Sql<bool> {
    let Some(original) = &heard.corrects else { return Ok(false) };
    let at = heard.news.provider_at;
    let sql = "UPDATE feedback SET text = ?, edited_at = ?, analysed_at = NULL \
               WHERE whatsapp_id = ? AND revoked_at IS NULL AND COALESCE(edited_at, 0) <= ?";
    let text = heard.news.text.clone().map(storable);
    Ok(db.run(sql, args![text, at, original.as_str(), at]).await? > 0)
}

/// Takes words and file out of a feedback that its writer took back; answers whether there was one. That there was one stays.
/// One that we do not have yet may come still, and is remembered until then.
pub(super) async fn revoke(db: &Db<'_, DatabaseTransaction>, revoked: &RevokeNews, now: Timestamp) -> Sql<bool> {
    let original = revoked.original.as_str();
    if take_out(db, original, millis(revoked.provider_at), now).await? {
        return Ok(true);
    }
    if db.first("SELECT id FROM feedback WHERE whatsapp_id = ?", args![original]).await?.is_none() {
        let long_ago = now.saturating_sub(REMEMBERED_FOR).unwrap_or(Timestamp::MIN);
        db.run("DELETE FROM taken_back WHERE since < ?", args![long_ago]).await?;
        let sql =
            "INSERT INTO taken_back (whatsapp_id, at, since) VALUES (?, ?, ?) ON CONFLICT (whatsapp_id) DO NOTHING";
        db.run(sql, args![original, revoked.provider_at, now]).await?;
    }
    Ok(false)
}

/// Takes words and file out of a feedback; answers whether it had not been done before.
async fn take_out(db: &Db<'_, DatabaseTransaction>, whatsapp_id: &str, at: i64, now: Timestamp) -> Sql<bool> {
    media::take_back(db, whatsapp_id, now).await?;
    let sql = "UPDATE feedback SET kind = 'revoked', text = NULL, payload = NULL, revoked_at = ?, \
               analysed_at = NULL, answered_at = COALESCE(answered_at, ?) WHERE whatsapp_id = ? AND revoked_at IS NULL";
    Ok(db.run(sql, args![at, at, whatsapp_id]).await? > 0)
}
