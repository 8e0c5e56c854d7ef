//! What must hold after every storm, whatever happened in it.

use std::collections::{BTreeMap, BTreeSet};

use barid::domain::ids::CampaignName;
use barid::ports::Runs as _;

use super::storm::{CAMPAIGN, Storm};
use crate::contracts::Database;
use crate::harness::account::reconcile;
use crate::harness::tail;

/// Holds the record against the ledger, the histories against themselves, and the stops against both.
pub(crate) async fn assert_in_order(storm: &mut Storm, database: &Database) {
    let account = reconcile(&storm.barid, CAMPAIGN, &storm.people).await;
    println!("states {:?}", account.states);
    account.assert_clean(&storm.barid);
    for state in account.states.keys() {
        let ends = ["submitted", "sent", "delivered", "read", "failed", "suppressed", "expired"];
        assert!(ends.contains(&state.as_str()), "`{state}` is no end");
    }
    assert!(storm.backwards.is_empty(), "seen to go backwards: {:#?}", storm.backwards);
    histories_go_forward(database).await;
    stops_hold(storm, database).await;

    assert!(storm.barid.stop().await, "it ends well when asked\n{}", tail(&storm.barid.log()));
    let store = database.open().await;
    let campaign: CampaignName = CAMPAIGN.parse().expect("a name");
    let run = store.newest(&campaign).await.expect("the store answers").expect("it ran");
    database.assert_counts_are_exact(&store, run.id).await;
    let open = database.ask("SELECT CAST(COUNT(*) AS TEXT) FROM journal WHERE applied_at IS NULL").await;
    assert_eq!(open, ["0"], "callbacks that were kept and not applied");
    store.close().await;
}

/// Statuses that changed a message did so upwards.
async fn histories_go_forward(database: &Database) {
    let lines = database
        .ask(
            "SELECT CAST(message_id AS TEXT) || ' ' || event FROM history \
             WHERE event IN ('sent', 'delivered', 'read') AND detail = '' ORDER BY message_id, seq",
        )
        .await;
    let mut last: (&str, usize) = ("", 0);
    for line in &lines {
        let (message, event) = line.split_once(' ').expect("two words");
        let rank =
            1 + ["sent", "delivered", "read"].iter().position(|known| *known == event).expect("one of the three");
        assert!(message != last.0 || rank > last.1, "message {message} went back to `{event}`");
        last = (message, rank);
    }
    assert!(!lines.is_empty(), "statuses came in");
}

/// Whoever said stop is known to have, and no call to them was begun after their stop was in force: at the latest when barid answered 200 for
/// it or showed it, whichever came first. Calls begun between the stop's arrival and that moment were decided before it was durable, and are
/// printed.
async fn stops_hold(storm: &Storm, database: &Database) {
    let stopped = database.ask("SELECT phone FROM contacts WHERE stopped = 1").await;
    let said: BTreeSet<&String> = storm.stopped.keys().collect();
    assert_eq!(stopped.iter().collect::<BTreeSet<_>>(), said, "who said stop, in both books");

    let kept = heard_at(database).await;
    let started = database
        .ask(
            "SELECT c.phone || ' ' || CAST(h.at AS TEXT) FROM history h JOIN messages m ON m.id = h.message_id \
             JOIN contacts c ON c.id = m.contact_id WHERE h.event = 'started' AND c.stopped = 1",
        )
        .await;
    let (mut too_late, mut between) = (Vec::new(), Vec::new());
    for line in &started {
        let (phone, at) = line.split_once(' ').expect("two words");
        let at: i64 = at.parse().expect("a time");
        let answered = storm.barid.simulator.acknowledged_ms(phone).expect("Meta delivers until it is answered");
        let in_force = storm.stopped[phone].map_or(answered, |seen| seen.min(answered));
        if at > in_force {
            too_late.push(format!("{phone} at {at}, {} ms after", at - in_force));
        } else if at > kept[phone] {
            between.push(at - kept[phone]);
        }
    }
    println!("{} stops; calls started so many ms after their stop came in: {between:?}", storm.stopped.len());
    assert!(too_late.is_empty(), "called although the stop was in force: {too_late:#?}");
}

/// When the first callback with words of somebody came in.
async fn heard_at(database: &Database) -> BTreeMap<String, i64> {
    let body = if database.url.starts_with("postgres") { "convert_from(body, 'UTF8')" } else { "CAST(body AS TEXT)" };
    let sql = format!(
        "SELECT CAST(received_at AS TEXT) || ' ' || {body} FROM journal WHERE {body} LIKE '%\"messages\"%' ORDER BY id"
    );
    let mut kept = BTreeMap::new();
    for row in database.ask(&sql).await {
        let (at, body) = row.split_once(' ').expect("a time and a body");
        let at: i64 = at.parse().expect("a time");
        for from in body.split("\"from\":\"").skip(1) {
            let digits: String = from.chars().take_while(char::is_ascii_digit).collect();
            kept.entry(format!("+{digits}")).or_insert(at);
        }
    }
    kept
}
