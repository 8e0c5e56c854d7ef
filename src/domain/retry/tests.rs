use super::*;
use crate::domain::failure::FailureClass;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn policy(fallback: &[Channel]) -> Policy {
    let seconds = [30, 120].map(SignedDuration::from_secs);
    Policy { fallback: fallback.to_vec(), ..Policy::of_singles(&seconds) }
}

fn everywhere() -> Channels {
    Channels::reaching(true, true, true)
}

fn step(class: FailureClass, fallback: &[Channel], attempt: u16, waits_used: u16, reachable: Channels) -> NextStep {
    let policy = policy(fallback);
    let situation = Situation {
        policy: &policy,
        reachable,
        sick: Channels::NONE,
        allowed: true,
        expires_at: at(1_000_000),
        spread: 7,
    };
    let refusal = Refusal::new(class, None, "");
    after_refusal(&refusal, Channel::Whatsapp, attempt, waits_used, &situation, at(0))
}

fn seconds(step: &NextStep) -> i64 {
    let NextStep::Again { at, .. } = step else { panic!("{step:?}") };
    at.as_second()
}

#[test]
fn a_fault_of_the_provider_uses_the_waits_up_and_then_falls_back_or_ends() {
    let first = step(FailureClass::Transient, &[], 1, 0, everywhere());
    assert!((30..=36).contains(&seconds(&first)), "{first:?}");
    let second = step(FailureClass::Transient, &[], 2, 1, everywhere());
    assert!((120..=144).contains(&seconds(&second)), "{second:?}");
    assert_eq!(step(FailureClass::Transient, &[], 3, 2, everywhere()), NextStep::GiveUp);
    assert_eq!(step(FailureClass::Transient, &[Channel::Sms], 3, 2, everywhere()), NextStep::FallBack(Channel::Sms));
}

#[test]
fn slowing_down_takes_none_of_the_waits_and_grows() {
    let wait = |attempt| seconds(&step(FailureClass::PairThrottled, &[], attempt, 0, everywhere()));
    assert!((1..=2).contains(&wait(1)));
    assert!((4..=5).contains(&wait(2)));
    assert!((16..=20).contains(&wait(3)));
    let NextStep::Again { takes_wait, reason, .. } = step(FailureClass::NumberThrottled, &[], 9, 0, everywhere())
    else {
        panic!("it is tried again")
    };
    assert!(!takes_wait && reason == HeldReason::Throttled);
}

#[test]
fn what_the_provider_asks_for_is_honoured() {
    let policy = policy(&[]);
    let situation = Situation {
        policy: &policy,
        reachable: everywhere(),
        sick: Channels::NONE,
        allowed: true,
        expires_at: at(1_000_000),
        spread: 7,
    };
    let asked = Refusal {
        wait: Some(SignedDuration::from_secs(500)),
        ..Refusal::new(FailureClass::AccountThrottled, Some(4), "")
    };
    let step = after_refusal(&asked, Channel::Whatsapp, 1, 0, &situation, at(0));
    assert!((500..=600).contains(&seconds(&step)));
}

#[test]
fn whatsapps_own_verdict_skips_another_carrier_of_whatsapp() {
    let both = [Channel::TwilioWhatsapp, Channel::Sms];
    assert_eq!(step(FailureClass::Undeliverable, &both, 1, 0, everywhere()), NextStep::FallBack(Channel::Sms));
    assert_eq!(
        step(FailureClass::Unrecognised, &both, 1, 0, everywhere()),
        NextStep::FallBack(Channel::TwilioWhatsapp)
    );
}

#[test]
fn a_channel_without_an_address_is_skipped() {
    let phone_only = Channels::reaching(true, false, false);
    assert_eq!(
        step(FailureClass::Undeliverable, &[Channel::Email, Channel::Sms], 1, 0, phone_only),
        NextStep::FallBack(Channel::Sms)
    );
    assert_eq!(step(FailureClass::Undeliverable, &[Channel::Email], 1, 0, phone_only), NextStep::GiveUp);
}

#[test]
fn nothing_follows_a_stop_or_the_end_of_the_messages_life() {
    assert_eq!(step(FailureClass::OptedOut, &[Channel::Sms], 1, 0, everywhere()), NextStep::GiveUp);
    let policy = policy(&[Channel::Sms]);
    let mut situation = Situation {
        policy: &policy,
        reachable: everywhere(),
        sick: Channels::NONE,
        allowed: false,
        expires_at: at(100),
        spread: 7,
    };
    let refusal = Refusal::new(FailureClass::Undeliverable, Some(131_026), "");
    assert_eq!(after_refusal(&refusal, Channel::Whatsapp, 1, 0, &situation, at(0)), NextStep::GiveUp);
    situation.allowed = true;
    assert_eq!(after_refusal(&refusal, Channel::Whatsapp, 1, 0, &situation, at(100)), NextStep::GiveUp);
    let transient = Refusal::new(FailureClass::Transient, Some(1), "");
    let step = after_refusal(&transient, Channel::Whatsapp, 1, 0, &situation, at(90));
    assert_eq!(
        step,
        NextStep::FallBack(Channel::Sms),
        "the next try would come too late; another channel is still in time"
    );
}

#[test]
fn marketing_limits_are_waited_out_once_where_no_other_channel_is() {
    let hour = 3600;
    let first = step(FailureClass::MarketingLimited, &[], 1, 0, everywhere());
    assert!((25 * hour..=30 * hour).contains(&seconds(&first)));
    assert_eq!(step(FailureClass::MarketingLimited, &[], 2, 1, everywhere()), NextStep::GiveUp);
    assert_eq!(
        step(FailureClass::MarketingLimited, &[Channel::Sms], 1, 0, everywhere()),
        NextStep::FallBack(Channel::Sms)
    );
}

#[test]
fn what_was_never_sent_is_tried_until_it_is_too_old_and_falls_back_when_the_waits_are_spent() {
    let policy = policy(&[Channel::Email]);
    let situation = Situation {
        policy: &policy,
        reachable: everywhere(),
        sick: Channels::NONE,
        allowed: true,
        expires_at: at(10_000),
        spread: 7,
    };
    let first = after_not_sent(Channel::Whatsapp, 1, 0, &situation, at(0));
    assert!(matches!(first, NextStep::Again { takes_wait: true, reason: HeldReason::Backoff, .. }));
    assert_eq!(after_not_sent(Channel::Whatsapp, 3, 2, &situation, at(0)), NextStep::FallBack(Channel::Email));
    let alone = Situation { reachable: Channels::reaching(true, false, false), ..situation };
    assert!(matches!(after_not_sent(Channel::Whatsapp, 99, 98, &alone, at(0)), NextStep::Again { .. }));
}

#[test]
fn whatever_is_refused_there_is_a_next_step_ahead_or_an_end() {
    use rand::{Rng as _, SeedableRng as _};
    let seed = 20_261_122;
    let mut dice = rand::rngs::StdRng::seed_from_u64(seed);
    let channels = [Channel::Whatsapp, Channel::TwilioWhatsapp, Channel::Sms, Channel::Email];
    let some = |dice: &mut rand::rngs::StdRng| match dice.random_range(0..4) {
        0 => SignedDuration::from_secs(dice.random_range(1..60)),
        1 => SignedDuration::from_hours(dice.random_range(1..48)),
        2 => SignedDuration::MAX,
        _ => SignedDuration::from_millis(dice.random_range(1..1_000_000_000)),
    };
    for round in 0..50_000 {
        let waits: Vec<_> = (0..dice.random_range(0..6)).map(|_| some(&mut dice)).collect();
        let mut fallback = channels.to_vec();
        fallback.retain(|_| dice.random_bool(0.5));
        let policy = Policy { fallback, ..Policy::of_singles(&waits) };
        let now = at(dice.random_range(0..2_000_000));
        let situation = Situation {
            policy: &policy,
            reachable: Channels::reaching(dice.random(), dice.random(), dice.random()),
            sick: Channels::reaching(dice.random(), dice.random(), dice.random()),
            allowed: dice.random(),
            expires_at: if dice.random_bool(0.1) { Timestamp::MAX } else { at(dice.random_range(0..2_000_000)) },
            spread: dice.random(),
        };
        let class = FailureClass::ALL[dice.random_range(0..FailureClass::ALL.len())];
        let wait = [None, Some(some(&mut dice)), Some(SignedDuration::MIN), Some(SignedDuration::ZERO)];
        let refusal = Refusal { wait: wait[dice.random_range(0..4)], ..Refusal::new(class, Some(dice.random()), "") };
        let channel = channels[dice.random_range(0..4)];
        let (attempt, used) = (dice.random(), dice.random_range(0..8));
        let step = after_refusal(&refusal, channel, attempt, used, &situation, now);
        let about = format!("seed {seed}, round {round}: {refusal:?} {situation:?} at {now}: {step:?}");
        match step {
            NextStep::Again { at, takes_wait, .. } => {
                assert!(now < at && at <= situation.expires_at, "{about}");
                assert!(!takes_wait || usize::from(used) < waits.len().max(1), "{about}");
            }
            NextStep::FallBack(next) => {
                assert!(next != channel && situation.reachable.contains(next), "{about}");
                assert!(situation.allowed && now < situation.expires_at && class.falls_back(), "{about}");
            }
            NextStep::GiveUp => {}
        }
    }
}

#[test]
fn a_sick_channel_is_passed_over_only_where_another_is_behind_it() {
    let refusal = Refusal::new(FailureClass::Undeliverable, Some(131_026), "");
    let sick = |channels: &[Channel]| channels.iter().fold(Channels::NONE, |sick, channel| sick.with(*channel, true));
    for (fallback, ill, next) in [
        (&[Channel::Sms, Channel::Email][..], &[Channel::Sms][..], Channel::Email),
        (&[Channel::Sms, Channel::Email], &[Channel::Email], Channel::Sms),
        (&[Channel::Sms, Channel::Email], &[Channel::Sms, Channel::Email], Channel::Sms),
        (&[Channel::Sms], &[Channel::Sms], Channel::Sms),
    ] {
        let policy = policy(fallback);
        let situation = Situation {
            policy: &policy,
            reachable: everywhere(),
            sick: sick(ill),
            allowed: true,
            expires_at: at(1_000),
            spread: 7,
        };
        let step = after_refusal(&refusal, Channel::Whatsapp, 1, 0, &situation, at(0));
        assert_eq!(step, NextStep::FallBack(next), "{fallback:?} with {ill:?} sick");
    }
}
