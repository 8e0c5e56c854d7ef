//! A campaign: the intention to tell an audience something, and when. A run freezes it as JSON.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil};
use serde::{Deserialize, Serialize};

use crate::domain::audience::Audience;
use crate::domain::channel::Channel;
use crate::domain::consent::Purpose;
use crate::domain::ids::{CampaignName, SenderName, TemplateName};
use crate::domain::language::Language;
use crate::domain::money::Money;
use crate::domain::schedule::{Schedule, Zone};
use crate::domain::share::Share;

/// A campaign as its file defines it, every default filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// The stem of its file.
    pub name: CampaignName,
    /// What is said.
    pub template: TemplateName,
    /// Which consent it needs.
    pub purpose: Purpose,
    /// When it fires; `None` waits for a person to start it.
    pub start: Option<Start>,
    /// Where `start` is read.
    pub timezone: Zone,
    /// Too old to send after this long, counted from the time it was due.
    pub expires_after: SignedDuration,
    /// From which of our numbers.
    pub sender: SenderName,
    /// To whom.
    pub audience: Audience,
    /// Constants for the template, by name.
    pub values: CampaignValues,
    /// How it is sent.
    pub delivery: Delivery,
    /// In which steps the audience is taken, if not at once.
    pub rollout: Option<Rollout>,
    /// Whether those who do not answer hear of it again.
    pub reminder: Option<Reminder>,
    /// What it may cost.
    pub budget: Option<Money>,
}

/// The constants of a campaign by name.
pub type CampaignValues = BTreeMap<String, CampaignValue>;

/// When a campaign fires, read in its time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// Once, when the clocks show this.
    At(civil::DateTime),
    /// Each time the schedule comes round.
    Schedule(Schedule),
}

/// A constant for the template: one for all, or one for each language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CampaignValue {
    /// By language.
    ByLanguage {
        /// In Arabic texts.
        ar: Scalar,
        /// In English texts.
        en: Scalar,
    },
    /// In every text.
    Same(Scalar),
}

impl CampaignValue {
    /// The value for texts in that language.
    pub fn in_language(&self, language: Language) -> &Scalar {
        match (self, language) {
            (Self::Same(value), _)
            | (Self::ByLanguage { ar: value, .. }, Language::Ar)
            | (Self::ByLanguage { en: value, .. }, Language::En) => value,
        }
    }
}

impl From<&str> for CampaignValue {
    fn from(text: &str) -> Self {
        Self::Same(Scalar::Text(text.to_owned()))
    }
}

/// A single value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// A whole number.
    Integer(i64),
    /// Anything else; decimals and dates are text that the helpers of templates read.
    Text(String),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// How the messages of a campaign are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Messages each second at most; `None` is as fast as the sender may.
    pub rate: Option<u32>,
    /// Hours of the recipient in which we keep silent.
    pub quiet_hours: Option<QuietHours>,
    /// Other channels in order, after WhatsApp gave up.
    pub fallback: Vec<Channel>,
    /// Fall back when there is no *delivered* after this long.
    pub not_delivered_after: Option<SignedDuration>,
    /// What happens with a message whose call was never answered.
    pub on_unknown: OnUnknown,
    /// How long evidence is waited for before `on_unknown` decides.
    pub unknown_after: SignedDuration,
}

/// What happens with a message when nobody knows whether Meta took it and no status settled it in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnknown {
    /// Sent again only if callbacks of other messages did come in meanwhile: then the silence says that Meta never had it.
    Evidence,
    /// Sent again: rather twice than never.
    SendAgain,
    /// Counted as submitted: rather never than twice.
    AssumeSent,
}

impl OnUnknown {
    /// Every rule.
    pub const ALL: [Self; 3] = [Self::Evidence, Self::SendAgain, Self::AssumeSent];

    /// The word in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::SendAgain => "send-again",
            Self::AssumeSent => "assume-sent",
        }
    }
}

/// Hours in which nobody is written to, in the recipient's own time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// From this time of day
    pub from: civil::Time,
    /// to this one, on the next day when it is earlier.
    pub to: civil::Time,
    /// Days that are quiet from end to end.
    pub days_off: Vec<DayOff>,
}

/// A day that is quiet from end to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DayOff {
    /// In each week.
    Every(DayOfWeek),
    /// Once: a holiday.
    On(civil::Date),
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the days say their names")]
pub enum DayOfWeek {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl DayOfWeek {
    /// From Monday to Sunday.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// The word in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mon => "MON",
            Self::Tue => "TUE",
            Self::Wed => "WED",
            Self::Thu => "THU",
            Self::Fri => "FRI",
            Self::Sat => "SAT",
            Self::Sun => "SUN",
        }
    }

    /// The day of the week of a date.
    pub fn of(date: civil::Date) -> Self {
        Self::ALL[usize::try_from(date.weekday().to_monday_zero_offset()).expect("it is 0 to 6")]
    }
}

/// A pilot first: growing parts of the audience, with a halt that needs no person awake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// Parts of the audience reached after each stage, growing to 100 %.
    pub stages: Vec<Share>,
    /// Between two stages.
    pub wait: SignedDuration,
    /// Halt when more than this failed.
    pub failed_above: Option<Share>,
    /// Halt when more than this sent a stop word.
    pub opted_out_above: Option<Share>,
}

/// A second message for those who did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// This long after the first.
    pub after: SignedDuration,
    /// How often at most.
    pub times: u32,
    /// What it says; `None`: the same as the first message.
    #[serde(default)]
    pub template: Option<TemplateName>,
}

impl Campaign {
    /// When the campaign is next due after `after` (never at `after` itself), if ever.
    pub fn due_after(&self, after: Timestamp) -> Option<Timestamp> {
        match self.start.as_ref()? {
            Start::At(at) => self.timezone.instant(*at).filter(|due| *due > after),
            Start::Schedule(schedule) => schedule.next_after(after, &self.timezone),
        }
    }

    /// When a message of a run that was due at `due` is too old to send.
    pub fn expires_at(&self, due: Timestamp) -> Timestamp {
        due.saturating_add(self.expires_after).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audience::{AudienceSource, Sample};

    fn campaign(start: Option<Start>) -> Campaign {
        Campaign {
            name: "welcome".parse().unwrap(),
            template: "survey-invitation".parse().unwrap(),
            purpose: Purpose::Survey,
            start,
            timezone: "Africa/Cairo".parse().unwrap(),
            expires_after: SignedDuration::from_hours(36),
            sender: "default".parse().unwrap(),
            audience: Audience {
                source: AudienceSource::File("recent-buyers.csv".into()),
                tags_any: vec![],
                tags_none: vec!["staff".into()],
                where_: [("city".to_owned(), vec!["Riyadh".to_owned()])].into(),
                not_contacted_for: None,
                sample: Sample::of("50%".parse().unwrap(), "welcome"),
            },
            values: [
                ("survey_link".to_owned(), CampaignValue::from("https://survey.example.com/s")),
                (
                    "survey_title".to_owned(),
                    CampaignValue::ByLanguage {
                        ar: Scalar::Text("استبيان".into()), en: Scalar::Text("Survey".into())
                    },
                ),
                ("questions".to_owned(), CampaignValue::Same(Scalar::Integer(5))),
            ]
            .into(),
            delivery: Delivery {
                rate: Some(40),
                quiet_hours: Some(QuietHours {
                    from: civil::time(21, 0, 0, 0),
                    to: civil::time(8, 0, 0, 0),
                    days_off: vec![DayOff::Every(DayOfWeek::Fri), DayOff::On(civil::date(2026, 12, 2))],
                }),
                fallback: vec![Channel::TwilioWhatsapp, Channel::Sms],
                not_delivered_after: Some(SignedDuration::from_hours(4)),
                on_unknown: OnUnknown::SendAgain,
                unknown_after: SignedDuration::from_mins(15),
            },
            rollout: Some(Rollout {
                stages: vec!["2%".parse().unwrap(), Share::ALL],
                wait: SignedDuration::from_mins(30),
                failed_above: Some("5%".parse().unwrap()),
                opted_out_above: None,
            }),
            reminder: Some(Reminder { after: SignedDuration::from_hours(72), times: 1, template: None }),
            budget: Some(Money::from_decimal("250.00", "USD".parse().unwrap()).unwrap()),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_frozen_definition_comes_back_whole() {
        for start in [
            None,
            Some(Start::At(civil::date(2026, 12, 1).at(9, 0, 0, 0))),
            Some(Start::Schedule("0 9 * * SUN".parse().unwrap())),
        ] {
            let campaign = campaign(start);
            let frozen = serde_json::to_string(&campaign).unwrap();
            assert_eq!(serde_json::from_str::<Campaign>(&frozen).unwrap(), campaign, "{frozen}");
        }
    }

    #[test]
    fn a_single_start_is_due_once_in_its_own_time_zone() {
        let campaign = campaign(Some(Start::At(civil::date(2026, 12, 1).at(9, 0, 0, 0))));
        let due = at("2026-12-01T07:00:00Z");
        assert_eq!(campaign.due_after(at("2026-11-01T00:00:00Z")), Some(due));
        assert_eq!(campaign.due_after(due), None);
        assert_eq!(campaign.expires_at(due), at("2026-12-02T19:00:00Z"));
    }

    #[test]
    fn a_start_that_the_clock_leaves_out_is_not_lost() {
        let campaign = campaign(Some(Start::At(civil::date(2026, 4, 24).at(0, 30, 0, 0))));
        assert_eq!(campaign.due_after(at("2026-04-01T00:00:00Z")), Some(at("2026-04-23T22:30:00Z")));
    }

    #[test]
    fn without_a_start_it_waits_for_a_person() {
        assert_eq!(campaign(None).due_after(Timestamp::UNIX_EPOCH), None);
    }
}
