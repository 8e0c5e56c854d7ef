//! What became of everybody, as a table, and whether nobody is missing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cli::demo::stage::Took;
use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::screen;
use crate::domain::channel::Channel;
use crate::domain::delivery::State;
use crate::domain::failure::FailureClass;
use crate::domain::language::Language;
use crate::http::Cost;
use crate::ports::RunCount;
use crate::simulator::Counts;

/// Both books at the end.
pub(super) struct Summary {
    pub(super) contacts: u64,
    pub(super) counts: Vec<RunCount>,
    pub(super) cost: Cost,
    pub(super) sent_within: Duration,
    pub(super) feedback: usize,
    pub(super) ledger: Counts,
    /// Text messages that the simulator took in Twilio's place.
    pub(super) texts: u64,
    pub(super) took: Took,
}

impl Summary {
    fn sum(&self, wanted: impl Fn(&RunCount) -> bool) -> u64 {
        self.counts.iter().filter(|count| wanted(count)).map(|count| count.n).sum()
    }

    fn row(&self, name: String, wanted: impl Fn(&RunCount) -> bool) -> [String; 4] {
        let of = |language| self.sum(|count| count.language == language && wanted(count)).to_string();
        [name, of(Language::Ar), of(Language::En), self.sum(&wanted).to_string()]
    }

    /// States and, below them, reasons.
    pub(super) fn print(&self) -> Ended {
        let came = |states: &'static [State]| move |count: &RunCount| states.contains(&count.state);
        let mut rows = vec![
            self.row("sent (taken by Meta)".to_owned(), |count| was_taken(count, Channel::Whatsapp)),
            self.row("sent as a text message".to_owned(), |count| was_taken(count, Channel::Sms)),
            self.row("delivered".to_owned(), came(&[State::Delivered, State::Read])),
            self.row("read".to_owned(), came(&[State::Read])),
        ];
        for state in [State::Failed, State::Suppressed, State::Expired, State::Unknown] {
            let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
            for count in self.counts.iter().filter(|count| count.state == state) {
                *reasons.entry(&count.reason).or_default() += count.n;
            }
            if reasons.is_empty() && matches!(state, State::Expired | State::Unknown) {
                continue;
            }
            rows.push(self.row(state.name().to_owned(), |count| count.state == state));
            for reason in reasons.keys() {
                rows.push(self.row(format!("  {}", told(state, reason)), |count| {
                    count.state == state && count.reason == **reason
                }));
            }
        }
        rows.push(self.row("all recipients".to_owned(), |_| true));
        screen::table(["", "Arabic", "English", "all"], rows)?;
        let called = self.ledger.calls as f64;
        let rate = called / self.sent_within.as_secs_f64().max(0.001);
        screen::pairs([
            ("cost", format!("{} {}", self.cost.amount, self.cost.currency)),
            (
                "messages/s",
                format!("{rate:.0} ({called} calls in {:.1} s, planning included)", self.sent_within.as_secs_f64()),
            ),
            (
                "callbacks",
                format!(
                    "{} statuses, {} of them again",
                    self.ledger.statuses.values().sum::<u64>() + self.ledger.statuses_repeated,
                    self.ledger.statuses_repeated
                ),
            ),
            ("feedback", format!("{} kept, {} answers given", self.feedback, self.took.answers)),
        ])
    }

    /// Whether the record and the simulator's ledger account for everybody, once.
    pub(super) fn verdict(&self) -> Ended {
        let total = self.sum(|_| true);
        let open = self.sum(|count| count.state.is_open());
        let failed = self.sum(|count| count.state == State::Failed);
        let mut wrong = Vec::new();
        if total != self.contacts {
            wrong.push(format!("{total} of {} recipients are in the record", self.contacts));
        }
        if open > 0 {
            wrong.push(format!("{open} are in no end state"));
        }
        if self.took.doubled > 0 {
            wrong.push(format!("{} were told more than once", self.took.doubled));
        }
        let by_text = self.sum(|count| was_taken(count, Channel::Sms));
        for (channel, took, later) in
            [(Channel::Whatsapp, self.took.invitations, by_text + failed), (Channel::Sms, self.texts, failed)]
        {
            let taken = self.sum(|count| was_taken(count, channel));
            // Some fail after they were taken, and go over the next channel or nowhere.
            if !(taken..=taken + later).contains(&took) {
                wrong.push(format!(
                    "over {} the simulator took {took} messages, and the record has {taken} that were taken and {later} that failed or went on",
                    channel.name()
                ));
            }
        }
        if wrong.is_empty() {
            screen::say("every recipient is accounted for, once")
        } else {
            Err(Failure::because(Exit::Software, format!("not everybody is accounted for: {}", wrong.join("; "))))
        }
    }
}

/// Whether these were taken over that channel, and did not fail afterwards.
fn was_taken(count: &RunCount, channel: Channel) -> bool {
    let taken = matches!(count.state, State::Submitted | State::Sent | State::Delivered | State::Read);
    taken && count.channel == channel
}

/// A reason in words.
fn told(state: State, reason: &str) -> String {
    let class = reason.split(' ').next().and_then(FailureClass::named);
    match (state, class) {
        (State::Failed, Some(class)) => format!("{reason}: {}", class.explanation()),
        _ => reason.to_owned(),
    }
}
