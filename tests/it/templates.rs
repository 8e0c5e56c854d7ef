//! Templates and Meta's approval over the whole service: handed in, reviewed, read again; campaigns wait for it and go on.

use std::path::Path;

use barid::simulator::{Category, Settings, Statuses, Template};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::harness::account::reconcile;
use crate::harness::{Barid, Setup, people};
use crate::suspensions::wait_until;

/// Nothing is known that was not handed in, and nothing is approved by itself.
fn strict() -> Setup {
    let setup = Setup::default();
    let simulator = Settings { accept_unknown_templates: false, review_templates: true, ..setup.simulator };
    Setup { simulator, ..setup }
}

fn json_of(output: &std::process::Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text} {output:?}"))
}

fn said(output: &std::process::Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

async fn review(barid: &Barid, review: Value) {
    let answer = barid.http.post(format!("{}/_simulator/review", barid.simulator.url())).json(&review).send().await;
    let answer = answer.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

async fn suspensions(barid: &Barid) -> Vec<Value> {
    barid.get("/api/v1/suspensions").await["items"].as_array().unwrap().clone()
}

async fn alerts_of(barid: &Barid, template: &str) -> Vec<String> {
    let alerts = barid.get("/api/v1/alerts").await;
    let of_it = alerts["items"].as_array().unwrap().iter().filter(|alert| alert["value"] == template);
    of_it.map(|alert| alert["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_handed_in_reviewed_and_sent_and_its_campaign_waits_for_that() {
    let people = people(20);
    let barid = Barid::start_with(strict(), &people).await;
    let dry = json_of(&barid.run(&["template", "push", "survey-invitation", "--dry-run"]));
    let languages: Vec<_> = dry.as_array().unwrap().iter().map(|body| body["language"].clone()).collect();
    assert_eq!(languages, ["ar", "en"]);
    assert_eq!(dry[0]["components"][0]["example"]["body_text_named_params"][0]["param_name"], "contact_name", "{dry}");
    let listed = json_of(&barid.run(&["template", "list", "--json"]));
    let is_there =
        |listed: &Value| listed.as_array().unwrap().iter().any(|item| !item["languages"][0]["status"].is_null());
    assert!(!is_there(&listed), "a dry run hands nothing in: {listed}");

    let pushed = json_of(&barid.run(&["template", "push", "survey-invitation", "--json"]));
    for item in pushed.as_array().unwrap() {
        assert_eq!((&item["step"], &item["ok"]), (&"create".into(), &true.into()), "{pushed}");
        assert!(item["detail"].as_str().unwrap().contains("PENDING"), "{pushed}");
    }
    let shown = barid.get("/api/v1/templates/survey-invitation").await;
    assert_eq!(shown["languages"][0]["status"], "PENDING", "{shown}");
    assert_eq!(shown["languages"][0]["diff"], json!([]), "{shown}");
    assert_eq!(alerts_of(&barid, "survey_invitation").await, ["template-state"]);
    let held = suspensions(&barid).await;
    assert_eq!(
        (held.len(), &held[0]["value"], &held[0]["cause"]),
        (1, &"survey".into(), &"template-unavailable".into())
    );
    barid.start_campaign("survey").await;
    let again = json_of(&barid.run(&["template", "push", "survey_invitation", "--json"]));
    assert_eq!((&again[0]["step"], &again[1]["step"]), (&"unchanged".into(), &"unchanged".into()), "{again}");
    assert_eq!(barid.simulator.ledger().len(), 0, "what is not approved is not sent");

    for language in ["ar", "en"] {
        review(&barid, json!({"name": "survey_invitation", "language": language, "status": "APPROVED"})).await;
    }
    assert!(said(&barid.run(&["template", "sync"])).starts_with("ok: "));
    assert_eq!(suspensions(&barid).await, Vec::<Value>::new());
    assert_eq!(alerts_of(&barid, "survey_invitation").await, Vec::<String>::new());
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    let metrics = barid.metrics().await;
    let is_approved = |line: &&str| line.contains("\"survey_invitation\"") && line.contains("\"APPROVED\"");
    let values: Vec<_> = metrics.lines().filter(is_approved).map(|line| line.ends_with(" 1")).collect();
    assert_eq!(values, [true, true], "{metrics}");
    assert!(
        metrics
            .lines()
            .any(|line| line.contains("\"window_nudge\"") && line.contains("\"unlisted\"") && line.ends_with(" 1"))
    );
    let used = barid.get("/api/v1/templates/survey_invitation").await;
    assert!(used["languages"].as_array().unwrap().iter().all(|one| one["used_at"].is_string()), "{used}");
    // A pause of which no callback told stops it; its end lets it go on.
    review(&barid, json!({"name": "survey_invitation", "language": "ar", "status": "PAUSED", "quality": "RED"})).await;
    assert!(said(&barid.run(&["template", "sync"])).starts_with("warning: "));
    assert_eq!(suspensions(&barid).await.len(), 1);
    assert_eq!(alerts_of(&barid, "survey_invitation").await, ["template-state", "template-quality"]);
    barid.simulator.put_template(Template::approved("old_offer", "en", Category::Marketing, "Buy now")).unwrap();
    assert!(said(&barid.run(&["template", "sync"])).starts_with("warning: "));
    let reviewed = json_of(&barid.run(&["template", "review", "--json"]));
    let found: Vec<_> = reviewed.as_array().unwrap().iter().map(|one| (&one["name"], &one["finding"])).collect();
    assert_eq!(
        found,
        [
            (&json!("old_offer"), &json!("not-ours")),
            (&json!("survey_invitation"), &json!("not-approved")),
            (&json!("survey_invitation"), &json!("near-pausing")),
        ],
        "{reviewed}"
    );
    let unknown = barid.run(&["template", "push", "survey-invitatio"]);
    assert_eq!(unknown.status.code(), Some(66));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean `survey-invitation`?"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_text_that_is_not_ours_is_shown_as_a_difference_and_edited() {
    let mut setup = strict();
    setup.simulator.review_templates = false;
    let mut barid = Barid::start_with(setup, &people(1)).await;
    let mut theirs = Template::approved("window_nudge", "en", Category::Utility, "Other words.");
    theirs.parameter_format = barid::simulator::ParameterFormat::Named;
    theirs.footer = Some("Reply STOP to end messages".to_owned());
    barid.simulator.put_template(theirs).unwrap();
    assert!(barid.run(&["template", "sync"]).status.success());
    let shown = said(&barid.run(&["template", "show", "window-nudge"]));
    for line in [
        "  - body: Other words.",
        "    footer: Reply STOP to end messages",
        "  + button: quick-reply “Send me the reply”",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    assert!(said(&barid.run(&["template", "list"])).contains("approved text differs"));
    assert_eq!(alerts_of(&barid, "window_nudge").await, ["template-text"]);
    // Without a service it is done from here.
    assert!(barid.stop().await);
    let pushed = json_of(&barid.run(&["template", "push", "window-nudge", "--json"]));
    assert_eq!((&pushed[0]["step"], &pushed[1]["step"]), (&"create".into(), &"edit".into()), "{pushed}");
    let shown = said(&barid.run(&["template", "show", "window-nudge"]));
    assert!(!shown.contains("body:"), "{shown}");
    // Meta lets an approved template be edited once a day.
    barid.start().await;
    let mut theirs = Template::approved("window_nudge", "en", Category::Utility, "Third words.");
    theirs.parameter_format = barid::simulator::ParameterFormat::Named;
    barid.simulator.put_template(theirs).unwrap();
    let refused = barid.run(&["template", "push", "window-nudge"]);
    assert_eq!(refused.status.code(), Some(65), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stdout).contains("once in 24 hours"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_that_costs_more_holds_the_campaign_until_somebody_agrees() {
    let people = people(10);
    let mut setup = strict();
    setup.simulator.review_templates = false;
    let mut barid = Barid::prepare(setup).await;
    barid.write_campaign("survey", &people, "");
    let file = barid.dir.path().join("jobs/campaigns/survey.toml");
    let campaign = std::fs::read_to_string(&file).unwrap().replace("survey-invitation", "feedback-confirmation");
    let values = campaign.find("survey_title").unwrap()..campaign.find("[delivery]").unwrap();
    let mut campaign = campaign;
    campaign.replace_range(values, "reference = \"VOC-1\"\nresponse_hours = 24\n");
    std::fs::write(&file, campaign).unwrap();
    barid.start().await;
    assert!(barid.run(&["template", "push", "feedback-confirmation"]).status.success());
    assert_eq!(suspensions(&barid).await, Vec::<Value>::new());
    let early = barid.run(&["template", "agree", "feedback-confirmation"]);
    assert_eq!(early.status.code(), Some(65), "there is nothing to agree to: {early:?}");

    review(&barid, json!({"name": "feedback_confirmation", "language": "en", "category": "MARKETING"})).await;
    assert!(said(&barid.run(&["template", "sync"])).starts_with("warning: "));
    let held = suspensions(&barid).await;
    assert_eq!((held.len(), &held[0]["cause"], &held[0]["probe"]), (1, &"category-changed".into(), &"never".into()));
    let reason = held[0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("marketing instead of utility in en") && reason.contains("barid template agree"),
        "{reason}"
    );
    assert!(said(&barid.run(&["template", "list"])).contains("needs agreement to its price"));
    barid.start_campaign("survey").await;
    assert!(barid.run(&["template", "sync"]).status.success(), "looking again changes nothing");
    assert_eq!((suspensions(&barid).await.len(), barid.simulator.ledger().len()), (1, 0));

    assert!(said(&barid.run(&["template", "agree", "feedback-confirmation"])).contains("agreed to"));
    assert_eq!(suspensions(&barid).await, Vec::<Value>::new());
    barid.settle("survey").await;
    assert_eq!(barid.simulator.ledger().len(), people.len());
    let shown = barid.get("/api/v1/templates/feedback_confirmation").await;
    assert!(shown["languages"][1]["agreed_by"].is_string() && shown["languages"][0]["agreed_by"].is_null(), "{shown}");
    assert!(barid.run(&["template", "sync"]).status.success());
    assert_eq!(suspensions(&barid).await, Vec::<Value>::new(), "who agreed is not asked again");
}

/// A copy of the templates that ship, for a test to change.
fn own_templates(barid: &Barid) -> std::path::PathBuf {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
            if from.is_dir() {
                copy(&from, &to);
            } else {
                std::fs::copy(&from, &to).unwrap();
            }
        }
    }
    let (shipped, own) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), barid.dir.path().join("templates"));
    copy(&shipped, &own);
    let config = std::fs::read_to_string(barid.config()).unwrap();
    let config = config.replace(&shipped.display().to_string(), &own.display().to_string());
    std::fs::write(barid.config(), config).unwrap();
    own
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_media_is_uploaded_approved_and_sent_with_each_message() {
    let people = people(10);
    let mut setup = strict();
    setup.simulator.review_templates = false;
    let mut barid = Barid::prepare(setup).await;
    let folder = own_templates(&barid).join("messages/survey-invitation");
    let manifest = std::fs::read_to_string(folder.join("template.toml")).unwrap();
    let header =
        "\n[header]\nmedia = \"image\"\nsample = \"sample.png\"\nlink = \"https://cdn.example.com/{{survey_title}}\"\n";
    std::fs::write(folder.join("template.toml"), manifest + header).unwrap();
    std::fs::write(folder.join("sample.png"), b"\x89PNG\r\n\x1a\nnot much of a picture").unwrap();
    barid.write_campaign("survey", &people, "");
    barid.start().await;
    let dry = json_of(&barid.run(&["template", "push", "survey-invitation", "--dry-run"]));
    let example = json!({"header_handle": ["(the handle of sample.png)"]});
    assert_eq!(dry[1]["components"][0], json!({"type": "HEADER", "format": "IMAGE", "example": example}), "{dry}");

    let pushed = json_of(&barid.run(&["template", "push", "survey-invitation", "--json"]));
    assert!(pushed.as_array().unwrap().iter().all(|item| item["ok"] == true), "{pushed}");
    let shown = barid.get("/api/v1/templates/survey-invitation").await;
    for one in shown["languages"].as_array().unwrap() {
        assert_eq!((&one["status"], &one["diff"]), (&json!("APPROVED"), &json!([])), "{shown}");
    }
    // The simulator refuses a call without the picture that the template wants.
    barid.start_campaign("survey").await;
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    assert_eq!(barid.counts("survey").await["failed"], 0);

    // A sample that is gone is told before anything is handed in.
    std::fs::remove_file(folder.join("sample.png")).unwrap();
    let gone = barid.run(&["template", "push", "survey-invitation", "--dry-run"]);
    assert_eq!(gone.status.code(), Some(78), "{gone:?}");
    assert!(String::from_utf8_lossy(&gone.stderr).contains("there is no file `sample.png`"), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "the service in the other process goes by the clock of this machine")]
async fn a_pause_told_in_mid_campaign_holds_it_at_once_and_the_approval_releases_it_and_nothing_fails() {
    const MPS: u32 = 60;
    let people = people(400);
    let mut setup = strict();
    // Slow enough to be paused on the way; and only Meta's word ends it.
    setup.mps = MPS;
    setup.simulator.review_templates = false;
    setup.simulator.statuses = Statuses::prompt();
    setup.more = "[suspend]\nlet_through_waits = [\"1h\"]\n".to_owned();
    let barid = Barid::start_with(setup, &people).await;
    assert!(barid.run(&["template", "push", "survey-invitation"]).status.success());
    barid.start_campaign("survey").await;
    barid.simulator.accepted(60).await;
    let change = |status: &str| json!({"name": "survey_invitation", "language": "ar", "status": status, "tell": true});
    let (paused_at, before) = (Timestamp::now(), barid.simulator.ledger().len());
    review(&barid, change("PAUSED")).await;
    let held = wait_until(&barid, "the pause", |found| !found.is_empty()).await;
    assert_eq!(
        (held.len(), &held[0]["value"], &held[0]["cause"]),
        (1, &"survey".into(), &"template-unavailable".into())
    );
    barid.wait_for("survey", "the last calls", |_, run| run["calling"] == 0).await;
    barid.simulator.quiet().await;
    let run = barid.counts("survey").await;
    assert_eq!(
        (&run["failed"], run["planned"].as_u64() > Some(0)),
        (&json!(0), true),
        "it was stopped on the way: {run}"
    );

    // Said in messages, since a second is longer on a busy machine: at this pace, those of some seconds.
    let since: Timestamp = held[0]["since"].as_str().unwrap().parse().unwrap();
    let taken = barid.simulator.ledger().len();
    println!("held {:?} after the pause, {} messages later", since.duration_since(paused_at), taken - before);
    assert!(taken - before < 3 * MPS as usize, "{} messages left after the pause\n{}", taken - before, barid.log());

    review(&barid, change("APPROVED")).await;
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    let run = barid.counts("survey").await;
    assert_eq!((&run["failed"], &run["suppressed"], &run["expired"]), (&json!(0), &json!(0), &json!(0)), "{run}");
    let past = barid.get("/api/v1/suspensions?all=1").await;
    assert_eq!(past["items"][0]["released_by"], "announced", "{past}");
}
