//! What the daemon does by itself, again and again: feed runs, sweep, watch the clock for campaigns, refresh gauges.
//!
//! A pass that fails is said once, not at every turn, and so is its recovery; the next pass starts from the store.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::domain::causes::in_one_line;
use crate::jobs::run_campaign::Definitions;
use crate::jobs::{JobError, feed, fire, probe, reminder, rollout, sweep};
use crate::ports::Services;

/// Between two passes of feeding while runs are active: far less than it takes to send what is fed ahead.
const FEED_PAUSE: Duration = Duration::from_millis(100);
/// Between two looks for runs to feed while there are none.
const IDLE_PAUSE: Duration = Duration::from_millis(400);
/// Between two looks at the clock for campaigns that are due.
const FIRE_PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at stages and reminders.
const LEAD_PAUSE: Duration = Duration::from_millis(500);
/// Between two looks at suspensions; how often providers are asked is another matter.
const PROBE_PAUSE: Duration = Duration::from_secs(1);
/// After a pass that failed.
const FAILED_PAUSE: Duration = Duration::from_secs(1);

/// Runs `pass` until `stop`, with the pause that it asks for.
async fn repeat<F>(what: &'static str, mut stop: watch::Receiver<bool>, mut pass: impl FnMut() -> F)
where
    F: Future<Output = Result<Duration, JobError>>,
{
    let mut failing = false;
    loop {
        let pause = match pass().await {
            Ok(pause) => {
                if std::mem::take(&mut failing) {
                    tracing::info!(loop.name = what, "works again");
                }
                pause
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(loop.name = what, error = %in_one_line(&error), "cannot do its work; it is tried until it can");
                }
                FAILED_PAUSE
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Feeds runs and ends those that are done.
pub(super) async fn feeding(services: Services, definitions: Arc<Definitions>, stop: watch::Receiver<bool>) {
    let marks = feed::Marks::default();
    repeat("feed", stop, || async {
        let fed = feed::run(&services, &definitions, &marks).await?;
        Ok(if fed.active > 0 { FEED_PAUSE } else { IDLE_PAUSE })
    })
    .await;
}

/// Leads runs through their stages and opens reminders.
pub(super) async fn leading(services: Services, definitions: Arc<Definitions>, stop: watch::Receiver<bool>) {
    repeat("lead", stop, || async {
        rollout::run(&services, &definitions).await?;
        reminder::run(&services, &definitions).await?;
        Ok(LEAD_PAUSE)
    })
    .await;
}

/// Sweeps.
pub(super) async fn sweeping(
    services: Services,
    definitions: Arc<Definitions>,
    every: Duration,
    watching_since: Timestamp,
    stop: watch::Receiver<bool>,
) {
    repeat("sweep", stop, || async {
        sweep::run(&services, &definitions, watching_since).await?;
        Ok(every)
    })
    .await;
}

/// Looks whether suspensions may end.
pub(super) async fn probing(services: Services, stop: watch::Receiver<bool>) {
    repeat("probe", stop, || async {
        probe::run(&services).await?;
        Ok(PROBE_PAUSE)
    })
    .await;
}

/// Opens the runs of campaigns whose moment has come.
pub(super) async fn firing(services: Services, watching_since: Timestamp, stop: watch::Receiver<bool>) {
    repeat("fire", stop, || async {
        fire::run(&services, watching_since).await?;
        Ok(FIRE_PAUSE)
    })
    .await;
}
