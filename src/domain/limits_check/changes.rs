//! What Meta says otherwise than before, and whether that is better or worse.

use std::cmp::Ordering;
use std::fmt;

use super::{Quality, SaidByMeta};
use crate::domain::limit::Tier;

/// About what Meta says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaidAbout {
    /// How many people a number's portfolio may write to first in 24 hours.
    Tier,
    /// How people take what a number sends.
    Quality,
    /// How many messages a second a number may send.
    Throughput,
    /// Whether a number is connected.
    State,
    /// Whether the name that people see is approved.
    NameState,
    /// The name that people see.
    Name,
    /// Whether an account is approved.
    Review,
    /// Whether the business behind an account is verified.
    BusinessVerification,
    /// Whether an account may send.
    CanSend,
}

impl SaidAbout {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Tier,
        Self::Quality,
        Self::Throughput,
        Self::State,
        Self::NameState,
        Self::Name,
        Self::Review,
        Self::BusinessVerification,
        Self::CanSend,
    ];

    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tier => "tier",
            Self::Quality => "quality",
            Self::Throughput => "throughput",
            Self::State => "state",
            Self::NameState => "name-state",
            Self::Name => "name",
            Self::Review => "review",
            Self::BusinessVerification => "business-verification",
            Self::CanSend => "can-send",
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::Tier => "the tier",
            Self::Quality => "the quality",
            Self::Throughput => "the throughput",
            Self::State => "the state",
            Self::NameState => "the name's state",
            Self::Name => "the name",
            Self::Review => "the review",
            Self::BusinessVerification => "the business verification",
            Self::CanSend => "what may be sent",
        }
    }

    /// How good one of Meta's words is beside others; `None`: it says nothing, or cannot be compared.
    fn rank(self, word: &str) -> Option<u32> {
        let is = |good: &[&str]| (!word.is_empty()).then(|| u32::from(good.contains(&word)));
        let place =
            |order: &[&str]| order.iter().position(|known| *known == word).and_then(|at| u32::try_from(at).ok());
        match self {
            Self::Tier => Tier::of_meta(word).map(|tier| tier.people().unwrap_or(u32::MAX)),
            Self::Quality => match Quality::of_meta(word) {
                Quality::Green => Some(2),
                Quality::Yellow => Some(1),
                Quality::Red => Some(0),
                Quality::Unknown => None,
            },
            Self::Throughput => place(&["STANDARD", "HIGH"]),
            Self::State => is(&["CONNECTED"]),
            Self::NameState => is(&["APPROVED", "AVAILABLE_WITHOUT_REVIEW"]),
            Self::Name => None,
            Self::Review => is(&["APPROVED"]),
            Self::BusinessVerification => is(&["verified"]),
            Self::CanSend => place(&["BLOCKED", "LIMITED", "AVAILABLE"]),
        }
    }
}

/// Whether a change is for the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It is.
    Better,
    /// Somebody should look at it.
    Worse,
    /// It is only another one.
    Other,
}

impl Direction {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Other => "other",
        }
    }
}

/// What Meta says otherwise than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaidOtherwise {
    /// About what.
    pub about: SaidAbout,
    /// The number by our name, or the account by Meta's id.
    pub of: String,
    /// What it said before; empty: nothing.
    pub before: String,
    /// What it says now; empty: nothing.
    pub now: String,
}

impl SaidOtherwise {
    /// Whether it is for the better.
    pub fn direction(&self) -> Direction {
        match (self.about.rank(&self.before), self.about.rank(&self.now)) {
            (Some(before), Some(now)) => match now.cmp(&before) {
                Ordering::Greater => Direction::Better,
                Ordering::Less => Direction::Worse,
                Ordering::Equal => Direction::Other,
            },
            _ => Direction::Other,
        }
    }
}

impl fmt::Display for SaidOtherwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |word: &str| if word.is_empty() { "nothing".to_owned() } else { word.to_owned() };
        write!(f, "{} of {} from {} to {}", self.about.in_words(), self.of, shown(&self.before), shown(&self.now))
    }
}

/// What Meta says otherwise than before. What it was not asked about then is no change.
pub fn changes(before: &SaidByMeta, now: &SaidByMeta) -> Vec<SaidOtherwise> {
    let mut changes = Vec::new();
    let mut compare = |about, of: &str, before: &str, now: &str| {
        if before != now {
            let (of, before, now) = (of.to_owned(), before.to_owned(), now.to_owned());
            changes.push(SaidOtherwise { about, of, before, now });
        }
    };
    for (sender, now) in &now.numbers {
        let Some(before) = before.numbers.get(sender) else { continue };
        let of = sender.as_str();
        compare(SaidAbout::Tier, of, &before.messaging_limit, &now.messaging_limit);
        compare(SaidAbout::Quality, of, &before.quality, &now.quality);
        compare(SaidAbout::Throughput, of, &before.throughput, &now.throughput);
        compare(SaidAbout::State, of, &before.status, &now.status);
        compare(SaidAbout::NameState, of, &before.name_status, &now.name_status);
        compare(SaidAbout::Name, of, &before.verified_name, &now.verified_name);
    }
    for (account, now) in &now.accounts {
        let Some(before) = before.accounts.get(account) else { continue };
        compare(SaidAbout::Review, account, &before.review, &now.review);
        compare(SaidAbout::BusinessVerification, account, &before.business_verification, &now.business_verification);
        compare(SaidAbout::CanSend, account, &before.can_send, &now.can_send);
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_better_or_worse_where_words_can_be_compared() {
        for (about, before, now, direction) in [
            (SaidAbout::Tier, "TIER_2K", "TIER_250", Direction::Worse),
            (SaidAbout::Tier, "TIER_2K", "TIER_UNLIMITED", Direction::Better),
            (SaidAbout::Tier, "TIER_NOT_SET", "TIER_250", Direction::Other),
            (SaidAbout::Quality, "GREEN", "YELLOW", Direction::Worse),
            (SaidAbout::Quality, "UNKNOWN", "YELLOW", Direction::Other),
            (SaidAbout::Quality, "RED", "YELLOW", Direction::Better),
            (SaidAbout::Throughput, "HIGH", "STANDARD", Direction::Worse),
            (SaidAbout::State, "CONNECTED", "FLAGGED", Direction::Worse),
            (SaidAbout::State, "PENDING", "FLAGGED", Direction::Other),
            (SaidAbout::NameState, "PENDING_REVIEW", "APPROVED", Direction::Better),
            (SaidAbout::Name, "Amal", "Amal Co", Direction::Other),
            (SaidAbout::BusinessVerification, "verified", "expired", Direction::Worse),
            (SaidAbout::BusinessVerification, "", "verified", Direction::Other),
            (SaidAbout::Review, "PENDING", "APPROVED", Direction::Better),
            (SaidAbout::CanSend, "AVAILABLE", "LIMITED", Direction::Worse),
            (SaidAbout::CanSend, "BLOCKED", "LIMITED", Direction::Better),
        ] {
            let (of, before, now) = ("default".to_owned(), before.to_owned(), now.to_owned());
            let said = SaidOtherwise { about, of, before, now };
            assert_eq!(said.direction(), direction, "{said}");
        }
    }
}
