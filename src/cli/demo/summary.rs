//! What became of everybody, as a table, and whether nobody is missing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::screen;
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
    pub(super) doubled: usize,
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
            self.row(
                "sent (taken by Meta)".to_owned(),
                came(&[State::Submitted, State::Sent, State::Delivered, State::Read]),
            ),
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
            ("feedback", format!("{} kept", self.feedback)),
        ])
    }

    /// Whether the record and the simulator's ledger account for everybody, once.
    pub(super) fn verdict(&self) -> Ended {
        let total = self.sum(|_| true);
        let open = self.sum(|count| count.state.is_open());
        let suppressed = self.sum(|count| matches!(count.state, State::Suppressed | State::Expired));
        let failed = self.sum(|count| count.state == State::Failed);
        let reached = total - open - suppressed - failed;
        let mut wrong = Vec::new();
        if total != self.contacts {
            wrong.push(format!("{total} of {} recipients are in the record", self.contacts));
        }
        if open > 0 {
            wrong.push(format!("{open} are in no end state"));
        }
        if self.doubled > 0 {
            wrong.push(format!("{} were told more than once", self.doubled));
        }
        // Some fail after they were taken.
        if !(reached..=reached + failed).contains(&self.ledger.accepted) {
            wrong.push(format!(
                "the simulator took {} messages, and the record has {reached} that were taken and {failed} that failed",
                self.ledger.accepted
            ));
        }
        if wrong.is_empty() {
            screen::say("every recipient is accounted for, once")
        } else {
            Err(Failure::because(Exit::Software, format!("not everybody is accounted for: {}", wrong.join("; "))))
        }
    }
}

/// A reason in words.
fn told(state: State, reason: &str) -> String {
    let class = reason.split(' ').next().and_then(FailureClass::named);
    match (state, class) {
        (State::Failed, Some(class)) => format!("{reason}: {}", class.explanation()),
        _ => reason.to_owned(),
    }
}
