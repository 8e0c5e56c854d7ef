//! Conversations as they are held, and what the engine promises whatever comes.

mod whatever;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::limits;
use super::*;
use crate::domain::campaign::{CampaignValue, Scalar};
use crate::domain::consent::Consent;
use crate::domain::contact::Contact;
use crate::domain::ids::ContactId;
use crate::domain::language::Language;
use crate::domain::message::Content;
use crate::domain::template::Brand;

/// A flow with every kind of question, a circle, variables and each way out.
const VISIT: &str = r#"
remind_after = "1h"
gives_up_after = "20h"
[starts_on]
words = { ar = ["حجز"], en = ["book a visit", "visit"] }
payloads = ["book"]
[variables]
place = { ar = "الرياض", en = "Riyadh" }
mood = "fine"
[[steps]]
id = "hello"
kind = "say"
text = { ar = "أهلًا {{default contact.name 'ضيفنا'}}", en = "Hello {{default contact.name 'guest'}}" }
[[steps]]
id = "menu"
kind = "buttons"
text = { ar = "ماذا تريد؟", en = "What would you like?" }
tries = 2
after_tries = "escalate"
buttons = [
  { id = "book", title = { ar = "حجز زيارة", en = "Book a visit" }, words = { ar = ["موعد"], en = ["appointment"] } },
  { id = "rate", title = { ar = "تقييم", en = "Rate" } },
  { id = "human", title = { ar = "👤 موظف", en = "👤 Person" } },
]
next = [
  { is = "book", go = "how_many" },
  { is = ["rate"], go = "stars", set = { mood = { ar = "جيد", en = "good" } } },
  { go = "escalate" },
]
[[steps]]
id = "how_many"
kind = "number"
min = 1
max = 8
text = { ar = "كم شخصًا؟", en = "How many people?" }
after_tries = "next"
next = [{ from = 5, go = "group" }]
[[steps]]
id = "day"
kind = "date"
min = "today+1d"
max = "today+60d"
text = { ar = "في أي يوم في {{place}}؟", en = "On which day in {{place}}?" }
next = "room"
[[steps]]
id = "group"
kind = "say"
text = { ar = "مجموعة من {{default answers.how_many '؟'}}!", en = "A group of {{default answers.how_many '?'}}!" }
next = "day"
[[steps]]
id = "room"
kind = "list"
text = { ar = "أي قاعة؟", en = "Which room?" }
rows = [
  { id = "a", title = { ar = "القاعة الكبرى", en = "Great hall" }, description = { ar = "مئة مقعد", en = "A hundred seats" } },
  { id = "b", title = { ar = "القاعة ب", en = "Room B" } },
]
next = "note"
[[steps]]
id = "note"
kind = "text"
chars_max = 20
optional = true
text = { ar = "ملاحظة؟", en = "A note?" }
retry = { ar = "أقصر من فضلك، {{answers.room}}", en = "Shorter please, {{answers.room}}" }
[[steps]]
id = "done"
kind = "say"
text = { ar = "{{date answers.day}}: {{answers.room}} ({{mood}}) {{default answers.note '-'}}", en = "{{date answers.day}}: {{answers.room}} ({{mood}}) {{default answers.note '-'}}" }
next = "end"
[[steps]]
id = "stars"
kind = "csat"
text = { ar = "قيّمنا", en = "Rate us" }
next = [{ of = "menu", is = "book", go = "end" }, { from = 4, go = "likely" }, { go = "sorry" }]
[[steps]]
id = "sorry"
kind = "escalate"
text = { ar = "نأسف.", en = "We are sorry." }
[[steps]]
id = "likely"
kind = "nps"
text = { ar = "هل توصي بنا؟ 0-10", en = "Would you recommend us? 0-10" }
[[steps]]
id = "again"
kind = "buttons"
text = { ar = "أي شيء آخر؟", en = "Anything else?" }
buttons = [{ id = "yes", title = { ar = "نعم", en = "Yes" } }, { id = "no", title = { ar = "لا", en = "No" } }]
next = [{ is = "yes", go = "menu" }, { go = "end" }]
"#;

fn brand() -> Brand {
    let both =
        |ar: &str, en: &str| CampaignValue::ByLanguage { ar: Scalar::Text(ar.into()), en: Scalar::Text(en.into()) };
    Brand { name: both("بريد", "Barid"), signature: both("الفريق", "The team") }
}

fn contact(name: Option<&str>) -> Contact {
    Contact {
        id: ContactId::new(1),
        phone: None,
        bsuid: None,
        name: name.map(str::to_owned),
        language: Language::En,
        timezone: "Asia/Riyadh".into(),
        email: None,
        tags: vec![],
        attributes: BTreeMap::new(),
        consent: Consent::default(),
    }
}

fn parsed(text: &str) -> Result<Flow, String> {
    Flow::parse("visit".parse().unwrap(), "visit.toml", text, &brand())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn at(minutes: i64) -> Timestamp {
    "2026-11-27T09:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

/// What people see, with what their buttons are called.
fn shown(content: &Content) -> String {
    match content {
        Content::Text { body, .. } => body.clone(),
        Content::Buttons { body, buttons, .. } => {
            let titles: Vec<&str> = buttons.iter().map(|button| button.title.as_str()).collect();
            format!("{body} [{}]", titles.join("|"))
        }
        Content::List { body, button, sections, .. } => {
            let titles: Vec<&str> =
                sections.iter().flat_map(|section| &section.rows).map(|row| row.title.as_str()).collect();
            format!("{body} <{button}: {}>", titles.join("|"))
        }
        other => panic!("a flow does not say {}", other.kind()),
    }
}

/// A conversation that is being held.
struct Talk {
    flow: Flow,
    contact: Contact,
    turn: Turn,
    n: usize,
    minute: i64,
}

impl Talk {
    fn begin(flow: Flow, language: Language) -> Self {
        let start = Start { id: "start".into(), language, variables: Default::default() };
        let contact = contact(Some("Omar"));
        let turn = begin(&flow, &start, &Around { contact: &contact, brand: &brand() }, at(0));
        Self { flow, contact, turn, n: 0, minute: 0 }
    }

    fn visit() -> Self {
        Self::begin(parsed(VISIT).unwrap(), Language::En)
    }

    fn takes(&mut self, came: WhatCame) -> &mut Self {
        self.n += 1;
        let input = Input { id: format!("in-{}", self.n), came };
        let around = Around { contact: &self.contact, brand: &brand() };
        self.turn = advance(&self.flow, &self.turn.position, &input, &around, at(self.minute));
        self
    }

    fn hears(&mut self, text: &str) -> &mut Self {
        self.takes(WhatCame::Text(text.into()))
    }

    fn presses(&mut self, step: &str, choice: &str) -> &mut Self {
        let payload = format!("flow:{}:{step}:{choice}", self.flow.name);
        self.takes(WhatCame::Pressed(payload))
    }

    fn after(&mut self, minutes: i64) -> &mut Self {
        self.minute += minutes;
        self
    }

    fn says(&self) -> String {
        self.turn.say.iter().map(shown).collect::<Vec<_>>().join(" ~ ")
    }

    fn open(&self) -> Option<&str> {
        self.turn.position.open.as_ref().map(FlowStepId::as_str)
    }

    fn answers(&self) -> String {
        let answers = self.turn.position.answers.iter();
        let one = |answer: &Answer| format!("{}={}", answer.step, serde_json::to_value(answer).unwrap()["value"]);
        answers.map(one).collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn a_conversation_from_end_to_end() {
    let mut talk = Talk::visit();
    assert_eq!(
        talk.says(),
        "Hello Omar\n\nWhat would you like? [Book a visit|Rate|👤 Person]",
        "joined into one message"
    );
    assert_eq!(talk.turn.because, Because::Began);
    talk.presses("menu", "book");
    assert_eq!(talk.says(), "How many people?");
    talk.hears("٥ أشخاص");
    assert_eq!(talk.says(), "A group of 5!\n\nOn which day in Riyadh?");
    talk.hears("tomorrow");
    assert_eq!(talk.says(), "Which room? <Choose: Great hall|Room B>");
    talk.hears("room b");
    assert_eq!(talk.says(), "A note?");
    talk.hears("this note is much longer than twenty");
    assert_eq!(talk.says(), "Shorter please, Room B");
    talk.hears("Skip");
    assert_eq!(talk.says(), "Saturday, 28 November 2026: Room B (fine) -");
    assert_eq!(talk.turn.ends(), Some(ResultState::Completed));
    assert_eq!(talk.turn.timers(), None);
    assert_eq!(talk.answers(), r#"menu="book" how_many=5 day="2026-11-28" room="b""#);
    assert_eq!(talk.hears("hello?").turn.because, Because::NotWaiting);
}

#[test]
fn the_same_question_is_answered_in_many_ways() {
    for answer in ["1", "١", "Book a visit", "book a visit!", "حجز زياره", "appointment", "موعد", "book", "one"]
    {
        assert_eq!(Talk::visit().hears(answer).open(), Some("how_many"), "{answer}");
    }
    for answer in ["3", "👤 Person", "person", "مُوَظَّف"] {
        assert!(Talk::visit().hears(answer).turn.escalates(), "{answer}");
    }
    for answer in ["4", "0", "-1", "book or rate", "", "🙂", "1 2"] {
        assert_eq!(
            Talk::visit().hears(answer).turn.because,
            Because::NotUnderstood("menu".parse().unwrap()),
            "{answer}"
        );
    }
    for (answer, score) in
        [("5", 5), ("٤ من ٥", 4), ("⭐⭐⭐⭐⭐", 5), ("very satisfied", 5), ("راضي", 4), ("4 - Satisfied", 4)]
    {
        let mut talk = Talk::visit();
        talk.hears("rate").hears(answer);
        assert_eq!(talk.answers(), format!(r#"menu="rate" stars={score}"#), "{answer}");
    }
}

#[test]
fn what_cannot_be_read_is_asked_again_politely_and_then_left() {
    let mut talk = Talk::visit();
    talk.hears("what?");
    assert_eq!(
        talk.says(),
        "Sorry, we did not understand that. Please choose one of these answers: [Book a visit|Rate|👤 Person]"
    );
    talk.takes(WhatCame::Other);
    assert_eq!(talk.turn.because, Because::TriesUsedUp("menu".parse().unwrap()));
    assert!(talk.turn.escalates() && talk.turn.say.is_empty());

    let mut talk = Talk::begin(parsed(VISIT).unwrap(), Language::Ar);
    talk.hears("1").hears("مئة").hears("100");
    assert_eq!(talk.says(), "عذرًا، لم نفهم إجابتك. من فضلك أجب برقم صحيح من 1 إلى 8.");
    talk.hears("9");
    assert_eq!((talk.open(), talk.answers().as_str()), (Some("day"), r#"menu="book""#), "it goes on without");
    talk.hears("أمس").hears("32/13");
    assert_eq!(talk.says(), "عذرًا، لم نفهم إجابتك. من فضلك أجب بتاريخ من 28/11/2026 إلى 26/1/2027.");
    talk.hears("؟");
    assert_eq!(talk.turn.ends(), Some(ResultState::Partial));
}

#[test]
fn branches_variables_and_circles() {
    let mut talk = Talk::visit();
    talk.hears("rate").hears("5").hears("10/10").hears("yes");
    assert_eq!(talk.open(), Some("menu"));
    assert_eq!(talk.answers(), r#"menu="rate" stars=5 likely=10 again="yes""#);
    talk.hears("book").hears("2").hears("30 Nov").hears("Great hall").hears("none");
    assert!(talk.says().ends_with("Great hall (good) -"), "{}", talk.says());
    assert_eq!(talk.answers().matches("menu=").count(), 1, "a question has one answer, its last: {}", talk.answers());

    let mut talk = Talk::visit();
    talk.hears("rate").hears("2");
    assert_eq!(talk.says(), "We are sorry.");
    assert!(talk.turn.escalates());
    let result = FlowResult::of(&talk.turn.position);
    assert_eq!(
        (result.state, result.score),
        (Some(ResultState::Escalated), Some(Score { scale: Scale::Csat, value: 2 }))
    );
}

#[test]
fn silence_brings_one_reminder_and_then_the_end_and_the_answers_are_kept() {
    let mut talk = Talk::visit();
    talk.hears("book");
    assert_eq!(talk.turn.timers(), Some(Timers { remind_at: Some(at(60)), give_up_at: at(20 * 60) }));
    assert_eq!(talk.after(59).takes(WhatCame::Timer).turn.because, Because::NothingDue);
    talk.after(1).takes(WhatCame::Timer);
    assert_eq!(talk.says(), "We would still love to hear your answer:\n\nHow many people?");
    assert_eq!(talk.turn.timers(), Some(Timers { remind_at: None, give_up_at: at(20 * 60) }));
    assert_eq!(talk.after(60).takes(WhatCame::Timer).turn.because, Because::NothingDue);
    // A poor answer shows that somebody is there: the end moves, and no second reminder comes.
    talk.hears("many");
    assert_eq!(talk.turn.timers(), Some(Timers { remind_at: None, give_up_at: at(120 + 20 * 60) }));
    talk.after(20 * 60).takes(WhatCame::Timer);
    assert_eq!((talk.turn.ends(), talk.says().as_str()), (Some(ResultState::Partial), ""));
    assert_eq!(talk.hears("3").turn.because, Because::NotWaiting);
    // Days later it goes on where it was.
    talk.after(5_000).takes(WhatCame::Resume);
    assert_eq!((talk.says().as_str(), talk.answers().as_str()), ("How many people?", r#"menu="book""#));
    assert_eq!(talk.hears("3").open(), Some("day"));
}

#[test]
fn people_take_over_and_hand_back() {
    let mut talk = Talk::visit();
    talk.hears("book").takes(WhatCame::Escalate);
    assert!(talk.turn.escalates() && talk.turn.timers().is_none());
    for came in [WhatCame::Text("3".into()), WhatCame::Timer, WhatCame::Escalate, WhatCame::Cancel] {
        assert_eq!(talk.takes(came).turn.because, Because::NotWaiting, "the bot is silent");
    }
    talk.takes(WhatCame::Resume);
    assert_eq!((talk.says().as_str(), talk.open()), ("How many people?", Some("how_many")));
    assert_eq!(talk.takes(WhatCame::Resume).turn.because, Because::NotWaiting);
    talk.takes(WhatCame::Cancel);
    assert_eq!((talk.turn.ends(), talk.open()), (Some(ResultState::Partial), None));
    assert_eq!(talk.takes(WhatCame::Resume).turn.because, Because::NotWaiting, "who said stop is not asked again");
}

#[test]
fn the_language_changes_in_the_middle() {
    let mut talk = Talk::visit();
    talk.takes(WhatCame::Language(Language::Ar));
    assert_eq!(talk.says(), "ماذا تريد؟ [حجز زيارة|تقييم|👤 موظف]");
    assert_eq!(talk.takes(WhatCame::Language(Language::Ar)).turn.because, Because::SameLanguage);
    assert_eq!(talk.hears("rate").says(), "قيّمنا <اختر: 1 - غير راضٍ إطلاقًا|2 - غير راضٍ|3 - محايد|4 - راضٍ|5 - راضٍ جدًا>");
}

#[test]
fn old_buttons_and_redelivered_inputs_change_nothing() {
    let mut talk = Talk::visit();
    talk.presses("menu", "book");
    let before = talk.turn.position.clone();
    for payload in ["flow:visit:menu:rate", "flow:other:how_many:x", "survey-yes", "flow:visit", ""] {
        talk.takes(WhatCame::Pressed(payload.into()));
        let after = &talk.turn.position;
        assert_eq!(talk.turn.because, Because::ButtonOfAnother, "{payload}");
        assert_eq!((&after.standing, &after.open, &after.answers), (&before.standing, &before.open, &before.answers));
        assert!(talk.turn.say.is_empty() && talk.turn.recorded.is_none());
    }
    // Each of them comes again, now that another question is open which one of them would answer.
    talk.hears("2").hears("tomorrow").hears("1").hears("x");
    let mut talk = Talk { n: 0, ..talk };
    let before = talk.turn.position.clone();
    for _ in 0..6 {
        talk.takes(WhatCame::Text("2".into()));
        assert_eq!((&talk.turn.because, &talk.turn.position), (&Because::Redelivered, &before));
    }
    let started = Input { id: "start".into(), came: WhatCame::Text("book a visit".into()) };
    let around = Around { contact: &talk.contact, brand: &brand() };
    assert_eq!(advance(&talk.flow, &before, &started, &around, at(0)).because, Because::Redelivered);
}

#[test]
fn a_changed_file_does_not_break_a_conversation() {
    let mut talk = Talk::visit();
    talk.hears("book").hears("2");
    let (flow, _) = VISIT.split_once("[[steps]]\nid = \"day\"").unwrap();
    talk.flow =
        parsed(&flow.replace("next = [{ from = 5, go = \"group\" }]", "").replace("go = \"stars\"", "go = \"end\""))
            .unwrap();
    talk.hears("tomorrow");
    assert_eq!(talk.turn.because, Because::StepGone("day".parse().unwrap()));
    assert_eq!(talk.turn.ends(), Some(ResultState::Partial));
    talk.flow.name = "other".parse().unwrap();
    assert_eq!(talk.hears("x").turn.because, Because::OtherFlow);
}

#[test]
fn a_position_comes_back_from_json_and_another_format_is_refused() {
    let mut talk = Talk::visit();
    talk.hears("rate").hears("4").hears("9");
    let json = serde_json::to_string(&talk.turn.position).unwrap();
    assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), talk.turn.position, "{json}");
    let error =
        serde_json::from_str::<Position>(&json.replace("\"format\":1", "\"format\":2")).unwrap_err().to_string();
    assert!(error.contains("format 2"), "{error}");
    let result = serde_json::to_value(FlowResult::of(&talk.turn.position)).unwrap();
    insta::assert_json_snapshot!(result, @r#"
    {
      "answers": [
        {
          "at": "2026-11-27T09:00:00Z",
          "kind": "buttons",
          "step": "menu",
          "text": "rate",
          "type": "choice",
          "value": "rate"
        },
        {
          "at": "2026-11-27T09:00:00Z",
          "kind": "csat",
          "step": "stars",
          "text": "4",
          "type": "score",
          "value": 4
        },
        {
          "at": "2026-11-27T09:00:00Z",
          "kind": "nps",
          "step": "likely",
          "text": "9",
          "type": "score",
          "value": 9
        }
      ],
      "began_at": "2026-11-27T09:00:00Z",
      "ended_at": null,
      "flow": "visit",
      "language": "en",
      "score": {
        "scale": "csat",
        "value": 4
      },
      "state": null,
      "version": 1
    }
    "#);
    // What ends in logs shows nothing of what was said.
    let mut talk = Talk::visit();
    talk.hears("book").hears("2").hears("tomorrow").hears("1").hears("secret-note");
    let printed = format!("{:?}", talk.turn) + &format!("{:?}", FlowResult::of(&talk.turn.position));
    assert!(!printed.contains("secret") && !printed.contains("Great"), "{printed}");
}

#[test]
fn what_begins_a_flow() {
    let flow = parsed(VISIT).unwrap();
    let pressed = |payload: &str| WhatCame::Pressed(payload.into());
    for came in [WhatCame::Text("Visit!".into()), WhatCame::Text("حَجْز".into()), pressed("book")] {
        assert!(flow.begins_with(&came), "{came:?}");
    }
    for came in [WhatCame::Text("my visit was bad".into()), pressed("books"), WhatCame::Timer, WhatCame::Other] {
        assert!(!flow.begins_with(&came), "{came:?}");
    }
    let given = [("place".to_owned(), CampaignValue::from("Jeddah")), ("unknown".to_owned(), CampaignValue::from("x"))];
    let start = Start { id: "s".into(), language: Language::En, variables: given.into() };
    let turn = begin(&flow, &start, &Around { contact: &contact(None), brand: &brand() }, at(0));
    assert_eq!(turn.position.variables.len(), 1, "only what the flow declares");
    assert!(shown(&turn.say[0]).starts_with("Hello guest"));
}

#[test]
fn long_answers_in_later_texts_stay_within_metas_limits() {
    let text = r#"
[[steps]]
id = "story"
kind = "text"
text = { ar = "احكِ", en = "Tell us" }
[[steps]]
id = "echo"
kind = "say"
text = { ar = "قلت: {{default answers.story '-'}}", en = "You said: {{default answers.story '-'}}" }
[[steps]]
id = "right"
kind = "buttons"
text = { ar = "صحيح؟ {{default answers.story '-'}}", en = "Right? {{default answers.story '-'}}" }
buttons = [{ id = "yes", title = { ar = "نعم", en = "Yes" } }]
"#;
    let mut talk = Talk::begin(parsed(text).unwrap(), Language::En);
    talk.hears(&"word ".repeat(810));
    assert_eq!(talk.turn.say.len(), 2);
    talk.turn.say.iter().for_each(within_limits);
}

/// Every message as Meta takes it.
fn within_limits(content: &Content) {
    let fits = |text: &str, most: usize| {
        assert!((1..=most).contains(&text.chars().count()), "{} of {most}", text.chars().count())
    };
    match content {
        Content::Text { body, .. } => fits(body, limits::TEXT_MAX),
        Content::Buttons { body, buttons, .. } => {
            fits(body, limits::BODY_MAX);
            assert!((1..=limits::BUTTONS_MAX).contains(&buttons.len()));
            buttons.iter().for_each(|button| {
                fits(&button.title, limits::BUTTON_TITLE_MAX);
                fits(&button.id, limits::ROW_ID_MAX);
            });
        }
        Content::List { body, button, sections, .. } => {
            fits(body, limits::BODY_MAX);
            fits(button, limits::BUTTON_TITLE_MAX);
            let rows: Vec<_> = sections.iter().flat_map(|section| &section.rows).collect();
            assert!((1..=limits::ROWS_MAX).contains(&rows.len()));
            rows.iter().for_each(|row| {
                fits(&row.title, limits::ROW_TITLE_MAX);
                fits(&row.id, limits::ROW_ID_MAX);
                row.description.iter().for_each(|text| fits(text, limits::ROW_DESCRIPTION_MAX));
            });
        }
        other => panic!("a flow does not say {}", other.kind()),
    }
}
