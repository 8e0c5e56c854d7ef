//! Applying journal rows: statuses to their messages, what people wrote to feedback and consent. All of it in the writer's transaction, and
//! only for rows that nobody applied before.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::dialect::Lock;
use super::encode::storable;
use super::erasures;
use super::feedback::{self, Said};
use super::forgotten::Forgotten;
use super::journal::NOT_APPLIED;
use super::ledger::Ledger;
use super::one_person;
use super::people::{Moved, People};
use super::policies::Policies;
use super::sql::{Db, Row, Sql, args};
use super::windows::{self, Pair};
use crate::domain::consent::ConsentChangeKind;
use crate::domain::delivery::{Effect, SuppressedReason};
use crate::domain::double_opt_in::DoubleOptIn;
use crate::domain::erasure::Names;
use crate::domain::hook::HookEvent;
use crate::domain::ids::{JournalId, WhatsAppId};
use crate::domain::news::{PersonChange, PersonNews, StatusNews};
use crate::domain::phone_number::PhoneNumber;
use crate::ports::{AboutPerson, Applied, Heard, RowNews};

/// The news of one journal row, and when they are applied.
#[derive(Debug, Clone)]
pub(super) struct Dated {
    pub(super) news: RowNews,
    pub(super) now: Timestamp,
}

impl Dated {
    /// About how many rows they concern.
    pub(super) fn rows(&self) -> usize {
        let RowNews { statuses, people, heard, revoked } = &self.news;
        (statuses.len() + people.len() + heard.len() + revoked.len()).max(1)
    }
}

/// A row that is to be applied in this transaction, and how far that has come.
struct Live<'a> {
    row: JournalId,
    dated: &'a Dated,
    applied: Applied,
}

/// The rows of one transaction.
pub(super) struct Batch<'a> {
    /// In the order of the requests; `None` where somebody applied the row before.
    rows: Vec<Option<Live<'a>>>,
    by_whatsapp_id: HashMap<String, i64>,
    /// Row (its place in `rows`), and what was heard.
    feedback: Vec<(usize, Said<'a>)>,
    /// Row, and what puts an earlier feedback right.
    corrections: Vec<(usize, &'a Heard)>,
    /// Row and message.
    to_suppress: Vec<(usize, i64)>,
    /// Row and message that waited for a service window.
    parked: Vec<(usize, i64)>,
    /// Row and message: the person has another one of the same run.
    doubles: Vec<(usize, i64)>,
    /// Rows that name somebody who was forgotten, and by what.
    late: Vec<(JournalId, Names)>,
    tag: &'a str,
    policies: &'a Policies,
}

impl<'a> Batch<'a> {
    /// Takes the rows, writes what changes about people, and finds the messages that all of it is about.
    pub(super) async fn begin(
        db: &Db<'_, DatabaseTransaction>,
        news: &[(JournalId, &'a Dated)],
        tag: &'a str,
        policies: &'a Policies,
    ) -> Sql<Self> {
        let unapplied = take(db, news).await?;
        let mut taken = HashSet::new();
        let rows = news
            .iter()
            .map(|(row, dated)| {
                let live = unapplied.contains(&row.number()) && taken.insert(*row);
                live.then(|| Live { row: *row, dated, applied: Applied::default() })
            })
            .collect();
        let mut batch = Self {
            rows,
            by_whatsapp_id: HashMap::new(),
            feedback: Vec::new(),
            corrections: Vec::new(),
            to_suppress: Vec::new(),
            parked: Vec::new(),
            doubles: Vec::new(),
            late: Vec::new(),
            tag,
            policies,
        };
        batch.hear(db).await?;
        batch.find_messages(db).await?;
        Ok(batch)
    }

    /// Creates and changes people; notes which of their messages may no longer be sent.
    async fn hear(&mut self, db: &Db<'_, DatabaseTransaction>) -> Sql<()> {
        let dated: Vec<(usize, &'a Dated)> =
            self.rows.iter().enumerate().filter_map(|(at, live)| Some((at, live.as_ref()?.dated))).collect();
        let news = || dated.iter().map(|(_, dated)| &dated.news);
        let Some((_, first)) =
            dated.iter().find(|(_, dated)| !dated.news.heard.is_empty() || !dated.news.people.is_empty())
        else {
            return Ok(());
        };
        let now = first.now;
        let mut known = known_ids(db, news()).await?;
        let (phones, bsuids) = addresses(news());
        let addresses = phones.iter().chain(&bsuids).map(String::as_str);
        let forgotten = Forgotten::among(db, self.policies.digest(), addresses).await?;
        let mut people = load_people(db, self.policies.double_opt_in(), news(), phones, bsuids).await?;
        people.remember(forgotten);
        let mut spoken = Spoken::default();
        for (at, dated) in &dated {
            for about in &dated.news.people {
                let AboutPerson { news, .. } = about;
                let of = (news.phone.as_deref(), news.bsuid.as_deref());
                if self.is_late(&people, *at, of, news.provider_at, news.whatsapp_id.as_ref()) {
                    continue;
                }
                self.tell(&mut people, &mut known, *at, about, &mut spoken);
            }
            for heard in &dated.news.heard {
                let news = &heard.news;
                let of = (news.phone.as_deref(), news.bsuid.as_deref());
                if self.is_late(&people, *at, of, news.provider_at, Some(&news.whatsapp_id)) {
                    continue;
                }
                self.listen(&mut people, &mut known, *at, heard, &mut spoken);
            }
        }
        let merges: Vec<(usize, usize, usize)> = spoken
            .moved
            .iter()
            .filter_map(|(at, _, moved)| Some((*at, moved.merged?, people.is_now(moved.person))))
            .collect();
        let mut became: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (_, gone, stays) in &merges {
            became.entry(*stays).or_insert_with(|| vec![*stays]).push(*gone);
        }
        for (stays, all) in &became {
            one_person::settle_consent(db, &mut people, all, *stays).await?;
        }
        people.save(db, self.policies.wanted(), now).await?;
        for (at, gone, stays) in &merges {
            if people.is_known(*gone) {
                let consent = people.contact(*stays).consent;
                let [gone, stays] = [*gone, *stays].map(|at| people.contact(at).id.number());
                let doubles = one_person::move_belongings(db, gone, stays, consent, now).await?;
                self.doubles.extend(doubles.into_iter().map(|message| (*at, message)));
            }
        }
        note_changes(db, &people, &spoken.moved, now).await?;
        let id = |person: usize| people.contact(people.is_now(person)).id.number();
        let is_told = self.policies.wanted().wants(HookEvent::FeedbackReceived);
        let said = |(at, heard, person, consent): (usize, &'a Heard, usize, Option<&'static str>)| {
            let phone = people.contact(people.is_now(person)).phone.as_ref().filter(|_| is_told);
            let now = self.rows[at].as_ref().map_or(now, |live| live.dated.now);
            let phone = phone.map(|phone| phone.e164().to_owned());
            (at, Said { heard, contact: id(person), phone, consent, now })
        };
        self.feedback = spoken.said.into_iter().map(said).collect();
        let mut of_contact: HashMap<i64, usize> = HashMap::new();
        let merged = merges.iter().map(|(at, _, stays)| (*at, *stays));
        for (at, person) in spoken.silenced.into_iter().chain(merged) {
            of_contact.entry(id(person)).or_insert(at);
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
        for (at, Said { heard, contact, .. }) in &self.feedback {
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

    /// Whether it is of somebody who was forgotten after they said it: then it is not taken in, and goes out of the journal, too.
    fn is_late(
        &mut self,
        people: &People,
        at: usize,
        (phone, bsuid): (Option<&str>, Option<&str>),
        provider_at: Timestamp,
        id: Option<&WhatsAppId>,
    ) -> bool {
        let is_late = people.forgot(phone, bsuid).is_some_and(|forgot| provider_at <= forgot.at);
        if is_late {
            let names = [phone, bsuid, id.map(WhatsAppId::as_str)].into_iter().flatten().collect();
            self.late.extend(self.rows[at].as_ref().map(|live| (live.row, names)));
        }
        is_late
    }

    /// Takes in what is told about a person.
    fn tell(
        &mut self,
        people: &mut People,
        known: &mut HashSet<String>,
        at: usize,
        about: &'a AboutPerson,
        spoken: &mut Spoken<'a>,
    ) {
        let news = &about.news;
        if news.whatsapp_id.as_ref().is_some_and(|id| !known.insert(id.to_string())) {
            return;
        }
        let changed = match &about.consent {
            Some(change) => {
                let phone = news.phone.as_deref().and_then(|phone| PhoneNumber::from_e164(phone).ok());
                let bsuid = news.bsuid.clone().map(storable);
                let (person, twin) = people.heard(phone, bsuid, about.language, &about.timezone);
                for person in [Some(person), twin].into_iter().flatten() {
                    people.change_consent(person, change);
                    spoken.silenced.push((at, person));
                }
                true
            }
            None => people.moves(news).is_some_and(|moved| {
                spoken.moved.push((at, news, moved));
                true
            }),
        };
        if changed && let Some(live) = &mut self.rows[at] {
            live.applied.people += 1;
        }
    }

    /// Takes in what a person said.
    fn listen(
        &mut self,
        people: &mut People,
        known: &mut HashSet<String>,
        at: usize,
        heard: &'a Heard,
        spoken: &mut Spoken<'a>,
    ) {
        if heard.corrects.is_some() {
            self.corrections.push((at, heard));
            // Nobody becomes a contact by a correction alone.
            if heard.consent.is_none() {
                return;
            }
        } else if !known.insert(heard.news.whatsapp_id.to_string()) {
            return;
        }
        // What Meta calls a WhatsApp id is a number; whatever else stands there is no address that we could write to.
        let phone = heard.news.phone.as_deref().and_then(|phone| PhoneNumber::from_e164(phone).ok());
        let bsuid = heard.news.bsuid.clone().map(storable);
        let (person, twin) = people.heard(phone, bsuid, heard.language, &heard.timezone);
        if let Some(name) = &heard.news.profile_name {
            people.name(person, name);
        }
        let mut came_to = None;
        for person in [Some(person), twin].into_iter().flatten() {
            let consent = match &heard.consent {
                Some(change) => {
                    spoken.silenced.push((at, person));
                    Some(people.hear_consent(person, change, heard.sender.as_ref()))
                }
                None if heard.may_confirm() => people.hear_reply(person, &heard.news),
                None => None,
            };
            came_to = came_to.or(consent);
        }
        if heard.corrects.is_none() {
            spoken.said.push((at, heard, person, came_to));
        }
    }

    /// Finds messages by Meta's ids: those of statuses without our own reference, and those that people answered.
    async fn find_messages(&mut self, db: &Db<'_, DatabaseTransaction>) -> Sql<()> {
        let mut wanted: BTreeSet<String> = self
            .feedback
            .iter()
            .filter_map(|(_, said)| said.heard.news.in_reply_to.as_ref())
            .map(ToString::to_string)
            .collect();
        for live in self.rows.iter().flatten() {
            let unreferenced = live.dated.news.statuses.iter().filter(|status| own_message(status, self.tag).is_none());
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
        let statuses = self.rows.iter().flatten().flat_map(|live| &live.dated.news.statuses);
        statuses
            .filter_map(|status| own_message(status, self.tag))
            .chain(self.by_whatsapp_id.values().copied())
            .chain(self.to_suppress.iter().chain(&self.parked).chain(&self.doubles).map(|(_, message)| *message))
    }

    /// Applies everything to the messages, in the order of the rows. `accepted` are ids that this same transaction learns.
    pub(super) fn apply(&mut self, ledger: &mut Ledger, accepted: &HashMap<&str, i64>) {
        for (at, message) in std::mem::take(&mut self.doubles) {
            if let Some(live) = &mut self.rows[at]
                && ledger.suppress(message, SuppressedReason::SamePerson, "", live.dated.now)
            {
                live.applied.suppressed += 1;
            }
        }
        for (at, message) in std::mem::take(&mut self.to_suppress) {
            if let Some(live) = &mut self.rows[at]
                && ledger.suppress_unless_allowed(message, live.dated.now)
            {
                live.applied.suppressed += 1;
            }
        }
        for (at, message) in std::mem::take(&mut self.parked) {
            if let Some(live) = &mut self.rows[at] {
                ledger.window_opened(message, live.dated.now);
                live.applied.held.extend(ledger.consequences().0);
            }
        }
        let late = &mut self.late;
        for live in self.rows.iter_mut().flatten() {
            for status in &live.dated.news.statuses {
                let id = status.whatsapp_id.as_str();
                let message = own_message(status, self.tag)
                    .filter(|id| ledger.holds(*id))
                    .or_else(|| self.by_whatsapp_id.get(id).copied())
                    .or_else(|| accepted.get(id).copied());
                let effect = message.map(|message| ledger.status(message, status, live.dated.now));
                if message.is_some_and(|message| ledger.is_of_erased(message)) {
                    late.push((live.row, [id].into_iter().collect()));
                }
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
        erasures::take_out(db, &self.late).await?;
        Ok(self.rows.into_iter().map(|live| live.map_or_else(Applied::default, |live| live.applied)).collect())
    }

    async fn write_feedback(&mut self, db: &Db<'_, DatabaseTransaction>, ledger: &Ledger) -> Sql<()> {
        let mut said = Vec::with_capacity(self.feedback.len());
        for (at, one) in std::mem::take(&mut self.feedback) {
            if let Some(live) = &mut self.rows[at] {
                live.applied.feedback += 1;
                said.push(one);
            }
        }
        if self.rows.iter().flatten().any(|live| !live.dated.news.revoked.is_empty()) {
            db.pass_gate_of_feedback(Lock::Exclusive).await?;
        } else if !said.is_empty() {
            db.pass_gate_of_feedback(Lock::Shared).await?;
        }
        feedback::write(db, ledger, &said, &self.by_whatsapp_id, self.policies.wanted()).await?;
        for (at, heard) in std::mem::take(&mut self.corrections) {
            let corrected = feedback::correct(db, heard).await?;
            if let Some(live) = &mut self.rows[at] {
                live.applied.corrected += u64::from(corrected);
            }
        }
        for live in self.rows.iter_mut().flatten() {
            let now = live.dated.now;
            for revoked in &live.dated.news.revoked {
                live.applied.corrected += u64::from(feedback::revoke(db, revoked, now).await?);
            }
        }
        Ok(())
    }
}

/// What the rows of a transaction say, by whom.
#[derive(Default)]
struct Spoken<'a> {
    /// Row, what was said, the person, and what it came to for their consent.
    said: Vec<(usize, &'a Heard, usize, Option<&'static str>)>,
    /// Row and person: whose messages must be looked at.
    silenced: Vec<(usize, usize)>,
    /// Row, what is told, and what it came to.
    moved: Vec<(usize, &'a PersonNews, Moved)>,
}

/// The ids of what was said or told before.
async fn known_ids<'a>(
    db: &Db<'_, DatabaseTransaction>,
    news: impl Iterator<Item = &'a RowNews> + Clone,
) -> Sql<HashSet<String>> {
    let said: Vec<String> =
        news.clone().flat_map(|news| &news.heard).map(|heard| heard.news.whatsapp_id.to_string()).collect();
    let told = news.flat_map(|news| &news.people).filter_map(|about| about.news.whatsapp_id.as_ref());
    let told: Vec<String> = told.map(ToString::to_string).collect();
    let mut known = HashSet::new();
    for (table, ids) in [("feedback", said), ("person_changes", told)] {
        if ids.is_empty() {
            continue;
        }
        for row in db.all(&format!("SELECT whatsapp_id FROM {table} WHERE whatsapp_id {{}}"), args![ids]).await? {
            known.insert(Row::of(&row, "feedback").text()?);
        }
    }
    Ok(known)
}

/// The numbers and user ids of whom something is said or told.
fn addresses<'a>(news: impl Iterator<Item = &'a RowNews> + Clone) -> (Vec<String>, Vec<String>) {
    let (mut phones, mut bsuids) = (Vec::new(), Vec::new());
    for heard in news.clone().flat_map(|news| &news.heard) {
        phones.extend(heard.news.phone.clone());
        bsuids.extend(heard.news.bsuid.clone());
    }
    for about in news.clone().flat_map(|news| &news.people) {
        phones.extend(about.news.phone.clone());
        bsuids.extend(about.news.bsuid.clone());
        match &about.news.change {
            PersonChange::Number { phone } => phones.push(phone.clone()),
            PersonChange::UserId { bsuid } => bsuids.push(storable(bsuid.clone())),
            PersonChange::Marketing { .. } => {}
        }
    }
    (phones, bsuids)
}

/// Everybody of whom something is said or told, locked, with what they said before where that matters.
async fn load_people<'a>(
    db: &Db<'_, DatabaseTransaction>,
    rules: DoubleOptIn,
    news: impl Iterator<Item = &'a RowNews> + Clone,
    phones: Vec<String>,
    bsuids: Vec<String>,
) -> Sql<People> {
    let mut people = People::load(db, rules, phones, bsuids, Vec::new()).await?;
    let replies: Vec<&Heard> = news.clone().flat_map(|news| &news.heard).filter(|heard| heard.may_confirm()).collect();
    if !replies.is_empty() {
        let quoted = replies.iter().filter_map(|heard| heard.news.in_reply_to.as_ref());
        people.recall_requests(db, quoted.map(ToString::to_string).collect()).await?;
    }
    let starts = |heard: &Heard| heard.consent.as_ref().is_some_and(|change| change.kind == ConsentChangeKind::Start);
    if news.clone().flat_map(|news| &news.heard).any(starts) {
        people.recall_stop_words(db).await?;
    }
    if news.flat_map(|news| &news.people).any(|about| about.consent.is_some()) {
        people.recall_wishes(db).await?;
    }
    Ok(people)
}

/// Writes what became of people, so that it is not done again when it is told again.
async fn note_changes(
    db: &Db<'_, DatabaseTransaction>,
    people: &People,
    moved: &[(usize, &PersonNews, Moved)],
    now: Timestamp,
) -> Sql<()> {
    for (_, news, moved) in moved {
        let contact = people.contact(people.is_now(moved.person)).id.number();
        let merged =
            moved.merged.filter(|merged| people.is_known(*merged)).map(|merged| people.contact(merged).id.number());
        db.run(
            "INSERT INTO person_changes (contact_id, kind, whatsapp_id, provider_at, changed_at, merged) VALUES (?, ?, ?, ?, ?, ?)",
            args![
                contact,
                news.change.name(),
                news.whatsapp_id.as_ref().map(ToString::to_string),
                news.provider_at,
                now,
                merged
            ],
        )
        .await?;
    }
    Ok(())
}

/// Marks these rows as applied; answers those that were not before. The mark is part of the transaction, so whoever else would apply one of
/// them waits for us, and finds it done or, if we fail, undone.
async fn take(db: &Db<'_, DatabaseTransaction>, news: &[(JournalId, &Dated)]) -> Sql<HashSet<i64>> {
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
