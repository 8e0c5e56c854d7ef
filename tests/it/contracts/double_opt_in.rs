//! Double opt-in: what others say that a person agreed to counts once the person says so, in answer to the very question.

use barid::domain::consent::{Consent, ConsentChange, ConsentChangeKind, Purpose, Purposes};
use barid::domain::contact::ContactUpdate;
use barid::domain::delivery::{Delivery, Fact, SuppressedReason};
use barid::domain::double_opt_in::{DoubleOptIn, NO, YES};
use barid::domain::ids::{ContactId, MessageId};
use barid::domain::news::{PersonChange, PersonNews, Source};
use barid::ports::{
    AboutPerson, ConsentRequests as _, Contacts as _, Erasures as _, Heard, Journal as _, Messages as _, RowNews,
    SingleMessage, Unasked,
};
use barid::store::{SqlStore, StoreSettings};
use jiff::SignedDuration;

use super::{
    Database, at, change, delivery, heard, inbound, on_both_databases, person, phone, settings, single, start, stop,
    wamid,
};

const MARKETING: Purpose = Purpose::Marketing;

fn marketing() -> Purposes {
    Purposes::NONE.with(MARKETING)
}

/// A store under whose rules marketing must be confirmed within 1,000 seconds.
async fn open(database: &Database) -> SqlStore {
    let double_opt_in = DoubleOptIn { purposes: marketing(), confirm_within: SignedDuration::from_secs(1_000) };
    SqlStore::open(&database.url, &StoreSettings { double_opt_in, ..settings() }).await.unwrap()
}

/// Person `n`, of whom an import says that they agree to everything.
async fn imported(store: &SqlStore, n: usize) -> ContactId {
    store.upsert(vec![person(n)], at(0)).await.unwrap()[0].0.id
}

async fn consent(store: &SqlStore, contact: ContactId) -> Consent {
    store.contact(contact).await.unwrap().unwrap().consent
}

async fn unconfirmed(store: &SqlStore, contact: ContactId) -> Purposes {
    store.unconfirmed(&[contact], at(30)).await.unwrap().get(&contact).copied().unwrap_or_default()
}

async fn history(store: &SqlStore, contact: ContactId) -> Vec<(ConsentChangeKind, String)> {
    let history = store.consent_history(contact).await.unwrap();
    history.into_iter().map(|change| (change.kind, change.source)).collect()
}

fn question(contact: ContactId) -> SingleMessage {
    SingleMessage { purpose: Purpose::ConsentRequest, ..single(contact, "offers and news") }
}

/// The person is asked, and the question is called and taken.
async fn asked(store: &SqlStore, contact: ContactId) -> MessageId {
    let id = store.ask(marketing(), question(contact), at(0)).await.unwrap().expect("they are to be asked");
    called(store, id).await;
    id
}

async fn called(store: &SqlStore, id: MessageId) {
    start(store, id).await;
    store.learn(id, 1, Fact::Accepted(wamid(id)), at(2)).await.unwrap();
}

fn quoting(said: Heard, message: MessageId) -> Heard {
    let mut said = said;
    said.news.in_reply_to = Some(wamid(message));
    said
}

fn pressing(said: Heard, payload: &str) -> Heard {
    let mut said = said;
    said.news.payload = Some(payload.to_owned());
    said
}

fn saying_later(said: Heard, second: i64) -> Heard {
    let mut said = said;
    said.news.provider_at = at(second);
    said
}

fn keyword(n: usize, id: &str) -> Heard {
    let granted = ConsentChange { at: at(20), ..change(ConsentChangeKind::Grant(marketing()), "keyword") };
    Heard { consent: Some(granted), ..inbound(n, id, "offers") }
}

async fn unasked(store: &SqlStore) -> Vec<Unasked> {
    store.unasked(None, 100).await.unwrap()
}

on_both_databases! {
    async fn what_an_import_the_api_or_a_keyword_says_waits_for_the_person(database: Database) {
        let store = open(&database).await;
        let of_import = imported(&store, 1).await;
        let grant = |n: usize| ContactUpdate {
            consent: Some(change(ConsentChangeKind::Grant(Purposes::all()), "web form")),
            ..person(n)
        };
        let of_api = store.upsert(vec![grant(2)], at(0)).await.unwrap()[0].0.id;
        let without = ContactUpdate { consent: None, ..person(3) };
        let of_keyword = store.upsert(vec![without], at(0)).await.unwrap()[0].0.id;
        heard(&store, vec![keyword(3, "in-1")]).await;
        for contact in [of_import, of_api, of_keyword] {
            assert!(!consent(&store, contact).await.allows(MARKETING), "{contact}");
            assert_eq!(unconfirmed(&store, contact).await, marketing(), "{contact}");
        }
        let rest = Purposes::all().without(MARKETING);
        assert_eq!(consent(&store, of_import).await.granted, rest, "what needs no confirmation counts at once");
        assert_eq!(
            history(&store, of_import).await,
            [(ConsentChangeKind::Set(rest), "import".into()), (ConsentChangeKind::Ask(marketing()), "import".into())]
        );
        assert_eq!(
            history(&store, of_api).await,
            [(ConsentChangeKind::Grant(rest), "web form".into()), (ConsentChangeKind::Ask(marketing()), "web form".into())]
        );
        assert_eq!(history(&store, of_keyword).await, [(ConsentChangeKind::Ask(marketing()), "keyword".into())]);
        let people = unasked(&store).await;
        assert_eq!(people.iter().map(|one| one.contact.id).collect::<Vec<_>>(), [of_import, of_api, of_keyword]);
        let senders: Vec<_> = people.iter().map(|one| one.sender.as_ref().map(ToString::to_string)).collect();
        assert_eq!(senders, [None, None, Some("default".to_owned())], "who wrote is asked by the number to which they wrote");
        assert!(people.iter().all(|one| one.purposes == marketing()));
    }

    async fn an_answer_counts_to_the_very_question_and_nothing_else_does(database: Database) {
        let store = open(&database).await;
        let yes = |n: usize| inbound(n, &format!("in-{n}"), "نعم");
        for (n, expected, why) in [
            (1, true, "it quotes the question"),
            (2, true, "a press on its button"),
            (3, true, "the question is the last that we said"),
            (4, false, "something else was said since"),
            (5, false, "it quotes something else"),
            (6, false, "it comes too late"),
            (7, false, "a sentence is no yes"),
            (8, false, "the button of another question"),
        ] {
            let contact = imported(&store, n).await;
            let question = asked(&store, contact).await;
            let other = store.create(single(contact, "hello"), at(0)).await.unwrap().id();
            if matches!(n, 1 | 2 | 4) {
                called(&store, other).await;
            }
            let answer = match n {
                1 => quoting(yes(n), question),
                2 => quoting(pressing(inbound(n, "in-2", "Yes, I agree"), YES), question),
                5 => quoting(yes(n), other),
                6 => saying_later(quoting(yes(n), question), 1_001),
                7 => quoting(inbound(n, "in-7", "yes, the parcel came"), question),
                8 => quoting(pressing(yes(n), "rate-5"), question),
                _ => yes(n),
            };
            assert_eq!(heard(&store, vec![answer.clone()]).await.feedback, 1, "{why}");
            assert_eq!(consent(&store, contact).await.allows(MARKETING), expected, "{why}");
            assert_eq!(unconfirmed(&store, contact).await.is_empty(), expected, "{why}");
            let last = store.consent_history(contact).await.unwrap().pop().unwrap();
            if expected {
                assert_eq!((last.kind, last.source.as_str()), (ConsentChangeKind::Grant(marketing()), "double-opt-in"));
                assert!(last.evidence.ends_with(&format!("(in-{n})")), "{}", last.evidence);
                heard(&store, vec![answer]).await;
                assert_eq!(history(&store, contact).await.len(), 3, "heard again it changes nothing");
            } else {
                assert_eq!(last.kind, ConsentChangeKind::Ask(marketing()), "{why}");
            }
        }
    }

    async fn who_says_no_is_not_asked_again_by_a_file_and_may_agree_by_themselves(database: Database) {
        let store = open(&database).await;
        let contact = imported(&store, 1).await;
        let question = asked(&store, contact).await;
        imported(&store, 1).await;
        assert_eq!(history(&store, contact).await.len(), 2, "the same file says nothing new");
        heard(&store, vec![quoting(pressing(inbound(1, "in-1", "لا"), NO), question)]).await;
        assert!(unconfirmed(&store, contact).await.is_empty() && !consent(&store, contact).await.allows(MARKETING));
        let no = (ConsentChangeKind::Withdraw(marketing()), "double-opt-in".to_owned());
        assert_eq!(history(&store, contact).await.last(), Some(&no));
        heard(&store, vec![quoting(inbound(1, "in-2", "yes"), question)]).await;
        assert!(!consent(&store, contact).await.allows(MARKETING), "the question was answered");
        imported(&store, 1).await;
        assert!(unconfirmed(&store, contact).await.is_empty());
        heard(&store, vec![keyword(1, "in-3")]).await;
        assert_eq!(unconfirmed(&store, contact).await, marketing());
        let again = asked(&store, contact).await;
        heard(&store, vec![quoting(inbound(1, "in-4", "yes"), question)]).await;
        assert!(!consent(&store, contact).await.allows(MARKETING), "that was the old question");
        heard(&store, vec![quoting(inbound(1, "in-5", "yes"), again)]).await;
        assert!(consent(&store, contact).await.allows(MARKETING));
        heard(&store, vec![keyword(1, "in-6")]).await;
        assert!(unconfirmed(&store, contact).await.is_empty(), "who agreed is not asked");
    }

    async fn a_stop_ends_what_is_asked_and_a_yes_after_it_says_nothing(database: Database) {
        let store = open(&database).await;
        let [before, after] = [imported(&store, 1).await, imported(&store, 2).await];
        let waiting = store.ask(marketing(), question(before), at(0)).await.unwrap().unwrap();
        let question = asked(&store, after).await;
        heard(&store, vec![stop(1, "in-1")]).await;
        assert_eq!(delivery(&store, waiting).await, Delivery::Suppressed(SuppressedReason::OptedOut));
        let yes = quoting(inbound(2, "in-3", "yes"), question);
        heard(&store, vec![stop(2, "in-2"), yes]).await;
        let start = Heard { consent: Some(change(ConsentChangeKind::Start, "start-word")), ..inbound(2, "in-4", "start") };
        heard(&store, vec![start, quoting(inbound(2, "in-5", "yes"), question)]).await;
        for contact in [before, after] {
            assert!(unconfirmed(&store, contact).await.is_empty());
            assert!(!consent(&store, contact).await.granted.contains(MARKETING));
        }
        heard(&store, vec![keyword(1, "in-6")]).await;
        assert!(unconfirmed(&store, before).await.is_empty(), "who is stopped is not asked");
    }

    async fn two_processes_ask_once_and_only_of_what_is_open(database: Database) {
        let store = open(&database).await;
        let other = open(&database).await;
        let contact = imported(&store, 1).await;
        assert_eq!(store.ask(Purposes::all(), question(contact), at(1)).await.unwrap(), None, "other words");
        let (one, two) = tokio::join!(
            store.ask(marketing(), question(contact), at(1)),
            other.ask(marketing(), question(contact), at(1))
        );
        let messages: Vec<MessageId> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
        assert_eq!(messages.len(), 1);
        assert_eq!(store.ask(marketing(), question(contact), at(2)).await.unwrap(), None);
        assert!(unasked(&store).await.is_empty());
        assert_eq!(database.ask("SELECT CAST(COUNT(*) AS TEXT) FROM messages").await, ["1"]);
        assert_eq!(store.end_requests_over(at(999)).await.unwrap(), 0);
        assert_eq!(store.end_requests_over(at(1_000)).await.unwrap(), 1);
        assert!(unconfirmed(&store, contact).await.is_empty());
    }

    async fn a_question_that_never_arrived_is_asked_again_when_somebody_agrees_again(database: Database) {
        let store = open(&database).await;
        let contact = imported(&store, 1).await;
        let question = store.ask(marketing(), question(contact), at(0)).await.unwrap().unwrap();
        heard(&store, vec![keyword(1, "in-1")]).await;
        assert!(unasked(&store).await.is_empty(), "the question is on its way");
        store.suppress(question, SuppressedReason::NoConsent, "", at(3)).await.unwrap();
        heard(&store, vec![keyword(1, "in-2")]).await;
        assert_eq!(unasked(&store).await.len(), 1);
    }

    async fn a_question_goes_where_its_person_goes(database: Database) {
        let store = open(&database).await;
        let [gone, stays, granted] = [imported(&store, 1).await, imported(&store, 2).await, imported(&store, 3).await];
        let question = asked(&store, stays).await;
        store.change_consent(gone, change(ConsentChangeKind::Withdraw(marketing()), "api"), at(1)).await.unwrap();
        moves(&store, 1, 2, "move-1").await;
        // The number of the second is the first's now, with the question that it was asked.
        assert_eq!(unconfirmed(&store, gone).await, marketing());
        heard(&store, vec![quoting(inbound(2, "in-1", "yes"), question)]).await;
        assert!(consent(&store, gone).await.allows(MARKETING) && unconfirmed(&store, gone).await.is_empty());
        // Who is one with somebody who agreed need not be asked.
        assert_eq!(unconfirmed(&store, granted).await, marketing());
        moves(&store, 2, 3, "move-2").await;
        assert!(consent(&store, gone).await.allows(MARKETING));
        assert!(unasked(&store).await.is_empty());
        assert_eq!(database.ask("SELECT CAST(COUNT(*) AS TEXT) FROM consent_requests").await, ["0"]);
    }

    async fn nothing_is_asked_of_who_was_forgotten(database: Database) {
        let store = open(&database).await;
        let [asked_one, unasked_one] = [imported(&store, 1).await, imported(&store, 2).await];
        let asked_by = asked(&store, asked_one).await;
        for contact in [asked_one, unasked_one] {
            store.erase(contact, "api", at(10)).await.unwrap().unwrap();
        }
        assert_eq!(database.ask("SELECT CAST(COUNT(*) AS TEXT) FROM consent_requests").await, ["0"]);
        assert_eq!(store.ask(marketing(), question(unasked_one), at(11)).await.unwrap(), None);
        heard(&store, vec![quoting(inbound(1, "in-1", "yes"), asked_by)]).await;
        assert!(!consent(&store, asked_one).await.granted.contains(MARKETING));
    }

    async fn without_double_opt_in_everything_counts_at_once(database: Database) {
        let store = database.open().await;
        let contact = imported(&store, 1).await;
        heard(&store, vec![keyword(2, "in-1")]).await;
        let by_keyword = store.by_phone(&phone(2)).await.unwrap().unwrap();
        assert!(consent(&store, contact).await.allows(MARKETING) && by_keyword.consent.allows(MARKETING));
        assert!(unasked(&store).await.is_empty());
    }
}

/// The person with the first number has the second one now.
async fn moves(store: &SqlStore, from: usize, to: usize, id: &str) {
    let about = AboutPerson {
        news: PersonNews {
            sender: Some("1234".parse().unwrap()),
            whatsapp_id: Some(id.parse().unwrap()),
            phone: Some(phone(from)),
            bsuid: None,
            provider_at: at(15),
            change: PersonChange::Number { phone: phone(to) },
        },
        consent: None,
        language: barid::domain::language::Language::Ar,
        timezone: "Asia/Riyadh".to_owned(),
    };
    let row = store.append(Source::Meta, "{}".into(), at(15)).await.unwrap();
    store.apply(row, RowNews { people: vec![about], ..RowNews::default() }, at(15)).await.unwrap();
}
