//! What kind of message a price is for.

use serde::{Deserialize, Serialize};

/// A category of messages as they are priced. Over other channels than WhatsApp it says what kind of message was carried.
///
/// Source: Meta, developers.facebook.com/documentation/business-messaging/whatsapp/pricing, checked 2026-11-22.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriceCategory {
    /// Templates that promote something, or do so beside something else.
    Marketing,
    /// Marketing that was sent over Meta's API for it.
    MarketingLite,
    /// Templates that follow up on what a person did or asked for.
    Utility,
    /// One-time codes.
    Authentication,
    /// One-time codes into some countries from a business elsewhere.
    AuthenticationInternational,
    /// Everything that is not a template.
    Service,
    /// What a callback names beside these: groups, calls, and what may come.
    Other,
}

impl PriceCategory {
    /// Every category.
    pub const ALL: [Self; 7] = [
        Self::Marketing,
        Self::MarketingLite,
        Self::Utility,
        Self::Authentication,
        Self::AuthenticationInternational,
        Self::Service,
        Self::Other,
    ];

    /// The categories for which a rate card may have amounts.
    pub const ON_CARDS: [Self; 6] = [
        Self::Marketing,
        Self::MarketingLite,
        Self::Utility,
        Self::Authentication,
        Self::AuthenticationInternational,
        Self::Service,
    ];

    /// The word in files, the record, the API and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::MarketingLite => "marketing-lite",
            Self::Utility => "utility",
            Self::Authentication => "authentication",
            Self::AuthenticationInternational => "authentication-international",
            Self::Service => "service",
            Self::Other => "other",
        }
    }

    /// The category of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }

    /// The category that a provider means, which writes it in any case, with hyphens or underscores. What is not known is [`Self::Other`].
    pub fn told(name: &str) -> Self {
        Self::named(&name.to_lowercase().replace('_', "-")).unwrap_or(Self::Other)
    }

    /// Of a message that we send: of a template by Meta's category, of everything else service.
    pub const fn of(is_template: bool, is_marketing: bool) -> Self {
        match (is_template, is_marketing) {
            (false, _) => Self::Service,
            (true, true) => Self::Marketing,
            (true, false) => Self::Utility,
        }
    }

    /// Whose amount holds where a card has none for this category.
    pub(super) const fn stands_in(self) -> Option<Self> {
        match self {
            Self::MarketingLite => Some(Self::Marketing),
            Self::AuthenticationInternational => Some(Self::Authentication),
            _ => None,
        }
    }
}
