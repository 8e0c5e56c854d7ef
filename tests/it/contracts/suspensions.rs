//! Stops put on parts of the sending: asked inside each transaction that starts something.

use barid::domain::channel::Channel;
use barid::domain::delivery::{Delivery, Fact, HeldReason};
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::ids::MessageId;
use barid::domain::news::ProviderStatus;
use barid::domain::start::StartAnswer;
use barid::domain::suspension::{
    Cause, LetThrough, NewSuspension, Probe, ReleasedBy, Rules, Scope, Suspension, automatic,
};
use barid::ports::{Contacts as _, Messages as _, Runs as _, Suspensions as _};
use barid::store::SqlStore;
use jiff::Timestamp;

use super::{
    Database, at, begin, callback, delivery, on_both_databases, people, person, planned, run_to, status, terms, wamid,
};

fn by_operator(scope: Scope, words: &str) -> NewSuspension {
    NewSuspension {
        scope,
        cause: Cause::Operator(words.to_owned()),
        by: "amal".to_owned(),
        until: None,
        probe: Probe::Never,
        probe_at: None,
        shown_at: None,
    }
}

fn sender() -> Scope {
    Scope::Sender("default".parse().unwrap())
}

/// As after a refusal at that second; a message is let through after half an hour.
fn refused(scope: Scope, class: FailureClass, second: i64) -> NewSuspension {
    let cause = Cause::Refusal { class, code: Some(1) };
    NewSuspension { shown_at: Some(at(second)), ..automatic(scope, cause, &Rules::default(), at(second)) }
}

async fn suspend(store: &SqlStore, wanted: NewSuspension, now: Timestamp) -> Suspension {
    let (suspension, is_new) = store.suspend(wanted, now).await.unwrap();
    assert!(is_new);
    suspension
}

async fn asked(store: &SqlStore, id: MessageId, attempts: u16, now: Timestamp) -> StartAnswer {
    store.start(begin(id, attempts, at(90_000), now)).await.unwrap()
}

fn held_until(answer: StartAnswer) -> Timestamp {
    match answer {
        StartAnswer::Hold { reason: HeldReason::Suspended, until } => until,
        other => panic!("{other:?} is not held behind a suspension"),
    }
}

const HALF_AN_HOUR: i64 = 1_800;

on_both_databases! {
    async fn each_scope_stops_its_own_and_nothing_else(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 10).await;
        let egyptian = barid::domain::contact::ContactUpdate {
            phone: barid::domain::phone_number::PhoneNumber::from_e164("+201001234567").unwrap(),
            ..person(77)
        };
        let egyptian = store.upsert(vec![egyptian], at(0)).await.unwrap()[0].0.id;
        let (run, messages) = run_to(&store, &[contacts[0], egyptian]).await;
        let (other, others) = run_to(&store, &contacts[1..3]).await;
        let scopes = [
            (sender(), [false, false, false]),
            (Scope::Sender("riyadh".parse().unwrap()), [true, true, true]),
            (Scope::Campaign(run.campaign.clone()), [false, false, true]),
            (Scope::Campaign(other.campaign), [true, true, false]),
            (Scope::Channel(Channel::Whatsapp), [false, false, false]),
            (Scope::Channel(Channel::Sms), [true, true, true]),
            (Scope::Country("EG".parse().unwrap()), [true, false, true]),
            (Scope::Country("SA".parse().unwrap()), [false, true, false]),
        ];
        for (n, (scope, expected)) in scopes.into_iter().enumerate() {
            let now = at(i64::try_from(n).unwrap() * 10);
            let suspension = suspend(&store, by_operator(scope.clone(), "checking"), now).await;
            for (id, goes) in [messages[0], messages[1], others[0]].into_iter().zip(expected) {
                // Whatever was held or called before is put back as if nothing had happened.
                database.change(&format!("UPDATE messages SET state = 'planned', attempt = 0, due_at = NULL WHERE id = {}", id.number())).await;
                let answer = asked(&store, id, 0, now).await;
                assert_eq!(answer == StartAnswer::Go, goes, "{scope}: {answer:?}");
                if !goes {
                    assert!(held_until(answer) > now);
                    assert_eq!(delivery(&store, id).await, Delivery::Held { reason: HeldReason::Suspended, until: held_until(answer) });
                }
            }
            assert!(store.release(suspension.id, ReleasedBy::Operator("amal".to_owned()), now).await.unwrap());
        }
    }

    async fn a_suspension_with_an_end_ends_by_itself_and_says_so(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let (_, messages) = run_to(&store, &contacts).await;
        let suspension = suspend(&store, NewSuspension { until: Some(at(100)), ..by_operator(sender(), "noon") }, at(0)).await;
        assert_eq!(held_until(asked(&store, messages[0], 0, at(10)).await), at(100));
        assert_eq!(store.suspensions(at(99)).await.unwrap(), std::slice::from_ref(&suspension));
        assert_eq!(store.suspensions(at(100)).await.unwrap(), []);
        assert!(!store.release(suspension.id, ReleasedBy::Asked, at(100)).await.unwrap(), "it is over");
        assert_eq!(asked(&store, messages[0], 0, at(100)).await, StartAnswer::Go);
        store.settle_suspensions(at(120)).await.unwrap();
        let kept = store.suspension(suspension.id).await.unwrap().unwrap();
        assert_eq!(kept.released, Some((at(100), ReleasedBy::Time)));
    }

    async fn one_cause_is_one_suspension_and_two_reasons_are_two(database: Database) {
        let store = database.open().await;
        let first = suspend(&store, by_operator(sender(), "one"), at(0)).await;
        let (same, is_new) = store.suspend(by_operator(sender(), "one"), at(1)).await.unwrap();
        assert!(!is_new);
        assert_eq!(same, first);
        let until = NewSuspension { until: Some(at(50)), ..by_operator(sender(), "two") };
        let second = suspend(&store, until.clone(), at(2)).await;
        let (longer, is_new) = store.suspend(NewSuspension { until: Some(at(80)), ..until.clone() }, at(3)).await.unwrap();
        assert_eq!((longer.id, longer.until, is_new), (second.id, Some(at(80)), false));
        let (shorter, _) = store.suspend(until, at(4)).await.unwrap();
        assert_eq!(shorter.until, Some(at(80)), "never shorter");
        for class in [FailureClass::Credentials, FailureClass::AccountRestricted] {
            suspend(&store, refused(sender(), class, 5), at(5)).await;
            assert!(!store.suspend(refused(sender(), class, 5), at(6)).await.unwrap().1, "one alert each");
        }
        assert_eq!(store.suspensions(at(7)).await.unwrap().len(), 4);
        // Each ends by itself; what another one still stops stays stopped.
        let contacts = people(&store, 1).await;
        let (_, messages) = run_to(&store, &contacts).await;
        for id in store.suspensions(at(7)).await.unwrap().into_iter().map(|one| one.id) {
            held_until(asked(&store, messages[0], 0, at(8)).await);
            assert!(store.release(id, ReleasedBy::Operator("amal".to_owned()), at(8)).await.unwrap());
        }
        assert_eq!(asked(&store, messages[0], 0, at(8)).await, StartAnswer::Go);
    }

    async fn the_past_is_kept_with_who_when_and_why(database: Database) {
        let store = database.open().await;
        let first = suspend(&store, by_operator(sender(), "fair at the weekend"), at(0)).await;
        assert!(store.release(first.id, ReleasedBy::Operator("omar".to_owned()), at(9)).await.unwrap());
        assert!(!store.release(first.id, ReleasedBy::Operator("huda".to_owned()), at(10)).await.unwrap(), "once");
        let second = suspend(&store, refused(sender(), FailureClass::Credentials, 11), at(11)).await;
        let page = store.all_suspensions(None, 1).await.unwrap();
        assert_eq!((page.items[0].suspension.id, &page.items[0].released, page.next), (second.id, &None, Some(second.id)));
        let rest = store.all_suspensions(page.next, 10).await.unwrap();
        assert_eq!((rest.items.len(), rest.next), (1, None));
        assert_eq!(rest.items[0].suspension, first);
        assert_eq!(rest.items[0].released, Some((at(9), ReleasedBy::Operator("omar".to_owned()))));
        let counts = store.suspension_counts().await.unwrap();
        assert_eq!(counts, [("credentials".to_owned(), 1), ("operator".to_owned(), 1)]);
        assert_eq!(store.suspension(99).await.unwrap(), None);
    }

    async fn a_release_wakes_all_that_waits_in_bounded_steps(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1_300).await;
        let (run, messages) = run_to(&store, &contacts).await;
        let suspension = suspend(&store, NewSuspension { until: Some(at(50_000)), ..by_operator(sender(), "audit") }, at(1)).await;
        let other = suspend(&store, by_operator(Scope::Country("EG".parse().unwrap()), "audit"), at(1)).await;
        futures_util::future::join_all(messages[1..].iter().map(|id| asked(&store, *id, 0, at(2)))).await;
        store.hold(messages[0], 0, HeldReason::QuietHours, at(40_000), at(2)).await.unwrap();
        assert_eq!(store.due(at(3), None, 5_000).await.unwrap().len(), 0);
        assert!(store.release(suspension.id, ReleasedBy::Operator("amal".to_owned()), at(3)).await.unwrap());
        let due = store.due(at(3), None, 5_000).await.unwrap();
        assert_eq!(due.len(), 1_299, "all of them, and not the one that waits for the morning");
        assert!(due.iter().all(|message| message.id != messages[0]));
        database.assert_counts_are_exact(&store, run.id).await;
        assert!(store.release(other.id, ReleasedBy::Asked, at(4)).await.unwrap());
        assert_eq!(database.ask("SELECT CAST(SUM(waking) AS TEXT) FROM suspensions").await, ["0"]);
    }

    async fn a_release_that_was_cut_off_is_finished_by_whoever_looks_next(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 3).await;
        let (_, messages) = run_to(&store, &contacts).await;
        suspend(&store, by_operator(sender(), "audit"), at(1)).await;
        for id in &messages {
            held_until(asked(&store, *id, 0, at(2)).await);
        }
        // As a process leaves it that dies right after the commit.
        database.change("UPDATE suspensions SET released_at = since, released_by = 'operator amal', waking = 1").await;
        store.settle_suspensions(at(3)).await.unwrap();
        assert_eq!(store.due(at(3), None, 10).await.unwrap().len(), 3);
        assert_eq!(database.ask("SELECT CAST(SUM(waking) AS TEXT) FROM suspensions").await, ["0"]);
    }

    async fn one_message_is_let_through_however_many_ask(database: Database) {
        let stores = [database.open().await, database.open().await];
        let contacts = people(&stores[0], 400).await;
        let (run, messages) = run_to(&stores[0], &contacts).await;
        let class = FailureClass::TemplateUnavailable;
        let suspension = suspend(&stores[0], refused(Scope::Campaign(run.campaign.clone()), class, 0), at(0)).await;
        assert_eq!(suspension.probe_at, Some(at(HALF_AN_HOUR)));
        assert_eq!(held_until(asked(&stores[0], messages[0], 0, at(10)).await), at(HALF_AN_HOUR), "until then none");
        for (round, minutes) in [30, 90, 210].into_iter().enumerate() {
            let now = at(minutes * 60);
            let ask = |n: usize| stores[n % 2].start(begin(messages[n], 0, at(90_000), now));
            let answers = futures_util::future::join_all((round * 100..round * 100 + 100).map(ask)).await;
            let alone: Vec<_> = (answers.into_iter().map(Result::unwrap).enumerate())
                .filter(|(_, answer)| !matches!(answer, StartAnswer::Hold { reason: HeldReason::Suspended, .. }))
                .collect();
            let [(n, StartAnswer::GoAlone { suspension: through })] = alone[..] else { panic!("{alone:?}") };
            assert_eq!(through, suspension.id);
            let history = stores[0].history(messages[round * 100 + n]).await.unwrap();
            assert!(history.iter().any(|entry| entry.event == "let-through"), "{history:?}");
            // Refused as those before: the next one goes later than this one did.
            let became = LetThrough::Refused(class);
            assert_eq!(stores[1].let_through(messages[round * 100 + n], became, now).await.unwrap(), []);
        }
        let in_force = stores[0].suspensions(at(13_000)).await.unwrap();
        assert_eq!((in_force[0].probes, in_force[0].probe_at), (3, Some(at(450 * 60))));
    }

    async fn what_was_taken_ends_what_is_refused_in_the_answer(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 3).await;
        let (_, messages) = run_to(&store, &contacts).await;
        let wanted = NewSuspension { probe: Probe::LetOneThrough, probe_at: Some(at(5)), ..refused(sender(), FailureClass::Credentials, 0) };
        let suspension = suspend(&store, wanted, at(0)).await;
        let waits = held_until(asked(&store, messages[1], 0, at(1)).await);
        assert!(matches!(asked(&store, messages[0], 0, at(5)).await, StartAnswer::GoAlone { .. }));
        let released = store.let_through(messages[0], LetThrough::Taken, at(6)).await.unwrap();
        assert_eq!(released.iter().map(|one| one.id).collect::<Vec<_>>(), [suspension.id]);
        assert!(waits > at(4));
        assert_eq!(store.due(at(6), None, 10).await.unwrap().len(), 1, "whoever waited is woken");
        assert_eq!(asked(&store, messages[2], 0, at(6)).await, StartAnswer::Go);
        let kept = store.suspension(suspension.id).await.unwrap().unwrap();
        assert_eq!(kept.released, Some((at(6), ReleasedBy::LetThrough)));
    }

    async fn an_unpaid_account_is_released_by_a_status_and_not_by_being_taken(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 3).await;
        let (_, messages) = run_to(&store, &contacts).await;
        let class = FailureClass::AccountRestricted;
        let suspension = suspend(&store, refused(sender(), class, 0), at(0)).await;
        let refusal = || ProviderStatus::Failed(Refusal::new(class, Some(131_042), "payment"));
        // The first one is taken and refused by a callback, the second one leaves.
        for (n, minutes, told, became) in [
            (0, 30, refusal(), LetThrough::Refused(class)),
            (1, 90, ProviderStatus::Sent, LetThrough::Left),
        ] {
            let (id, now) = (messages[n], at(minutes * 60));
            assert!(matches!(asked(&store, id, 0, now).await, StartAnswer::GoAlone { .. }));
            store.learn(id, 1, Fact::Accepted(wamid(id)), now).await.unwrap();
            assert_eq!(store.let_through(id, LetThrough::Taken, now).await.unwrap(), [], "that shows nothing");
            held_until(asked(&store, messages[2], 0, now).await);
            let applied = callback(&store, vec![status(&store, id, told)]).await;
            assert_eq!(applied.let_through, [(id, became)]);
            let released = store.let_through(id, became, now).await.unwrap();
            assert_eq!(released.len(), n, "{released:?}");
        }
        assert!(store.suspension(suspension.id).await.unwrap().unwrap().released.is_some());
        // What follows of a message that nobody let through is nothing.
        assert_eq!(asked(&store, messages[2], 0, at(90 * 60)).await, StartAnswer::Go);
        assert_eq!(callback(&store, vec![status(&store, messages[2], ProviderStatus::Sent)]).await.let_through, []);
    }

    async fn what_shows_nothing_is_tried_again_soon(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 2).await;
        let (_, messages) = run_to(&store, &contacts).await;
        suspend(&store, refused(sender(), FailureClass::AccountRestricted, 0), at(0)).await;
        let now = at(HALF_AN_HOUR);
        assert!(matches!(asked(&store, messages[0], 0, now).await, StartAnswer::GoAlone { .. }));
        assert_eq!(store.let_through(messages[0], LetThrough::Refused(FailureClass::Undeliverable), now).await.unwrap(), []);
        held_until(asked(&store, messages[1], 0, now).await);
        assert!(matches!(asked(&store, messages[1], 0, at(HALF_AN_HOUR + 60)).await, StartAnswer::GoAlone { .. }));
    }

    async fn a_question_is_asked_by_one_of_several_processes(database: Database) {
        let stores = [database.open().await, database.open().await];
        let suspension = suspend(&stores[0], refused(sender(), FailureClass::Credentials, 0), at(0)).await;
        assert_eq!((suspension.probe, suspension.probe_at), (Probe::Ask, Some(at(60))));
        let takes = (0..10).map(|n| stores[n % 2].take_probe(suspension.id, at(60), at(180)));
        let taken = futures_util::future::join_all(takes).await.into_iter().filter(|taken| *taken.as_ref().unwrap()).count();
        assert_eq!(taken, 1);
        let now = stores[1].suspensions(at(61)).await.unwrap().remove(0);
        assert_eq!((now.probe_at, now.probes), (Some(at(180)), 1));
    }

    async fn refusals_of_calls_from_before_the_release_do_not_suspend_again(database: Database) {
        let store = database.open().await;
        let class = FailureClass::AccountRestricted;
        let first = suspend(&store, refused(sender(), class, 0), at(0)).await;
        assert!(store.release(first.id, ReleasedBy::Operator("amal".to_owned()), at(100)).await.unwrap());
        let (late, is_new) = store.suspend(refused(sender(), class, 90), at(110)).await.unwrap();
        assert_eq!((late.id, is_new), (first.id, false), "a callback about a call of long ago");
        assert_eq!(store.suspensions(at(111)).await.unwrap(), []);
        suspend(&store, refused(sender(), class, 112), at(113)).await;
    }

    async fn a_token_that_answers_questions_and_sends_nothing_is_tried_with_a_message(database: Database) {
        let store = database.open().await;
        let class = FailureClass::Credentials;
        let first = suspend(&store, refused(sender(), class, 0), at(0)).await;
        assert!(store.take_probe(first.id, at(60), at(180)).await.unwrap());
        assert!(store.release(first.id, ReleasedBy::Asked, at(61)).await.unwrap());
        let second = suspend(&store, refused(sender(), class, 62), at(62)).await;
        assert_eq!((second.probe, second.probes), (Probe::LetOneThrough, 1));
        assert_eq!(second.probe_at, Some(at(62 + 3_600)), "with the waits of the trouble that goes on");
        assert!(store.release(second.id, ReleasedBy::Operator("amal".to_owned()), at(70)).await.unwrap());
        let third = suspend(&store, refused(sender(), class, 71), at(71)).await;
        assert_eq!((third.probe, third.probes), (Probe::Ask, 0), "an operator's release begins anew");
    }

    async fn when_suspend_answers_no_further_start_is_granted(database: Database) {
        let stores = [database.open().await, database.open().await];
        let contacts = people(&stores[0], 600).await;
        let (_, messages) = run_to(&stores[0], &contacts).await;
        let answered = std::sync::atomic::AtomicBool::new(false);
        let (answered, stores) = (&answered, &stores);
        let starts = messages.iter().enumerate().map(|(n, id)| async move {
            // Whoever asks after the answer is stopped.
            let before = answered.load(std::sync::atomic::Ordering::SeqCst);
            let answer = asked(&stores[n % 2], *id, 0, at(2)).await;
            assert!(!before || answer != StartAnswer::Go, "started after the suspension was answered");
            answer == StartAnswer::Go
        });
        let starts = async {
            use futures_util::StreamExt as _;
            futures_util::stream::iter(starts).buffer_unordered(40).collect::<Vec<bool>>().await
        };
        let stop = async {
            while database.ask("SELECT CAST(COUNT(*) AS TEXT) FROM messages WHERE state = 'calling'").await == ["0"] {}
            suspend(&stores[1], by_operator(sender(), "now"), at(2)).await;
            answered.store(true, std::sync::atomic::Ordering::SeqCst);
            // Marks are written before whoever asked hears of them: none may come after the answer.
            database.ask("SELECT CAST(COUNT(*) AS TEXT) FROM messages WHERE state = 'calling'").await
        };
        let (went, marked) = tokio::join!(starts, stop);
        let went = went.into_iter().filter(|went| *went).count();
        assert_eq!(marked, [went.to_string()]);
    }

    async fn a_paused_run_grants_no_start_after_its_answer(database: Database) {
        use barid::domain::run::RunCommand;
        let stores = [database.open().await, database.open().await];
        let contacts = people(&stores[0], 400).await;
        let (run, messages) = run_to(&stores[0], &contacts).await;
        let stores = &stores;
        let starts = futures_util::future::join_all((0..400).map(|n| asked(&stores[n % 2], messages[n], 0, at(1))));
        let pause = async {
            stores[1].command(run.id, RunCommand::Pause, at(2)).await.unwrap();
            database.ask("SELECT CAST(COUNT(*) AS TEXT) FROM messages WHERE state = 'calling'").await
        };
        let (answers, marked) = tokio::join!(starts, pause);
        let went = answers.iter().filter(|answer| **answer == StartAnswer::Go).count();
        assert_eq!(marked, [went.to_string()], "every mark was written before the pause was answered");
    }
}

/// A sender that is suspended must not make those of others wait for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_starts_pass_a_suspension_that_another_transaction_holds() {
    use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
    let database = Database::postgres().await;
    let store = database.open().await;
    let contacts = people(&store, 1).await;
    let run = super::new_run(&store).await;
    store.plan(run.id, &terms(), contacts.iter().copied().map(planned).collect(), "end", true, at(0)).await.unwrap();
    let messages = store.feed(run.id, 1).await.unwrap();
    suspend(&store, refused(Scope::Sender("riyadh".parse().unwrap()), FailureClass::AccountRestricted, 0), at(0)).await;
    let other = crate::direct::connect(&database.url).await;
    let transaction = other.begin().await.unwrap();
    transaction.execute_unprepared("SELECT id FROM suspensions FOR UPDATE").await.unwrap();
    let answer = tokio::time::timeout(std::time::Duration::from_secs(60), asked(&store, messages[0].0, 0, at(1))).await;
    assert_eq!(answer.expect("it does not wait"), StartAnswer::Go);
    transaction.rollback().await.unwrap();
}
