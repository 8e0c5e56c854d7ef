//! Brings events to the receiver: in batches, over a bounded number of connections, again and again until it answers 200.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::Event;
use super::body::{Signer, Writer};
use crate::simulator::world::World;

/// Runs until it is aborted: takes what is due, batches it, hands each batch to a delivery of its own.
pub(in crate::simulator) async fn run(world: Arc<World>, client: reqwest::Client) {
    let statuses = &world.settings.statuses;
    let (batch_max, batch_wait) = (statuses.batch_max, i64::try_from(statuses.batch_wait.millis()).unwrap_or(i64::MAX));
    let post = Arc::new(Post {
        client,
        connections: Arc::new(Semaphore::new(world.settings.callbacks.connections)),
        signer: Signer::new(&world.settings.app_secret),
        world: Arc::clone(&world),
    });
    // Dropped with this future, and all deliveries with it.
    let mut deliveries = JoinSet::new();
    let mut batch = Vec::new();
    let mut batch_since = 0;
    loop {
        while deliveries.try_join_next().is_some() {}
        let now = world.clock.millis();
        if batch.is_empty() {
            batch_since = now;
        }
        let before = batch.len();
        world.schedule.take_due(now, batch_max - before, &mut batch);
        for event in &mut batch[before..] {
            if let Event::Inbound(inbound) = event {
                world.hear(inbound, now);
            }
        }
        if batch.len() >= batch_max || (!batch.is_empty() && now - batch_since >= batch_wait) {
            for (url, events) in by_receiver(&world, std::mem::take(&mut batch)) {
                // Waiting here holds back later events, which is right: a slow receiver gets fewer and larger callbacks.
                let connection = Arc::clone(&post.connections).acquire_owned().await;
                let connection = connection.expect("the semaphore is never closed");
                deliveries.spawn(Arc::clone(&post).deliver(url, events, connection));
            }
            continue;
        }
        let latest = if batch.is_empty() { i64::MAX } else { batch_since.saturating_add(batch_wait) };
        world.schedule.sleep(now, latest).await;
    }
}

/// Splits a batch by where its events go; what goes nowhere is dropped.
fn by_receiver(world: &World, batch: Vec<Event>) -> BTreeMap<Arc<str>, Vec<Event>> {
    let mut receivers: BTreeMap<Arc<str>, Vec<Event>> = BTreeMap::new();
    for event in batch {
        match world.receiver(event.number()) {
            Some(url) => receivers.entry(url).or_default().push(event),
            None => world.drop_events(&[event]),
        }
    }
    receivers
}

struct Post {
    client: reqwest::Client,
    connections: Arc<Semaphore>,
    signer: Signer,
    world: Arc<World>,
}

impl Post {
    async fn deliver(self: Arc<Self>, url: Arc<str>, events: Vec<Event>, connection: OwnedSemaphorePermit) {
        let settings = &self.world.settings;
        let writer = Writer {
            ids: self.world.ids,
            seed: settings.seed,
            numbers: &settings.numbers,
            per_change: settings.statuses.per_change,
            pricing: settings.statuses.pricing,
        };
        let give_up_ms = self
            .world
            .clock
            .millis()
            .saturating_add(i64::try_from(settings.callbacks.give_up_after.millis()).unwrap_or(i64::MAX));
        let mut waits = settings.callbacks.redelivery.iter();
        let mut wait = settings.callbacks.redelivery.last();
        let mut connection = Some(connection);
        // Written anew for each try, always the same: many callbacks may wait for a receiver that is down, and events are small.
        while !self.post(&url, Bytes::from(writer.callback(&events))).await {
            self.world.tally.posts_failed.fetch_add(1, Ordering::Relaxed);
            // A callback that waits for its next try holds no connection.
            drop(connection.take());
            wait = waits.next().or(wait);
            tokio::time::sleep(wait.copied().unwrap_or_default().duration()).await;
            if self.world.clock.millis() >= give_up_ms {
                self.world.drop_events(&events);
                return;
            }
            connection = Arc::clone(&self.connections).acquire_owned().await.ok();
        }
        drop(connection);
        self.world.tally.posts.fetch_add(1, Ordering::Relaxed);
        self.world.arrive(&events);
    }

    async fn post(&self, url: &str, body: Bytes) -> bool {
        let signature = self.signer.signature(&body);
        let request = self
            .client
            .post(url)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .header(reqwest::header::USER_AGENT, "facebookexternalua")
            .header("X-Hub-Signature-256", signature)
            .body(body);
        match request.send().await {
            // The rest of the answer is read, so that the connection can be used again.
            Ok(response) => response.status() == reqwest::StatusCode::OK && response.bytes().await.is_ok(),
            Err(_) => false,
        }
    }
}
