//! What became of messages, and the shares that follow from it.

use std::collections::BTreeMap;

use crate::domain::channel::Channel;
use crate::domain::cost_report::{CallDay, share};

/// How many messages of one campaign over one channel were answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignAnswers {
    /// Of which campaign; empty outside of campaigns.
    pub campaign: String,
    /// Over which channel.
    pub channel: Channel,
    /// How many.
    pub messages: u64,
}

/// Of what a share is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Arrived of called, over channels that tell it.
    Delivered,
    /// Seen of arrived, over channels that tell it.
    Read,
    /// Answered of those that arrived, or, where that is not told, of those that were called.
    Answered,
}

impl Rate {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Delivered, Self::Read, Self::Answered];

    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Answered => "answered",
        }
    }
}

/// A part of a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// The part.
    pub n: i64,
    /// The whole.
    pub of: i64,
}

impl Part {
    /// In basis points; `None` of nothing.
    pub fn share(self) -> Option<i64> {
        share(self.n, self.of)
    }
}

/// What became of messages of a month: of all, of a channel or of a campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// Messages that were called on its days. Of a channel, all that went over it; of a campaign or of all, each counts once, on the day of its first call.
    pub called: i64,
    /// Failed in the end.
    pub failed: i64,
    /// Arrived, where it is told.
    pub delivered: Part,
    /// Seen, where it is told.
    pub read: Part,
    /// Answered on its days.
    pub answered: Part,
}

impl Rates {
    /// Adds what became of a day's calls, to as many messages that are `called`.
    fn add(&mut self, day: &CallDay, called: i64) {
        self.called += called;
        self.failed += day.failed;
        if day.channel.reports_delivery() {
            self.delivered.n += day.delivered;
            self.delivered.of += called;
        }
        if day.channel.is_whatsapp() {
            self.read.n += day.read;
            self.read.of += day.delivered;
        }
        self.answered.of += if day.channel.reports_delivery() { day.delivered } else { day.called };
    }

    /// Part and whole of a rate.
    pub const fn part(&self, rate: Rate) -> Part {
        match rate {
            Rate::Delivered => self.delivered,
            Rate::Read => self.read,
            Rate::Answered => self.answered,
        }
    }

    /// A rate in basis points; `None`: it is not told, or nothing was called.
    pub fn share(&self, rate: Rate) -> Option<i64> {
        self.part(rate).share()
    }
}

/// The rates of everything, of each channel and of each campaign.
#[derive(Debug, Clone, Default)]
pub(super) struct AllRates {
    pub(super) all: Rates,
    pub(super) channels: BTreeMap<Channel, Rates>,
    pub(super) campaigns: BTreeMap<String, Rates>,
}

impl AllRates {
    pub(super) fn new(calls: &[CallDay], answers: &[CampaignAnswers]) -> Self {
        let mut rates = Self::default();
        for day in calls {
            rates.channels.entry(day.channel).or_default().add(day, day.called);
            rates.across(&day.campaign, |rates| rates.add(day, day.called - day.took_over));
        }
        for CampaignAnswers { campaign, channel, messages } in answers {
            let n = i64::try_from(*messages).unwrap_or(i64::MAX);
            rates.channels.entry(*channel).or_default().answered.n += n;
            rates.across(campaign, |rates| rates.answered.n += n);
        }
        rates
    }

    /// Changes those across the channels.
    fn across(&mut self, campaign: &str, change: impl Fn(&mut Rates)) {
        change(&mut self.all);
        change(self.campaigns.entry(campaign.to_owned()).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;

    #[test]
    fn a_message_that_another_channel_took_over_is_one_of_its_campaign_and_one_of_each_channel() {
        let day = |channel, called, delivered, took_over| CallDay {
            day: "2026-11-02".parse().unwrap(),
            campaign: "welcome".to_owned(),
            channel,
            language: Language::Ar,
            called,
            delivered,
            read: 0,
            failed: 0,
            took_over,
        };
        let calls = [day(Channel::Whatsapp, 100, 80, 0), day(Channel::Sms, 20, 15, 20), day(Channel::Email, 5, 0, 5)];
        let rates = AllRates::new(&calls, &[]);
        let of = |rates: &Rates| (rates.called, rates.delivered, rates.answered.of);
        assert_eq!(of(&rates.all), (100, Part { n: 95, of: 100 }, 100));
        assert_eq!(of(&rates.campaigns["welcome"]), of(&rates.all));
        assert_eq!(of(&rates.channels[&Channel::Whatsapp]), (100, Part { n: 80, of: 100 }, 80));
        assert_eq!(of(&rates.channels[&Channel::Sms]), (20, Part { n: 15, of: 20 }, 15));
        assert_eq!(of(&rates.channels[&Channel::Email]), (5, Part::default(), 5));
    }
}
