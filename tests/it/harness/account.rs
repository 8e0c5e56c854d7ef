//! Holds our record against the simulator's ledger, message by message.

use std::collections::BTreeMap;

use barid::simulator::LedgerRow;
use serde_json::Value;

use super::{Barid, Contact};

/// What the two books say together.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// People whom the record holds for reached or tried, and the ledger does not know.
    pub(crate) lost: Vec<String>,
    /// People who got the message more than once.
    pub(crate) doubled: Vec<String>,
    /// Messages whose state is not what the ledger's delivered statuses make it.
    pub(crate) disagree: Vec<String>,
    /// People without exactly one message in the record.
    pub(crate) unaccounted: Vec<String>,
    /// How many messages stand where.
    pub(crate) states: BTreeMap<String, usize>,
}

impl Account {
    pub(crate) fn assert_clean(&self, barid: &Barid) {
        let clean =
            self.lost.is_empty() && self.doubled.is_empty() && self.disagree.is_empty() && self.unaccounted.is_empty();
        assert!(clean, "the books do not agree: {self:#?}\nlog:\n{}", super::tail(&barid.log()));
    }
}

/// The state that the statuses which arrived make of a message.
fn expected(row: &LedgerRow) -> &'static str {
    let has = |status: &str| row.statuses.iter().any(|known| known == status);
    if has("read") {
        "read"
    } else if has("delivered") {
        "delivered"
    } else if has("failed") {
        "failed"
    } else if has("sent") {
        "sent"
    } else {
        "submitted"
    }
}

/// Compares both books for a campaign to these people.
pub(crate) async fn reconcile(barid: &Barid, campaign: &str, people: &[Contact]) -> Account {
    let mut account = Account::default();
    let mut ledger: BTreeMap<String, Vec<LedgerRow>> = BTreeMap::new();
    for row in barid.simulator.ledger() {
        ledger.entry(row.to.clone()).or_default().push(row);
    }
    let mut record: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for message in barid.messages(campaign).await {
        *account.states.entry(message["state"].as_str().unwrap_or("?").to_owned()).or_default() += 1;
        record.entry(message["phone"].as_str().unwrap_or("?").to_owned()).or_default().push(message);
    }
    for person in people {
        let rows = ledger.get(&person.phone).map_or(&[][..], Vec::as_slice);
        let state = match record.get(&person.phone).map(Vec::as_slice) {
            Some([message]) => message["state"].as_str().unwrap_or("?").to_owned(),
            other => {
                account.unaccounted.push(format!("{}: {} messages", person.phone, other.map_or(0, <[Value]>::len)));
                continue;
            }
        };
        if rows.len() > 1 {
            let references: Vec<_> =
                rows.iter().map(|row| (row.biz_opaque_callback_data.clone(), row.accepted_at)).collect();
            account.doubled.push(format!("{} is {state}: {references:?}", person.phone));
        }
        match (rows.first(), state.as_str()) {
            (None, "failed" | "suppressed" | "expired") => {}
            (None, state) => account.lost.push(format!("{} is {state}, and the ledger has nothing", person.phone)),
            (Some(row), state) if expected(row) != state => {
                account.disagree.push(format!("{} is {state}, and the ledger says {:?}", person.phone, row.statuses));
            }
            _ => {}
        }
    }
    account
}
