use jiff::SignedDuration;

use super::*;
use crate::domain::channel::Channels;
use crate::domain::failure::FailureClass;
use crate::domain::retry::Policy;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn id() -> WhatsAppId {
    "wamid.A".parse().unwrap()
}

fn refusal() -> Refusal {
    Refusal::new(FailureClass::Undeliverable, Some(131_026), "")
}

fn standing(delivery: Delivery, attempt: u16) -> Standing {
    Standing { delivery, attempt, ..Standing::planned() }
}

fn sent() -> Delivery {
    Delivery::Sent { fall_back_at: None }
}

/// What follows from a fact where no other channel takes over.
fn after_fact(standing: &Standing, attempt: u16, fact: &Fact) -> Effect {
    after_fact_with(standing, attempt, fact, &[], None)
}

fn after_fact_with(
    standing: &Standing,
    attempt: u16,
    fact: &Fact,
    fallback: &[Channel],
    not_delivered_after: Option<SignedDuration>,
) -> Effect {
    let waits = [SignedDuration::from_secs(30)];
    let policy = Policy { fallback: fallback.to_vec(), not_delivered_after, ..Policy::of_singles(&waits) };
    let reachable = Channels::reaching(true, false, true);
    let situation = Situation {
        policy: &policy,
        reachable,
        sick: Channels::NONE,
        allowed: true,
        expires_at: at(100_000),
        spread: 1,
    };
    super::after_fact(standing, attempt, fact, &situation, at(100))
}

fn next(effect: Effect) -> Standing {
    match effect {
        Effect::Changed(next) => next,
        Effect::Unchanged { because } => panic!("unchanged because {because}"),
    }
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
    assert_eq!(after(calling(), Fact::NotSent { because: String::new() }), State::Held);
}

#[test]
fn a_status_before_the_answer_counts_and_the_answer_adds_its_id() {
    let Effect::Changed(left) = after_fact(&standing(calling(), 1), 1, &Fact::Sent) else { panic!("not raised") };
    let Effect::Changed(known) = after_fact(&left, 1, &Fact::Accepted(id())) else { panic!("the id is new") };
    assert_eq!((known.delivery, known.whatsapp_id), (sent(), Some(id())));
}

#[test]
fn a_read_receipt_before_delivery_counts_as_both() {
    assert_eq!(after(sent(), Fact::Read), State::Read);
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
    assert_eq!(after(sent(), Fact::Refused(refusal())), State::Failed);
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
    assert_eq!(after(sent(), Fact::SendAgain), State::Sent);
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
        assert_eq!(after(ended.clone(), Fact::NotSent { because: String::new() }), ended.state());
        assert_eq!(after(ended, Fact::Delivered), State::Delivered);
    }
}

#[test]
fn a_refusal_that_another_channel_may_mend_falls_back_and_keeps_the_message_open() {
    let call = standing(calling(), 1);
    let held =
        next(after_fact_with(&call, 1, &Fact::Refused(refusal()), &[Channel::TwilioWhatsapp, Channel::Sms], None));
    assert_eq!((held.channel, held.delivery.state()), (Channel::Sms, State::Held), "WhatsApp's own verdict");
    // Late and doubled news of the attempt that was given up changes nothing, unless it did arrive.
    for fact in [Fact::Sent, Fact::Accepted(id()), Fact::Refused(refusal())] {
        assert!(
            matches!(after_fact_with(&held, 1, &fact, &[Channel::Sms], None), Effect::Unchanged { .. }),
            "{fact:?}"
        );
    }
    assert_eq!(next(after_fact_with(&held, 1, &Fact::Delivered, &[Channel::Sms], None)).delivery, Delivery::Delivered);
}

#[test]
fn what_does_not_arrive_in_time_falls_back_and_a_late_arrival_stops_it() {
    let four_hours = Some(SignedDuration::from_hours(4));
    let go = |standing: &Standing, fact: &Fact| after_fact_with(standing, 1, fact, &[Channel::Email], four_hours);
    let submitted = next(go(&standing(calling(), 1), &Fact::Accepted(id())));
    assert_eq!(submitted.delivery, Delivery::Submitted { assumed: false, fall_back_at: Some(at(100 + 4 * 3600)) });
    let left = next(go(&submitted, &Fact::Sent));
    assert_eq!(left.delivery.due_at(), submitted.delivery.due_at(), "the moment stays");
    let waiting = next(go(&left, &Fact::NotDelivered));
    assert_eq!((waiting.channel, waiting.delivery.state()), (Channel::Email, State::Held));
    assert!(matches!(go(&waiting, &Fact::Sent), Effect::Unchanged { .. }));
    assert_eq!(next(go(&waiting, &Fact::Read)).delivery, Delivery::Read);
    assert!(matches!(go(&standing(Delivery::Delivered, 1), &Fact::NotDelivered), Effect::Unchanged { .. }));
}

#[test]
fn a_fault_of_the_provider_is_tried_again_and_ends_when_the_waits_are_used_up() {
    let fault = Fact::Refused(Refusal::new(FailureClass::Transient, Some(131_000), ""));
    let held = next(after_fact(&standing(calling(), 1), 1, &fault));
    assert_eq!((held.delivery.state(), held.waits_used), (State::Held, 1));
    assert!(matches!(after_fact(&held, 1, &Fact::Sent), Effect::Unchanged { .. }), "it was refused");
    let second = Standing { delivery: calling(), attempt: 2, ..held };
    assert_eq!(next(after_fact(&second, 2, &fault)).delivery.state(), State::Failed);
}
