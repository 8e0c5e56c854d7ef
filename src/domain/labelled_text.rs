//! Sentences with what a person says about them: what readers of feedback learn from.

use super::analysis::SentimentLabel;
use super::problem::{Place, Problem, did_you_mean, listed};

/// Longer than any single message of WhatsApp (4,096 characters), in bytes of UTF-8.
const TEXT_BYTES_MAX: usize = 16_384;
/// More than a person labels by hand. With the model file, each costs 12 ms of CPU after every start.
pub const N_LINES_MAX: usize = 5_000;

/// One sentence. `Debug` does not show it: it may be a customer's.
#[derive(Clone, PartialEq, Eq)]
pub struct LabelledText {
    /// What the writer feels, if said.
    pub sentiment: Option<SentimentLabel>,
    /// What it is about, if said: the name of a category.
    pub category: Option<String>,
    /// The sentence.
    pub text: String,
}

impl std::fmt::Debug for LabelledText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LabelledText")
            .field("sentiment", &self.sentiment)
            .field("category", &self.category)
            .finish_non_exhaustive()
    }
}

/// Reads lines of `sentiment`, `category` and text with tabs between them. `-` is "not said"; empty lines and those that begin with
/// `#` are left out. With `known`, categories must be among them.
///
/// # Errors
/// Everything that is wrong, each with its line.
pub fn read_lines(path: &str, text: &str, known: Option<&[&str]>) -> Result<Vec<LabelledText>, Vec<Problem>> {
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    for (number, fields) in fields::<3>(path, text, "sentiment, category and text", &mut problems) {
        let [sentiment, category, sentence] = fields;
        let place = Place::line(path, number);
        let sentiment = sentiment_of(sentiment, &place, &mut problems);
        let category = (category != "-").then(|| category.to_owned());
        if let (Some(name), Some(known)) = (&category, known)
            && !known.contains(&name.as_str())
        {
            let nearest = did_you_mean(name, known.iter().copied());
            problems.push(place.problem(format!("there is no category `{name}`{nearest}")));
        }
        lines.push(LabelledText { sentiment, category, text: sentence.to_owned() });
    }
    if lines.len() > N_LINES_MAX {
        let message =
            format!("has {} sentences, but must have {N_LINES_MAX} at most; keep the clearest of them", lines.len());
        problems.push(Place::file(path).problem(message));
    }
    problems.sort();
    if problems.is_empty() { Ok(lines) } else { Err(problems) }
}

/// The lines of a text that hold something, as `N` fields with tabs between them, each with its number from 1. What is wrong is noted.
pub(crate) fn fields<'a, const N: usize>(
    path: &str,
    text: &'a str,
    what: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(usize, [&'a str; N])> {
    let mut found = Vec::new();
    for (index, line) in text.strip_prefix('\u{FEFF}').unwrap_or(text).lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let place = Place::line(path, index + 1);
        let parts: Vec<&str> = line.splitn(N, '\t').map(str::trim).collect();
        match <[&str; N]>::try_from(parts) {
            Ok(parts) if parts.iter().any(|part| part.is_empty()) => {
                problems.push(place.problem(format!(
                    "must be {what} with tabs between them, and one is empty; `-` says that it is not known"
                )));
            }
            Ok(parts) if parts.iter().any(|part| part.len() > TEXT_BYTES_MAX) => {
                problems.push(place.problem(format!("is longer than {TEXT_BYTES_MAX} bytes; shorten it")));
            }
            Ok(parts) => found.push((index + 1, parts)),
            Err(parts) => {
                let message = format!("must be {what} with {} tabs between them, but has {}", N - 1, parts.len() - 1);
                problems.push(place.problem(message));
            }
        }
    }
    found
}

/// The label of that name; `-` is none. What is neither is noted.
pub(crate) fn sentiment_of(name: &str, place: &Place, problems: &mut Vec<Problem>) -> Option<SentimentLabel> {
    let label = SentimentLabel::from_name(name);
    if label.is_none() && name != "-" {
        let names = SentimentLabel::ALL.map(SentimentLabel::name);
        problems.push(place.problem(format!("the sentiment is `{name}`, but must be one of {} or `-`", listed(names))));
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_remarks_are_not() {
        let text = "\u{FEFF}# remark\npositive\tstaff\tشكرا لكم\n\n-\tprice\tbill\twith a tab\r\nnegative\t-\tbad\n";
        let lines = read_lines("mine.tsv", text, None).unwrap();
        assert_eq!(lines.len(), 3);
        assert_eq!((lines[0].sentiment, lines[0].category.as_deref()), (Some(SentimentLabel::Positive), Some("staff")));
        assert_eq!(lines[1].text, "bill\twith a tab");
        assert_eq!((lines[2].sentiment, lines[2].category.as_deref()), (Some(SentimentLabel::Negative), None));
        assert!(!format!("{lines:?}").contains("bill"), "sentences are not printed");
    }

    #[test]
    fn everything_wrong_is_told_with_its_line_and_without_the_sentence() {
        let problems = read_lines(
            "mine.tsv",
            "good\tstaff\thidden\npositive staff hidden\npositive\t\thidden\n-\tdelivry\tz\n",
            Some(&["delivery"]),
        )
        .unwrap_err();
        let told = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(told, @r"
        mine.tsv:1: the sentiment is `good`, but must be one of `positive`, `neutral`, `negative` or `-`
        mine.tsv:1: there is no category `staff`; there are `delivery`
        mine.tsv:2: must be sentiment, category and text with 2 tabs between them, but has 0
        mine.tsv:3: must be sentiment, category and text with tabs between them, and one is empty; `-` says that it is not known
        mine.tsv:4: there is no category `delivry`; did you mean `delivery`?
        ");
    }

    #[test]
    fn there_is_a_most() {
        let problems = read_lines("mine.tsv", &"positive\tstaff\tx\n".repeat(N_LINES_MAX + 1), None).unwrap_err();
        assert!(problems[0].to_string().contains("at most"), "{problems:?}");
    }
}
