//! When a run will be through, under the limits as they are now.

use std::collections::VecDeque;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

use crate::domain::limit::{Limit, TIER_SPAN};

/// Parts of a day in which what the tier gives back is looked at together.
const PART: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Nobody plans further ahead, and a forecast need not.
const DAYS_MAX: usize = 3_660;

/// What a run has before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// Messages that are not called yet.
    pub waiting: u64,
    /// Messages each second at most from its number now.
    pub number_rate: f64,
    /// Messages each second at most of the run itself.
    pub run_rate: Option<u32>,
    /// What is left of its portfolio's tier; `None`: nobody is counted.
    pub tier: Option<TierLeft>,
    /// Messages that its budget still pays for; `None`: any number.
    pub paid_for: Option<u64>,
}

/// What is left of a tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierLeft {
    /// People who may be written to now.
    pub left: u64,
    /// When how many places come back, the earliest first.
    pub returns: Vec<(Timestamp, u64)>,
}

/// When it will be through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// When the last message that can go leaves; `None`: none can, or not within ten years.
    pub ends_at: Option<Timestamp>,
    /// What decides it.
    pub limited_by: Limit,
    /// Messages in each 24 hours from now.
    pub days: Vec<u64>,
    /// Messages that its budget does not pay for.
    pub not_paid_for: u64,
}

/// Reckons with the rate of now, and with everybody being somebody new to the tier. Quiet hours and suspensions are not known here.
pub fn forecast(outlook: &Outlook, now: Timestamp) -> Forecast {
    let payable = outlook.paid_for.map_or(outlook.waiting, |paid_for| paid_for.min(outlook.waiting));
    let not_paid_for = outlook.waiting - payable;
    let run_rate = outlook.run_rate.map(f64::from).filter(|rate| *rate < outlook.number_rate);
    let rate = run_rate.unwrap_or(outlook.number_rate);
    let mut plan = Plan { now, at: now, waiting: payable, days: Vec::new(), waited: SignedDuration::ZERO };
    let is_reached = match &outlook.tier {
        // With a rate of nothing there is no end.
        _ if rate <= 0.0 => payable == 0,
        None => plan.send(payable, rate).is_some(),
        Some(tier) => plan.under(tier, rate),
    };
    let pace = if run_rate.is_some() { Limit::Rate } else { Limit::Number };
    let sending = plan.at.duration_since(now) - plan.waited;
    let limited_by = if not_paid_for > 0 {
        Limit::Budget
    } else if plan.waited > sending || !is_reached {
        Limit::Tier
    } else {
        pace
    };
    let ends_at = (is_reached && (payable > 0 || outlook.waiting == 0)).then(|| whole_second(plan.at));
    Forecast { ends_at, limited_by, days: plan.days, not_paid_for }
}

/// The next whole second: nobody foretells more exactly.
fn whole_second(at: Timestamp) -> Timestamp {
    at.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil)).unwrap_or(at)
}

/// How the messages leave.
struct Plan {
    now: Timestamp,
    at: Timestamp,
    waiting: u64,
    days: Vec<u64>,
    /// How long nothing could leave.
    waited: SignedDuration,
}

impl Plan {
    /// Sends so many at that rate; `None`: it takes too long.
    fn send(&mut self, n: u64, rate: f64) -> Option<()> {
        let mut left = n;
        while left > 0 {
            let day = usize::try_from(self.at.duration_since(self.now).as_secs() / DAY.as_secs()).ok()?;
            if day >= DAYS_MAX {
                return None;
            }
            if self.days.len() <= day {
                self.days.resize(day + 1, 0);
            }
            let ends = self.now.checked_add(DAY * i32::try_from(day + 1).ok()?).ok()?;
            // A day's messages are few, as numbers go: no digit is lost.
            let fits = (ends.duration_since(self.at).as_secs_f64() * rate).floor() as u64;
            let part = left.min(fits);
            if part == 0 {
                self.at = ends;
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "as above")]
            let takes = SignedDuration::try_from_secs_f64(part as f64 / rate).ok()?;
            self.at = self.at.checked_add(takes).ok()?;
            self.days[day] += part;
            left -= part;
        }
        self.waiting -= n;
        Some(())
    }

    /// Sends all as the tier lets them go; whether it ends.
    fn under(&mut self, tier: &TierLeft, rate: f64) -> bool {
        let mut left = tier.left;
        let mut returns: VecDeque<(Timestamp, u64)> = tier.returns.iter().copied().collect();
        // In steps, so that what comes back after a day comes back as it was used.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an hour's messages are few, as numbers go"
        )]
        let step = ((rate * PART.as_secs_f64()).ceil() as u64).max(1);
        while self.waiting > 0 {
            while returns.front().is_some_and(|(at, _)| *at <= self.at) {
                left += returns.pop_front().map_or(0, |(_, n)| n);
            }
            let n = self.waiting.min(left).min(step);
            if n == 0 {
                let Some((at, _)) = returns.front() else { return false };
                self.waited += at.duration_since(self.at);
                self.at = *at;
                continue;
            }
            if self.send(n, rate).is_none() {
                return false;
            }
            left -= n;
            returns.push_back((self.at.saturating_add(TIER_SPAN).unwrap_or(Timestamp::MAX), n));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-12-01T09:00:00Z".parse().unwrap()
    }

    fn outlook(waiting: u64, number_rate: f64) -> Outlook {
        Outlook { waiting, number_rate, run_rate: None, tier: None, paid_for: None }
    }

    fn told(outlook: &Outlook) -> String {
        let forecast = forecast(outlook, now());
        let ends_at = forecast.ends_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        format!("{ends_at} by {} {:?} left over {}", forecast.limited_by.name(), forecast.days, forecast.not_paid_for)
    }

    #[test]
    fn the_end_under_each_limit() {
        let tier = |left, returns: &[(i64, u64)]| {
            let at = |hours: i64| now() + SignedDuration::from_hours(hours);
            Some(TierLeft { left, returns: returns.iter().map(|(hours, n)| (at(*hours), *n)).collect() })
        };
        insta::assert_snapshot!([
            ("the number", outlook(7_000, 70.0)),
            ("half as fast", outlook(7_000, 35.0)),
            ("the run's own rate", Outlook { run_rate: Some(10), ..outlook(7_000, 70.0) }),
            ("a rate above the number's", Outlook { run_rate: Some(100), ..outlook(7_000, 70.0) }),
            ("a tier that is large enough", Outlook { tier: tier(10_000, &[]), ..outlook(7_000, 70.0) }),
            ("a tier for two days", Outlook { tier: tier(10_000, &[]), ..outlook(14_200, 70.0) }),
            ("a tier that is used up", Outlook { tier: tier(0, &[(5, 100), (20, 150)]), ..outlook(200, 70.0) }),
            ("a tier of nobody", Outlook { tier: tier(0, &[]), ..outlook(200, 70.0) }),
            ("a budget for half", Outlook { paid_for: Some(3_500), ..outlook(7_000, 70.0) }),
            ("a budget for none", Outlook { paid_for: Some(0), ..outlook(7_000, 70.0) }),
            ("a very slow number", outlook(200_000, 1.0)),
            ("nobody waits", outlook(0, 70.0)),
        ].iter().map(|(what, outlook)| format!("{what}: {}", told(outlook))).collect::<Vec<_>>().join("\n"), @"
        the number: 2026-12-01T09:01:40Z by number [7000] left over 0
        half as fast: 2026-12-01T09:03:20Z by number [7000] left over 0
        the run's own rate: 2026-12-01T09:11:40Z by rate [7000] left over 0
        a rate above the number's: 2026-12-01T09:01:40Z by number [7000] left over 0
        a tier that is large enough: 2026-12-01T09:01:40Z by number [7000] left over 0
        a tier for two days: 2026-12-02T09:04:23Z by tier [10000, 4200] left over 0
        a tier that is used up: 2026-12-02T05:00:02Z by tier [200] left over 0
        a tier of nobody: never by tier [] left over 0
        a budget for half: 2026-12-01T09:00:50Z by budget [3500] left over 3500
        a budget for none: never by budget [] left over 7000
        a very slow number: 2026-12-03T16:33:20Z by number [86400, 86400, 27200] left over 0
        nobody waits: 2026-12-01T09:00:00Z by number [] left over 0
        ");
    }

    #[test]
    fn a_million_under_the_smallest_tier_is_reckoned_soon() {
        let tier = Some(TierLeft { left: 250, returns: Vec::new() });
        let forecast = forecast(&Outlook { tier, ..outlook(1_000_000, 70.0) }, now());
        assert_eq!(forecast.ends_at, None, "eleven years");
        assert!(forecast.days.iter().all(|n| *n <= 250));
    }
}
