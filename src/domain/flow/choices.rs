//! What can be chosen by pressing: buttons, rows of a list, steps of a scale. And by writing: its title, its number, its words.

use super::Scale;
use crate::domain::ids::{FlowName, FlowStepId};
use crate::domain::normalised_text::words as normalise;
use crate::domain::template::ByLanguage;

/// Beginning of everything that our buttons carry.
const PREFIX: &str = "flow";

/// A button or a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What rules and results call it.
    pub id: String,
    /// What is shown.
    pub title: ByLanguage<String>,
    /// What is shown below the title of a row.
    pub description: Option<ByLanguage<String>>,
    /// What else people may write for it, normalised.
    pub words: Vec<String>,
}

impl Choice {
    /// What is heard as this choice, normalised: its titles in both languages, its words and its name.
    pub(super) fn spellings(&self) -> impl Iterator<Item = String> {
        let titles = [&self.title.ar, &self.title.en].map(|title| normalise(title));
        let id = normalise(&self.id);
        titles.into_iter().chain(self.words.iter().cloned()).chain([id]).filter(|spelling| !spelling.is_empty())
    }

    /// What its button carries.
    pub fn payload(&self, flow: &FlowName, step: &FlowStepId) -> String {
        format!("{PREFIX}:{flow}:{step}:{}", self.id)
    }
}

/// What a button of a flow carries, taken apart: flow, step and choice.
pub(super) fn parts_of_payload(payload: &str) -> Option<(&str, &str, &str)> {
    let rest = payload.strip_prefix(PREFIX)?.strip_prefix(':')?;
    let (flow, rest) = rest.split_once(':')?;
    let (step, choice) = rest.split_once(':')?;
    Some((flow, step, choice))
}

/// The choice that somebody wrote: what is shown, or something that means it, or its position from 1.
pub(super) fn choice_in_text<'a>(choices: &'a [Choice], text: &str) -> Option<&'a Choice> {
    let shown = text.trim();
    if let Some(choice) = choices.iter().find(|choice| choice.title.ar == shown || choice.title.en == shown) {
        return Some(choice);
    }
    let said = normalise(text);
    if said.is_empty() {
        return None;
    }
    choices.iter().find(|choice| choice.spellings().any(|spelling| spelling == said)).or_else(|| {
        let position = super::Number::in_text(text)?.as_whole()?;
        choices.get(usize::try_from(position).ok()?.checked_sub(1)?)
    })
}

/// The words for the steps of a scale, lowest first. The scale from 0 to 10 has eleven, and a list ten rows: it is answered in writing.
pub(super) fn labels(scale: Scale) -> &'static [(&'static str, &'static str)] {
    match scale {
        Scale::Nps => &[],
        Scale::Csat => &[
            ("غير راضٍ إطلاقًا", "Very dissatisfied"),
            ("غير راضٍ", "Dissatisfied"),
            ("محايد", "Neutral"),
            ("راضٍ", "Satisfied"),
            ("راضٍ جدًا", "Very satisfied"),
        ],
        Scale::Ces => &[
            ("لا أوافق بشدة", "Strongly disagree"),
            ("لا أوافق", "Disagree"),
            ("لا أوافق إلى حد ما", "Somewhat disagree"),
            ("محايد", "Neutral"),
            ("أوافق إلى حد ما", "Somewhat agree"),
            ("أوافق", "Agree"),
            ("أوافق بشدة", "Strongly agree"),
        ],
    }
}

/// The rows of a scale with these labels. The number stands first, so that a row reads like the question.
pub(super) fn of_scale(scale: Scale, labels: &[ByLanguage<String>]) -> Vec<Choice> {
    (scale.least()..=scale.most())
        .zip(labels)
        .map(|(n, label)| Choice {
            id: n.to_string(),
            title: ByLanguage { ar: format!("{n} - {}", label.ar), en: format!("{n} - {}", label.en) },
            description: None,
            // «راضٍ» is mostly written «راضي».
            words: [&label.ar, &label.en, &label.ar.replace('\u{64d}', "ي")].map(|word| normalise(word)).to_vec(),
        })
        .collect()
}
