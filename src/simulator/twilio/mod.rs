//! Twilio's messages (API of 2010-04-01) as far as barid uses them: text messages and WhatsApp, statuses and what people write.
//!
//! Sources: www.twilio.com/docs/messaging/api/message-resource, /usage/webhooks/webhooks-security, /api/errors, checked 2026-11-22.

mod callbacks;
mod messages;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::task::JoinSet;

pub(super) use self::messages::{Answer, Call, create};
use super::clock::Clock;
use super::people::lock;
use super::settings::{Faults, Outcome, Twilio as Settings};

/// One message that Twilio took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TwilioRow {
    /// Twilio's id of it.
    pub sid: String,
    /// `sms` or `whatsapp`.
    pub channel: &'static str,
    /// The person: `+digits`.
    pub to: String,
    /// The sender, or the messaging service.
    pub from: String,
    /// The text, where it has one.
    pub body: Option<String>,
    /// The stored content, where it has one.
    pub content_sid: Option<String>,
    /// Its values as they came.
    pub content_variables: Option<String>,
    /// Where statuses go.
    pub status_callback: Option<String>,
    /// How long Twilio was to try, in seconds.
    pub validity_period: Option<u32>,
    /// How many segments a text message takes.
    pub segments: u32,
    /// When it was taken, in Unix milliseconds.
    pub accepted_at: i64,
    /// The statuses of which we know that they arrived.
    pub statuses: Vec<String>,
}

/// Twilio while it runs.
#[derive(Debug)]
pub(super) struct Twilio {
    pub(super) settings: Settings,
    pub(super) faults: ArcSwap<Faults>,
    clock: Clock,
    seed: u64,
    client: reqwest::Client,
    calls: AtomicU64,
    ledger: Mutex<Vec<TwilioRow>>,
    /// Numbers that were called before, for faults that happen once.
    seen: Mutex<HashSet<String>>,
    /// Who sent STOP, by channel and number.
    stopped: Mutex<HashSet<String>>,
    /// Until when people may be written to freely over WhatsApp, in Unix milliseconds.
    windows: Mutex<HashMap<String, i64>>,
    inbound: AtomicU64,
    tasks: Mutex<JoinSet<()>>,
    pending: AtomicUsize,
    settled: Notify,
}

impl Twilio {
    pub(super) fn new(settings: Settings, clock: Clock, seed: u64, client: reqwest::Client) -> Arc<Self> {
        Arc::new(Self {
            faults: ArcSwap::from_pointee(settings.faults.clone()),
            settings,
            clock,
            seed,
            client,
            calls: AtomicU64::new(0),
            ledger: Mutex::default(),
            seen: Mutex::default(),
            stopped: Mutex::default(),
            windows: Mutex::default(),
            inbound: AtomicU64::new(0),
            tasks: Mutex::default(),
            pending: AtomicUsize::new(0),
            settled: Notify::new(),
        })
    }

    /// Everything that was taken, in order.
    pub(super) fn ledger(&self) -> Vec<TwilioRow> {
        lock(&self.ledger).clone()
    }

    /// How many messages still have something to be told of.
    pub(super) fn pending(&self) -> u64 {
        self.pending.load(Ordering::SeqCst) as u64
    }

    /// Waits until nothing more is to be told.
    pub(super) async fn quiet(&self) {
        loop {
            let settled = self.settled.notified();
            if self.pending.load(Ordering::SeqCst) == 0 {
                return;
            }
            settled.await;
        }
    }

    /// Tells nothing more.
    pub(super) fn stop(&self) {
        lock(&self.tasks).abort_all();
    }

    /// Runs beside the call that caused it; counted until it ends.
    fn later(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let twilio = Arc::clone(self);
        self.pending.fetch_add(1, Ordering::SeqCst);
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            work.await;
            twilio.pending.fetch_sub(1, Ordering::SeqCst);
            twilio.settled.notify_waiters();
        });
    }

    /// What the last digits of a number ask for.
    fn outcome(&self, digits: &str) -> Option<Outcome> {
        let fitting = self.settings.suffixes.iter().filter(|(suffix, _)| digits.ends_with(suffix.as_str()));
        fitting.max_by_key(|(suffix, _)| suffix.len()).map(|(_, outcome)| *outcome)
    }

    /// A person writes; posted where the settings say. Twilio's own stop words hold from now on.
    ///
    /// # Errors
    /// When nobody is told.
    pub(super) fn hear(self: &Arc<Self>, channel: &'static str, from: &str, text: &str) -> Result<String, String> {
        callbacks::hear(self, channel, from, text)
    }
}
