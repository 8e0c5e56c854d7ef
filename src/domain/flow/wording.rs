//! What a flow says by itself, in both languages, where its author wrote nothing.

use jiff::civil::Date;

use super::{DateBound, Number, QuestionKind, Scale};
use crate::domain::language::Language;

/// The label that opens a list.
pub(super) const fn choose(language: Language) -> &'static str {
    match language {
        Language::Ar => "اختر",
        Language::En => "Choose",
    }
}

/// What is said before a question that nobody answered.
pub(super) const fn remind(language: Language) -> &'static str {
    match language {
        Language::Ar => "ما زلنا بانتظار إجابتك، ويسعدنا سماعها:",
        Language::En => "We would still love to hear your answer:",
    }
}

/// Words by which an optional question is passed over, as [`crate::domain::normalised_text::words`] leaves them.
pub(super) const SKIPS: [&str; 12] =
    ["skip", "pass", "next", "no comment", "none", "nothing", "تخطي", "تخط", "تجاوز", "التالي", "لا شيء", "لا يوجد"];

/// A polite repeat for an answer that cannot be read.
pub(super) fn retry(kind: &QuestionKind, today: Date, language: Language) -> String {
    let sorry = match language {
        Language::Ar => "عذرًا، لم نفهم إجابتك.",
        Language::En => "Sorry, we did not understand that.",
    };
    format!("{sorry} {}", please(kind, today, language))
}

fn please(kind: &QuestionKind, today: Date, language: Language) -> String {
    match (kind, language) {
        (QuestionKind::Text { chars_max }, Language::Ar) => {
            format!("من فضلك اكتب إجابتك نصًا في حدود {chars_max} حرف.")
        }
        (QuestionKind::Text { chars_max }, Language::En) => {
            format!("Please write your answer, in {chars_max} characters at most.")
        }
        (QuestionKind::Buttons { .. }, Language::Ar) => "من فضلك اختر إحدى الإجابات التالية:".to_owned(),
        (QuestionKind::Buttons { .. }, Language::En) => "Please choose one of these answers:".to_owned(),
        (QuestionKind::List { .. }, Language::Ar) => "من فضلك اختر إجابة من القائمة:".to_owned(),
        (QuestionKind::List { .. }, Language::En) => "Please choose an answer from the list:".to_owned(),
        (QuestionKind::Number { min, max, decimals }, _) => number(*min, *max, *decimals, language),
        (QuestionKind::Scale { scale, .. }, _) => scale_of(*scale, language),
        (QuestionKind::Date { min, max }, _) => date(*min, *max, today, language),
    }
}

fn scale_of(scale: Scale, language: Language) -> String {
    let (least, most) = (scale.least(), scale.most());
    match language {
        Language::Ar => format!("من فضلك أجب برقم من {least} إلى {most}."),
        Language::En => format!("Please answer with a number from {least} to {most}."),
    }
}

fn number(min: Option<Number>, max: Option<Number>, decimals: u32, language: Language) -> String {
    let what = match (language, decimals) {
        (Language::Ar, 0) => "من فضلك أجب برقم صحيح",
        (Language::Ar, _) => "من فضلك أجب برقم",
        (Language::En, 0) => "Please answer with a whole number",
        (Language::En, _) => "Please answer with a number",
    };
    let range = match (language, min, max) {
        (_, None, None) => String::new(),
        (Language::Ar, Some(min), Some(max)) => format!(" من {min} إلى {max}"),
        (Language::Ar, Some(min), None) => format!(" لا يقل عن {min}"),
        (Language::Ar, None, Some(max)) => format!(" لا يزيد على {max}"),
        (Language::En, Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Language::En, Some(min), None) => format!(" of at least {min}"),
        (Language::En, None, Some(max)) => format!(" of at most {max}"),
    };
    format!("{what}{range}.")
}

fn date(min: Option<DateBound>, max: Option<DateBound>, today: Date, language: Language) -> String {
    let min = min.and_then(|bound| bound.day(today)).map(figures);
    let max = max.and_then(|bound| bound.day(today)).map(figures);
    let example = figures(today);
    match (language, min, max) {
        (Language::Ar, None, None) => format!("من فضلك أجب بتاريخ مثل {example}."),
        (Language::Ar, Some(min), Some(max)) => format!("من فضلك أجب بتاريخ من {min} إلى {max}."),
        (Language::Ar, Some(min), None) => format!("من فضلك أجب بتاريخ من {min} فما بعده."),
        (Language::Ar, None, Some(max)) => format!("من فضلك أجب بتاريخ لا يتجاوز {max}."),
        (Language::En, None, None) => format!("Please answer with a date such as {example}."),
        (Language::En, Some(min), Some(max)) => format!("Please answer with a date from {min} to {max}."),
        (Language::En, Some(min), None) => format!("Please answer with a date from {min} on."),
        (Language::En, None, Some(max)) => format!("Please answer with a date up to {max}."),
    }
}

/// Day, month and year in figures, as they are read back.
fn figures(date: Date) -> String {
    format!("{}/{}/{}", date.day(), date.month(), date.year())
}
