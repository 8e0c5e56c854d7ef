//! Where a message stands with its recipient: THE state machine. Facts come in, a new standing or `Unchanged { because }` goes out.
//!
//! Facts from outside may be late, doubled or in any order; none of them is an error, and what is shown never goes backwards.
//! Every fact names its attempt, so that news of an attempt that was given up still counts as evidence, and never as the failure
//! of the attempt after it.

use jiff::Timestamp;

use crate::domain::channel::Channel;
use crate::domain::failure::Refusal;
use crate::domain::ids::WhatsAppId;
use crate::domain::limit::Limit;
use crate::domain::retry::{NextStep, Situation, after_not_sent, after_refusal, next_channel};

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// To be sent; nobody has called yet, or what was called certainly never left.
    Planned,
    /// Waiting for a moment.
    Held {
        /// What for.
        reason: HeldReason,
        /// When it is looked at again.
        until: Timestamp,
    },
    /// The attempt is marked as started; the call may or may not have been made.
    Calling {
        /// When whoever marked it counts as dead.
        lease_until: Timestamp,
    },
    /// The answer was never seen.
    Unknown {
        /// When the campaign's rule decides.
        decide_at: Timestamp,
    },
    /// The provider took it.
    Submitted {
        /// Nobody said so: the evidence never came and the rule is to assume it.
        assumed: bool,
        /// When another channel takes over unless it has arrived; `None` where none would.
        fall_back_at: Option<Timestamp>,
    },
    /// It left the provider.
    Sent {
        /// As for *submitted*.
        fall_back_at: Option<Timestamp>,
    },
    /// It is on the person's phone.
    Delivered,
    /// The person saw it.
    Read,
    /// The provider refused it, at once or later.
    Failed(Refusal),
    /// We will not send it.
    Suppressed(SuppressedReason),
    /// It is too old to send.
    Expired,
}

/// The word for a standing, without what is true in it: for columns, counts and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the variant of `Delivery` with its name")]
pub enum State {
    Planned,
    Held,
    Calling,
    Unknown,
    Submitted,
    Sent,
    Delivered,
    Read,
    Failed,
    Suppressed,
    Expired,
}

impl State {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::Planned,
        Self::Held,
        Self::Calling,
        Self::Unknown,
        Self::Submitted,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Suppressed,
        Self::Expired,
    ];

    /// The word in the store, the API and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Held => "held",
            Self::Calling => "calling",
            Self::Unknown => "unknown",
            Self::Submitted => "submitted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
            Self::Expired => "expired",
        }
    }

    /// The state of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether something is still to be done by us before the run can finish.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Held | Self::Calling | Self::Unknown)
    }
}

/// What a held message waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeldReason {
    /// The provider could not be reached or had a fault of its own; it is tried again.
    Backoff,
    /// The provider asked us to slow down.
    Throttled,
    /// Its sender, campaign, channel or country is suspended.
    Suspended,
    /// It is night or a day off where the person lives.
    QuietHours,
    /// Free words may go only within 24 hours after the person wrote; it goes when they write again.
    Window,
    /// Another channel takes over.
    Fallback,
    /// A limit is reached.
    Limit(Limit),
}

impl HeldReason {
    /// Every reason.
    pub const ALL: [Self; 15] = [
        Self::Backoff,
        Self::Throttled,
        Self::Suspended,
        Self::QuietHours,
        Self::Window,
        Self::Fallback,
        Self::Limit(Limit::Number),
        Self::Limit(Limit::Pair),
        Self::Limit(Limit::Tier),
        Self::Limit(Limit::Rate),
        Self::Limit(Limit::Budget),
        Self::Limit(Limit::DayBudget),
        Self::Limit(Limit::MonthBudget),
        Self::Limit(Limit::Account),
        Self::Limit(Limit::Channel),
    ];

    /// The word in the store and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backoff => "backoff",
            Self::Throttled => "throttled",
            Self::Suspended => "suspended",
            Self::QuietHours => "quiet-hours",
            Self::Window => "window",
            Self::Fallback => "fallback",
            Self::Limit(Limit::Number) => "limit-number",
            Self::Limit(Limit::Pair) => "limit-pair",
            Self::Limit(Limit::Tier) => "limit-tier",
            Self::Limit(Limit::Rate) => "limit-rate",
            Self::Limit(Limit::Budget) => "limit-budget",
            Self::Limit(Limit::DayBudget) => "limit-day-budget",
            Self::Limit(Limit::MonthBudget) => "limit-month-budget",
            Self::Limit(Limit::Account) => "limit-account",
            Self::Limit(Limit::Channel) => "limit-channel",
        }
    }

    /// The reason of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Why we will not send a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SuppressedReason {
    /// The person said stop.
    OptedOut,
    /// The person wants no marketing: said with the provider's own control.
    MarketingStopped,
    /// There is no consent for this purpose.
    NoConsent,
    /// There is no address for this channel.
    NoAddress,
    /// The run was cancelled.
    Cancelled,
    /// The text could not be made for this person: a value is missing or too long.
    CannotRender,
    /// Another message was called for this person not long ago.
    ContactedRecently,
    /// The person has a message of this run under another number already.
    SamePerson,
    /// The person was forgotten.
    Erased,
}

impl SuppressedReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::OptedOut,
        Self::MarketingStopped,
        Self::NoConsent,
        Self::NoAddress,
        Self::Cancelled,
        Self::CannotRender,
        Self::ContactedRecently,
        Self::SamePerson,
        Self::Erased,
    ];

    /// The word in the store and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OptedOut => "opted-out",
            Self::MarketingStopped => "marketing-stopped",
            Self::NoConsent => "no-consent",
            Self::NoAddress => "no-address",
            Self::Cancelled => "cancelled",
            Self::CannotRender => "cannot-render",
            Self::ContactedRecently => "contacted-recently",
            Self::SamePerson => "same-person",
            Self::Erased => "erased",
        }
    }

    /// The reason of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// A message's standing together with what is true in every state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub delivery: Delivery,
    /// The channel of the newest attempt, or of the next where none was started or another takes over.
    pub channel: Channel,
    /// How many attempts were started, over all channels; 0 before the first.
    pub attempt: u16,
    /// How many of the configured waits are used up on this channel.
    pub waits_used: u16,
    /// The newest attempt that was refused, or given up for another channel: of it and those before, only arrival counts.
    pub given_up: u16,
    /// Meta's id of the newest attempt that is known to have been taken.
    pub whatsapp_id: Option<WhatsAppId>,
}

impl Standing {
    /// A message that was just planned.
    pub const fn planned() -> Self {
        Self {
            delivery: Delivery::Planned,
            channel: Channel::Whatsapp,
            attempt: 0,
            waits_used: 0,
            given_up: 0,
            whatsapp_id: None,
        }
    }
}

impl Delivery {
    /// The word for it.
    pub const fn state(&self) -> State {
        match self {
            Self::Planned => State::Planned,
            Self::Held { .. } => State::Held,
            Self::Calling { .. } => State::Calling,
            Self::Unknown { .. } => State::Unknown,
            Self::Submitted { .. } => State::Submitted,
            Self::Sent { .. } => State::Sent,
            Self::Delivered => State::Delivered,
            Self::Read => State::Read,
            Self::Failed(_) => State::Failed,
            Self::Suppressed(_) => State::Suppressed,
            Self::Expired => State::Expired,
        }
    }

    /// When the sweep must look at it, if ever.
    pub const fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Held { until, .. } => Some(*until),
            Self::Calling { lease_until } => Some(*lease_until),
            Self::Unknown { decide_at } => Some(*decide_at),
            Self::Submitted { fall_back_at, .. } | Self::Sent { fall_back_at } => *fall_back_at,
            _ => None,
        }
    }

    /// How far it has come on the way to the person: 0 where it is not known to have left us.
    const fn rank(&self) -> u8 {
        match self {
            Self::Submitted { .. } => 1,
            Self::Sent { .. } => 2,
            Self::Delivered => 3,
            Self::Read => 4,
            _ => 0,
        }
    }
}

/// What we learnt about one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The provider took it and gave it an id.
    Accepted(WhatsAppId),
    /// The provider refused it: in its answer, or later in a status.
    Refused(Refusal),
    /// The request was certainly never written.
    NotSent {
        /// Why, for the history; never personal data.
        because: String,
    },
    /// The answer was never seen: a time-out, a reset, a crash while calling, an answer that proves nothing.
    Unanswered {
        /// When the campaign's rule decides.
        decide_at: Timestamp,
        /// Why, for the history; never personal data.
        because: String,
    },
    /// It left the provider.
    Sent,
    /// It is on the phone.
    Delivered,
    /// It was seen.
    Read,
    /// The silence lasted until the rule's moment, and the rule says: send it again.
    SendAgain,
    /// The silence lasted, and the rule says: take it as sent.
    AssumeSent,
    /// The silence lasted and proves nothing; look again then.
    StillSilent {
        /// When to look again.
        decide_at: Timestamp,
    },
    /// It has not arrived by the moment in which another channel takes over.
    NotDelivered,
}

impl Fact {
    /// The word in the history.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "submitted",
            Self::Refused(_) => "failed",
            Self::NotSent { .. } => "not-sent",
            Self::Unanswered { .. } => "unanswered",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::SendAgain => "send-again",
            Self::AssumeSent => "assumed",
            Self::StillSilent { .. } => "still-silent",
            Self::NotDelivered => "not-delivered",
        }
    }
}

/// What a fact did to the standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// This is where it stands now.
    Changed(Standing),
    /// It stands where it stood.
    Unchanged {
        /// Why.
        because: &'static str,
    },
}

/// Where a message stands after a fact about one of its attempts.
pub fn after_fact(standing: &Standing, attempt: u16, fact: &Fact, situation: &Situation<'_>, now: Timestamp) -> Effect {
    if attempt == 0 || attempt > standing.attempt {
        return Effect::Unchanged { because: "no such attempt was started" };
    }
    let newest = attempt == standing.attempt;
    if attempt <= standing.given_up && matches!(fact, Fact::Accepted(_) | Fact::Sent) {
        return Effect::Unchanged {
            because: "the attempt was given up; only delivered or read show that it arrived after all",
        };
    }
    match fact {
        Fact::Accepted(id) => accepted(standing, id, newest, situation, now),
        Fact::Sent => raised(standing, Delivery::Sent { fall_back_at: fall_back_at(standing, newest, situation, now) }),
        Fact::Delivered => raised(standing, Delivery::Delivered),
        Fact::Read => raised(standing, Delivery::Read),
        Fact::Refused(refusal) => refused(standing, refusal, newest, situation, now),
        Fact::NotSent { .. } => match standing.delivery {
            Delivery::Calling { .. } | Delivery::Unknown { .. } if newest => {
                let (channel, used) = (standing.channel, standing.waits_used);
                stepped(standing, after_not_sent(channel, attempt, used, situation, now), None, now)
            }
            _ => Effect::Unchanged { because: "the attempt is no longer open" },
        },
        Fact::Unanswered { decide_at, .. } => match standing.delivery {
            Delivery::Calling { .. } if newest => changed(standing, Delivery::Unknown { decide_at: *decide_at }),
            _ => Effect::Unchanged { because: "the attempt is no longer open" },
        },
        Fact::SendAgain => when_unknown(standing, newest, Delivery::Planned),
        Fact::AssumeSent => {
            let fall_back_at = fall_back_at(standing, newest, situation, now);
            when_unknown(standing, newest, Delivery::Submitted { assumed: true, fall_back_at })
        }
        Fact::StillSilent { decide_at } => when_unknown(standing, newest, Delivery::Unknown { decide_at: *decide_at }),
        Fact::NotDelivered => not_delivered(standing, newest, situation, now),
    }
}

fn changed(standing: &Standing, delivery: Delivery) -> Effect {
    Effect::Changed(Standing { delivery, ..standing.clone() })
}

/// When another channel takes over from what was just taken or sent; an earlier moment that is already set stays.
fn fall_back_at(standing: &Standing, newest: bool, situation: &Situation<'_>, now: Timestamp) -> Option<Timestamp> {
    match standing.delivery {
        Delivery::Submitted { fall_back_at, .. } | Delivery::Sent { fall_back_at } => return fall_back_at,
        _ => {}
    }
    let wait = situation.policy.not_delivered_after.filter(|_| newest && standing.channel.reports_delivery())?;
    next_channel(standing.channel, false, situation)?;
    now.saturating_add(wait).ok().filter(|at| *at < situation.expires_at)
}

fn accepted(standing: &Standing, id: &WhatsAppId, newest: bool, situation: &Situation<'_>, now: Timestamp) -> Effect {
    let with_id = |delivery| Effect::Changed(Standing { delivery, whatsapp_id: Some(id.clone()), ..standing.clone() });
    match &standing.delivery {
        // The answer came after the attempt was given up: it did leave, so nothing is sent in its place.
        Delivery::Calling { .. } if !newest => Effect::Unchanged { because: "a later attempt is already calling" },
        Delivery::Calling { .. }
        | Delivery::Unknown { .. }
        | Delivery::Planned
        | Delivery::Held { .. }
        | Delivery::Submitted { assumed: true, .. } => {
            let fall_back_at = fall_back_at(standing, newest, situation, now);
            with_id(Delivery::Submitted { assumed: false, fall_back_at })
        }
        // A status was faster than the answer; its id is the one thing that is new.
        reached if reached.rank() > 0 && standing.whatsapp_id.is_none() => with_id(reached.clone()),
        _ => Effect::Unchanged { because: "a later fact is already known" },
    }
}

fn raised(standing: &Standing, to: Delivery) -> Effect {
    match &standing.delivery {
        Delivery::Failed(_) if to.rank() < Delivery::Delivered.rank() => {
            Effect::Unchanged { because: "it failed; only delivered or read can show that it arrived after all" }
        }
        current if current.rank() >= to.rank() => Effect::Unchanged { because: "it has already come this far" },
        _ => changed(standing, to),
    }
}

fn refused(standing: &Standing, refusal: &Refusal, newest: bool, situation: &Situation<'_>, now: Timestamp) -> Effect {
    match &standing.delivery {
        _ if !newest => Effect::Unchanged { because: "a later attempt was started since" },
        Delivery::Delivered | Delivery::Read => Effect::Unchanged { because: "it has already arrived" },
        Delivery::Failed(_) => Effect::Unchanged { because: "it has already failed" },
        Delivery::Suppressed(_) | Delivery::Expired => Effect::Unchanged { because: "it has already ended" },
        _ if attempt_is_given_up(standing) => Effect::Unchanged { because: "what follows from it is already decided" },
        Delivery::Planned
        | Delivery::Held { .. }
        | Delivery::Calling { .. }
        | Delivery::Unknown { .. }
        | Delivery::Submitted { .. }
        | Delivery::Sent { .. } => {
            let step = after_refusal(refusal, standing.channel, standing.attempt, standing.waits_used, situation, now);
            stepped(standing, step, Some(refusal), now)
        }
    }
}

const fn attempt_is_given_up(standing: &Standing) -> bool {
    standing.given_up >= standing.attempt
}

fn not_delivered(standing: &Standing, newest: bool, situation: &Situation<'_>, now: Timestamp) -> Effect {
    let without = match &standing.delivery {
        Delivery::Submitted { assumed, fall_back_at: Some(_) } => {
            Delivery::Submitted { assumed: *assumed, fall_back_at: None }
        }
        Delivery::Sent { fall_back_at: Some(_) } => Delivery::Sent { fall_back_at: None },
        _ => return Effect::Unchanged { because: "it does not wait to be delivered" },
    };
    if !newest {
        return Effect::Unchanged { because: "a later attempt was started since" };
    }
    let open = situation.allowed && now < situation.expires_at;
    match next_channel(standing.channel, false, situation).filter(|_| open) {
        Some(next) => stepped(standing, NextStep::FallBack(next), None, now),
        None => changed(standing, without),
    }
}

/// The standing after a step. A step that gives up without a refusal cannot be.
fn stepped(standing: &Standing, step: NextStep, refusal: Option<&Refusal>, now: Timestamp) -> Effect {
    let given_up = if refusal.is_some() { standing.attempt } else { standing.given_up };
    let next = match step {
        NextStep::Again { at, reason, takes_wait } => Standing {
            delivery: Delivery::Held { reason, until: at },
            waits_used: standing.waits_used.saturating_add(u16::from(takes_wait)),
            given_up,
            ..standing.clone()
        },
        NextStep::FallBack(channel) => Standing {
            // It may leave at once: what it waits for is only its turn.
            delivery: Delivery::Held { reason: HeldReason::Fallback, until: now },
            channel,
            waits_used: 0,
            given_up: standing.attempt,
            ..standing.clone()
        },
        NextStep::GiveUp => match refusal {
            Some(refusal) => Standing { delivery: Delivery::Failed(refusal.clone()), given_up, ..standing.clone() },
            None => return Effect::Unchanged { because: "nothing was refused" },
        },
    };
    Effect::Changed(next)
}

fn when_unknown(standing: &Standing, newest: bool, next: Delivery) -> Effect {
    match standing.delivery {
        Delivery::Unknown { .. } if newest => changed(standing, next),
        _ => Effect::Unchanged { because: "the silence was broken" },
    }
}

#[cfg(test)]
mod tests;
