//! What was accepted, one row for each message, and how often what else happened: how tests prove that nothing is lost and nothing is twice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::people::lock;
use super::pricing::{self, Priced};
use super::settings::Template;

/// Rows in one block; a growing ledger never copies its rows.
const BLOCK: usize = 4096;

/// One accepted message as the ledger shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// Place in the ledger, from 1, in the order of acceptance.
    pub row: u64,
    /// The id that was answered.
    pub wamid: String,
    /// Which of the business's numbers sent it.
    pub phone_number_id: String,
    /// The person's number, `+` and digits.
    pub to: String,
    /// `text`, `template`, `image`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Of a template: its name.
    pub template: Option<String>,
    /// Of a template: its language code.
    pub language: Option<String>,
    /// Of a template: header and body values in the order of its placeholders.
    pub parameters: Vec<String>,
    /// Of a template: what each button got (payload, end of the link), in the order of its buttons.
    pub buttons: Vec<Option<String>>,
    /// Text, caption or body of everything else.
    pub text: Option<String>,
    /// What the call asked to get back with each status.
    pub biz_opaque_callback_data: Option<String>,
    /// When it was accepted, in Unix milliseconds.
    pub accepted_at: i64,
    /// Statuses that the receiver of callbacks has answered with 200, in Meta's words.
    pub statuses: Vec<String>,
    /// Meta's code, if the message was made to fail.
    pub failed_code: Option<u32>,
    /// As what it is priced if it is delivered: Meta's type and category, such as `regular utility`.
    pub priced_as: String,
}

/// How often what happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Calls to `/messages`.
    pub calls: u64,
    /// Messages accepted: rows of the ledger.
    pub accepted: u64,
    /// Refused calls by Meta's code.
    pub refused: BTreeMap<u32, u64>,
    /// Faults by their name in the settings.
    pub faults: BTreeMap<String, u64>,
    /// Statuses that arrived, each message once: `sent`, `delivered`, `read`, `failed`.
    pub statuses: BTreeMap<String, u64>,
    /// Statuses that arrived again.
    pub statuses_repeated: u64,
    /// Messages from people that arrived.
    pub inbound: u64,
    /// Downloads of files that were asked for, well or badly answered.
    pub media_downloads: u64,
    /// Callbacks answered with 200.
    pub posts: u64,
    /// Callbacks that were not, each try counted.
    pub posts_failed: u64,
    /// Events that nobody was subscribed to, or that were given up.
    pub dropped: u64,
    /// Events that have not arrived yet, those still to come included.
    pub pending: u64,
    /// For each of the business's numbers.
    pub numbers: BTreeMap<String, NumberCounts>,
}

/// Calls to one number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberCounts {
    /// The most calls in any span of one second.
    pub peak_per_second: u64,
    /// Unix second and calls in it; seconds without calls are left out, at most the latest 3,600.
    pub by_second: Vec<(i64, u32)>,
}

/// Which kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Image,
    Audio,
    Video,
    Document,
    Sticker,
    Location,
    Contacts,
    Reaction,
    Interactive,
    Template,
}

impl Kind {
    /// Meta's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Document => "document",
            Self::Sticker => "sticker",
            Self::Location => "location",
            Self::Contacts => "contacts",
            Self::Reaction => "reaction",
            Self::Interactive => "interactive",
            Self::Template => "template",
        }
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Sent = 0,
    Delivered = 1,
    Read = 2,
    Failed = 3,
}

impl Status {
    pub(super) const ALL: [Self; 4] = [Self::Sent, Self::Delivered, Self::Read, Self::Failed];

    /// Meta's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }
}

/// One accepted message as it is kept. What can be worked out (the wamid, names) is not kept.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) sequence: u32,
    /// Place of the business's number in the settings.
    pub(super) number: u16,
    pub(super) kind: Kind,
    /// Addressed by business-scoped user id: the phone number is not told.
    pub(super) by_user_id: bool,
    /// Accepted inside the service window.
    pub(super) in_window: bool,
    /// The person came by a free entry point.
    pub(super) by_entry_point: bool,
    /// The person.
    pub(super) digits: u64,
    pub(super) accepted_ms: i64,
    /// The code with which it will fail; 0: it will not.
    pub(super) failed_code: u32,
    pub(super) template: Option<Arc<Template>>,
    /// Text, or for a template its values and button values as JSON.
    pub(super) content: Option<Box<str>>,
    pub(super) opaque: Option<Box<str>>,
    arrived: AtomicU8,
}

/// What is known of a message before it has its place.
#[derive(Debug)]
pub(super) struct NewRow {
    pub(super) number: u16,
    pub(super) kind: Kind,
    pub(super) by_user_id: bool,
    pub(super) in_window: bool,
    pub(super) by_entry_point: bool,
    pub(super) digits: u64,
    pub(super) accepted_ms: i64,
    pub(super) failed_code: u32,
    pub(super) template: Option<Arc<Template>>,
    pub(super) content: Option<Box<str>>,
    pub(super) opaque: Option<Box<str>>,
}

impl Row {
    /// Notes that a status has arrived; false if it had before.
    pub(super) fn arrive(&self, status: Status) -> bool {
        let bit = 1 << status as u8;
        self.arrived.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// Whether a status has arrived.
    pub(super) fn has_arrived(&self, status: Status) -> bool {
        self.arrived.load(Ordering::Relaxed) & (1 << status as u8) != 0
    }

    /// Which statuses have arrived.
    pub(super) fn arrived(&self) -> Vec<String> {
        let bits = self.arrived.load(Ordering::Relaxed);
        Status::ALL
            .iter()
            .filter(|status| bits & (1 << **status as u8) != 0)
            .map(|status| status.name().to_owned())
            .collect()
    }

    /// Meta's type and category at a moment.
    pub(super) fn price_at(&self, at_ms: i64) -> (&'static str, &'static str) {
        pricing::decide(at_ms, self.priced(), self.in_window, self.by_entry_point)
    }

    /// What it counts as for the price.
    pub(super) fn priced(&self) -> Priced {
        self.template.as_ref().map_or(Priced::Service, |template| Priced::Template(template.category.as_priced()))
    }
}

/// All accepted messages.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    blocks: Mutex<Vec<Vec<Arc<Row>>>>,
    grown: Notify,
}

impl Ledger {
    /// Adds a row and gives it its place.
    pub(super) fn add(&self, new: NewRow) -> Arc<Row> {
        let mut blocks = lock(&self.blocks);
        if blocks.last().is_none_or(|block| block.len() == BLOCK) {
            blocks.push(Vec::with_capacity(BLOCK));
        }
        let sequence = u32::try_from((blocks.len() - 1) * BLOCK).unwrap_or(u32::MAX);
        let last = blocks.last_mut().expect("a block was pushed when there was none");
        let row = Arc::new(Row {
            sequence: sequence.saturating_add(last.len() as u32),
            number: new.number,
            kind: new.kind,
            by_user_id: new.by_user_id,
            in_window: new.in_window,
            by_entry_point: new.by_entry_point,
            digits: new.digits,
            accepted_ms: new.accepted_ms,
            failed_code: new.failed_code,
            template: new.template,
            content: new.content,
            opaque: new.opaque,
            arrived: AtomicU8::new(0),
        });
        last.push(Arc::clone(&row));
        drop(blocks);
        self.grown.notify_waiters();
        row
    }

    /// Waits until there are so many rows.
    pub(super) async fn reaches(&self, n: usize) {
        loop {
            let grown = self.grown.notified();
            tokio::pin!(grown);
            // Rows that come after the look count, too.
            grown.as_mut().enable();
            if lock(&self.blocks).iter().map(Vec::len).sum::<usize>() >= n {
                return;
            }
            grown.await;
        }
    }

    /// At most `limit` rows after the first `after`.
    pub(super) fn page(&self, after: u64, limit: usize) -> Vec<Arc<Row>> {
        let blocks = lock(&self.blocks);
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let from = blocks.get(after / BLOCK..).unwrap_or_default();
        from.iter().flatten().skip(after % BLOCK).take(limit).cloned().collect()
    }
}

/// Counters that many threads raise.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) calls: AtomicU64,
    pub(super) accepted: AtomicU64,
    pub(super) inbound: AtomicU64,
    pub(super) media_downloads: AtomicU64,
    pub(super) posts: AtomicU64,
    pub(super) posts_failed: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) statuses: [AtomicU64; 4],
    pub(super) statuses_repeated: AtomicU64,
    refused: Mutex<BTreeMap<u32, u64>>,
    faults: Mutex<BTreeMap<&'static str, u64>>,
}

impl Tally {
    /// One more refusal with this code.
    pub(super) fn refuse(&self, code: u32) {
        *lock(&self.refused).entry(code).or_default() += 1;
    }

    /// One more fault of this name.
    pub(super) fn fault(&self, name: &'static str) {
        *lock(&self.faults).entry(name).or_default() += 1;
    }

    /// As they stand now; numbers and what is pending are for the caller to add.
    pub(super) fn counts(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            calls: get(&self.calls),
            accepted: get(&self.accepted),
            refused: lock(&self.refused).clone(),
            faults: lock(&self.faults).iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            statuses: Status::ALL
                .iter()
                .map(|status| (status.name().to_owned(), get(&self.statuses[*status as usize])))
                .collect(),
            statuses_repeated: get(&self.statuses_repeated),
            inbound: get(&self.inbound),
            media_downloads: get(&self.media_downloads),
            posts: get(&self.posts),
            posts_failed: get(&self.posts_failed),
            dropped: get(&self.dropped),
            pending: 0,
            numbers: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(digits: u64) -> NewRow {
        NewRow {
            number: 0,
            kind: Kind::Text,
            by_user_id: false,
            in_window: false,
            by_entry_point: false,
            digits,
            accepted_ms: 0,
            failed_code: 0,
            template: None,
            content: None,
            opaque: None,
        }
    }

    #[test]
    fn pages_cover_all_rows_once_across_blocks() {
        let ledger = Ledger::default();
        for digits in 0..10_000 {
            assert_eq!(u64::from(ledger.add(new(digits)).sequence), digits);
        }
        let mut after = 0;
        loop {
            let page = ledger.page(after, 999);
            if page.is_empty() {
                break;
            }
            assert!(page.iter().enumerate().all(|(at, row)| row.digits == after + at as u64));
            after += page.len() as u64;
        }
        assert_eq!(after, 10_000);
        assert!(ledger.page(u64::MAX, 10).is_empty());
    }

    #[test]
    fn a_status_arrives_once() {
        let row = Ledger::default().add(new(1));
        assert!(row.arrive(Status::Read) && row.arrive(Status::Sent) && !row.arrive(Status::Read));
        assert_eq!(row.arrived(), ["sent", "read"]);
    }
}
