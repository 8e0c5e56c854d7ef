//! What is to be told to the endpoints of our webhooks: written in the transaction of what happened, so that nothing is told that did not
//! happen and nothing that did is forgotten.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;

use super::encode::millis;
use super::sql::{Db, Sql, Table, args};
use crate::domain::hook::data::HookTest;
use crate::domain::hook::{HookEvent, NewHookEvent, Subscriptions, VERSION};
use crate::domain::ids::HookName;

/// How long a test is left to whoever asked for it before the queue takes it up: longer than any call takes.
const TEST_LEASE: SignedDuration = SignedDuration::from_mins(1);

/// Who wants to hear of what, and whether something was written for them.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    subscriptions: Subscriptions,
    added: AtomicU64,
    stirred: Notify,
}

impl Wanted {
    pub(super) fn new(subscriptions: Subscriptions) -> Self {
        Self { subscriptions, ..Self::default() }
    }

    /// Whether anybody wants to hear of it; who asks first need not put together what nobody wants.
    pub(super) const fn wants(&self, event: HookEvent) -> bool {
        self.subscriptions.wants(event)
    }

    /// How many deliveries were ever written; not all of them may be committed yet.
    pub(super) fn added(&self) -> u64 {
        self.added.load(Ordering::Relaxed)
    }

    /// Lets know who feeds the queue.
    pub(super) fn stir(&self) {
        self.stirred.notify_one();
    }

    /// Resolves when it was stirred since it last resolved.
    pub(super) async fn stirred(&self) {
        self.stirred.notified().await;
    }
}

/// Writes events for all who want to hear of them. The one way in: call it in the transaction in which something happens.
pub(super) async fn add(db: &Db<'_, DatabaseTransaction>, wanted: &Wanted, events: Vec<NewHookEvent>) -> Sql<()> {
    let events: Vec<NewHookEvent> = events.into_iter().filter(|event| wanted.wants(event.event)).collect();
    let deliveries: Vec<(usize, String)> = events
        .iter()
        .enumerate()
        .flat_map(|(at, event)| wanted.subscriptions.of(event.event).map(move |hook| (at, hook.to_string())))
        .collect();
    if deliveries.is_empty() {
        return Ok(());
    }
    wanted.added.fetch_add(deliveries.len() as u64, Ordering::Relaxed);
    let ids = db.fresh_ids("hook_events", events.len()).await?;
    write_events(db, &ids, &events).await?;
    let times = || deliveries.iter().map(|(at, _)| millis(events[*at].at));
    let table = Table::new()
        .int("event_id", deliveries.iter().map(|(at, _)| ids[*at]))
        .text("hook", deliveries.iter().map(|(_, hook)| hook.as_str()))
        .int("at", times());
    db.run(
        "INSERT INTO hook_deliveries (event_id, hook, state, since, due_at, changed_at) \
         SELECT event_id, hook, 'waiting', at, at, at FROM {}",
        args![table],
    )
    .await?;
    Ok(())
}

async fn write_events(db: &Db<'_, DatabaseTransaction>, ids: &[i64], events: &[NewHookEvent]) -> Sql<()> {
    let table = Table::new()
        .int("id", ids.iter().copied())
        .text("event", events.iter().map(|event| event.event.name()))
        .text("data", events.iter().map(|event| event.data.as_str()))
        .opt_int("contact_id", events.iter().map(|event| event.contact.map(|contact| contact.number())))
        .int("at", events.iter().map(|event| millis(event.at)));
    db.run(
        "INSERT INTO hook_events (id, event, version, data, contact_id, at) SELECT id, event, ?, data, contact_id, at FROM {}",
        args![VERSION, table],
    )
    .await?;
    Ok(())
}

/// A trial of one endpoint.
pub(super) async fn add_test(db: &Db<'_, DatabaseTransaction>, hook: &HookName, now: Timestamp) -> Sql<i64> {
    let ids = db.fresh_ids("hook_events", 1).await?;
    let event = NewHookEvent::new(HookEvent::HookTest, None, now, &HookTest { hook });
    write_events(db, &ids, &[event]).await?;
    let id = db.fresh_ids("hook_deliveries", 1).await?[0];
    let due_at = now.saturating_add(TEST_LEASE).unwrap_or(Timestamp::MAX);
    db.run(
        "INSERT INTO hook_deliveries (id, event_id, hook, state, since, due_at, changed_at) VALUES (?, ?, ?, 'waiting', ?, ?, ?)",
        args![id, ids[0], hook.as_str(), now, due_at, now],
    )
    .await?;
    Ok(id)
}
