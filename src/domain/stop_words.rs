//! Words by which a person ends and resumes all messages, in both languages. Only a whole message counts: "stop, the parcel
//! is not coming" is feedback.

use crate::domain::normalised_text::words;

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nothing more, please.
    Stop,
    /// Again, please.
    Start,
}

/// Normalised as [`words`] leaves them.
const STOP: &[&str] = &[
    "stop",
    "stopall",
    "stop all",
    "unsubscribe",
    "opt out",
    "optout",
    "end",
    "quit",
    "remove me",
    "stop messages",
    "no more messages",
    "قف",
    "توقف",
    "اوقف",
    "ايقاف",
    "وقف",
    "الغاء",
    "الغاء الاشتراك",
    "الغ الاشتراك",
    "الغي الاشتراك",
    "ايقاف الرسايل",
    "اوقف الرسايل",
    "وقف الرسايل",
    "وقفوا",
    "اوقفوا",
    "بطل",
    "بطلوا",
    "كفي",
    "كفايه",
    "لا ترسل",
    "لا ترسلوا",
    "لا تراسلوني",
    "الغاء التسجيل",
    "انهاء",
];
const START: &[&str] = &[
    "start",
    "unstop",
    "subscribe",
    "resume",
    "opt in",
    "optin",
    "ابدا",
    "ابدء",
    "اشتراك",
    "اشترك",
    "استيناف",
    "تفعيل",
    "تفعيل الاشتراك",
    "اعاده الاشتراك",
    "رجعوني",
];

/// What the whole message says, if it is a stop or start word and nothing else.
pub fn heard(text: &str) -> Option<Heard> {
    // Longer texts are certainly not one of the words; this also bounds the work on what a stranger sends.
    if text.len() > 200 {
        return None;
    }
    let said = words(text);
    if STOP.contains(&said.as_str()) {
        Some(Heard::Stop)
    } else if START.contains(&said.as_str()) {
        Some(Heard::Start)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_is_heard_in_its_spellings() {
        for text in [
            "STOP",
            " stop. ",
            "Stop!",
            "قف",
            "إيقاف",
            "ايقاف",
            "توقّف",
            "تـوقـف",
            "أوقف",
            "إلغاء",
            "إلغاء الاشتراك",
            "الغاء الإشتراك!",
            "كفاية",
            "Unsubscribe",
            "opt-out",
            "أوقف الرسائل",
        ] {
            assert_eq!(heard(text), Some(Heard::Stop), "{text}");
        }
        for text in ["START", "ابدأ", "إبدأ", "اشتراك", "استئناف"] {
            assert_eq!(heard(text), Some(Heard::Start), "{text}");
        }
    }

    #[test]
    fn only_a_whole_message_counts() {
        for text in [
            "stop, the parcel is not coming",
            "please don't stop",
            "الخدمة توقفت",
            "لا تتوقف عن العمل الرائع",
            "",
            "👍",
            "bus stop",
        ] {
            assert_eq!(heard(text), None, "{text}");
        }
        assert_eq!(heard(&"stop ".repeat(100)), None);
    }

    #[test]
    fn the_lists_are_in_their_normal_form_and_do_not_overlap() {
        for word in STOP.iter().chain(START) {
            assert_eq!(&words(word), word);
        }
        assert!(STOP.iter().all(|word| !START.contains(word)));
    }
}
