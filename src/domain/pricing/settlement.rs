//! What is booked when a message has arrived.

use super::category::PriceCategory;
use super::tariff::{Charge, Sale, Source, Tariff};
use super::told::{ToldKind, ToldPrice};

/// Who says what a message cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Basis {
    /// We do, by card and rules.
    Estimate,
    /// The provider's callback: whether it was charged and as what; the amount is the card's unless it was told, too.
    Callback,
}

impl Basis {
    /// Every basis.
    pub const ALL: [Self; 2] = [Self::Estimate, Self::Callback];

    /// The word in the record and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Estimate => "estimate",
            Self::Callback => "callback",
        }
    }

    /// The basis of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|basis| basis.name() == name)
    }
}

/// In what a callback and our estimate differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Difference {
    /// In nothing.
    None,
    /// It was charged as another category.
    Category,
    /// It was free, and we had estimated a price.
    Free,
    /// It was charged, and we had taken it for free.
    Charged,
    /// The provider told another amount.
    Amount,
}

impl Difference {
    /// Every difference.
    pub const ALL: [Self; 5] = [Self::None, Self::Category, Self::Free, Self::Charged, Self::Amount];

    /// The word in the record and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Category => "category",
            Self::Free => "free",
            Self::Charged => "charged",
            Self::Amount => "amount",
        }
    }

    /// The difference of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|difference| difference.name() == name)
    }
}

/// What is booked for one message that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// What it costs.
    pub charge: Charge,
    /// As what.
    pub category: PriceCategory,
    /// Who says so.
    pub basis: Basis,
    /// What it would have cost by card and rules alone.
    pub estimate: Charge,
    /// In what the two differ.
    pub difference: Difference,
}

/// Books a message: what was told wins over what is estimated.
///
/// An amount in another currency than everything is counted in cannot be added to anything, so it is not taken.
pub fn settle(tariff: &Tariff, sale: &Sale, told: Option<&ToldPrice>) -> Settlement {
    let estimate = tariff.charge(sale);
    let Some(told) = told else {
        let (basis, difference) = (Basis::Estimate, Difference::None);
        return Settlement { charge: estimate, category: sale.category, basis, estimate, difference };
    };
    let category = told.category.unwrap_or(sale.category);
    let amount = told.amount.filter(|amount| amount.currency == tariff.currency);
    let charge = match (told.kind, amount) {
        (ToldKind::Free(because), _) => Charge::Free(because),
        (ToldKind::Charged, Some(amount)) => Charge::Paid { micros: amount.micros, source: Source::Told },
        (ToldKind::Charged, None) => tariff.paid(&Sale { category, ..*sale }),
    };
    let difference = match (charge.is_paid(), estimate.is_paid()) {
        (false, true) => Difference::Free,
        (true, false) => Difference::Charged,
        (_, _) if category != sale.category => Difference::Category,
        (_, _) if charge.micros() != estimate.micros() => Difference::Amount,
        (_, _) => Difference::None,
    };
    Settlement { charge, category, basis: Basis::Callback, estimate, difference }
}
