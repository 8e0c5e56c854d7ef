//! What providers tell about people: other numbers, other user ids, no more marketing.

use barid::domain::consent::{ConsentChange, ConsentChangeKind, Purpose, Purposes};
use barid::domain::contact::{Contact, ContactUpdate};
use barid::domain::conversation::{Conversation, Escalation, Handover, HeldBy};
use barid::domain::delivery::{Delivery, State, SuppressedReason};
use barid::domain::ids::{ContactId, MessageId};
use barid::domain::language::Language;
use barid::domain::news::{PersonChange, PersonNews, RevokeNews, Source};
use barid::domain::run::Run;
use barid::domain::start::StartAnswer;
use barid::ports::{
    AboutPerson, Applied, Contacts as _, Conversations as _, Heard, Journal as _, Messages as _, RowNews, RunTerms,
    Runs as _, Said, Start, TalkFilter, TalkId,
};
use barid::store::SqlStore;

use super::{
    at, begin, change, delivery, heard, inbound, new_run, on_both_databases, people, person, phone, planned, run_to,
    start, state, stop, terms,
};

/// A change of which the person with that number is told.
fn told(n: usize, id: Option<&str>, change: PersonChange) -> AboutPerson {
    AboutPerson {
        news: PersonNews {
            sender: Some("1234".parse().unwrap()),
            whatsapp_id: id.map(|id| id.parse().unwrap()),
            phone: Some(phone(n)),
            bsuid: None,
            provider_at: at(30),
            change,
        },
        consent: None,
        language: Language::Ar,
        timezone: "Asia/Riyadh".to_owned(),
    }
}

fn moves(from: usize, to: usize, id: &str) -> AboutPerson {
    told(from, Some(id), PersonChange::Number { phone: phone(to) })
}

fn wishes(n: usize, may_send: bool, second: i64) -> AboutPerson {
    let kind = if may_send { ConsentChangeKind::ResumeMarketing } else { ConsentChangeKind::StopMarketing };
    let consent = ConsentChange { at: at(second), ..change(kind, "marketing-preference") };
    let wish = PersonChange::Marketing { may_send, detail: "as told".to_owned() };
    AboutPerson { consent: Some(consent), ..told(n, None, wish) }
}

async fn tell(store: &SqlStore, people: Vec<AboutPerson>) -> Applied {
    apply(store, RowNews { people, ..RowNews::default() }).await
}

async fn apply(store: &SqlStore, news: RowNews) -> Applied {
    let row = store.append(Source::Meta, "{}".into(), at(31)).await.unwrap();
    store.apply(row, news, at(32)).await.unwrap()
}

async fn with_number(store: &SqlStore, n: usize) -> Option<Contact> {
    store.by_phone(&phone(n)).await.unwrap()
}

/// A run to these people whose template is of the category MARKETING.
async fn marketing_to(store: &SqlStore, contacts: &[ContactId]) -> (Run, Vec<MessageId>) {
    let run = new_run(store).await;
    let terms = RunTerms { marketing: true, ..terms() };
    store.plan(run.id, &terms, contacts.iter().copied().map(planned).collect(), "end", true, at(0)).await.unwrap();
    let fed = store.feed(run.id, 100).await.unwrap();
    (run, fed.into_iter().map(|(id, _)| id).collect())
}

on_both_databases! {
    async fn a_person_keeps_everything_under_another_number(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (_, messages) = run_to(&store, &contacts).await;
        heard(&store, vec![stop(0, "wamid.stop"), inbound(1, "wamid.in", "thanks")]).await;
        assert_eq!(tell(&store, vec![moves(0, 50, "wamid.a"), moves(1, 51, "wamid.b")]).await.people, 2);
        let moved = with_number(&store, 50).await.unwrap();
        assert_eq!((moved.id, moved.consent.stopped, moved.language), (contacts[0], true, Language::Ar));
        assert!(with_number(&store, 0).await.is_none(), "the old number is nobody's");
        let moved = with_number(&store, 51).await.unwrap();
        assert_eq!((moved.id, moved.consent.granted), (contacts[1], Purposes::all()));
        assert_eq!(state(&store, messages[1]).await, State::Planned, "the message goes to the new number");
        assert_eq!(store.load(messages[1]).await.unwrap().unwrap().contact.phone, moved.phone);
    }

    async fn the_same_told_again_is_not_done_again(database: Database) {
        let store = database.open().await;
        people(&store, 1).await;
        assert_eq!(tell(&store, vec![moves(0, 50, "wamid.a"), moves(0, 50, "wamid.a")]).await.people, 1);
        // The old number has a new owner, and Meta tells the old story once more.
        let newcomer = store.upsert(vec![person(0)], at(40)).await.unwrap().remove(0).0;
        assert_eq!(tell(&store, vec![moves(0, 50, "wamid.a")]).await.people, 0);
        assert_eq!(with_number(&store, 0).await.unwrap().id, newcomer.id);
        assert_eq!(tell(&store, vec![moves(7, 8, "wamid.of-a-stranger")]).await.people, 0);
        assert!(with_number(&store, 8).await.is_none(), "nobody becomes a contact by this");
    }

    async fn two_contacts_become_one_and_a_stop_of_either_counts(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 3).await;
        let (run, messages) = run_to(&store, &contacts).await;
        let (other_run, others) = run_to(&store, &[contacts[1]]).await;
        heard(&store, vec![inbound(1, "wamid.said", "hello"), stop(1, "wamid.stop")]).await;
        let email = ContactUpdate { name: None, email: Some("n@example.org".into()), consent: None, ..person(1) };
        store.upsert(vec![email], at(25)).await.unwrap();
        assert_eq!(tell(&store, vec![moves(0, 1, "wamid.a")]).await.people, 1);
        let one = with_number(&store, 1).await.unwrap();
        assert_eq!((one.id, one.consent.stopped, one.name.as_deref(), one.email.as_deref()), (contacts[0], true, Some("Person 0"), Some("n@example.org")));
        assert_eq!(store.contact(contacts[1]).await.unwrap().unwrap().id, contacts[0], "who asks for the other finds the one");
        assert!(with_number(&store, 0).await.is_none());
        for id in [messages[0], messages[1], others[0]] {
            assert_eq!(delivery(&store, id).await, Delivery::Suppressed(SuppressedReason::OptedOut), "{id}");
        }
        assert_eq!(store.load(others[0]).await.unwrap().unwrap().contact.id, contacts[0]);
        let feedback = store.feedback(None, 10).await.unwrap().items;
        assert!(feedback.iter().all(|feedback| feedback.contact == contacts[0]) && feedback.len() == 2);
        assert_eq!(store.consent_history(contacts[0]).await.unwrap().len(), 3, "the evidence of both");
        let listed: Vec<ContactId> = store.page(None, 10).await.unwrap().items.into_iter().map(|contact| contact.id).collect();
        assert_eq!(listed, [contacts[0], contacts[2]], "nobody is counted twice in an audience");
        // Whoever still knows the person by the other contact changes the one.
        store.change_consent(contacts[1], change(ConsentChangeKind::Start, "api"), at(50)).await.unwrap();
        assert!(!store.contact(contacts[0]).await.unwrap().unwrap().consent.stopped);
        database.assert_counts_are_exact(&store, run.id).await;
        database.assert_counts_are_exact(&store, other_run.id).await;
    }

    async fn who_becomes_one_gets_one_message_of_a_run(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 6).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[1]).await;
        start(&store, messages[2]).await;
        // 0 and 1: the one under the number was called. 2 and 3: the other. 4 and 5: neither.
        let applied = tell(&store, vec![moves(0, 1, "wamid.a"), moves(2, 3, "wamid.b"), moves(4, 5, "wamid.c")]).await;
        assert_eq!((applied.people, applied.suppressed), (3, 3));
        let same = Delivery::Suppressed(SuppressedReason::SamePerson);
        assert_eq!(delivery(&store, messages[0]).await, same);
        assert_eq!(state(&store, messages[1]).await, State::Calling);
        assert_eq!(state(&store, messages[2]).await, State::Calling);
        assert_eq!(delivery(&store, messages[3]).await, same);
        assert_eq!((state(&store, messages[4]).await, delivery(&store, messages[5]).await), (State::Planned, same));
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn who_becomes_one_keeps_the_longer_window_and_the_talk_that_staff_have(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let wrote = |n, id, until| Heard { window_until: Some(at(until)), ..inbound(n, id, "hello") };
        heard(&store, vec![wrote(0, "wamid.a", 1_000), wrote(1, "wamid.b", 2_000)]).await;
        let talk = |contact: ContactId| TalkId { contact, sender: "default".parse().unwrap() };
        let staff = HeldBy::Human(Handover {
            since: at(22),
            because: Escalation::Word,
            told_at: at(22),
            wrote_at: None,
            waits_since: None,
            reference: None,
            taken_by: None,
        });
        for (contact, held) in [(contacts[0], HeldBy::Bot), (contacts[1], staff.clone())] {
            let said = Said {
                talk: talk(contact),
                version: 0,
                conversation: Conversation { held, ..Conversation::default() },
                answered: Vec::new(),
                messages: Vec::new(),
                results: Vec::new(),
                by: None,
            };
            store.say(said, at(23)).await.unwrap().unwrap();
        }
        assert_eq!(tell(&store, vec![moves(0, 1, "wamid.moved")]).await.people, 1);
        let kept = store.talk(&talk(contacts[0])).await.unwrap().unwrap();
        assert_eq!((kept.conversation.held, kept.unanswered.len()), (staff, 2));
        assert_eq!(kept.window.open_until, Some(at(2_000)));
        let listed = store.talks(TalkFilter::default(), None, 10).await.unwrap().items;
        assert_eq!(listed.into_iter().map(|listed| listed.talk).collect::<Vec<_>>(), [talk(contacts[0])]);
    }

    async fn what_both_granted_and_withdrew_is_read_as_one_story(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let marketing = Purposes::NONE.with(Purpose::Marketing);
        let said = |kind, second| ConsentChange { at: at(second), ..change(kind, "api") };
        store.change_consent(contacts[0], said(ConsentChangeKind::Withdraw(marketing), 5), at(5)).await.unwrap();
        store.change_consent(contacts[0], said(ConsentChangeKind::Grant(marketing), 10), at(10)).await.unwrap();
        store.change_consent(contacts[1], said(ConsentChangeKind::Withdraw(marketing), 20), at(20)).await.unwrap();
        tell(&store, vec![moves(0, 1, "wamid.a")]).await;
        let granted = with_number(&store, 1).await.unwrap().consent.granted;
        assert_eq!(granted, Purposes::all().without(Purpose::Marketing), "the last word was no");
    }

    async fn numbers_that_go_round_in_one_body_end_where_they_should(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let stranger = inbound(0, "wamid.in", "I have this number now");
        let news = RowNews { people: vec![moves(0, 60, "wamid.a"), moves(1, 0, "wamid.b"), moves(0, 1, "wamid.c")], heard: vec![stranger], ..RowNews::default() };
        assert_eq!(apply(&store, news).await.people, 3);
        assert_eq!(with_number(&store, 60).await.unwrap().id, contacts[0]);
        assert_eq!(with_number(&store, 1).await.unwrap().id, contacts[1]);
        assert!(![contacts[0], contacts[1]].contains(&with_number(&store, 0).await.unwrap().id));
    }

    async fn somebody_new_in_the_same_body_becomes_the_one_who_was_known(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        heard(&store, vec![inbound(70, "wamid.x", "hello from my new number")]).await;
        let stranger = with_number(&store, 70).await.unwrap();
        assert_eq!(stranger.consent.granted, Purposes::NONE);
        tell(&store, vec![moves(0, 70, "wamid.a")]).await;
        let one = with_number(&store, 70).await.unwrap();
        assert_eq!((one.id, one.consent.granted), (contacts[0], Purposes::all()), "consent goes along");
        assert_eq!(store.feedback(None, 1).await.unwrap().items[0].contact, contacts[0]);
    }

    async fn a_user_id_is_replaced_and_who_had_the_new_one_is_the_same_person(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let by_id = |bsuid: &str, id: &str| {
            let mut heard = inbound(0, id, "hello");
            heard.news.bsuid = Some(bsuid.to_owned());
            heard
        };
        heard(&store, vec![by_id("SA.1", "wamid.a")]).await;
        let mut hidden = by_id("SA.2", "wamid.b");
        hidden.news.phone = None;
        heard(&store, vec![hidden]).await;
        let update = |previous: &str, current: &str| {
            let mut told = told(0, None, PersonChange::UserId { bsuid: current.to_owned() });
            (told.news.phone, told.news.bsuid) = (None, Some(previous.to_owned()));
            told
        };
        assert_eq!(tell(&store, vec![update("SA.1", "SA.2")]).await.people, 1);
        assert_eq!(tell(&store, vec![update("SA.1", "SA.2")]).await.people, 0);
        let one = with_number(&store, 0).await.unwrap();
        assert_eq!((one.id, one.bsuid.as_deref()), (contacts[0], Some("SA.2")));
        assert_eq!(store.page(None, 10).await.unwrap().items.len(), 1);
        assert_eq!(tell(&store, vec![update("SA.2", "SA.3")]).await.people, 1);
        assert_eq!(with_number(&store, 0).await.unwrap().bsuid.as_deref(), Some("SA.3"));
    }

    async fn a_stop_of_marketing_ends_marketing_only_and_holds_before_it_is_acknowledged(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (marketing_run, marketing) = marketing_to(&store, &contacts).await;
        let (run, surveys) = run_to(&store, &contacts).await;
        let news = RowNews { people: vec![wishes(0, false, 40)], ..RowNews::default() };
        let (_, applied) = store.append_and_apply(Source::Meta, "{}".into(), news, at(41)).await.unwrap();
        assert_eq!((applied.people, applied.suppressed), (1, 1));
        assert_eq!(delivery(&store, marketing[0]).await, Delivery::Suppressed(SuppressedReason::MarketingStopped));
        assert_eq!(store.start(begin(surveys[0], 0, at(90), at(42))).await.unwrap(), StartAnswer::Go, "a survey is no marketing");
        assert_eq!(store.start(begin(marketing[1], 0, at(90), at(42))).await.unwrap(), StartAnswer::Go, "others are told");
        let history = store.consent_history(contacts[0]).await.unwrap();
        assert_eq!((history[1].kind, history[1].at, history[1].source.as_str()), (ConsentChangeKind::StopMarketing, at(40), "marketing-preference"));
        // The category of the template was corrected after the message was planned.
        let now_marketing = Start { marketing: true, ..begin(surveys[1], 0, at(90), at(43)) };
        tell(&store, vec![wishes(1, false, 42)]).await;
        assert_eq!(store.start(now_marketing).await.unwrap(), StartAnswer::Suppress(SuppressedReason::MarketingStopped));
        database.assert_counts_are_exact(&store, run.id).await;
        database.assert_counts_are_exact(&store, marketing_run.id).await;
    }

    async fn wishes_that_come_again_late_or_out_of_order_leave_the_newest_in_force(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let is_stopped = async || store.contact(contacts[0]).await.unwrap().unwrap().consent.marketing_stopped;
        tell(&store, vec![wishes(0, false, 10)]).await;
        assert!(is_stopped().await);
        tell(&store, vec![wishes(0, true, 20)]).await;
        assert!(!is_stopped().await);
        tell(&store, vec![wishes(0, false, 10)]).await;
        assert!(!is_stopped().await, "Meta brought the old one again");
        tell(&store, vec![wishes(0, true, 29), wishes(0, false, 30), wishes(0, true, 25)]).await;
        assert!(is_stopped().await);
        // An import and a start word are no wish about marketing.
        store.upsert(vec![person(0)], at(50)).await.unwrap();
        store.change_consent(contacts[0], change(ConsentChangeKind::Start, "start-word"), at(51)).await.unwrap();
        assert!(is_stopped().await);
        // What a refusal tells (131050) counts like a wish.
        let refused = ConsentChange { at: at(60), ..change(ConsentChangeKind::StopMarketing, "provider-opt-out") };
        tell(&store, vec![wishes(0, true, 55)]).await;
        assert!(!is_stopped().await);
        for _ in 0..2 {
            store.change_consent(contacts[0], refused.clone(), at(61)).await.unwrap();
        }
        assert!(is_stopped().await);
        let n = store.consent_history(contacts[0]).await.unwrap().iter().filter(|change| change.kind.is_of_control()).count();
        assert_eq!(n, 6, "each is kept once");
    }

    async fn a_stranger_who_wants_no_marketing_is_remembered(database: Database) {
        let store = database.open().await;
        tell(&store, vec![wishes(80, false, 10)]).await;
        let imported = store.upsert(vec![person(80)], at(20)).await.unwrap().remove(0);
        assert!(!imported.1 && imported.0.consent.marketing_stopped && imported.0.consent.granted == Purposes::all());
    }

    async fn what_a_person_puts_right_or_takes_back_is_not_said_any_more(database: Database) {
        let store = database.open().await;
        people(&store, 1).await;
        heard(&store, vec![inbound(0, "wamid.a", "10 of 10"), inbound(0, "wamid.b", "my secret")]).await;
        let edit = |text: &str, id: &str, second| {
            let mut heard = Heard { corrects: Some("wamid.a".parse().unwrap()), ..inbound(0, id, text) };
            heard.news.provider_at = at(second);
            heard
        };
        let revoked = || RevokeNews { sender: None, original: "wamid.b".parse().unwrap(), provider_at: at(30) };
        let news = || RowNews { heard: vec![edit("1 of 10", "wamid.e", 40)], revoked: vec![revoked()], ..RowNews::default() };
        assert_eq!((apply(&store, news()).await.corrected, apply(&store, news()).await.feedback), (2, 0));
        heard(&store, vec![edit("5 of 10", "wamid.d", 35)]).await;
        let feedback = store.feedback(None, 10).await.unwrap().items;
        let said: Vec<_> = feedback.iter().map(|feedback| (feedback.kind.as_str(), feedback.text.as_deref())).collect();
        assert_eq!(said, [("revoked", None), ("text", Some("1 of 10"))], "the newest words, whatever came last");
        let stop = Heard { consent: stop(0, "wamid.x").consent, ..edit("stop", "wamid.f", 50) };
        heard(&store, vec![stop]).await;
        assert!(with_number(&store, 0).await.unwrap().consent.stopped, "a stop is a stop, first said or later");
    }
}
