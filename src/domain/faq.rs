//! Answers to what people ask often: patterns in both languages, and for each an answer in both.
//!
//! A pattern is a word or some words in a row, found anywhere in the message as whole words; a `*` at the end of a word stands for
//! whatever follows in it (`refund*` finds "refunds" and "refunded"). Spelling does not matter: hamza, ta marbuta, diacritics, tatweel,
//! digits, case and punctuation are alike on both sides. Of all that are found the longest wins, so that the more exact question is
//! answered.

use std::collections::BTreeMap;

use crate::domain::document::{Node, Table};
use crate::domain::language::Language;
use crate::domain::normalised_text::words as normalise;
use crate::domain::problem::{Place, Problem, listed};
use crate::domain::stop_words::heard;
use crate::domain::template::{Brand, ByLanguage, FreeText, RenderError, Values, read_texts};

/// Of one answer: what WhatsApp takes in one message.
const ANSWER_CHARS_MAX: usize = 4096;
/// Longer messages tell a story; an answer out of a list would be an insult.
const MESSAGE_WORDS_MAX: usize = 40;

/// The answers that are in order.
#[derive(Debug, Clone, Default)]
pub struct Faq(Vec<Entry>);

/// An answer.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What reports call it.
    pub id: String,
    patterns: Vec<Pattern>,
    answer: ByLanguage<FreeText>,
}

/// Words in a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Pattern(Vec<Word>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    letters: String,
    /// Whether more may follow.
    is_prefix: bool,
}

impl Faq {
    /// Reads the answers of a file and checks all of them.
    ///
    /// # Errors
    /// Everything that is wrong, each with file, line and remedy.
    pub fn parse(path: &str, text: &str, brand: &Brand) -> Result<Self, Vec<Problem>> {
        let node = Node::parse(path, text)?;
        let (entries, mut problems, _) =
            Table::read_document(&node, |table| table.tables("answers", |answer| entry(answer, brand)));
        let entries: Vec<(Entry, Place)> = entries.into_iter().flatten().collect();
        problems.extend(conflicts(&entries));
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        problems.dedup();
        if problems.is_empty() {
            Ok(Self(entries.into_iter().map(|(entry, _)| entry).collect()))
        } else {
            Err(problems)
        }
    }

    /// The answer to a message, if there is one.
    pub fn answer(&self, message: &str) -> Option<&Entry> {
        let normal = normalise(message);
        let words: Vec<&str> = normal.split(' ').filter(|word| !word.is_empty()).collect();
        if words.len() > MESSAGE_WORDS_MAX {
            return None;
        }
        let found = self.0.iter().flat_map(|entry| entry.patterns.iter().map(move |pattern| (pattern, entry)));
        // Of equally long ones the one with more whole words wins, then the first in the order of the words: no two are the same.
        let longest = found.filter(|(pattern, _)| pattern.is_in(&words)).max_by_key(|(pattern, _)| pattern.weight());
        longest.map(|(_, entry)| entry)
    }

    /// All of them in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }
}

impl Entry {
    /// The answer in the language of the values, and what could not be filled in.
    pub fn text(&self, values: &Values) -> (String, Vec<RenderError>) {
        self.answer.get(values.language()).render_what_is_there(values)
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence that begins with the pattern.
    fn read(text: &str) -> Result<Self, &'static str> {
        let is_misplaced = |word: &str| word == "*" || word.trim_end_matches('*').contains('*') || word.ends_with("**");
        if text.split_whitespace().any(is_misplaced) {
            return Err("has a `*` that is not the end of a word; it stands for what follows in its word");
        }
        let word = |written: &str| {
            let (letters, is_prefix) = written.strip_suffix('*').map_or((written, false), |letters| (letters, true));
            // One written word can be several: `e-mail`.
            let normal = normalise(letters);
            let mut words: Vec<Word> = normal
                .split_whitespace()
                .map(|letters| Word { letters: letters.to_owned(), is_prefix: false })
                .collect();
            if let Some(last) = words.last_mut() {
                last.is_prefix = is_prefix;
            }
            words
        };
        let words: Vec<Word> = text.split_whitespace().flat_map(word).collect();
        if words.is_empty() { Err("has neither letter nor digit") } else { Ok(Self(words)) }
    }

    fn is_in(&self, message: &[&str]) -> bool {
        message.windows(self.0.len()).any(|window| self.0.iter().zip(window).all(|(word, said)| word.is(said)))
    }

    /// How exact it is: letters, then whole words. The last part makes every two patterns differ.
    fn weight(&self) -> (usize, usize, std::cmp::Reverse<&Self>) {
        let letters = self.0.iter().map(|word| word.letters.chars().count()).sum();
        let whole = self.0.iter().filter(|word| !word.is_prefix).count();
        (letters, whole, std::cmp::Reverse(self))
    }
}

impl Word {
    fn is(&self, said: &str) -> bool {
        if self.is_prefix { said.starts_with(&self.letters) } else { said == self.letters }
    }
}

fn entry(table: &Table<'_>, brand: &Brand) -> Option<(Entry, Place)> {
    let id: Option<String> = table.required("id");
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if let Some(id) = id.as_ref().filter(|id| id.is_empty() || id.len() > 64 || !id.chars().all(fits)) {
        table.problem("id", format!("`id` is `{id}`, but must be 1 to 64 lower-case letters, digits, `-` and `_`"));
    }
    let patterns = patterns(table);
    if table.node("answer").is_none() {
        table.problem_here("`answer` is missing; write `answer = { ar = \"…\", en = \"…\" }`");
    }
    let answer = read_texts(table, "answer");
    if let Some(answer) = &answer {
        check_answer(table, answer, brand);
    }
    Some((Entry { id: id?, patterns: patterns?, answer: answer? }, table.place().clone()))
}

fn patterns(table: &Table<'_>) -> Option<Vec<Pattern>> {
    if table.node("patterns").is_none() {
        table.problem_here("`patterns` is missing; write `patterns = { ar = [\"…\"], en = [\"…\"] }`");
        return None;
    }
    table.table("patterns", |languages| {
        let read = |language: Language| {
            let code = language.code();
            let written: Vec<String> = languages.required(code)?;
            if written.is_empty() {
                languages.problem(code, format!("`patterns` has none in `{code}`; people ask in both languages"));
            }
            for text in &written {
                if let Err(wrong) = Pattern::read(text) {
                    languages.problem(code, format!("the pattern `{text}` {wrong}"));
                } else if heard(text).is_some() {
                    let message =
                        format!("the pattern `{text}` is a stop or start word and is heard as such; add a word to it");
                    languages.problem(code, message);
                }
            }
            Some(written.iter().filter_map(|text| Pattern::read(text).ok()).collect::<Vec<_>>())
        };
        let (ar, en) = (read(Language::Ar), read(Language::En));
        let (mut all, en) = (ar?, en?);
        all.extend(en);
        all.sort();
        all.dedup();
        Some(all)
    })
}

fn check_answer(table: &Table<'_>, answer: &ByLanguage<FreeText>, brand: &Brand) {
    for language in Language::ALL {
        let text = answer.get(language);
        let mut wrong = Vec::new();
        for variable in text.variables() {
            let name = variable.name();
            match variable.path().as_slice() {
                ["brand", "name" | "signature"] => {}
                ["contact", _] if variable.is_optional() => {}
                ["contact", _] => wrong.push(format!("not everybody has `{name}`; write `{{{{default {name} '…'}}}}`")),
                _ => wrong.push(format!(
                    "unknown variable `{name}`; there are {}",
                    listed(["contact.NAME", "brand.name", "brand.signature"])
                )),
            }
        }
        if wrong.is_empty() {
            let values = Values::new(language, &Default::default(), brand).with_group("contact", []);
            match text.render(&values) {
                Err(error) => wrong.push(error.to_string()),
                Ok(said) if said.chars().count() > ANSWER_CHARS_MAX => {
                    let n = said.chars().count();
                    wrong.push(format!("it has {n} characters, but Meta allows {ANSWER_CHARS_MAX}; shorten it"));
                }
                Ok(_) => {}
            }
        }
        for wrong in wrong {
            table.problem("answer", format!("in `answer` in `{language}`: {wrong}"));
        }
    }
}

/// The same pattern, or the same name, for two answers.
fn conflicts(entries: &[(Entry, Place)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut ids: BTreeMap<&str, &Place> = BTreeMap::new();
    let mut patterns: BTreeMap<&Pattern, (&str, &Place)> = BTreeMap::new();
    for (entry, place) in entries {
        if let Some(first) = ids.get(entry.id.as_str()) {
            problems.push(place.problem(format!("there is another answer `{}` at {first}; rename one", entry.id)));
        }
        ids.entry(&entry.id).or_insert(place);
        for pattern in &entry.patterns {
            match patterns.get(pattern) {
                Some((other, first)) => problems.push(place.problem(format!(
                    "the pattern `{pattern}` belongs to the answer `{other}` at {first} too; take it out of one of them"
                ))),
                None => {
                    patterns.insert(pattern, (&entry.id, place));
                }
            }
        }
    }
    problems
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = self.0.iter().map(|word| format!("{}{}", word.letters, if word.is_prefix { "*" } else { "" }));
        f.write_str(&words.collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::campaign::CampaignValue;

    fn brand() -> Brand {
        Brand { name: CampaignValue::from("Barid"), signature: CampaignValue::from("Care") }
    }

    fn parsed(text: &str) -> Result<Faq, Vec<String>> {
        let told = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect();
        Faq::parse("faq.toml", text, &brand()).map_err(told)
    }

    const FAQ: &str = r#"
[[answers]]
id = "hours"
patterns = { ar = ["ساعات العمل", "متى تفتح*"], en = ["opening hours", "when do you open"] }
answer = { ar = "نعمل من الأحد إلى الخميس.", en = "We are open from Sunday to Thursday." }

[[answers]]
id = "friday"
patterns = { ar = ["ساعات العمل يوم الجمعة"], en = ["opening hours on friday"] }
answer = { ar = "الجمعة إجازة.", en = "We are closed on Fridays, {{default contact.name 'dear customer'}}." }

[[answers]]
id = "refund"
patterns = { ar = ["استرجاع", "استرداد*"], en = ["refund*", "room 12", "e-mail refund"] }
answer = { ar = "خلال ٧ أيام، {{brand.name}}.", en = "Within 7 days." }
"#;

    fn id<'a>(faq: &'a Faq, message: &str) -> Option<&'a str> {
        faq.answer(message).map(|entry| entry.id.as_str())
    }

    #[test]
    fn the_longest_pattern_wins_in_any_spelling() {
        let faq = parsed(FAQ).unwrap();
        for (message, expected) in [
            ("What are your opening hours?", Some("hours")),
            ("Opening hours, on Friday", Some("friday")),
            ("ما هي ساعات العمل؟", Some("hours")),
            ("ساعاتُ العَمَل يوم الجمعه", Some("friday")),
            ("متى تفتحون", Some("hours")),
            ("أريد إسترداد المبلغ", Some("refund")),
            ("استـرجاع", Some("refund")),
            ("REFUNDED???", Some("refund")),
            ("غرفة room ١٢", Some("refund")),
            ("prefund", None),
            ("opening the hours", None),
            ("", None),
            ("👍", None),
        ] {
            assert_eq!(id(&faq, message), expected, "{message}");
        }
        assert_eq!(id(&faq, &"refund ".repeat(41)), None, "a story is read by a person");
    }

    #[test]
    fn the_answer_is_in_the_language_of_the_values() {
        let faq = parsed(FAQ).unwrap();
        let text = |message: &str, language| {
            let values = Values::new(language, &Default::default(), &brand());
            faq.answer(message).unwrap().text(&values)
        };
        assert_eq!(text("refund", Language::Ar).0, "خلال ٧ أيام، \u{2068}Barid\u{2069}.");
        assert_eq!(text("opening hours on friday", Language::En).0, "We are closed on Fridays, dear customer.");
    }

    #[test]
    fn the_answer_does_not_depend_on_the_order_of_the_file() {
        let mut blocks: Vec<&str> = FAQ.split("\n\n").collect();
        let messages =
            ["opening hours refund", "refund room 12", "متى تفتحون ساعات العمل", "opening hours on friday refund"];
        let forward = parsed(FAQ).unwrap();
        let first: Vec<_> = messages.iter().map(|message| id(&forward, message).unwrap().to_owned()).collect();
        blocks.reverse();
        let backward = parsed(&blocks.join("\n\n")).unwrap();
        assert_eq!(messages.map(|message| id(&backward, message).unwrap().to_owned()).to_vec(), first);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let text = r#"
[[answers]]
id = "a"
patterns = { ar = ["توصيل"], en = ["delivery", "!!", "when * open", "de*livery"] }
answer = { ar = "نعم", en = "{{contact.name}}: {{price}}" }

[[answers]]
id = "a"
patterns = { ar = ["التوصيل"], en = ["Delivery", "stop"] }
answer = { ar = "نعم", en = "yes" }

[[answers]]
id = "Big"
patterns = { ar = [], en = ["x"] }
anser = "x"
"#;
        insta::assert_snapshot!(parsed(text).unwrap_err().join("\n"), @r#"
        faq.toml:4: the pattern `!!` has neither letter nor digit
        faq.toml:4: the pattern `when * open` has a `*` that is not the end of a word; it stands for what follows in its word
        faq.toml:4: the pattern `de*livery` has a `*` that is not the end of a word; it stands for what follows in its word
        faq.toml:5: in `answer` in `en`: not everybody has `contact.name`; write `{{default contact.name '…'}}`
        faq.toml:5: in `answer` in `en`: unknown variable `price`; there are `contact.NAME`, `brand.name`, `brand.signature`
        faq.toml:7: there is another answer `a` at faq.toml:2; rename one
        faq.toml:7: the pattern `delivery` belongs to the answer `a` at faq.toml:2 too; take it out of one of them
        faq.toml:9: the pattern `stop` is a stop or start word and is heard as such; add a word to it
        faq.toml:12: `answer` is missing; write `answer = { ar = "…", en = "…" }`
        faq.toml:13: `id` is `Big`, but must be 1 to 64 lower-case letters, digits, `-` and `_`
        faq.toml:14: `patterns` has none in `ar`; people ask in both languages
        faq.toml:15: unknown key `anser` in `[answers]`; did you mean `answer`?
        "#);
    }
}
