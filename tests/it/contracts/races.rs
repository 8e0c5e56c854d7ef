//! Things that happen in the same moment.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use barid::domain::delivery::{Delivery, State, SuppressedReason};
use barid::domain::ids::MessageId;
use barid::domain::start::StartAnswer;
use barid::ports::{Contacts as _, Journal as _, Messages as _, RowNews, Runs as _};
use barid::store::SqlStore;
use futures_util::StreamExt as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

use super::{
    Database, at, begin, callback, delivery, heard, new_run, on_both_databases, people, planned, run_to, seed, status,
    stop, terms,
};

on_both_databases! {
    async fn nothing_starts_after_a_stop_word_was_applied(database: Database) {
        let stores = [database.open().await, database.open().await];
        let mut random = StdRng::seed_from_u64(seed());
        let contacts = people(&stores[0], 150).await;
        let (run, messages) = run_to(&stores[0], &contacts).await;
        // A start and a stop word for each person, in a random order, a few at a time, through two stores.
        let mut turns: Vec<(usize, bool, usize)> =
            (0..messages.len()).flat_map(|n| [(n, true), (n, false)]).map(|(n, starts)| (n, starts, random.random_range(0..2))).collect();
        turns.shuffle(&mut random);
        let applied: Vec<AtomicBool> = messages.iter().map(|_| AtomicBool::new(false)).collect();
        let started = AtomicUsize::new(0);
        let turns = turns.into_iter().map(|(n, starts, store)| {
            let (store, id, applied, started) = (&stores[store], messages[n], &applied[n], &started);
            async move {
                if starts {
                    let was_applied = applied.load(Ordering::SeqCst);
                    let answer = store.start(begin(id, 0, at(60), at(30))).await.unwrap();
                    if answer == StartAnswer::Go {
                        assert!(!was_applied, "started after the stop word was applied");
                        started.fetch_add(1, Ordering::SeqCst);
                    }
                } else {
                    let heard = vec![stop(n, &format!("wamid.stop{n}"))];
                    store.append_and_apply(barid::domain::news::Source::Meta, "{}".into(), RowNews { heard, ..RowNews::default() }, at(21)).await.unwrap();
                    applied.store(true, Ordering::SeqCst);
                    // Whatever waits is gone, whatever was called is called: nothing in between.
                    match delivery(store, id).await {
                        Delivery::Calling { .. } | Delivery::Suppressed(SuppressedReason::OptedOut) => {}
                        other => panic!("{other:?} after a stop word"),
                    }
                }
            }
        });
        futures_util::stream::iter(turns).buffer_unordered(6).collect::<Vec<()>>().await;
        let started = started.into_inner();
        assert!((10..140).contains(&started), "{started} starts were faster: this shows little");
        let counts = stores[0].counts(run.id).await.unwrap();
        assert_eq!(counts.iter().find(|count| count.state == State::Calling).map(|count| count.n), Some(started as u64));
        database.assert_counts_are_exact(&stores[0], run.id).await;
    }

    async fn a_stop_word_while_its_person_is_being_planned_still_holds(database: Database) {
        let stores = [database.open().await, database.open().await];
        let contacts = people(&stores[0], 40).await;
        for (n, contact) in contacts.iter().enumerate() {
            let run = new_run(&stores[0]).await;
            let terms = terms();
            let planning = stores[0].plan(run.id, &terms, vec![planned(*contact)], "end", true, at(0));
            let (new, _) = tokio::join!(planning, heard(&stores[1], vec![stop(n, &format!("wamid.s{n}"))]));
            assert_eq!(new.unwrap(), 1);
            for (id, attempts) in stores[0].feed(run.id, 10).await.unwrap() {
                let answer = stores[0].start(begin(id, attempts, at(60), at(30))).await.unwrap();
                assert_eq!(answer, StartAnswer::Suppress(SuppressedReason::OptedOut));
            }
            database.assert_counts_are_exact(&stores[0], run.id).await;
        }
    }

    async fn writers_that_touch_the_same_rows_in_other_orders_all_come_through(database: Database) {
        use barid::domain::delivery::Fact;
        use barid::domain::news::ProviderStatus;
        let stores = [database.open().await, database.open().await];
        let contacts = people(&stores[0], 60).await;
        let (run, messages) = run_to(&stores[0], &contacts).await;
        let work = |store: usize, turn: usize| {
            let (store, messages) = (&stores[store], &messages);
            async move {
                for step in 0..messages.len() {
                    let n = if turn.is_multiple_of(2) { step } else { messages.len() - 1 - step };
                    let id = messages[n];
                    match (turn + step) % 4 {
                        0 => drop(store.start(begin(id, 0, at(60), at(1))).await),
                        1 => drop(store.learn(id, 1, Fact::Sent, at(2)).await),
                        2 => {
                            let several = messages.iter().rev().skip(n).take(9);
                            let several = several.map(|id| status(store, *id, ProviderStatus::Delivered)).collect();
                            callback(store, several).await;
                        }
                        _ => drop(heard(store, vec![stop(n, &format!("wamid.x{turn}-{n}"))]).await),
                    }
                }
            }
        };
        futures_util::future::join_all((0..8).map(|turn| work(turn % 2, turn))).await;
        database.assert_counts_are_exact(&stores[0], run.id).await;
        for contact in &contacts {
            assert!(stores[1].contact(*contact).await.unwrap().is_some());
        }
    }

    async fn cancelling_in_the_middle_of_starts_leaves_each_message_on_one_side(database: Database) {
        use barid::domain::run::RunCommand;
        let stores = [database.open().await, database.open().await];
        let contacts = people(&stores[0], 300).await;
        let (run, messages) = run_to(&stores[0], &contacts).await;
        let starts = futures_util::future::join_all(messages.iter().map(|id| stores[0].start(begin(*id, 0, at(60), at(1)))));
        let (answers, cancelled) = tokio::join!(starts, stores[1].command(run.id, RunCommand::Cancel, at(2)));
        cancelled.unwrap();
        for (id, answer) in messages.iter().zip(answers) {
            let expected = if answer.unwrap() == StartAnswer::Go { State::Calling } else { State::Suppressed };
            assert_eq!(delivery(&stores[0], *id).await.state(), expected);
        }
        database.assert_counts_are_exact(&stores[0], run.id).await;
    }
}

/// Both are in one transaction: on this runtime the writer runs only when both have asked.
#[tokio::test]
async fn on_sqlite_a_stop_is_heard_before_a_start_that_came_first_in_the_same_batch() {
    let database = Database::sqlite();
    let store = database.open().await;
    let contacts = people(&store, 1).await;
    let (_, messages) = run_to(&store, &contacts).await;
    let (answer, kept) = tokio::join!(
        store.start(begin(messages[0], 0, at(60), at(30))),
        store.append_and_apply(
            barid::domain::news::Source::Meta,
            "{}".into(),
            RowNews { heard: vec![stop(0, "wamid.s")], ..RowNews::default() },
            at(31)
        ),
    );
    assert_ne!(answer.unwrap(), StartAnswer::Go);
    assert_eq!(kept.unwrap().1.suppressed, 1);
    assert_eq!(delivery(&store, messages[0]).await, Delivery::Suppressed(SuppressedReason::OptedOut));
}

/// Starts the message while another transaction holds what `written` changed, lets that commit once the start waits for it, and answers what
/// the start found.
async fn start_while(written: &str) -> (Database, SqlStore, MessageId, StartAnswer) {
    use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
    let database = Database::postgres().await;
    let store = database.open().await;
    let contacts = people(&store, 1).await;
    let (_, messages) = run_to(&store, &contacts).await;
    let other = crate::direct::connect(&database.url).await;
    let transaction = other.begin().await.unwrap();
    transaction.execute_unprepared(written).await.unwrap();
    let commits = async {
        let waiting = "SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while database.ask(waiting).await != ["1"] {}
        transaction.commit().await.unwrap();
    };
    let commits = tokio::time::timeout(std::time::Duration::from_secs(60), commits);
    let (answer, committed) = tokio::join!(store.start(begin(messages[0], 0, at(60), at(1))), commits);
    committed.expect("the start does not wait");
    (database, store, messages[0], answer.unwrap())
}

/// Between the look at a person's consent and the commit of the mark, no stop word may be committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_start_waits_for_a_stop_word_that_is_being_written() {
    let (_database, store, message, answer) = start_while("UPDATE contacts SET stopped = 1").await;
    assert_eq!(answer, StartAnswer::Suppress(SuppressedReason::OptedOut));
    assert_eq!(delivery(&store, message).await.state(), State::Suppressed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_start_waits_for_whoever_changes_the_message_and_sees_what_came_of_it() {
    let (_database, store, message, answer) = start_while("UPDATE messages SET state = 'expired'").await;
    assert!(matches!(answer, StartAnswer::NotNow { .. }), "{answer:?}");
    assert_eq!(delivery(&store, message).await, Delivery::Expired);
}
