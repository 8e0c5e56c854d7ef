use super::*;
use crate::domain::failure::FailureClass;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn id() -> WhatsAppId {
    "wamid.A".parse().unwrap()
}

fn refusal() -> Refusal {
    Refusal { class: FailureClass::Undeliverable, code: Some(131_026), details: String::new() }
}

fn standing(delivery: Delivery, attempt: u16) -> Standing {
    Standing { delivery, attempt, whatsapp_id: None }
}

fn calling() -> Delivery {
    Delivery::Calling { lease_until: at(60) }
}

fn unknown() -> Delivery {
    Delivery::Unknown { decide_at: at(900) }
}

fn after(delivery: Delivery, fact: Fact) -> State {
    let before = standing(delivery, 1);
    match after_fact(&before, 1, &fact) {
        Effect::Changed(next) => next.delivery.state(),
        Effect::Unchanged { .. } => before.delivery.state(),
    }
}

#[test]
fn an_answer_closes_the_call() {
    assert_eq!(after(calling(), Fact::Accepted(id())), State::Submitted);
    assert_eq!(after(calling(), Fact::Refused(refusal())), State::Failed);
    assert_eq!(after(calling(), Fact::Unanswered { decide_at: at(900), because: String::new() }), State::Unknown);
    assert_eq!(after(calling(), Fact::NotSent { retry_at: at(30), because: String::new() }), State::Held);
}

#[test]
fn a_status_before_the_answer_counts_and_the_answer_adds_its_id() {
    let Effect::Changed(sent) = after_fact(&standing(calling(), 1), 1, &Fact::Sent) else { panic!("not raised") };
    let Effect::Changed(known) = after_fact(&sent, 1, &Fact::Accepted(id())) else { panic!("the id is new") };
    assert_eq!((known.delivery, known.whatsapp_id), (Delivery::Sent, Some(id())));
}

#[test]
fn a_read_receipt_before_delivery_counts_as_both() {
    assert_eq!(after(Delivery::Sent, Fact::Read), State::Read);
    assert_eq!(after(Delivery::Read, Fact::Delivered), State::Read);
}

#[test]
fn any_order_and_any_repetition_of_statuses_ends_at_the_highest() {
    let facts = [Fact::Accepted(id()), Fact::Sent, Fact::Delivered, Fact::Read];
    let mut orders = vec![vec![]];
    for _ in 0..5 {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| (0..facts.len()).map(move |next| [order.clone(), vec![next]].concat()))
            .collect();
    }
    for order in orders {
        let mut now = standing(calling(), 1);
        let mut reached = 0;
        for fact in &order {
            if let Effect::Changed(next) = after_fact(&now, 1, &facts[*fact]) {
                now = next;
            }
            assert!(now.delivery.rank() >= reached, "went backwards in {order:?}");
            reached = now.delivery.rank();
        }
        let highest = order.iter().max().copied().unwrap_or_default();
        assert_eq!(usize::from(reached), highest + 1, "{order:?}");
    }
}

#[test]
fn a_status_after_failed_raises_it_to_delivered_or_read_only() {
    let failed = || Delivery::Failed(refusal());
    assert_eq!(after(failed(), Fact::Sent), State::Failed);
    assert_eq!(after(failed(), Fact::Accepted(id())), State::Failed);
    assert_eq!(after(failed(), Fact::Delivered), State::Delivered);
    assert_eq!(after(failed(), Fact::Read), State::Read);
    assert_eq!(after(Delivery::Delivered, Fact::Refused(refusal())), State::Delivered);
    assert_eq!(after(Delivery::Sent, Fact::Refused(refusal())), State::Failed);
}

#[test]
fn an_unknown_is_settled_by_any_evidence() {
    assert_eq!(after(unknown(), Fact::Accepted(id())), State::Submitted);
    assert_eq!(after(unknown(), Fact::Sent), State::Sent);
    assert_eq!(after(unknown(), Fact::Read), State::Read);
    assert_eq!(after(unknown(), Fact::Refused(refusal())), State::Failed);
}

#[test]
fn the_rule_decides_only_while_the_silence_lasts() {
    assert_eq!(after(unknown(), Fact::SendAgain), State::Planned);
    assert_eq!(after(unknown(), Fact::AssumeSent), State::Submitted);
    assert_eq!(after(unknown(), Fact::StillSilent { decide_at: at(1800) }), State::Unknown);
    assert_eq!(after(Delivery::Sent, Fact::SendAgain), State::Sent);
    assert_eq!(after(calling(), Fact::AssumeSent), State::Calling);
}

#[test]
fn late_evidence_of_a_given_up_attempt_stops_the_next_one_before_it_starts() {
    // Silence, then "send again" (planned, attempt 1 behind it), then the status of attempt 1 after all.
    assert_eq!(after(Delivery::Planned, Fact::Delivered), State::Delivered);
    assert_eq!(after(Delivery::Planned, Fact::Accepted(id())), State::Submitted);
}

#[test]
fn the_failure_of_an_earlier_attempt_does_not_end_a_later_one() {
    let second = standing(calling(), 2);
    assert!(matches!(after_fact(&second, 1, &Fact::Refused(refusal())), Effect::Unchanged { .. }));
    assert!(matches!(after_fact(&second, 1, &Fact::Accepted(id())), Effect::Unchanged { .. }));
    assert!(matches!(after_fact(&second, 1, &Fact::Delivered), Effect::Changed(_)), "it did arrive");
}

#[test]
fn a_fact_about_an_attempt_that_was_never_started_changes_nothing() {
    let fresh = Standing::planned();
    for attempt in [0, 1, 9] {
        assert!(matches!(after_fact(&fresh, attempt, &Fact::Read), Effect::Unchanged { .. }));
    }
}

#[test]
fn ended_by_us_stays_ended_unless_the_person_has_it() {
    for ended in [Delivery::Expired, Delivery::Suppressed(SuppressedReason::OptedOut)] {
        assert_eq!(after(ended.clone(), Fact::Refused(refusal())), ended.state());
        assert_eq!(after(ended.clone(), Fact::NotSent { retry_at: at(1), because: String::new() }), ended.state());
        assert_eq!(after(ended, Fact::Delivered), State::Delivered);
    }
}
