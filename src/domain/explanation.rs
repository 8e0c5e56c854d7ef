//! The four answers of a failure class in words, and what a person should do about it.

use jiff::SignedDuration;

use crate::domain::failure::{FailureClass, Retry, Slow};

impl Retry {
    /// What the operator reads.
    pub fn words(self) -> String {
        match self {
            Self::AfterWait => "yes, after the next of `[retry] waits`, each with up to a fifth more".to_owned(),
            Self::WhenFree => {
                "yes, as soon as it may go on; takes none of `[retry] waits`, and the provider's own estimate is honoured"
                    .to_owned()
            }
            Self::AfterRelease => "yes, when the suspension that follows is released".to_owned(),
            Self::OnceAfter(wait) => {
                format!("once, after {} h, and only where no other channel takes over", whole_hours(wait))
            }
            Self::Never => "no, it would be refused again".to_owned(),
        }
    }
}

fn whole_hours(wait: SignedDuration) -> i64 {
    wait.as_hours()
}

impl Slow {
    /// What the operator reads.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing else",
            Self::Pair => "messages to this person from this number",
            Self::Number => "the number: its pace is halved and finds back",
            Self::Account => "every number of the account",
            Self::SuspendSender => "the number (on another channel: the channel) is suspended",
            Self::SuspendCampaign => "the campaign is suspended (by a refusal of WhatsApp)",
            Self::SuspendCountry => "people of this country are suspended on WhatsApp",
        }
    }
}

impl FailureClass {
    /// Third answer in words.
    pub const fn fallback_words(self) -> &'static str {
        match (self.falls_back(), self.is_whatsapps_own()) {
            (true, true) => {
                "yes, where the campaign names one and the person allows it; not WhatsApp by another carrier, which would say the same"
            }
            (true, false) => "yes, where the campaign names one and the person allows it, once trying again is over",
            (false, _) => "no",
        }
    }

    /// Fourth answer in words.
    pub const fn alert_words(self) -> &'static str {
        if self.alerts() { "yes" } else { "no" }
    }

    /// What a person should do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NumberThrottled => "nothing; if it keeps happening, lower `mps` of the sender",
            Self::PairThrottled => "nothing; if it keeps happening, look for campaigns that write to the same people",
            Self::AccountThrottled => "nothing; if it keeps happening, find out what else calls with the same account",
            Self::QualityLimited => {
                "look at the number's quality and at whom it wrote to; `barid release` lets it send before the day is over"
            }
            Self::Maintenance => "nothing; it is over in a minute",
            Self::Transient => "nothing; if it is many messages for long, see the provider's status page",
            Self::Undeliverable => "nothing; a fallback channel in the campaign reaches such people",
            Self::WindowClosed => "send an approved template instead of free text",
            Self::MarketingLimited => "nothing; a fallback channel in the campaign reaches such people",
            Self::OptedOut => "nothing; leave the person alone",
            Self::ContentRefused => {
                "read the details with `barid trace`, correct what they name, and send again with `barid campaign retry-failed`"
            }
            Self::TemplateUnavailable => {
                "look at the template at the provider; the campaign goes on when it is usable again"
            }
            Self::Credentials => "put a valid token or password in place; sending goes on by itself",
            Self::AccountRestricted => {
                "settle it with the provider; barid lets one message through every half hour and goes on when it is taken"
            }
            Self::CountryRestricted => {
                "drop the country from the audience, or settle it with the provider and `barid release`"
            }
            Self::Misconfigured => {
                "read the details with `barid trace`, correct the setting, start barid anew and `barid release` the channel"
            }
            Self::Unrecognised => {
                "look the code up at the provider and report it, so that it gets a class; the message is not tried again"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_answers_in_words() {
        let all: String = FailureClass::ALL
            .into_iter()
            .map(|class| {
                format!(
                    "{}\n  again?     {}\n  slows?     {}\n  falls back? {}\n  alert?     {}\n  do:        {}\n",
                    class.name(),
                    class.retry().words(),
                    class.slow().words(),
                    class.fallback_words(),
                    class.alert_words(),
                    class.advice()
                )
            })
            .collect();
        insta::assert_snapshot!(all);
    }
}
