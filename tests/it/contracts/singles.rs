//! Messages without a run: created once under a name, free words that wait for a service window, links that are counted.

use std::collections::HashSet;

use barid::domain::delivery::{HeldReason, State};
use barid::domain::ids::{MessageId, SenderName};
use barid::domain::service_window::ServiceWindow;
use barid::domain::start::StartAnswer;
use barid::ports::{Clicks, Created, Heard, Messages as _, Once, SingleMessage, TrackedLink};

use super::{at, begin, heard, inbound, on_both_databases, people, single, state, stop, words};

on_both_databases! {
    async fn what_is_asked_for_once_is_there_once(database: Database) {
        let store = database.open().await;
        let contact = people(&store, 1).await[0];
        let asked = |name: &str, request: &str, from: i64| SingleMessage {
            once: Some(Once { name: name.to_owned(), request: request.to_owned(), until: at(from + 100) }),
            link: Some(TrackedLink { token: format!("{name}-{request}-{from}"), url: "https://e.com/s".to_owned() }),
            ..single(contact, request)
        };
        let made = futures_util::future::join_all((0..20).map(|n| {
            let n = n % 4;
            store.create(asked(&format!("k{n}"), "the same", 0), at(1))
        }))
        .await;
        let made: Vec<Created> = made.into_iter().map(Result::unwrap).collect();
        assert_eq!(made.iter().filter(|created| matches!(created, Created::New(_))).count(), 4, "{made:?}");
        for n in 0..4 {
            let ids: HashSet<MessageId> = made[n..].iter().step_by(4).map(|created| created.id()).collect();
            assert_eq!(ids.len(), 1, "one name is one message");
        }
        assert!(!made.iter().any(|created| matches!(created, Created::Known { is_same: false, .. })));
        assert_eq!(store.single_waiting(at(10), 100).await.unwrap().len(), 4);
        let other = store.create(asked("k0", "another", 0), at(2)).await.unwrap();
        assert_eq!(other, Created::Known { id: made[0].id(), is_same: false });
        let later = store.create(asked("k0", "another", 100), at(100)).await.unwrap();
        assert!(matches!(later, Created::New(_)), "the name is free again");
        let opened = store.open_link("k0-another-100", true, at(101)).await.unwrap();
        assert_eq!(opened, Some(("https://e.com/s".to_owned(), later.id())));
        assert_eq!(store.open_link("k0-another-100", false, at(102)).await.unwrap(), opened);
        let clicks = store.clicks(later.id()).await.unwrap().unwrap();
        assert_eq!(clicks, Clicks { n: 1, first_at: Some(at(101)), last_at: Some(at(101)) });
        assert_eq!(store.open_link("nothing", true, at(103)).await.unwrap(), None);
    }

    async fn free_words_wait_for_what_the_person_writes(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let sender: SenderName = "default".parse().unwrap();
        let waiting = store.create(words(contacts[0], "hello"), at(0)).await.unwrap().id();
        let others = store.create(words(contacts[1], "hello"), at(0)).await.unwrap().id();
        for id in [waiting, others] {
            let answer = store.start(begin(id, 0, at(60), at(1))).await.unwrap();
            assert!(matches!(answer, StartAnswer::Hold { reason: HeldReason::Window, .. }), "{answer:?}");
        }
        // The first writes, to another number and then to that one; the second does not.
        let window = |sender: &str, until: i64, id: &str| Heard {
            sender: Some(sender.parse().unwrap()),
            window_until: Some(at(until)),
            ..inbound(0, id, "yes?")
        };
        let applied = heard(&store, vec![window("second", 90_000, "in-1")]).await;
        assert!(applied.held.is_empty(), "its window is with another number");
        let applied = heard(&store, vec![window("default", 80_000, "in-2"), window("default", 70_000, "in-3")]).await;
        assert_eq!(applied.held.iter().map(|held| held.id).collect::<Vec<_>>(), [waiting]);
        assert_eq!(store.window(contacts[0], &sender).await.unwrap().open_until, Some(at(80_000)), "the longest counts");
        assert_eq!(store.window(contacts[1], &sender).await.unwrap(), ServiceWindow::CLOSED);
        assert_eq!(store.start(begin(waiting, 0, at(90), at(30))).await.unwrap(), StartAnswer::Go);
        assert_eq!(state(&store, others).await, State::Held);
        // A stop opens nothing.
        let stop = Heard { window_until: Some(at(80_000)), ..stop(1, "in-4") };
        let applied = heard(&store, vec![stop]).await;
        assert_eq!((applied.suppressed, applied.held.len()), (1, 0));
    }
}
