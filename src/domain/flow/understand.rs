//! What an answer means: the same question is answered by a press, a number, a title, a word.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::choices::choice_in_text;
use super::dates::date_in_text;
use super::wording::SKIPS;
use super::{AnswerValue, Choice, DateBound, Number, Question, QuestionKind};
use crate::domain::language::Language;
use crate::domain::normalised_text::words as normalise;

/// What came of reading an answer.
#[derive(PartialEq)]
pub(super) enum Understood {
    /// This was meant, in these words.
    As(AnswerValue, String),
    /// The question is passed over.
    Skipped,
    /// Nobody knows.
    Not,
}

/// What somebody wrote in answer to a question.
pub(super) fn written(question: &Question, text: &str, today: Date) -> Understood {
    if question.optional && SKIPS.contains(&normalise(text).as_str()) {
        return Understood::Skipped;
    }
    value(&question.kind, text, today).map_or(Understood::Not, |value| Understood::As(value, text.trim().to_owned()))
}

/// What somebody pressed in answer to a question: the name of a choice.
pub(super) fn pressed(question: &Question, choice: &str, language: Language) -> Understood {
    let found = question.kind.choices().iter().find(|known| known.id == choice);
    found.map_or(Understood::Not, |choice| {
        Understood::As(value_of_choice(&question.kind, choice), choice.title.get(language).clone())
    })
}

/// The choice of a scale is its number.
fn value_of_choice(kind: &QuestionKind, choice: &Choice) -> AnswerValue {
    match (kind, choice.id.parse()) {
        (QuestionKind::Scale { .. }, Ok(score)) => AnswerValue::Score(score),
        _ => AnswerValue::Choice(choice.id.clone()),
    }
}

fn value(kind: &QuestionKind, text: &str, today: Date) -> Option<AnswerValue> {
    match kind {
        QuestionKind::Text { chars_max } => {
            let text = text.trim();
            let fits = !text.is_empty() && text.chars().count() <= *chars_max;
            fits.then(|| AnswerValue::Text(text.to_owned()))
        }
        QuestionKind::Buttons { choices } | QuestionKind::List { choices, .. } => {
            choice_in_text(choices, text).map(|choice| value_of_choice(kind, choice))
        }
        QuestionKind::Number { min, max, decimals } => {
            let number = Number::in_text(text)?;
            let fits = min.is_none_or(|min| number >= min)
                && max.is_none_or(|max| number <= max)
                && number.decimals() <= *decimals;
            fits.then_some(AnswerValue::Number(number))
        }
        QuestionKind::Date { min, max } => {
            let min = min.and_then(|bound| bound.day(today));
            let max = max.and_then(|bound| bound.day(today));
            let fits = |date: Date| min.is_none_or(|min| date >= min) && max.is_none_or(|max| date <= max);
            date_in_text(text, today, fits).filter(|date| fits(*date)).map(AnswerValue::Date)
        }
        QuestionKind::Scale { scale, choices, .. } => {
            let number = Number::on_scale(text, scale.most().into()).and_then(Number::as_whole);
            let score = number.and_then(|number| u8::try_from(number).ok());
            let score = score.filter(|score| (scale.least()..=scale.most()).contains(score));
            // Labels without their number; a position would be another number on a scale that does not begin with 1.
            let by_label = || {
                let said = normalise(text);
                choices.iter().find(|choice| choice.spellings().any(|known| known == said))?.id.parse().ok()
            };
            score.or_else(by_label).map(AnswerValue::Score)
        }
    }
}

impl DateBound {
    /// The day that is meant; `None` beyond the calendar.
    pub(super) fn day(self, today: Date) -> Option<Date> {
        match self {
            Self::On(date) => Some(date),
            Self::FromToday(days) => today.checked_add(days.days()).ok(),
        }
    }
}
