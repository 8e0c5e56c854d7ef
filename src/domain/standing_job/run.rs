//! One firing of a standing job: who asked for it, who has it in hand, what came of it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{JobName, JobRunId};

/// Who asked for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobTrigger {
    /// The schedule.
    Schedule,
    /// A person, by this name.
    Operator(String),
}

impl JobTrigger {
    /// The word in the store and the API.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Operator(_) => "operator",
        }
    }

    /// The person; empty for the schedule.
    pub fn by(&self) -> &str {
        match self {
            Self::Schedule => "",
            Self::Operator(by) => by,
        }
    }

    /// From the parts that a record keeps.
    pub fn of(name: &str, by: String) -> Option<Self> {
        match name {
            "schedule" => Some(Self::Schedule),
            "operator" => Some(Self::Operator(by)),
            _ => None,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobResult {
    /// All is well.
    Ok,
    /// The job did its work, and found something that should be looked at.
    Warning,
    /// The job could not do its work, or found something that does not work.
    Failed,
}

impl JobResult {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Warning, Self::Failed];

    /// The word in the store and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }

    /// The result of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.name() == name)
    }
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOutcome {
    /// How it ended.
    pub result: JobResult,
    /// The same in a sentence for people; names nobody.
    pub summary: String,
    /// More of it, as JSON, where there is more; names nobody.
    pub details: Option<serde_json::Value>,
    /// When the job wants to be run again, should the schedule fire later than that.
    pub again_at: Option<Timestamp>,
}

impl JobOutcome {
    /// With a sentence and nothing else.
    pub fn new(result: JobResult, summary: impl Into<String>) -> Self {
        Self { result, summary: summary.into(), details: None, again_at: None }
    }
}

/// One firing, as the record has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRun {
    /// Its id.
    pub id: JobRunId,
    /// The entry of the schedule, or the job's own name.
    pub name: JobName,
    /// The job; one of another version may be none of ours.
    pub job: String,
    /// Its arguments.
    pub arguments: BTreeMap<String, String>,
    /// Who asked for it.
    pub trigger: JobTrigger,
    /// For when it was due.
    pub due_at: Timestamp,
    /// How often somebody took it in hand.
    pub tries: u16,
    /// When that was, the last time.
    pub started_at: Option<Timestamp>,
    /// When it ended and how; `None` while it has not.
    pub ended: Option<(Timestamp, JobOutcome)>,
}

/// A run that has not ended, as far as it matters for who may take it in hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// Its id.
    pub id: JobRunId,
    /// The job.
    pub job: String,
    /// Not before.
    pub try_at: Timestamp,
    /// Until when somebody has it in hand, if anybody.
    pub lease_until: Option<Timestamp>,
}

impl OpenRun {
    fn is_held(&self, now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| until > now)
    }
}

/// Which of the open runs, oldest first, is to be taken in hand; `which`: this one or none. One whose lease ran out was left behind by a process
/// that died. Of one job one run at a time: two of them would only do the same work.
pub fn takeable(open: &[OpenRun], which: Option<JobRunId>, now: Timestamp) -> Option<JobRunId> {
    let is_busy = |job: &str| open.iter().any(|run| run.job == job && run.is_held(now));
    let is_wanted = |id: JobRunId| which.is_none_or(|which| which == id);
    open.iter().find(|run| run.try_at <= now && is_wanted(run.id) && !is_busy(&run.job)).map(|run| run.id)
}

/// So often a run is taken in hand at most.
pub const TRIES_MAX: u16 = 5;

/// Waits after each try that failed for our own reasons.
const WAITS: [SignedDuration; (TRIES_MAX - 1) as usize] = [
    SignedDuration::from_secs(10),
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
];

/// What follows when a try could not do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// It is tried again then.
    Again(Timestamp),
    /// It is over.
    GiveUp,
}

/// What follows after so many tries, the one that failed included. `can_help`: whether trying again can.
pub fn after_failure(tries: u16, can_help: bool, now: Timestamp) -> AfterFailure {
    let wait = WAITS.get(usize::from(tries.saturating_sub(1))).filter(|_| can_help);
    wait.and_then(|wait| now.checked_add(*wait).ok()).map_or(AfterFailure::GiveUp, AfterFailure::Again)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn open(id: i64, job: &str, try_at: i64, lease_until: Option<i64>) -> OpenRun {
        OpenRun { id: JobRunId::new(id), job: job.to_owned(), try_at: at(try_at), lease_until: lease_until.map(at) }
    }

    #[test]
    fn the_oldest_that_nobody_has_in_hand_is_taken_one_of_each_job() {
        let now = at(100);
        for (runs, wanted) in [
            (vec![], None),
            (vec![open(1, "tidy", 100, None)], Some(1)),
            (vec![open(1, "tidy", 101, None)], None),
            (vec![open(1, "tidy", 1, Some(101))], None),
            (vec![open(1, "tidy", 1, Some(100))], Some(1)),
            (vec![open(1, "tidy", 1, Some(101)), open(2, "tidy", 2, None)], None),
            (vec![open(1, "tidy", 1, Some(101)), open(2, "verify-token", 2, None)], Some(2)),
            (vec![open(1, "tidy", 200, None), open(2, "tidy", 2, None)], Some(2)),
        ] {
            assert_eq!(takeable(&runs, None, now), wanted.map(JobRunId::new), "{runs:?}");
        }
        let both = [open(1, "tidy", 1, None), open(2, "tidy", 2, None)];
        assert_eq!(takeable(&both, Some(JobRunId::new(2)), now), Some(JobRunId::new(2)));
        assert_eq!(takeable(&both, Some(JobRunId::new(3)), now), None);
    }

    #[test]
    fn a_try_that_failed_is_made_again_a_few_times_where_that_can_help() {
        let waits: Vec<_> = (1..=TRIES_MAX).map(|tries| after_failure(tries, true, at(0))).collect();
        use AfterFailure::{Again, GiveUp};
        assert_eq!(waits, [Again(at(10)), Again(at(60)), Again(at(300)), Again(at(900)), GiveUp]);
        assert_eq!(after_failure(1, false, at(0)), GiveUp);
    }

    #[test]
    fn words_come_back() {
        for trigger in [JobTrigger::Schedule, JobTrigger::Operator("amal".to_owned())] {
            assert_eq!(JobTrigger::of(trigger.name(), trigger.by().to_owned()), Some(trigger));
        }
        for result in JobResult::ALL {
            assert_eq!(JobResult::named(result.name()), Some(result));
        }
        assert_eq!(JobTrigger::of("cron", String::new()), None);
    }
}
