//! What is kept for some time only: what is old goes, in steps, and whatever is still needed stays.

use barid::domain::ids::MessageId;
use barid::domain::media::{Digest, MediaState};
use barid::domain::news::{MediaNews, ProviderStatus, Source};
use barid::domain::retention::Retained;
use barid::ports::{
    Heard, Journal as _, MediaBecame, MediaRecord as _, Messages as _, RowNews, Runs as _, Tidied, Tidying as _,
};
use barid::store::SqlStore;
use jiff::Timestamp;

use super::{at, callback, heard, inbound, on_both_databases, people, run_to_until, start, status};
use crate::fakes::media_rules;

/// Long after everything that these tests do.
fn later() -> Timestamp {
    at(1_000_000)
}

/// All steps of a pass; answers how many rows went.
async fn pass(store: &SqlStore, what: Retained, before: Timestamp) -> u64 {
    let (mut removed, mut after) = (0, None);
    loop {
        let Tidied { removed: n, next } = store.tidy(what, before, after, later()).await.unwrap();
        removed += n;
        assert!(next.is_none() || next > after, "a pass moves on");
        after = next;
        if after.is_none() {
            return removed;
        }
    }
}

async fn keep(store: &SqlStore, n: i64, applied: bool) {
    let row = store.append(Source::Meta, "{}".into(), at(n)).await.unwrap();
    if applied {
        store.apply(row, RowNews::default(), at(n)).await.unwrap();
    }
}

/// Three people get a message: the first reads it, the second's is never called, and nothing is heard of the third's.
async fn three(store: &SqlStore) -> Vec<MessageId> {
    let contacts = people(store, 3).await;
    let (_, messages) = run_to_until(store, &contacts, at(500)).await;
    start(store, messages[0]).await;
    callback(store, vec![status(store, messages[0], ProviderStatus::Read)]).await;
    start(store, messages[2]).await;
    messages
}

/// A picture with words.
fn picture(n: usize, second: i64) -> Heard {
    let mut heard = inbound(n, &format!("wamid.picture.{n}"), "see the picture");
    heard.news.kind = "image";
    heard.news.provider_at = at(second);
    heard.news.extras.media = Some(MediaNews {
        id: Some(format!("1122{n}")),
        mime_type: Some("image/png".to_owned()),
        ..MediaNews::default()
    });
    heard.media = media_rules().wish(&heard.news);
    heard
}

on_both_databases! {
    async fn callbacks_go_when_they_are_old_and_applied(database: Database) {
        let store = database.open().await;
        for n in 0..450 {
            keep(&store, n, n != 17).await;
        }
        keep(&store, 5_000, true).await;
        let first = store.tidy(Retained::Journal, at(450), None, later()).await.unwrap();
        assert_eq!(first.removed, 199, "a step is small, and what waits stays");
        assert!(first.next.is_some());
        assert_eq!(pass(&store, Retained::Journal, at(450)).await, 250);
        let left = database.ask("SELECT CAST(received_at AS TEXT) FROM journal ORDER BY id").await;
        assert_eq!(left, [at(17), at(5_000)].map(|at| at.as_millisecond().to_string()));
        assert_eq!(pass(&store, Retained::Journal, at(450)).await, 0);
    }

    async fn messages_go_when_their_story_is_over(database: Database) {
        let store = database.open().await;
        let messages = three(&store).await;
        let run = store.load(messages[0]).await.unwrap().unwrap().run.expect("it is one of a run");
        let counts = store.counts(run).await.unwrap();
        assert_eq!(pass(&store, Retained::Messages, at(0)).await, 0, "nothing is that old");
        let charges = "SELECT CAST(COUNT(*) AS TEXT) FROM charges";
        assert_eq!(database.ask(charges).await, ["1"]);
        assert_eq!(pass(&store, Retained::Messages, at(900)).await, 1);
        assert_eq!(database.ask(charges).await, ["0"]);
        assert!(store.load(messages[0]).await.unwrap().is_none());
        assert!(store.load(messages[1]).await.unwrap().is_some(), "it was never called");
        assert!(store.load(messages[2]).await.unwrap().is_some(), "its call is under way");
        assert!(store.history(messages[0]).await.unwrap().is_empty());
        assert!(!store.history(messages[2]).await.unwrap().is_empty());
        assert_eq!(store.counts(run).await.unwrap(), counts, "a run is counted as it was");
        // A status that comes all the same is about nothing.
        let late = callback(&store, vec![status(&store, messages[0], ProviderStatus::Read)]).await;
        assert_eq!((late.changed, late.unchanged), (0, 1));
    }

    async fn the_steps_of_a_message_go_before_it_and_are_not_looked_for_again(database: Database) {
        let store = database.open().await;
        let messages = three(&store).await;
        assert!(pass(&store, Retained::History, at(900)).await > 0);
        let events = async |id| -> Vec<String> {
            store.history(id).await.unwrap().into_iter().map(|entry| entry.event).collect()
        };
        assert_eq!(events(messages[0]).await, ["planned"]);
        assert!(store.load(messages[0]).await.unwrap().is_some());
        let mark = "SELECT value FROM meta WHERE key = 'tidied-history'";
        assert_eq!(database.ask(mark).await, [messages[2].number().to_string()]);
        // What happens to it from now on is written after what was removed.
        callback(&store, vec![status(&store, messages[2], ProviderStatus::Read)]).await;
        assert_eq!(events(messages[2]).await, ["planned", "read"]);
        assert_eq!(store.tidy(Retained::History, at(900), None, later()).await.unwrap(), Tidied { removed: 0, next: None });
    }

    async fn files_go_before_the_feedback_that_they_came_with(database: Database) {
        let store = database.open().await;
        people(&store, 2).await;
        heard(&store, vec![picture(0, 10), picture(1, 20)]).await;
        let mut said: Vec<_> = store.due_media(later(), 10).await.unwrap().into_iter().map(|(id, _)| id).collect();
        said.sort();
        let (first, second) = (said[0], said[1]);
        let kept = MediaBecame::Kept { file_type: "image/png".parse().unwrap(), bytes: 7, hash: Digest::new([9; 32]) };
        store.record_media(first, 0, kept).await.unwrap();
        assert_eq!(pass(&store, Retained::Media, at(900)).await, 1);
        let file = store.one_feedback(first).await.unwrap().unwrap().media.expect("it came with a file");
        assert_eq!((file.state, file.detail.is_some()), (MediaState::Lost, true));
        assert_eq!(store.media_to_remove(10).await.unwrap(), [first]);
        let wanted = store.one_feedback(second).await.unwrap().unwrap().media.expect("it came with a file");
        assert_eq!(wanted.state, MediaState::Wanted, "what is still fetched is not kept for too long");

        assert_eq!(pass(&store, Retained::Feedback, at(0)).await, 0);
        assert_eq!(pass(&store, Retained::Feedback, at(900)).await, 2);
        assert!(store.one_feedback(first).await.unwrap().is_none());
        assert_eq!(store.media_to_remove(10).await.unwrap(), [first, second], "its download may end in this moment");
    }
}
