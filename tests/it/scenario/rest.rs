//! Whether a world has come to rest, and if not, when the next thing will happen in it.

use barid::domain::ids::FeedbackId;
use barid::domain::reminder::NextReminder;
use barid::jobs::reminder;
use barid::ports::{
    Clock as _, Journal as _, MediaRecord as _, Messages as _, Reminders as _, Runs as _, Suspensions as _,
};
use jiff::{SignedDuration, Timestamp};

use super::world::World;

/// Between two turns in which something happens.
pub(crate) const PACE: SignedDuration = SignedDuration::from_millis(500);
/// Later than anything is due.
const FAR: SignedDuration = SignedDuration::from_hours(1000);

impl World {
    /// Whether nothing is left to do and nothing will come.
    pub(crate) async fn rests(&self) -> bool {
        let outside = self.provider.next_event().is_none() && self.unanswered.is_empty() && self.orders.is_empty();
        if !outside || !self.hands.is_empty() || !self.newest().await.is_some_and(|run| run.state.has_ended()) {
            return false;
        }
        let (now, store) = (self.time.now(), self.store());
        let (_, unapplied) = store.lag(now).await.expect("the store answers");
        let active = store.active().await.expect("the store answers");
        let reminding = store.reminding().await.expect("the store answers");
        let due = store.due(now + FAR, None, 1).await.expect("the store answers");
        let in_force = store.suspensions(now).await.expect("the store answers");
        if !self.files_rest().await {
            return false;
        }
        let is_calm = unapplied == 0 && active.is_empty() && reminding.is_empty() && due.is_empty();
        is_calm && in_force.iter().all(|suspension| suspension.until.is_none())
    }

    /// Whether every file is there, lost or gone, and nothing lies about.
    async fn files_rest(&self) -> bool {
        let store = self.store();
        let waiting = store.media_waiting().await.expect("the store answers");
        let to_remove = store.media_to_remove(1).await.expect("the store answers");
        let there: Vec<FeedbackId> = self.shelf.kept().into_keys().map(FeedbackId::new).collect();
        let named = store.with_media(&there).await.expect("the store answers");
        waiting == 0 && to_remove.is_empty() && named.len() == there.len() && self.shelf.n_unfinished() == 0
    }

    /// When the next file is tried.
    async fn next_file(&self) -> Option<Timestamp> {
        let store = self.store();
        let due = store.due_media(self.time.now() + FAR, 1).await.expect("the store answers");
        let (id, _) = due.first()?;
        Some(store.media_to_fetch(*id).await.expect("the store answers")?.due_at)
    }

    /// How long nothing will happen.
    pub(crate) async fn until_next(&self) -> SignedDuration {
        let (now, store) = (self.time.now(), self.store());
        let mut next: Vec<Timestamp> =
            [self.provider.next_event(), self.hands.next_due(), self.next_order()].into_iter().flatten().collect();
        next.extend(self.unanswered.iter().map(|(at, ..)| *at));
        let due = store.due(now + FAR, None, 1).await.expect("the store answers");
        next.extend(
            due.iter().filter_map(|message| message.standing.delivery.due_at()).map(|at| at.max(self.sweep_at)),
        );
        for suspension in store.suspensions(now).await.expect("the store answers") {
            next.extend([suspension.until, suspension.probe_at].into_iter().flatten().filter(|at| *at > now));
        }
        next.extend(self.next_of_runs().await);
        next.extend(self.next_file().await);
        // What else may wait is found by the sweep.
        let (_, unapplied) = store.lag(now).await.expect("the store answers");
        if unapplied > 0 || next.is_empty() || !self.files_rest().await || self.is_something_without_a_moment().await {
            next.push(self.sweep_at);
        }
        let next = next.into_iter().min().unwrap_or(now);
        next.duration_since(now).max(PACE)
    }

    /// Whether an audience is not resolved, or messages were fed and lie in no queue.
    async fn is_something_without_a_moment(&self) -> bool {
        let store = self.store();
        for run in store.active().await.expect("the store answers").into_iter().filter(|run| run.state.sends()) {
            let fed = store.fed_and_waiting(run.id, None, 1).await.expect("the store answers");
            if !run.planned_whole || !fed.is_empty() {
                return true;
            }
        }
        false
    }

    /// When stages and reminders are looked at.
    async fn next_of_runs(&self) -> Vec<Timestamp> {
        let (store, mut next) = (self.store(), Vec::new());
        if let Some(rollout) = &self.script.campaign.rollout {
            for run in store.active().await.expect("the store answers") {
                next.extend(run.stages.and_then(|stages| stages.called_at).map(|at| at + rollout.wait));
            }
        }
        if self.script.campaign.reminder.is_some() {
            let (services, definitions) = self.services_and_definitions();
            for run in store.reminding().await.expect("the store answers") {
                let known = reminder::next(services, definitions, &run).await.expect("the store answers");
                if let NextReminder::Due { at, .. } = known {
                    next.push(at);
                }
            }
        }
        let now = self.time.now();
        next.retain(|at| *at > now);
        next
    }
}
