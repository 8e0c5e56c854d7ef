use std::collections::BTreeMap;

use super::*;
use crate::domain::campaign::{CampaignValue, Scalar};
use crate::domain::consent::Consent;
use crate::domain::flow::ResultState;
use crate::domain::ids::{ContactId, FeedbackId};
use crate::domain::template::{SourceFile, TemplateSource};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn both(ar: &str, en: &str) -> CampaignValue {
    CampaignValue::ByLanguage { ar: Scalar::Text(ar.into()), en: Scalar::Text(en.into()) }
}

fn confirmation(brand: &Brand) -> MessageTemplate {
    let file = |name: &str, text: &str| SourceFile { path: name.to_owned(), text: text.to_owned() };
    let source = TemplateSource {
        name: "feedback-confirmation".parse().unwrap(),
        manifest: file(
            "template.toml",
            include_str!("../../../templates/messages/feedback-confirmation/template.toml"),
        ),
        ar: file("ar.hbs", include_str!("../../../templates/messages/feedback-confirmation/ar.hbs")),
        en: file("en.hbs", include_str!("../../../templates/messages/feedback-confirmation/en.hbs")),
        sample: file("sample.toml", include_str!("../../../templates/messages/feedback-confirmation/sample.toml")),
        partials: BTreeMap::new(),
    };
    MessageTemplate::compile(&source, brand).expect("it ships")
}

fn rules() -> Rules {
    let brand = Brand { name: both("بريد", "Barid"), signature: both("فريق العملاء", "The team") };
    let flow = Flow::parse("csat".parse().unwrap(), "csat.toml", include_str!("../../../jobs/flows/csat.toml"), &brand);
    let faq = "[[answers]]\nid = \"hours\"\npatterns = { ar = [\"اوقات الدوام\"], en = [\"opening hours\"] }\n\
               answer = { ar = \"من التاسعة إلى الخامسة.\", en = \"From nine to five.\" }\n";
    Rules {
        flows: vec![Arc::new(flow.expect("it ships"))],
        faq: Arc::new(Faq::parse("faq.toml", faq, &brand).expect("it is in order")),
        confirmation: Some(Arc::new(confirmation(&brand))),
        brand,
        expected_within: ExpectedWithin {
            open: SignedDuration::from_hours(4),
            after_opening: SignedDuration::from_hours(4),
        },
        office_hours: None,
        escalation_words: Keywords::new(["agent", "موظف"]),
        escalate_negative: Some(900),
        staff_told_again_after: SignedDuration::from_mins(30),
        handed_back_after: SignedDuration::from_hours(12),
        loop_guard: LoopGuard {
            same_within: SignedDuration::from_mins(10),
            answers_max: 5,
            within: SignedDuration::from_hours(1),
            burst: SignedDuration::from_mins(2),
        },
    }
}

fn contact() -> Contact {
    Contact {
        id: ContactId::new(1),
        phone: None,
        bsuid: None,
        name: Some("Nadia".to_owned()),
        language: Language::En,
        timezone: "Asia/Riyadh".to_owned(),
        email: None,
        tags: Vec::new(),
        attributes: BTreeMap::new(),
        consent: Consent::default(),
    }
}

fn received(id: i64, text: &str) -> Received {
    Received {
        id: FeedbackId::new(id),
        reference: format!("VOC-{id}"),
        whatsapp_id: format!("wamid.{id}"),
        kind: "text".to_owned(),
        text: Some(text.to_owned()),
        payload: None,
        consent: None,
        negative: None,
        sent_at: at(id),
        received_at: at(id),
    }
}

fn pressed(id: i64, payload: &str) -> Received {
    Received { kind: "button".to_owned(), payload: Some(payload.to_owned()), ..received(id, "x") }
}

/// A talk that goes on.
struct Talk {
    rules: Rules,
    contact: Contact,
    conversation: Conversation,
}

impl Talk {
    fn new() -> Self {
        Self { rules: rules(), contact: contact(), conversation: Conversation::default() }
    }

    /// What is decided over these; the talk goes on from there.
    fn hears(&mut self, heard: &[Received], now: Timestamp) -> Decision {
        let decision = decide(&self.contact, &self.conversation, heard, &self.rules, now);
        self.conversation = decision.conversation.clone();
        // It survives being kept.
        let kept = serde_json::to_string(&self.conversation).unwrap();
        assert_eq!(serde_json::from_str::<Conversation>(&kept).unwrap(), self.conversation);
        decision
    }
}

fn texts(decision: &Decision) -> Vec<String> {
    decision.say.iter().map(|(content, _)| said(content)).collect()
}

#[test]
fn a_burst_gets_one_confirmation_with_the_first_reference_in_the_language_of_the_words() {
    let mut talk = Talk::new();
    let burst: Vec<Received> = (1..=5).map(|id| received(id, "the delivery was late")).collect();
    let decision = talk.hears(&burst, at(8));
    assert_eq!(decision.say.len(), 1, "{:?}", decision.because);
    assert!(texts(&decision)[0].contains("VOC-1") && texts(&decision)[0].contains("4 hours"), "{:?}", texts(&decision));
    assert_eq!(decision.say[0].1, Purpose::Answer);
    assert!(talk.hears(&[received(20, "and the box was open")], at(25)).say.is_empty(), "the same burst");
    let later = talk.hears(&[received(2_000, "التوصيل متأخر")], at(2_010));
    assert!(texts(&later)[0].contains("VOC-2000") && texts(&later)[0].contains("شكرًا"), "{:?}", texts(&later));
}

#[test]
fn a_stop_is_acknowledged_and_nothing_else_is_said_then_or_after() {
    let mut talk = Talk::new();
    let stop = Received { consent: Some("stop".to_owned()), ..received(2, "STOP") };
    let decision = talk.hears(&[received(1, "opening hours?"), stop], at(5));
    assert_eq!(decision.say.iter().map(|(_, purpose)| *purpose).collect::<Vec<_>>(), [Purpose::StopNotice]);
    talk.contact.consent.stopped = true;
    assert!(talk.hears(&[received(500, "hello?"), received(501, "agent")], at(510)).say.is_empty());
    talk.contact.consent.stopped = false;
    let start = Received { consent: Some("start".to_owned()), ..received(900, "ابدأ") };
    assert!(texts(&talk.hears(&[start], at(905)))[0].starts_with("أهلًا"));
}

#[test]
fn consent_is_acknowledged_and_what_must_be_confirmed_is_answered_by_the_question_alone() {
    for (consent, answer) in [("grant", Some("you agree")), ("withdraw", Some("do not agree")), ("ask", None)] {
        let mut talk = Talk::new();
        let word = Received { consent: Some(consent.to_owned()), ..received(1, "offers") };
        let said = texts(&talk.hears(&[word], at(5)));
        assert_eq!(said.len(), usize::from(answer.is_some()), "{said:?}");
        assert!(answer.is_none_or(|answer| said[0].contains(answer)), "{said:?}");
    }
}

#[test]
fn what_is_asked_often_is_answered_and_the_same_answer_is_not_given_twice_in_a_row() {
    let mut talk = Talk::new();
    assert!(texts(&talk.hears(&[received(1, "What are your opening hours?")], at(4)))[0].contains("nine"));
    let again = talk.hears(&[received(10, "opening hours")], at(14));
    assert!(again.say.is_empty(), "{:?}", texts(&again));
}

#[test]
fn two_programs_that_answer_each_other_come_to_rest() {
    let mut talk = Talk::new();
    let said: usize = (0..100)
        .map(|n| {
            let now = 200 * n;
            talk.hears(&[received(now, "Thank you for your message, we are away")], at(now + 3)).say.len()
        })
        .sum();
    // 100 messages in five and a half hours, five answers an hour.
    assert!(said <= 30, "{said}");
}

#[test]
fn a_flow_is_begun_by_its_button_answered_and_leaves_a_result() {
    let mut talk = Talk::new();
    let begun = talk.hears(&[pressed(1, "start-csat")], at(4));
    assert_eq!(begun.say.len(), 1, "{:?}", begun.because);
    assert!(talk.conversation.due_at.is_some(), "it gives up at some time");
    let asked = talk.hears(&[received(60, "5")], at(63));
    assert!(asked.results.is_empty() && asked.say.len() == 1, "{:?}", asked.because);
    let done = talk.hears(&[received(100, "all was well")], at(103));
    assert_eq!(done.results.len(), 1, "{:?}", done.because);
    assert_eq!(done.results[0].state, Some(ResultState::Completed));
    assert_eq!(done.results[0].score.map(|score| score.value), Some(5));
    assert_eq!(talk.conversation.due_at, None);
    // What comes later is feedback again.
    assert!(texts(&talk.hears(&[received(5_000, "one more thing")], at(5_003)))[0].contains("VOC-5000"));
}

#[test]
fn a_flow_that_nobody_answers_ends_by_the_clock_and_keeps_what_was_said() {
    let mut talk = Talk::new();
    talk.hears(&[pressed(1, "start-csat")], at(4));
    talk.hears(&[received(60, "2")], at(63));
    let mut results = Vec::new();
    for _ in 0..4 {
        let Some(due) = talk.conversation.due_at else { break };
        results.extend(talk.hears(&[], due).results);
    }
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].state, Some(ResultState::Partial));
}

#[test]
fn people_are_called_by_a_word_and_barid_is_silent_until_they_were_silent_for_long() {
    let mut talk = Talk::new();
    let called = talk.hears(&[received(1, "موظف")], at(4));
    assert_eq!(called.calls_people, Some(Escalation::Word));
    assert!(texts(&called)[0].contains("سيتولى أحد موظفينا"), "{:?}", texts(&called));
    assert!(talk.hears(&[received(10, "opening hours?"), received(11, "hello")], at(20)).say.is_empty());
    let due = talk.conversation.due_at.unwrap();
    assert_eq!(due, at(4 + 1_800));
    let again = talk.hears(&[], due);
    assert_eq!((again.calls_people, again.say.len()), (Some(Escalation::Word), 0), "they are told again");
    let handed_back = talk.hears(&[received(50_000, "opening hours?")], at(50_003));
    assert!(texts(&handed_back)[0].contains("nine"), "{:?}", handed_back.because);
}

#[test]
fn a_very_unhappy_text_calls_people_and_still_gets_its_reference() {
    let mut talk = Talk::new();
    let sad = |sure| Received { negative: Some(sure), ..received(1, "this is a disgrace") };
    assert_eq!(Talk::new().hears(&[sad(899)], at(4)).calls_people, None);
    let called = talk.hears(&[sad(900)], at(4));
    assert_eq!(called.calls_people, Some(Escalation::Sentiment));
    assert!(texts(&called)[0].contains("VOC-1"), "{:?}", texts(&called));
}

#[test]
fn a_mark_and_the_button_that_opens_the_window_want_no_answer() {
    let mut talk = Talk::new();
    let mark = Received { kind: "reaction".to_owned(), ..received(1, "👍") };
    assert!(talk.hears(&[mark, pressed(2, OPEN_WINDOW)], at(5)).say.is_empty());
}
