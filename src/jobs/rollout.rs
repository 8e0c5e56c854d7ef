//! Leads runs through their stages: opens the next one, or halts the run and tells somebody.

use crate::domain::campaign::{Campaign, Rollout};
use crate::domain::delivery::{HeldReason, State};
use crate::domain::rollout::{StageLook, StageStanding, StageStep, after_look, lots_of_stage};
use crate::domain::run::Run;
use crate::jobs::JobError;
use crate::jobs::run_campaign::Definitions;
use crate::ports::{RunCount, Services};

/// One look at every run that has stages.
///
/// # Errors
/// When the store could not be asked; the next look goes on.
pub async fn run(services: &Services, definitions: &Definitions) -> Result<(), JobError> {
    let runs = services.store.active().await.map_err(JobError::from_store("looking for runs with stages"))?;
    for run in runs.into_iter().filter(|run| run.state.sends() && run.planned_whole && run.reminder.is_none()) {
        // A definition that cannot be read is told by whoever resolves or sends; here it has no stages.
        let Ok(campaign) = definitions.of(services, run.id).await else { continue };
        if let Some(rollout) = &campaign.rollout {
            look_at(services, &run, &campaign, rollout).await?;
        }
    }
    Ok(())
}

async fn look_at(services: &Services, run: &Run, campaign: &Campaign, rollout: &Rollout) -> Result<(), JobError> {
    let doing = "looking at the stage of a run";
    let open = run.stages.as_ref();
    let look = match open {
        Some(open) if open.halted.is_none() && open.stage < rollout.stages.len() => {
            let counts = services.store.counts(run.id).await.map_err(JobError::from_store(doing))?;
            let outcome = services.store.stage_outcome(run.id, open.opened_at).await;
            let (failed, opted_out) = outcome.map_err(JobError::from_store(doing))?;
            StageLook { waiting: waiting(&counts, open), failed, opted_out }
        }
        _ => StageLook::default(),
    };
    let now = services.clock.now();
    match (after_look(rollout, open, look, now), open) {
        (StageStep::Open(stage), _) => {
            let lots = lots_of_stage(rollout, stage);
            let opened = services.store.open_stage(run.id, open, stage, lots, now).await;
            if opened.map_err(JobError::from_store(doing))? {
                tracing::info!(run.id = %run.id, campaign.name = %campaign.name, stage.number = stage + 1, stage.of = rollout.stages.len(), "a stage of the run begins");
            }
        }
        (StageStep::Called, Some(open)) => {
            let after = StageStanding { called_at: Some(now), ..open.clone() };
            services.store.note_stage(run.id, open, &after).await.map_err(JobError::from_store(doing))?;
        }
        (StageStep::Halt { because }, Some(open)) => {
            let after = StageStanding { halted: Some(because.clone()), ..open.clone() };
            if services.store.note_stage(run.id, open, &after).await.map_err(JobError::from_store(doing))? {
                tracing::error!(run.id = %run.id, campaign.name = %campaign.name, stage.number = open.stage + 1, because, "the rollout is halted; look at its messages, then resume or cancel it");
            }
        }
        _ => {}
    }
    Ok(())
}

/// How many people of the open stage have not been called: whoever left *planned* since it was opened has, or will not be, unless they are
/// held before their first call.
fn waiting(counts: &[RunCount], open: &StageStanding) -> u64 {
    let sum = |which: &dyn Fn(&RunCount) -> bool| {
        counts.iter().filter(|count| which(count)).map(|count| count.n).sum::<u64>()
    };
    let planned = sum(&|count| count.state == State::Planned);
    let held = sum(&|count| {
        count.state == State::Held
            && matches!(
                HeldReason::named(&count.reason),
                Some(HeldReason::QuietHours | HeldReason::Suspended | HeldReason::Limit(_))
            )
    });
    planned.saturating_sub(open.later) + held
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::channel::Channel;
    use crate::domain::language::Language;

    #[test]
    fn who_is_held_before_a_call_waits_and_who_is_tried_again_does_not() {
        let count = |state, reason: &str, n| RunCount {
            language: Language::Ar,
            channel: Channel::Whatsapp,
            state,
            reason: reason.to_owned(),
            n,
        };
        let at = Timestamp::UNIX_EPOCH;
        let open = StageStanding { stage: 0, people: 20, later: 980, opened_at: at, called_at: None, halted: None };
        assert_eq!(waiting(&[count(State::Planned, "", 1_000)], &open), 20);
        let counts = [
            count(State::Planned, "", 985),
            count(State::Held, "quiet-hours", 3),
            count(State::Held, "limit-tier", 2),
            count(State::Held, "backoff", 4),
            count(State::Delivered, "", 6),
        ];
        assert_eq!(waiting(&counts, &open), 5 + 3 + 2);
        assert_eq!(waiting(&[count(State::Planned, "", 979)], &open), 0, "somebody of a later stage said stop");
    }
}
