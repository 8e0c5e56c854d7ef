//! A person is forgotten by the command, over the whole service, while a campaign and a talk are under way with them: nothing is left in any file.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::{Barid, PATIENCE, Setup, people};

const PHONE: &str = "+966507771234";
const NAME: &str = "Zubayda Alfarouq";
const WORDS: &str = "the courier shouted at my neighbour";

/// What is under a folder, file by file.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push((path.display().to_string(), std::fs::read(&path).expect("the file is there")));
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_forgotten_while_everything_is_under_way_is_in_no_file_afterwards() {
    let mut everybody = people(60);
    everybody[50].phone = PHONE.to_owned();
    everybody[50].name = NAME.to_owned();
    let setup = Setup { answers: true, mps: 20, ..Setup::default() };
    let mut barid = Barid::start_with(setup, &everybody).await;
    barid.inbound(json!({ "from": PHONE, "text": WORDS })).await;
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "the first are called", |_, run| run["total"].as_u64() >= Some(60)).await;

    let refused = barid.run(&["contacts", "erase", PHONE]);
    assert_eq!(refused.status.code(), Some(64), "nobody is asked here, so nothing is erased");
    let done = barid.run(&["contacts", "erase", PHONE, "--yes", "--by", "request 118", "--json"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let receipt: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!((&receipt["by"], &receipt["feedback"]), (&"request 118".into(), &1.into()), "{receipt}");
    let again = barid.run(&["contacts", "erase", PHONE, "--yes"]);
    assert_eq!(again.status.code(), Some(66), "{}", String::from_utf8_lossy(&again.stderr));

    let run = barid.settle("survey").await["run"].clone();
    assert_eq!(run["total"], 60, "{run}");
    tokio::time::timeout(PATIENCE, barid.simulator.quiet()).await.expect("everything is told");
    let begin = Instant::now();
    let path = format!("/api/v1/erasures/{}", receipt["id"].as_str().expect("an id"));
    while barid.get(&path).await["finished_at"].is_null() {
        assert!(begin.elapsed() < PATIENCE, "{}", barid.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(barid.stop().await, "{}", barid.log());
    let kept = files(&barid.dir.path().join("state"));
    assert!(kept.iter().any(|(_, bytes)| holds(bytes, everybody[0].phone.trim_start_matches('+'))), "others are kept");
    for (file, bytes) in kept.into_iter().chain([("the log".to_owned(), barid.log().into_bytes())]) {
        for text in [PHONE.trim_start_matches('+'), NAME, WORDS] {
            assert!(!holds(&bytes, text), "`{text}` is left in {file}");
        }
    }
}
