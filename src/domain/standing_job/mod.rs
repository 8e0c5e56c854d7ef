//! Standing jobs: what barid does by itself at times that `jobs/schedule.toml` names.
//!
//! | module | owns |
//! |---|---|
//! | `entry` | an entry of the schedule: which job, when, with which arguments |
//! | `firing` | which firing is due now |
//! | `run` | one firing: who asked for it, who has it in hand, how it ended |

mod entry;
mod firing;
mod run;

pub use self::entry::{ScheduledJob, read_schedule};
pub use self::firing::{Fired, firing_due, next_firing};
pub use self::run::{
    AfterFailure, JobOutcome, JobResult, JobRun, JobTrigger, OpenRun, TRIES_MAX, after_failure, takeable,
};
use crate::domain::document::{Node, Read};
use crate::domain::problem::did_you_mean;

macro_rules! standing_jobs {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)*) => {
        /// A job that can be put into the schedule, or started by hand. Takes no input but its arguments, and is safe to run twice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum StandingJob {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl StandingJob {
            /// Every one that this version can do.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The word in the schedule, on the command line, in logs and metrics.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

// A new standing job is one line here, its function under `jobs/`, and its arm in `jobs::standing`.
standing_jobs! {
    /// Asks Meta about the access token: validity, expiry, permissions, age, and whether number and webhook answer with it.
    VerifyToken = "verify-token";
    /// Asks Meta how far our numbers may go: tier, quality, throughput, state, and how the accounts stand.
    SyncLimits = "sync-limits";
    /// Asks Meta where each template stands: approval, category, quality, text; holds and releases campaigns.
    SyncTemplates = "sync-templates";
    /// Deletes what is older than it has to be kept.
    Tidy = "tidy";
    /// Reports what messages cost in the last whole day, month or quarter: keeps the report as files and mails it.
    ReportCosts = "report-costs";
    /// Reviews the last whole month beside the one before it: rates, times, quality, accounts; keeps the review as files and mails it.
    ReviewMetrics = "review-metrics";
    /// Looks whether callbacks come in while we send, whether we keep up with them, and whether our app is subscribed.
    WatchCallbacks = "watch-callbacks";
}

/// An argument of a job: its key in the schedule, and the words that it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// The key.
    pub key: &'static str,
    /// The words; the first one applies where none is given.
    pub words: &'static [&'static str],
}

/// Whether `review-metrics` reviews by mail, too.
const REVIEW_METRICS: [Parameter; 1] = [Parameter { key: "email", words: &["yes", "no"] }];

/// On which days `report-costs` reports, and whether by mail, too.
const REPORT_COSTS: [Parameter; 2] = [
    Parameter { key: "period", words: &["day", "month", "quarter"] },
    Parameter { key: "email", words: &["yes", "no"] },
];

impl StandingJob {
    /// The job of that name, if this version can do it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.name() == name)
    }

    /// The arguments that it takes.
    pub const fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::ReportCosts => &REPORT_COSTS,
            Self::ReviewMetrics => &REVIEW_METRICS,
            Self::VerifyToken | Self::SyncLimits | Self::SyncTemplates | Self::Tidy | Self::WatchCallbacks => &[],
        }
    }
}

impl Read for StandingJob {
    fn read(node: &Node) -> Result<Self, String> {
        let name = String::read(node)?;
        Self::named(&name).ok_or_else(|| {
            let nearest = did_you_mean(&name, Self::ALL.map(Self::name));
            format!("is `{name}`, which is no standing job{nearest}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cost_report::Period;

    #[test]
    fn a_report_is_on_a_period_that_there_is() {
        let [period, _] = REPORT_COSTS;
        assert_eq!(period.words, Period::ALL.map(Period::name));
    }

    #[test]
    fn names_come_back_and_arguments_have_one_meaning() {
        for job in StandingJob::ALL {
            assert_eq!(StandingJob::named(job.name()), Some(job));
            let keys: std::collections::BTreeSet<_> = job.parameters().iter().map(|parameter| parameter.key).collect();
            assert_eq!(keys.len(), job.parameters().len(), "{job:?}");
        }
    }
}
