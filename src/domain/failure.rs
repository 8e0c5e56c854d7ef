//! The ways in which a provider can refuse a message: a closed set, each with its four answers.

use serde::{Deserialize, Serialize};

/// Why an attempt was refused, as far as it decides what is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// We were too fast for a number, a pair or an account.
    Throttled,
    /// The provider had a fault of its own.
    Transient,
    /// This person cannot be reached on this channel now.
    Undeliverable,
    /// The person does not want it.
    OptedOut,
    /// The request can never succeed as it stands.
    ContentRefused,
    /// The approved template is missing, paused or disabled.
    TemplateUnavailable,
    /// The token or its permissions are wrong.
    Credentials,
    /// The account or number is restricted, locked or unpaid.
    AccountRestricted,
    /// A code that the table does not know.
    Unrecognised,
}

impl FailureClass {
    /// Every class, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::Throttled,
        Self::Transient,
        Self::Undeliverable,
        Self::OptedOut,
        Self::ContentRefused,
        Self::TemplateUnavailable,
        Self::Credentials,
        Self::AccountRestricted,
        Self::Unrecognised,
    ];

    /// The word in the store, in logs and as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::Undeliverable => "undeliverable",
            Self::OptedOut => "opted-out",
            Self::ContentRefused => "content-refused",
            Self::TemplateUnavailable => "template-unavailable",
            Self::Credentials => "credentials",
            Self::AccountRestricted => "account-restricted",
            Self::Unrecognised => "unrecognised",
        }
    }

    /// The class of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// What the operator reads.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Throttled => "the provider asked us to slow down",
            Self::Transient => "the provider had a fault of its own",
            Self::Undeliverable => "the person cannot be reached on this channel now",
            Self::OptedOut => "the person does not want such messages",
            Self::ContentRefused => "the provider will never take this message as it stands",
            Self::TemplateUnavailable => "the approved template is missing, paused or disabled",
            Self::Credentials => "the access token is refused or lacks a permission",
            Self::AccountRestricted => "the account or number is restricted, locked or unpaid",
            Self::Unrecognised => "the provider gave a code that barid does not know",
        }
    }
}

/// A refusal as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind it is.
    pub class: FailureClass,
    /// The provider's code; `None` when it gave none.
    pub code: Option<i64>,
    /// The provider's own words, for the operator; no personal data is expected there, yet it is not logged.
    pub details: String,
}
