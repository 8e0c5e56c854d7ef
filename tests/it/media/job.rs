//! The job with the real client, the real record and a real folder, against a Graph API that behaves badly.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use barid::domain::byte_size::ByteSize;
use barid::domain::feedback::Feedback;
use barid::domain::ids::FeedbackId;
use barid::domain::link::AllowedHosts;
use barid::domain::media::{MediaFile, MediaKey, MediaRules, MediaState};
use barid::domain::news::{MediaNews, RevokeNews, Source};
use barid::jobs::{fetch_media, tidy_media};
use barid::media::Folder;
use barid::ports::{Clock, Heard, Journal as _, MediaPorts, MediaRecord as _, RowNews, Services, Store as _};
use barid::store::SqlStore;
use barid::whatsapp::{Client, MediaClient, Settings};
use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::meta::{Meta, Reply, error};
use crate::contracts::{Database, inbound};
use crate::fakes::{FakeQueue, media_rules, services};

const TOKEN: &str = "EAAtoken";

/// A clock that is set by hand.
struct Watch(Mutex<Timestamp>);

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

pub(super) struct Bench {
    pub(super) services: Services,
    pub(super) store: Arc<SqlStore>,
    pub(super) meta: Meta,
    watch: Arc<Watch>,
    pub(super) folder: tempfile::TempDir,
    _database: Database,
}

impl Bench {
    async fn new() -> Self {
        Self::with(media_rules()).await
    }

    async fn with(rules: MediaRules) -> Self {
        let (database, meta, folder) = (Database::sqlite(), Meta::start().await, tempfile::tempdir().unwrap());
        let store = Arc::new(database.open().await);
        let settings = Settings {
            graph_url: meta.url.clone(),
            api_version: "v26.0".to_owned(),
            token: TOKEN.to_owned().into(),
            senders: HashMap::from([("default".parse().unwrap(), "900000000000001".parse().unwrap())]),
            connect_within: Duration::from_secs(5),
            answer_within: Duration::from_secs(30),
            proxy: None,
        };
        let hosts = AllowedHosts::new(vec!["lookaside.fbsbx.com".to_owned()]).unwrap();
        let source = MediaClient::new(&Client::new(&settings).unwrap(), &settings, hosts).unwrap();
        let media = MediaPorts {
            rules: Arc::new(rules),
            source: Arc::new(source),
            store: Arc::new(Folder::new(folder.path().join("media"))),
        };
        let watch = Arc::new(Watch(Mutex::new("2026-11-22T12:00:00Z".parse().unwrap())));
        let base = services(Arc::clone(&store) as _, Arc::new(FakeQueue::default()), &[]);
        let services = Services { media, clock: Arc::clone(&watch) as _, ..base };
        Self { services, store, meta, watch, folder, _database: database }
    }

    fn now(&self) -> Timestamp {
        self.watch.now()
    }

    fn pass(&self, seconds: i64) {
        *self.watch.0.lock().unwrap() += SignedDuration::from_secs(seconds);
    }

    /// Somebody sends a file of that kind and type, and its callback is applied.
    async fn sent(&self, whatsapp_id: &str, kind: &'static str, mime_type: &str) -> FeedbackId {
        let mut heard: Heard = inbound(0, whatsapp_id, "look");
        heard.news.kind = kind;
        let (id, mime_type) = (Some("1122334455".to_owned()), Some(mime_type.to_owned()));
        heard.news.extras.media = Some(MediaNews { id, mime_type, ..MediaNews::default() });
        heard.media = self.services.media.rules.wish(&heard.news);
        let row = self.store.append(Source::Meta, "{}".into(), self.now()).await.unwrap();
        self.store.apply(row, RowNews { heard: vec![heard], ..RowNews::default() }, self.now()).await.unwrap();
        self.store.feedback(None, 1).await.unwrap().items[0].id
    }

    /// One try, if it is due.
    async fn fetch(&self, id: FeedbackId) -> MediaFile {
        let due = self.store.due_media(self.now(), 10).await.unwrap();
        if let Some((id, tries)) = due.into_iter().find(|(due, _)| *due == id) {
            fetch_media::run(&self.services, id, tries).await.unwrap();
        }
        self.file(id).await.expect("a file came with it")
    }

    async fn feedback(&self, id: FeedbackId) -> Feedback {
        self.store.one_feedback(id).await.unwrap().unwrap()
    }

    async fn file(&self, id: FeedbackId) -> Option<MediaFile> {
        self.feedback(id).await.media
    }

    /// What is kept of it.
    async fn bytes(&self, id: FeedbackId) -> Option<Vec<u8>> {
        let key = MediaKey { tag: self.store.tag().to_owned(), feedback: id };
        let kept = self.services.media.store.open(&key).await.unwrap()?;
        let pieces: Vec<_> = kept.pieces.collect().await;
        let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap()).collect();
        assert_eq!(bytes.len() as u64, kept.bytes);
        Some(bytes)
    }

    /// Every file below the folder.
    fn files(&self) -> Vec<String> {
        files_below(&self.folder.path().join("media"))
    }
}

pub(super) fn files_below(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort();
    found
}

/// A picture of so many bytes.
pub(super) fn jpeg(bytes: usize) -> Vec<u8> {
    let mut picture = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00".to_vec();
    picture.extend((picture.len()..bytes).map(|n| (n % 251) as u8));
    picture
}

fn lost_because(file: &MediaFile) -> &str {
    assert_eq!(file.state, MediaState::Lost, "{:?}", file.detail);
    file.detail.as_deref().expect("a reason")
}

fn waits_because(file: &MediaFile) -> &str {
    assert_eq!((file.state, file.bytes), (MediaState::Wanted, None), "{:?}", file.detail);
    file.detail.as_deref().expect("a reason")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_asked_for_fetched_with_the_token_and_kept_whole() {
    let bench = Bench::new().await;
    let picture = jpeg(3_000_000);
    for (n, reply) in [Reply::Gives(picture.clone()), Reply::Chunked(picture.clone())].into_iter().enumerate() {
        let id = bench.sent(&format!("wamid.{n}"), "image", "image/jpeg").await;
        bench.meta.will([bench.meta.found_here(&picture, "image/jpeg"), reply]);
        let file = bench.fetch(id).await;
        assert_eq!((file.state, file.bytes, file.detail), (MediaState::Kept, Some(3_000_000), None));
        assert_eq!(bench.bytes(id).await.unwrap(), picture);
        let asked = bench.meta.asked();
        let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
        assert_eq!(
            lines,
            ["GET /v26.0/1122334455?phone_number_id=900000000000001 HTTP/1.1", "GET /file?mid=1 HTTP/1.1"]
        );
        assert!(asked.iter().all(|asked| asked.token.as_deref() == Some(&format!("Bearer {TOKEN}"))), "{asked:?}");
    }
    // Nothing of the person is in a path, and nobody else may read it.
    let files = bench.files();
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|name| name.starts_with("fbk_")), "{files:?}");
    use std::os::unix::fs::PermissionsExt as _;
    let key = MediaKey { tag: bench.store.tag().to_owned(), feedback: files[0].parse().unwrap() };
    let path = bench.folder.path().join("media").join(key.to_string());
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_metas_are_tried_again_in_their_time_and_then_it_is_kept() {
    let bench = Bench::new().await;
    let picture = jpeg(2_000);
    let found = || bench.meta.found_here(&picture, "image/jpeg");
    let id = bench.sent("wamid.a", "image", "image/jpeg").await;
    let busy = || Reply::Says(503, "retry-after: 100", "<html>".to_owned());
    // Each brings it forward by its wait; none of these uses up a try but the first.
    bench.meta.will([error(500, 131_000, None)]);
    assert!(waits_because(&bench.fetch(id).await).contains("131000"));
    assert!(waits_because(&bench.fetch(id).await).contains("131000"), "it is not due");
    assert_eq!(bench.meta.asked().len(), 1);
    for (replies, words) in [
        (vec![busy()], "503"),
        (vec![found(), busy()], "503"),
        (vec![error(401, 190, Some(463))], "token"),
        (vec![found(), Reply::Says(401, "", String::new())], "token"),
        (vec![error(400, 80_007, None)], "80007"),
        (vec![error(400, 4, None)], "error 4"),
    ] {
        bench.pass(5_000);
        bench.meta.will(replies);
        assert!(waits_because(&bench.fetch(id).await).contains(words), "{:?}", bench.file(id).await.unwrap().detail);
        assert_eq!(bench.store.media_to_fetch(id).await.unwrap().unwrap().tries, 1);
    }
    bench.pass(5_000);
    bench.meta.will([found(), Reply::Gives(picture.clone())]);
    assert_eq!(bench.fetch(id).await.state, MediaState::Kept);
    assert_eq!(bench.bytes(id).await.unwrap(), picture);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_try_it_is_lost_the_feedback_stays_and_nothing_lies_about() {
    let bench = Bench::new().await;
    let picture = jpeg(9_000);
    let found = || bench.meta.found_here(&picture, "image/jpeg");
    let mut wrong = picture.clone();
    wrong[5_000] ^= 1;
    let longer = [picture.clone(), vec![0]].concat();
    let elsewhere = |address: &str| bench.meta.found_at(address, &picture, "image/jpeg");
    let onwards = Reply::Says(302, "location: https://evil.example/x", String::new());
    let circle = Reply::Says(302, "location: /file?mid=1", String::new());
    let other_port = bench.meta.url.replace("127.0.0.1", "localhost");
    for (n, (replies, words, asked)) in [
        (vec![found(), Reply::Gives(wrong)], "its sum is not", 2),
        (vec![found(), Reply::Chunked(longer)], "9001 of 9000", 2),
        (vec![found(), Reply::BreaksOff(9_000, picture[..4_000].to_vec())], "no answer", 2),
        (vec![found(), Reply::Says(404, "", String::new())], "404", 2),
        (vec![error(400, 100, Some(33))], "does not have it", 1),
        (vec![Reply::Says(200, "", "{}".to_owned())], "not Meta's", 1),
        (vec![Reply::Says(200, "", "x".repeat(100_000))], "more than Meta", 1),
        (vec![elsewhere("https://evil.example/x")], "evil.example", 1),
        (vec![elsewhere("http://lookaside.fbsbx.com/x")], "not https", 1),
        (vec![elsewhere(&other_port)], "localhost", 1),
        (vec![elsewhere("nonsense")], "no address", 1),
        (vec![found(), onwards], "evil.example", 2),
        (vec![found(), circle.clone(), circle.clone(), circle.clone(), circle], "on and on", 5),
    ]
    .into_iter()
    .enumerate()
    {
        let id = bench.sent(&format!("wamid.{n}"), "image", "image/jpeg").await;
        bench.meta.asked();
        for tries in 1..=3 {
            bench.meta.will(replies.clone());
            let file = bench.fetch(id).await;
            // To those that are barred nothing went, and so no token.
            assert_eq!(bench.meta.asked().len(), asked, "{words}");
            let because = if tries == 3 { lost_because(&file) } else { waits_because(&file) };
            assert!(because.contains(words), "{because}");
            assert_eq!(tries == 3, because.contains("all 3 tries"), "{because}");
            bench.pass(10);
        }
        assert_eq!(bench.feedback(id).await.text.as_deref(), Some("look"));
        assert_eq!(bench.fetch(id).await.state, MediaState::Lost, "nobody asks again");
        assert_eq!(bench.meta.asked(), []);
    }
    assert_eq!(bench.files(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_followed_with_the_token_where_files_are_fetched_from() {
    let bench = Bench::new().await;
    let picture = jpeg(500);
    let id = bench.sent("wamid.a", "image", "image/jpeg").await;
    let onwards = Reply::Says(302, "location: /elsewhere", String::new());
    bench.meta.will([bench.meta.found_here(&picture, "image/jpeg"), onwards, Reply::Gives(picture.clone())]);
    assert_eq!(bench.fetch(id).await.state, MediaState::Kept);
    let asked = bench.meta.asked();
    assert_eq!(asked[2].line, "GET /elsewhere HTTP/1.1");
    assert!(asked.iter().all(|asked| asked.token.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_be_kept_is_lost_at_once() {
    let rules = MediaRules { bytes_max: ByteSize::new(1 << 20), ..media_rules() };
    let bench = Bench::with(rules).await;
    let picture = jpeg(2_000);
    let at = format!("{}/file", bench.meta.url);
    let says = |mime_type: &str, bytes: Option<usize>| bench.meta.found(&at, mime_type, None, bytes);
    for (n, (kind, replies, words)) in [
        ("image", vec![says("image/jpeg", Some((1 << 20) + 1))], "larger than 1MB"),
        // It says nothing of its length, or lies about it.
        ("image", vec![says("image/jpeg", None), Reply::Endless], "larger than 1MB"),
        ("image", vec![says("image/jpeg", Some(10)), Reply::Endless], "larger than 1MB"),
        ("sticker", vec![says("image/webp", None), Reply::Gives(picture.clone())], "larger than 1000B"),
        ("image", vec![says("video/mp4", None)], "video/mp4 are not kept"),
        ("image", vec![says("image/png", None), Reply::Gives(picture.clone())], "its first bytes are of image/jpeg"),
        ("document", vec![says("application/pdf", None), Reply::Gives(b"MZ\x90\x00\x03\x00".to_vec())], "first bytes"),
        ("document", vec![says("text/plain", None), Reply::Gives(b"\x7fELF\x02\x01\x01\x00".to_vec())], "first bytes"),
        ("image", vec![says("image/jpeg", None), Reply::Gives(Vec::new())], "nothing of that kind"),
        ("image", vec![error(400, 131_052, None)], "131052"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = bench.sent(&format!("wamid.{n}"), kind, "image/jpeg").await;
        bench.meta.will(replies);
        let file = bench.fetch(id).await;
        assert!(lost_because(&file).contains(words), "{n}: {:?}", file.detail);
    }
    assert_eq!(bench.files(), Vec::<String>::new());
    let id = bench.sent("wamid.late", "image", "image/jpeg").await;
    bench.pass(7 * 86_400);
    bench.meta.will([error(400, 100, Some(33))]);
    assert!(lost_because(&bench.fetch(id).await).contains("7 days"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_while_it_comes_in_leaves_no_file() {
    let bench = Bench::new().await;
    let picture = jpeg(400_000);
    let id = bench.sent("wamid.a", "image", "image/jpeg").await;
    let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slowly = Reply::Waits(picture.clone(), Arc::clone(&reached), Arc::clone(&go_on));
    bench.meta.will([bench.meta.found_here(&picture, "image/jpeg"), slowly]);
    let taken_back = async {
        reached.notified().await;
        let revoked = RevokeNews { sender: None, original: "wamid.a".parse().unwrap(), provider_at: bench.now() };
        let row = bench.store.append(Source::Meta, "{}".into(), bench.now()).await.unwrap();
        let news = RowNews { revoked: vec![revoked], ..RowNews::default() };
        bench.store.apply(row, news, bench.now()).await.unwrap();
        // Removed before it is there, and removed again by whoever brings it after all.
        assert_eq!(tidy_media::forgotten(&*bench.services.store, &*bench.services.media.store).await.unwrap(), 1);
        go_on.notify_one();
    };
    let (fetched, ()) = tokio::join!(fetch_media::run(&bench.services, id, 0), taken_back);
    fetched.unwrap();
    assert_eq!((bench.file(id).await, bench.bytes(id).await), (None, None));
    assert_eq!(bench.files(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_left_is_removed_and_nothing_else() {
    let bench = Bench::new().await;
    let picture = jpeg(1_000);
    let kept = bench.sent("wamid.a", "image", "image/jpeg").await;
    bench.meta.will([bench.meta.found_here(&picture, "image/jpeg"), Reply::Gives(picture.clone())]);
    assert_eq!(bench.fetch(kept).await.state, MediaState::Kept);
    // Its file is there, and the process died before the record said so.
    let wanted = bench.sent("wamid.b", "image", "image/jpeg").await;
    let key = |feedback| MediaKey { tag: bench.store.tag().to_owned(), feedback };
    let media = &bench.services.media.store;
    for feedback in [wanted, FeedbackId::new(77_777)] {
        let mut file = media.begin(&key(feedback)).await.unwrap();
        file.write(&picture).await.unwrap();
        file.keep().await.unwrap();
    }
    let incoming = bench.folder.path().join("media/incoming");
    std::fs::write(incoming.join("dead-1-2-3.part"), b"half of it").unwrap();
    std::fs::write(incoming.join("note.txt"), b"not ours").unwrap();
    let mut alive = media.begin(&key(wanted)).await.unwrap();
    alive.write(b"half of it").await.unwrap();
    // Files of another record in the same folder are none of our business.
    let other = MediaKey { tag: "zzzz".to_owned(), feedback: FeedbackId::new(88_888) };
    let mut file = media.begin(&other).await.unwrap();
    file.write(&picture).await.unwrap();
    file.keep().await.unwrap();
    assert_eq!(tidy_media::orphans(&*bench.services.store, &*bench.services.media.store).await.unwrap(), 2);
    assert_eq!(tidy_media::orphans(&*bench.services.store, &*bench.services.media.store).await.unwrap(), 0);
    let files = bench.files();
    let (parts, whole): (Vec<&String>, Vec<&String>) = files.iter().partition(|name| name.ends_with(".part"));
    assert_eq!(parts.len(), 1, "{files:?}");
    assert_eq!(whole, [&kept.to_string(), &wanted.to_string(), &other.feedback.to_string(), &"note.txt".to_owned()]);
    drop(alive);
    assert_eq!(files_below(&incoming), ["note.txt"]);
}
