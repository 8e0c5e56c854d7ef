//! `barid campaign plan`: what a run would be if it began now. Sends nothing and writes nothing.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::cli::campaign::forecast::{Outlook, Quiet, ShownTakeOver, Stage, TakeOver, stages, waits_of, warnings};
use crate::cli::campaign::plan_costs::{self, PlanCosts, ShownCost};
use crate::cli::contacts::cannot_read;
use crate::cli::exit::{Ended, Exit, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::{Json, screen};
use crate::config::pricing::Pricing;
use crate::contacts_file::{ContactsFile, Settings};
use crate::domain::audience::{AudienceSource, suppression};
use crate::domain::campaign::Campaign;
use crate::domain::channel::{Channel, Channels};
use crate::domain::consent::{Consent, Subject};
use crate::domain::contact::{Contact, ContactUpdate};
use crate::domain::delivery::SuppressedReason;
use crate::domain::double_opt_in::DoubleOptIn;
use crate::domain::forecast::{self, Forecast, TierLeft};
use crate::domain::ids::{CampaignName, ContactId};
use crate::domain::language::Language;
use crate::domain::money::Money;
use crate::domain::pricing::PriceCategory;
use crate::domain::template::{Category, MessageTemplate, Values};
use crate::http::Cost;
use crate::ports::{Contacts as _, Costs as _, Messages as _};
use crate::store::SqlStore;

/// People who are looked at in one step.
const PAGE: usize = 500;
/// Row errors that are shown; `contacts import --dry-run` lists all.
const ERRORS_SHOWN_MAX: usize = 10;

/// Say whom a run would reach, whom it would skip and why, what it would cost and how long it would take; sends nothing
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Plan {
    /// The stem of its file
    #[arg(value_name = "NAME")]
    name: CampaignName,
    #[command(flatten)]
    json: Json,
}

/// What was found so far.
struct Tally<'a> {
    recipients: BTreeMap<&'static str, u64>,
    skipped: BTreeMap<String, u64>,
    /// Not meant: tags, attributes or sample leave them out.
    not_selected: u64,
    refused_rows: u64,
    row_errors: Vec<String>,
    /// Numbers seen, as digits: a person who stands twice in a file is told once.
    seen: HashSet<u64>,
    quiet: Quiet,
    /// In the order of the campaign's other channels.
    take_over: Vec<(Channel, TakeOver)>,
    costs: PlanCosts<'a>,
}

impl<'a> Tally<'a> {
    fn new(costs: PlanCosts<'a>) -> Self {
        Self {
            recipients: BTreeMap::new(),
            skipped: BTreeMap::new(),
            not_selected: 0,
            refused_rows: 0,
            row_errors: Vec::new(),
            seen: HashSet::new(),
            quiet: Quiet::default(),
            take_over: Vec::new(),
            costs,
        }
    }
}

#[derive(Serialize)]
struct Shown {
    campaign: String,
    recipients: u64,
    by_language: BTreeMap<&'static str, u64>,
    skipped: BTreeMap<String, u64>,
    not_selected: u64,
    refused_rows: u64,
    row_errors: Vec<String>,
    cost: Cost,
    /// By language, country and category, the dearest first.
    costs: Vec<ShownCost>,
    /// From where the prices are.
    prices_from: Vec<String>,
    budget: Option<Cost>,
    fallback: Vec<ShownTakeOver>,
    stages: Vec<Stage>,
    quiet: Quiet,
    reminders: u32,
    messages_per_second: u32,
    takes_seconds: u64,
    /// What decides how long it takes.
    limited_by: &'static str,
    /// Messages in each 24 hours from its beginning.
    days: Vec<u64>,
    begins_at: Option<String>,
    ends_at: Option<String>,
    warnings: Vec<String>,
}

pub(super) async fn run(arguments: &Plan, installation: &Installation) -> Ended {
    let (campaign, template) = installation.campaign(&arguments.name)?;
    let store = installation.store().await?;
    let now = installation.clock().now();
    let begins = campaign.due_after(now).unwrap_or(now);
    let pricing = &installation.config.pricing;
    let on = pricing.tariff.day(begins);
    let category = PriceCategory::of(true, template.category() == Category::Marketing);
    let charged = store.charged_in_month(on).await.or_exit(Exit::Unavailable)?;
    let judge = Judge {
        values: Language::ALL.map(|language| Values::new(language, &campaign.values, &installation.config.brand)),
        campaign: &campaign,
        template: &template,
        begins,
        pricing,
    };
    let mut tally = Tally::new(PlanCosts::new(&pricing.tariff, on, category, pricing.template.micros, charged));
    tally.take_over.extend(campaign.delivery.fallback.iter().map(|channel| (*channel, TakeOver::default())));
    match &campaign.audience.source {
        AudienceSource::Query => from_store(&store, &judge, &mut tally).await?,
        AudienceSource::File(path) => {
            let path = installation.config.campaigns_dir().join(path);
            let settings = Settings { default_country: installation.default_country, now };
            let file = ContactsFile::open(&path, settings).map_err(cannot_read)?;
            let config = &installation.config;
            let (language, rules) = (config.contacts.default_language, config.consent.double_opt_in);
            from_file(file, &store, &judge, language, rules, &mut tally).await?;
        }
    }
    let shown = shown(tally, &campaign, &template, installation, now);
    if arguments.json.json { screen::json(&shown) } else { tell(shown) }
}

/// Decides about one person as the jobs would.
struct Judge<'a> {
    campaign: &'a Campaign,
    template: &'a MessageTemplate,
    /// In the order of [`Language::ALL`].
    values: [Values; 2],
    /// When the run begins; what only a person starts is reckoned from now.
    begins: Timestamp,
    pricing: &'a Pricing,
}

impl Judge<'_> {
    fn subject(&self) -> Subject {
        Subject { purpose: self.campaign.purpose, marketing: self.template.category() == Category::Marketing }
    }

    /// Decides about these people, of whom the record knows those that it knows.
    async fn add_all(&self, contacts: &[Contact], store: &SqlStore, tally: &mut Tally<'_>) -> Ended {
        let recently = match self.campaign.audience.not_contacted_for {
            None => HashSet::new(),
            Some(span) => {
                let people: Vec<ContactId> = contacts.iter().map(|contact| contact.id).collect();
                let since = self.begins.saturating_sub(span).unwrap_or(Timestamp::MIN);
                store.contacted_since(&people, since).await.or_exit(Exit::Unavailable)?
            }
        };
        for contact in contacts {
            self.add(contact, recently.contains(&contact.id), tally);
        }
        Ok(())
    }

    fn add(&self, contact: &Contact, contacted_recently: bool, tally: &mut Tally<'_>) {
        if !self.campaign.audience.selects(contact) {
            tally.not_selected += 1;
            return;
        }
        let recently = contacted_recently.then_some(SuppressedReason::ContactedRecently);
        if let Some(reason) = suppression(contact, self.subject()).or(recently) {
            *tally.skipped.entry(reason.name().to_owned()).or_default() += 1;
            return;
        }
        let values = self.values.iter().find(|values| values.language() == contact.language);
        let values = values.expect("there are values for every language").with_contact(contact);
        match self.template.content(&values) {
            Ok(_) => {
                *tally.recipients.entry(contact.language.code()).or_default() += 1;
                tally.costs.add(contact);
                tally.quiet.add(self.campaign, &contact.timezone, self.begins);
                self.add_take_over(contact, &values, tally);
            }
            // The sentence names the variable, never the person.
            Err(error) => *tally.skipped.entry(error.to_string()).or_default() += 1,
        }
    }
}

impl Judge<'_> {
    /// What other channels would take over of a recipient.
    fn add_take_over(&self, contact: &Contact, values: &Values, tally: &mut Tally<'_>) {
        if tally.take_over.is_empty() {
            return;
        }
        let (has_phone, has_bsuid) = (contact.phone.is_some(), contact.bsuid.is_some());
        let reachable = Channels::reaching(has_phone, has_bsuid, contact.email.is_some());
        // What WhatsApp can be told can be told as text: the campaign file was checked for it.
        let Ok(text) = self.template.text(values) else { return };
        for (channel, taken) in tally.take_over.iter_mut().filter(|(channel, _)| reachable.contains(*channel)) {
            taken.add(*channel, &text, self.pricing);
        }
    }
}

async fn from_store(store: &SqlStore, judge: &Judge<'_>, tally: &mut Tally<'_>) -> Ended {
    let mut after = None;
    loop {
        let page = store.page(after, PAGE as u64).await.or_exit(Exit::Unavailable)?;
        judge.add_all(&page.items, store, tally).await?;
        match page.next {
            Some(next) => after = Some(ContactId::new(next)),
            None => return Ok(()),
        }
    }
}

async fn from_file(
    mut file: ContactsFile,
    store: &SqlStore,
    judge: &Judge<'_>,
    default_language: Language,
    rules: DoubleOptIn,
    tally: &mut Tally<'_>,
) -> Ended {
    // Ids that no contact has, so that a sample takes its share of people whom the store does not know yet.
    let mut next_id = i64::MAX;
    loop {
        let page = file.next_page(PAGE).map_err(cannot_read)?;
        if page.is_empty() {
            return Ok(());
        }
        let mut contacts = Vec::with_capacity(page.len());
        for row in page {
            match row.update {
                Ok(update) => {
                    let is_new = update.phone.digits().parse().map_or(true, |digits| tally.seen.insert(digits));
                    if !is_new {
                        *tally.skipped.entry("stands in the file more than once".to_owned()).or_default() += 1;
                        continue;
                    }
                    let known = store.by_phone(update.phone.e164()).await.or_exit(Exit::Unavailable)?;
                    if known.is_none() {
                        next_id -= 1;
                    }
                    contacts.push(as_imported(known, update, ContactId::new(next_id), default_language, rules));
                }
                Err(error) => {
                    tally.refused_rows += 1;
                    if tally.row_errors.len() < ERRORS_SHOWN_MAX {
                        tally.row_errors.push(error.to_string());
                    }
                }
            }
        }
        judge.add_all(&contacts, store, tally).await?;
    }
}

/// The contact as it would be once the run has taken the row into the store.
fn as_imported(
    known: Option<Contact>,
    update: ContactUpdate,
    id: ContactId,
    default_language: Language,
    rules: DoubleOptIn,
) -> Contact {
    let mut contact = known.unwrap_or_else(|| Contact {
        id,
        phone: None,
        bsuid: None,
        name: None,
        language: default_language,
        timezone: update.timezone_of_number.clone(),
        email: None,
        tags: Vec::new(),
        attributes: BTreeMap::new(),
        consent: Consent::default(),
    });
    contact.phone = Some(update.phone);
    contact.name = update.name.or(contact.name);
    contact.language = update.language.unwrap_or(contact.language);
    contact.timezone = update.timezone.unwrap_or(contact.timezone);
    contact.email = update.email.or(contact.email);
    contact.tags = update.tags.unwrap_or(contact.tags);
    contact.attributes.extend(update.attributes);
    if let Some(change) = update.consent {
        contact.consent = rules.after_change(contact.consent, change.kind);
    }
    contact
}

fn shown(
    tally: Tally<'_>,
    campaign: &Campaign,
    template: &MessageTemplate,
    installation: &Installation,
    now: Timestamp,
) -> Shown {
    let config = &installation.config;
    let recipients: u64 = tally.recipients.values().sum();
    let sender = config.senders.iter().find(|sender| sender.name == campaign.sender);
    let rate = sender.map_or(config.whatsapp.mps, |sender| sender.mps);
    let rate = campaign.delivery.rate.map_or(rate, |own| own.min(rate)).max(1);
    let currency = config.pricing.tariff.currency;
    let micros = tally.costs.micros();
    // On the average: people of different countries cost differently.
    let price_micros = i64::try_from(recipients)
        .ok()
        .filter(|n| *n > 0)
        .map_or(0, |n| micros.div_euclid(n) + i64::from(micros % n > 0));
    let begins_at = campaign.due_after(now);
    // What only a person starts is reckoned from now.
    let from = begins_at.unwrap_or(now);
    let paid_for = campaign.budget.as_ref().filter(|_| price_micros > 0).map(|budget| budget.micros / price_micros);
    let pace = forecast::Outlook {
        waiting: recipients,
        number_rate: f64::from(rate),
        run_rate: campaign.delivery.rate,
        // As if nobody had been written to today: what a running daemon knows better, `campaign show` tells.
        tier: sender
            .and_then(|sender| sender.tier?.people())
            .map(|people| TierLeft { left: people.into(), returns: Vec::new() }),
        paid_for: paid_for.map(|messages| u64::try_from(messages).unwrap_or(0)),
    };
    let Forecast { ends_at, limited_by, days, .. } = forecast::forecast(&pace, from);
    // Stages are waited for, whatever the pace.
    let waits = SignedDuration::try_from(waits_of(campaign)).unwrap_or(SignedDuration::MAX);
    let ends_at = ends_at.and_then(|ends_at| ends_at.checked_add(waits).ok());
    let takes = ends_at.map_or(SignedDuration::ZERO, |ends_at| ends_at.duration_since(from));
    let warnings = warnings(&Outlook {
        campaign,
        category: template.category(),
        recipients,
        price_micros,
        cost_micros: micros,
        unpriced: tally.costs.missed(),
        caps: &config.budget,
        currency,
        quiet: &tally.quiet,
        begins: from,
        ends: ends_at,
        has_sender: sender.is_some(),
    });
    Shown {
        campaign: campaign.name.to_string(),
        recipients,
        by_language: tally.recipients,
        skipped: tally.skipped,
        not_selected: tally.not_selected,
        refused_rows: tally.refused_rows,
        row_errors: tally.row_errors,
        cost: Money { micros, currency }.into(),
        costs: tally.costs.shown(),
        prices_from: tally.costs.sources(),
        budget: campaign.budget.map(Cost::from),
        fallback: tally
            .take_over
            .into_iter()
            .map(|(channel, taken)| ShownTakeOver {
                channel: channel.name(),
                recipients: taken.recipients,
                segments: taken.segments,
                cost_at_most: Money { micros: taken.micros, currency }.into(),
            })
            .collect(),
        stages: stages(campaign, recipients),
        quiet: tally.quiet,
        reminders: campaign.reminder.as_ref().map_or(0, |reminder| reminder.times),
        messages_per_second: rate,
        takes_seconds: u64::try_from(takes.as_millis()).unwrap_or(0).div_ceil(1_000),
        limited_by: limited_by.name(),
        days,
        begins_at: begins_at.map(|at| at.to_string()),
        ends_at: ends_at.map(|at| at.to_string()),
        warnings,
    }
}

fn tell(shown: Shown) -> Ended {
    let mut rows: Vec<[String; 2]> = vec![["recipients".to_owned(), shown.recipients.to_string()]];
    rows.extend(shown.by_language.iter().map(|(language, n)| [format!("  in {language}"), n.to_string()]));
    rows.extend(shown.skipped.iter().map(|(reason, n)| [format!("skipped: {reason}"), n.to_string()]));
    if shown.not_selected > 0 {
        rows.push(["left out by tags, attributes or sample".to_owned(), shown.not_selected.to_string()]);
    }
    if shown.refused_rows > 0 {
        rows.push(["rows of the file that are wrong".to_owned(), shown.refused_rows.to_string()]);
    }
    let of = shown.budget.map(|budget| format!(" of {}", budget.amount)).unwrap_or_default();
    let cost = format!("{}{of} {}", shown.cost.amount, shown.cost.currency);
    rows.extend(
        shown
            .stages
            .into_iter()
            .map(|stage| [format!("stage {}", stage.share), format!("{} recipients", stage.recipients)]),
    );
    if let Some(until) = shown.quiet.until {
        rows.push([
            "quiet when it begins".to_owned(),
            format!("{} recipients, the last until {until}", shown.quiet.recipients),
        ]);
    }
    for taken in &shown.fallback {
        let segments = if taken.segments > 0 { format!(" in {} segments", taken.segments) } else { String::new() };
        let cost = format!("{} {}", taken.cost_at_most.amount, taken.cost_at_most.currency);
        let what = format!("{} recipients{segments}, {cost} if all of them", taken.recipients);
        rows.push([format!("falls back to {}", taken.channel), what]);
    }
    if shown.reminders > 0 {
        rows.push([
            "reminders".to_owned(),
            format!("{} to whoever does not answer, at a cost of their own", shown.reminders),
        ]);
    }
    rows.extend([["estimated cost".to_owned(), cost]]);
    rows.extend(plan_costs::rows(&shown.costs));
    rows.extend(shown.prices_from.into_iter().map(|source| ["  prices from".to_owned(), source]));
    rows.extend([
        ["takes".to_owned(), format!("{} at {} messages/s", span(shown.takes_seconds), shown.messages_per_second)],
        ["begins".to_owned(), shown.begins_at.unwrap_or_else(|| "when somebody starts it".to_owned())],
    ]);
    if let Some(ends_at) = shown.ends_at {
        rows.push(["ends".to_owned(), format!("{ends_at} (limited by {})", shown.limited_by)]);
    }
    if shown.days.len() > 1 {
        rows.push(["by day".to_owned(), by_day(&shown.days)]);
    }
    screen::table([shown.campaign, String::new()].each_ref().map(String::as_str), rows)?;
    for line in shown.row_errors {
        screen::remark(&line);
    }
    for warning in shown.warnings {
        screen::remark(&format!("warning: {warning}"));
    }
    Ok(())
}

/// `day 1: 10000; day 2: 4200`, the first week of them.
pub(super) fn by_day(days: &[u64]) -> String {
    const SHOWN_MAX: usize = 7;
    let mut told: Vec<String> =
        days.iter().zip(1..).take(SHOWN_MAX).map(|(n, day)| format!("day {day}: {n}")).collect();
    if days.len() > SHOWN_MAX {
        told.push(format!("and so on for {} days", days.len()));
    }
    told.join("; ")
}

fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
