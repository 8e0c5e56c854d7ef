//! Changes the access token without a restart: another one is proved with Meta first, and only then takes the place of the one in force, which stays
//! valid at Meta until somebody takes it back there. Each process does it for itself; safe to run twice.

use std::collections::BTreeMap;

use crate::domain::alert::{AlertKind, AlertScope, NewAlert, Severity};
use crate::domain::failure::FailureClass;
use crate::domain::live_check::{OurNumber, Ours};
use crate::domain::standing_job::{JobTrigger, StandingJob};
use crate::domain::suspension::{ReleasedBy, Scope};
use crate::domain::token_candidate::judge;
use crate::jobs::{JobError, alerts, probe};
use crate::ports::{AccessToken, NewJobRun, Services, TokenCandidate};

const DOING: &str = "changing the access token";

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The token that is wished for is in force.
    Settled,
    /// Another one is wished for, and it cannot take over as things stand.
    Pending,
}

/// Looks whether another token is wished for, and puts it in force when it is good. `before`: what came of the last look of this process; of its first
/// one, that it may have to end what a process before it left open.
///
/// # Errors
/// When the store could not be asked. What was put in force stays.
pub async fn run(
    services: &Services,
    ours: &Ours,
    access: &dyn AccessToken,
    before: Rotation,
) -> Result<Rotation, JobError> {
    let refused = match access.candidate() {
        // A process that is content does not end what another one still alerts of.
        Ok(None) if before == Rotation::Settled => return Ok(Rotation::Settled),
        Ok(None) => None,
        Ok(Some(candidate)) => match prove(&*candidate, ours).await {
            Ok(()) => {
                candidate.put_in_force();
                tracing::info!(
                    "the new access token was proved with Meta and is in force; take the one before back at Meta when all processes have it"
                );
                go_on(services, ours).await?;
                None
            }
            Err(because) => Some(because),
        },
        Err(because) => Some(because),
    };
    let (store, now) = (&*services.store, services.clock.now());
    let Some(because) = refused else {
        alerts::settle(store, &[AlertKind::TokenRotation], &[], now).await?;
        return Ok(Rotation::Settled);
    };
    let text = format!(
        "the new access token is not used, and the one before stays in force: {because}; put a good one in its place"
    );
    let (kind, scope) = (AlertKind::TokenRotation, AlertScope::Installation);
    alerts::raise(store, NewAlert { kind, scope, severity: Severity::Warning, text }, now).await?;
    Ok(Rotation::Pending)
}

async fn prove(candidate: &dyn TokenCandidate, ours: &Ours) -> Result<(), String> {
    let meta = candidate.management();
    let facts = meta.token().await?;
    let mut deaf = Vec::new();
    if facts.is_valid {
        for OurNumber { name, .. } in &ours.numbers {
            if let Err(because) = meta.number(name).await {
                deaf.push((name.to_string(), because));
            }
        }
    }
    judge(&facts, &deaf)
}

/// What a refused token had stopped goes on, and what is known of the token is asked anew.
async fn go_on(services: &Services, ours: &Ours) -> Result<(), JobError> {
    let now = services.clock.now();
    let is_ours = |scope: &Scope| matches!(scope, Scope::Sender(sender) if ours.numbers.iter().any(|number| number.name == *sender));
    for suspension in services.store.suspensions(now).await.map_err(JobError::from_store(DOING))? {
        if suspension.cause.class() == Some(FailureClass::Credentials) && is_ours(&suspension.scope) {
            let released = services.store.release(suspension.id, ReleasedBy::Asked, now).await;
            if released.map_err(JobError::from_store(DOING))? {
                probe::tell_end(&suspension, "the provider answers with the new token; sending goes on");
            }
        }
    }
    let job = StandingJob::VerifyToken;
    let new = NewJobRun {
        name: job.name().parse().map_err(|error| JobError::Abort { doing: DOING, source: Box::new(error) })?,
        job,
        arguments: BTreeMap::new(),
        trigger: JobTrigger::Notice("new-token".to_owned()),
        due_at: now,
    };
    services.store.open_job(new, now).await.map(drop).map_err(JobError::from_store(DOING))
}
