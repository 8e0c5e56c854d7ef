//! A stop put on a part of the sending, by a person or by what a provider answered: a record that is checked for each message.

mod probe;

use std::fmt;

use jiff::Timestamp;

pub use self::probe::{AfterLetThrough, LetThrough, Probe, Rules, after_let_through};
use crate::domain::campaign::Campaign;
use crate::domain::channel::Channel;
use crate::domain::country::CountryCode;
use crate::domain::failure::{FailureClass, Slow};
use crate::domain::ids::{CampaignName, MessageId, SenderName};

/// What is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// One of our numbers.
    Sender(SenderName),
    /// One campaign.
    Campaign(CampaignName),
    /// One channel.
    Channel(Channel),
    /// People whose numbers are of one country.
    Country(CountryCode),
}

impl Scope {
    /// The words for the kinds, in the order of reports.
    pub const KINDS: [&'static str; 4] = ["sender", "campaign", "channel", "country"];

    /// The word for its kind in the store, the API and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Sender(_) => "sender",
            Self::Campaign(_) => "campaign",
            Self::Channel(_) => "channel",
            Self::Country(_) => "country",
        }
    }

    /// Whether it is about the messages of a campaign as such, whoever gets them.
    pub fn is_about(&self, campaign: &Campaign) -> bool {
        match self {
            Self::Sender(sender) => campaign.sender == *sender,
            Self::Campaign(name) => campaign.name == *name,
            Self::Channel(channel) => *channel == Channel::Whatsapp || campaign.delivery.fallback.contains(channel),
            Self::Country(_) => false,
        }
    }

    /// Which one of its kind.
    pub fn value(&self) -> String {
        match self {
            Self::Sender(name) => name.to_string(),
            Self::Campaign(name) => name.to_string(),
            Self::Channel(channel) => channel.name().to_owned(),
            Self::Country(country) => country.to_string(),
        }
    }

    /// From kind and value; `None` when there is no such kind or the value cannot be one.
    pub fn of(kind: &str, value: &str) -> Option<Self> {
        match kind {
            "sender" => value.parse().ok().map(Self::Sender),
            "campaign" => value.parse().ok().map(Self::Campaign),
            "channel" => Channel::named(value).map(Self::Channel),
            "country" => value.parse().ok().map(Self::Country),
            _ => None,
        }
    }
}

/// As an operator writes it: `sender default`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.value())
    }
}

/// Why it is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A person did it, with these words.
    Operator(String),
    /// A provider refused in a way that all further messages would meet.
    Refusal {
        /// How.
        class: FailureClass,
        /// The provider's code.
        code: Option<i64>,
    },
    /// The provider said by itself that it will refuse.
    Announced {
        /// How.
        class: FailureClass,
        /// What it said, in its own word, such as `PAUSED`.
        event: String,
    },
    /// The provider takes the template for another category, which costs more; these words say which. It waits until somebody agrees.
    CategoryChanged(String),
}

/// The word for what the provider did to a category, where else the name of a class stands.
const CATEGORY_CHANGED: &str = "category-changed";
/// The word for what a person did, where else the name of a class stands.
const OPERATOR: &str = "operator";

impl Cause {
    /// The word in the store and in metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Operator(_) => OPERATOR,
            Self::CategoryChanged(_) => CATEGORY_CHANGED,
            Self::Refusal { class, .. } | Self::Announced { class, .. } => class.name(),
        }
    }

    /// Every word that [`Cause::name`] answers.
    pub fn names() -> Vec<&'static str> {
        FailureClass::ALL.into_iter().map(FailureClass::name).chain([OPERATOR, CATEGORY_CHANGED]).collect()
    }

    /// From the parts that a record keeps; `None` when there is no such cause.
    pub fn of(name: &str, code: Option<i64>, words: String) -> Option<Self> {
        if name == OPERATOR {
            return Some(Self::Operator(words));
        }
        if name == CATEGORY_CHANGED {
            return Some(Self::CategoryChanged(words));
        }
        let class = FailureClass::named(name)?;
        Some(if words.is_empty() { Self::Refusal { class, code } } else { Self::Announced { class, event: words } })
    }

    /// In which way the provider refuses, if it is one that does.
    pub const fn class(&self) -> Option<FailureClass> {
        match self {
            Self::Operator(_) | Self::CategoryChanged(_) => None,
            Self::Refusal { class, .. } | Self::Announced { class, .. } => Some(*class),
        }
    }

    /// The provider's code.
    pub const fn code(&self) -> Option<i64> {
        match self {
            Self::Refusal { code, .. } => *code,
            Self::Operator(_) | Self::Announced { .. } | Self::CategoryChanged(_) => None,
        }
    }

    /// The words of the person or of the provider; empty when there are none.
    pub fn words(&self) -> &str {
        match self {
            Self::Operator(words) | Self::CategoryChanged(words) => words,
            Self::Announced { event, .. } => event,
            Self::Refusal { .. } => "",
        }
    }
}

/// As an operator reads it.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(words) => f.write_str(words),
            Self::Refusal { class, code: Some(code) } => write!(f, "{} ({} {code})", class.explanation(), class.name()),
            Self::Refusal { class, code: None } => write!(f, "{} ({})", class.explanation(), class.name()),
            Self::Announced { class, event } => write!(f, "{} ({event})", class.explanation()),
            Self::CategoryChanged(words) => {
                write!(
                    f,
                    "Meta takes its template for {words}, which may cost more; `barid template agree` agrees to the price"
                )
            }
        }
    }
}

/// A suspension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Which.
    pub id: i64,
    /// What is stopped.
    pub scope: Scope,
    /// Why.
    pub cause: Cause,
    /// Who did it: a name that an operator gave, or `barid`.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when; `None`: until it is released.
    pub until: Option<Timestamp>,
    /// How it may end by itself.
    pub probe: Probe,
    /// When it is tried next whether it may end.
    pub probe_at: Option<Timestamp>,
    /// How often that was tried.
    pub probes: u16,
    /// The message that was let through last, as long as it has told nothing.
    pub probe_message: Option<MessageId>,
}

/// Who ended a suspension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleasedBy {
    /// A person, by that name.
    Operator(String),
    /// The provider answered a harmless question again.
    Asked,
    /// A message that was let through was taken.
    LetThrough,
    /// The provider said that it is over.
    Announced,
    /// Its end came.
    Time,
}

impl ReleasedBy {
    /// The words in the store and the API.
    pub fn words(&self) -> String {
        match self {
            Self::Operator(name) => format!("{OPERATOR} {name}"),
            Self::Asked => "asked".to_owned(),
            Self::LetThrough => "let-through".to_owned(),
            Self::Announced => "announced".to_owned(),
            Self::Time => "time".to_owned(),
        }
    }

    /// From those words, if they are.
    pub fn of(words: &str) -> Option<Self> {
        match words {
            "asked" => Some(Self::Asked),
            "let-through" => Some(Self::LetThrough),
            "announced" => Some(Self::Announced),
            "time" => Some(Self::Time),
            words => words.strip_prefix(OPERATOR).map(|name| Self::Operator(name.trim_start().to_owned())),
        }
    }
}

/// A suspension as the record keeps it, in force or past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSuspension {
    /// What it is or was.
    pub suspension: Suspension,
    /// When it ended and who ended it.
    pub released: Option<(Timestamp, ReleasedBy)>,
}

/// What a message is, as far as suspensions ask.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// From which of our numbers.
    pub sender: &'a SenderName,
    /// Of which campaign, if of one.
    pub campaign: Option<&'a CampaignName>,
    /// Over which channel it would be called now.
    pub channel: Channel,
    /// Where the person's number is from, if known.
    pub country: Option<CountryCode>,
}

impl Suspension {
    /// Whether it stops this message now. A sender is one of our WhatsApp numbers, so its suspension does not stop other channels.
    pub fn stops(&self, target: &Target<'_>, now: Timestamp) -> bool {
        if self.until.is_some_and(|until| until <= now) {
            return false;
        }
        match &self.scope {
            Scope::Sender(sender) => target.channel == Channel::Whatsapp && sender == target.sender,
            Scope::Campaign(campaign) => target.campaign == Some(campaign),
            Scope::Channel(channel) => *channel == target.channel,
            // What a provider refuses is its own business: a text message may still go there, and is the fallback. What a person
            // stops is stopped.
            Scope::Country(country) => {
                let everywhere = matches!(self.cause, Cause::Operator(_));
                target.country == Some(*country) && (everywhere || target.channel.is_whatsapp())
            }
        }
    }

    /// Whether the next message may go, to see whether the suspension may end.
    pub fn lets_through(&self, now: Timestamp) -> bool {
        self.probe == Probe::LetOneThrough && self.probe_at.is_some_and(|at| at <= now)
    }

    /// When it may end, as far as that is known: its end, or the next message that is let through.
    pub fn may_end_at(&self, now: Timestamp) -> Option<Timestamp> {
        let probe = self.probe_at.filter(|at| *at > now && self.probe == Probe::LetOneThrough);
        match (self.until, probe) {
            (Some(until), Some(probe)) => Some(until.min(probe)),
            (until, probe) => until.or(probe),
        }
    }
}

/// A suspension to be put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSuspension {
    /// What is stopped.
    pub scope: Scope,
    /// Why.
    pub cause: Cause,
    /// Who does it.
    pub by: String,
    /// Until when; `None`: until it is released.
    pub until: Option<Timestamp>,
    /// How it may end by itself.
    pub probe: Probe,
    /// When that is tried first.
    pub probe_at: Option<Timestamp>,
    /// When the call was made that shows it: what is older than the release of the same suspension shows nothing any more. `None` for what
    /// holds now.
    pub shown_at: Option<Timestamp>,
}

/// A refusal with what it can be about.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    /// Over which channel it came.
    pub channel: Channel,
    /// From which of our numbers.
    pub sender: &'a SenderName,
    /// Of which campaign, if of one.
    pub campaign: Option<&'a CampaignName>,
    /// Where the person's number is from, if known.
    pub country: Option<CountryCode>,
    /// How it was refused.
    pub class: FailureClass,
    /// The provider's code.
    pub code: Option<i64>,
    /// When the call was made.
    pub called_at: Timestamp,
}

/// Who suspends what no person suspends.
const BARID: &str = "barid";

/// The suspension that follows from a refusal, if one does: what all further messages of that scope would meet too.
pub fn suspension_after(refused: &Refused<'_>, rules: &Rules, now: Timestamp) -> Option<NewSuspension> {
    let scope = match (refused.class.slow(), refused.channel) {
        (Slow::SuspendSender, Channel::Whatsapp) => Scope::Sender(refused.sender.clone()),
        // Other channels have one account for all.
        (Slow::SuspendSender, channel) => Scope::Channel(channel),
        (Slow::SuspendCampaign, Channel::Whatsapp) => Scope::Campaign(refused.campaign?.clone()),
        (Slow::SuspendCountry, Channel::Whatsapp) => Scope::Country(refused.country?),
        // What a channel that takes over refuses of a template or a country is told to a person, and WhatsApp goes on.
        (Slow::SuspendCampaign | Slow::SuspendCountry, _) => return None,
        (Slow::Nothing | Slow::Pair | Slow::Number | Slow::Account, _) => return None,
    };
    let cause = Cause::Refusal { class: refused.class, code: refused.code };
    Some(NewSuspension { shown_at: Some(refused.called_at), ..automatic(scope, cause, rules, now) })
}

/// A suspension that nobody has to think about: how it ends follows from what it is.
pub fn automatic(scope: Scope, cause: Cause, rules: &Rules, now: Timestamp) -> NewSuspension {
    let (until, probe) = match (cause.class(), &scope) {
        // Meta looks at the last seven days, the newest most: a rest is what helps.
        (Some(FailureClass::QualityLimited), _) => (now.checked_add(rules.quality_rest).ok(), Probe::Never),
        (Some(FailureClass::Credentials), Scope::Sender(_)) => (None, Probe::Ask),
        (Some(FailureClass::CountryRestricted) | None, _) => (None, Probe::Never),
        // Accounts are unlocked and paused templates released by people or after hours.
        (Some(_), _) => (None, Probe::LetOneThrough),
    };
    let probe_at = rules.next_probe(probe, 0, now);
    NewSuspension { scope, cause, by: BARID.to_owned(), until, probe, probe_at, shown_at: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    pub(super) fn suspended(cause: Cause) -> Suspension {
        Suspension {
            id: 1,
            scope: Scope::Sender("default".parse().unwrap()),
            cause,
            by: "amal".to_owned(),
            since: at(0),
            until: None,
            probe: Probe::Never,
            probe_at: None,
            probes: 0,
            probe_message: None,
        }
    }

    #[test]
    fn each_class_suspends_what_all_further_messages_would_meet() {
        let (sender, campaign) = ("default".parse().unwrap(), "welcome".parse().unwrap());
        let after = |class, channel| {
            let country = "SA".parse().ok();
            let refused = Refused {
                channel,
                sender: &sender,
                campaign: Some(&campaign),
                country,
                class,
                code: Some(1),
                called_at: at(0),
            };
            suspension_after(&refused, &Rules::default(), at(0))
                .map(|new| (new.scope.kind(), new.probe, new.until.is_some()))
        };
        use FailureClass::*;
        assert_eq!(after(Credentials, Channel::Whatsapp), Some(("sender", Probe::Ask, false)));
        assert_eq!(after(Credentials, Channel::Sms), Some(("channel", Probe::LetOneThrough, false)));
        assert_eq!(after(Misconfigured, Channel::Email), Some(("channel", Probe::LetOneThrough, false)));
        assert_eq!(after(AccountRestricted, Channel::Whatsapp), Some(("sender", Probe::LetOneThrough, false)));
        assert_eq!(after(QualityLimited, Channel::Whatsapp), Some(("sender", Probe::Never, true)));
        assert_eq!(after(TemplateUnavailable, Channel::Whatsapp), Some(("campaign", Probe::LetOneThrough, false)));
        assert_eq!(after(CountryRestricted, Channel::Whatsapp), Some(("country", Probe::Never, false)));
        for class in [NumberThrottled, Transient, Undeliverable, OptedOut, Unrecognised] {
            assert_eq!(after(class, Channel::Whatsapp), None, "{class:?}");
        }
        for class in [CountryRestricted, TemplateUnavailable] {
            assert_eq!(after(class, Channel::Sms), None, "another channel's {class:?} does not stop WhatsApp");
        }
    }

    #[test]
    fn a_suspension_stops_its_scope_until_its_end_and_a_number_only_on_whatsapp() {
        let (sender, other): (SenderName, SenderName) = ("default".parse().unwrap(), "riyadh".parse().unwrap());
        let suspension = Suspension { until: Some(at(10)), ..suspended(Cause::Operator("test".to_owned())) };
        let target = |sender, channel| Target { sender, campaign: None, channel, country: None };
        assert!(suspension.stops(&target(&sender, Channel::Whatsapp), at(9)));
        assert!(!suspension.stops(&target(&sender, Channel::Whatsapp), at(10)), "it is over");
        assert!(!suspension.stops(&target(&other, Channel::Whatsapp), at(9)));
        assert!(!suspension.stops(&target(&sender, Channel::Sms), at(9)));
        let country = Suspension { scope: Scope::Country("EG".parse().unwrap()), ..suspension };
        let in_egypt = Target { country: "EG".parse().ok(), ..target(&other, Channel::Sms) };
        assert!(country.stops(&in_egypt, at(9)));
        let cause = Cause::Refusal { class: FailureClass::CountryRestricted, code: Some(130497) };
        let refused = Suspension { cause, ..country };
        assert!(!refused.stops(&in_egypt, at(9)), "what Meta refuses may still go by text message");
        assert!(refused.stops(&Target { channel: Channel::Whatsapp, ..in_egypt }, at(9)));
    }

    #[test]
    fn scopes_come_back_from_their_words() {
        for scope in [
            Scope::Sender("default".parse().unwrap()),
            Scope::Campaign("welcome".parse().unwrap()),
            Scope::Channel(Channel::Sms),
            Scope::Country("SA".parse().unwrap()),
        ] {
            assert_eq!(Scope::of(scope.kind(), &scope.value()), Some(scope.clone()));
        }
        assert_eq!(Scope::of("planet", "mars"), None);
    }

    #[test]
    fn causes_and_ends_come_back_from_their_words() {
        let class = FailureClass::AccountRestricted;
        for cause in [
            Cause::Operator("fair at the weekend".to_owned()),
            Cause::Refusal { class, code: Some(131_042) },
            Cause::Announced { class, event: "ACCOUNT_RESTRICTION".to_owned() },
        ] {
            assert_eq!(Cause::of(cause.name(), cause.code(), cause.words().to_owned()), Some(cause.clone()));
            assert!(Cause::names().contains(&cause.name()));
        }
        assert_eq!(Cause::of("weather", None, String::new()), None);
        for by in [
            ReleasedBy::Operator("amal".to_owned()),
            ReleasedBy::Asked,
            ReleasedBy::LetThrough,
            ReleasedBy::Announced,
            ReleasedBy::Time,
        ] {
            assert_eq!(ReleasedBy::of(&by.words()), Some(by.clone()));
        }
    }
}
