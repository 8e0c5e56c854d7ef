//! How the simulated world behaves when nothing goes wrong: answers, statuses, people.

use serde::{Deserialize, Serialize};

use super::{Millis, Span};

/// How long the answer to a call takes: half of them between `min` and `median`, half between `median` and `max`, few near `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Latency {
    /// The quickest answer.
    pub min: Millis,
    /// Half of the answers are quicker. Meta's load-test page reckons with 350 ms (support/load-testing, checked 2026-11-22).
    pub median: Millis,
    /// The slowest answer.
    pub max: Millis,
}

impl Default for Latency {
    fn default() -> Self {
        Self { min: Millis::new(50), median: Millis::new(350), max: Millis::new(800) }
    }
}

impl Latency {
    /// Answers as soon as they are ready.
    pub const NONE: Self = Self { min: Millis::new(0), median: Millis::new(0), max: Millis::new(0) };

    /// The time at `unit` (0 to 1) of all answers ordered by their time, in milliseconds.
    pub(in crate::simulator) fn at(&self, unit: f64) -> u64 {
        let (min, median, max) = (self.min.millis() as f64, self.median.millis() as f64, self.max.millis() as f64);
        let millis = if unit < 0.5 {
            min + (median - min) * (unit * 2.0).sqrt()
        } else {
            median + (max - median) * (unit * 2.0 - 1.0).powi(3)
        };
        millis.max(0.0) as u64
    }
}

/// What becomes of an accepted message and how its callbacks travel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Statuses {
    /// Off: no status callbacks at all (customers still write).
    pub enabled: bool,
    /// `sent`, after the answer to the call.
    pub sent_after: Span,
    /// `delivered`, after `sent`.
    pub delivered_after: Span,
    /// `read`, after `delivered`.
    pub read_after: Span,
    /// How many of the delivered messages are read.
    pub read_share: f64,
    /// How many of the sent messages are never delivered (phone off); nothing more comes.
    pub undelivered_share: f64,
    /// How many accepted messages never get any status (their time to live runs out).
    pub lost_share: f64,
    /// Of the messages that are read: how many skip `delivered`, because the chat was open.
    pub skip_delivered_share: f64,
    /// How many status events come twice.
    pub duplicate_share: f64,
    /// How many messages have two of their statuses swapped.
    pub reorder_share: f64,
    /// How many messages have their first status before the answer to the call.
    pub before_answer_share: f64,
    /// How many template messages Meta holds back to see how others are taken (`held_for_quality_assessment`; templates/template-pacing,
    /// checked 2026-11-22).
    pub paced_share: f64,
    /// How long it holds them.
    pub paced_for: Span,
    /// How many of those it then throws away (failed 132015).
    pub paced_dropped_share: f64,
    /// At most so many events in one callback; Meta: up to 1,000 (webhooks/create-webhook-endpoint, checked 2026-11-22).
    pub batch_max: usize,
    /// How long an event waits for others; zero: not at all.
    pub batch_wait: Millis,
    /// How many statuses of one number share one change of a callback.
    pub per_change: usize,
    /// Whether statuses carry `pricing`, by the rules in force on the day.
    pub pricing: bool,
}

impl Default for Statuses {
    fn default() -> Self {
        Self {
            enabled: true,
            sent_after: Span::millis(50, 500),
            delivered_after: Span::millis(200, 3_000),
            read_after: Span::millis(1_000, 20_000),
            read_share: 0.6,
            undelivered_share: 0.02,
            lost_share: 0.0,
            skip_delivered_share: 0.02,
            duplicate_share: 0.01,
            reorder_share: 0.02,
            before_answer_share: 0.0,
            paced_share: 0.0,
            paced_for: Span::millis(2_000, 60_000),
            paced_dropped_share: 0.0,
            batch_max: 100,
            batch_wait: Millis::new(50),
            per_change: 1,
            pricing: true,
        }
    }
}

impl Statuses {
    /// All statuses at once, each message read, no disorder: for tests that look at something else.
    pub fn prompt() -> Self {
        Self {
            sent_after: Span::ZERO,
            delivered_after: Span::ZERO,
            read_after: Span::ZERO,
            read_share: 1.0,
            undelivered_share: 0.0,
            skip_delivered_share: 0.0,
            duplicate_share: 0.0,
            reorder_share: 0.0,
            paced_for: Span::ZERO,
            batch_wait: Millis::new(10),
            ..Self::default()
        }
    }

    /// No status callbacks.
    pub fn off() -> Self {
        Self { enabled: false, ..Self::default() }
    }
}

/// What people do who get a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Customers {
    /// How many of those who got a message answer it.
    pub reply_share: f64,
    /// How many of those who got a message write a stop word.
    pub stop_share: f64,
    /// How many of those who got a marketing template use WhatsApp's own "stop" for this business.
    pub preference_stop_share: f64,
    /// Of those who answer a message with buttons or a list: how many press instead of writing.
    pub press_share: f64,
    /// Of those who write: how many quote the message they answer.
    pub quote_share: f64,
    /// When they answer, after the last status.
    pub reply_after: Span,
    /// What they write, in Arabic; empty: the built-in texts.
    pub texts_ar: Vec<String>,
    /// What they write, in English; empty: the built-in texts.
    pub texts_en: Vec<String>,
    /// How many numbers are not on WhatsApp (accepted, then failed 131026); fixed for each number.
    pub not_on_whatsapp_share: f64,
    /// How many people hide their phone number: they appear by their business-scoped user id only; fixed for each number.
    pub hidden_phone_share: f64,
    /// How many have reached Meta's marketing limit (accepted, then failed 131049; again for 24 hours); drawn for each message.
    pub marketing_limited_share: f64,
    /// How many are in Meta's hold-out group (marketing fails with 130472); fixed for each number.
    pub experiment_share: f64,
    /// How many came by an advertisement less than 72 hours ago, so that whatever is sent to them is free; fixed for each number.
    pub entry_point_share: f64,
}

impl Default for Customers {
    fn default() -> Self {
        Self {
            reply_share: 0.1,
            stop_share: 0.0,
            preference_stop_share: 0.0,
            press_share: 0.7,
            quote_share: 0.3,
            reply_after: Span::millis(1_000, 20_000),
            texts_ar: Vec::new(),
            texts_en: Vec::new(),
            not_on_whatsapp_share: 0.0,
            hidden_phone_share: 0.0,
            marketing_limited_share: 0.0,
            experiment_share: 0.0,
            entry_point_share: 0.0,
        }
    }
}

impl Customers {
    /// People who never write.
    pub fn silent() -> Self {
        Self { reply_share: 0.0, ..Self::default() }
    }
}

/// The limits that Meta enforces (throughput is set for each number).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Whether one number may only write so often to one person (131056).
    pub pair: bool,
    /// How many at once; Meta: 45 (about-the-platform, checked 2026-11-22).
    pub pair_burst: u32,
    /// One more each; Meta: 6 seconds.
    pub pair_interval: Millis,
    /// Management calls for each business account in an hour (80007); 0: any number. Meta: 5,000 with a registered number.
    pub management_per_hour: u32,
    /// The HTTP status of 4, 80007, 130429 and 131056: 400 as Meta's table of 2025 says, or 429 as its OpenAPI file does.
    pub http_status: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pair: true,
            pair_burst: 45,
            pair_interval: Millis::from_secs(6),
            management_per_hour: 5_000,
            http_status: 400,
        }
    }
}

/// What happens to free text for someone who has not written in the last 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutsideWindow {
    /// Accepted, then failed 131047: what client libraries report.
    #[default]
    FailedStatus,
    /// Refused at once with 131047 (seen in one library's tests).
    Refuse,
}

/// How callbacks are delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Callbacks {
    /// At most so many at once.
    pub connections: usize,
    /// The receiver must have answered by then.
    pub timeout: Millis,
    /// Waits before the second, third, … delivery of a callback that was not answered with 200; the last one repeats.
    pub redelivery: Vec<Millis>,
    /// After this time a callback is lost; Meta: 7 days.
    pub give_up_after: Millis,
}

impl Default for Callbacks {
    fn default() -> Self {
        Self {
            connections: 8,
            timeout: Millis::from_secs(10),
            redelivery: [0, 1, 2, 5, 15, 30, 60, 120, 300, 600].map(Millis::from_secs).to_vec(),
            give_up_after: Millis::from_secs(7 * 24 * 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_keeps_to_its_bounds_and_its_median() {
        let latency = Latency::default();
        assert_eq!(latency.at(0.0), 50);
        assert_eq!(latency.at(0.5), 350);
        assert!((790..=800).contains(&latency.at(0.999_999)));
        assert_eq!(Latency::NONE.at(0.7), 0);
    }
}
