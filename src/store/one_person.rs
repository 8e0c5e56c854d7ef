//! Two contacts that turn out to be one person: what belonged to the one moves to the other, in the transaction that learns of it.

use std::collections::HashMap;

use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::consent_requests;
use super::dialect::Lock;
use super::encode;
use super::people::People;
use super::sql::{Db, Row, Sql, args};
use crate::domain::consent::{Consent, ConsentChange, after_change};
use crate::domain::delivery::State;

/// Works out what all of them granted over time, as if they had been one from the beginning, and sets it for the one who stays.
pub(super) async fn settle_consent(
    db: &Db<'_, DatabaseTransaction>,
    people: &mut People,
    all: &[usize],
    stays: usize,
) -> Sql<()> {
    let known: Vec<i64> =
        all.iter().filter(|at| people.is_known(**at)).map(|at| people.contact(*at).id.number()).collect();
    let mut changes: Vec<ConsentChange> = Vec::new();
    if !known.is_empty() {
        let sql = "SELECT kind, purposes, at, source, evidence FROM consent_changes WHERE contact_id {} ORDER BY id";
        for row in db.all(sql, args![known]).await? {
            changes.push(encode::consent_change(&mut Row::of(&row, "consent_changes"))?);
        }
    }
    changes.extend(people.unwritten(all).cloned());
    // Stable: what was said in one second keeps its order.
    changes.sort_by_key(|change| change.at);
    let whole = changes.iter().fold(Consent::default(), |consent, change| after_change(consent, change.kind));
    people.set_granted(stays, whole.granted);
    Ok(())
}

/// Moves messages, feedback and evidence from one contact to another; answers the messages that must not go, because the person has one of the
/// same run already or will have it. `consent`: what the person allows now.
pub(super) async fn move_belongings(
    db: &Db<'_, DatabaseTransaction>,
    gone: i64,
    stays: i64,
    consent: Consent,
    now: Timestamp,
) -> Sql<Vec<i64>> {
    // In the order in which everybody locks messages.
    let lock = db.lock(Lock::Exclusive, "m");
    if !lock.is_empty() {
        let sql = format!("SELECT m.id FROM messages m WHERE m.contact_id {{}} ORDER BY m.id{lock}");
        db.all(&sql, args![vec![gone, stays]]).await?;
    }
    let both = "SELECT g.id, g.state, s.id, s.state FROM messages g JOIN messages s ON s.run_id = g.run_id AND s.contact_id = ? \
                WHERE g.contact_id = ? ORDER BY g.id";
    let mut doubles = Vec::new();
    for row in db.all(both, args![stays, gone]).await? {
        let mut row = Row::of(&row, "messages");
        let (of_gone, its_state) = (row.int()?, row.parsed(State::named)?);
        let (of_stays, other_state) = (row.int()?, row.parsed(State::named)?);
        doubles.extend(double(of_gone, its_state, of_stays, other_state));
    }
    db.run(
        "UPDATE messages SET contact_id = ? WHERE contact_id = ? AND NOT EXISTS \
         (SELECT 1 FROM messages o WHERE o.contact_id = ? AND o.run_id = messages.run_id)",
        args![stays, gone, stays],
    )
    .await?;
    for table in ["feedback", "consent_changes", "person_changes", "flow_results", "hook_events", "staff_actions"] {
        db.run(&format!("UPDATE {table} SET contact_id = ? WHERE contact_id = ?"), args![stays, gone]).await?;
    }
    consent_requests::become_one(db, gone, stays, consent).await?;
    move_talks(db, gone, stays).await?;
    db.run("UPDATE contacts SET merged_into = ? WHERE merged_into = ?", args![stays, gone]).await?;
    db.run("UPDATE contacts SET merged_into = ?, updated_at = ? WHERE id = ?", args![stays, now, gone]).await?;
    Ok(doubles)
}

/// Moves open service windows and conversations, of which a person has one for each of our numbers: the longer window, and rather the
/// conversation that a member of staff has.
async fn move_talks(db: &Db<'_, DatabaseTransaction>, gone: i64, stays: i64) -> Sql<()> {
    db.run(
        "UPDATE windows SET open_until = (SELECT MAX(o.open_until) FROM windows o WHERE o.sender = windows.sender \
         AND o.contact_id IN (?, ?)) WHERE contact_id = ?",
        args![gone, stays, stays],
    )
    .await?;
    db.run(
        "DELETE FROM conversations WHERE contact_id = ? AND is_human = 0 AND EXISTS (SELECT 1 FROM conversations o \
         WHERE o.contact_id = ? AND o.sender = conversations.sender AND o.is_human = 1)",
        args![stays, gone],
    )
    .await?;
    for table in ["windows", "conversations"] {
        let sql = format!(
            "UPDATE {table} SET contact_id = ? WHERE contact_id = ? AND NOT EXISTS \
             (SELECT 1 FROM {table} o WHERE o.contact_id = ? AND o.sender = {table}.sender)"
        );
        db.run(&sql, args![stays, gone, stays]).await?;
        db.run(&format!("DELETE FROM {table} WHERE contact_id = ?"), args![gone]).await?;
    }
    Ok(())
}

/// Of these contacts, those that turned out to be another one, and which.
pub(super) async fn merged(db: &Db<'_, DatabaseTransaction>, contacts: Vec<i64>) -> Sql<HashMap<i64, i64>> {
    let sql = "SELECT id, merged_into FROM contacts WHERE id {} AND merged_into IS NOT NULL";
    let rows = db.all(sql, args![contacts]).await?;
    rows.iter()
        .map(|row| {
            let mut row = Row::of(row, "contacts");
            Ok((row.int()?, row.int()?))
        })
        .collect()
}

/// Which of two messages of one run to one person must not go.
fn double(of_gone: i64, its_state: State, of_stays: i64, other_state: State) -> Option<i64> {
    let waits = |state| matches!(state, State::Planned | State::Held);
    let came_to_nothing = |state| matches!(state, State::Failed | State::Suppressed | State::Expired);
    if waits(its_state) {
        Some(of_gone)
    } else if waits(other_state) && !came_to_nothing(its_state) {
        Some(of_stays)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_messages_of_one_run_at_most_one_goes() {
        let (gone, stays) = (1, 2);
        for (its, other, ends) in [
            (State::Planned, State::Planned, Some(gone)),
            (State::Held, State::Read, Some(gone)),
            (State::Delivered, State::Planned, Some(stays)),
            (State::Unknown, State::Held, Some(stays)),
            (State::Failed, State::Planned, None),
            (State::Sent, State::Sent, None),
        ] {
            assert_eq!(double(gone, its, stays, other), ends, "{its:?} {other:?}");
        }
    }
}
