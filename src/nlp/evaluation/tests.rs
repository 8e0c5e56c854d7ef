use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::*;

fn shipped() -> Vec<Line> {
    read_evaluation("evaluation.tsv", SHIPPED).unwrap()
}

#[test]
fn the_shipped_sentences_are_many_and_balanced() {
    let lines = shipped();
    let mut of_variety: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    lines.iter().for_each(|line| of_variety.entry(&line.variety).or_default().push(line));
    assert!(lines.len() >= 330);
    for variety in ["gulf", "egyptian", "levantine", "msa", "english", "mixed", "arabizi"] {
        let lines = &of_variety[variety];
        for label in SentimentLabel::ALL {
            let n = lines.iter().filter(|line| line.sentiment == Some(label)).count();
            assert_eq!(n * 3, lines.len(), "{variety}: {label}");
        }
        let categories: HashSet<_> = lines.iter().filter_map(|line| line.category.as_deref()).collect();
        assert_eq!(categories.len(), 7, "{variety}");
        assert!(lines.len() >= 42, "{variety}");
    }
}

/// Every sentence that teaches: barid's own and the examples of the categories that ship.
fn taught() -> Vec<String> {
    let file = include_str!("../../../config/feedback-categories.toml");
    let examples = file.lines().filter_map(|line| line.strip_prefix("  \"")?.strip_suffix("\",").map(str::to_owned));
    let taught: Vec<String> =
        super::super::lessons::built_in().into_iter().map(|line| line.text).chain(examples).collect();
    assert!(taught.len() > 450);
    taught
}

fn set_of_words(text: &str) -> BTreeSet<String> {
    words(text).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[test]
fn no_shipped_sentence_is_one_that_teaches_or_nearly_one() {
    let taught: Vec<(String, BTreeSet<String>)> =
        taught().into_iter().map(|text| (words(&text), set_of_words(&text))).collect();
    for line in shipped() {
        let (same, own) = (words(&line.text), set_of_words(&line.text));
        for (known, theirs) in taught.iter().filter(|_| !own.is_empty()) {
            assert_ne!(*known, same);
            let likeness = own.intersection(theirs).count() as f64 / own.union(theirs).count() as f64;
            assert!(likeness <= 0.6, "{likeness:.2}: `{}` and `{known}`", line.text);
        }
    }
}

#[test]
fn accuracy_and_f1_are_counted_by_the_book() {
    let pairs: Vec<(String, String)> = [("a", "a"), ("a", "a"), ("a", "b"), ("b", "b"), ("b", "-"), ("c", "a")]
        .map(|(right, answered)| (right.to_owned(), answered.to_owned()))
        .to_vec();
    let order = ["a", "b", "c", "d", "-"].map(str::to_owned);
    let confusion = Confusion::of(&pairs, &order);
    assert_eq!(confusion.labels, ["a", "b", "c", "-"], "what never occurs is not shown");
    assert_eq!(confusion.counts, [vec![2, 1, 0, 0], vec![0, 1, 0, 1], vec![1, 0, 0, 0], vec![0, 0, 0, 0]]);
    assert!((confusion.accuracy() - 0.5).abs() < 1e-9);
    // a: 2·2/(3+3), b: 2·1/(2+2), c: 0; `-` is never right.
    assert!((confusion.macro_f1() - (2.0 / 3.0 + 0.5) / 3.0).abs() < 1e-9);
}

#[test]
fn everything_wrong_with_a_file_is_told_with_its_line() {
    let text = "gulf\tar\tpositive\tstaff\tx\ngulf\tarabic\tgood\tstaff\tx\nshort\n";
    let told: Vec<String> = read_evaluation("mine.tsv", text).unwrap_err().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    mine.tsv:2: the language is `arabic`, but must be one of `ar`, `en`, `mixed`, `ar-Latn`, `other` or `-`
    mine.tsv:2: the sentiment is `good`, but must be one of `positive`, `neutral`, `negative` or `-`
    mine.tsv:3: must be variety, language, sentiment, category and text with 4 tabs between them, but has 0
    ");
}
