//! What the daemon does by itself, again and again: feed runs, sweep, watch the clock for campaigns, refresh gauges.
//!
//! A pass that fails is said once, not at every turn, and so is its recovery; the next pass starts from the store.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::daemon::standing;
use crate::domain::causes::in_one_line;
use crate::domain::live_check::Ours;
use crate::domain::standing_job::StandingJob;
use crate::jobs::mail_alerts::MailTo;
use crate::jobs::rotate_token::Rotation;
use crate::jobs::run_campaign::Definitions;
use crate::jobs::schedule::{self, Carried};
use crate::jobs::{
    JobError, alert_suspensions, answer, ask_consent, erase, feed, feed_hooks, feed_media, fire, mail_alerts, probe,
    read_feedback, reminder, rollout, rotate_token, sweep, tidy_media,
};
use crate::ports::{AccessToken, Notices, Services, Upkeep};
use crate::telemetry::Metrics;

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
/// Between two looks for people to answer.
const ANSWER_PAUSE: Duration = Duration::from_millis(700);
/// Between two looks for events to be told, where nothing says that there are any: those of other processes, those that are due again.
const HOOK_PAUSE: Duration = Duration::from_secs(1);
/// And where it is said: so many looks each second at most.
const HOOK_PAUSE_MIN: Duration = Duration::from_millis(20);
/// Between two looks for files to fetch, and for those to remove.
const MEDIA_PAUSE: Duration = Duration::from_secs(1);
/// Between two looks for feedback that nobody has read.
const READ_PAUSE: Duration = Duration::from_millis(500);
/// Between two looks for people who are to be taken out of kept callbacks.
const ERASE_PAUSE: Duration = Duration::from_secs(2);
/// Between two looks for people who are to be asked whether they agree.
const ASK_PAUSE: Duration = Duration::from_secs(1);
/// Between two looks for suspensions to alert of, and for alerts to mail.
const ALERT_PAUSE: Duration = Duration::from_secs(1);
/// Between two looks for standing jobs, due and opened.
const JOB_PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at the file of the access token.
const TOKEN_PAUSE: Duration = Duration::from_secs(5);
/// Between two proofs of a token that cannot take over yet.
const TOKEN_AGAIN: Duration = Duration::from_secs(30);
/// After a pass that failed.
const FAILED_PAUSE: Duration = Duration::from_secs(1);

/// Runs `pass` until `stop`, with the pause that it asks for.
async fn repeat<F>(what: &'static str, stop: watch::Receiver<bool>, pass: impl FnMut() -> F)
where
    F: Future<Output = Result<Duration, JobError>>,
{
    repeat_or_wake(what, stop, std::future::pending, pass).await;
}

/// The same; a pause after a pass that succeeded also ends when `wake` resolves.
async fn repeat_or_wake<F, W>(
    what: &'static str,
    mut stop: watch::Receiver<bool>,
    wake: impl Fn() -> W,
    mut pass: impl FnMut() -> F,
) where
    F: Future<Output = Result<Duration, JobError>>,
    W: Future<Output = ()>,
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
            () = wake(), if !failing => {}
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

/// Answers what people sent, and looks after talks whose moment has come.
pub(super) async fn answering(services: Services, stop: watch::Receiver<bool>) {
    repeat("answering", stop, || async {
        answer::run(&services).await?;
        Ok(ANSWER_PAUSE)
    })
    .await;
}

/// Asks people whether they agree to what others say that they did.
pub(super) async fn asking_consent(services: Services, stop: watch::Receiver<bool>) {
    let told = ask_consent::Told::default();
    repeat("ask-consent", stop, || async {
        ask_consent::run(&services, &told).await?;
        Ok(ASK_PAUSE)
    })
    .await;
}

/// Brings what is to be told into its lane; `share`: how much for each endpoint at once.
pub(super) async fn feeding_hooks(services: Services, share: u64, stop: watch::Receiver<bool>) {
    let wake = || async {
        services.store.stirred().await;
        tokio::time::sleep(HOOK_PAUSE_MIN).await;
    };
    repeat_or_wake("feed-hooks", stop, wake, || async {
        feed_hooks::run(&services, share).await?;
        Ok(HOOK_PAUSE)
    })
    .await;
}

/// Takes people who were forgotten out of kept callbacks.
pub(super) async fn erasing(services: Services, stop: watch::Receiver<bool>) {
    repeat("erase", stop, || async { Ok(if erase::go_on(&services).await? { Duration::ZERO } else { ERASE_PAUSE }) })
        .await;
}

/// Brings files to be fetched into their lane, at most so many.
pub(super) async fn feeding_media(services: Services, limit: u64, stop: watch::Receiver<bool>) {
    repeat("feed-media", stop, || async {
        feed_media::run(&services, limit).await?;
        Ok(MEDIA_PAUSE)
    })
    .await;
}

/// Removes files that nobody is to have any more.
pub(super) async fn forgetting_media(services: Services, stop: watch::Receiver<bool>) {
    repeat("forget-media", stop, || async {
        tidy_media::forgotten(&*services.store, &*services.media.store).await?;
        Ok(MEDIA_PAUSE)
    })
    .await;
}

/// Has feedback read.
pub(super) async fn reading(services: Services, stop: watch::Receiver<bool>) {
    repeat("read-feedback", stop, || async {
        // While there is more, at once.
        Ok(if read_feedback::run(&services).await? == 0 { READ_PAUSE } else { Duration::ZERO })
    })
    .await;
}

/// Alerts of suspensions.
pub(super) async fn alerting_suspensions(services: Services, stop: watch::Receiver<bool>) {
    repeat("alert-suspensions", stop, || async {
        alert_suspensions::run(&*services.store, services.clock.now()).await?;
        Ok(ALERT_PAUSE)
    })
    .await;
}

/// Mails alerts.
pub(super) async fn mailing_alerts(
    services: Services,
    notices: Arc<dyn Notices>,
    mail_to: MailTo,
    stop: watch::Receiver<bool>,
) {
    repeat("mail-alerts", stop, || async {
        mail_alerts::run(&*services.store, &*notices, &*services.clock, &mail_to).await?;
        Ok(ALERT_PAUSE)
    })
    .await;
}

/// Opens the firings of standing jobs whose moment has come.
pub(super) async fn scheduling(upkeep: Upkeep, stop: watch::Receiver<bool>) {
    repeat("schedule", stop, || async {
        schedule::open_due(&upkeep).await?;
        Ok(JOB_PAUSE)
    })
    .await;
}

/// Changes the access token when another one is wished for.
pub(super) async fn rotating_token(
    services: Services,
    ours: Ours,
    access: Arc<dyn AccessToken>,
    wished: Arc<Notify>,
    stop: watch::Receiver<bool>,
) {
    // What a process before this one left open, the first look ends.
    let is_pending = AtomicBool::new(true);
    repeat_or_wake(
        "token",
        stop,
        || wished.notified(),
        || async {
            let before = if is_pending.load(Ordering::Relaxed) { Rotation::Pending } else { Rotation::Settled };
            let now = rotate_token::run(&services, &ours, &*access, before).await?;
            is_pending.store(now == Rotation::Pending, Ordering::Relaxed);
            Ok(match now {
                Rotation::Settled => TOKEN_PAUSE,
                Rotation::Pending => TOKEN_AGAIN,
            })
        },
    )
    .await;
}

/// Carries standing jobs out, one after the other.
pub(super) async fn standing(upkeep: Upkeep, metrics: Arc<Metrics>, stop: watch::Receiver<bool>) {
    repeat("standing-jobs", stop.clone(), || async {
        while let Some(run) = schedule::take(&upkeep, None).await? {
            let begin = Instant::now();
            let mut stop = stop.clone();
            let stopped = async move {
                // The sender lives as long as the daemon; its end is a stop, too.
                let _ = stop.wait_for(|stop| *stop).await;
            };
            let carried = standing::perform(&upkeep, &run, stopped).await?;
            if let Some(job) = StandingJob::named(&run.job) {
                metrics.job_duration.with_label_values(&[job.name()]).observe(begin.elapsed().as_secs_f64());
                if matches!(carried, Some(Carried::Again { .. } | Carried::GivenUp(_))) {
                    metrics.job_errors.with_label_values(&[job.name()]).inc();
                }
            }
            if carried == Some(Carried::BrokenOff) {
                break;
            }
        }
        Ok(JOB_PAUSE)
    })
    .await;
}
