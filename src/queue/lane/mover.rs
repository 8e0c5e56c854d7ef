//! For all lanes of the process: makes due jobs ready, takes leases away that ran out, renews our own.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;

use super::calls::{Step, millis};
use super::desk::Desk;

/// Pause before a renewal that failed is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// Full steps of one lane before the others are looked at again: a storm of 100,000 due jobs in one lane takes a hundred steps,
/// and what is due in another must not wait for its end.
const STEPS_AT_ONCE: usize = 4;

/// Renews what this process holds, at a third of the lease, until stopped.
pub(crate) async fn renew(desks: Vec<Arc<Desk>>, mut stop: watch::Receiver<bool>) {
    let Some(settings) = desks.first().map(|desk| desk.lanes.settings().clone()) else { return };
    let mut pause = settings.freshness();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
        let renewed = join_all(desks.iter().map(|desk| desk.renew())).await;
        pause = if renewed.iter().all(Result::is_ok) { settings.freshness() } else { PAUSE };
    }
}

/// Moves and reaps until stopped. Wakes the fetchers, which therefore need not poll: a push of another process is noticed within
/// `poll_max`. (Publish and subscribe would notice it sooner, but needs a connection of its own that must be watched, forgets what
/// happens while it is away, and in a cluster is sent to every node; the mover has to look regularly in any case.)
pub(crate) async fn move_and_reap(desks: Vec<Arc<Desk>>, mut stop: watch::Receiver<bool>) {
    let Some(settings) = desks.first().map(|desk| desk.lanes.settings().clone()) else { return };
    let mut views: Vec<View> = desks.iter().map(|_| View::default()).collect();
    let mut pause = settings.poll_min;
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
        let looks = desks.iter().zip(&mut views).map(|(desk, view)| look(desk, view));
        let looks = join_all(looks).await;
        let busy = looks.iter().flatten().any(|step| step.moved + step.reaped > 0);
        let next_due = looks.iter().flatten().filter_map(|step| step.next_due).min();
        pause = if busy { settings.poll_min } else { (pause * 2).min(settings.poll_max) };
        pause = pause.min(next_due.unwrap_or(pause)).max(Duration::from_millis(1));
    }
}

/// How fresh our view of one lane is, by Redis's clock.
#[derive(Default)]
struct View {
    /// When the last step ran; `None` before the first and after a failure.
    seen: Option<u64>,
    /// Leases may be taken away from then on.
    reap_from: u64,
}

async fn look(desk: &Desk, view: &mut View) -> Option<Step> {
    let mut steps = 0;
    loop {
        steps += 1;
        let fresh_for = millis(desk.lanes.settings().freshness());
        let reap_until = view.seen.filter(|seen| *seen >= view.reap_from).map_or(0, |seen| seen + fresh_for);
        let step = match desk.lanes.step(desk.lane, reap_until).await {
            Ok(step) => step,
            Err(_) => {
                view.seen = None;
                return None;
            }
        };
        if step.ready > 0 {
            desk.lanes.wake(desk.lane).notify_one();
        }
        let in_touch = view.seen.is_some_and(|seen| step.now >= seen && step.now - seen <= fresh_for);
        if in_touch || catch_up(desk).await {
            if !in_touch {
                // Other processes were out of touch too: they get as long as a healthy one takes between two renewals.
                view.reap_from = step.now + fresh_for + millis(PAUSE);
            }
            view.seen = Some(step.now);
        } else {
            view.seen = None;
        }
        if !step.full || steps == STEPS_AT_ONCE {
            return Some(step);
        }
    }
}

/// After an outage, a stall or a long sleep of our own: first say what became of our jobs, then renew what we still hold.
async fn catch_up(desk: &Desk) -> bool {
    let all = async {
        desk.flush().await;
        desk.renew().await.is_ok()
    };
    tokio::time::timeout(desk.lanes.settings().freshness(), all).await.unwrap_or(false)
}
