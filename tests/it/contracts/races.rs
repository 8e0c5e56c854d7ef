//! Things that happen in the same moment.

use std::sync::atomic::{AtomicBool, Ordering};

use barid::domain::delivery::{Delivery, State, SuppressedReason};
use barid::domain::start::StartAnswer;
use barid::ports::{Contacts as _, Messages as _, Runs as _};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{
    at, callback, delivery, heard, new_run, on_both_databases, people, planned, run_to, seed, status, stop, terms,
};

on_both_databases! {
    async fn nothing_starts_after_a_stop_word_was_applied(database: Database) {
        let stores = [database.open().await, database.open().await];
        let mut random = StdRng::seed_from_u64(seed());
        let contacts = people(&stores[0], 120).await;
        let (run, messages) = run_to(&stores[0], &contacts).await;
        let mut started = 0;
        for (n, message) in messages.iter().enumerate() {
            let (starter, hearer) = (&stores[n % 2], &stores[(n / 2) % 2]);
            let applied = AtomicBool::new(false);
            let (starts_late, stops_late) = (random.random_range(0..4_u32), random.random_range(0..4_u32));
            let starting = async {
                for _ in 0..starts_late {
                    tokio::task::yield_now().await;
                }
                let was_applied = applied.load(Ordering::SeqCst);
                let answer = starter.start(*message, 0, at(60), at(30)).await.unwrap();
                (was_applied, answer)
            };
            let stopping = async {
                for _ in 0..stops_late {
                    tokio::task::yield_now().await;
                }
                let done = heard(hearer, vec![stop(n, &format!("wamid.stop{n}"))]).await;
                applied.store(true, Ordering::SeqCst);
                done
            };
            let ((was_applied, answer), done) = tokio::join!(starting, stopping);
            match answer {
                StartAnswer::Go => {
                    started += 1;
                    assert!(!was_applied, "started after the stop word was applied");
                    assert_eq!(done.suppressed, 0);
                    assert!(matches!(delivery(starter, *message).await, Delivery::Calling { .. }));
                }
                StartAnswer::Suppress(SuppressedReason::OptedOut) | StartAnswer::NotNow { .. } => {
                    assert_eq!(delivery(starter, *message).await, Delivery::Suppressed(SuppressedReason::OptedOut));
                }
                other => panic!("{other:?}"),
            }
        }
        println!("{started} of {} were faster than the stop word", messages.len());
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
                let answer = stores[0].start(id, attempts, at(60), at(30)).await.unwrap();
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
                        0 => drop(store.start(id, 0, at(60), at(1)).await.unwrap()),
                        1 => drop(store.learn(id, 1, Fact::Sent, at(2)).await.unwrap()),
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
        let starts = futures_util::future::join_all(messages.iter().map(|id| stores[0].start(*id, 0, at(60), at(1))));
        let (answers, cancelled) = tokio::join!(starts, stores[1].command(run.id, RunCommand::Cancel, at(2)));
        cancelled.unwrap();
        for (id, answer) in messages.iter().zip(answers) {
            let expected = if answer.unwrap() == StartAnswer::Go { State::Calling } else { State::Suppressed };
            assert_eq!(delivery(&stores[0], *id).await.state(), expected);
        }
        database.assert_counts_are_exact(&stores[0], run.id).await;
    }
}
