//! Alerts: one open for each kind and scope, told once when raised and once when over.

use barid::domain::alert::{AlertKind, AlertMail, AlertScope, NewAlert, Severity};
use barid::domain::hook::{HookEvent, HookEvents, Subscriptions};
use barid::ports::{Alerts as _, HookFilter, Outbox as _};
use barid::store::{SqlStore, StoreSettings};
use futures_util::future::join_all;

use super::{Database, at, on_both_databases, settings};

fn new(text: &str) -> NewAlert {
    let scope = AlertScope::Sender("default".parse().unwrap());
    NewAlert { kind: AlertKind::NumberState, scope, severity: Severity::Warning, text: text.to_owned() }
}

async fn open_with_hook(database: &Database) -> SqlStore {
    let hooks = Subscriptions::new(vec![("crm".parse().unwrap(), HookEvents::all())]);
    SqlStore::open(&database.url, &StoreSettings { hooks, ..settings() }).await.unwrap()
}

async fn told(store: &SqlStore) -> Vec<String> {
    let page = store.deliveries(&HookFilter::default(), None, 100).await.unwrap();
    page.items.into_iter().rev().map(|delivery| delivery.event).collect()
}

on_both_databases! {
    async fn what_is_raised_already_keeps_its_beginning_and_says_the_newest(database: Database) {
        let store = open_with_hook(&database).await;
        let (first, is_new) = store.raise_alert(new("its quality is YELLOW"), at(1)).await.unwrap();
        assert!(is_new);
        let (same, is_new) = store.raise_alert(new("its quality is YELLOW"), at(2)).await.unwrap();
        assert!(!is_new && same == first, "{same:?}");
        let worse = NewAlert { severity: Severity::Critical, ..new("its status is FLAGGED") };
        let (worse, is_new) = store.raise_alert(worse, at(3)).await.unwrap();
        assert!(!is_new);
        assert_eq!((worse.id, worse.since, worse.changed_at, worse.severity), (first.id, at(1), at(3), Severity::Critical));
        assert_eq!(worse.text, "its status is FLAGGED");
        assert_eq!(store.open_alerts().await.unwrap(), std::slice::from_ref(&worse));
        assert_eq!(told(&store).await, ["alert.raised"], "it is not told again");

        let cleared = store.clear_alert(first.kind, first.scope.clone(), at(4)).await.unwrap().unwrap();
        assert_eq!(cleared.cleared_at, Some(at(4)));
        assert_eq!(store.clear_alert(first.kind, first.scope.clone(), at(5)).await.unwrap(), None);
        assert_eq!(store.open_alerts().await.unwrap(), []);
        let (again, is_new) = store.raise_alert(new("its quality is RED"), at(6)).await.unwrap();
        assert!(is_new && again.id != first.id, "what comes back is another one");
        assert_eq!(told(&store).await, ["alert.raised", "alert.cleared", "alert.raised"]);
        let all = store.all_alerts(None, 1).await.unwrap();
        assert_eq!(all.items, std::slice::from_ref(&again));
        assert_eq!(store.all_alerts(all.next, 10).await.unwrap().items, [cleared]);
    }

    async fn several_processes_raise_one_and_tell_it_once(database: Database) {
        let stores = join_all((0..4).map(|_| open_with_hook(&database))).await;
        let raised = join_all(stores.iter().map(|store| store.raise_alert(new("RED"), at(1)))).await;
        let raised: Vec<_> = raised.into_iter().map(Result::unwrap).collect();
        assert_eq!(raised.iter().filter(|(_, is_new)| *is_new).count(), 1);
        assert!(raised.iter().all(|(alert, _)| alert.id == raised[0].0.id));
        let scope = || new("").scope;
        let cleared = join_all(stores.iter().map(|store| store.clear_alert(AlertKind::NumberState, scope(), at(2)))).await;
        assert_eq!(cleared.into_iter().filter_map(Result::unwrap).count(), 1);
        assert_eq!(told(&stores[0]).await, ["alert.raised", "alert.cleared"]);
    }

    async fn another_kind_or_scope_is_another_alert(database: Database) {
        let store = database.open().await;
        let riyadh = AlertScope::Sender("riyadh".parse().unwrap());
        let everywhere = AlertScope::Installation;
        for other in [
            new("a"),
            NewAlert { scope: riyadh, ..new("b") },
            NewAlert { kind: AlertKind::SendingSuspended, ..new("c") },
            NewAlert { kind: AlertKind::TokenAge, scope: everywhere, ..new("d") },
        ] {
            assert!(store.raise_alert(other, at(1)).await.unwrap().1);
        }
        let texts: Vec<_> = store.open_alerts().await.unwrap().into_iter().map(|alert| alert.text).collect();
        assert_eq!(texts, ["a", "b", "c", "d"]);
    }

    async fn what_is_told_of_an_alert_names_the_same_id_and_says_when_it_was_over(database: Database) {
        let store = open_with_hook(&database).await;
        let (alert, _) = store.raise_alert(new("RED"), at(1)).await.unwrap();
        store.clear_alert(alert.kind, alert.scope.clone(), at(2)).await.unwrap();
        for (event, cleared_at) in [(HookEvent::AlertRaised, "null".to_owned()), (HookEvent::AlertCleared, format!("\"{}\"", at(2)))] {
            let filter = HookFilter { event: Some(event), ..HookFilter::default() };
            let listed = store.deliveries(&filter, None, 10).await.unwrap().items;
            let delivery = store.delivery(listed[0].id).await.unwrap().unwrap();
            let wanted = format!(
                "{{\"id\":\"{}\",\"kind\":\"number-state\",\"severity\":\"warning\",\"scope\":\"sender\",\"value\":\"default\",\
                 \"text\":\"RED\",\"since\":\"{}\",\"cleared_at\":{cleared_at}}}",
                alert.id,
                at(1)
            );
            assert_eq!(delivery.data, wanted);
        }
    }

    async fn one_of_several_mails_an_alert_and_what_ends_meanwhile_is_looked_at_again(database: Database) {
        let store = database.open().await;
        let (alert, _) = store.raise_alert(new("RED"), at(10)).await.unwrap();
        assert!(store.alerts_to_mail(at(9), 10).await.unwrap().is_empty());
        let due = store.alerts_to_mail(at(10), 10).await.unwrap();
        assert_eq!((due.len(), due[0].due_at, due[0].mailed.raised_at), (1, at(10), None));
        assert!(store.plan_alert_mail(alert.id, at(10), Some(at(70)), 1, vec!["ops@example.com".to_owned()]).await.unwrap());
        assert!(!store.plan_alert_mail(alert.id, at(10), Some(at(70)), 1, vec!["ops@example.com".to_owned()]).await.unwrap(), "another one has it");
        assert!(store.alerts_to_mail(at(69), 10).await.unwrap().is_empty());
        let due = store.alerts_to_mail(at(70), 10).await.unwrap();
        assert_eq!((due[0].tries, due[0].reached.as_slice()), (1, ["ops@example.com".to_owned()].as_slice()));
        // It is over while its mail is on the way.
        store.clear_alert(alert.kind, alert.scope.clone(), at(20)).await.unwrap();
        store.alert_mailed(alert.id, AlertMail::Raised, Severity::Warning, at(21)).await.unwrap();
        let due = store.alerts_to_mail(at(21), 10).await.unwrap();
        assert_eq!((due[0].mailed.raised_at, due[0].mailed.cleared_at, due[0].tries), (Some(at(21)), None, 0));
        assert!(due[0].reached.is_empty());
        store.alert_mailed(alert.id, AlertMail::Cleared, Severity::Warning, at(22)).await.unwrap();
        assert!(store.alerts_to_mail(at(9_999), 10).await.unwrap().is_empty(), "all is told");
        // The next of its kind knows when the last one was told.
        store.raise_alert(new("RED again"), at(30)).await.unwrap();
        let due = store.alerts_to_mail(at(30), 10).await.unwrap();
        assert_eq!((due[0].mailed.raised_at, due[0].mailed.same_at), (None, Some(at(21))));
        assert!(store.plan_alert_mail(due[0].alert.id, at(30), None, 0, Vec::new()).await.unwrap());
        assert!(store.alerts_to_mail(at(9_999), 10).await.unwrap().is_empty());
    }

    async fn what_becomes_critical_while_its_mail_is_on_the_way_is_looked_at_again(database: Database) {
        let store = database.open().await;
        let (alert, _) = store.raise_alert(new("YELLOW"), at(10)).await.unwrap();
        assert!(store.plan_alert_mail(alert.id, at(10), Some(at(300)), 0, Vec::new()).await.unwrap());
        let worse = || NewAlert { severity: Severity::Critical, ..new("RED") };
        store.raise_alert(worse(), at(20)).await.unwrap();
        assert_eq!(store.alerts_to_mail(at(20), 10).await.unwrap()[0].due_at, at(20), "before the lease of the mail ends");
        store.alert_mailed(alert.id, AlertMail::Raised, Severity::Warning, at(21)).await.unwrap();
        let due = store.alerts_to_mail(at(21), 10).await.unwrap();
        assert_eq!((due[0].mailed.severity, due[0].alert.severity), (Some(Severity::Warning), Severity::Critical));
        store.alert_mailed(alert.id, AlertMail::Risen, Severity::Critical, at(22)).await.unwrap();
        // Whoever comes late with the first mail does not undo what is known.
        store.alert_mailed(alert.id, AlertMail::Raised, Severity::Warning, at(23)).await.unwrap();
        for (new, second) in [(new("YELLOW"), 30), (worse(), 31)] {
            store.raise_alert(new, at(second)).await.unwrap();
        }
        for found in store.alerts_to_mail(at(9_999), 10).await.unwrap() {
            assert_eq!(found.mailed.severity, Some(Severity::Critical));
        }
    }

    async fn alerts_that_were_over_long_ago_are_deleted(database: Database) {
        let store = database.open().await;
        for second in [1, 5] {
            let (alert, _) = store.raise_alert(new("RED"), at(second)).await.unwrap();
            store.clear_alert(alert.kind, alert.scope, at(second + 1)).await.unwrap();
        }
        store.raise_alert(new("RED"), at(8)).await.unwrap();
        assert_eq!(store.tidy_alerts(at(3)).await.unwrap(), 1);
        assert_eq!(store.all_alerts(None, 10).await.unwrap().items.len(), 2);
        assert_eq!(store.tidy_alerts(at(1_000)).await.unwrap(), 1);
        assert_eq!(store.open_alerts().await.unwrap().len(), 1, "what is open stays");
    }
}
