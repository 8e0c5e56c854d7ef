//! The counts are differences added up; a look at every message must always say the same.

use barid::domain::delivery::{Fact, SuppressedReason};
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::news::ProviderStatus;
use barid::domain::run::RunCommand;
use barid::ports::{Messages as _, Runs as _};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{
    Database, at, begin, callback, charged, heard, new_run, on_both_databases, people, planned, seed, status, stop,
    terms, wamid,
};

/// Something happens to a random message, whether or not it fits.
async fn happen(
    store: &barid::store::SqlStore,
    random: &mut StdRng,
    messages: &[barid::domain::ids::MessageId],
    second: i64,
) {
    let n = random.random_range(0..messages.len());
    let id = messages[n];
    let attempt = random.random_range(1..=2);
    let refusal = Refusal::new(FailureClass::NumberThrottled, random.random_bool(0.5).then_some(130_429), "");
    let fact = match random.random_range(0..11) {
        0..=3 => {
            let before = store.load(id).await.unwrap().unwrap().standing.attempt;
            store.start(begin(id, before, at(second + 60), at(second))).await.unwrap();
            return;
        }
        4 => Fact::Accepted(wamid(id)),
        5 => Fact::Refused(refusal),
        6 => Fact::NotSent { because: String::new() },
        7 => Fact::Unanswered { decide_at: at(second + 900), because: String::new() },
        8 => [Fact::SendAgain, Fact::AssumeSent, Fact::StillSilent { decide_at: at(second + 1_800) }]
            [random.random_range(0..3)]
        .clone(),
        9 => {
            let what = [
                ProviderStatus::Sent,
                ProviderStatus::Delivered,
                ProviderStatus::Read,
                ProviderStatus::Failed(refusal),
            ][random.random_range(0..4)]
            .clone();
            callback(store, vec![charged(status(store, id, what), random.random_bool(0.7))]).await;
            return;
        }
        _ if random.random_bool(0.1) => {
            heard(store, vec![stop(n, &format!("wamid.stop{n}"))]).await;
            return;
        }
        _ if random.random_bool(0.2) => {
            store.suppress(id, SuppressedReason::CannotRender, "", at(second)).await.unwrap();
            return;
        }
        _ => Fact::Delivered,
    };
    store.learn(id, attempt, fact, at(second)).await.unwrap();
}

on_both_databases! {
    async fn counts_are_exact_whatever_happens(database: Database) {
        let seed = seed();
        let store = database.open().await;
        let contacts = people(&store, 60).await;
        let run = new_run(&store).await;
        let mut messages = Vec::new();
        for (round, part) in contacts.chunks(15).enumerate() {
            let mut part: Vec<_> = part.iter().copied().map(planned).collect();
            part[0].suppressed = Some(SuppressedReason::NoAddress);
            store.plan(run.id, &terms(), part, &format!("{round}"), round == 3, at(0)).await.unwrap();
            messages.extend(store.feed(run.id, 100).await.unwrap().into_iter().map(|(id, _)| id));
            let many = (0..8_u64).map(|many| {
                let (store, messages) = (&store, &messages);
                let mut random = StdRng::seed_from_u64(seed.wrapping_mul(31).wrapping_add(many + 100 * round as u64));
                async move {
                    for second in 0..40 {
                        happen(store, &mut random, messages, second).await;
                    }
                }
            });
            futures_util::future::join_all(many).await;
            database.assert_counts_are_exact(&store, run.id).await;
        }
        store.command(run.id, RunCommand::Cancel, at(50)).await.unwrap();
        database.assert_counts_are_exact(&store, run.id).await;
        assert_history_is_whole(&database).await;
    }
}

/// Every event that a message counts is there, numbered without gaps.
async fn assert_history_is_whole(database: &Database) {
    let gaps = database
        .ask(
            "SELECT CAST(m.id AS TEXT) FROM messages m WHERE m.n_events <> (SELECT COUNT(*) FROM history h WHERE h.message_id = m.id) \
             OR m.n_events <> (SELECT COALESCE(MAX(seq), 0) FROM history h WHERE h.message_id = m.id)",
        )
        .await;
    assert_eq!(gaps, Vec::<String>::new());
}
