use jiff::SignedDuration;

use super::*;
use crate::domain::live_check::{AccountFacts, NumberFacts};

fn month() -> Month {
    "2026-11".parse().unwrap()
}

fn made_at() -> Timestamp {
    "2026-12-02T04:00:00Z".parse().unwrap()
}

fn calls(campaign: &str, channel: Channel, called: i64, delivered: i64, read: i64) -> CallDay {
    let (campaign, language, day) = (campaign.to_owned(), Language::Ar, month().days().from);
    CallDay { day, campaign, channel, language, called, delivered, read, failed: called - delivered, took_over: 0 }
}

fn answers(campaign: &str, messages: u64) -> CampaignAnswers {
    CampaignAnswers { campaign: campaign.to_owned(), channel: Channel::Whatsapp, messages }
}

fn times(n: u64, p50: i64, late: i64) -> Times {
    let percentiles = |p50| Percentiles { n, p50, p95: p50 * 10, p99: p50 * 100 };
    Times {
        of: 3_000_000,
        looked_at: 20_000,
        called: n + 40,
        waited: 30,
        without_steps: 10,
        lateness: Some(percentiles(late)),
        latency: [(Channel::Whatsapp, percentiles(p50))].into(),
    }
}

fn said(quality: &str, tier: &str, verification: &str) -> SaidByMeta {
    let number = NumberFacts {
        status: "CONNECTED".to_owned(),
        quality: quality.to_owned(),
        throughput: "STANDARD".to_owned(),
        messaging_limit: tier.to_owned(),
        name_status: "APPROVED".to_owned(),
        ..NumberFacts::default()
    };
    let account = AccountFacts {
        review: "APPROVED".to_owned(),
        business_verification: verification.to_owned(),
        can_send: "AVAILABLE".to_owned(),
        because: Vec::new(),
    };
    SaidByMeta {
        asked_at: made_at() - SignedDuration::from_mins(43),
        numbers: [("default".parse().unwrap(), number)].into(),
        accounts: [("800".to_owned(), account)].into(),
    }
}

/// A month in which much got worse and something better.
fn review() -> Review {
    let now = MonthFacts {
        calls: vec![
            calls("welcome", Channel::Whatsapp, 10_000, 9_100, 6_000),
            calls("spring", Channel::Whatsapp, 1_000, 980, 900),
            calls("tiny", Channel::Whatsapp, 20, 1, 0),
            calls("", Channel::Whatsapp, 50, 50, 40),
            calls("welcome", Channel::Email, 400, 0, 0),
        ],
        answers: vec![answers("welcome", 300), answers("spring", 200)],
        times: times(19_000, 9_000, 400),
    };
    let before = MonthFacts {
        calls: vec![
            calls("welcome", Channel::Whatsapp, 10_000, 9_700, 6_400),
            calls("spring", Channel::Whatsapp, 1_000, 975, 500),
            calls("autumn", Channel::Sms, 500, 450, 0),
        ],
        answers: vec![answers("welcome", 600), answers("spring", 60)],
        times: times(18_000, 2_000, 420),
    };
    let answered = [(Channel::Whatsapp, Answered { messages: 500, median: SignedDuration::from_mins(7) })].into();
    let before_said = ("2026-10".parse().unwrap(), said("GREEN", "TIER_2K", "verified"));
    let said = SaidFacts { now: Some(said("YELLOW", "TIER_10K", "expired")), before: Some(before_said) };
    Review::new(month(), made_at(), now, before, answered, said)
}

fn nothing() -> Review {
    Review::new(month(), made_at(), MonthFacts::default(), MonthFacts::default(), BTreeMap::new(), SaidFacts::default())
}

#[test]
fn what_changed_is_told_with_the_worse_first() {
    let outcome = review().outcome(&["kept as review-2026-11".to_owned()], &["a mail was lost".to_owned()]);
    let changes: Vec<_> = outcome.details.as_ref().unwrap()["changes"].as_array().unwrap().clone();
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(format!("{}: {}\n{}", outcome.result.name(), outcome.summary, changes.join("\n")));
}

#[test]
fn a_month_of_nothing_is_told_as_such() {
    let outcome = nothing().outcome(&[], &[]);
    insta::assert_snapshot!(format!(
        "{}: {}\n\n{}",
        outcome.result.name(),
        outcome.summary,
        to_text(&nothing(), Language::En)
    ));
}

#[test]
fn the_review_reads_in_both_languages() {
    let texts = Language::ALL.map(|language| to_text(&review(), language));
    insta::assert_snapshot!(texts.join("\n====\n"));
}

#[test]
fn the_review_as_rows_and_as_json() {
    let json = serde_json::to_string_pretty(&ShownReview::new(&review())).unwrap();
    insta::assert_snapshot!(format!("{}\n{json}", to_csv(&review())));
}

#[test]
fn the_worst_are_of_enough_messages_and_of_campaigns() {
    let review = review();
    let names = |rate| review.worst(rate).into_iter().map(|one| one.whose.as_str()).collect::<Vec<_>>();
    assert_eq!(names(Rate::Delivered), ["welcome", "spring"]);
    assert_eq!(names(Rate::Answered), ["welcome", "spring"]);
    let calls = (0..9).map(|n| calls(&format!("c{n}"), Channel::Whatsapp, 100, 100 - n, 0)).collect();
    let facts = MonthFacts { calls, ..MonthFacts::default() };
    let many = Review::new(month(), made_at(), facts, MonthFacts::default(), BTreeMap::new(), SaidFacts::default());
    let worst: Vec<_> = many.worst(Rate::Delivered).into_iter().map(|one| one.whose.as_str()).collect();
    assert_eq!(worst, ["c8", "c7", "c6", "c5", "c4"]);
}

#[test]
fn channels_that_tell_nothing_are_no_part_of_a_rate() {
    let review = review();
    let of = |channel| review.channels.iter().find(|one| one.whose == channel).unwrap().now;
    let email = of(Channel::Email);
    assert_eq!(Rate::ALL.map(|rate| email.share(rate)), [None, None, Some(0)]);
    let all = review.all.now;
    assert_eq!((all.called, all.delivered), (11_470, Part { n: 10_131, of: 11_070 }));
    assert_eq!(all.answered, Part { n: 500, of: 10_531 }, "those that arrived, and the mails that were called");
}

#[test]
fn what_meta_said_long_ago_is_told() {
    let at = |hours| {
        let mut facts = said("GREEN", "TIER_2K", "verified");
        facts.asked_at = made_at() - SignedDuration::from_hours(hours);
        let said = SaidFacts { now: Some(facts), before: None };
        Review::new(month(), made_at(), MonthFacts::default(), MonthFacts::default(), BTreeMap::new(), said)
            .outcome(&[], &[])
    };
    assert_eq!(at(47).result, JobResult::Ok);
    assert!(at(49).result == JobResult::Warning && at(49).summary.contains("last asked"), "{:?}", at(49));
}

#[test]
fn a_review_leaves_what_the_next_one_and_it_itself_are_compared_with() {
    let review = review();
    let kept = || Kept::of_details(review.outcome(&[], &[]).details.unwrap()).expect("it comes back");
    let before = |month: &str| kept().before(month.parse().unwrap());
    assert_eq!(kept().of.said, review.said.now);
    // The next month; one after a month without a review; the same month again; one of the past.
    let of_november = (month(), review.said.now.clone().unwrap());
    assert_eq!(before("2026-12"), (Some(of_november.clone()), Some(review.times.clone())));
    assert_eq!(before("2027-01"), (Some(of_november), None));
    assert_eq!(before("2026-11"), (review.said.before.clone(), Some(review.times_before.clone())));
    assert_eq!(before("2026-10"), (None, None));
    assert_eq!(Kept::of_details(serde_json::json!({"month": "2026-13"})), None);
}

#[test]
fn the_page_reads_in_both_directions_and_brings_nothing_along() {
    let mut review = review();
    let account = review.said.now.as_mut().unwrap().accounts.get_mut("800").unwrap();
    account.because = vec!["it <b>broke</b>".to_owned()];
    for (language, direction) in [(Language::Ar, "rtl"), (Language::En, "ltr")] {
        let page = to_html(&review, language);
        assert!(
            page.starts_with(&format!("<!doctype html>\n<html lang=\"{language}\" dir=\"{direction}\">")),
            "{page}"
        );
        assert!(page.contains("it &lt;b&gt;broke") && !page.contains("<b>"), "{page}");
        for foreign in ["<script", "http://", "https://", "@import", "url(", "NaN"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert_eq!(page.matches("<tr>").count(), page.matches("</tr>").count());
        assert_eq!(page.matches("<bdi>").count(), page.matches("</bdi>").count());
    }
}

#[test]
fn a_mail_brings_every_language_and_its_pages() {
    let letter = review().letter(&Language::ALL);
    assert_eq!(letter.subject, "مراجعة الشهر \u{2068}2026-11\u{2069}");
    let names: Vec<&str> = letter.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["review-2026-11.ar.html", "review-2026-11.en.html"]);
    assert!(letter.page.find("dir=\"rtl\"") < letter.page.find("dir=\"ltr\""));
    for said in ["ما تغيّر", "What changed", "is attached"] {
        assert!(letter.text.contains(said) && letter.page.contains(said), "{said}");
    }
    let english = review().letter(&[Language::En]);
    assert_eq!(english.subject, "Review of the month 2026-11");
    assert!(!english.page.contains("rtl") && english.files.len() == 1);
}

#[test]
fn a_file_says_its_last_day() {
    let names: Vec<String> = review().files().into_iter().map(|file| file.name).collect();
    let name = |ending: &str| format!("review-2026-11.{ending}");
    assert_eq!(names, ["json", "csv", "ar.txt", "ar.html", "en.txt", "en.html"].map(name));
    for name in &names {
        assert_eq!(ReportFile::last_day(name), Some(month().days().to), "{name}");
    }
    for other in ["review-2026-13.csv", "review-.csv", "review-2026-11-01.csv", "review-2026-11"] {
        assert_eq!(ReportFile::last_day(other), None, "{other}");
    }
}
