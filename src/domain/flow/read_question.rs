//! The kinds of questions: which keys each has, and Meta's limits on what is shown.

use jiff::civil::Date;

use super::choices::{labels, of_scale};
use super::limits::{self, label};
use super::read::{read_labels, written};
use super::{Choice, DateBound, Number, QuestionKind, Scale, wording};
use crate::domain::document::{Node, NodeValue, Read, Table};
use crate::domain::language::Language;
use crate::domain::normalised_text::words as normalise;
use crate::domain::problem::{did_you_mean, listed};
use crate::domain::template::ByLanguage;

/// The words for kinds of steps.
const KINDS: [&str; 10] = ["say", "escalate", "text", "buttons", "list", "number", "date", "nps", "csat", "ces"];
/// Decimals that a number may have.
const DECIMALS_MAX: i64 = 3;

/// The kind of that word with what the table says of it. `Ok(None)` has been noted as a problem.
///
/// # Errors
/// What is wrong with the word.
pub(super) fn kind(table: &Table<'_>, word: &str) -> Result<Option<QuestionKind>, String> {
    Ok(match word {
        "text" => text(table),
        "buttons" => choices(table, "buttons", limits::BUTTONS_MAX, limits::BUTTON_TITLE_MAX)
            .map(|choices| QuestionKind::Buttons { choices }),
        "list" => list(table),
        "number" => number(table),
        "date" => date(table),
        "nps" => scale(table, Scale::Nps),
        "csat" => scale(table, Scale::Csat),
        "ces" => scale(table, Scale::Ces),
        _ => {
            let nearest = did_you_mean(word, KINDS);
            return Err(format!("there is no kind `{word}`{nearest}"));
        }
    })
}

fn text(table: &Table<'_>) -> Option<QuestionKind> {
    let chars_max: usize = table.or("chars_max", limits::TEXT_MAX)?;
    if chars_max > limits::TEXT_MAX {
        table.problem(
            "chars_max",
            format!("`chars_max` must be from 1 to {}: WhatsApp has no longer texts", limits::TEXT_MAX),
        );
    }
    Some(QuestionKind::Text { chars_max })
}

fn list(table: &Table<'_>) -> Option<QuestionKind> {
    let choose = choose(table);
    let choices = choices(table, "rows", limits::ROWS_MAX, limits::ROW_TITLE_MAX);
    Some(QuestionKind::List { choose, choices: choices? })
}

/// The label that opens the list.
fn choose(table: &Table<'_>) -> ByLanguage<String> {
    let of_file = read_labels(table, "choose", |place, text| {
        label(place, "the label that opens the list", text, limits::BUTTON_TITLE_MAX)
    });
    let built_in = ByLanguage { ar: wording::choose(Language::Ar), en: wording::choose(Language::En) };
    of_file.unwrap_or_else(|| ByLanguage { ar: built_in.ar.to_owned(), en: built_in.en.to_owned() })
}

fn choices(table: &Table<'_>, key: &'static str, most: usize, title_most: usize) -> Option<Vec<Choice>> {
    if table.node(key).is_none() {
        table.problem_here(format!(
            "`{key}` is missing; write `{key} = [{{ id = \"…\", title = {{ ar = \"…\", en = \"…\" }} }}, …]`"
        ));
        return None;
    }
    let before = table.n_problems();
    let read = table.tables(key, |choice| {
        let id: Option<String> = choice.required("id");
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if let Some(id) = id.as_ref().filter(|id| id.is_empty() || id.len() > 40 || !id.chars().all(fits)) {
            choice
                .problem("id", format!("`id` is `{id}`, but must be 1 to 40 lower-case letters, digits, `-` and `_`"));
        }
        if choice.node("title").is_none() {
            choice.problem_here("`title` is missing; write `title = { ar = \"…\", en = \"…\" }`");
        }
        let title = read_labels(choice, "title", |place, text| label(place, "the title", text, title_most));
        let description = if key == "rows" {
            read_labels(choice, "description", |place, text| {
                label(place, "the description", text, limits::ROW_DESCRIPTION_MAX)
            })
        } else {
            None
        };
        let words = choice.table("words", |words| {
            let of = |language: Language| words.or::<Vec<String>>(language.code(), vec![]).unwrap_or_default();
            Language::ALL
                .into_iter()
                .flat_map(of)
                .map(|word| normalise(&word))
                .filter(|word| !word.is_empty())
                .collect()
        });
        Some((Choice { id: id?, title: title?, description, words }, choice.place().clone()))
    });
    let n = read.len();
    if n == 0 && table.n_problems() == before {
        table.problem(key, format!("`{key}` is empty; give at least one"));
    } else if n > most {
        let other = if key == "buttons" { "; make it a `list`" } else { "; ask in two steps" };
        table.problem(key, format!("there are {n} {key}, but Meta allows {most}{other}"));
    }
    let read: Vec<_> = read.into_iter().collect::<Option<_>>()?;
    // Two choices that are written alike could not be told apart.
    for (at, (choice, place)) in read.iter().enumerate() {
        let taken =
            |spelling: &String| read[..at].iter().any(|(other, _)| other.spellings().any(|known| known == *spelling));
        let same_title = |other: &Choice| other.title.ar == choice.title.ar || other.title.en == choice.title.en;
        if let Some(spelling) = choice.spellings().find(taken) {
            table.note(place.problem(format!("`{spelling}` could mean two of the {key}; change one of them")));
        } else if read[..at].iter().any(|(other, _)| same_title(other)) {
            table.note(place.problem(format!("two {key} have the same title; change one of them")));
        }
    }
    Some(read.into_iter().map(|(choice, _)| choice).collect())
}

fn number(table: &Table<'_>) -> Option<QuestionKind> {
    let (min, max): (Option<Number>, Option<Number>) = (table.optional("min"), table.optional("max"));
    let decimals: i64 = table.or("decimals", 0)?;
    if !(0..=DECIMALS_MAX).contains(&decimals) {
        table.problem("decimals", format!("`decimals` is {decimals}, but must be from 0 to {DECIMALS_MAX}"));
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        table.problem("min", "`min` is above `max`: no number would do");
    }
    Some(QuestionKind::Number { min, max, decimals: u32::try_from(decimals).unwrap_or_default() })
}

fn date(table: &Table<'_>) -> Option<QuestionKind> {
    let (min, max): (Option<DateBound>, Option<DateBound>) = (table.optional("min"), table.optional("max"));
    let never = match (min, max) {
        (Some(DateBound::On(min)), Some(DateBound::On(max))) => min > max,
        (Some(DateBound::FromToday(min)), Some(DateBound::FromToday(max))) => min > max,
        _ => false,
    };
    if never {
        table.problem("min", "`min` is after `max`: no date would do");
    }
    Some(QuestionKind::Date { min, max })
}

fn scale(table: &Table<'_>, scale: Scale) -> Option<QuestionKind> {
    let built_in = labels(scale);
    if built_in.is_empty() {
        // Eleven steps are more than the rows of a list, so there is nothing to label.
        let choose = ByLanguage { ar: String::new(), en: String::new() };
        return Some(QuestionKind::Scale { scale, choose, choices: vec![] });
    }
    let choose = choose(table);
    let prefix = "7 - ".len();
    let own: Vec<Option<ByLanguage<String>>> = if table.node("labels").is_some() {
        let own = table.tables("labels", |one| {
            let read = |language: Language| {
                let text: String = one.required(language.code())?;
                let place = one.node(language.code())?.place.clone();
                if let Some(problem) = label(&place, "the label", &text, limits::ROW_TITLE_MAX - prefix) {
                    one.note(problem);
                }
                Some(text)
            };
            let (ar, en) = (read(Language::Ar), read(Language::En));
            Some(ByLanguage { ar: ar?, en: en? })
        });
        if own.len() != built_in.len() {
            let (name, n) = (scale.name(), built_in.len());
            table.problem(
                "labels",
                format!("`labels` has {}, but `{name}` has {n} steps; give each one, lowest first", own.len()),
            );
        }
        own
    } else {
        let owned = |(ar, en): &(&str, &str)| Some(ByLanguage { ar: (*ar).to_owned(), en: (*en).to_owned() });
        built_in.iter().map(owned).collect()
    };
    let labels: Vec<ByLanguage<String>> = own.into_iter().collect::<Option<_>>()?;
    Some(QuestionKind::Scale { scale, choose, choices: of_scale(scale, &labels) })
}

impl Read for Number {
    fn read(node: &Node) -> Result<Self, String> {
        let number = match &node.value {
            NodeValue::Integer(_) | NodeValue::Decimal(_) => Self::from_digits(&written(node)),
            other => return Err(format!("must be a number, not {}", other.kind())),
        };
        number.ok_or_else(|| "must be a number of at most 12 digits and 3 decimals".to_owned())
    }
}

impl Read for DateBound {
    fn read(node: &Node) -> Result<Self, String> {
        let text = written(node);
        let wrong = || {
            let forms = listed(["2026-12-01", "today", "today+30d", "today-1d"]);
            format!("is `{text}`, but must be one of forms such as {forms}")
        };
        if let Some(rest) = text.strip_prefix("today") {
            if rest.is_empty() {
                return Ok(Self::FromToday(0));
            }
            let days = rest.strip_suffix('d').and_then(|days| days.parse::<i32>().ok());
            let is_signed = rest.starts_with(['+', '-']);
            return days.filter(|days| is_signed && days.abs() <= 36_500).map(Self::FromToday).ok_or_else(wrong);
        }
        let date = Some(&text).filter(|text| text.len() == 10).and_then(|text| text.parse::<Date>().ok());
        date.map(Self::On).ok_or_else(wrong)
    }
}
