//! Approved templates as they were last seen, and agreements to their categories.

use barid::domain::live_check::TemplateFacts;
use barid::domain::template_approval::{Agreement, Wording};
use barid::ports::TemplateRecord as _;

use super::{at, on_both_databases};

fn facts(name: &str, status: &str) -> TemplateFacts {
    TemplateFacts {
        id: "13".to_owned(),
        name: name.to_owned(),
        language: "ar".to_owned(),
        status: status.to_owned(),
        category: "UTILITY".to_owned(),
        quality: "GREEN".to_owned(),
        rejected_reason: String::new(),
        format: "NAMED".to_owned(),
        wording: Wording::new(Some("أهلًا"), "سطر\nوسطر", None, []),
    }
}

on_both_databases! {
    async fn a_state_keeps_its_beginning_and_what_is_not_listed_any_more_is_forgotten(database: Database) {
        let store = database.open().await;
        store.keep_templates("8", vec![facts("a", "APPROVED"), facts("b", "PENDING")], at(1)).await.unwrap();
        store.keep_templates("9", vec![facts("a", "PAUSED")], at(1)).await.unwrap();
        store.keep_templates("8", vec![facts("b", "APPROVED")], at(2)).await.unwrap();
        store.keep_templates("8", vec![facts("b", "APPROVED")], at(3)).await.unwrap();
        let kept = store.kept_templates().await.unwrap();
        let shown: Vec<_> = kept
            .iter()
            .map(|one| (one.account.as_str(), one.facts.name.as_str(), one.facts.status.as_str(), one.status_since, one.seen_at))
            .collect();
        assert_eq!(
            shown,
            [
                ("8", "a", "APPROVED", at(1), at(1)),
                ("8", "b", "APPROVED", at(2), at(3)),
                ("9", "a", "PAUSED", at(1), at(1)),
            ]
        );
        assert_eq!(kept[1].facts, facts("b", "APPROVED"), "nothing of it is lost");
        // A look that began earlier and is written later changes nothing.
        store.keep_templates("8", vec![facts("b", "PENDING")], at(2)).await.unwrap();
        assert_eq!(store.forget_templates("8", at(3)).await.unwrap(), 1);
        let kept = store.kept_templates().await.unwrap();
        let shown: Vec<_> = kept.iter().map(|one| (one.account.as_str(), one.facts.status.as_str())).collect();
        assert_eq!(shown, [("8", "APPROVED"), ("9", "PAUSED")]);
    }

    async fn who_agreed_first_is_kept(database: Database) {
        let store = database.open().await;
        let agreement = |by: &str, second| Agreement {
            name: "a".to_owned(),
            language: "ar".to_owned(),
            category: "MARKETING".to_owned(),
            by: by.to_owned(),
            at: at(second),
        };
        store.agree_category(agreement("amal", 1)).await.unwrap();
        store.agree_category(agreement("omar", 2)).await.unwrap();
        assert_eq!(store.category_agreements().await.unwrap(), [agreement("amal", 1)]);
    }

    async fn a_use_is_noted_to_an_hour_and_never_goes_back(database: Database) {
        let store = database.open().await;
        let uses = async || -> Vec<(String, String, jiff::Timestamp)> {
            store.template_uses().await.unwrap().into_iter().map(|used| (used.name, used.language, used.at)).collect()
        };
        let used = |name: &str, language: &str, second| (name.to_owned(), language.to_owned(), at(second));
        store.note_template_use("a", "ar", at(10_000)).await.unwrap();
        store.note_template_use("a", "ar", at(13_599)).await.unwrap();
        store.note_template_use("a", "en", at(10_001)).await.unwrap();
        assert_eq!(uses().await, [used("a", "ar", 10_000), used("a", "en", 10_001)]);
        store.note_template_use("a", "ar", at(13_600)).await.unwrap();
        // Another process whose clock is behind.
        let other = database.open().await;
        other.note_template_use("a", "ar", at(9_000)).await.unwrap();
        assert_eq!(uses().await, [used("a", "ar", 13_600), used("a", "en", 10_001)]);
    }
}
