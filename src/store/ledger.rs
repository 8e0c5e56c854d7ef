//! The messages of one transaction: read together, decided one request after the other in memory, written together.
//!
//! Whatever order the requests of a batch have, it is one in which they could have come; facts about one message see each other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::changes::{self, Calls, Changed, Columns, Money, Told};
use super::charges::{self, Bill, Charged};
use super::dialect::Lock;
use super::encode::{self, STANDING_COLUMNS, millis};
use super::outbox::{self, Wanted};
use super::policies::{Policies, RunRules};
use super::sql::{Db, Row, Sql, Table, args};
use super::suspensions::InForce;
use super::tallies::{BudgetDays, CallDays, CallFate, Costs, Counts, HeardFrom};
use super::windows::{self, Pair};
use crate::domain::budget::day_number;
use crate::domain::channel::{Channel, Channels};
use crate::domain::consent::{Consent, Purpose, Subject};
use crate::domain::country::CountryCode;
use crate::domain::delivery::{Delivery, Effect, Fact, HeldReason, Standing, State, SuppressedReason, after_fact};
use crate::domain::hook::data::MessageChanged;
use crate::domain::hook::{HookEvent, NewHookEvent};
use crate::domain::ids::{CampaignName, ContactId, MessageId, RunId, SenderName, WhatsAppId};
use crate::domain::language::Language;
use crate::domain::message::Rendered;
use crate::domain::news::{ProviderStatus, StatusNews};
use crate::domain::phone_number::PhoneNumber;
use crate::domain::pricing::{PriceCategory, Tariff, ToldPrice};
use crate::domain::quiet_hours::quiet_for;
use crate::domain::retry::Situation;
use crate::domain::run::RunState;
use crate::domain::service_window::ServiceWindow;
use crate::domain::start::{StartAnswer, StartQuestion, may_start};
use crate::domain::suspension::{self, LetThrough, Target};
use crate::ports::{HeldMessage, RefusedMessage, ReplayTerms, SickChannels, Start};

/// What a message that does not exist answers.
const NO_SUCH_MESSAGE: &str = "there is no such message";

/// A message as a writer holds it.
struct Entry {
    run: Option<i64>,
    run_state: Option<RunState>,
    rules: Arc<RunRules>,
    sender: SenderName,
    subject: Subject,
    language: Language,
    standing: Standing,
    expires_at: Timestamp,
    price_micros: i64,
    money: Money,
    calls: Calls,
    changed_at: i64,
    n_events: i64,
    /// One bit for each kind of event that the history has for the newest attempt, so that a repetition need not be written again.
    events_seen: i64,
    contact: i64,
    /// Whether it says free words.
    free_form: bool,
    phone: Option<String>,
    bsuid: Option<String>,
    timezone: String,
    reachable: Channels,
    consent: Consent,
    freeze: Option<Rendered>,
    changed: bool,
    /// The person was forgotten: what is still learnt is kept without whatever could name them.
    erased: bool,
    /// As the row has them.
    before: Columns,
}

impl Entry {
    /// Reads what [`Ledger::load`] selects, after the id.
    fn read(row: &mut Row<'_>, rules: &Arc<RunRules>) -> Sql<Self> {
        let (run, run_state) = (row.opt_int()?, row.opt_parsed(RunState::named)?);
        let sender = row.parsed(|text| text.parse().ok())?;
        let (purpose, language) = (row.parsed(Purpose::of_message)?, row.parsed(encode::language)?);
        let standing = encode::standing(row)?;
        let (expires_at, price_micros) = (row.time()?, row.int()?);
        let (told, cost_micros) = (row.opt_parsed(encode::told_of)?, row.opt_int()?);
        let (called_at, changed_at) = (row.opt_int()?, row.int()?);
        let (n_events, events_seen) = (row.int()?, row.int()?);
        let (reserved_micros, charged, unsettled) = (row.int()?, row.int()?, row.int()?);
        let money = Money { told, cost_micros, charged, unsettled, reserved_micros };
        let calls = Calls { called_at, counted_at: row.opt_int()?, whatsapp_attempt: row.small()? };
        let (contact, free_form) = (row.int()?, row.flag()?);
        let (phone, timezone) = (row.opt_text()?, row.text()?);
        let (bsuid, with_email) = (row.opt_text()?, row.flag()?);
        Ok(Self {
            run,
            run_state,
            rules: Arc::clone(rules),
            sender,
            language,
            before: Columns::new(standing.clone(), money, calls),
            standing,
            expires_at,
            price_micros,
            money,
            calls,
            changed_at,
            n_events,
            events_seen,
            contact,
            free_form,
            reachable: Channels::reaching(phone.is_some(), bsuid.is_some(), with_email),
            phone,
            bsuid,
            timezone,
            consent: encode::consent(row)?,
            subject: Subject { purpose, marketing: row.flag()? },
            freeze: None,
            changed: false,
            erased: row.flag()?,
        })
    }

    fn situation(&self, id: i64, sick: Channels) -> Situation<'_> {
        Situation {
            policy: &self.rules.policy,
            reachable: self.reachable,
            sick,
            allowed: self.consent.objection(self.subject).is_none() && self.run_state != Some(RunState::Cancelled),
            expires_at: self.expires_at,
            spread: id.unsigned_abs(),
        }
    }

    /// The channel over which an attempt went.
    fn channel_of(&self, attempt: u16) -> Channel {
        if self.is_whatsapp_attempt(attempt) { Channel::Whatsapp } else { self.standing.channel }
    }

    /// The day of the newest call, where the account is.
    fn day_of_call(&self, tariff: &Tariff) -> i64 {
        let called_at = self.calls.called_at.unwrap_or(self.changed_at);
        let called_at = Timestamp::from_millisecond(called_at).unwrap_or_default();
        day_number(tariff.day(called_at))
    }

    /// When something happened to the newest attempt: as the provider says, unless that cannot be.
    fn moment(&self, provider_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let called_at = self.calls.called_at.and_then(|at| Timestamp::from_millisecond(at).ok());
        let earliest = called_at.unwrap_or(now).min(now);
        provider_at.unwrap_or(now).clamp(earliest, now)
    }

    /// What is to be charged for an attempt.
    fn bill(&self, id: i64, attempt: u16, at: Timestamp, told: Option<ToldPrice>) -> Bill {
        let over_whatsapp = self.is_whatsapp_attempt(attempt);
        Bill {
            message: id,
            attempt,
            channel: self.channel_of(attempt),
            campaign: self.rules.campaign.as_ref().map(ToString::to_string).unwrap_or_default(),
            language: self.language,
            sender: self.sender.clone(),
            category: PriceCategory::of(!self.free_form, self.subject.marketing),
            country: CountryCode::of_person(self.phone.as_deref(), self.bsuid.as_deref()),
            in_window: self.free_form,
            at,
            flat_micros: if over_whatsapp { self.price_micros } else { self.money.reserved_micros },
            told,
            puts_right: false,
        }
    }

    fn is_whatsapp_attempt(&self, attempt: u16) -> bool {
        attempt <= self.calls.whatsapp_attempt
    }

    /// What is told of the message as it stands now.
    fn told(&self, id: i64, event: HookEvent, now: Timestamp) -> NewHookEvent {
        let contact = ContactId::new(self.contact);
        let failure = match &self.standing.delivery {
            Delivery::Failed(refusal) => Some(refusal.into()),
            _ => None,
        };
        let data = MessageChanged {
            message_id: MessageId::new(id),
            contact,
            phone: self.phone.as_deref(),
            campaign: self.rules.campaign.as_ref().map(CampaignName::as_str),
            run: self.run.map(RunId::new),
            purpose: self.subject.purpose.name(),
            language: self.language.code(),
            channel: self.standing.channel.name(),
            state: self.standing.delivery.state().name(),
            attempts: self.standing.attempt,
            whatsapp_id: self.standing.whatsapp_id.as_ref().filter(|_| !self.erased).map(WhatsAppId::as_str),
            failure,
            changed_at: now,
        };
        NewHookEvent::new(event, Some(contact), now, &data)
    }
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
    costs: Costs,
    budget_days: BudgetDays,
    call_days: CallDays,
    /// What arrived and is to be charged.
    bills: Vec<Bill>,
    tariff: Arc<Tariff>,
    heard: HeardFrom,
    /// Generations of the limits in force, by portfolio.
    generations: HashMap<String, i64>,
    suspensions: InForce,
    sick: Arc<SickChannels>,
    /// People who were called by other messages so recently that their campaign leaves them alone.
    contacted_recently: HashSet<i64>,
    /// Service windows of those who are to be told free words.
    windows: HashMap<Pair, ServiceWindow>,
    /// Finished runs in which something is to be done again.
    reopened: BTreeSet<i64>,
    /// Messages that may now be sent for longer, and until when.
    prolonged: Vec<(i64, Timestamp)>,
    /// What callbacks of this transaction made wait, and what providers refused through them.
    held: Vec<HeldMessage>,
    refused: Vec<RefusedMessage>,
    let_through: Vec<(MessageId, LetThrough)>,
    /// Who wants to hear of what, and what there is to tell.
    wanted: Arc<Wanted>,
    told: Vec<NewHookEvent>,
}

/// Whether a fact shows that a provider took what it is about.
const fn was_taken(fact: &Fact) -> bool {
    matches!(fact, Fact::Accepted(_) | Fact::AssumeSent | Fact::Sent | Fact::Delivered | Fact::Read)
}

/// What the history calls it when a message goes although a suspension stops all others.
const LET_THROUGH: &str = "let-through";

/// The bit of an event in `events_seen`.
fn bit(event: &str) -> i64 {
    const EVENTS: [&str; 15] = [
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
        "held",
        "not-delivered",
        LET_THROUGH,
    ];
    EVENTS.iter().position(|known| *known == event).map_or(0, |at| 1 << at)
}

impl Ledger {
    /// Reads and locks these messages. Where one of them may be started, its contact is locked first, so that no stop word is
    /// applied between the look at its consent and the commit; and with it what limits and suspensions say is read.
    pub(super) async fn load(
        db: &Db<'_, DatabaseTransaction>,
        policies: &Policies,
        ids: &BTreeSet<i64>,
        starts: &[&Start],
    ) -> Sql<Self> {
        let mut ledger = Self {
            sick: policies.sick(),
            wanted: Arc::clone(policies.wanted()),
            tariff: Arc::clone(policies.tariff()),
            ..Self::default()
        };
        if ids.is_empty() {
            return Ok(ledger);
        }
        let shared = db.lock(Lock::Shared, "c");
        if !shared.is_empty() && !starts.is_empty() {
            let of_messages = format!(
                "SELECT c.id FROM contacts c WHERE c.id IN (SELECT m.contact_id FROM messages m WHERE m.id {{}}) ORDER BY c.id{shared}"
            );
            let to_start: Vec<i64> = starts.iter().map(|start| start.id.number()).collect();
            db.all(&of_messages, args![to_start]).await?;
        }
        let columns = format!(
            "m.id, m.run_id, r.state, m.sender, m.purpose, m.language, {STANDING_COLUMNS}, \
             m.expires_at, m.price_micros, m.told, m.cost_micros, m.called_at, m.changed_at, m.n_events, m.events_seen, \
             m.reserved_micros, m.charged, m.unsettled, m.counted_at, m.whatsapp_attempt, m.contact_id, m.free_form, c.phone, c.timezone, \
             c.bsuid, \
             CAST(CASE WHEN c.email IS NULL THEN 0 ELSE 1 END AS BIGINT), c.granted, c.stopped, c.marketing_stopped, m.marketing, \
             CAST(CASE WHEN c.erased_at IS NULL THEN 0 ELSE 1 END AS BIGINT)"
        );
        let rest = format!(
            "FROM messages m JOIN contacts c ON c.id = m.contact_id LEFT JOIN runs r ON r.id = m.run_id \
             WHERE m.id {{}} ORDER BY m.id{}",
            db.lock(Lock::Exclusive, "m")
        );
        let singles = policies.singles();
        let found = db.packed(&columns, &rest, args![ids.iter().copied().collect::<Vec<i64>>()]).await?;
        let entries = found.read("messages", |row| Ok((row.int()?, Entry::read(row, &singles)?)))?;
        ledger.entries = entries.into_iter().collect();
        let runs = ledger.entries.values().filter_map(|entry| entry.run).collect();
        let rules = policies.of(db, &runs).await?;
        for entry in ledger.entries.values_mut() {
            if let Some(known) = entry.run.and_then(|run| rules.get(&run)) {
                entry.rules = Arc::clone(known);
            }
        }
        if !starts.is_empty() {
            ledger.load_for_starts(db, starts).await?;
        }
        Ok(ledger)
    }

    /// What only matters where something is started: generations of limits, suspensions, who was contacted recently.
    async fn load_for_starts(&mut self, db: &Db<'_, DatabaseTransaction>, starts: &[&Start]) -> Sql<()> {
        let portfolios: BTreeSet<&str> =
            starts.iter().flat_map(|start| &start.permits).map(|(portfolio, _)| portfolio.as_str()).collect();
        if !portfolios.is_empty() {
            let sql = format!(
                "SELECT portfolio, generation FROM limit_generations g WHERE portfolio {{}}{}",
                db.lock(Lock::Shared, "g")
            );
            let portfolios: Vec<String> = portfolios.into_iter().map(ToOwned::to_owned).collect();
            for row in db.all(&sql, args![portfolios]).await? {
                let mut row = Row::of(&row, "limit_generations");
                self.generations.insert(row.text()?, row.int()?);
            }
        }
        self.suspensions = InForce::load(db, starts.iter().map(|start| start.now).max().unwrap_or_default()).await?;
        let free_forms = starts.iter().filter_map(|start| self.entries.get(&start.id.number()));
        let listeners = free_forms.filter(|entry| entry.free_form).map(|entry| entry.contact).collect();
        self.windows = windows::of(db, listeners).await?;
        let mut spared: HashMap<jiff::SignedDuration, Vec<i64>> = HashMap::new();
        for start in starts.iter().filter(|start| start.attempts_before == 0) {
            if let Some(entry) = self.entries.get(&start.id.number())
                && let Some(span) = entry.rules.policy.not_contacted_for
            {
                spared.entry(span).or_default().push(start.id.number());
            }
        }
        for (span, messages) in spared {
            let now = starts[0].now;
            let since = now.saturating_sub(span).unwrap_or(Timestamp::MIN);
            let sql = "SELECT m.id FROM messages m WHERE m.id {} AND EXISTS (SELECT 1 FROM messages o \
                       WHERE o.contact_id = m.contact_id AND o.id <> m.id AND o.called_at >= ? \
                       AND o.state NOT IN ('failed', 'suppressed', 'expired'))";
            for row in db.all(sql, args![messages, since]).await? {
                self.contacted_recently.insert(Row::of(&row, "messages").int()?);
            }
        }
        Ok(())
    }

    /// Whether the message is there.
    pub(super) fn holds(&self, id: i64) -> bool {
        self.entries.contains_key(&id)
    }

    /// Whether its person was forgotten.
    pub(super) fn is_of_erased(&self, id: i64) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.erased)
    }

    /// The run of a message.
    pub(super) fn run_of(&self, id: i64) -> Option<i64> {
        self.entries.get(&id).and_then(|entry| entry.run)
    }

    /// The campaign of a message.
    pub(super) fn campaign_of(&self, id: i64) -> Option<&str> {
        self.entries.get(&id)?.rules.campaign.as_ref().map(CampaignName::as_str)
    }

    /// Marks the next attempt as started, or says why not.
    pub(super) fn start(&mut self, start: &Start, rules: &suspension::Rules) -> StartAnswer {
        let (id, now) = (start.id.number(), start.now);
        let Some(entry) = self.entries.get(&id) else { return StartAnswer::NotNow { because: NO_SUCH_MESSAGE } };
        if entry.standing.attempt != start.attempts_before {
            return StartAnswer::NotNow { because: "another attempt was started since" };
        }
        if entry.standing.channel != start.channel {
            return StartAnswer::NotNow { because: "another channel took over since" };
        }
        let target = Target {
            sender: &entry.sender,
            campaign: entry.rules.campaign.as_ref(),
            channel: entry.standing.channel,
            country: if self.suspensions.ask_country() {
                entry.phone.as_deref().and_then(|phone| PhoneNumber::from_e164(phone).ok()?.country())
            } else {
                None
            },
        };
        let rule = entry.rules.policy.quiet_hours.as_ref();
        let quiet = rule.and_then(|rule| quiet_for(rule, &entry.timezone, now));
        let question = StartQuestion {
            standing: &entry.standing,
            consent: entry.consent,
            subject: Subject { marketing: entry.subject.marketing || start.marketing, ..entry.subject },
            has_address: entry.reachable.contains(entry.standing.channel),
            run: entry.run_state,
            expires_at: entry.expires_at,
            suspended_until: self.suspensions.stops_until(&target, now),
            quiet_until: quiet,
            contacted_recently: self.contacted_recently.contains(&id),
            window: (entry.free_form && entry.standing.channel == Channel::Whatsapp).then(|| {
                let pair = (entry.contact, entry.sender.clone());
                self.windows.get(&pair).copied().unwrap_or(ServiceWindow::CLOSED)
            }),
        };
        let answer = may_start(&question, now);
        match answer {
            StartAnswer::Go => {
                let fence_holds = start.permits.iter().all(|(portfolio, generation)| {
                    self.generations.get(portfolio).copied().unwrap_or(0) == *generation
                });
                if !fence_holds {
                    return StartAnswer::NotNow { because: "its permit is from before the limits were rebuilt" };
                }
                let alone = self.suspensions.let_through(start.id, &target, rules, now);
                let attempt = start.attempts_before + 1;
                // Tries on the same channel are one message on it.
                let before = &self.entries[&id].standing;
                let took_over =
                    before.channel != Channel::Whatsapp && before.given_up == before.attempt && before.waits_used == 0;
                let is_first = before.attempt == 0 || took_over;
                self.change(id, None, Delivery::Calling { lease_until: start.lease_until }, now);
                // Each reservation counts on the day of its own call.
                self.reserve(id, 0);
                let entry = self.entries.get_mut(&id).expect("it was there a moment ago");
                entry.standing.attempt = attempt;
                entry.calls.called_at = Some(millis(now));
                self.reserve(id, start.price_micros);
                if is_first {
                    self.count_call(id, attempt, CallFate::Called);
                }
                if took_over {
                    self.count_call(id, attempt, CallFate::TookOver);
                }
                let entry = self.entries.get_mut(&id).expect("it was there a moment ago");
                entry.events_seen = 0;
                entry.freeze.clone_from(&start.freeze);
                let channel = entry.standing.channel;
                if channel == Channel::Whatsapp {
                    entry.calls.whatsapp_attempt = attempt;
                    if start.counts_for_tier {
                        entry.calls.counted_at = Some(millis(now));
                    }
                }
                // Where a message begins goes without saying.
                let detail = if channel == Channel::Whatsapp { "" } else { channel.name() };
                self.write(id, now, None, attempt, "started", detail.to_owned());
                if let Some(suspension) = alone {
                    let detail = format!("to see whether suspension {suspension} may end");
                    self.write(id, now, None, attempt, LET_THROUGH, detail);
                    return StartAnswer::GoAlone { suspension };
                }
            }
            StartAnswer::Suppress(reason) => self.end(id, Delivery::Suppressed(reason), reason.name().to_owned(), now),
            StartAnswer::Expire => self.end(id, Delivery::Expired, String::new(), now),
            StartAnswer::Hold { reason, until } => self.hold_at(id, reason, until, now),
            StartAnswer::GoAlone { .. } | StartAnswer::NotNow { .. } => {}
        }
        answer
    }

    /// Holds a message that waits to be called; answers whether it did.
    pub(super) fn hold(
        &mut self,
        id: i64,
        attempts_before: u16,
        reason: HeldReason,
        until: Timestamp,
        now: Timestamp,
    ) -> bool {
        let waits = self.entries.get(&id).is_some_and(|entry| {
            entry.standing.attempt == attempts_before
                && matches!(entry.standing.delivery, Delivery::Planned | Delivery::Held { .. })
        });
        if waits {
            self.hold_at(id, reason, until, now);
        }
        waits
    }

    fn hold_at(&mut self, id: i64, reason: HeldReason, until: Timestamp, now: Timestamp) {
        let attempt = self.entries[&id].standing.attempt;
        let was =
            matches!(&self.entries[&id].standing.delivery, Delivery::Held { reason: before, .. } if *before == reason);
        self.change(id, None, Delivery::Held { reason, until }, now);
        // Held on for the same reason is no news: the history would only grow.
        if !was {
            self.write(id, now, None, attempt, State::Held.name(), reason.name().to_owned());
        }
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
        let effect = after_fact(&entry.standing, attempt, fact, &entry.situation(id, self.sick.at(now)), now);
        let event = fact.name();
        let was_started = attempt <= entry.standing.attempt;
        if was_started {
            let at = entry.moment(provider_at, now);
            self.charge(id, attempt, fact, at);
        }
        let Some(entry) = self.entries.get_mut(&id) else { return effect };
        match &effect {
            Effect::Changed(next) => {
                entry.standing.whatsapp_id.clone_from(&next.whatsapp_id);
                entry.standing.waits_used = next.waits_used;
                entry.standing.given_up = next.given_up;
                let mut detail = match fact {
                    Fact::Refused(refusal) => encode::refusal_text(refusal),
                    Fact::NotSent { because, .. } | Fact::Unanswered { because, .. } => because.clone(),
                    _ => String::new(),
                };
                if let Delivery::Held { reason, .. } = &next.delivery {
                    if !detail.is_empty() {
                        detail.push_str("; ");
                    }
                    detail.push_str("held: ");
                    detail.push_str(reason.name());
                    if next.channel != entry.standing.channel {
                        detail.push(' ');
                        detail.push_str(next.channel.name());
                    }
                }
                self.settle_reservation(id, attempt, fact, &next.delivery);
                self.count_fate(id, attempt, &next.delivery);
                self.change(id, Some(next.channel), next.delivery.clone(), now);
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

    /// Charges an attempt, once. WhatsApp is charged when it arrives, other channels when they take it.
    fn charge(&mut self, id: i64, attempt: u16, fact: &Fact, at: Timestamp) {
        let entry = self.entries.get_mut(&id).expect("it was there a moment ago");
        let over_whatsapp = entry.is_whatsapp_attempt(attempt);
        let arrived = matches!(fact, Fact::Delivered | Fact::Read);
        let is_due = if over_whatsapp {
            arrived && attempt > 0
        } else {
            attempt == entry.standing.attempt && entry.money.reserved_micros != 0 && was_taken(fact)
        };
        let bit = charges::bit_of(attempt);
        if !is_due || entry.money.charged & bit != 0 {
            return;
        }
        entry.money.charged |= bit;
        let told = entry.money.told.filter(|told| told.attempt == attempt);
        if told.is_none_or(|told| !told.at_arrival) {
            entry.money.unsettled |= bit;
        }
        entry.changed = true;
        let bill = entry.bill(id, attempt, at, told.map(|told| told.price));
        self.bills.push(bill);
    }

    /// Takes what a callback says of the price of an attempt; what it says with the arrival wins, whichever comes first.
    fn tell_price(&mut self, id: i64, attempt: u16, price: ToldPrice, at_arrival: bool, at: Timestamp) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        // An amount in another currency than ours can be added to nothing.
        if price.category.is_none() && price.amount.is_some_and(|amount| amount.currency != self.tariff.currency) {
            return;
        }
        let told = Told { attempt, at_arrival, price };
        let wins = entry.money.told.is_none_or(|before| {
            (attempt, at_arrival) > (before.attempt, before.at_arrival)
                || ((attempt, at_arrival) == (before.attempt, before.at_arrival) && price.amount.is_some())
        });
        if !wins || entry.money.told == Some(told) {
            return;
        }
        let is_news = entry.money.told.is_none_or(|before| before.attempt != attempt || before.price != price);
        entry.money.told = Some(told);
        entry.changed = true;
        let bit = charges::bit_of(attempt);
        if entry.money.unsettled & bit == 0 {
            return;
        }
        if at_arrival {
            entry.money.unsettled &= !bit;
        }
        if !is_news {
            return;
        }
        match self.bills.iter_mut().find(|bill| bill.message == id && bill.attempt == attempt) {
            Some(bill) => bill.told = Some(price),
            None => {
                let bill = Bill { puts_right: true, ..entry.bill(id, attempt, at, Some(price)) };
                self.bills.push(bill);
            }
        }
    }

    /// Gives back what an attempt has reserved once it is charged or can no longer be.
    fn settle_reservation(&mut self, id: i64, attempt: u16, fact: &Fact, next: &Delivery) {
        let entry = self.entries.get_mut(&id).expect("it was there a moment ago");
        if matches!(fact, Fact::Refused(_) | Fact::NotSent { .. }) && entry.is_whatsapp_attempt(attempt) {
            entry.calls.counted_at = None;
        }
        let may_still_be_charged = matches!(
            next,
            Delivery::Calling { .. } | Delivery::Unknown { .. } | Delivery::Submitted { .. } | Delivery::Sent { .. }
        );
        let is_charged = entry.money.charged & charges::bit_of(entry.standing.attempt) != 0;
        if is_charged || !may_still_be_charged {
            self.reserve(id, 0);
        }
    }

    /// Sets what a message has reserved of its run's budget, and of the budgets of the day of its call.
    fn reserve(&mut self, id: i64, micros: i64) {
        let entry = self.entries.get_mut(&id).expect("only messages that were loaded reserve");
        let more = micros - entry.money.reserved_micros;
        if more != 0 {
            entry.money.reserved_micros = micros;
            entry.changed = true;
            self.budget_days.reserve(entry.day_of_call(&self.tariff), more);
            if let Some(run) = entry.run {
                self.costs.reserve(run, more);
            }
        }
    }

    /// Applies a status to the message that it is about.
    pub(super) fn status(&mut self, id: i64, news: &StatusNews, now: Timestamp) -> Effect {
        let Some(entry) = self.entries.get_mut(&id) else { return Effect::Unchanged { because: NO_SUCH_MESSAGE } };
        let attempt = news
            .reference
            .as_ref()
            .filter(|reference| reference.message.number() == id)
            .map_or(entry.standing.attempt, |reference| reference.attempt);
        let newest = attempt == entry.standing.attempt;
        let was_started = attempt > 0 && attempt <= entry.standing.attempt;
        let refused = matches!(news.status, ProviderStatus::Failed(_));
        if entry.standing.whatsapp_id.is_none() && was_started && (newest || !refused) {
            entry.standing.whatsapp_id = Some(news.whatsapp_id.clone());
            entry.changed = true;
        }
        let fact = match &news.status {
            ProviderStatus::Sent => Fact::Sent,
            ProviderStatus::Delivered => Fact::Delivered,
            ProviderStatus::Read => Fact::Read,
            ProviderStatus::Failed(refusal) => Fact::Refused(refusal.clone()),
        };
        if let Some(called_at) = entry.calls.called_at.filter(|_| newest && attempt > entry.standing.given_up) {
            let statuses = bit("sent") | bit("delivered") | bit("read") | bit("failed");
            let first = entry.events_seen & statuses == 0;
            self.heard.note(entry.standing.channel, &entry.sender, called_at, millis(now), first);
        }
        // As it was when the attempt was made: what is learnt may put another channel in its place.
        let channel = entry.standing.channel;
        if let Some(price) = news.pricing.filter(|_| was_started && !refused) {
            let at_arrival = matches!(fact, Fact::Delivered | Fact::Read);
            self.tell_price(id, attempt, price, at_arrival, now);
        }
        let effect = self.learn(id, attempt, &fact, Some(news.provider_at), now);
        if newest && self.entries[&id].events_seen & bit(LET_THROUGH) != 0 {
            let became = match &news.status {
                ProviderStatus::Failed(refusal) => LetThrough::Refused(refusal.class),
                _ => LetThrough::Left,
            };
            self.let_through.push((MessageId::new(id), became));
        }
        if let Effect::Changed(next) = &effect {
            self.note_consequences(id, attempt, channel, &fact, next);
        }
        effect
    }

    /// What whoever applies callbacks must do beside the record: wake what waits now, and react to what was refused.
    fn note_consequences(&mut self, id: i64, attempt: u16, channel: Channel, fact: &Fact, next: &Standing) {
        let entry = &self.entries[&id];
        if let Delivery::Held { until, .. } = next.delivery {
            self.held.push(HeldMessage {
                id: MessageId::new(id),
                attempts: next.attempt,
                from: channel,
                channel: next.channel,
                until,
            });
        }
        if let Fact::Refused(refusal) = fact {
            let phone = entry.phone.as_deref();
            self.refused.push(RefusedMessage {
                id: MessageId::new(id),
                sender: entry.sender.clone(),
                contact: ContactId::new(entry.contact),
                channel: if entry.is_whatsapp_attempt(attempt) { Channel::Whatsapp } else { channel },
                campaign: entry.rules.campaign.clone(),
                country: phone.and_then(|phone| PhoneNumber::from_e164(phone).ok()?.country()),
                called_at: entry
                    .calls
                    .called_at
                    .and_then(|at| Timestamp::from_millisecond(at).ok())
                    .unwrap_or_default(),
                refusal: refusal.clone(),
            });
        }
    }

    /// What callbacks made wait, what providers refused through them, and what became of messages that were let through.
    pub(super) fn consequences(&mut self) -> (Vec<HeldMessage>, Vec<RefusedMessage>, Vec<(MessageId, LetThrough)>) {
        (std::mem::take(&mut self.held), std::mem::take(&mut self.refused), std::mem::take(&mut self.let_through))
    }

    /// The service window that a message waits for is open: it may go now.
    pub(super) fn window_opened(&mut self, id: i64, now: Timestamp) {
        let Some(entry) = self.entries.get(&id) else { return };
        if matches!(entry.standing.delivery, Delivery::Held { reason: HeldReason::Window, .. }) {
            let (attempts, channel) = (entry.standing.attempt, entry.standing.channel);
            self.hold_at(id, HeldReason::Window, now, now);
            self.held.push(HeldMessage { id: MessageId::new(id), attempts, from: channel, channel, until: now });
        }
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
        let objection = entry.consent.objection(entry.subject);
        objection.is_some_and(|reason| self.suppress(id, reason, "", now))
    }

    /// Puts a message that failed back to waiting on WhatsApp; answers the attempts behind it, if it did. They all count as given up: of
    /// them only an arrival still changes anything.
    pub(super) fn replay(&mut self, id: i64, terms: &ReplayTerms, now: Timestamp) -> Option<u16> {
        let entry = self.entries.get_mut(&id)?;
        let failed = matches!(entry.standing.delivery, Delivery::Failed(_));
        if !failed || entry.run_state == Some(RunState::Cancelled) {
            return None;
        }
        let attempt = entry.standing.attempt;
        entry.standing.waits_used = 0;
        entry.standing.given_up = attempt;
        let own = entry.rules.expires_after.unwrap_or(terms.expires_after_otherwise);
        let expires_at = now.saturating_add(terms.expires_after.unwrap_or(own)).unwrap_or(Timestamp::MAX);
        // Without a wish of its own it is never shortened.
        let expires_at = if terms.expires_after.is_some() { expires_at } else { expires_at.max(entry.expires_at) };
        entry.expires_at = expires_at;
        self.prolonged.push((id, expires_at));
        self.change(id, Some(Channel::Whatsapp), Delivery::Planned, now);
        self.write(id, now, None, attempt, "replayed", format!("by {}", terms.by));
        Some(attempt)
    }

    fn end(&mut self, id: i64, delivery: Delivery, detail: String, now: Timestamp) {
        let attempt = self.entries[&id].standing.attempt;
        let event = delivery.state().name();
        self.reserve(id, 0);
        self.change(id, None, delivery, now);
        self.write(id, now, None, attempt, event, detail);
    }

    /// Counts what becomes of a call, on the day of the newest.
    fn count_call(&mut self, id: i64, attempt: u16, fate: CallFate) {
        let entry = &self.entries[&id];
        let campaign = entry.rules.campaign.as_ref().map_or("", CampaignName::as_str);
        let day = entry.day_of_call(&self.tariff);
        self.call_days.add(day, campaign, entry.channel_of(attempt), entry.language, fate);
    }

    /// Counts that a message arrives, is read or fails, before it is put into that state.
    fn count_fate(&mut self, id: i64, attempt: u16, next: &Delivery) {
        let before = &self.entries[&id].standing;
        let had_arrived = matches!(before.delivery, Delivery::Delivered | Delivery::Read);
        let arrives = !had_arrived && matches!(next, Delivery::Delivered | Delivery::Read);
        let is_seen = *next == Delivery::Read && before.delivery != Delivery::Read;
        let fails = attempt == before.attempt && matches!(next, Delivery::Failed(_));
        if arrives {
            self.count_call(id, attempt, CallFate::Delivered);
        }
        if is_seen {
            self.count_call(id, attempt, CallFate::Read);
        }
        if fails {
            self.count_call(id, attempt, CallFate::Failed);
        }
    }

    /// Puts the message into another state, and over another channel where one is given.
    fn change(&mut self, id: i64, channel: Option<Channel>, next: Delivery, now: Timestamp) {
        let entry = self.entries.get_mut(&id).expect("only messages that were loaded change");
        let channel = channel.unwrap_or(entry.standing.channel);
        if let Some(run) = entry.run {
            self.counts.add(run, entry.language, entry.standing.channel, &entry.standing.delivery, -1);
            self.counts.add(run, entry.language, channel, &next, 1);
            if next.state().is_open() && entry.run_state == Some(RunState::Finished) {
                entry.run_state = Some(RunState::Running);
                self.reopened.insert(run);
            }
        }
        let is_news = entry.standing.delivery.state() != next.state();
        entry.standing.delivery = next;
        entry.standing.channel = channel;
        entry.changed_at = millis(now);
        entry.changed = true;
        if is_news
            && let Some(event) = HookEvent::of_state(entry.standing.delivery.state())
            && self.wanted.wants(event)
        {
            self.told.push(entry.told(id, event, now));
        }
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

    /// Takes out of messages of people who were forgotten what names them: Meta's ids hold their number, and refusals may quote it.
    fn forget_names(&mut self) {
        for entry in self.entries.values_mut().filter(|entry| entry.erased) {
            entry.standing.whatsapp_id = None;
            if let Delivery::Failed(refusal) = &mut entry.standing.delivery {
                refusal.details.clear();
            }
        }
        for line in &mut self.history {
            if self.entries.get(&line.message).is_some_and(|entry| entry.erased) {
                line.detail.clear();
            }
        }
    }

    /// Prices what arrived, and adds it to what its message, its run and its day have cost.
    async fn book(&mut self, db: &Db<'_, DatabaseTransaction>, shard: i64) -> Sql<Charged> {
        let (booked, charged) = charges::book(db, &self.tariff, shard, std::mem::take(&mut self.bills)).await?;
        for booked in booked {
            let entry = self.entries.get_mut(&booked.message).expect("only messages that were loaded are charged");
            entry.money.cost_micros = Some(entry.money.cost_micros.unwrap_or(0) + booked.more_micros);
            entry.changed = true;
            self.budget_days.spend(entry.day_of_call(&self.tariff), booked.more_micros);
            if let Some(run) = entry.run {
                self.costs.spend(run, booked.more_micros);
            }
        }
        Ok(charged)
    }

    /// Writes what changed; answers what was charged.
    pub(super) async fn save(mut self, db: &Db<'_, DatabaseTransaction>, shard: i64) -> Sql<Charged> {
        self.forget_names();
        let charged = self.book(db, shard).await?;
        let changed = self.entries.into_iter().filter(|(_, entry)| entry.changed).map(|(id, entry)| Changed {
            id,
            changed_at: entry.changed_at,
            n_events: entry.n_events,
            events_seen: entry.events_seen,
            before: entry.before,
            after: Columns::new(entry.standing, entry.money, entry.calls),
            freeze: entry.freeze,
        });
        changes::write(db, changed.collect()).await?;
        append_history(db, self.history).await?;
        if !self.prolonged.is_empty() {
            let table = Table::new()
                .int("id", self.prolonged.iter().map(|(id, _)| *id))
                .int("expires_at", self.prolonged.iter().map(|(_, at)| millis(*at)));
            db.run("UPDATE messages SET expires_at = v.expires_at FROM {} WHERE messages.id = v.id", args![table])
                .await?;
        }
        if !self.reopened.is_empty() {
            let runs: Vec<i64> = self.reopened.into_iter().collect();
            let sql = "UPDATE runs SET state = 'running', ended_at = NULL WHERE id {} AND state = 'finished'";
            db.run(sql, args![runs]).await?;
        }
        outbox::add(db, &self.wanted, self.told).await?;
        self.suspensions.save(db).await?;
        self.counts.save(db, shard).await?;
        self.costs.save(db, shard).await?;
        self.budget_days.save(db, shard).await?;
        self.call_days.save(db, shard).await?;
        self.heard.save(db, shard).await?;
        Ok(charged)
    }
}

/// Appends to the history: one statement for the lines about the same event, without the columns that say nothing.
async fn append_history(db: &Db<'_, DatabaseTransaction>, lines: Vec<Line>) -> Sql<()> {
    let mut alike: BTreeMap<(&'static str, bool, bool), Vec<Line>> = BTreeMap::new();
    for line in lines {
        let form = (line.event, line.provider_at.is_some(), !line.detail.is_empty());
        alike.entry(form).or_default().push(line);
    }
    for ((event, with_provider_at, with_detail), mut lines) in alike {
        lines.sort_unstable_by_key(|line| (line.message, line.seq));
        let mut table = Table::new()
            .int("message_id", lines.iter().map(|line| line.message))
            .int("seq", lines.iter().map(|line| line.seq))
            .int("at", lines.iter().map(|line| line.at))
            .int("attempt", lines.iter().map(|line| i64::from(line.attempt)));
        let mut provider_at = "";
        if with_provider_at {
            table = table.opt_int("provider_at", lines.iter().map(|line| line.provider_at));
            provider_at = ", provider_at";
        }
        let mut detail = "''";
        if with_detail {
            table = table.text("detail", lines.into_iter().map(|line| encode::storable(line.detail)));
            detail = "detail";
        }
        let sql = format!(
            "INSERT INTO history (message_id, seq, at, attempt, event, detail{provider_at}) \
             SELECT message_id, seq, at, attempt, ?, {detail}{provider_at} FROM {{}}"
        );
        db.run(&sql, args![event, table]).await?;
    }
    Ok(())
}

/// Writes the first events of messages that are suppressed from the beginning.
pub(super) async fn write_born_suppressed(
    db: &Db<'_, DatabaseTransaction>,
    born: Vec<(i64, String)>,
    now: Timestamp,
) -> Sql<()> {
    let line = |(message, detail): (i64, String)| Line {
        message,
        seq: 1,
        at: millis(now),
        provider_at: None,
        attempt: 0,
        event: State::Suppressed.name(),
        detail,
    };
    append_history(db, born.into_iter().map(line).collect()).await
}
