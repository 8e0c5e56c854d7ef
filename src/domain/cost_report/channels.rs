//! The channels beside each other: cost, arrival, reading, answers.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::facts::{Answered, CallDay, CostDay};
use super::{Sum, sum};
use crate::domain::channel::Channel;

/// How one channel did. Shares are basis points: hundredths of a percent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelFigures {
    /// Which.
    pub channel: Channel,
    /// What it cost.
    pub sum: Sum,
    /// Messages that were called on the days.
    pub called: i64,
    /// Of them arrived.
    pub delivered: i64,
    /// Of them seen.
    pub read: i64,
    /// Failed in the end.
    pub failed: i64,
    /// Answers that came on the days.
    pub answered: u64,
    /// Half of the answers came within this time of the call.
    pub median_answer: Option<SignedDuration>,
}

impl ChannelFigures {
    /// Arrived of called; `None`: the channel does not tell, or nothing was called.
    pub fn delivery_share(&self) -> Option<i64> {
        share(self.delivered, self.called).filter(|_| self.channel.reports_delivery())
    }

    /// Seen of arrived; `None` where the channel does not tell.
    pub fn read_share(&self) -> Option<i64> {
        share(self.read, self.delivered).filter(|_| self.channel.is_whatsapp())
    }

    /// Answered of those that arrived, or, where that is not told, of those that were called.
    pub fn answer_share(&self) -> Option<i64> {
        let reached = if self.channel.reports_delivery() { self.delivered } else { self.called };
        share(i64::try_from(self.answered).unwrap_or(i64::MAX), reached)
    }

    /// What one charged or free message cost on the average, in micro-units, rounded up.
    pub fn each_micros(&self) -> Option<i64> {
        let n = self.sum.n();
        (n > 0).then(|| self.sum.micros.div_euclid(n) + i64::from(self.sum.micros.rem_euclid(n) > 0))
    }
}

/// In basis points. An answer to a message of the days before can make it more than all.
pub(in crate::domain) fn share(part: i64, whole: i64) -> Option<i64> {
    (whole > 0).then(|| i64::try_from(i128::from(part) * 10_000 / i128::from(whole)).unwrap_or(i64::MAX))
}

/// The figures of each channel over which something went.
pub(super) fn figures(
    costs: &[CostDay],
    calls: &[CallDay],
    answered: &BTreeMap<Channel, Answered>,
) -> Vec<ChannelFigures> {
    let figures = Channel::ALL.into_iter().map(|channel| {
        let of =
            |count: fn(&CallDay) -> i64| -> i64 { calls.iter().filter(|day| day.channel == channel).map(count).sum() };
        let answers = answered.get(&channel);
        ChannelFigures {
            channel,
            sum: sum(costs.iter().filter(|day| day.channel == channel)),
            called: of(|day| day.called),
            delivered: of(|day| day.delivered),
            read: of(|day| day.read),
            failed: of(|day| day.failed),
            answered: answers.map_or(0, |answers| answers.messages),
            median_answer: answers.map(|answers| answers.median),
        }
    });
    figures.filter(|figures| figures.called > 0 || figures.sum.n() > 0 || figures.answered > 0).collect()
}
