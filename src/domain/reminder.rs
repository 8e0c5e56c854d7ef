//! Reminders: when those who did not answer hear of it again, and what of the campaign still holds then.

use jiff::Timestamp;

use crate::domain::campaign::{Campaign, Reminder};
use crate::domain::money::Money;

/// What is to be done about the reminders of a run that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextReminder {
    /// The reminder of that number (from 1) is due then.
    Due {
        /// Which.
        number: u32,
        /// When.
        at: Timestamp,
    },
    /// The one before it has not ended.
    Wait,
    /// None is left.
    None,
}

/// What comes next. `ended_at` is when the run ended, `sent` when each of its reminders did (`None` for one that has not).
///
/// Counted from the end of the run or reminder before it, so that even whoever was told last has had the whole time to answer. Of
/// what became due while nobody watched, it is the caller's to leave out what is too old.
pub fn next_reminder(reminder: &Reminder, ended_at: Timestamp, sent: &[Option<Timestamp>]) -> NextReminder {
    let number = u32::try_from(sent.len()).unwrap_or(u32::MAX).saturating_add(1);
    if number > reminder.times {
        return NextReminder::None;
    }
    let Some(before) = sent.last().copied().unwrap_or(Some(ended_at)) else { return NextReminder::Wait };
    match before.checked_add(reminder.after) {
        Ok(at) => NextReminder::Due { number, at },
        Err(_) => NextReminder::None,
    }
}

/// The campaign as a reminder of it is run: to those who did not answer, without a pilot or reminders of its own, and within what is
/// left of the budget after so many micro-units.
///
/// The first message itself is a recent contact: so the span in which nobody is called twice ends where the reminder's own begins.
pub fn as_reminder(campaign: &Campaign, reminder: &Reminder, spent_micros: i64) -> Campaign {
    let mut audience = campaign.audience.clone();
    audience.not_contacted_for = audience.not_contacted_for.map(|span| span.min(reminder.after));
    Campaign {
        template: reminder.template.clone().unwrap_or_else(|| campaign.template.clone()),
        start: None,
        audience,
        rollout: None,
        reminder: None,
        budget: campaign.budget.map(|budget| Money { micros: (budget.micros - spent_micros).max(0), ..budget }),
        ..campaign.clone()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3_600).unwrap()
    }

    #[test]
    fn each_reminder_is_counted_from_the_end_of_what_was_before_it() {
        let twice = Reminder { after: SignedDuration::from_hours(72), times: 2, template: None };
        assert_eq!(next_reminder(&twice, at(10), &[]), NextReminder::Due { number: 1, at: at(82) });
        assert_eq!(next_reminder(&twice, at(10), &[None]), NextReminder::Wait);
        assert_eq!(next_reminder(&twice, at(10), &[Some(at(90))]), NextReminder::Due { number: 2, at: at(162) });
        assert_eq!(next_reminder(&twice, at(10), &[Some(at(90)), None]), NextReminder::None);
    }
}
