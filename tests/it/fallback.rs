//! Other channels take over: the whole service with Meta, Twilio and a mail server beside it, from a campaign's file to the last status.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use barid::simulator::{Fault, Faults, MailRow, Millis, Outcome, Span};
use serde_json::Value;

use crate::harness::{Barid, PATIENCE, Setup, TOKEN};

/// Estimated prices as shipped, in micro-units.
const TEMPLATE: i64 = 2_500;
const SEGMENT: i64 = 7_500;
const MAIL: i64 = 1_000;

/// A person of these tests: the number says what happens over WhatsApp and SMS, the address what happens to mail.
pub(crate) struct Person {
    phone: &'static str,
    email: &'static str,
    language: &'static str,
}

pub(crate) const fn person(phone: &'static str, email: &'static str) -> Person {
    Person { phone, email, language: "ar" }
}

fn outcomes(of: &[(&str, Outcome)]) -> std::collections::BTreeMap<String, Outcome> {
    of.iter().map(|(suffix, outcome)| ((*suffix).to_owned(), *outcome)).collect()
}

pub(crate) fn write_campaign(barid: &Barid, name: &str, people: &[Person], delivery: &str) {
    let mut csv = String::from("phone,name,language,email,consent\n");
    for person in people {
        writeln!(csv, "{},Zephyrine,{},{},survey", person.phone, person.language, person.email).unwrap();
    }
    let folder = barid.dir.path().join("jobs/campaigns");
    std::fs::write(folder.join(format!("{name}.csv")), csv).unwrap();
    let toml = format!(
        r#"template = "survey-invitation"
purpose = "survey"
timezone = "Asia/Riyadh"
expires_after = "36h"
[audience]
file = "{name}.csv"
[values]
survey_title = {{ ar = "استبيان رضا العملاء", en = "Customer Satisfaction Survey" }}
survey_link = "https://survey.example.com/s"
[delivery]
{delivery}
"#
    );
    std::fs::write(folder.join(format!("{name}.toml")), toml).unwrap();
}

pub(crate) fn setup() -> Setup {
    let mut setup = Setup { channels: true, ..Setup::default() };
    setup.simulator.statuses.sent_after = Span::millis(10, 50);
    setup.simulator.statuses.delivered_after = Span::millis(10, 50);
    setup.simulator.statuses.read_share = 0.0;
    setup.simulator.statuses.undelivered_share = 0.0;
    setup.simulator.twilio.sent_after = Span::millis(10, 50);
    setup.simulator.twilio.delivered_after = Span::millis(10, 50);
    setup
}

/// Waits until the messages of a campaign are as `until` wants them.
pub(crate) async fn wait_for(
    barid: &Barid,
    campaign: &str,
    what: &str,
    until: impl Fn(&[Value]) -> bool,
) -> Vec<Value> {
    let begin = Instant::now();
    loop {
        let messages = barid.messages(campaign).await;
        if until(&messages) {
            return messages;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain for: {what}\n{messages:#?}\n{}", barid.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn of<'a>(messages: &'a [Value], person: &Person) -> &'a Value {
    messages.iter().find(|message| message["phone"] == person.phone).expect("each person has a message")
}

pub(crate) fn standing(message: &Value) -> (String, String, u64) {
    let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
    (text("channel"), text("state"), message["attempt"].as_u64().unwrap_or_default())
}

async fn events(barid: &Barid, message: &Value) -> Vec<String> {
    let shown = barid.get(&format!("/api/v1/messages/{}", message["id"].as_str().unwrap())).await;
    let history = shown["history"].as_array().unwrap().iter();
    history.map(|event| format!("{} {}", event["event"].as_str().unwrap(), event["detail"].as_str().unwrap())).collect()
}

fn counter(metrics: &str, line: &str) -> u64 {
    let value =
        metrics.lines().find_map(|known| known.strip_prefix(line)).unwrap_or_else(|| panic!("{line} is missing"));
    value.trim().parse().unwrap()
}

fn micros_of(cost: &Value) -> i64 {
    let amount: f64 = cost["amount"].as_str().unwrap().parse().unwrap();
    (amount * 1e6).round() as i64
}

async fn opted_out(barid: &Barid, phone: &str) -> bool {
    let found = barid.get(&format!("/api/v1/contacts?phone={}", phone.replace('+', "%2B"))).await;
    found["items"][0]["opted_out"].as_bool().expect("the contact is there")
}

#[tokio::test]
async fn every_road_to_another_channel_is_walked_to_its_end() {
    let fine = person("+966500001000", "fine@example.com");
    let late_failure = person("+966500001001", "a@example.com");
    let phone_off = person("+966500001002", "b@example.com");
    let landline = person("+966500001003", "c@example.com");
    let nowhere = person("+966500001004", "bounce-550@example.com");
    let shaky = person("+966500001005", "d@example.com");
    let lost_answer = person("+966500001006", "e@example.com");
    let stopped_at_twilio = person("+966500001007", "f@example.com");
    let mut setup = setup();
    let unreachable = Outcome::Failed(131_026);
    setup.simulator.suffixes = outcomes(&[
        ("1001", unreachable),
        ("1002", Outcome::SentOnly),
        ("1003", unreachable),
        ("1004", unreachable),
        ("1005", unreachable),
        ("1006", unreachable),
        ("1007", unreachable),
    ]);
    setup.simulator.twilio.suffixes = outcomes(&[
        ("1003", Outcome::Fault(Fault::Error(21_614))),
        ("1004", Outcome::Failed(30_006)),
        ("1005", Outcome::FaultOnce(Fault::Http500)),
        ("1006", Outcome::Fault(Fault::ResetAfterAccept)),
        ("1007", Outcome::Fault(Fault::Error(21_610))),
    ]);
    let people = [fine, late_failure, phone_off, landline, nowhere, shaky, lost_answer, stopped_at_twilio];
    let mut barid = Barid::prepare(setup).await;
    write_campaign(&barid, "survey", &people, "fallback = [\"sms\", \"email\"]\nnot_delivered_after = \"2s\"");
    // What a campaign may cost over other channels is known before anything is sent, by the segments that the provider will count.
    let plan = barid.run(&["campaign", "plan", "survey", "--json"]);
    let plan: Value = serde_json::from_slice(&plan.stdout).expect("the plan is JSON");
    let (sms, mail) = (&plan["fallback"][0], &plan["fallback"][1]);
    let segments_at_most = sms["segments"].as_i64().unwrap();
    assert!(segments_at_most >= 16, "an Arabic text takes two segments at least: {plan}");
    assert_eq!(micros_of(&sms["cost_at_most"]), SEGMENT * segments_at_most, "{plan}");
    assert_eq!((&mail["recipients"], micros_of(&mail["cost_at_most"])), (&8.into(), 8 * MAIL), "{plan}");

    barid.start().await;
    barid.start_campaign("survey").await;
    let [fine, late_failure, phone_off, landline, nowhere, shaky, lost_answer, stopped_at_twilio] = &people;
    let is_settled = |message: &Value| {
        matches!(message["state"].as_str(), Some("delivered" | "failed"))
            || standing(message).0 == "email" && message["state"] == "submitted"
    };
    let messages = wait_for(&barid, "survey", "everybody to be reached or given up", |messages| {
        messages.len() == people.len() && messages.iter().all(is_settled)
    })
    .await;

    let stands = |person: &Person| standing(of(&messages, person));
    let at = |channel: &str, state: &str, attempt| (channel.to_owned(), state.to_owned(), attempt);
    assert_eq!(stands(fine), at("whatsapp", "delivered", 1));
    assert_eq!(stands(late_failure), at("sms", "delivered", 2));
    assert_eq!(stands(phone_off), at("sms", "delivered", 2), "not delivered in time");
    assert_eq!(stands(landline), at("email", "submitted", 3), "refused at once");
    assert_eq!(stands(nowhere), at("email", "failed", 3), "undelivered, then bounced");
    assert_eq!(stands(shaky), at("sms", "delivered", 3), "a fault is tried again on the same channel");
    assert_eq!(stands(lost_answer), at("sms", "delivered", 2), "settled by Twilio's status");
    assert_eq!(stands(stopped_at_twilio), at("sms", "failed", 2), "nobody is written to past a stop");
    assert!(opted_out(&barid, stopped_at_twilio.phone).await, "a stop that Twilio knows of counts for all channels");

    // Nobody got it twice on a channel.
    let texts = barid.simulator.twilio_ledger();
    let mut to: Vec<&str> = texts.iter().map(|row| row.to.as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, [late_failure.phone, phone_off.phone, nowhere.phone, shaky.phone, lost_answer.phone]);
    let mails = barid.simulator.mails();
    assert_eq!(mails.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), [landline.email]);
    assert!(texts.iter().all(|row| row.segments > 1), "the Arabic text takes more than one segment");

    // What it costs: WhatsApp when it arrives, a text message by the segments that the provider counted, a mail when it is taken.
    let segments: i64 = texts.iter().map(|row| i64::from(row.segments)).sum();
    let micros = TEMPLATE + SEGMENT * segments + MAIL;
    let campaign = barid.get("/api/v1/campaigns/survey").await;
    assert_eq!(micros_of(&campaign["cost"]), micros, "{campaign}");
    let of_one = segments / i64::try_from(texts.len()).unwrap();
    assert_eq!(segments_at_most, of_one * 8, "the plan counted as the provider does");

    let history = events(&barid, of(&messages, late_failure)).await;
    assert!(
        history.iter().any(|event| event.starts_with("failed") && event.contains("held: fallback sms")),
        "{history:#?}"
    );
    let history = events(&barid, of(&messages, phone_off)).await;
    assert!(history.iter().any(|event| event == "not-delivered held: fallback sms"), "{history:#?}");

    let metrics = barid.metrics().await;
    assert_eq!(counter(&metrics, r#"barid_fallbacks_total{from="whatsapp",to="sms"}"#), 7);
    assert_eq!(counter(&metrics, r#"barid_fallbacks_total{from="sms",to="email"}"#), 2);
    assert_eq!(counter(&metrics, r#"barid_messages_total{channel="email",outcome="refused"}"#), 1);
    assert_eq!(counter(&metrics, r#"barid_callbacks_total{result="not-genuine",source="twilio-status"}"#), 0);

    let channels = barid.get("/api/integrations").await;
    let configured: Vec<_> = channels["items"].as_array().unwrap().iter().map(|item| &item["configured"]).collect();
    assert_eq!(configured, [true, true, true, true]);
    let log = barid.log();
    assert!(!log.contains("Zephyrine") && !log.contains("@example.com") && !log.contains("96650000"), "{log}");
}

/// Whether the mail server took a mail for this person.
fn by_mail(messages: &[Value], person: &Person) -> bool {
    let (channel, state, _) = standing(of(messages, person));
    channel == "email" && state == "submitted"
}

/// The link under a mail.
fn unsubscribe_link(mail: &MailRow) -> String {
    let ways = mail.header("List-Unsubscribe").expect("each mail has a way to stop");
    ways.trim_start_matches('<').split('>').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_stop_on_any_channel_stops_all_of_them_and_mail_that_comes_back_fails() {
    let clicks = person("+966500002001", "clicks@example.com");
    let bounces = person("+966500002002", "gone@example.com");
    let texts = person("+966500002003", "texts@example.com");
    let mut setup = setup();
    setup.simulator.suffixes = outcomes(&[("2001", Outcome::Failed(131_026)), ("2002", Outcome::Failed(131_026))]);
    let people = [clicks, bounces, texts];
    let mut barid = Barid::prepare(setup).await;
    write_campaign(&barid, "first", &people, "fallback = [\"email\"]");
    write_campaign(&barid, "second", &people, "fallback = [\"sms\"]");
    barid.start().await;
    barid.start_campaign("first").await;
    let [clicks, bounces, texts] = &people;
    wait_for(&barid, "first", "two mails", |messages| {
        messages.len() == 3 && by_mail(messages, clicks) && by_mail(messages, bounces)
    })
    .await;
    let mails = barid.simulator.mails();
    let mail_to = |person: &Person| mails.iter().find(|mail| mail.to == person.email).expect("it was sent");

    // Opening the link asks, pressing the button stops.
    let link = unsubscribe_link(mail_to(clicks));
    let page = barid.http.get(&link).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let text = page.text().await.unwrap();
    assert!(text.contains("dir=\"rtl\"") && text.contains("<form method=\"post\">"), "{text}");
    assert!(!opted_out(&barid, clicks.phone).await, "a link that was only opened stops nothing");
    for _ in 0..2 {
        let done = barid.http.post(&link).body("List-Unsubscribe=One-Click").send().await.unwrap();
        assert_eq!(done.status(), 200);
    }
    assert!(opted_out(&barid, clicks.phone).await);
    let forged = format!("{}0", &link[..link.len() - 1]);
    let forged = if forged == link { format!("{}1", &link[..link.len() - 1]) } else { forged };
    assert_eq!(barid.http.post(&forged).body("").send().await.unwrap().status(), 404);

    // A mail comes back to the address that only it had.
    let report = format!(
        "To: {to}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n\
         Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n--b--\r\n",
        to = mail_to(bounces).from
    );
    let door = format!("http://{}/api/email/bounce", barid.listen);
    let refused = barid.http.post(&door).bearer_auth("wrong").body(report.clone()).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let taken = barid.http.post(&door).bearer_auth(TOKEN).body(report).send().await.unwrap();
    assert_eq!(taken.status(), 204);
    let messages =
        wait_for(&barid, "first", "the bounce to be applied", |messages| of(messages, bounces)["state"] == "failed")
            .await;
    assert_eq!(of(&messages, bounces)["reason"], "undeliverable");

    // A text message with a stop word, and one without.
    let unsigned =
        barid.http.post(format!("http://{}/api/twilio/inbound", barid.listen)).body("Body=STOP").send().await;
    assert_eq!(unsigned.unwrap().status(), 401);
    // Nor is a status believed that somebody else signed.
    let before = of(&barid.messages("first").await, clicks)["state"].clone();
    let forged = barid
        .http
        .post(format!("http://{}/api/twilio/status?r=k7q2.1.1", barid.listen))
        .header("X-Twilio-Signature", "lQtLtvEwErjfMc76t1EWXoRjAIQ=")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("MessageSid=SM00000000000000000000000000000001&MessageStatus=failed&ErrorCode=30006");
    assert_eq!(forged.send().await.unwrap().status(), 401);
    assert_eq!(of(&barid.messages("first").await, clicks)["state"], before);
    let metrics = barid.metrics().await;
    for source in ["twilio-status", "twilio-inbound", "email-bounce"] {
        let line = format!(r#"barid_callbacks_total{{result="not-genuine",source="{source}"}}"#);
        assert_eq!(counter(&metrics, &line), 1, "{source}");
    }
    barid.simulator.hear_sms(bounces.phone, "شكراً على الخدمة").unwrap();
    barid.simulator.hear_sms(texts.phone, "إيقاف").unwrap();
    let begin = Instant::now();
    while !opted_out(&barid, texts.phone).await {
        assert!(begin.elapsed() < PATIENCE, "the stop word is not heard\n{}", barid.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::timeout(PATIENCE, barid.simulator.quiet()).await.unwrap();
    let begin = Instant::now();
    let feedback = loop {
        let feedback = barid.get("/api/v1/feedback").await["items"].as_array().unwrap().clone();
        if feedback.len() >= 2 {
            break feedback;
        }
        assert!(begin.elapsed() < PATIENCE, "{feedback:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let praise = feedback.iter().find(|item| item["phone"] == bounces.phone).expect("it is kept");
    assert_eq!((praise["channel"].as_str(), praise["text"].as_str()), (Some("sms"), Some("شكراً على الخدمة")));
    assert!(!opted_out(&barid, bounces.phone).await);

    // Whoever stopped anywhere is written to nowhere.
    barid.start_campaign("second").await;
    let messages = wait_for(&barid, "second", "the second run", |messages| {
        messages.len() == 3 && of(messages, bounces)["state"] == "delivered"
    })
    .await;
    for person in [clicks, texts] {
        let message = of(&messages, person);
        assert_eq!((message["state"].as_str(), message["reason"].as_str()), (Some("suppressed"), Some("opted-out")));
    }
    assert_eq!(barid.simulator.twilio_ledger().len(), 1, "only the one who did not stop got a text message");
}

#[tokio::test]
async fn a_late_arrival_and_stop_words_cancel_the_text_message_that_was_to_follow() {
    let late = person("+966500004001", "a@example.com");
    let stops_on_whatsapp = person("+966500004002", "b@example.com");
    let stops_by_sms = person("+966500004003", "c@example.com");
    let patient = person("+966500004004", "d@example.com");
    let mut setup = setup();
    setup.more = "[queue]\nsweep = \"500ms\"\n".to_owned();
    setup.simulator.suffixes = outcomes(&[
        ("4001", Outcome::DeliveredLate(Millis::from_secs(15))),
        ("4002", Outcome::SentOnly),
        ("4003", Outcome::SentOnly),
        ("4004", Outcome::SentOnly),
    ]);
    let people = [late, stops_on_whatsapp, stops_by_sms, patient];
    let mut barid = Barid::prepare(setup).await;
    write_campaign(&barid, "survey", &people, "fallback = [\"sms\"]\nnot_delivered_after = \"2s\"");
    barid.start().await;
    // So that all four stand before their text message for a while.
    let suspended = barid.run(&["suspend", "channel", "sms", "--reason", "a test"]);
    assert!(suspended.status.success(), "{}", String::from_utf8_lossy(&suspended.stderr));
    barid.start_campaign("survey").await;
    let [late, stops_on_whatsapp, stops_by_sms, patient] = &people;
    wait_for(&barid, "survey", "all to wait for their text message", |messages| {
        messages.len() == 4 && messages.iter().all(|message| standing(message).0 == "sms" && message["state"] == "held")
    })
    .await;

    barid.simulator_says(stops_on_whatsapp.phone, "إيقاف").await;
    barid.simulator.hear_sms(stops_by_sms.phone, "STOP").unwrap();
    let messages = wait_for(&barid, "survey", "an arrival and two stops", |messages| {
        of(messages, late)["state"] == "delivered"
            && [stops_on_whatsapp, stops_by_sms].iter().all(|person| of(messages, person)["state"] == "suppressed")
    })
    .await;
    for person in [stops_on_whatsapp, stops_by_sms] {
        assert_eq!(of(&messages, person)["reason"], "opted-out");
        assert!(opted_out(&barid, person.phone).await, "on every channel");
    }
    assert_eq!(of(&messages, patient)["state"], "held");
    let history = events(&barid, of(&messages, late)).await;
    assert!(history.iter().any(|event| event == "not-delivered held: fallback sms"), "{history:#?}");

    // Nothing stands in the way any more, and only the one who neither got it nor stopped gets it.
    assert!(barid.run(&["release", "--all"]).status.success());
    let messages =
        wait_for(&barid, "survey", "the text message", |messages| of(messages, patient)["state"] == "delivered").await;
    assert_eq!(standing(of(&messages, patient)), ("sms".to_owned(), "delivered".to_owned(), 2));
    barid.settle("survey").await;
    let texts = barid.simulator.twilio_ledger();
    assert_eq!(texts.iter().map(|row| row.to.as_str()).collect::<Vec<_>>(), [patient.phone]);
    assert_eq!(of(&barid.messages("survey").await, late)["state"], "delivered");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_passed_over_and_everybody_can_see_it() {
    let mut setup = setup();
    setup.simulator.suffixes = outcomes(&[("7", Outcome::Failed(131_026))]);
    setup.simulator.twilio.faults = Faults { http_500: 1.0, ..Faults::default() };
    let first = ["+966500005017", "+966500005027", "+966500005037", "+966500005047", "+966500005057"];
    let first = first.map(|phone| person(phone, "first@example.com"));
    let second = [person("+966500005067", "second@example.com")];
    let mut barid = Barid::prepare(setup).await;
    write_campaign(&barid, "first", &first, "fallback = [\"sms\", \"email\"]");
    write_campaign(&barid, "second", &second, "fallback = [\"sms\", \"email\"]");
    barid.start().await;
    let sms = async |barid: &Barid| barid.get("/api/integrations").await["items"][2].clone();
    let well = sms(&barid).await;
    assert_eq!((&well["healthy"], &well["sick_until"]), (&true.into(), &Value::Null), "{well}");
    barid.start_campaign("first").await;
    wait_for(&barid, "first", "all to get a mail in the end", |messages| {
        messages.len() == first.len() && first.iter().all(|person| by_mail(messages, person))
    })
    .await;
    let sick = sms(&barid).await;
    assert!(sick["healthy"] == false && sick["sick_until"].is_string(), "{sick}");
    assert_eq!(counter(&barid.metrics().await, r#"barid_channel_sick{channel="sms"}"#), 1);

    // Whoever comes now is not sent to it at all.
    barid.start_campaign("second").await;
    let messages =
        wait_for(&barid, "second", "a mail", |messages| messages.len() == 1 && by_mail(messages, &second[0])).await;
    assert_eq!(standing(&messages[0]).2, 2, "WhatsApp, then e-mail");
    assert_eq!(barid.simulator.twilio_ledger(), []);
}

#[tokio::test]
async fn text_messages_keep_the_pace_that_the_configuration_gives_them() {
    let mut setup = setup();
    setup.simulator.suffixes = outcomes(&[("8", Outcome::Failed(131_026))]);
    setup.simulator.twilio.suffixes = outcomes(&[("98", Outcome::FaultOnce(Fault::Error(20_429)))]);
    let people = ["18", "28", "38", "48", "58", "68", "78", "88", "98"].map(|digits| {
        let phone: &'static str = format!("+9665000080{digits}").leak();
        person(phone, "a@example.com")
    });
    let mut barid = Barid::prepare(setup).await;
    barid.environment.push(("BARID__TWILIO__SMS_MPS", "1".to_owned()));
    write_campaign(&barid, "survey", &people, "fallback = [\"sms\"]");
    barid.start().await;
    barid.start_campaign("survey").await;
    wait_for(&barid, "survey", "somebody to be held by the pace", |messages| {
        messages.iter().any(|message| message["state"] == "held" && message["reason"] == "limit-channel")
    })
    .await;
    // All but the one to whom Twilio says that we are too fast, which comes later.
    wait_for(&barid, "survey", "eight to arrive", |messages| {
        messages.iter().filter(|message| message["state"] == "delivered").count() >= 8
    })
    .await;
    let mut at: Vec<i64> = barid.simulator.twilio_ledger().iter().map(|row| row.accepted_at).collect();
    at.sort_unstable();
    assert!(at.len() >= 8, "{at:?}");
    // Seven distances of a second; how long a call takes on its way differs.
    assert!(at[7] - at[0] >= 6_500, "{at:?}");
    let begin = Instant::now();
    while !barid.log().contains("the channel sends more slowly for a while") {
        assert!(begin.elapsed() < PATIENCE, "Twilio's 429 slows nothing down\n{}", barid.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_campaign_may_only_name_channels_that_are_set_up() {
    let barid = Barid::prepare(Setup::default()).await;
    let people = [person("+966500001000", "fine@example.com")];
    write_campaign(&barid, "survey", &people, "fallback = [\"sms\", \"email\", \"sms\"]");
    write_campaign(&barid, "other", &people, "not_delivered_after = \"4h\"");
    let checked = barid.run(&["check"]);
    let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(!checked.status.success());
    for part in [
        "`fallback` names `sms`, which is not set up: TWILIO_ACCOUNT_SID is not set",
        "`fallback` names `email`, which is not set up: SMTP_URL is not set",
        "`fallback` names `sms` twice",
        "`not_delivered_after` needs a channel to fall back to",
    ] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
}
