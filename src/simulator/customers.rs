//! What people write back, in Arabic and English, and what they press.

use super::callbacks::Said;
use super::dice::Dice;
use super::ledger::Kind;
use super::settings::{ButtonKind, Customers, Template};

/// Answers to a survey invitation as people write them in the Gulf and the Levant: praise, complaints, questions, digits, few words.
const TEXTS_AR: &[&str] = &[
    "شكراً لكم، الخدمة كانت ممتازة",
    "ما شاء الله تعامل راقي وسرعة في الإنجاز",
    "الخدمة جيدة لكن وقت الانتظار طويل جداً",
    "التطبيق يعلق كل ما أحاول الدفع",
    "للأسف تجربة سيئة ولم يرد علي أحد",
    "الموظف كان متعاوناً جداً الله يعطيه العافية",
    "وصل الطلب متأخر ثلاثة أيام والكرتون تالف",
    "كم رسوم الخدمة لو سمحتم؟",
    "متى أوقات الدوام في رمضان؟",
    "أبغى أكلم موظف لو سمحت",
    "تمام",
    "١٠",
    "٧ من ١٠",
    "الرابط ما يفتح معي",
    "حلوة الفكرة بس الأسئلة كثيرة 😅",
    "غير راضٍ عن الأسعار، مرتفعة مقارنة بغيركم",
    "ممتاز 👍🏼",
    "المكان نظيف ومرتب والاستقبال جميل",
    "اتصلت أكثر من مرة والخط مشغول",
    "السلام عليكم، عندي شكوى على فرع العليا",
];

/// The same in English.
const TEXTS_EN: &[&str] = &[
    "Thank you, great service!",
    "The staff were very helpful and quick.",
    "Good overall but the waiting time was too long",
    "App keeps crashing when I try to pay",
    "Very disappointed. Nobody called me back.",
    "Order arrived 3 days late and the box was damaged",
    "How much does delivery cost?",
    "What are your opening hours on Friday?",
    "Can I talk to a real person please",
    "ok",
    "10",
    "7/10",
    "The link doesn't open",
    "Nice idea, but too many questions 😅",
    "Too expensive compared to others",
    "Excellent 👍",
    "Clean place, friendly reception.",
    "I called five times & the line was busy",
    "I want to complain about the Olaya branch",
    "Service was fine, thx",
];

/// Whole messages that mean stop.
const STOPS_AR: &[&str] = &["إيقاف", "ايقاف", "توقف", "الغاء الاشتراك", "إلغاء"];
/// The same in English.
const STOPS_EN: &[&str] = &["STOP", "stop", "Unsubscribe", "Stop."];

/// What can be pressed in a message: shown to the person with it.
#[derive(Debug, Default)]
pub(super) struct Pressable {
    /// Id (or payload) and title.
    pub(super) choices: Vec<(String, String)>,
    kind: Option<Press>,
}

#[derive(Debug, Clone, Copy)]
enum Press {
    QuickReply,
    ReplyButton,
    ListRow,
}

impl Pressable {
    /// The quick replies of a template; without a payload of its own, a button's text is its payload.
    pub(super) fn of_template(template: &Template, payloads: &[Option<String>]) -> Self {
        let quick = template.buttons.iter().enumerate().filter(|(_, button)| button.kind == ButtonKind::QuickReply);
        let choices = quick.map(|(at, button)| {
            let payload = payloads.get(at).cloned().flatten().unwrap_or_else(|| button.text.clone());
            (payload, button.text.clone())
        });
        Self { choices: choices.collect(), kind: Some(Press::QuickReply) }
    }

    /// The buttons or rows of an interactive message; a list is told from buttons by its type.
    pub(super) fn of_interactive(kind: Kind, is_list: IsList, choices: Vec<(String, String)>) -> Self {
        let press = if is_list == IsList::Yes { Press::ListRow } else { Press::ReplyButton };
        Self { choices, kind: (kind == Kind::Interactive).then_some(press) }
    }
}

/// Whether an interactive message is a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IsList {
    Yes,
    No,
}

/// The language in which a person answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tongue {
    Arabic,
    English,
}

/// What a person answers to a message, if at all; and whether the answer quotes it.
pub(super) fn answer(
    settings: &Customers,
    dice: &mut Dice,
    tongue: Tongue,
    pressable: &Pressable,
) -> Option<(Said, bool)> {
    if dice.hits(settings.stop_share) {
        let words = if tongue == Tongue::Arabic { STOPS_AR } else { STOPS_EN };
        return Some((Said::Text((*dice.one_of(words)).to_owned()), false));
    }
    if !dice.hits(settings.reply_share) {
        return None;
    }
    if let Some(press) = pressable.kind.filter(|_| !pressable.choices.is_empty())
        && dice.hits(settings.press_share)
    {
        let (id, title) = dice.one_of(&pressable.choices).clone();
        let said = match press {
            Press::QuickReply => Said::Button { payload: id, text: title },
            Press::ReplyButton => Said::ButtonReply { id, title },
            Press::ListRow => Said::ListReply { id, title },
        };
        return Some((said, true));
    }
    let (own, built_in) = match tongue {
        Tongue::Arabic => (&settings.texts_ar, TEXTS_AR),
        Tongue::English => (&settings.texts_en, TEXTS_EN),
    };
    let text = if own.is_empty() { (*dice.one_of(built_in)).to_owned() } else { dice.one_of(own).clone() };
    Some((Said::Text(text), dice.hits(settings.quote_share)))
}

#[cfg(test)]
mod tests {
    use super::super::dice::Stream;
    use super::super::settings::{Button, Category};
    use super::*;

    fn always() -> Customers {
        Customers { reply_share: 1.0, press_share: 1.0, ..Customers::default() }
    }

    #[test]
    fn a_press_gives_back_the_payload_or_the_text_of_the_button() {
        let mut template = Template::approved("survey", "en", Category::Utility, "Hi");
        template.buttons = vec![Button::url("Open", "https://s.example"), Button::quick_reply("Yes")];
        let mut dice = Dice::new(1, Stream::Message, 1);
        for (payloads, expected) in [(vec![None, Some("yes-7".to_owned())], "yes-7"), (Vec::new(), "Yes")] {
            let pressable = Pressable::of_template(&template, &payloads);
            match answer(&always(), &mut dice, Tongue::English, &pressable) {
                Some((Said::Button { payload, text }, true)) => {
                    assert_eq!((payload.as_str(), text.as_str()), (expected, "Yes"))
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn people_answer_in_their_own_language() {
        let mut dice = Dice::new(1, Stream::Message, 1);
        let arabic = |text: &str| text.chars().any(|c| ('\u{600}'..'\u{700}').contains(&c));
        let mut texts = |tongue| match answer(&always(), &mut dice, tongue, &Pressable::default()) {
            Some((Said::Text(text), _)) => text,
            other => panic!("{other:?}"),
        };
        assert!((0..50).map(|_| texts(Tongue::Arabic)).any(|text| arabic(&text)));
        assert!((0..50).all(|_| !arabic(&texts(Tongue::English))));
    }

    #[test]
    fn silent_people_never_answer() {
        let mut dice = Dice::new(1, Stream::Message, 1);
        assert!(
            (0..100).all(|_| answer(&Customers::silent(), &mut dice, Tongue::Arabic, &Pressable::default()).is_none())
        );
    }
}
