//! How often the reader of feedback is right, as it ships.

use barid::config::{Config, Environment};
use barid::nlp::{Group, Measurement, ModelFile, SHIPPED, Settings, Subject, measure, read_evaluation};

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

#[test]
fn without_a_model_file_it_is_right_more_often_than_not() {
    let measured = measured(ModelFile::None);
    assert_eq!(measured.model.name, "n-grams");
    assert!(group(&measured, Subject::Language, "all").accuracy >= 0.97);
    assert!(group(&measured, Subject::Language, "all").macro_f1 >= 0.97);
}
