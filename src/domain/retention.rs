//! How long which kind of data is kept.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// A kind of data with a retention of its own. What is not here is kept: people and their consents, runs with their counts and costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Retained {
    /// Bodies of callbacks, applied or set aside.
    Journal,
    /// What happened to each message, step by step.
    History,
    /// Messages whose story is over, with what they said, their links and charges; the sums of costs stay.
    Messages,
    /// Files that people sent; their feedback stays.
    Media,
    /// What people sent back.
    Feedback,
    /// Answers in conversations, with their scores.
    FlowResults,
}

impl Retained {
    /// All of them, in the order in which they are tidied: what depends on others first.
    pub const ALL: [Self; 6] =
        [Self::Journal, Self::History, Self::Messages, Self::Media, Self::Feedback, Self::FlowResults];

    /// The word in logs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::History => "history",
            Self::Messages => "messages",
            Self::Media => "media",
            Self::Feedback => "feedback",
            Self::FlowResults => "flow-results",
        }
    }
}

impl fmt::Display for Retained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// For how long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeepFor {
    /// This long.
    Span(SignedDuration),
    /// For ever.
    Ever,
}

/// How long each kind is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// See [`Retained::Journal`].
    pub journal: KeepFor,
    /// See [`Retained::History`].
    pub history: KeepFor,
    /// See [`Retained::Messages`].
    pub messages: KeepFor,
    /// See [`Retained::Media`].
    pub media: KeepFor,
    /// See [`Retained::Feedback`], and [`Retained::FlowResults`].
    pub feedback: KeepFor,
}

impl Retention {
    /// What of this kind is older than the answer goes; `None`: nothing does.
    ///
    /// `spoken_to`: the longest time for which a campaign asks whom we wrote to (`not_contacted_for`). The messages of that time are the
    /// answer, so they stay.
    pub fn before(&self, what: Retained, spoken_to: SignedDuration, now: Timestamp) -> Option<Timestamp> {
        let keep = match what {
            Retained::Journal => self.journal,
            Retained::History => self.history.min(self.messages),
            Retained::Messages => self.messages.max(KeepFor::Span(spoken_to)),
            Retained::Media => self.media.min(self.feedback),
            Retained::Feedback | Retained::FlowResults => self.feedback,
        };
        match keep {
            KeepFor::Ever => None,
            // Before the beginning of time there is nothing.
            KeepFor::Span(span) => now.checked_sub(span).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: i64) -> KeepFor {
        KeepFor::Span(span(days))
    }

    fn span(days: i64) -> SignedDuration {
        SignedDuration::from_hours(days * 24)
    }

    fn retention() -> Retention {
        Retention { journal: days(30), history: days(60), messages: days(90), media: days(400), feedback: days(300) }
    }

    fn kept_days(retention: &Retention, what: Retained, spoken_to: i64) -> Option<i64> {
        let now: Timestamp = "2026-11-28T00:00:00Z".parse().unwrap();
        retention.before(what, span(spoken_to), now).map(|before| now.duration_since(before).as_hours() / 24)
    }

    #[test]
    fn each_kind_has_its_own_time_and_none_outlives_what_it_belongs_to() {
        let kept = Retained::ALL.map(|what| kept_days(&retention(), what, 0));
        assert_eq!(kept, [30, 60, 90, 300, 300, 300].map(Some));
        let long = Retention { history: KeepFor::Ever, media: KeepFor::Ever, ..retention() };
        assert_eq!(kept_days(&long, Retained::History, 0), Some(90));
        assert_eq!(kept_days(&long, Retained::Media, 0), Some(300));
    }

    #[test]
    fn messages_stay_as_long_as_a_campaign_asks_whom_we_wrote_to() {
        assert_eq!(kept_days(&retention(), Retained::Messages, 365), Some(365));
        assert_eq!(kept_days(&retention(), Retained::History, 365), Some(60));
    }

    #[test]
    fn what_is_kept_for_ever_has_no_end() {
        let ever = Retention { feedback: KeepFor::Ever, messages: KeepFor::Ever, ..retention() };
        assert_eq!(kept_days(&ever, Retained::Feedback, 0), None);
        assert_eq!(kept_days(&ever, Retained::Messages, 365), None);
        assert_eq!(kept_days(&ever, Retained::History, 0), Some(60));
        assert_eq!(kept_days(&ever, Retained::Media, 0), Some(400));
    }
}
