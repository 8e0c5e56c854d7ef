use std::collections::BTreeMap;

use super::*;
use crate::domain::answering::staff::{StaffAct, StaffRefusal};
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
        beside: BTreeMap::new(),
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
        patience: Patience {
            told_again_after: SignedDuration::from_mins(30),
            handed_back_after: SignedDuration::from_hours(12),
            is_person_told: true,
        },
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
    decision.say.iter().map(|(content, _)| content.words().to_owned()).collect()
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
    let said = texts(&handed_back);
    assert!(said[0].contains("nobody has answered you yet") && said[1].contains("nine"), "{:?}", handed_back.because);
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

/// Somebody of the staff does something; the talk goes on from there.
fn staff_does(talk: &mut Talk, act: &StaffAct, who: &str, unanswered: &[Received], now: Timestamp) -> Option<Decision> {
    let done = staff::act(&talk.contact, &talk.conversation, unanswered, Some(&talk.rules), (act, who), now);
    let done = done.expect("it can be done");
    if let Some(decision) = &done {
        talk.conversation = decision.conversation.clone();
    }
    done
}

#[test]
fn staff_answer_the_person_waits_no_more_and_barid_is_silent_until_it_is_handed_back() {
    let mut talk = Talk::new();
    talk.hears(&[received(1, "agent")], at(4));
    assert_eq!(talk.conversation.handover().unwrap().waits_since, Some(at(1)));
    assert_eq!(talk.conversation.handover().unwrap().reference.as_deref(), Some("VOC-1"));
    let answer = StaffAct::Answer("We will call you.".to_owned());
    let answered = staff_does(&mut talk, &answer, "amal", &[], at(60)).unwrap();
    assert_eq!(texts(&answered), ["We will call you."]);
    assert_eq!(answered.say[0].1, Purpose::Answer);
    let handover = talk.conversation.handover().unwrap();
    assert_eq!((handover.wrote_at, handover.waits_since), (Some(at(60)), None));
    assert_eq!(
        (handover.taken_by.as_deref(), handover.because, handover.since),
        (Some("amal"), Escalation::Word, at(4))
    );
    assert_eq!(talk.conversation.due_at, Some(at(60 + 12 * 3_600)), "nobody waits: staff are not told again");
    assert!(talk.hears(&[received(100, "opening hours?")], at(103)).say.is_empty());
    assert_eq!(talk.conversation.due_at, Some(at(100 + 1_800)), "they wait again");
    let colleague = staff_does(&mut talk, &StaffAct::Take, "omar", &[], at(110)).unwrap();
    assert_eq!(colleague.conversation.handover().unwrap().taken_by.as_deref(), Some("omar"));
    assert!(staff_does(&mut talk, &StaffAct::Take, "omar", &[], at(111)).is_none(), "it is his already");
    assert!(staff_does(&mut talk, &StaffAct::HandBack, "omar", &[], at(120)).unwrap().say.is_empty());
    assert_eq!((talk.conversation.is_human(), talk.conversation.due_at), (false, None));
    assert!(staff_does(&mut talk, &StaffAct::HandBack, "omar", &[], at(121)).is_none());
    assert!(texts(&talk.hears(&[received(5_000, "one more thing")], at(5_003)))[0].contains("VOC-5000"));
}

#[test]
fn staff_take_a_talk_that_nobody_handed_over_its_flow_ends_and_what_came_in_is_theirs() {
    let mut talk = Talk::new();
    talk.hears(&[pressed(1, "start-csat")], at(4));
    talk.hears(&[received(60, "2")], at(63));
    let late = [received(70, "the price"), Received { consent: Some("stop".to_owned()), ..received(71, "STOP") }];
    let taken = staff_does(&mut talk, &StaffAct::Take, "amal", &late, at(72)).unwrap();
    assert_eq!(taken.results.iter().map(|result| result.state).collect::<Vec<_>>(), [Some(ResultState::Escalated)]);
    assert_eq!(taken.say.iter().map(|(_, purpose)| *purpose).collect::<Vec<_>>(), [Purpose::StopNotice]);
    let handover = talk.conversation.handover().unwrap();
    assert_eq!((handover.because, handover.waits_since), (Escalation::Staff, Some(at(70))));
    // An answer takes a talk, too.
    let mut talk = Talk::new();
    let answered = staff_does(&mut talk, &StaffAct::Answer("Hello".to_owned()), "amal", &[received(1, "hi")], at(2));
    assert_eq!(texts(&answered.unwrap()), ["Hello"], "and barid does not confirm beside it");
    assert_eq!(talk.conversation.handover().map(|handover| handover.waits_since), Some(None));
}

#[test]
fn what_staff_cannot_do_is_refused_with_its_reason() {
    let mut talk = Talk::new();
    let act = |talk: &Talk, text: &str| {
        let answer = StaffAct::Answer(text.to_owned());
        staff::act(&talk.contact, &talk.conversation, &[], Some(&talk.rules), (&answer, "amal"), at(1))
    };
    assert_eq!(act(&talk, "  ").unwrap_err(), StaffRefusal::TextLength(2));
    assert_eq!(act(&talk, &"x".repeat(4_097)).unwrap_err(), StaffRefusal::TextLength(4_097));
    assert!(act(&talk, &"x".repeat(4_096)).is_ok());
    talk.contact.consent.stopped = true;
    assert_eq!(act(&talk, "hello").unwrap_err(), StaffRefusal::Stopped);
    // Where barid says nothing by itself, people still do.
    let talk = Talk::new();
    let answer = StaffAct::Answer("Hello".to_owned());
    let done = staff::act(&talk.contact, &talk.conversation, &[], None, (&answer, "amal"), at(1)).unwrap().unwrap();
    assert_eq!(
        (texts(&done), done.conversation.is_human(), done.conversation.due_at),
        (vec!["Hello".to_owned()], true, None)
    );
}
