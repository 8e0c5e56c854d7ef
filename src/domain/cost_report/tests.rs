use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::*;
use crate::domain::language::Language;
use crate::domain::pricing::{Basis, Difference, FreeBecause, PriceCategory, Source, ToldKind};

fn days() -> Days {
    Days { from: "2026-11-01".parse().unwrap(), to: "2026-11-03".parse().unwrap() }
}

fn any_day(random: &mut StdRng) -> CostDay {
    let n = random.random_range(1..50);
    let estimated_micros = random.random_range(0..60_000) * n;
    let difference = Difference::ALL[random.random_range(0..Difference::ALL.len())];
    let free = (difference == Difference::Free).then_some(FreeBecause::EntryPoint);
    let micros = match difference {
        Difference::None => estimated_micros,
        Difference::Free => 0,
        _ => random.random_range(0..60_000) * n,
    };
    let countries = ["SA", "AE", "EG"];
    CostDay {
        day: days().each().nth(random.random_range(0..3)).unwrap(),
        campaign: ["", "welcome", "spring"][random.random_range(0..3)].to_owned(),
        channel: Channel::ALL[random.random_range(0..4)],
        country: random.random_bool(0.9).then(|| countries[random.random_range(0..3)].parse().unwrap()),
        category: PriceCategory::ALL[random.random_range(0..4)],
        language: Language::ALL[random.random_range(0..2)],
        currency: if random.random_bool(0.05) { "EUR".parse().unwrap() } else { Currency::USD },
        basis: if difference == Difference::None { Basis::Estimate } else { Basis::Callback },
        source: free.is_none().then_some(Source::Card),
        free,
        difference,
        n,
        micros,
        estimated_micros,
    }
}

fn report(facts: Facts) -> CostReport {
    CostReport::new(days(), "2026-11-04T09:00:00Z".parse().unwrap(), Currency::USD, facts)
}

fn seed() -> u64 {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    seed
}

#[test]
fn every_way_of_adding_up_comes_to_the_same_sum() {
    let mut random = StdRng::seed_from_u64(seed());
    let costs: Vec<CostDay> = (0..500).map(|_| any_day(&mut random)).collect();
    let ours = costs.iter().filter(|day| day.currency == Currency::USD);
    let expected: i64 = ours.clone().map(|day| day.micros).sum();
    let left_out: i64 = costs.iter().map(|day| day.micros).sum::<i64>() - expected;
    let n: i64 = ours.map(|day| day.n).sum();
    let report = report(Facts { costs, ..Facts::default() });
    assert_eq!((report.total.micros, report.total.n()), (expected, n));
    let lists = [
        &report.by_day,
        &report.by_campaign,
        &report.by_channel,
        &report.by_country,
        &report.by_category,
        &report.by_language,
    ];
    for list in lists {
        assert_eq!(list.iter().map(|(_, sum)| sum.micros).sum::<i64>(), expected);
    }
    assert_eq!(report.by_day.len(), 3);
    assert_eq!(rows(&report).iter().map(|row| row.sum.micros).sum::<i64>(), expected);
    let explained: i64 = report.sides.explained.iter().map(|one| one.micros).sum();
    assert_eq!(explained, report.sides.total.booked_micros - report.sides.total.estimated_micros);
    assert_eq!(report.other_currencies.iter().map(|money| money.micros).sum::<i64>(), left_out);
    assert_eq!(to_csv(&report).lines().count(), rows(&report).len() + 1);
}

#[test]
fn channels_are_compared_by_what_became_of_their_calls() {
    let call = |channel, called, delivered, read| CallDay {
        day: days().from,
        campaign: String::new(),
        channel,
        language: Language::En,
        called,
        delivered,
        read,
        failed: called - delivered,
        took_over: 0,
    };
    let calls = vec![call(Channel::Whatsapp, 200, 150, 60), call(Channel::Email, 10, 0, 0)];
    let answered = Answered { messages: 30, median: SignedDuration::from_secs(90) };
    let facts = Facts { calls, answered: [(Channel::Whatsapp, answered)].into(), ..Facts::default() };
    let report = report(facts);
    let [whatsapp, email] = &report.channels[..] else { panic!("{:?}", report.channels) };
    assert_eq!(
        (whatsapp.delivery_share(), whatsapp.read_share(), whatsapp.answer_share()),
        (Some(7_500), Some(4_000), Some(2_000))
    );
    assert_eq!((email.delivery_share(), email.read_share(), email.answer_share()), (None, None, Some(0)));
    let lines = ShownReport::new(&report, false).lines();
    assert_eq!(
        lines[0],
        "whatsapp: 200 called, one cost nothing USD, delivered 75.00 %, read 40.00 %, answered 20.00 %, half of the answers within 90 s"
    );
}

#[test]
fn advice_follows_from_the_days() {
    let mut random = StdRng::seed_from_u64(7);
    let plain = CostDay { currency: Currency::USD, free: None, n: 10, ..any_day(&mut random) };
    let day = |channel, category, difference, micros, estimated_micros, source| CostDay {
        channel,
        category,
        difference,
        micros,
        estimated_micros,
        source: Some(source),
        ..plain.clone()
    };
    let costs = vec![
        day(Channel::Whatsapp, PriceCategory::Marketing, Difference::Category, 500_000, 107_000, Source::Card),
        day(Channel::Whatsapp, PriceCategory::Utility, Difference::None, 25_000, 25_000, Source::Flat),
        day(Channel::Sms, PriceCategory::Utility, Difference::None, 150_000, 150_000, Source::Flat),
        day(Channel::Email, PriceCategory::Utility, Difference::None, 10_000, 10_000, Source::Flat),
    ];
    let report = report(Facts { costs, ..Facts::default() });
    assert_eq!(
        report.advice,
        [
            Advice {
                kind: AdviceKind::Category { charged_as: PriceCategory::Marketing },
                n: 10,
                saves_micros: 393_000
            },
            Advice {
                kind: AdviceKind::Channel { used: Channel::Sms, cheaper: Channel::Email },
                n: 10,
                saves_micros: 140_000
            },
            Advice { kind: AdviceKind::CompleteCard, n: 10, saves_micros: 0 },
        ]
    );
}

#[test]
fn meta_stands_beside_ours_and_its_silence_is_told() {
    let mut random = StdRng::seed_from_u64(7);
    let own = CostDay {
        channel: Channel::Whatsapp,
        country: Some("SA".parse().unwrap()),
        category: PriceCategory::Utility,
        currency: Currency::USD,
        ..any_day(&mut random)
    };
    let of_meta = |country: &str, n, micros| MetaCost {
        country: Some(country.parse().unwrap()),
        category: PriceCategory::Utility,
        kind: ToldKind::Charged,
        n,
        micros,
    };
    let meta = vec![of_meta("SA", 5, Some(9_000)), of_meta("SA", 2, Some(1_000)), of_meta("EG", 1, None)];
    let with_meta = report(Facts { costs: vec![own.clone()], meta: Some(Ok(meta)), ..Facts::default() });
    assert_eq!((with_meta.sides.total.meta_n, with_meta.sides.total.meta_micros), (8, Some(10_000)));
    assert_eq!(with_meta.sides.rows.len(), 2, "a country that only Meta has is shown, too");
    let silent = report(Facts { costs: vec![own], meta: Some(Err("it <b>broke</b>".to_owned())), ..Facts::default() });
    let page = to_html(&silent, Language::En);
    assert!(page.contains("it &lt;b&gt;broke&lt;/b&gt;") && !page.contains("<b>broke"));
}

#[test]
fn the_page_reads_in_both_directions_and_brings_nothing_along() {
    let mut random = StdRng::seed_from_u64(seed());
    let costs: Vec<CostDay> = (0..200).map(|_| any_day(&mut random)).collect();
    let report = report(Facts { costs, ..Facts::default() });
    for (language, direction) in [(Language::Ar, "rtl"), (Language::En, "ltr")] {
        let page = to_html(&report, language);
        assert!(page.starts_with(&format!("<!doctype html>\n<html lang=\"{}\" dir=\"{direction}\">", language.code())));
        assert!(page.contains("<svg") && page.contains(&report.money(report.total.micros).to_string()));
        for foreign in ["<script", "http://", "https://", "@import", "url(", "NaN"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        let opened = page.matches("<tr>").count();
        assert_eq!(opened, page.matches("</tr>").count());
    }
}

#[test]
fn a_mail_says_the_sums_in_both_languages() {
    let mut random = StdRng::seed_from_u64(7);
    let plain = CostDay { currency: Currency::USD, difference: Difference::None, ..any_day(&mut random) };
    let day = |campaign: &str, country: &str, micros, n| CostDay {
        campaign: campaign.to_owned(),
        channel: Channel::Whatsapp,
        country: country.parse().ok(),
        category: PriceCategory::Utility,
        source: Some(Source::Flat),
        free: None,
        n,
        micros,
        estimated_micros: micros,
        ..plain.clone()
    };
    let costs = vec![day("welcome", "SA", 1_250_000, 500), day("<b>", "EG", 30_000, 12)];
    let costs_before = vec![day("welcome", "SA", 1_000_000, 400)];
    let meta = Some(Err("it <b>broke</b>".to_owned()));
    let report = report(Facts { costs, costs_before, meta, ..Facts::default() });
    let letter = to_letter(&report, &Language::ALL);
    insta::assert_snapshot!(format!("{}\n\n{}", letter.subject, letter.text));
    let names: Vec<&str> = letter.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["costs-2026-11-01-2026-11-03.ar.html", "costs-2026-11-01-2026-11-03.en.html"]);
    assert!(letter.page.find("dir=\"rtl\"") < letter.page.find("dir=\"ltr\""), "Arabic first, as asked for");
    assert!(letter.page.contains("&lt;b&gt;") && !letter.page.contains("<b>"));
    for foreign in ["<script", "<svg", "<style", "http://", "https://", "url("] {
        assert!(!letter.page.contains(foreign), "{foreign}");
    }
    let english = to_letter(&report, &[Language::En]);
    assert_eq!(english.subject, "Costs of messages 2026-11-01 to 2026-11-03: 1.28 USD");
    assert!(!english.page.contains("rtl") && english.files.len() == 1);
}

#[test]
fn a_file_says_its_last_day() {
    let report = report(Facts::default());
    let names: Vec<String> = report.files().into_iter().map(|file| file.name).collect();
    let name = |ending: &str| format!("costs-2026-11-01-2026-11-03.{ending}");
    assert_eq!(names, ["json", "csv", "ar.html", "en.html"].map(name));
    for name in &names {
        assert_eq!(ReportFile::last_day(name), Some(days().to), "{name}");
    }
    for other in
        ["", "notes.txt", "costs-2026-11-03.csv", "costs-2026-11-01-2026-11-33.csv", "ملاحظات-عن-التقرير-الأخير.txt"]
    {
        assert_eq!(ReportFile::last_day(other), None, "{other}");
    }
}
