//! What a provider's callback says about the price of a message.

use super::category::PriceCategory;
use super::free::FreeBecause;
use crate::domain::money::Money;

/// Whether a message is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldKind {
    /// It is.
    Charged,
    /// It is not.
    Free(FreeBecause),
}

/// What a callback says about the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToldPrice {
    /// Whether it is charged.
    pub kind: ToldKind,
    /// As what; `None` where the provider has no categories.
    pub category: Option<PriceCategory>,
    /// How much, where it says so.
    pub amount: Option<Money>,
}

impl ToldPrice {
    /// As the record keeps it: three words, such as `charged utility -`.
    pub fn to_words(self) -> String {
        let kind = match self.kind {
            ToldKind::Charged => "charged",
            ToldKind::Free(because) => because.name(),
        };
        let category = self.category.map_or("-", PriceCategory::name);
        match self.amount {
            Some(Money { micros, currency }) => format!("{kind} {category} {micros} {currency}"),
            None => format!("{kind} {category}"),
        }
    }

    /// Reads what [`Self::to_words`] wrote.
    pub fn from_words(words: &str) -> Option<Self> {
        let mut words = words.split(' ');
        let kind = match words.next()? {
            "charged" => ToldKind::Charged,
            because => ToldKind::Free(FreeBecause::named(because)?),
        };
        let category = match words.next()? {
            "-" => None,
            name => Some(PriceCategory::named(name)?),
        };
        let amount = match (words.next(), words.next()) {
            (Some(micros), Some(currency)) => {
                Some(Money { micros: micros.parse().ok()?, currency: currency.parse().ok()? })
            }
            _ => None,
        };
        Some(Self { kind, category, amount })
    }
}
