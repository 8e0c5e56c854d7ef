//! Firings of campaigns.

use barid::domain::delivery::{State, SuppressedReason};
use barid::domain::ids::MessageId;
use barid::domain::run::{RunCommand, RunState};
use barid::domain::start::StartAnswer;
use barid::ports::{Messages as _, OpenedRun, PlannedMessage, Runs as _, StoreError};

use super::{at, begin, new_run, on_both_databases, people, planned, run_to, start, state, terms};

on_both_databases! {
    async fn a_run_is_opened_once_however_many_ask(database: Database) {
        let (one, other) = (database.open().await, database.open().await);
        let campaign = "welcome".parse().unwrap();
        let mut new = 0;
        let mut ids = Vec::new();
        let asked = (0..20).map(|n| if n % 2 == 0 { &one } else { &other }.open(&campaign, at(0), "{}", at(n)));
        for opened in futures_util::future::join_all(asked).await {
            let run = match opened.unwrap() {
                OpenedRun::New(run) => {
                    new += 1;
                    run
                }
                OpenedRun::Existing(run) => run,
            };
            ids.push(run.id);
        }
        assert_eq!(new, 1);
        assert!(ids.iter().all(|id| *id == ids[0]));
        let OpenedRun::New(later) = one.open(&campaign, at(86_400), "{}", at(86_400)).await.unwrap() else { panic!("another firing") };
        assert_eq!(one.newest(&campaign).await.unwrap(), Some(later));
        assert_eq!(one.newest(&"other".parse().unwrap()).await.unwrap(), None);
    }

    async fn planning_may_be_repeated_and_moves_the_cursor_with_its_page(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1_200).await;
        let run = new_run(&store).await;
        let page = |range: std::ops::Range<usize>| contacts[range].iter().copied().map(planned).collect::<Vec<_>>();
        assert_eq!(store.plan(run.id, &terms(), page(0..700), "700", false, at(1)).await.unwrap(), 700);
        let after = store.run(run.id).await.unwrap().unwrap();
        assert_eq!((after.planning_cursor.as_deref(), after.planned_whole, after.state), (Some("700"), false, RunState::Planning));
        assert_eq!(store.plan(run.id, &terms(), page(500..1_200), "1200", true, at(2)).await.unwrap(), 500);
        let after = store.run(run.id).await.unwrap().unwrap();
        assert_eq!((after.planning_cursor.as_deref(), after.planned_whole, after.state), (Some("1200"), true, RunState::Running));
        assert_eq!(store.plan(run.id, &terms(), page(0..10), "1200", true, at(3)).await.unwrap(), 0);
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn who_is_suppressed_at_planning_is_counted_with_the_reason_and_has_a_history(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 3).await;
        let run = new_run(&store).await;
        let mut people: Vec<PlannedMessage> = contacts.iter().copied().map(planned).collect();
        people[1].suppressed = Some(SuppressedReason::NoConsent);
        assert_eq!(store.plan(run.id, &terms(), people, "end", true, at(1)).await.unwrap(), 3);
        let counts = store.counts(run.id).await.unwrap();
        assert_eq!(counts.iter().map(|count| (count.state, count.reason.as_str(), count.n)).collect::<Vec<_>>(), [
            (State::Planned, "", 2),
            (State::Suppressed, "no-consent", 1),
        ]);
        let fed = store.feed(run.id, 10).await.unwrap();
        assert_eq!(fed.len(), 2);
        let listed = store.list(&Default::default(), None, 10).await.unwrap().items;
        let suppressed = listed.iter().find(|listed| listed.message.standing.delivery.state() == State::Suppressed).unwrap();
        let events: Vec<_> = store.history(suppressed.message.id).await.unwrap().into_iter().map(|entry| entry.event).collect();
        assert_eq!(events, ["planned", "suppressed"]);
        assert_eq!(store.history(fed[0].0).await.unwrap().len(), 1);
    }

    async fn feeding_moves_on_and_the_sweep_sees_what_was_fed_and_waits(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 10).await;
        let run = new_run(&store).await;
        store.plan(run.id, &terms(), contacts.iter().copied().map(planned).collect(), "end", true, at(0)).await.unwrap();
        assert_eq!(store.fed_and_waiting(run.id, None, 10).await.unwrap(), []);
        let first = store.feed(run.id, 4).await.unwrap();
        let second = store.feed(run.id, 4).await.unwrap();
        assert!(first.iter().all(|(id, attempts)| *attempts == 0 && second.iter().all(|(later, _)| id < later)));
        start(&store, first[1].0).await;
        let waiting: Vec<MessageId> = store.fed_and_waiting(run.id, None, 10).await.unwrap().into_iter().map(|(id, _)| id).collect();
        let expected: Vec<MessageId> = first.iter().chain(&second).map(|(id, _)| *id).filter(|id| *id != first[1].0).collect();
        assert_eq!(waiting, expected);
        assert_eq!(store.fed_and_waiting(run.id, Some(expected[5]), 10).await.unwrap().len(), 1);
        assert_eq!(store.feed(run.id, 100).await.unwrap().len(), 2);
        assert_eq!(store.feed(run.id, 100).await.unwrap(), []);
    }

    async fn pausing_stops_feeding_and_starting_and_resuming_forgets_nobody(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 6).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        assert_eq!(store.command(run.id, RunCommand::Pause, at(1)).await.unwrap().state, RunState::Paused);
        assert_eq!(store.feed(run.id, 10).await.unwrap(), []);
        assert!(matches!(store.start(begin(messages[1], 0, at(60), at(2))).await.unwrap(), StartAnswer::NotNow { .. }));
        assert_eq!(store.command(run.id, RunCommand::Resume, at(3)).await.unwrap().state, RunState::Running);
        let fed: Vec<MessageId> = store.feed(run.id, 10).await.unwrap().into_iter().map(|(id, _)| id).collect();
        assert_eq!(fed, messages[1..]);
    }

    async fn cancelling_suppresses_what_was_not_called_and_ends_the_run(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1_203).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[7]).await;
        let cancelled = store.command(run.id, RunCommand::Cancel, at(9)).await.unwrap();
        assert_eq!((cancelled.state, cancelled.ended_at), (RunState::Cancelled, Some(at(9))));
        let counts = store.counts(run.id).await.unwrap();
        assert_eq!(counts.iter().map(|count| (count.state, count.reason.as_str(), count.n)).collect::<Vec<_>>(), [
            (State::Calling, "", 1),
            (State::Suppressed, "cancelled", 1_202),
        ]);
        database.assert_counts_are_exact(&store, run.id).await;
        assert_eq!(store.plan(run.id, &terms(), vec![planned(contacts[0])], "x", true, at(10)).await.unwrap(), 0);
        assert_eq!(store.active().await.unwrap(), []);
        assert!(matches!(store.command(run.id, RunCommand::Resume, at(11)).await, Err(StoreError::Command(_))));
        assert_eq!(store.command(run.id, RunCommand::Cancel, at(12)).await.unwrap().ended_at, Some(at(9)));
    }

    async fn a_cancellation_that_a_crash_interrupted_is_brought_to_its_end(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 5).await;
        let (run, messages) = run_to(&store, &contacts).await;
        store.close().await;
        database.change(&format!("UPDATE runs SET state = 'cancelled' WHERE id = {}", run.id.number())).await;
        let store = database.open().await;
        assert_eq!(store.active().await.unwrap().len(), 1, "it has not ended");
        assert!(store.finish_if_done(run.id, at(9)).await.unwrap());
        assert_eq!(state(&store, messages[4]).await, State::Suppressed);
        assert_eq!(store.run(run.id).await.unwrap().unwrap().ended_at, Some(at(9)));
        assert!(!store.finish_if_done(run.id, at(10)).await.unwrap());
    }

    async fn a_run_ends_when_it_is_planned_whole_and_nothing_is_open_and_not_before(database: Database) {
        use barid::domain::delivery::Fact;
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let run = new_run(&store).await;
        store.plan(run.id, &terms(), vec![planned(contacts[0])], "1", false, at(0)).await.unwrap();
        let first = store.feed(run.id, 10).await.unwrap()[0].0;
        start(&store, first).await;
        store.learn(first, 1, Fact::Sent, at(2)).await.unwrap();
        assert!(!store.finish_if_done(run.id, at(3)).await.unwrap(), "the audience is not planned whole");
        store.plan(run.id, &terms(), vec![planned(contacts[1])], "2", true, at(4)).await.unwrap();
        let second = store.feed(run.id, 10).await.unwrap()[0].0;
        start(&store, second).await;
        store.learn(second, 1, Fact::Unanswered { decide_at: at(900), because: String::new() }, at(5)).await.unwrap();
        assert!(!store.finish_if_done(run.id, at(6)).await.unwrap(), "one is unknown");
        store.learn(second, 1, Fact::AssumeSent, at(900)).await.unwrap();
        assert!(store.finish_if_done(run.id, at(901)).await.unwrap());
        assert!(!store.finish_if_done(run.id, at(902)).await.unwrap(), "it has ended already");
        let ended = store.run(run.id).await.unwrap().unwrap();
        assert_eq!((ended.state, ended.ended_at), (RunState::Finished, Some(at(901))));
    }

    async fn an_empty_audience_ends_at_once(database: Database) {
        let store = database.open().await;
        let run = new_run(&store).await;
        assert_eq!(store.plan(run.id, &terms(), Vec::new(), "end", true, at(0)).await.unwrap(), 0);
        assert!(store.finish_if_done(run.id, at(1)).await.unwrap());
    }
}
