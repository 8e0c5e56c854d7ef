//! Double opt-in: consent to some purposes counts only once the person confirmed it to us themselves.
//!
//! Whoever says that a person agreed (an import, the API, a keyword) begins a request: the person is asked, and it is kept as evidence. Only an
//! answer to that very question grants the purpose.

use jiff::{SignedDuration, Timestamp};

use crate::domain::consent::{Consent, ConsentChangeKind, Purpose, Purposes, after_change};
use crate::domain::language::Language;
use crate::domain::news::InboundNews;
use crate::domain::normalised_text::words;

/// What is confirmed, and what is declined, comes from here.
pub const SOURCE: &str = "double-opt-in";
/// What the button carries that says yes.
pub const YES: &str = "consent-yes";
/// What the button carries that says no.
pub const NO: &str = "consent-no";

/// Longer texts are certainly not one of the words; this also bounds the work on what a stranger sends.
const ANSWER_BYTES_MAX: usize = 200;

/// Normalised as [`words`] leaves them. Only what nobody says without meaning it: the Egyptian "ايه" may be a question.
const YES_WORDS: &[&str] = &[
    "نعم",
    "نعم اوافق",
    "نعم موافق",
    "نعم موافقه",
    "اوافق",
    "موافق",
    "موافقه",
    "انا موافق",
    "انا موافقه",
    "ايوه",
    "ايوا",
    "ايوه موافق",
    "ايوه موافقه",
    "اي",
    "اي نعم",
    "اه",
    "اه موافق",
    "اوكي",
    "اوكيه",
    "اكيد",
    "بلي",
    "اوكد",
    "تاكيد",
    "yes",
    "yes please",
    "yes i agree",
    "yes i do",
    "y",
    "yep",
    "yeah",
    "yup",
    "ok",
    "okay",
    "sure",
    "agree",
    "agreed",
    "i agree",
    "accept",
    "i accept",
    "confirm",
    "i confirm",
    "confirmed",
    "i consent",
];
const NO_WORDS: &[&str] = &[
    "لا",
    "لا شكرا",
    "لا اوافق",
    "لا اريد",
    "غير موافق",
    "غير موافقه",
    "مش موافق",
    "مش موافقه",
    "مو موافق",
    "مو موافقه",
    "مب موافق",
    "ماني موافق",
    "ماني موافقه",
    "مش عايز",
    "مش عايزه",
    "ما ابي",
    "مابي",
    "ما ابغي",
    "ما بدي",
    "ارفض",
    "رفض",
    "كلا",
    "no",
    "no thanks",
    "no thank you",
    "n",
    "nope",
    "nah",
    "no i don t",
    "i don t agree",
    "i do not agree",
    "do not agree",
    "i disagree",
    "disagree",
    "decline",
    "i decline",
    "i refuse",
];

/// Which purposes must be confirmed, and within what time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DoubleOptIn {
    /// Which.
    pub purposes: Purposes,
    /// An answer that comes later than this after the consent was given says nothing any more.
    pub confirm_within: SignedDuration,
}

/// A change of consent in two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// What counts at once, if there is something.
    pub at_once: Option<ConsentChangeKind>,
    /// Of what the person must be asked first.
    pub unconfirmed: Purposes,
    /// Of what they need not be asked any more: something else is said of it.
    pub ended: Purposes,
}

impl DoubleOptIn {
    /// What of a change that somebody tells us counts at once, and what must be confirmed: a purpose under double opt-in that the person has
    /// not granted yet.
    pub fn split(&self, consent: Consent, change: ConsentChangeKind) -> Split {
        let unconfirmed = match change {
            ConsentChangeKind::Set(purposes) | ConsentChangeKind::Grant(purposes) => {
                purposes.iter().filter(|p| self.purposes.contains(*p) && !consent.granted.contains(*p)).collect()
            }
            _ => Purposes::NONE,
        };
        let rest = |purposes: Purposes| unconfirmed.iter().fold(purposes, Purposes::without);
        let at_once = match change {
            // Whoever states the whole takes away what is not in it.
            ConsentChangeKind::Set(purposes) => Some(ConsentChangeKind::Set(rest(purposes))),
            ConsentChangeKind::Grant(purposes) if rest(purposes).is_empty() && !unconfirmed.is_empty() => None,
            ConsentChangeKind::Grant(purposes) => Some(ConsentChangeKind::Grant(rest(purposes))),
            other => Some(other),
        };
        Split { at_once, unconfirmed, ended: rest(touched_by(change)) }
    }

    /// The consent after a change that somebody tells us, before anybody confirms anything.
    pub fn after_change(&self, consent: Consent, change: ConsentChangeKind) -> Consent {
        self.split(consent, change).at_once.map_or(consent, |change| after_change(consent, change))
    }

    /// Until when a person who is asked because of something said at that time may answer.
    pub fn until(&self, asked_at: Timestamp) -> Timestamp {
        asked_at.saturating_add(self.confirm_within).unwrap_or(Timestamp::MAX)
    }
}

/// Of these, the purposes of which it makes sense to ask a person now: not what they granted or stopped meanwhile.
pub fn worth_asking(consent: Consent, purposes: Purposes) -> Purposes {
    let stopped = |purpose| consent.stopped || (consent.marketing_stopped && purpose == Purpose::Marketing);
    purposes.iter().filter(|purpose| !consent.granted.contains(*purpose) && !stopped(*purpose)).collect()
}

/// The purposes of which a change of consent says something.
fn touched_by(change: ConsentChangeKind) -> Purposes {
    match change {
        // Whoever states the whole says something of each.
        ConsentChangeKind::Stop | ConsentChangeKind::Set(_) => Purposes::all(),
        ConsentChangeKind::Grant(purposes) | ConsentChangeKind::Withdraw(purposes) => purposes,
        ConsentChangeKind::StopMarketing => Purposes::NONE.with(Purpose::Marketing),
        ConsentChangeKind::Start | ConsentChangeKind::ResumeMarketing | ConsentChangeKind::Ask(_) => Purposes::NONE,
    }
}

/// What a person answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// They agree.
    Yes,
    /// They do not.
    No,
}

/// What the whole message says, if it is yes or no and nothing else.
pub fn reply(text: Option<&str>, payload: Option<&str>) -> Option<Reply> {
    match payload {
        Some(YES) => return Some(Reply::Yes),
        Some(NO) => return Some(Reply::No),
        // A button or row that asks for something else, whatever its title is.
        Some(_) => return None,
        None => {}
    }
    let text = text.filter(|text| text.len() <= ANSWER_BYTES_MAX)?;
    let said = words(text);
    if YES_WORDS.contains(&said.as_str()) {
        Some(Reply::Yes)
    } else if NO_WORDS.contains(&said.as_str()) {
        Some(Reply::No)
    } else {
        None
    }
}

/// The message by which a person was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// The provider's id, once we know it.
    pub whatsapp_id: Option<&'a str>,
    /// When it was called; `None`: it never left.
    pub called_at: Option<Timestamp>,
    /// Whether no later message was called to the person.
    pub is_newest: bool,
    /// Until when it may be answered.
    pub until: Timestamp,
}

/// Whether what a person said answers this question: it quotes the question (what a pressed button sends does), or it quotes nothing while the
/// question is the last that we said. `quotes_ours`: whether it quotes a message of ours whose id we know.
pub fn is_answered(question: Question<'_>, news: &InboundNews, quotes_ours: bool) -> bool {
    let Some(called_at) = question.called_at.filter(|_| news.provider_at <= question.until) else { return false };
    // Providers tell whole seconds. What was said before the question and comes late was about something else.
    let is_later = news.provider_at.as_second() >= called_at.as_second();
    match (&news.in_reply_to, question.whatsapp_id) {
        (Some(quoted), Some(id)) => quoted.as_str() == id,
        // A press that overtook the answer of the very call that brought the button.
        (Some(_), None) => is_later && news.payload.is_some() && !quotes_ours,
        (None, _) => is_later && question.is_newest,
    }
}

/// What the purposes are about, in the words of the question.
pub fn in_words(purposes: Purposes, language: Language) -> String {
    let each = purposes.iter().map(|purpose| match (purpose, language) {
        (Purpose::Survey, Language::Ar) => "استبيانات عن تجربتك معنا",
        (Purpose::Survey, Language::En) => "surveys about your experience with us",
        (Purpose::Marketing, Language::Ar) => "العروض والأخبار",
        (Purpose::Marketing, Language::En) => "offers and news",
        (_, Language::Ar) => "مستجدات طلباتك وخدماتك",
        (_, Language::En) => "updates on your orders and services",
    });
    let between = match language {
        Language::Ar => " و",
        Language::En => " and ",
    };
    each.collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::stop_words::heard;

    fn set(purposes: &[Purpose]) -> Purposes {
        purposes.iter().copied().collect()
    }

    const SURVEY: Purpose = Purpose::Survey;
    const MARKETING: Purpose = Purpose::Marketing;

    #[test]
    fn what_must_be_confirmed_does_not_count_and_the_rest_counts_at_once() {
        use ConsentChangeKind::{Grant, Set, Start, Stop, StopMarketing, Withdraw};
        let rules = DoubleOptIn { purposes: set(&[MARKETING]), confirm_within: SignedDuration::from_hours(1) };
        let (nothing, has_it) = (Consent::default(), Consent { granted: set(&[MARKETING]), ..Consent::default() });
        let (all, none, marketing, survey) = (Purposes::all(), Purposes::NONE, set(&[MARKETING]), set(&[SURVEY]));
        for (consent, change, at_once, unconfirmed, ended) in [
            (nothing, Grant(marketing), None, marketing, none),
            (nothing, Grant(set(&[SURVEY, MARKETING])), Some(Grant(survey)), marketing, survey),
            (nothing, Grant(survey), Some(Grant(survey)), none, survey),
            (nothing, Grant(none), Some(Grant(none)), none, none),
            (has_it, Grant(marketing), Some(Grant(marketing)), none, marketing),
            (nothing, Set(set(&[SURVEY, MARKETING])), Some(Set(survey)), marketing, all.without(MARKETING)),
            (nothing, Set(marketing), Some(Set(none)), marketing, all.without(MARKETING)),
            (nothing, Set(survey), Some(Set(survey)), none, all),
            (has_it, Set(marketing), Some(Set(marketing)), none, all),
            (has_it, Withdraw(marketing), Some(Withdraw(marketing)), none, marketing),
            (nothing, Stop, Some(Stop), none, all),
            (nothing, StopMarketing, Some(StopMarketing), none, marketing),
            (nothing, Start, Some(Start), none, none),
        ] {
            assert_eq!(rules.split(consent, change), Split { at_once, unconfirmed, ended }, "{consent:?} {change:?}");
            let plain = DoubleOptIn::default().split(consent, change);
            assert_eq!((plain.at_once, plain.unconfirmed), (Some(change), none), "without double opt-in");
        }
        assert_eq!(rules.after_change(nothing, Set(Purposes::all())).granted, set(&[SURVEY, Purpose::Utility]));
    }

    #[test]
    fn nobody_is_asked_for_what_they_granted_or_stopped() {
        let all = Purposes::all();
        let consent = |granted, stopped, marketing_stopped| Consent { granted, stopped, marketing_stopped };
        for (consent, asked) in [
            (consent(Purposes::NONE, false, false), all),
            (consent(set(&[SURVEY]), false, false), all.without(SURVEY)),
            (consent(Purposes::NONE, false, true), all.without(MARKETING)),
            (consent(Purposes::NONE, true, false), Purposes::NONE),
        ] {
            assert_eq!(worth_asking(consent, all), asked, "{consent:?}");
        }
    }

    #[test]
    fn only_a_whole_message_is_an_answer() {
        for text in
            ["نعم", "نَعَم!", "أوافق", "موافِق", "ايوه", "أيوة", "إي", "Yes", " YES. ", "I agree", "Confirm", "ok 👍"]
        {
            assert_eq!(reply(Some(text), None), Some(Reply::Yes), "{text}");
        }
        for text in ["لا", "لأ", "لا أوافق", "لا، شكرًا", "مش موافقة", "No", "no thanks!", "I don't agree"]
        {
            assert_eq!(reply(Some(text), None), Some(Reply::No), "{text}");
        }
        for text in ["", "👍", "إيه", "yes but not on Fridays", "نعم وصلت الشحنة", "no idea", &"yes ".repeat(100)]
        {
            assert_eq!(reply(Some(text), None), None, "{text}");
        }
        assert_eq!(reply(None, None), None);
        assert_eq!(reply(Some("whatever the button is called"), Some(YES)), Some(Reply::Yes));
        assert_eq!(reply(Some("Yes"), Some(NO)), Some(Reply::No));
        assert_eq!(reply(Some("Yes"), Some("rate-5")), None, "the button of another question");
    }

    #[test]
    fn the_lists_are_in_their_normal_form_and_overlap_with_nothing() {
        for word in YES_WORDS.iter().chain(NO_WORDS) {
            assert_eq!(&words(word), word);
            assert_eq!(heard(word), None, "{word}");
        }
        assert!(YES_WORDS.iter().all(|word| !NO_WORDS.contains(word)));
    }

    #[test]
    fn an_answer_counts_only_to_the_question_that_it_answers() {
        let at = |second: i64| Timestamp::from_second(1_764_000_000 + second).unwrap();
        let said = |quoted: Option<&str>, second, payload: Option<&str>| InboundNews {
            channel: crate::domain::channel::Channel::Whatsapp,
            sender: None,
            whatsapp_id: "wamid.answer".parse().unwrap(),
            phone: None,
            bsuid: None,
            profile_name: None,
            provider_at: at(second),
            kind: "text",
            text: Some("yes".to_owned()),
            payload: payload.map(str::to_owned),
            in_reply_to: quoted.map(|id| id.parse().unwrap()),
            extras: Default::default(),
        };
        let question =
            Question { whatsapp_id: Some("wamid.q"), called_at: Some(at(10)), is_newest: true, until: at(100) };
        let overtaken = Question { is_newest: false, ..question };
        let nameless = Question { whatsapp_id: None, ..question };
        let unsent = Question { called_at: None, ..nameless };
        for (question, news, ours, expected, why) in [
            (question, said(Some("wamid.q"), 20, None), true, true, "it quotes the question"),
            (overtaken, said(Some("wamid.q"), 20, Some(YES)), true, true, "a press quotes"),
            (question, said(Some("wamid.other"), 20, None), true, false, "it quotes something else"),
            (question, said(Some("wamid.theirs"), 20, None), false, false, "even of their own"),
            (question, said(None, 20, None), false, true, "the question is the last that we said"),
            (overtaken, said(None, 20, None), false, false, "we said something else since"),
            (question, said(None, 9, None), false, false, "it was said before the question"),
            (question, said(None, 10, None), false, true, "in the same second"),
            (question, said(Some("wamid.q"), 100, None), true, true, "in time"),
            (question, said(Some("wamid.q"), 101, None), true, false, "too late"),
            (nameless, said(Some("wamid.q"), 20, Some(YES)), false, true, "its id is not known yet"),
            (nameless, said(Some("wamid.old"), 20, Some(YES)), true, false, "an older question"),
            (nameless, said(Some("wamid.q"), 20, None), false, false, "words that quote who knows what"),
            (unsent, said(None, 20, None), false, false, "nobody was asked"),
        ] {
            assert_eq!(is_answered(question, &news, ours), expected, "{why}");
        }
    }
}
