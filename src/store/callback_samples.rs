//! A sample of what was called in a span of time, and how much of it callbacks told something of.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::SqlStore;
use super::sql::args;
use crate::domain::callback_watch::CalledLately;
use crate::domain::ids::SenderName;
use crate::ports::{CallbackSamples, Stored};

/// Runs that are looked at, the newest first.
const RUNS: i64 = 20;
/// Messages of one run that are looked at, and of those without a run.
const SAMPLE: i64 = 2_000;

/// Numbers between two, evenly, at most [`SAMPLE`] of them.
fn spread(first: i64, last: i64) -> Vec<i64> {
    let n = (last - first).saturating_add(1).clamp(0, SAMPLE);
    (0..n).map(|at| first + (i128::from(last - first) * i128::from(at) / i128::from((n - 1).max(1))) as i64).collect()
}

#[async_trait]
impl CallbackSamples for SqlStore {
    async fn called_lately(&self, from: Timestamp, until: Timestamp) -> Stored<Vec<CalledLately>> {
        let sql = "SELECT first_message, fed_through FROM runs WHERE first_message IS NOT NULL AND fed_through >= first_message \
                   AND (ended_at IS NULL OR ended_at >= ?) ORDER BY id DESC LIMIT ?";
        let rows = self.read(sql, args![from, RUNS]).await?;
        let runs = self.rows(&rows, "runs", |row| Ok((row.int()?, row.int()?)))?;
        // What was refused with the call was heard of without a callback, so it says nothing.
        const OF: &str = "channel = 'whatsapp' AND called_at >= ? AND called_at < ? AND state IN ('submitted', 'sent', 'delivered', 'read')";
        let mut found = Vec::new();
        for (first, last) in runs {
            let sql = format!("SELECT sender, state FROM messages WHERE id {{}} AND {OF}");
            found.extend(self.read(&sql, args![spread(first, last), from, until]).await?);
        }
        let sql = format!("SELECT sender, state FROM messages WHERE run_id IS NULL AND {OF} LIMIT ?");
        found.extend(self.read(&sql, args![from, until, SAMPLE]).await?);
        let mut by_sender: BTreeMap<SenderName, CalledLately> = BTreeMap::new();
        for (sender, is_heard) in self.rows(&found, "messages", |row| {
            Ok((row.parsed::<SenderName>(|text| text.parse().ok())?, row.text()? != "submitted"))
        })? {
            let lately =
                by_sender.entry(sender.clone()).or_insert_with(|| CalledLately { sender, called: 0, heard: 0 });
            lately.called += 1;
            lately.heard += u64::from(is_heard);
        }
        Ok(by_sender.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_evenly_from_the_first_to_the_last() {
        assert_eq!(spread(7, 7), [7]);
        assert_eq!(spread(7, 9), [7, 8, 9]);
        assert_eq!(spread(7, 6), [0; 0]);
        let many = spread(1, 10_000_000);
        assert_eq!((many.len(), many[0], many[1_999]), (2_000, 1, 10_000_000));
        assert!(many.windows(2).all(|two| (4_999..=5_005).contains(&(two[1] - two[0]))));
    }
}
