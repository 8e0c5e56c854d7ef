//! The same from outside: the simulator, the real binary, its API and its commands.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::job::{files_below, jpeg};
use crate::harness::{Barid, PATIENCE, Setup, TOKEN, tail};

/// The newest feedback, once its file is as `until` wants it.
async fn wait_for(barid: &Barid, what: &str, until: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let newest = barid.get("/api/v1/feedback?limit=1").await["items"][0].clone();
        if until(&newest["media"]) {
            return newest;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain for: {what}\n{newest}\n{}", tail(&barid.log()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is(state: &'static str) -> impl Fn(&Value) -> bool {
    move |media| media["state"] == state
}

async fn sends(barid: &Barid, id: &str, media: Value) {
    barid.inbound(json!({ "from": "+966510000001", "id": id, "media": media })).await;
}

fn setup() -> Setup {
    let more = "[media]\nwaits = [\"1s\"]\ntries = 5\n".to_owned();
    Setup { more, ..Setup::default() }
}

fn kept_files(barid: &Barid) -> Vec<String> {
    files_below(&barid.dir.path().join("state/media"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_through_faults_and_a_kill_is_handed_out_and_goes_when_it_is_taken_back() {
    let mut barid = Barid::prepare(setup()).await;
    barid.start().await;
    let picture = jpeg(50_000);
    let image = |faults: Value| json!({ "type": "image", "hex": hex::encode(&picture), "caption": "الفاتورة", "faults": faults });
    sends(&barid, "wamid.FAULTS", image(json!({ "lookups": [131_000], "downloads": [503, 404] }))).await;
    let item = wait_for(&barid, "the file", is("kept")).await;
    let media = &item["media"];
    assert_eq!(
        (&media["bytes"], &media["type"], &media["detail"]),
        (&50_000.into(), &"image/jpeg".into(), &Value::Null)
    );
    assert_eq!((&item["text"], &item["kind"]), (&"الفاتورة".into(), &"image".into()));
    let reference = item["reference"].as_str().unwrap();
    assert_eq!(barid.get(&format!("/api/v1/feedback/{reference}")).await, item);
    assert_eq!(barid.get(&format!("/api/v1/feedback/{}", item["id"].as_str().unwrap())).await, item);

    // Handed out with its bytes, and so that no browser shows it.
    let url = format!("http://{}/api/v1/feedback/{reference}/media", barid.listen);
    assert_eq!(barid.http.get(&url).send().await.unwrap().status(), 401);
    let answer = barid.http.get(&url).bearer_auth(TOKEN).send().await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("content-type"), header("content-length")), ("image/jpeg".to_owned(), "50000".to_owned()));
    assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(
        (header("x-content-type-options"), header("cache-control")),
        ("nosniff".to_owned(), "private, no-store".to_owned())
    );
    let plain = format!("{reference}.jpg");
    assert_eq!(header("content-disposition"), format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{plain}"));
    assert_eq!(answer.bytes().await.unwrap(), picture);
    let out = barid.dir.path().join("saved.jpg");
    let saved = barid.run(&["feedback", "media", reference, "-o", out.to_str().unwrap()]);
    assert!(saved.status.success(), "{saved:?}");
    assert_eq!(std::fs::read(&out).unwrap(), picture);
    let again = barid.run(&["feedback", "media", reference, "-o", out.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(74), "a file that is there is not touched");
    let nobodys = barid.run(&["feedback", "media", "VOC-2222-22", "-o", barid.dir.path().join("no").to_str().unwrap()]);
    assert_eq!(nobodys.status.code(), Some(66), "{nobodys:?}");
    assert!(!barid.dir.path().join("no").exists());

    // Killed while it comes in: it is done again.
    sends(&barid, "wamid.SLOW", image(json!({ "stall_ms": 3_600_000 }))).await;
    wait_for(&barid, "the second", is("wanted")).await;
    let begin = Instant::now();
    while barid.simulator.counts().media_downloads < 4 {
        assert!(begin.elapsed() < PATIENCE, "{:?}", barid.simulator.counts());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    barid.kill();
    barid.start().await;
    wait_for(&barid, "the second after the kill", is("kept")).await;
    assert_eq!(kept_files(&barid).len(), 2, "{:?}", kept_files(&barid));

    // Taken back.
    for id in ["wamid.FAULTS", "wamid.SLOW"] {
        let revoke = json!({ "type": "revoke", "revoke": { "original_message_id": id } });
        barid.inbound(json!({ "from": "+966510000001", "message": revoke })).await;
    }
    let begin = Instant::now();
    while !kept_files(&barid).is_empty() {
        assert!(begin.elapsed() < PATIENCE, "{:?}\n{}", kept_files(&barid), tail(&barid.log()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let item = barid.get(&format!("/api/v1/feedback/{reference}")).await;
    assert_eq!((&item["kind"], &item["media"]), (&"revoked".into(), &Value::Null));
    assert_eq!(barid.http.get(&url).bearer_auth(TOKEN).send().await.unwrap().status(), 404);
    let metrics = barid.metrics().await;
    for line in ["barid_media_total{outcome=\"kept\"} 1", "barid_media_bytes_total 50000", "barid_media_waiting 0"] {
        assert!(metrics.lines().any(|there| there == line), "{line}\n{metrics}");
    }
    assert!(!barid.log().contains("966510000001"), "{}", barid.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_says_why_and_the_feedback_is_there() {
    let barid = {
        let mut barid = Barid::prepare(setup()).await;
        barid.start().await;
        barid
    };
    let picture = hex::encode(jpeg(2_000));
    for (media, state, words) in [
        (json!({ "type": "image", "hex": picture, "faults": { "wrong_hash": true } }), "lost", "its sum"),
        (
            json!({ "type": "document", "mime_type": "application/x-msdownload" }),
            "unwanted",
            "application/x-msdownload",
        ),
        (json!({ "type": "image", "hex": hex::encode("<html><script>") }), "lost", "first bytes"),
    ] {
        sends(&barid, &format!("wamid.{words}").replace(' ', "-"), media).await;
        let item = wait_for(&barid, words, |media| {
            media["state"] == state && media["detail"].as_str().is_some_and(|detail| detail.contains(words))
        })
        .await;
        let reference = item["reference"].as_str().unwrap();
        let url = format!("http://{}/api/v1/feedback/{reference}/media", barid.listen);
        let answer = barid.http.get(&url).bearer_auth(TOKEN).send().await.unwrap();
        assert_eq!(answer.status(), 404);
        assert!(answer.text().await.unwrap().contains(words));
    }
    assert_eq!(kept_files(&barid), Vec::<String>::new());
    let exported = barid.run(&["feedback", "export"]);
    let csv = String::from_utf8(exported.stdout).unwrap();
    assert!(
        csv.lines().next().unwrap().ends_with("media_state,media_type,media_name,media_bytes,media_hash,media_detail")
    );
    assert!(csv.contains("unwanted,application/x-msdownload,document.pdf"), "{csv}");
}
