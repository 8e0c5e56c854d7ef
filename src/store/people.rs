//! The contacts of one transaction: found together, changed in memory one after the other, written together.

use std::collections::HashMap;

use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::consent_requests::Requests;
use super::dialect::Lock;
use super::encode::{self, CONTACT_COLUMNS, millis, storable};
use super::forgotten::{Forgot, Forgotten};
use super::outbox::{self, Wanted};
use super::sql::{Db, Row, Sql, Table, args};
use crate::domain::consent::{
    Consent, ConsentChange, ConsentChangeKind, Purposes, after_change, is_overtaken, is_superseded,
};
use crate::domain::contact::{Contact, ContactUpdate};
use crate::domain::double_opt_in::{self, DoubleOptIn, Reply, Split, worth_asking};
use crate::domain::hook::data::ConsentChanged;
use crate::domain::hook::{HookEvent, NewHookEvent};
use crate::domain::ids::{ContactId, SenderName};
use crate::domain::language::Language;
use crate::domain::news::{InboundNews, PersonChange, PersonNews};
use crate::domain::phone_number::PhoneNumber;

/// The source of consent that an import gives; such a change is only kept where it changes something.
const IMPORT: &str = "import";

struct Person {
    contact: Contact,
    is_new: bool,
    changed: bool,
    /// The person that this one turned out to be.
    is: Option<usize>,
}

impl Person {
    fn known(contact: Contact) -> Self {
        Self { contact, is_new: false, changed: false, is: None }
    }

    fn new(contact: Contact) -> Self {
        Self { contact, is_new: true, changed: true, is: None }
    }
}

/// What a change of number or user id came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    /// Whose it is now.
    pub(super) person: usize,
    /// The other contact that had it, whose belongings are to be moved.
    pub(super) merged: Option<usize>,
}

/// The contacts of one transaction, locked.
#[derive(Default)]
pub(super) struct People {
    people: Vec<Person>,
    by_phone: HashMap<String, usize>,
    by_bsuid: HashMap<String, usize>,
    by_id: HashMap<i64, usize>,
    consent_changes: Vec<(usize, ConsentChange)>,
    /// Of these, which changed what the person allows, and to what: places in `consent_changes`.
    altered: Vec<(usize, Consent)>,
    /// When those who are stopped said so, by place.
    stop_words: HashMap<usize, Timestamp>,
    /// What people wished with the provider's control of marketing, by place.
    wishes: HashMap<usize, Vec<(ConsentChangeKind, Timestamp)>>,
    /// Whose number or user id went to somebody else or came from there: no two may have one at any moment.
    moved: Vec<usize>,
    /// Of those of whom something is said: who was forgotten.
    forgotten: Forgotten,
    /// What they are asked.
    requests: Requests,
}

impl People {
    /// Finds and locks whoever has one of these numbers, business-scoped ids or ids.
    pub(super) async fn load(
        db: &Db<'_, DatabaseTransaction>,
        rules: DoubleOptIn,
        phones: Vec<String>,
        bsuids: Vec<String>,
        ids: Vec<i64>,
    ) -> Sql<Self> {
        let mut found = Self { requests: Requests::new(rules), ..Self::default() };
        let rest = format!(
            "FROM contacts c WHERE c.phone {{}} OR c.bsuid {{}} OR c.id {{}} ORDER BY c.id{}",
            db.lock(Lock::Exclusive, "c")
        );
        let rows = db.packed(CONTACT_COLUMNS, &rest, args![phones, bsuids, ids]).await?;
        for contact in rows.read("contacts", encode::contact)? {
            found.add(Person::known(contact));
        }
        Ok(found)
    }

    /// Finds when those who are stopped last said so in words: then a start word which is older does not count.
    pub(super) async fn recall_stop_words(&mut self, db: &Db<'_, DatabaseTransaction>) -> Sql<()> {
        let stopped = self.people.iter().filter(|person| person.contact.consent.stopped);
        let stopped: Vec<i64> = stopped.map(|person| person.contact.id.number()).collect();
        if stopped.is_empty() {
            return Ok(());
        }
        let sql = "SELECT contact_id, MAX(at) FROM consent_changes WHERE contact_id {} AND kind = 'stop' AND source = 'stop-word' \
                   GROUP BY contact_id";
        for row in db.all(sql, args![stopped]).await? {
            let mut row = Row::of(&row, "consent_changes");
            if let Some(at) = self.with_id(ContactId::new(row.int()?)) {
                self.stop_words.insert(at, row.time()?);
            }
        }
        Ok(())
    }

    /// Finds what these people wished so far with the provider's control of marketing: what comes again or late changes nothing.
    pub(super) async fn recall_wishes(&mut self, db: &Db<'_, DatabaseTransaction>) -> Sql<()> {
        let known: Vec<i64> = self.by_id.keys().copied().collect();
        if known.is_empty() {
            return Ok(());
        }
        let sql = "SELECT contact_id, kind, purposes, at, source, evidence FROM consent_changes \
                   WHERE contact_id {} AND kind IN ('stop-marketing', 'resume-marketing')";
        for row in db.all(sql, args![known]).await? {
            let mut row = Row::of(&row, "consent_changes");
            let id = ContactId::new(row.int()?);
            let wish = encode::consent_change(&mut row)?;
            if let Some(at) = self.with_id(id) {
                self.wishes.entry(at).or_default().push((wish.kind, wish.at));
            }
        }
        Ok(())
    }

    /// Finds what those whom an import names were asked before, where it matters: a file that comes each night must not ask them each night.
    pub(super) async fn recall_asked(
        &mut self,
        db: &Db<'_, DatabaseTransaction>,
        updates: &[ContactUpdate],
    ) -> Sql<()> {
        let rules = self.requests.rules;
        let asks = |change: &ConsentChange| {
            change.source == IMPORT && !rules.split(Consent::default(), change.kind).unconfirmed.is_empty()
        };
        if updates.iter().filter_map(|update| update.consent.as_ref()).any(asks) {
            self.requests.recall_asked(db, &self.by_id).await?;
        }
        Ok(())
    }

    /// Finds what these people are asked; `quoted`: the ids that they quote.
    pub(super) async fn recall_requests(&mut self, db: &Db<'_, DatabaseTransaction>, quoted: Vec<String>) -> Sql<()> {
        self.requests.recall_open(db, &self.by_id, quoted).await
    }

    /// What outlives those who were forgotten: somebody who comes again is stopped if they were.
    pub(super) fn remember(&mut self, forgotten: Forgotten) {
        self.forgotten = forgotten;
    }

    /// What is known of whoever has this number or user id, if they were forgotten.
    pub(super) fn forgot(&self, phone: Option<&str>, bsuid: Option<&str>) -> Option<&Forgot> {
        self.forgotten.of(phone, bsuid)
    }

    fn add(&mut self, mut person: Person) -> usize {
        let at = self.people.len();
        let Contact { phone, bsuid, consent, .. } = &mut person.contact;
        let phone = phone.as_ref().map(PhoneNumber::e164);
        if let Some(forgot) = self.forgotten.of(phone, bsuid.as_deref()).filter(|_| person.is_new) {
            consent.stopped |= forgot.stopped;
            consent.marketing_stopped |= forgot.marketing_stopped;
        }
        if let Some(phone) = &person.contact.phone {
            self.by_phone.insert(phone.e164().to_owned(), at);
        }
        if let Some(bsuid) = &person.contact.bsuid {
            self.by_bsuid.insert(bsuid.clone(), at);
        }
        if !person.is_new {
            self.by_id.insert(person.contact.id.number(), at);
        }
        self.people.push(person);
        at
    }

    /// Where the contact with that id is.
    pub(super) fn with_id(&self, id: ContactId) -> Option<usize> {
        self.by_id.get(&id.number()).copied()
    }

    /// The contact as it is now; its id is real after [`People::save`].
    pub(super) fn contact(&self, at: usize) -> &Contact {
        &self.people[at].contact
    }

    /// Sets what an import or the API says; answers where the contact is and whether it is new. `language` is for whoever is new and has none.
    /// Where the empty contact of somebody who was forgotten was loaded, it stands for them and is not filled again.
    pub(super) fn update(&mut self, update: &ContactUpdate, language: Language) -> (usize, bool) {
        let known = self.by_phone.get(update.phone.e164()).copied();
        let forgot = self.forgotten.of(Some(update.phone.e164()), None).filter(|_| known.is_none());
        if let Some(empty) = forgot.and_then(|forgot| self.by_id.get(&forgot.contact).copied()) {
            return (empty, false);
        }
        let at = known.unwrap_or_else(|| {
            self.add(Person::new(unknown(
                Some(update.phone.clone()),
                None,
                update.language.unwrap_or(language),
                update.timezone.as_ref().unwrap_or(&update.timezone_of_number).clone(),
            )))
        });
        let contact = &mut self.people[at].contact;
        let before = contact.clone();
        if let Some(name) = &update.name {
            contact.name = Some(storable(name.clone()));
        }
        if let Some(language) = update.language {
            contact.language = language;
        }
        if let Some(timezone) = &update.timezone {
            contact.timezone.clone_from(timezone);
        }
        if let Some(email) = &update.email {
            contact.email = Some(storable(email.clone()));
        }
        if let Some(tags) = &update.tags {
            contact.tags.clone_from(tags);
        }
        for (name, value) in &update.attributes {
            contact.attributes.insert(name.clone(), value.clone());
        }
        let changed = before != *contact;
        self.people[at].changed |= changed;
        if let Some(change) = &update.consent {
            self.set_by_update(at, change, known.is_none());
        }
        (at, known.is_none())
    }

    fn set_by_update(&mut self, at: usize, change: &ConsentChange, is_new: bool) {
        let is_import = change.source == IMPORT;
        let Split { at_once, unconfirmed, ended } = self.split(at, change.kind);
        self.requests.end(at, ended);
        if let Some(kind) = at_once {
            let part = ConsentChange { kind, ..change.clone() };
            let (before, after) = self.set_consent(at, &part);
            if is_new || before != after || !is_import {
                self.keep(at, &part, before, after);
            }
        }
        // What comes again with each file is asked once, and not where the person said no.
        let asked = if is_import {
            let consent = self.people[at].contact.consent;
            self.requests.asked_before(at).iter().fold(worth_asking(consent, unconfirmed), Purposes::without)
        } else {
            unconfirmed
        };
        self.ask(at, asked, change, None);
    }

    /// Changes consent by a word of the person's to that number of ours, unless a newer stop overtook it; answers what it came to.
    pub(super) fn hear_consent(
        &mut self,
        at: usize,
        change: &ConsentChange,
        sender: Option<&SenderName>,
    ) -> &'static str {
        if self.stop_words.get(&at).is_some_and(|stop| is_overtaken(change, *stop)) {
            return change.kind.name();
        }
        if change.kind == ConsentChangeKind::Stop {
            self.stop_words.entry(at).and_modify(|stop| *stop = change.at.max(*stop)).or_insert(change.at);
        }
        let is_asked = !self.split(at, change.kind).unconfirmed.is_empty();
        self.say_consent(at, change, sender);
        if is_asked { ConsentChangeKind::Ask(Purposes::NONE).name() } else { change.kind.name() }
    }

    /// Takes in a yes or no to what the person was asked, if it is one; answers what it came to. Nothing else that is said confirms anything.
    pub(super) fn hear_reply(&mut self, at: usize, news: &InboundNews) -> Option<&'static str> {
        let reply = double_opt_in::reply(news.text.as_deref(), news.payload.as_deref())?;
        let answered = self.requests.answered(at, news);
        if answered.is_empty() {
            return None;
        }
        let kind = match reply {
            Reply::Yes => ConsentChangeKind::Grant(answered),
            Reply::No => ConsentChangeKind::Withdraw(answered),
        };
        let said = news.text.as_deref().or(news.payload.as_deref()).unwrap_or_default();
        let change = ConsentChange {
            kind,
            at: news.provider_at,
            source: double_opt_in::SOURCE.to_owned(),
            evidence: format!("{said} ({})", news.whatsapp_id),
        };
        self.requests.end(at, answered);
        let (before, after) = self.set_consent(at, &change);
        self.keep(at, &change, before, after);
        Some(kind.name())
    }

    /// Changes consent and keeps the evidence; answers the consent after it. A wish about marketing that was heard, or that is older than what
    /// was heard, changes nothing.
    pub(super) fn change_consent(&mut self, at: usize, change: &ConsentChange) -> Consent {
        self.say_consent(at, change, None)
    }

    fn say_consent(&mut self, at: usize, change: &ConsentChange, sender: Option<&SenderName>) -> Consent {
        if change.kind.is_of_control() {
            let heard = self.wishes.entry(at).or_default();
            if is_superseded(change, heard) {
                return self.people[at].contact.consent;
            }
            heard.push((change.kind, change.at));
        }
        let Split { at_once, unconfirmed, ended } = self.split(at, change.kind);
        self.requests.end(at, ended);
        if let Some(kind) = at_once {
            let part = ConsentChange { kind, ..change.clone() };
            let (before, after) = self.set_consent(at, &part);
            self.keep(at, &part, before, after);
        }
        self.ask(at, unconfirmed, change, sender);
        self.people[at].contact.consent
    }

    fn split(&self, at: usize, change: ConsentChangeKind) -> Split {
        self.requests.rules.split(self.people[at].contact.consent, change)
    }

    /// Has the person asked for what somebody says that they granted, and keeps who said so.
    fn ask(&mut self, at: usize, purposes: Purposes, change: &ConsentChange, sender: Option<&SenderName>) {
        if purposes.is_empty() {
            return;
        }
        let kind = ConsentChangeKind::Ask(purposes);
        self.consent_changes.push((at, ConsentChange { kind, ..change.clone() }));
        self.requests.ask(at, worth_asking(self.people[at].contact.consent, purposes), sender);
    }

    fn keep(&mut self, at: usize, change: &ConsentChange, before: Consent, after: Consent) {
        // Whoever imports knows what they import.
        if before != after && change.source != IMPORT {
            self.altered.push((self.consent_changes.len(), after));
        }
        self.consent_changes.push((at, change.clone()));
    }

    fn set_consent(&mut self, at: usize, change: &ConsentChange) -> (Consent, Consent) {
        let person = &mut self.people[at];
        let before = person.contact.consent;
        let after = after_change(before, change.kind);
        person.contact.consent = after;
        person.changed |= before != after;
        (before, after)
    }

    /// Finds or adds whoever wrote to us. The second answer is another contact that has the business-scoped id alone, if there is one:
    /// the two are one person, though not yet one row.
    pub(super) fn heard(
        &mut self,
        phone: Option<PhoneNumber>,
        bsuid: Option<String>,
        language: Language,
        timezone: &str,
    ) -> (usize, Option<usize>) {
        let with_phone = phone.as_ref().and_then(|phone| self.by_phone.get(phone.e164()).copied());
        let with_bsuid = bsuid.as_ref().and_then(|bsuid| self.by_bsuid.get(bsuid).copied());
        match (with_phone, with_bsuid) {
            (Some(one), Some(other)) => (one, Some(other).filter(|other| *other != one)),
            (Some(at), None) => {
                if let (None, Some(bsuid)) = (&self.people[at].contact.bsuid, bsuid) {
                    self.people[at].contact.bsuid = Some(bsuid.clone());
                    self.people[at].changed = true;
                    self.by_bsuid.insert(bsuid, at);
                }
                (at, None)
            }
            (None, Some(at)) => {
                if let (None, Some(phone)) = (&self.people[at].contact.phone, phone) {
                    self.by_phone.insert(phone.e164().to_owned(), at);
                    self.people[at].contact.phone = Some(phone);
                    self.people[at].changed = true;
                }
                (at, None)
            }
            (None, None) => {
                let contact = unknown(phone, bsuid, language, timezone.to_owned());
                (self.add(Person::new(contact)), None)
            }
        }
    }

    /// Gives the person of whom this is told another number or user id. `None`: we do not know them, or they have it already.
    pub(super) fn moves(&mut self, news: &PersonNews) -> Option<Moved> {
        let by_bsuid = news.bsuid.as_ref().and_then(|bsuid| self.by_bsuid.get(bsuid).copied());
        let by_phone = news.phone.as_ref().and_then(|phone| self.by_phone.get(phone).copied());
        match &news.change {
            PersonChange::Number { phone } => {
                let phone = PhoneNumber::from_e164(phone).ok()?;
                let person = by_phone.or(by_bsuid)?;
                let holder = self.by_phone.get(phone.e164()).copied();
                if holder == Some(person) {
                    return None;
                }
                let merged = holder.inspect(|holder| self.become_one(*holder, person));
                if let Some(old) = self.people[person].contact.phone.replace(phone.clone()) {
                    self.by_phone.remove(old.e164());
                }
                self.by_phone.insert(phone.e164().to_owned(), person);
                self.touch(person);
                Some(Moved { person, merged })
            }
            PersonChange::UserId { bsuid } => {
                let bsuid = storable(bsuid.clone());
                let person = by_bsuid.or(by_phone)?;
                let holder = self.by_bsuid.get(&bsuid).copied();
                if holder == Some(person) {
                    return None;
                }
                // Whoever has a number stays: it is what lists and people know.
                let has_phone = |at: usize| self.people[at].contact.phone.is_some();
                let (person, merged) = match holder {
                    Some(holder) if has_phone(holder) && !has_phone(person) => (holder, Some(person)),
                    holder => (person, holder),
                };
                if let Some(merged) = merged {
                    self.become_one(merged, person);
                }
                if let Some(old) = self.people[person].contact.bsuid.replace(bsuid.clone()) {
                    self.by_bsuid.remove(&old);
                }
                self.by_bsuid.insert(bsuid, person);
                self.touch(person);
                Some(Moved { person, merged })
            }
            PersonChange::Marketing { .. } => None,
        }
    }

    fn touch(&mut self, at: usize) {
        self.people[at].changed = true;
        self.moved.push(at);
    }

    /// Makes two contacts one person. What the one that goes knows stays with the other where that knows nothing; a stop of either counts. What
    /// both granted over time is for [`People::set_granted`].
    fn become_one(&mut self, gone: usize, stays: usize) {
        let whole = &mut self.people[gone].contact;
        let (id, consent, timezone) = (whole.id, whole.consent, whole.timezone.clone());
        let nobody = unknown(None, None, whole.language, timezone);
        let left = std::mem::replace(whole, Contact { id, consent, ..nobody });
        self.people[gone].is = Some(stays);
        self.touch(gone);
        for at in self.by_phone.values_mut().chain(self.by_bsuid.values_mut()).filter(|at| **at == gone) {
            *at = stays;
        }
        let wishes = self.wishes.remove(&gone).unwrap_or_default();
        self.wishes.entry(stays).or_default().extend(wishes);
        self.requests.become_one(gone, stays);
        if let Some(stop) = self.stop_words.remove(&gone) {
            self.stop_words.entry(stays).and_modify(|at| *at = stop.max(*at)).or_insert(stop);
        }
        let contact = &mut self.people[stays].contact;
        contact.consent = contact.consent.of_one_person(left.consent, contact.consent.granted);
        contact.name = contact.name.take().or(left.name);
        contact.email = contact.email.take().or(left.email);
        contact.bsuid = contact.bsuid.take().or(left.bsuid);
        contact.phone = contact.phone.take().or(left.phone);
        for tag in left.tags {
            if !contact.tags.contains(&tag) {
                contact.tags.push(tag);
            }
        }
        for (name, value) in left.attributes {
            contact.attributes.entry(name).or_insert(value);
        }
    }

    /// Whom a person turned out to be.
    pub(super) fn is_now(&self, mut at: usize) -> usize {
        while let Some(other) = self.people[at].is {
            at = other;
        }
        at
    }

    /// Whether the record has the contact, rather than only this transaction.
    pub(super) fn is_known(&self, at: usize) -> bool {
        !self.people[at].is_new
    }

    /// Changes of consent that are not written yet, of these people.
    pub(super) fn unwritten(&self, people: &[usize]) -> impl Iterator<Item = &ConsentChange> {
        self.consent_changes.iter().filter(|(at, _)| people.contains(at)).map(|(_, change)| change)
    }

    /// Sets the purposes that a person granted.
    pub(super) fn set_granted(&mut self, at: usize, granted: Purposes) {
        let person = &mut self.people[at];
        person.changed |= person.contact.consent.granted != granted;
        person.contact.consent.granted = granted;
    }

    /// Gives a name to whoever has none.
    pub(super) fn name(&mut self, at: usize, profile_name: &str) {
        let person = &mut self.people[at];
        let name = storable(profile_name.to_owned());
        if person.contact.name.is_none() && !name.trim().is_empty() {
            person.contact.name = Some(name);
            person.changed = true;
        }
    }

    /// Writes what is new and what changed.
    pub(super) async fn save(&mut self, db: &Db<'_, DatabaseTransaction>, wanted: &Wanted, now: Timestamp) -> Sql<()> {
        self.vacate(db).await?;
        let is_new = |at: &usize| self.people[*at].is_new && self.people[*at].is.is_none();
        let new: Vec<usize> = (0..self.people.len()).filter(is_new).collect();
        for (at, id) in new.iter().zip(db.fresh_ids("contacts", new.len()).await?) {
            self.people[*at].contact.id = ContactId::new(id);
            self.by_id.insert(id, *at);
        }
        if !new.is_empty() {
            let table = self.table(&new, now).int("created_at", new.iter().map(|_| millis(now)));
            db.run(
                "INSERT INTO contacts (id, phone, bsuid, name, language, timezone, email, tags, attributes, granted, stopped, \
                 marketing_stopped, updated_at, created_at) SELECT id, phone, bsuid, name, language, timezone, email, tags, attributes, \
                 granted, stopped, marketing_stopped, updated_at, created_at FROM {}",
                args![table],
            )
            .await?;
        }
        let changed: Vec<usize> =
            (0..self.people.len()).filter(|at| self.people[*at].changed && !self.people[*at].is_new).collect();
        if !changed.is_empty() {
            db.run(
                "UPDATE contacts SET phone = v.phone, bsuid = v.bsuid, name = v.name, language = v.language, timezone = v.timezone, \
                 email = v.email, tags = v.tags, attributes = v.attributes, granted = v.granted, stopped = v.stopped, \
                 marketing_stopped = v.marketing_stopped, updated_at = v.updated_at FROM {} WHERE contacts.id = v.id",
                args![self.table(&changed, now)],
            )
            .await?;
        }
        if !self.consent_changes.is_empty() {
            let changes = std::mem::take(&mut self.consent_changes);
            if wanted.wants(HookEvent::ConsentChanged) {
                let altered = std::mem::take(&mut self.altered);
                let events = altered.iter().map(|(place, after)| {
                    let (at, change) = &changes[*place];
                    consent_changed(&self.people[*at].contact, change, *after, now)
                });
                outbox::add(db, wanted, events.collect()).await?;
            }
            let table = Table::new()
                .int("contact_id", changes.iter().map(|(at, _)| self.people[self.is_now(*at)].contact.id.number()))
                .text("kind", changes.iter().map(|(_, change)| change.kind.name()))
                .int("purposes", changes.iter().map(|(_, change)| i64::from(change.kind.purposes().bits())))
                .int("at", changes.iter().map(|(_, change)| millis(change.at)))
                .text("source", changes.iter().map(|(_, change)| storable(change.source.clone())))
                .text("evidence", changes.iter().map(|(_, change)| storable(change.evidence.clone())));
            db.run(
                "INSERT INTO consent_changes (contact_id, kind, purposes, at, source, evidence) \
                 SELECT contact_id, kind, purposes, at, source, evidence FROM {}",
                args![table],
            )
            .await?;
        }
        self.save_requests(db, now).await
    }

    async fn save_requests(&mut self, db: &Db<'_, DatabaseTransaction>, now: Timestamp) -> Sql<()> {
        let mut requests = std::mem::take(&mut self.requests);
        let people = &*self;
        let is_one = |at: usize, other: usize| people.is_now(other) == people.is_now(at);
        let became_one = people.people.iter().any(|person| person.is.is_some());
        let known = |at: usize| {
            let candidates = if became_one { 0..people.people.len() } else { at..at + 1 };
            let all = candidates.filter(|other| is_one(at, *other) && people.is_known(*other));
            all.map(|other| people.contact(other).id.number()).collect()
        };
        requests.save(db, |at| people.contact(people.is_now(at)).id.number(), known, now).await?;
        self.requests = requests;
        Ok(())
    }

    /// Takes the numbers and ids away from those who have others now: databases look at each row by itself, and no two rows may have one.
    async fn vacate(&mut self, db: &Db<'_, DatabaseTransaction>) -> Sql<()> {
        let moved: Vec<i64> = std::mem::take(&mut self.moved)
            .into_iter()
            .filter(|at| !self.people[*at].is_new)
            .map(|at| self.people[at].contact.id.number())
            .collect();
        if !moved.is_empty() {
            db.run("UPDATE contacts SET phone = NULL, bsuid = NULL WHERE id {}", args![moved]).await?;
        }
        Ok(())
    }

    fn table(&self, which: &[usize], now: Timestamp) -> Table {
        let contacts = || which.iter().map(|at| &self.people[*at].contact);
        Table::new()
            .int("id", contacts().map(|contact| contact.id.number()))
            .opt_text("phone", contacts().map(|contact| contact.phone.as_ref().map(PhoneNumber::e164)))
            .opt_text("bsuid", contacts().map(|contact| contact.bsuid.as_deref()))
            .opt_text("name", contacts().map(|contact| contact.name.as_deref()))
            .text("language", contacts().map(|contact| contact.language.code()))
            .text("timezone", contacts().map(|contact| contact.timezone.as_str()))
            .opt_text("email", contacts().map(|contact| contact.email.as_deref()))
            .text("tags", contacts().map(|contact| json(&contact.tags)))
            .text("attributes", contacts().map(|contact| json(&contact.attributes)))
            .int("granted", contacts().map(|contact| i64::from(contact.consent.granted.bits())))
            .int("stopped", contacts().map(|contact| i64::from(contact.consent.stopped)))
            .int("marketing_stopped", contacts().map(|contact| i64::from(contact.consent.marketing_stopped)))
            .int("updated_at", contacts().map(|_| millis(now)))
    }
}

fn consent_changed(contact: &Contact, change: &ConsentChange, after: Consent, now: Timestamp) -> NewHookEvent {
    let data = ConsentChanged {
        contact: contact.id,
        phone: contact.phone.as_ref().map(PhoneNumber::e164),
        change: change.kind.name(),
        source: &change.source,
        said_at: change.at,
        consent: after.into(),
    };
    NewHookEvent::new(HookEvent::ConsentChanged, Some(contact.id), now, &data)
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("texts in lists and maps are always JSON")
}

/// A contact of whom nothing is known yet, with an id that is given when it is written.
fn unknown(phone: Option<PhoneNumber>, bsuid: Option<String>, language: Language, timezone: String) -> Contact {
    Contact {
        id: ContactId::new(0),
        phone,
        bsuid,
        name: None,
        language,
        timezone,
        email: None,
        tags: Vec::new(),
        attributes: Default::default(),
        consent: Consent::default(),
    }
}
