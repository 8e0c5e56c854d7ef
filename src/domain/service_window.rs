//! The customer-service window: for 24 hours after a person wrote to one of our numbers, that number may write free words to them; outside of it
//! only approved templates (Meta, …/whatsapp/messages/send-messages, 2026-11-22).

use jiff::{SignedDuration, Timestamp};

/// How long it stays open after what the person wrote.
const SPAN: SignedDuration = SignedDuration::from_hours(24);
/// What leaves shortly before the end may arrive after it, and is refused then.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// One person's window with one of our numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceWindow {
    /// When it closes; `None` where the person never wrote.
    pub open_until: Option<Timestamp>,
}

impl ServiceWindow {
    /// Of a person who never wrote.
    pub const CLOSED: Self = Self { open_until: None };

    /// Whether free words may leave now.
    pub fn is_open(self, now: Timestamp) -> bool {
        self.open_until.is_some_and(|until| after(now, MARGIN) < until)
    }
}

/// Until when something that a person sent keeps the window open; `None` for what does not open it. `kind` as in the news, `sent_at` by
/// Meta's clock: ours would be late. That reactions open it is not confirmed by Meta, so they do not.
pub fn opened_until(kind: &str, sent_at: Timestamp) -> Option<Timestamp> {
    (kind != "reaction").then(|| after(sent_at, SPAN))
}

fn after(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn it_is_open_for_a_day_less_some_minutes_after_what_was_written() {
        let window = ServiceWindow { open_until: opened_until("text", at(1_000)) };
        assert!(window.is_open(at(1_000)));
        assert!(window.is_open(at(1_000 + 86_400 - 301)));
        assert!(!window.is_open(at(1_000 + 86_400 - 300)));
        assert!(!ServiceWindow::CLOSED.is_open(at(0)));
        assert_eq!(opened_until("reaction", at(0)), None);
    }
}
