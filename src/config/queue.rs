//! `[queue]`: how much work is in hand at once.

use std::time::Duration;

use crate::domain::document::Table;

/// How much work is in hand at once.
#[derive(Debug, Clone)]
pub struct Queue {
    /// How long a job belongs to a silent worker.
    pub lease: Duration,
    /// Messages of a run in Redis ahead of the calls.
    pub feed_ahead: u64,
    /// How often forgotten work is looked for.
    pub sweep: Duration,
    /// Jobs at once in each lane.
    pub concurrency: Concurrency,
}

/// Jobs at once in each lane.
#[derive(Debug, Clone)]
pub struct Concurrency {
    /// Messages asked for by themselves, and answers.
    pub replies: usize,
    /// First attempts of runs.
    pub sending: usize,
    /// Later attempts on the same channel.
    pub retries: usize,
    /// Attempts on other channels.
    pub fallbacks: usize,
    /// Callbacks.
    pub news: usize,
    /// Files that are fetched.
    pub media: usize,
    /// Calls of endpoints of our webhooks, shared evenly between them.
    pub hooks: usize,
}

impl Queue {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let (lease, feed_ahead, sweep) =
            (table.required("lease"), table.required::<u64>("feed_ahead"), table.required("sweep"));
        if feed_ahead.is_some_and(|ahead| !(100..=100_000).contains(&ahead)) {
            table.problem("feed_ahead", "`feed_ahead` must be from 100 to 100000");
        }
        let concurrency = table.table("concurrency", |lanes| {
            let lane = |key| {
                let n: Option<usize> = lanes.required(key);
                if n.is_some_and(|n| n > 10_000) {
                    lanes.problem(key, format!("`{key}` must be at most 10000"));
                }
                n
            };
            let (replies, sending, retries) = (lane("replies"), lane("sending"), lane("retries"));
            let (fallbacks, news, media, hooks) = (lane("fallbacks"), lane("news"), lane("media"), lane("hooks"));
            Some(Concurrency {
                replies: replies?,
                sending: sending?,
                retries: retries?,
                fallbacks: fallbacks?,
                news: news?,
                media: media?,
                hooks: hooks?,
            })
        });
        Some(Self { lease: lease?, feed_ahead: feed_ahead?, sweep: sweep?, concurrency: concurrency? })
    }
}
