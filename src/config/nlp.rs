//! `[nlp]`: who reads feedback, what it can be about, and sentences that the operator labelled.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Config;
use super::address::WebUrl;
use super::layers::{cannot_read, located};
use crate::domain::document::{Node, NodeValue, Read, Table, one_of};
use crate::domain::feedback_category::{CategoryName, FeedbackCategories, FeedbackCategory};
use crate::domain::labelled_text::{LabelledText, read_lines};
use crate::domain::problem::Problem;
use crate::domain::share::Share;

/// The categories that ship.
const CATEGORIES: &str = include_str!("../../config/feedback-categories.toml");
/// And their name in messages.
const CATEGORIES_NAME: &str = "config/feedback-categories.toml";

/// The most threads that read feedback: more would take the CPU from sending.
const N_THREADS_MAX: usize = 8;

/// Who reads feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NlpMode {
    /// This process.
    Local,
    /// A service of the operator's, and this process where it does not answer.
    Http,
    /// Nobody; the language alone is told.
    Off,
}

impl NlpMode {
    const ALL: [Self; 3] = [Self::Local, Self::Http, Self::Off];

    const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Http => "http",
            Self::Off => "off",
        }
    }
}

impl Read for NlpMode {
    fn read(node: &Node) -> Result<Self, String> {
        one_of(node, Self::ALL, Self::name)
    }
}

/// Who reads feedback, and how.
#[derive(Debug, Clone)]
pub struct Nlp {
    /// Who.
    pub mode: NlpMode,
    /// Where the model file is, or would be.
    pub model: PathBuf,
    /// Whether the operator said so; without that, a file that is not there is no mistake.
    pub is_model_set: bool,
    /// What feedback can be about.
    pub categories: FeedbackCategories,
    /// Sentences that the operator labelled.
    pub labelled: Vec<LabelledText>,
    /// A category is named where its probability is above.
    pub category_above: Share,
    /// Threads that read.
    pub threads: usize,
    /// Where the service is.
    pub url: Option<WebUrl>,
    /// How long it may take.
    pub timeout: Duration,
}

impl Nlp {
    pub(super) fn read(table: &Table<'_>, state_dir: Option<&Path>) -> Option<Self> {
        let path = |key: &'static str| Some(located(table.node(key)?, table.optional(key)?));
        let (mode, model) = (table.required("mode"), path("model"));
        let categories = categories(table, path("categories"));
        let labelled = labelled(table, path("labelled"), categories.as_ref());
        let (category_above, timeout) = (table.required("category_above"), table.required("timeout"));
        let threads = table.required::<usize>("threads");
        if threads.is_some_and(|n| n > N_THREADS_MAX) {
            table.problem("threads", format!("`threads` must be from 1 to {N_THREADS_MAX}"));
        }
        let url = table.optional("url");
        if mode == Some(NlpMode::Http) && url.is_none() {
            table.problem(
                "mode",
                "`mode` is `http`, but `url` is missing; write where the service is, or `mode = \"local\"`",
            );
        }
        Some(Self {
            mode: mode?,
            is_model_set: model.is_some(),
            model: model.or_else(|| Some(state_dir?.join("models/e5-small-q4.bin")))?,
            categories: categories?,
            labelled: labelled?,
            category_above: category_above?,
            threads: threads?,
            url,
            timeout: timeout?,
        })
    }
}

/// The operator's categories, or those that ship.
fn categories(table: &Table<'_>, path: Option<PathBuf>) -> Option<FeedbackCategories> {
    let Some(path) = path else {
        return read_categories(CATEGORIES_NAME, CATEGORIES).map_err(|problems| note(table, problems)).ok();
    };
    let text = text_of(table, "categories", &path)?;
    read_categories(&path.display().to_string(), &text).map_err(|problems| note(table, problems)).ok()
}

fn labelled(
    table: &Table<'_>,
    path: Option<PathBuf>,
    categories: Option<&FeedbackCategories>,
) -> Option<Vec<LabelledText>> {
    let Some(path) = path else { return Some(Vec::new()) };
    let text = text_of(table, "labelled", &path)?;
    let names = categories.map(|categories| categories.names().collect::<Vec<_>>());
    read_lines(&path.display().to_string(), &text, names.as_deref()).map_err(|problems| note(table, problems)).ok()
}

fn text_of(table: &Table<'_>, key: &'static str, path: &Path) -> Option<String> {
    std::fs::read_to_string(path)
        .map_err(|error| table.problem(key, format!("`{key}`, `{}`: {}", path.display(), cannot_read(&error))))
        .ok()
}

fn note(table: &Table<'_>, problems: Vec<Problem>) {
    problems.into_iter().for_each(|problem| table.note(problem));
}

/// Reads a file of categories.
fn read_categories(path: &str, text: &str) -> Result<FeedbackCategories, Vec<Problem>> {
    let node = Node::parse(path, text)?;
    let (read, mut problems, _) = Table::read_document(&node, |table| {
        let built_in = table.required("built_in");
        let mut all = Vec::new();
        for (name, node) in table.entries("categories") {
            let Some(known) = CategoryName::new(name) else {
                table.note(node.place.problem(format!(
                    "`{name}` is not the name of a category; use 1 to 40 small letters, digits and `-`, a letter first, and write how \
                     people see it in `name`"
                )));
                continue;
            };
            let (category, problems, _) = Table::read_document(node, |table| category(table, known));
            note(table, problems);
            all.extend(category);
        }
        match all.len() {
            0 if table.n_problems() == 0 => {
                table.problem_here("there is no category; write at least one `[categories.NAME]`");
            }
            n if n > FeedbackCategories::N_MAX => {
                table.problem(
                    "categories",
                    format!("there are {n} categories, but {} at most", FeedbackCategories::N_MAX),
                );
            }
            _ => {}
        }
        Some(FeedbackCategories { all, built_in: built_in? })
    });
    problems.sort();
    match read {
        Some(read) if problems.is_empty() => Ok(read),
        _ => Err(problems),
    }
}

fn category(table: &Table<'_>, name: CategoryName) -> Option<FeedbackCategory> {
    if !matches!(table.node("name").map(|node| &node.value), Some(NodeValue::Table(_))) {
        table
            .problem("name", "`name` must hold both languages, as in `name = { ar = \"التوصيل\", en = \"Delivery\" }`");
        table.node("examples");
        return None;
    }
    let (title_ar, title_en) = table.table("name", |table| (table.required("ar"), table.required("en")));
    let examples: Option<Vec<String>> = table.required("examples");
    let wrong = examples.as_ref().and_then(|examples| match examples.len() {
        0 => Some("is empty; write some sentences that are about it, best eight to ten for each language".to_owned()),
        n if n > FeedbackCategories::N_EXAMPLES_MAX => Some(format!(
            "has {n} sentences, but {} at most; more belong in `labelled`",
            FeedbackCategories::N_EXAMPLES_MAX
        )),
        _ if examples.iter().any(|example| example.trim().is_empty()) => {
            Some("holds an empty sentence; take it out".to_owned())
        }
        _ => None,
    });
    if let Some(wrong) = wrong {
        table.problem("examples", format!("`examples` {wrong}"));
    }
    Some(FeedbackCategory { name, title_ar: title_ar?, title_en: title_en?, examples: examples? })
}

impl Config {
    /// What makes reading feedback work worse than it could.
    pub(super) fn warnings_of_nlp(&self) -> Vec<String> {
        let nlp = &self.nlp;
        let mut warnings = Vec::new();
        if nlp.mode == NlpMode::Http && nlp.url.as_ref().is_some_and(WebUrl::is_readable_on_the_way) {
            warnings.push(
                "`[nlp] url` is plain http to another machine: what customers write could be read on the way"
                    .to_owned(),
            );
        }
        if nlp.mode != NlpMode::Off && nlp.is_model_set && !nlp.model.is_file() {
            warnings.push(format!(
                "`[nlp] model`, `{}`: there is no such file; feedback would be read with n-grams, which are wrong more often; bring it with \
                 `make model`",
                nlp.model.display()
            ));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(problems: &[Problem]) -> String {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_shipped_categories_are_in_order() {
        let categories = read_categories(CATEGORIES_NAME, CATEGORIES).map_err(|problems| told(&problems)).unwrap();
        assert!(categories.built_in);
        let names: Vec<&str> = categories.names().collect();
        assert_eq!(names, ["app", "delivery", "other", "place", "price", "quality", "staff"]);
        let is_arabic = |text: &String| text.chars().any(crate::domain::normalised_text::is_arabic_letter);
        for category in &categories.all {
            let n_arabic = category.examples.iter().filter(|example| is_arabic(example)).count();
            assert!(n_arabic >= 8 && category.examples.len() - n_arabic >= 8, "{}", category.name);
        }
    }

    #[test]
    fn everything_wrong_with_categories_is_told() {
        let problems = read_categories(
            "mine.toml",
            "built_in = 1\n[categories.Staff]\nname = { ar = \"م\", en = \"S\" }\n[categories.price]\nname = \"Price\"\n\
             [categories.app]\nname = { ar = \"ت\" }\nexample = [\"a\"]\nexamples = []\n",
        )
        .unwrap_err();
        insta::assert_snapshot!(told(&problems), @r#"
        mine.toml:1: `built_in` must be `true` or `false`, not a whole number
        mine.toml:2: `Staff` is not the name of a category; use 1 to 40 small letters, digits and `-`, a letter first, and write how people see it in `name`
        mine.toml:5: `name` must hold both languages, as in `name = { ar = "التوصيل", en = "Delivery" }`
        mine.toml:7: `en` is missing in `[name]`
        mine.toml:8: unknown key `example`; did you mean `examples`?
        mine.toml:9: `examples` is empty; write some sentences that are about it, best eight to ten for each language
        "#);
        let problems = read_categories("mine.toml", "built_in = false\n").unwrap_err();
        assert!(told(&problems).contains("there is no category"), "{problems:?}");
    }
}
