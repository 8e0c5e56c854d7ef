//! How often the reader of feedback is right, as it ships. With the model file (`BARID_TEST_MODEL=/path/e5-small-q4.bin`, or where `serve` would
//! look for it) the goals are held; without, what n-grams can do.

use std::path::PathBuf;

use barid::config::{Config, Environment};
use barid::domain::analysis::SentimentLabel;
use barid::domain::detected_language::DetectedLanguage;
use barid::nlp::{Group, Measurement, ModelFile, SHIPPED, Settings, Subject, local, measure, read_evaluation};

fn settings(model: ModelFile) -> Settings {
    let nlp = Config::load(None, &Environment::default()).unwrap().nlp;
    Settings {
        model,
        categories: nlp.categories,
        labelled: nlp.labelled,
        category_above: nlp.category_above,
        n_threads: nlp.threads,
    }
}

/// The model file of this machine. Without it, says that the test does not test.
fn model_file(test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("BARID_TEST_MODEL")
        .map_or_else(|| Config::load(None, &Environment::default()).unwrap().nlp.model, PathBuf::from);
    if path.is_file() {
        return Some(path);
    }
    println!(
        "SKIPPED {test}: no model file at `{}`; bring it with `make model` and set BARID_TEST_MODEL",
        path.display()
    );
    None
}

fn measured(model: ModelFile) -> Measurement {
    let lines = read_evaluation("evaluation.tsv", SHIPPED).unwrap();
    let measured = measure(&settings(model), &lines).unwrap();
    assert_eq!(measured.n_learnt, 0, "the sentences that measure teach nothing");
    for group in &measured.groups {
        let what = group.subject.name();
        println!(
            "{what:10} {:10} n {:3} accuracy {:.3} macro-F1 {:.3}",
            group.group, group.n, group.accuracy, group.macro_f1
        );
    }
    measured
}

fn group<'a>(measured: &'a Measurement, subject: Subject, name: &str) -> &'a Group {
    measured.groups.iter().find(|group| group.subject == subject && group.group == name).unwrap()
}

fn holds(measured: &Measurement, subject: Subject, name: &str, macro_f1: f64) {
    let group = group(measured, subject, name);
    assert!(group.macro_f1 >= macro_f1, "{subject:?} of {name}: {:.3} is below {macro_f1}", group.macro_f1);
}

#[test]
fn without_a_model_file_languages_reach_the_goal_and_n_grams_their_floor() {
    let measured = measured(ModelFile::None);
    assert_eq!(measured.model.name, "n-grams");
    assert!(group(&measured, Subject::Language, "all").accuracy >= 0.97);
    holds(&measured, Subject::Language, "all", 0.97);
    // Somewhat below what they reach, so that a sentence more or less in the lessons is no failure.
    holds(&measured, Subject::Sentiment, "all ar", 0.72);
    holds(&measured, Subject::Sentiment, "english", 0.62);
    holds(&measured, Subject::Category, "all", 0.60);
}

#[test]
fn with_the_model_file_sentiment_reaches_the_goals() {
    let Some(path) = model_file("with_the_model_file_sentiment_reaches_the_goals") else { return };
    let measured = measured(ModelFile::Required(path));
    assert_eq!(measured.model.name, "e5-small-q4");
    holds(&measured, Subject::Sentiment, "all ar", 0.80);
    holds(&measured, Subject::Sentiment, "english", 0.85);
    holds(&measured, Subject::Category, "all", 0.75);
}

#[tokio::test]
async fn texts_are_read_in_this_process_and_signed() {
    let reader = local(&settings(ModelFile::None)).unwrap();
    let texts = ["التوصيل تأخر كثير والمندوب ما يرد", "great service, thank you!", "١٠/١٠", "متى يوصل الطلب؟", ""];
    let read = reader.analyse(&texts.map(str::to_owned)).await.unwrap();
    assert_eq!(read.len(), texts.len());
    assert_eq!(read[0].language, DetectedLanguage::Ar);
    assert_eq!(read[0].sentiment.unwrap().label, SentimentLabel::Negative);
    assert_eq!(read[0].category.as_ref().unwrap().name, "delivery");
    assert_eq!((read[1].language, read[1].sentiment.unwrap().label), (DetectedLanguage::En, SentimentLabel::Positive));
    assert_eq!(read[2].sentiment.unwrap().label, SentimentLabel::Positive);
    assert!(read[3].is_question && !read[0].is_question);
    assert_eq!((read[4].language, read[4].category.as_ref()), (DetectedLanguage::Other, None));
    assert!(read.iter().all(|analysis| Some(&analysis.model) == reader.model().as_ref()));
    let again = local(&settings(ModelFile::None)).unwrap();
    assert_eq!(again.model(), reader.model(), "the same lessons are the same reader");
    assert_eq!(again.analyse(&texts.map(str::to_owned)).await.unwrap(), read, "and say the same");
}

#[test]
fn a_model_file_that_is_no_model_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e5-small-q4.bin");
    let told = |model: ModelFile| {
        local(&settings(model)).err().unwrap().to_string().replace(folder.path().to_str().unwrap(), "FOLDER")
    };
    insta::assert_snapshot!(told(ModelFile::Required(path.clone())), @"the model file `FOLDER/e5-small-q4.bin` cannot be read: No such file or directory (os error 2); bring it again with `make model`, or take it away to read feedback with n-grams");
    std::fs::write(&path, "version https://git-lfs").unwrap();
    insta::assert_snapshot!(told(ModelFile::IfThere(path)), @"the model file `FOLDER/e5-small-q4.bin` is not the model that barid reads: it does not begin with `E5S1` (at byte 0); bring it again with `make model`, or take it away to read feedback with n-grams");
}
