//! The ways in which a provider can refuse a message: a closed set, each with its four answers.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Why an attempt was refused, as far as it decides what is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The number was faster than it may be.
    NumberThrottled,
    /// Too many messages to one person.
    PairThrottled,
    /// Too many calls of the account or app.
    AccountThrottled,
    /// The number is limited because people block or report it.
    QualityLimited,
    /// The number is being upgraded: a minute.
    Maintenance,
    /// The provider had a fault of its own.
    Transient,
    /// This person cannot be reached on this channel now.
    Undeliverable,
    /// Free text outside the service window.
    WindowClosed,
    /// Meta has let this person hear enough marketing for now.
    MarketingLimited,
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
    /// The account may not write to people of this country.
    CountryRestricted,
    /// What barid is set up with does not fit the provider: TLS that is not there, a certificate that nobody vouches for.
    Misconfigured,
    /// A code that the table does not know.
    Unrecognised,
}

/// Whether the same channel is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// After the next of the configured waits; each such try uses one of them up.
    AfterWait,
    /// As soon as what was too fast may go on; takes none of the waits.
    WhenFree,
    /// When the suspension that follows from it is released; takes none of the waits.
    AfterRelease,
    /// Once more, after so long, where no other channel takes over.
    OnceAfter(SignedDuration),
    /// No: it would be refused again.
    Never,
}

/// What is slowed down or stopped for other messages too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slow {
    /// Nothing.
    Nothing,
    /// This person, from this number.
    Pair,
    /// This number.
    Number,
    /// Every number of the account.
    Account,
    /// The number is suspended.
    SuspendSender,
    /// The campaign is suspended.
    SuspendCampaign,
    /// The country is suspended for this number.
    SuspendCountry,
}

impl FailureClass {
    /// Every class, in the order of reports.
    pub const ALL: [Self; 17] = [
        Self::NumberThrottled,
        Self::PairThrottled,
        Self::AccountThrottled,
        Self::QualityLimited,
        Self::Maintenance,
        Self::Transient,
        Self::Undeliverable,
        Self::WindowClosed,
        Self::MarketingLimited,
        Self::OptedOut,
        Self::ContentRefused,
        Self::TemplateUnavailable,
        Self::Credentials,
        Self::AccountRestricted,
        Self::CountryRestricted,
        Self::Misconfigured,
        Self::Unrecognised,
    ];

    /// The word in the store, in logs and as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NumberThrottled => "number-throttled",
            Self::PairThrottled => "pair-throttled",
            Self::AccountThrottled => "account-throttled",
            Self::QualityLimited => "quality-limited",
            Self::Maintenance => "maintenance",
            Self::Transient => "transient",
            Self::Undeliverable => "undeliverable",
            Self::WindowClosed => "window-closed",
            Self::MarketingLimited => "marketing-limited",
            Self::OptedOut => "opted-out",
            Self::ContentRefused => "content-refused",
            Self::TemplateUnavailable => "template-unavailable",
            Self::Credentials => "credentials",
            Self::AccountRestricted => "account-restricted",
            Self::CountryRestricted => "country-restricted",
            Self::Misconfigured => "misconfigured",
            Self::Unrecognised => "unrecognised",
        }
    }

    /// The class of that name, if there is one. `throttled` is what records of version 0.1 call a throttled number.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "throttled" => Some(Self::NumberThrottled),
            name => Self::ALL.into_iter().find(|class| class.name() == name),
        }
    }

    /// First answer: is the same channel tried again?
    pub const fn retry(self) -> Retry {
        match self {
            Self::NumberThrottled | Self::PairThrottled | Self::AccountThrottled | Self::Maintenance => Retry::WhenFree,
            Self::Transient => Retry::AfterWait,
            Self::QualityLimited
            | Self::TemplateUnavailable
            | Self::Credentials
            | Self::AccountRestricted
            | Self::Misconfigured => Retry::AfterRelease,
            // Meta: at least 24 hours, and quick tries lengthen it (reference of error codes, checked 2026-11-22).
            Self::MarketingLimited => Retry::OnceAfter(SignedDuration::from_hours(25)),
            Self::Undeliverable
            | Self::WindowClosed
            | Self::OptedOut
            | Self::ContentRefused
            | Self::CountryRestricted
            | Self::Unrecognised => Retry::Never,
        }
    }

    /// Second answer: what slows down or stops?
    pub const fn slow(self) -> Slow {
        match self {
            Self::NumberThrottled | Self::Maintenance => Slow::Number,
            Self::PairThrottled => Slow::Pair,
            Self::AccountThrottled => Slow::Account,
            Self::QualityLimited | Self::Credentials | Self::AccountRestricted | Self::Misconfigured => {
                Slow::SuspendSender
            }
            Self::TemplateUnavailable => Slow::SuspendCampaign,
            Self::CountryRestricted => Slow::SuspendCountry,
            Self::Transient
            | Self::Undeliverable
            | Self::WindowClosed
            | Self::MarketingLimited
            | Self::OptedOut
            | Self::ContentRefused
            | Self::Unrecognised => Slow::Nothing,
        }
    }

    /// Third answer: may another channel take over, when trying again is over or of no use?
    pub const fn falls_back(self) -> bool {
        matches!(
            self,
            Self::Transient
                | Self::Undeliverable
                | Self::WindowClosed
                | Self::MarketingLimited
                | Self::CountryRestricted
                | Self::Unrecognised
        )
    }

    /// Fourth answer: must a person look?
    pub const fn alerts(self) -> bool {
        matches!(
            self,
            Self::QualityLimited
                | Self::ContentRefused
                | Self::TemplateUnavailable
                | Self::Credentials
                | Self::AccountRestricted
                | Self::CountryRestricted
                | Self::Misconfigured
                | Self::Unrecognised
        )
    }

    /// Whether it is WhatsApp's own verdict about this person or message, which another carrier of WhatsApp would repeat.
    pub const fn is_whatsapps_own(self) -> bool {
        matches!(
            self,
            Self::Undeliverable
                | Self::WindowClosed
                | Self::MarketingLimited
                | Self::OptedOut
                | Self::CountryRestricted
        )
    }

    /// What the operator reads.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::NumberThrottled => "the number sent faster than it may; its pace is halved and recovers by itself",
            Self::PairThrottled => "too many messages to one person; this person is left alone for a while",
            Self::AccountThrottled => "too many calls of the account; sending waits as long as the provider says",
            Self::QualityLimited => "people block or report this number; look at its quality before it sends again",
            Self::Maintenance => "the number is being upgraded, for about a minute",
            Self::Transient => "the provider had a fault of its own",
            Self::Undeliverable => "the person cannot be reached on this channel now",
            Self::WindowClosed => "free text needs an answer of the person within 24 hours; a template does not",
            Self::MarketingLimited => "Meta lets this person hear no more marketing for now",
            Self::OptedOut => "the person does not want such messages",
            Self::ContentRefused => "the provider will never take this message as it stands",
            Self::TemplateUnavailable => "the approved template is missing, paused or disabled",
            Self::Credentials => "the access token is refused or lacks a permission",
            Self::AccountRestricted => "the account or number is restricted, locked or unpaid",
            Self::CountryRestricted => "the account may not write to people of this country",
            Self::Misconfigured => {
                "what barid is set up with does not fit the provider: TLS that is not there, or a certificate that is not trusted"
            }
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
    /// How long the provider asks us to wait: `Retry-After`, or the estimated time to regain access. Not kept in the record.
    #[serde(default, skip_serializing)]
    pub wait: Option<SignedDuration>,
}

impl Refusal {
    /// A refusal without a wait.
    pub fn new(class: FailureClass, code: Option<i64>, details: impl Into<String>) -> Self {
        Self { class, code, details: details.into(), wait: None }
    }
}
