//! What every place where files are kept keeps to.

use std::sync::Arc;

use barid::domain::ids::FeedbackId;
use barid::domain::media::MediaKey;
use barid::media::Folder;
use barid::ports::MediaStore;
use futures_util::StreamExt as _;

fn key(n: i64) -> MediaKey {
    MediaKey { tag: "k7p2".to_owned(), feedback: FeedbackId::new(n) }
}

async fn keep(store: &dyn MediaStore, key: &MediaKey, pieces: &[&[u8]]) {
    let mut file = store.begin(key).await.unwrap();
    for piece in pieces {
        file.write(piece).await.unwrap();
    }
    file.keep().await.unwrap();
}

async fn read(store: &dyn MediaStore, key: &MediaKey) -> Option<Vec<u8>> {
    let kept = store.open(key).await.unwrap()?;
    let mut pieces = kept.pieces;
    let mut whole = Vec::new();
    while let Some(piece) = pieces.next().await {
        whole.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(whole.len() as u64, kept.bytes);
    Some(whole)
}

/// The contract.
async fn holds(store: Arc<dyn MediaStore>) {
    let store = &*store;
    assert_eq!(read(store, &key(1)).await, None);
    assert_eq!(store.in_shard("k7p2", 1).await.unwrap(), []);
    store.remove(&key(1)).await.unwrap();

    // Nobody finds it before it is whole, and what is dropped was never there.
    let large = vec![7_u8; 300_000];
    let mut file = store.begin(&key(1)).await.unwrap();
    file.write(&large).await.unwrap();
    assert_eq!(read(store, &key(1)).await, None);
    drop(file);
    assert_eq!(read(store, &key(1)).await, None);

    keep(store, &key(1), &[&large, b"", b"end"]).await;
    assert_eq!(read(store, &key(1)).await.unwrap(), [large.as_slice(), b"end"].concat());
    keep(store, &key(2), &[]).await;
    assert_eq!(read(store, &key(2)).await.unwrap(), b"");

    // Whoever is second takes its place; whoever reads the first has it to the end.
    let before = store.open(&key(1)).await.unwrap().unwrap();
    keep(store, &key(1), &[b"second"]).await;
    assert_eq!(read(store, &key(1)).await.unwrap(), b"second");
    let pieces: Vec<_> = before.pieces.collect().await;
    let bytes: usize = pieces.into_iter().map(|piece| piece.unwrap().len()).sum();
    assert_eq!(bytes, large.len() + 3);

    // Two at once: one of them, whole.
    let (mut one, mut two) = (store.begin(&key(3)).await.unwrap(), store.begin(&key(3)).await.unwrap());
    one.write(b"one").await.unwrap();
    two.write(b"two!").await.unwrap();
    let (one, two) = tokio::join!(one.keep(), two.keep());
    one.unwrap();
    two.unwrap();
    let whole = read(store, &key(3)).await.unwrap();
    assert!(whole == b"one" || whole == b"two!", "{whole:?}");

    // Listed by shard and tag.
    keep(store, &key(1 + 256), &[b"x"]).await;
    keep(store, &MediaKey { tag: "zzzz".to_owned(), feedback: FeedbackId::new(1) }, &[b"x"]).await;
    let mut listed = store.in_shard("k7p2", 1).await.unwrap();
    listed.sort();
    assert_eq!(listed, [FeedbackId::new(1), FeedbackId::new(257)]);
    store.remove(&key(1)).await.unwrap();
    store.remove(&key(1)).await.unwrap();
    assert_eq!(read(store, &key(1)).await, None);
    assert_eq!(store.in_shard("k7p2", 1).await.unwrap(), [FeedbackId::new(257)]);
    assert_eq!(store.remove_unfinished().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_keeps_to_it() {
    let folder = tempfile::tempdir().unwrap();
    holds(Arc::new(Folder::new(folder.path().join("media")))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_made_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("media"), b"a file").unwrap();
    let store = Folder::new(folder.path().join("media"));
    assert!(store.begin(&key(1)).await.is_err());
    assert!(store.open(&key(1)).await.is_err());
}
