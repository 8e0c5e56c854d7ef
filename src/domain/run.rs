//! One firing of a campaign, with its audience frozen.

use jiff::Timestamp;

use crate::domain::ids::{CampaignName, RunId};
use crate::domain::rollout::StageStanding;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    /// Its audience is being resolved; messages already planned are sent meanwhile.
    Planning,
    /// Everybody is planned; messages are being sent.
    Running,
    /// An operator paused it; nothing new is called.
    Paused,
    /// Nothing is left to do.
    Finished,
    /// An operator ended it.
    Cancelled,
}

impl RunState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Planning, Self::Running, Self::Paused, Self::Finished, Self::Cancelled];

    /// The word in the store and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether messages of the run may be called now.
    pub const fn sends(self) -> bool {
        matches!(self, Self::Planning | Self::Running)
    }

    /// Whether nothing can happen any more.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled)
    }
}

/// What an operator asks of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunCommand {
    /// Call nothing new until resumed.
    Pause,
    /// Go on.
    Resume,
    /// End it; what is not called yet is suppressed.
    Cancel,
}

/// A command that does not fit the state of its run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {} cannot be {verb}", state.name())]
pub struct RunCommandError {
    state: RunState,
    verb: &'static str,
}

/// The state after a command. Asking for what already is so is fine: commands may be repeated.
///
/// # Errors
/// When the run has ended, or is to be resumed without having been paused.
pub fn after_command(state: RunState, planned_whole: bool, command: RunCommand) -> Result<RunState, RunCommandError> {
    match (command, state) {
        (RunCommand::Pause, RunState::Planning | RunState::Running | RunState::Paused) => Ok(RunState::Paused),
        (RunCommand::Resume, RunState::Paused) if planned_whole => Ok(RunState::Running),
        (RunCommand::Resume, RunState::Paused) => Ok(RunState::Planning),
        (RunCommand::Resume, RunState::Planning | RunState::Running) => Ok(state),
        (RunCommand::Cancel, RunState::Planning | RunState::Running | RunState::Paused | RunState::Cancelled) => {
            Ok(RunState::Cancelled)
        }
        (RunCommand::Pause, _) => Err(RunCommandError { state, verb: "paused" }),
        (RunCommand::Resume, _) => Err(RunCommandError { state, verb: "resumed" }),
        (RunCommand::Cancel, _) => Err(RunCommandError { state, verb: "cancelled" }),
    }
}

/// A run as the store keeps it; `definition` is the campaign as it was when the run began, as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Our id.
    pub id: RunId,
    /// The campaign.
    pub campaign: CampaignName,
    /// The firing that it answers.
    pub due_at: Timestamp,
    /// Where it stands.
    pub state: RunState,
    /// The campaign's definition, frozen.
    pub definition: String,
    /// How far the audience is resolved: a cursor of whoever resolves it, `None` at the beginning.
    pub planning_cursor: Option<String>,
    /// Whether the whole audience is planned.
    pub planned_whole: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How far its stages have come; `None` for a run without stages, and before the first is open.
    pub stages: Option<StageStanding>,
    /// The run that it reminds of, and how many-eth reminder it is, from 1.
    pub reminder: Option<(RunId, u32)>,
    /// Whether reminders of it are to come.
    pub reminders_left: bool,
}

impl Run {
    /// Why it was halted, while it is.
    pub fn halted(&self) -> Option<&str> {
        let halted = self.stages.as_ref().and_then(|stages| stages.halted.as_deref());
        halted.filter(|_| self.state == RunState::Paused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_may_be_repeated_but_not_after_the_end() {
        use RunCommand::*;
        use RunState::*;
        let table = [
            (Planning, false, Pause, Some(Paused)),
            (Paused, false, Resume, Some(Planning)),
            (Paused, true, Resume, Some(Running)),
            (Running, true, Resume, Some(Running)),
            (Paused, true, Pause, Some(Paused)),
            (Paused, true, Cancel, Some(Cancelled)),
            (Cancelled, true, Cancel, Some(Cancelled)),
            (Finished, true, Cancel, None),
            (Finished, true, Pause, None),
            (Cancelled, true, Resume, None),
        ];
        for (state, whole, command, expected) in table {
            assert_eq!(after_command(state, whole, command).ok(), expected, "{state:?} {command:?}");
        }
        assert_eq!(
            after_command(Finished, true, Pause).unwrap_err().to_string(),
            "a run that is finished cannot be paused"
        );
    }
}
