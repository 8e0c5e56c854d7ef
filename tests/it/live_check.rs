//! The live check over the whole service: what stands at the simulator is judged as it would be at Meta.

use std::collections::BTreeMap;

use barid::simulator::{Category, Faults, Template, TemplateStatus, TokenState};
use serde_json::{Value, json};

use crate::harness::{Barid, Setup, people};

async fn check(barid: &Barid) -> (String, BTreeMap<String, (String, String)>) {
    let (status, checked) = barid.post("/api/whatsapp/test").await;
    assert_eq!(status, 200, "{checked}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let steps = checked["steps"].as_array().expect("steps");
    let steps = steps.iter().map(|step| (text(&step["step"]), (text(&step["result"]), text(&step["detail"]))));
    (text(&checked["result"]), steps.collect())
}

fn step<'a>(steps: &'a BTreeMap<String, (String, String)>, begins: &str) -> (&'a str, &'a str) {
    let (_, (result, detail)) = steps.iter().find(|(name, _)| name.starts_with(begins)).expect("the step is there");
    (result, detail)
}

#[tokio::test(flavor = "multi_thread")]
async fn token_number_templates_and_webhook_are_judged_as_they_stand() {
    let barid = Barid::start_with(Setup { mps: 80, ..Setup::default() }, &people(1)).await;
    let ours = [
        ("consent_request", Category::Utility),
        ("feedback_confirmation", Category::Utility),
        ("survey_invitation", Category::Marketing),
        ("window_nudge", Category::Utility),
    ];
    for (name, category) in ours {
        for language in ["ar", "en"] {
            barid.simulator.put_template(Template::approved(name, language, category, "Words")).unwrap();
        }
    }
    let (result, steps) = check(&barid).await;
    assert_eq!(steps.len(), 5, "{steps:?}");
    assert_eq!((result.as_str(), step(&steps, "token").0), ("ok", "ok"), "{steps:?}");

    // An approved template is paused, and the app hears of nothing any more.
    let mut template = Template::approved("window_nudge", "ar", Category::Utility, "Words");
    template.status = TemplateStatus::Paused;
    barid.simulator.put_template(template).unwrap();
    let account = &barid.simulator.settings().numbers[0].business_account_id;
    let url = format!("{}/v26.0/{account}/subscribed_apps", barid.simulator.url());
    let gone = barid.http.delete(url).bearer_auth(&barid.simulator.settings().token).send().await.unwrap();
    assert_eq!(gone.json::<Value>().await.unwrap(), json!({ "success": true }));
    let (result, steps) = check(&barid).await;
    assert_eq!((result.as_str(), step(&steps, "webhook").0), ("failed", "failed"), "{steps:?}");
    let (verdict, detail) = step(&steps, "templates");
    assert!(verdict == "failed" && detail.contains("window_nudge") && detail.contains("PAUSED"), "{steps:?}");

    barid.simulator.set_faults(Faults { token: TokenState::Revoked, ..Faults::default() }).unwrap();
    let (_, steps) = check(&barid).await;
    let (verdict, detail) = step(&steps, "token");
    assert!(verdict == "failed" && detail.contains("190"), "{steps:?}");
    assert_eq!((step(&steps, "number").0, step(&steps, "account").0), ("failed", "failed"));
    assert!(!barid.log().contains(&barid.simulator.settings().token), "the token is in no log");
}
