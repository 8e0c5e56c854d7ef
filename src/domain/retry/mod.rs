//! What follows when an attempt did not do it: the same channel again and when, another channel, or the end, with its reason.

use jiff::{SignedDuration, Timestamp};

use crate::domain::campaign::{Campaign, QuietHours};
use crate::domain::channel::{Channel, Channels};
use crate::domain::delivery::HeldReason;
use crate::domain::failure::{Refusal, Retry};

/// Waits between tries that take none of the configured ones: doubled from this,
const FREE_FIRST: SignedDuration = SignedDuration::from_secs(1);
/// up to this.
const FREE_MAX: SignedDuration = SignedDuration::from_mins(2);
/// Meta's upgrade of a number takes about a minute (throughput page, checked 2026-11-22).
const MAINTENANCE: SignedDuration = SignedDuration::from_secs(20);
/// Without an estimate of Meta's: a minute, doubled up to an hour.
const ACCOUNT_FIRST: SignedDuration = SignedDuration::from_mins(1);
const ACCOUNT_MAX: SignedDuration = SignedDuration::from_hours(1);
/// How often a message behind a suspension is looked at, should nobody wake it.
const SUSPENDED_LOOK: SignedDuration = SignedDuration::from_mins(10);

/// How the messages of a run (or those without one) are brought to their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Waits before each further try on the same channel; when they are used up, retrying is over.
    pub waits: Vec<SignedDuration>,
    /// Other channels in order.
    pub fallback: Vec<Channel>,
    /// Fall back when there is no *delivered* after this long.
    pub not_delivered_after: Option<SignedDuration>,
    /// Hours of the recipient in which nothing is called.
    pub quiet_hours: Option<QuietHours>,
    /// Nobody is called who was called by another message within this long.
    pub not_contacted_for: Option<SignedDuration>,
}

impl Policy {
    /// For the messages of a run of this campaign.
    pub fn of(campaign: &Campaign, waits: &[SignedDuration]) -> Self {
        let delivery = &campaign.delivery;
        Self {
            waits: waits.to_vec(),
            fallback: delivery.fallback.clone(),
            not_delivered_after: delivery.not_delivered_after,
            quiet_hours: delivery.quiet_hours.clone(),
            not_contacted_for: campaign.audience.not_contacted_for,
        }
    }

    /// For messages that belong to no run.
    pub fn of_singles(waits: &[SignedDuration]) -> Self {
        Self {
            waits: waits.to_vec(),
            fallback: Vec::new(),
            not_delivered_after: None,
            quiet_hours: None,
            not_contacted_for: None,
        }
    }
}

/// Everything that decides about one message beside its standing.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The rules of its run.
    pub policy: &'a Policy,
    /// Over which channels the person has an address.
    pub reachable: Channels,
    /// The channels whose provider does not answer at present: passed over where another one is behind them.
    pub sick: Channels,
    /// Whether the person still allows a message for this purpose.
    pub allowed: bool,
    /// When the message is too old to send.
    pub expires_at: Timestamp,
    /// Any number that differs from message to message: spreads what would otherwise come back in the same moment.
    pub spread: u64,
}

/// What is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// The same channel again.
    Again {
        /// When.
        at: Timestamp,
        /// What it waits for.
        reason: HeldReason,
        /// Whether it uses up one of the waits.
        takes_wait: bool,
    },
    /// Another channel takes over.
    FallBack(Channel),
    /// It is over on every channel.
    GiveUp,
}

/// What follows from a refusal.
///
/// `attempt` is the number of attempts so far, `waits_used` how many of the policy's waits are used up, both on this channel or an earlier one.
pub fn after_refusal(
    refusal: &Refusal,
    channel: Channel,
    attempt: u16,
    waits_used: u16,
    situation: &Situation<'_>,
    now: Timestamp,
) -> NextStep {
    let free_tries = u32::from(attempt.saturating_sub(waits_used).saturating_sub(1));
    let fallback = || {
        let open = refusal.class.falls_back() && situation.allowed && now < situation.expires_at;
        let next = next_channel(channel, refusal.class.is_whatsapps_own(), situation);
        next.filter(|_| open).map_or(NextStep::GiveUp, NextStep::FallBack)
    };
    let again = |wait: SignedDuration, reason, takes_wait| {
        let wait = refusal.wait.map_or(wait, |asked| asked.max(wait));
        let at = now.saturating_add(jittered(wait, situation.spread, attempt)).unwrap_or(Timestamp::MAX);
        if at < situation.expires_at { NextStep::Again { at, reason, takes_wait } } else { fallback() }
    };
    use crate::domain::failure::FailureClass;
    match refusal.class.retry() {
        Retry::AfterWait => match situation.policy.waits.get(usize::from(waits_used)) {
            Some(wait) => again(*wait, HeldReason::Backoff, true),
            None => fallback(),
        },
        Retry::WhenFree => {
            let wait = match refusal.class {
                FailureClass::Maintenance => MAINTENANCE,
                FailureClass::AccountThrottled => doubled(ACCOUNT_FIRST, ACCOUNT_MAX, free_tries),
                // Meta's own advice for a pair is 4^X seconds: two doublings.
                FailureClass::PairThrottled => doubled(FREE_FIRST, ACCOUNT_MAX, 2 * free_tries),
                _ => doubled(FREE_FIRST, FREE_MAX, free_tries),
            };
            again(wait, HeldReason::Throttled, false)
        }
        Retry::AfterRelease => {
            let at = now.saturating_add(SUSPENDED_LOOK).unwrap_or(Timestamp::MAX);
            // Even a message that expires before is kept until then: the release may come any moment.
            let at = at.min(situation.expires_at);
            if now < situation.expires_at {
                NextStep::Again { at, reason: HeldReason::Suspended, takes_wait: false }
            } else {
                NextStep::GiveUp
            }
        }
        Retry::OnceAfter(wait) => match fallback() {
            NextStep::GiveUp if waits_used == 0 => again(wait, HeldReason::Backoff, true),
            step => step,
        },
        Retry::Never => fallback(),
    }
}

/// What follows when a request was certainly never written: the waits one after the other, and the last one again and again until
/// the message is too old. Nothing was refused, so nothing is given up.
pub fn after_not_sent(
    channel: Channel,
    attempt: u16,
    waits_used: u16,
    situation: &Situation<'_>,
    now: Timestamp,
) -> NextStep {
    let waits = &situation.policy.waits;
    let wait = waits.get(usize::from(waits_used)).or(waits.last()).copied().unwrap_or(FREE_FIRST);
    let at = now.saturating_add(jittered(wait, situation.spread, attempt)).unwrap_or(Timestamp::MAX);
    // Where the provider cannot be reached for as long as all waits together, another channel is better than none.
    let spent = usize::from(waits_used) >= waits.len();
    match next_channel(channel, false, situation) {
        Some(next) if spent && situation.allowed && now < situation.expires_at => NextStep::FallBack(next),
        _ => NextStep::Again { at: at.min(situation.expires_at), reason: HeldReason::Backoff, takes_wait: true },
    }
}

/// The channel after this one in the policy's order over which the person can be reached; one whose provider is sick only where no
/// other is left.
pub fn next_channel(channel: Channel, whatsapps_own: bool, situation: &Situation<'_>) -> Option<Channel> {
    let fallback = &situation.policy.fallback;
    let behind = fallback.iter().position(|known| *known == channel).map_or(0, |at| at + 1);
    let skips = |next: Channel| whatsapps_own && channel.is_whatsapp() && next.is_whatsapp();
    let mut left =
        fallback[behind..].iter().copied().filter(|next| situation.reachable.contains(*next) && !skips(*next));
    let first = left.next()?;
    if !situation.sick.contains(first) {
        return Some(first);
    }
    Some(left.find(|next| !situation.sick.contains(*next)).unwrap_or(first))
}

fn doubled(first: SignedDuration, max: SignedDuration, times: u32) -> SignedDuration {
    first.checked_mul(1_i32.checked_shl(times.min(20)).unwrap_or(i32::MAX)).unwrap_or(max).min(max)
}

/// The wait and up to a fifth more, so that what failed together does not come back together.
pub(crate) fn jittered(wait: SignedDuration, spread: u64, attempt: u16) -> SignedDuration {
    // splitmix64: a well-mixed number out of any two.
    let mut mixed = spread.wrapping_add(u64::from(attempt)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    let thousandths = i128::from(mixed % 201);
    let millis = wait.as_millis();
    let more = i64::try_from(millis * thousandths / 1000).unwrap_or(0);
    wait.saturating_add(SignedDuration::from_millis(more))
}

#[cfg(test)]
mod tests;
