//! Files that people send: wanted with the feedback, kept once, lost with a reason, and removed when nobody is to have them any more.

use std::collections::HashSet;

use barid::domain::ids::FeedbackId;
use barid::domain::media::{Digest, MediaFile, MediaState};
use barid::domain::news::{MediaNews, RevokeNews, Source};
use barid::ports::{Heard, Journal as _, MediaBecame, MediaRecord as _, MediaRecorded, RowNews};
use barid::store::SqlStore;
use jiff::Timestamp;

use super::{at, heard, inbound, on_both_databases};
use crate::fakes::media_rules;

/// Somebody sends a file; the callback says what it is.
fn sends(n: usize, whatsapp_id: &str, mime_type: &str) -> Heard {
    let mut heard = inbound(n, whatsapp_id, "see the picture");
    heard.news.kind = "image";
    heard.news.extras.media = Some(MediaNews {
        id: Some(format!("1122{n}")),
        mime_type: Some(mime_type.to_owned()),
        sha256: Some(Digest::new([7; 32]).to_string()),
        filename: Some("فاتورة \0.jpg".to_owned()),
        ..MediaNews::default()
    });
    heard.media = media_rules().wish(&heard.news);
    heard
}

async fn file(store: &SqlStore, id: FeedbackId) -> Option<MediaFile> {
    store.one_feedback(id).await.unwrap().expect("it is there").media
}

async fn due(store: &SqlStore, now: Timestamp) -> Vec<FeedbackId> {
    store.due_media(now, 100).await.unwrap().into_iter().map(|(id, _)| id).collect()
}

fn kept() -> MediaBecame {
    let file_type = "image/png".parse().unwrap();
    MediaBecame::Kept { file_type, bytes: 5_000_000_000, hash: Digest::new([9; 32]) }
}

fn again(second: i64, takes_try: bool) -> MediaBecame {
    MediaBecame::Again { at: at(second), takes_try, because: "there was no answer".to_owned() }
}

fn lost() -> MediaBecame {
    MediaBecame::Lost { because: "Meta does not have it".to_owned() }
}

async fn take_back(store: &SqlStore, whatsapp_id: &str) {
    let revoked = RevokeNews { sender: None, original: whatsapp_id.parse().unwrap(), provider_at: at(30) };
    let row = store.append(Source::Meta, "{}".into(), at(30)).await.unwrap();
    let applied = store.apply(row, RowNews { revoked: vec![revoked], ..RowNews::default() }, at(31)).await.unwrap();
    assert_eq!(applied.corrected, 1);
}

on_both_databases! {
    async fn a_file_is_wanted_with_its_feedback_and_kept_once(database: Database) {
        let store = database.open().await;
        // Twice in one callback, and in another one.
        heard(&store, vec![sends(0, "wamid.a", "image/jpeg"), sends(0, "wamid.a", "image/jpeg")]).await;
        heard(&store, vec![sends(0, "wamid.a", "image/jpeg"), inbound(1, "wamid.text", "no file")]).await;
        let [id] = due(&store, at(21)).await[..] else { panic!("one file is wanted") };
        assert_eq!(due(&store, at(20)).await, [], "not before it came");
        assert_eq!(store.media_waiting().await.unwrap(), 1);
        let wanted = store.media_to_fetch(id).await.unwrap().unwrap();
        assert_eq!((wanted.media_id.as_str(), wanted.kind.as_str(), wanted.tries), ("11220", "image", 0));
        assert_eq!((wanted.hash, wanted.sender), (Some(Digest::new([7; 32])), Some("default".parse().unwrap())));
        let before = file(&store, id).await.unwrap();
        assert_eq!((before.state, before.name.as_deref()), (MediaState::Wanted, Some("فاتورة .jpg")));
        assert_eq!((before.file_type.as_deref(), before.bytes), (Some("image/jpeg"), None));

        assert_eq!(store.record_media(id, 0, again(50, true)).await.unwrap(), MediaRecorded::Written);
        assert_eq!(store.record_media(id, 0, again(60, true)).await.unwrap(), MediaRecorded::NotWanted, "another try was made meanwhile");
        assert_eq!(store.record_media(id, 0, lost()).await.unwrap(), MediaRecorded::NotWanted);
        assert_eq!((due(&store, at(49)).await, due(&store, at(50)).await), (vec![], vec![id]));
        assert_eq!(store.record_media(id, 1, again(70, false)).await.unwrap(), MediaRecorded::Written);
        let wanted = store.media_to_fetch(id).await.unwrap().unwrap();
        assert_eq!((wanted.tries, wanted.due_at), (1, at(70)));
        assert_eq!(file(&store, id).await.unwrap().detail.as_deref(), Some("there was no answer"));

        // Whoever has the file has it, whatever others tried.
        assert_eq!(store.record_media(id, 0, kept()).await.unwrap(), MediaRecorded::Written);
        assert_eq!(store.record_media(id, 1, kept()).await.unwrap(), MediaRecorded::KeptAlready);
        assert_eq!(store.record_media(id, 1, lost()).await.unwrap(), MediaRecorded::KeptAlready);
        let after = file(&store, id).await.unwrap();
        assert_eq!((after.state, after.bytes, after.detail), (MediaState::Kept, Some(5_000_000_000), None));
        assert_eq!((after.file_type.as_deref(), after.hash), (Some("image/png"), Some(Digest::new([9; 32]).to_string())));
        assert_eq!(store.media_to_fetch(id).await.unwrap(), None);
        assert_eq!((due(&store, at(9_999)).await, store.media_waiting().await.unwrap()), (vec![], 0));
        assert_eq!(store.with_media(&[id, FeedbackId::new(999)]).await.unwrap(), HashSet::from([id]));
        store.close().await;
    }

    async fn what_is_lost_or_not_wanted_says_why_and_the_feedback_stays(database: Database) {
        let store = database.open().await;
        heard(&store, vec![sends(0, "wamid.a", "image/jpeg"), sends(1, "wamid.b", "video/mp4")]).await;
        let [id] = due(&store, at(21)).await[..] else { panic!("one file is wanted") };
        assert_eq!(store.record_media(id, 0, lost()).await.unwrap(), MediaRecorded::Written);
        assert_eq!(store.record_media(id, 1, kept()).await.unwrap(), MediaRecorded::NotWanted);
        let listed = store.feedback(None, 10).await.unwrap().items;
        assert!(listed.iter().all(|feedback| feedback.text.as_deref() == Some("see the picture")));
        let states: Vec<_> = listed.iter().map(|feedback| feedback.media.clone().unwrap()).collect();
        assert_eq!((states[1].state, states[1].detail.as_deref()), (MediaState::Lost, Some("Meta does not have it")));
        assert_eq!(states[0].state, MediaState::Unwanted);
        assert!(states[0].detail.as_deref().unwrap().contains("video/mp4"), "{:?}", states[0].detail);
        assert_eq!(due(&store, at(9_999)).await, []);
        assert!(store.with_media(&[id, listed[0].id]).await.unwrap().is_empty());
        store.close().await;
    }

    async fn what_is_taken_back_is_removed_even_while_it_is_fetched(database: Database) {
        let store = database.open().await;
        heard(&store, vec![sends(0, "wamid.a", "image/jpeg"), sends(0, "wamid.b", "image/jpeg")]).await;
        let [first, second] = due(&store, at(21)).await[..] else { panic!("two files are wanted") };
        assert_eq!(store.record_media(first, 0, kept()).await.unwrap(), MediaRecorded::Written);
        take_back(&store, "wamid.a").await;
        take_back(&store, "wamid.b").await;
        assert_eq!(store.record_media(second, 0, kept()).await.unwrap(), MediaRecorded::NotWanted);
        assert_eq!((file(&store, first).await, file(&store, second).await), (None, None));
        assert_eq!(due(&store, at(9_999)).await, []);
        assert!(store.with_media(&[first, second]).await.unwrap().is_empty());
        assert_eq!(store.media_to_remove(1).await.unwrap(), [first]);
        assert_eq!(store.media_to_remove(10).await.unwrap(), [first, second]);
        store.removed_media(vec![first]).await.unwrap();
        assert_eq!(store.media_to_remove(10).await.unwrap(), [second]);
        store.removed_media(vec![first, second]).await.unwrap();
        assert_eq!(store.media_to_remove(10).await.unwrap(), []);
        store.close().await;
    }

    async fn what_was_taken_back_before_it_was_applied_comes_without_words_and_file(database: Database) {
        let store = database.open().await;
        let revoked = || RevokeNews { sender: None, original: "wamid.late".parse().unwrap(), provider_at: at(10) };
        for second in [30, 31] {
            let row = store.append(Source::Meta, "{}".into(), at(second)).await.unwrap();
            let news = RowNews { revoked: vec![revoked()], ..RowNews::default() };
            assert_eq!(store.apply(row, news, at(second)).await.unwrap().corrected, 0, "there is nothing yet");
        }
        let late = sends(0, "wamid.late", "image/jpeg");
        heard(&store, vec![late.clone(), sends(0, "wamid.other", "image/jpeg"), late.clone()]).await;
        heard(&store, vec![late]).await;
        let listed = store.feedback(None, 10).await.unwrap().items;
        let told: Vec<_> = listed.iter().map(|one| (one.kind.as_str(), one.text.is_some(), one.media.is_some())).collect();
        assert_eq!(told, [("image", true, true), ("revoked", false, false)]);
        assert_eq!(due(&store, at(9_999)).await, [listed[0].id]);
        assert_eq!(database.ask("SELECT whatsapp_id FROM taken_back").await, Vec::<String>::new());
        // What never comes is forgotten.
        for (id, second) in [("wamid.never", 40), ("wamid.neither", 40 + 9 * 86_400)] {
            let revoked = RevokeNews { sender: None, original: id.parse().unwrap(), provider_at: at(10) };
            let row = store.append(Source::Meta, "{}".into(), at(second)).await.unwrap();
            store.apply(row, RowNews { revoked: vec![revoked], ..RowNews::default() }, at(second)).await.unwrap();
        }
        assert_eq!(database.ask("SELECT whatsapp_id FROM taken_back").await, ["wamid.neither"]);
        store.close().await;
    }

    async fn all_files_of_a_person_are_forgotten_and_nobody_elses(database: Database) {
        let store = database.open().await;
        heard(&store, vec![sends(0, "wamid.a", "image/jpeg"), sends(0, "wamid.b", "image/jpeg")]).await;
        heard(&store, vec![sends(0, "wamid.c", "video/mp4"), sends(1, "wamid.d", "image/jpeg")]).await;
        let all = store.feedback(None, 10).await.unwrap().items;
        let of = |id: &str| all.iter().find(|feedback| feedback.whatsapp_id.as_str() == id).unwrap();
        let (kept_one, wanted_one, others) = (of("wamid.a"), of("wamid.b"), of("wamid.d"));
        store.record_media(kept_one.id, 0, kept()).await.unwrap();
        assert_eq!(store.forget_media(kept_one.contact, at(40)).await.unwrap(), 2);
        assert_eq!(store.forget_media(kept_one.contact, at(41)).await.unwrap(), 0, "once");
        assert_eq!(store.media_to_remove(10).await.unwrap(), [kept_one.id, wanted_one.id]);
        for id in ["wamid.a", "wamid.b", "wamid.c"] {
            let feedback = store.one_feedback(of(id).id).await.unwrap().unwrap();
            assert_eq!((feedback.media, feedback.media_id), (None, None), "{id}");
        }
        assert_eq!(due(&store, at(9_999)).await, [others.id]);
        assert_eq!(file(&store, others.id).await.unwrap().state, MediaState::Wanted);
        store.close().await;
    }
}
