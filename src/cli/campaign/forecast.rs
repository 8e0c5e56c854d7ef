//! What a run would meet on its way: stages, nights, the budget, reminders, and what an operator should know beforehand.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::config::pricing::Pricing;
use crate::domain::budget::SpendingCaps;
use crate::domain::campaign::Campaign;
use crate::domain::channel::Channel;
use crate::domain::document::text_of_duration;
use crate::domain::money::{Currency, Money};
use crate::domain::quiet_hours::quiet_for;
use crate::domain::rollout::waits;
use crate::domain::sms::segments;
use crate::domain::template::Category;
use crate::http::Cost;

/// How long Meta may hold a message whose template has no time to live (time-to-live page, checked 2026-11-22).
const META_HOLDS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The shortest time to live that Meta takes for marketing, and the longest for utility (same page).
const TTL_EDGE: SignedDuration = SignedDuration::from_hours(12);

/// Recipients for whom it is quiet when the run begins.
#[derive(Debug, Default, Serialize)]
pub(super) struct Quiet {
    /// How many.
    pub(super) recipients: u64,
    /// When the last of them may be written to.
    pub(super) until: Option<Timestamp>,
    /// How many of them not before the message is too old.
    pub(super) too_late: u64,
}

impl Quiet {
    /// Looks at one recipient.
    pub(super) fn add(&mut self, campaign: &Campaign, timezone: &str, begins: Timestamp) {
        let Some(rule) = &campaign.delivery.quiet_hours else { return };
        let Some(until) = quiet_for(rule, timezone, begins) else { return };
        self.recipients += 1;
        if until >= campaign.expires_at(begins) {
            self.too_late += 1;
        } else {
            self.until = self.until.max(Some(until));
        }
    }
}

/// What one of the other channels would take over if WhatsApp reached nobody, and those before it neither.
#[derive(Debug, Default)]
pub(super) struct TakeOver {
    /// Recipients with an address there.
    pub(super) recipients: u64,
    /// Parts of text messages, for SMS.
    pub(super) segments: u64,
    pub(super) micros: i64,
}

impl TakeOver {
    /// Adds a recipient with this text.
    pub(super) fn add(&mut self, channel: Channel, text: &str, pricing: &Pricing) {
        self.recipients += 1;
        self.micros += match channel {
            Channel::Sms => {
                let segments = segments(text);
                self.segments += u64::from(segments.count);
                segments.price_micros(pricing.sms.micros)
            }
            Channel::TwilioWhatsapp => pricing.twilio_whatsapp.micros,
            Channel::Email => pricing.email.micros,
            Channel::Whatsapp => pricing.template.micros,
        };
    }
}

/// The same, to be shown.
#[derive(Debug, Serialize)]
pub(super) struct ShownTakeOver {
    pub(super) channel: &'static str,
    pub(super) recipients: u64,
    pub(super) segments: u64,
    pub(super) cost_at_most: Cost,
}

/// A stage of the rollout.
#[derive(Debug, Serialize)]
pub(super) struct Stage {
    pub(super) share: String,
    /// Recipients reached when it is over.
    pub(super) recipients: u64,
}

/// The stages of this campaign with so many recipients.
pub(super) fn stages(campaign: &Campaign, recipients: u64) -> Vec<Stage> {
    let stage = |share: &crate::domain::share::Share| Stage {
        share: share.to_string(),
        recipients: recipients * u64::from(share.basis_points()) / 10_000,
    };
    campaign.rollout.iter().flat_map(|rollout| rollout.stages.iter().map(stage)).collect()
}

/// How long the waits between stages take together.
pub(super) fn waits_of(campaign: &Campaign) -> Duration {
    let waits = campaign.rollout.as_ref().map(waits).unwrap_or_default();
    Duration::try_from(waits).unwrap_or_default()
}

/// What the warnings are about.
pub(super) struct Outlook<'a> {
    pub(super) campaign: &'a Campaign,
    pub(super) category: Category,
    pub(super) recipients: u64,
    pub(super) price_micros: i64,
    pub(super) cost_micros: i64,
    /// Recipients whom no rate card prices, although there is one.
    pub(super) unpriced: u64,
    pub(super) caps: &'a SpendingCaps,
    pub(super) currency: Currency,
    pub(super) quiet: &'a Quiet,
    pub(super) begins: Timestamp,
    pub(super) ends: Option<Timestamp>,
    pub(super) has_sender: bool,
}

/// What an operator should know before the run begins.
pub(super) fn warnings(outlook: &Outlook<'_>) -> Vec<String> {
    let campaign = outlook.campaign;
    let mut warnings = Vec::new();
    if outlook.recipients == 0 {
        warnings.push("nobody would be written to".to_owned());
    }
    if !outlook.has_sender {
        warnings.push(format!("the sender `{}` has no number yet; set WHATSAPP_PHONE_NUMBER_ID", campaign.sender));
    }
    if outlook.ends.is_some_and(|ends| ends > campaign.expires_at(outlook.begins)) {
        warnings.push("the last messages would be too old to send; raise `expires_after` or `rate`".to_owned());
    }
    if let Some(budget) = campaign.budget
        && outlook.cost_micros > budget.micros
    {
        let covered = budget.micros / outlook.price_micros.max(1);
        warnings.push(format!(
            "the budget of {} {} ends after {covered} recipients",
            budget.to_decimal(),
            budget.currency
        ));
    }
    if outlook.unpriced > 0 {
        let n = outlook.unpriced;
        warnings.push(format!(
            "for {n} recipients no rate card has a price on that day; they are reckoned at the flat price of `[pricing] template`"
        ));
    }
    let caps = [("day", "days", outlook.caps.day_micros), ("month", "months", outlook.caps.month_micros)];
    for (key, periods, micros) in caps {
        if let Some(micros) = micros.filter(|micros| *micros > 0 && outlook.cost_micros > *micros) {
            let cap = Money { micros, currency: outlook.currency };
            let n = outlook.cost_micros / micros + i64::from(outlook.cost_micros % micros > 0);
            warnings.push(format!(
                "`[budget] {key}` lets {cap} be spent in a {key}: the run takes {n} {periods} at least, whatever else is sent"
            ));
        }
    }
    if outlook.quiet.too_late > 0 {
        let n = outlook.quiet.too_late;
        warnings.push(format!("for {n} recipients it is quiet until the message is too old; raise `expires_after`"));
    }
    warnings.extend(held_by_meta(campaign, outlook.category));
    warnings
}

/// Meta may deliver long after another channel took over, unless the approved template has a time to live.
fn held_by_meta(campaign: &Campaign, category: Category) -> Option<String> {
    let wait = campaign.delivery.not_delivered_after?;
    let days = META_HOLDS.as_hours() / 24;
    let text = |span: SignedDuration| text_of_duration(Duration::try_from(span).unwrap_or_default());
    match category {
        Category::Marketing if wait < TTL_EDGE => Some(format!(
            "Meta may deliver a marketing message up to {days} days late, and takes no time to live below {}: whoever gets it after \
             another channel took over after {} hears of it twice",
            text(TTL_EDGE),
            text(wait)
        )),
        _ => Some(format!(
            "Meta may deliver a message up to {days} days late unless the approved template has a time to live; give it one of at \
             most {} (`message_send_ttl_seconds`), or whoever gets it late hears of it twice",
            text(wait.min(if category == Category::Marketing { wait } else { TTL_EDGE }))
        )),
    }
}
