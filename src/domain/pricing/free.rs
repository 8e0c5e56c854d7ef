//! Why a message costs nothing, and the rules that say when.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::category::PriceCategory;

/// Why a message costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreeBecause {
    /// The service window was open, and such messages were free in it.
    ServiceWindow,
    /// The person came by an advertisement or the button of a page less than 72 hours before.
    EntryPoint,
    /// It is of the messages that are free in each month.
    MonthlyShare,
    /// The provider says so, and not why.
    Told,
}

impl FreeBecause {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::ServiceWindow, Self::EntryPoint, Self::MonthlyShare, Self::Told];

    /// The word in files, the record and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServiceWindow => "service-window",
            Self::EntryPoint => "entry-point",
            Self::MonthlyShare => "monthly-share",
            Self::Told => "told",
        }
    }

    /// The reason of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|because| because.name() == name)
    }
}

/// A rule by which messages are free for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeRule {
    /// Why they are.
    pub because: FreeBecause,
    /// Of which categories.
    pub categories: Vec<PriceCategory>,
    /// The first day; `None`: it always was so.
    pub from: Option<Date>,
    /// The day on which it ends, which is no longer in it; `None`: nobody knows of an end.
    pub until: Option<Date>,
    /// Only with a window open to the person.
    pub in_window: bool,
    /// Only within 72 hours of an entry that is free.
    pub in_entry_point: bool,
    /// Only so many messages of each number in each month.
    pub first_in_month: Option<u64>,
}

impl FreeRule {
    /// Whether the rule is in force on a day for a category.
    pub fn holds(&self, category: PriceCategory, on: Date) -> bool {
        self.categories.contains(&category)
            && self.from.is_none_or(|from| from <= on)
            && self.until.is_none_or(|until| on < until)
    }
}
