//! People, and what they allow.

use barid::domain::consent::{ConsentChangeKind, Purpose, Purposes};
use barid::domain::contact::ContactUpdate;
use barid::domain::delivery::{Delivery, SuppressedReason};
use barid::domain::ids::ContactId;
use barid::domain::language::Language;
use barid::ports::{Contacts as _, Messages as _};

use super::{at, change, delivery, on_both_databases, people, person, phone, run_to, single, start};

on_both_databases! {
    async fn an_update_sets_what_it_names_and_leaves_the_rest(database: Database) {
        let store = database.open().await;
        let first = ContactUpdate { tags: Some(vec!["buyer".into()]), email: Some("a@example.com".into()), ..person(1) };
        let added = store.upsert(vec![first], at(0)).await.unwrap();
        assert!(added[0].1, "new");
        let second = ContactUpdate {
            name: None,
            language: None,
            email: None,
            attributes: [("plan".to_owned(), "gold".to_owned())].into(),
            consent: None,
            ..person(1)
        };
        let known = store.upsert(vec![second], at(1)).await.unwrap();
        let (contact, is_new) = &known[0];
        assert!(!is_new);
        assert_eq!(contact.name.as_deref(), Some("Person 1"));
        assert_eq!(contact.language, Language::En);
        assert_eq!(contact.email.as_deref(), Some("a@example.com"));
        assert_eq!(contact.tags, ["buyer"]);
        assert_eq!(contact.attributes.keys().collect::<Vec<_>>(), ["city", "plan"]);
        assert_eq!(contact.timezone, "Asia/Riyadh");
        assert_eq!(store.by_phone(&phone(1)).await.unwrap().as_ref(), Some(contact));
        assert_eq!(store.contact(contact.id).await.unwrap().as_ref(), Some(contact));
        assert_eq!(store.by_phone(&phone(2)).await.unwrap(), None);
    }

    async fn two_updates_of_one_number_in_one_call_are_applied_in_order(database: Database) {
        let store = database.open().await;
        let named = |name: &str| ContactUpdate { name: Some(name.into()), ..person(1) };
        let answered = store.upsert(vec![named("First"), person(2), named("Second")], at(0)).await.unwrap();
        assert_eq!(answered.iter().map(|(_, is_new)| *is_new).collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(answered[0].0.id, answered[2].0.id);
        assert_eq!(store.by_phone(&phone(1)).await.unwrap().unwrap().name.as_deref(), Some("Second"));
    }

    async fn ten_thousand_rows_are_imported_and_paged_through_once_each(database: Database) {
        let store = database.open().await;
        let ids = people(&store, 10_000).await;
        assert_eq!(ids.len(), 10_000);
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.page(after, 999).await.unwrap();
            seen.extend(page.items.iter().map(|contact| contact.id));
            let Some(next) = page.next else { break };
            after = Some(ContactId::new(next));
        }
        let mut expected = ids;
        expected.sort();
        assert_eq!(seen, expected);
        let again = store.upsert((0..500).map(person).collect(), at(9)).await.unwrap();
        assert!(again.iter().all(|(_, is_new)| !is_new));
    }

    async fn every_change_of_consent_keeps_its_evidence(database: Database) {
        let store = database.open().await;
        let contact = people(&store, 1).await[0];
        let survey = Purposes::NONE.with(Purpose::Survey);
        for kind in [ConsentChangeKind::Withdraw(survey), ConsentChangeKind::Stop, ConsentChangeKind::Start, ConsentChangeKind::Grant(survey)] {
            store.change_consent(contact, change(kind, "api"), at(5)).await.unwrap();
        }
        let kinds: Vec<_> = store.consent_history(contact).await.unwrap().into_iter().map(|change| change.kind).collect();
        assert_eq!(
            kinds,
            [
                ConsentChangeKind::Set(Purposes::all()),
                ConsentChangeKind::Withdraw(survey),
                ConsentChangeKind::Stop,
                ConsentChangeKind::Start,
                ConsentChangeKind::Grant(survey),
            ]
        );
        assert!(store.contact(contact).await.unwrap().unwrap().consent.allows(Purpose::Survey));
    }

    async fn importing_the_same_file_again_adds_no_evidence_and_undoes_no_stop(database: Database) {
        let store = database.open().await;
        let contact = people(&store, 1).await[0];
        store.change_consent(contact, change(ConsentChangeKind::Stop, "stop-word"), at(1)).await.unwrap();
        people(&store, 1).await;
        assert_eq!(store.consent_history(contact).await.unwrap().len(), 2);
        assert!(store.contact(contact).await.unwrap().unwrap().consent.stopped);
    }

    async fn a_withdrawn_purpose_suppresses_its_waiting_messages_and_no_others(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (run, messages) = run_to(&store, &contacts).await;
        let (_, called) = run_to(&store, &contacts[..1]).await;
        start(&store, called[0]).await;
        let utility = store.create(single(contacts[0], "hello"), at(0)).await.unwrap().id();
        let withdrawal = change(ConsentChangeKind::Withdraw(Purposes::NONE.with(Purpose::Survey)), "api");
        assert_eq!(store.change_consent(contacts[0], withdrawal, at(2)).await.unwrap(), 1);
        assert_eq!(delivery(&store, messages[0]).await, Delivery::Suppressed(SuppressedReason::NoConsent));
        assert_eq!(delivery(&store, messages[1]).await, Delivery::Planned);
        assert!(matches!(delivery(&store, called[0]).await, Delivery::Calling { .. }));
        assert_eq!(delivery(&store, utility).await, Delivery::Planned);
        assert_eq!(store.change_consent(contacts[0], change(ConsentChangeKind::Stop, "api"), at(3)).await.unwrap(), 1);
        assert_eq!(delivery(&store, utility).await, Delivery::Suppressed(SuppressedReason::OptedOut));
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn consent_of_nobody_is_an_error_that_hurts_no_neighbour(database: Database) {
        let store = database.open().await;
        let contact = people(&store, 1).await[0];
        let change = || change(ConsentChangeKind::Stop, "api");
        let (known, nobody) =
            tokio::join!(store.change_consent(contact, change(), at(1)), store.change_consent(ContactId::new(999), change(), at(1)));
        assert_eq!(known.unwrap(), 0);
        assert!(!nobody.unwrap_err().is_unavailable());
    }
}
