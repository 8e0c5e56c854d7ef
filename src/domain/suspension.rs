//! A stop put on a part of the sending, by a person or by what a provider answered: a record that is checked for each message.

use jiff::{SignedDuration, Timestamp};

use crate::domain::channel::Channel;
use crate::domain::country::CountryCode;
use crate::domain::failure::{FailureClass, Slow};
use crate::domain::ids::{CampaignName, SenderName};

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
    /// The word for its kind in the store, the API and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Sender(_) => "sender",
            Self::Campaign(_) => "campaign",
            Self::Channel(_) => "channel",
            Self::Country(_) => "country",
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
}

/// How an automatic suspension finds out by itself whether it may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// A person must release it.
    Never,
    /// A harmless question to the provider, with the same token, is answered.
    Ask,
    /// One message is let through; if it is taken, all may go on.
    LetOneThrough,
}

impl Probe {
    /// The word in the store and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Ask => "ask",
            Self::LetOneThrough => "let-one-through",
        }
    }

    /// The probe of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Never, Self::Ask, Self::LetOneThrough].into_iter().find(|probe| probe.name() == name)
    }
}

/// A suspension in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Which.
    pub id: i64,
    /// What is stopped.
    pub scope: Scope,
    /// Why.
    pub cause: Cause,
    /// Since when.
    pub since: Timestamp,
    /// Until when; `None`: until it is released.
    pub until: Option<Timestamp>,
    /// How it may end by itself.
    pub probe: Probe,
    /// When it is tried next whether it may end.
    pub probe_at: Option<Timestamp>,
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
            Scope::Country(country) => target.country == Some(*country),
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
    /// Until when; `None`: until it is released.
    pub until: Option<Timestamp>,
    /// How it may end by itself.
    pub probe: Probe,
    /// When that is tried first.
    pub probe_at: Option<Timestamp>,
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
}

/// A number that people block or report rests for a day: Meta looks at the last seven, the newest most.
const QUALITY_REST: SignedDuration = SignedDuration::from_hours(24);
/// A new token is noticed within a minute.
const ASK_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// Accounts are unlocked and paused templates released by people or after hours.
const LET_THROUGH_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// The suspension that follows from a refusal, if one does: what all further messages of that scope would meet too.
pub fn suspension_after(refused: &Refused<'_>, now: Timestamp) -> Option<NewSuspension> {
    let scope = match (refused.class.slow(), refused.channel) {
        (Slow::SuspendSender, Channel::Whatsapp) => Scope::Sender(refused.sender.clone()),
        // Other channels have one account for all.
        (Slow::SuspendSender, channel) => Scope::Channel(channel),
        (Slow::SuspendCampaign, _) => Scope::Campaign(refused.campaign?.clone()),
        (Slow::SuspendCountry, _) => Scope::Country(refused.country?),
        (Slow::Nothing | Slow::Pair | Slow::Number | Slow::Account, _) => return None,
    };
    let later = |wait: SignedDuration| now.checked_add(wait).ok();
    let (until, probe, probe_at) = match refused.class {
        FailureClass::QualityLimited => (later(QUALITY_REST), Probe::Never, None),
        FailureClass::Credentials if refused.channel == Channel::Whatsapp => (None, Probe::Ask, later(ASK_AFTER)),
        FailureClass::CountryRestricted => (None, Probe::Never, None),
        _ => (None, Probe::LetOneThrough, later(LET_THROUGH_AFTER)),
    };
    let cause = Cause::Refusal { class: refused.class, code: refused.code };
    Some(NewSuspension { scope, cause, until, probe, probe_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn each_class_suspends_what_all_further_messages_would_meet() {
        let (sender, campaign) = ("default".parse().unwrap(), "welcome".parse().unwrap());
        let after = |class, channel| {
            let country = "SA".parse().ok();
            let refused =
                Refused { channel, sender: &sender, campaign: Some(&campaign), country, class, code: Some(1) };
            suspension_after(&refused, at(0)).map(|new| (new.scope.kind(), new.probe, new.until.is_some()))
        };
        use FailureClass::*;
        assert_eq!(after(Credentials, Channel::Whatsapp), Some(("sender", Probe::Ask, false)));
        assert_eq!(after(Credentials, Channel::Sms), Some(("channel", Probe::LetOneThrough, false)));
        assert_eq!(after(AccountRestricted, Channel::Whatsapp), Some(("sender", Probe::LetOneThrough, false)));
        assert_eq!(after(QualityLimited, Channel::Whatsapp), Some(("sender", Probe::Never, true)));
        assert_eq!(after(TemplateUnavailable, Channel::Whatsapp), Some(("campaign", Probe::LetOneThrough, false)));
        assert_eq!(after(CountryRestricted, Channel::Whatsapp), Some(("country", Probe::Never, false)));
        for class in [NumberThrottled, Transient, Undeliverable, OptedOut, Unrecognised] {
            assert_eq!(after(class, Channel::Whatsapp), None, "{class:?}");
        }
    }

    #[test]
    fn a_suspension_stops_its_scope_until_its_end_and_a_number_only_on_whatsapp() {
        let (sender, other): (SenderName, SenderName) = ("default".parse().unwrap(), "riyadh".parse().unwrap());
        let suspension = Suspension {
            id: 1,
            scope: Scope::Sender(sender.clone()),
            cause: Cause::Operator("test".to_owned()),
            since: at(0),
            until: Some(at(10)),
            probe: Probe::Never,
            probe_at: None,
        };
        let target = |sender, channel| Target { sender, campaign: None, channel, country: None };
        assert!(suspension.stops(&target(&sender, Channel::Whatsapp), at(9)));
        assert!(!suspension.stops(&target(&sender, Channel::Whatsapp), at(10)), "it is over");
        assert!(!suspension.stops(&target(&other, Channel::Whatsapp), at(9)));
        assert!(!suspension.stops(&target(&sender, Channel::Sms), at(9)));
        let country = Suspension { scope: Scope::Country("EG".parse().unwrap()), ..suspension };
        let in_egypt = Target { country: "EG".parse().ok(), ..target(&other, Channel::Sms) };
        assert!(country.stops(&in_egypt, at(9)));
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
}
