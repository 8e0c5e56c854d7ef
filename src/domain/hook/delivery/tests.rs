use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn answered(status: u16) -> HookAnswer {
    HookAnswer::Answered { status, retry_after: None }
}

fn busy(status: u16, seconds: i64) -> HookAnswer {
    HookAnswer::Answered { status, retry_after: Some(SignedDuration::from_secs(seconds)) }
}

fn silence() -> HookAnswer {
    HookAnswer::NoAnswer { because: "no connection".to_owned() }
}

fn progress(waits_used: u16) -> Progress {
    Progress { is_test: false, waits_used, since: at(0) }
}

#[test]
fn the_schedule_as_an_operator_reads_it() {
    let (mut now, mut lines, mut used) = (at(0), Vec::new(), 0);
    loop {
        match after_attempt(progress(used), &answered(500), 0, now) {
            Next::Again { at, takes_wait: true } => {
                used += 1;
                let wait = at.duration_since(now).as_secs();
                // Jitter adds a fifth at most and takes nothing away.
                let plain = WAITS[usize::from(used - 1).min(WAITS.len() - 1)].as_secs();
                assert!((plain..=plain + plain / 5 + 1).contains(&wait), "{plain} {wait}");
                lines.push(format!("{plain}"));
                now = at;
            }
            next => {
                assert_eq!(next, Next::GiveUp(GaveUp::Spent));
                break;
            }
        }
    }
    insta::assert_snapshot!(lines.join(" "), @"5 60 300 1800 7200 18000 36000 50400 72000");
    assert!(now < at(0) + GIVE_UP_AFTER);
}

#[test]
fn any_2xx_is_success_and_nothing_else_is() {
    for status in [200, 201, 202, 204, 299] {
        assert_eq!(after_attempt(progress(3), &answered(status), 1, at(10)), Next::Delivered, "{status}");
    }
    for answer in [answered(199), answered(301), answered(302), answered(400), answered(404), answered(500), silence()]
    {
        assert!(matches!(after_attempt(progress(0), &answer, 1, at(10)), Next::Again { .. }), "{answer:?}");
    }
}

#[test]
fn gone_is_the_end_at_once_and_a_test_is_tried_once() {
    assert_eq!(after_attempt(progress(0), &answered(410), 1, at(1)), Next::GiveUp(GaveUp::Gone));
    let test = Progress { is_test: true, ..progress(0) };
    assert_eq!(after_attempt(test, &silence(), 1, at(1)), Next::GiveUp(GaveUp::Test));
    assert_eq!(after_attempt(test, &answered(204), 1, at(1)), Next::Delivered);
}

#[test]
fn whoever_is_busy_is_obeyed_within_bounds_and_it_costs_no_wait() {
    for (answer, least) in [(busy(429, 90), 90), (busy(503, 7), 7), (busy(429, 0), 1), (busy(503, 9_999_999), 86_400)] {
        let Next::Again { at: next, takes_wait: false } = after_attempt(progress(2), &answer, 5, at(100)) else {
            panic!("{answer:?}")
        };
        let wait = next.duration_since(at(100)).as_secs();
        assert!((least..=least + least / 5 + 1).contains(&wait), "{answer:?} {wait}");
    }
    // Where it does not say how long, or asks with another status, it is a failure like others.
    for answer in [answered(429), answered(503), busy(500, 90)] {
        assert!(matches!(after_attempt(progress(0), &answer, 5, at(100)), Next::Again { takes_wait: true, .. }));
    }
    // Busy for ever is given up, too.
    let late = at(0) + GIVE_UP_AFTER;
    assert_eq!(after_attempt(progress(0), &busy(429, 90), 5, late), Next::GiveUp(GaveUp::Spent));
}

#[test]
fn an_endpoint_that_fails_again_and_again_rests_longer_and_longer_and_is_tried_by_one() {
    let mut health = HookHealth::default();
    for n in 1..SICK_AFTER {
        health = health.after(&answered(500), "f", at(0));
        assert_eq!(health.allowance("f", 20, at(0)), 20, "{n} failures may be the events'");
    }
    let mut now = at(0);
    for rest in [5, 60, 300, 1_800, 1_800] {
        health = health.after(&silence(), "f", now);
        assert_eq!(health.rest_until, Some(now + SignedDuration::from_secs(rest)));
        assert_eq!(health.allowance("f", 20, now), 0);
        // What was under way fails, too, and changes nothing.
        let during = health.after(&silence(), "f", now + SignedDuration::from_secs(1));
        assert_eq!(during.rest_until, health.rest_until);
        now += SignedDuration::from_secs(rest);
        assert_eq!(health.allowance("f", 20, now), 1);
    }
    assert_eq!(health.failing_since, Some(at(0)));
    assert!(!health.is_lost(at(0) + GIVE_UP_AFTER - SignedDuration::from_secs(1)));
    assert!(health.is_lost(at(0) + GIVE_UP_AFTER));
    assert_eq!(health.after(&answered(200), "f", now), HookHealth::default());
}

#[test]
fn whoever_is_busy_rests_as_a_whole_without_having_failed() {
    let health = HookHealth::default().after(&busy(429, 60), "f", at(0));
    assert_eq!((health.failures, health.allowance("f", 20, at(59)), health.allowance("f", 20, at(60))), (0, 0, 20));
    let shorter = health.after(&busy(429, 1), "f", at(1));
    assert_eq!(shorter.rest_until, Some(at(60)), "a shorter wish does not end a longer one");
}

#[test]
fn gone_holds_for_the_address_that_said_so() {
    let health = HookHealth::default().after(&answered(410), "old", at(0));
    assert_eq!((health.allowance("old", 20, at(9)), health.allowance("new", 20, at(9))), (0, 20));
    assert!(!health.after(&answered(200), "new", at(9)).is_gone("old"));
}

#[test]
fn redirects_say_what_to_do() {
    insta::assert_snapshot!(answered(301).words(), @"answered 301: redirects are not followed; name the address that it leads to");
}
