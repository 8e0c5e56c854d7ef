//! The cost of a mixed run, as we count it and as an independent sum over the simulator's ledger makes it with the same card.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use barid::config::templates::Templates;
use barid::config::{Config, Environment};
use barid::daemon::clock::SystemClock;
use barid::domain::language::Language;
use barid::domain::money::{Currency, Money};
use barid::ports::Clock as _;
use barid::simulator::{Category, Customers, LedgerRow, Rate, Settings, Template};
use serde_json::{Value, json};

use crate::harness::{Barid, Contact, PATIENCE, Setup, TOKEN, disorder, tail};

/// Calling code, first digits of mobile numbers, digits behind them, country.
const PEOPLE: [(&str, &str, usize, &str); 6] = [
    ("966", "50", 7, "SA"),
    ("971", "50", 7, "AE"),
    ("20", "100", 7, "EG"),
    ("974", "33", 6, "QA"),
    ("973", "36", 6, "BH"),
    // No rate of the card is for them.
    ("49", "1512", 7, "DE"),
];

/// Country, market, utility and marketing in micro-units; utility in Saudi Arabia goes by volume.
const RATES: [(&str, &str, i64, i64); 5] = [
    ("SA", "Saudi Arabia", 10_700, 50_100),
    ("AE", "United Arab Emirates", 15_700, 49_900),
    ("EG", "Egypt", 3_600, 64_400),
    ("QA", "Qatar", 12_000, 34_100),
    ("BH", "Rest of Middle East", 9_100, 34_100),
];
/// Utility messages in Saudi Arabia above so many cost this.
const STEP: (u64, i64) = (40, 9_900);
/// What everything else costs: a template, and free words.
const FLAT: [i64; 2] = [2_500, 5_000];

fn card() -> String {
    let mut card = String::from("currency = \"USD\"\nsource = \"a test\"\n");
    for (country, market, utility, marketing) in RATES {
        let decimal = |micros| Money { micros, currency: Currency::USD }.to_decimal();
        let utility = match country {
            "SA" => format!(
                "[{{ price = \"{}\" }}, {{ above = {}, price = \"{}\" }}]",
                decimal(utility),
                STEP.0,
                decimal(STEP.1)
            ),
            _ => format!("\"{}\"", decimal(utility)),
        };
        writeln!(
            card,
            "[[rates]]\nmarket = \"{market}\"\nfrom = 2026-07-01\nutility = {utility}\nmarketing = \"{}\"",
            decimal(marketing)
        )
        .unwrap();
    }
    card
}

fn audience(n: usize) -> Vec<Contact> {
    let person = |i: usize| {
        let (code, mobile, digits, _) = PEOPLE[i % PEOPLE.len()];
        Contact {
            phone: format!("+{code}{mobile}{:0digits$}", i / PEOPLE.len() + 1),
            name: format!("Zephyrine{i}"),
            language: if i.is_multiple_of(3) { "en" } else { "ar" },
            consent: "survey",
        }
    };
    (0..n).map(person).collect()
}

/// The sum, from nothing but the ledger and the card. Amounts for each country and category are counted first, so that steps have their volume.
fn independent(ledger: &[LedgerRow]) -> (i64, u64, u64) {
    let (mut charged, mut free, mut total): (BTreeMap<(&str, &str), u64>, u64, i64) = (BTreeMap::new(), 0, 0);
    for row in ledger {
        if !row.statuses.iter().any(|status| status == "delivered" || status == "read") {
            continue;
        }
        let (kind, category) = row.priced_as.split_once(' ').unwrap();
        if kind != "regular" {
            free += 1;
            continue;
        }
        let digits = row.to.trim_start_matches('+');
        let (.., country) = PEOPLE.iter().find(|(code, ..)| digits.starts_with(code)).unwrap();
        *charged.entry((country, if category == "service" { "service" } else { category })).or_default() += 1;
    }
    let n = charged.values().sum();
    for ((country, category), n) in charged {
        let n = i64::try_from(n).unwrap();
        let rate = RATES.iter().find(|(of, ..)| *of == country);
        total += match (rate, category) {
            (Some((.., utility, _)), "utility") if country == "SA" => {
                let first = n.min(i64::try_from(STEP.0).unwrap());
                first * utility + (n - first) * STEP.1
            }
            (Some((.., utility, _)), "utility") => n * utility,
            (Some((.., marketing)), "marketing") => n * marketing,
            (_, "service") => n * FLAT[1],
            (_, _) => n * FLAT[0],
        };
    }
    (total, n, free)
}

/// A simulator in which some are not on WhatsApp, some never get it, some came by an advertisement, and statuses come as they like. It takes
/// the Arabic template for marketing, as we do, and the English one for utility.
fn simulator() -> Settings {
    let customers = Customers { not_on_whatsapp_share: 0.08, entry_point_share: 0.15, ..Customers::silent() };
    let mut statuses = disorder();
    statuses.undelivered_share = 0.07;
    statuses.skip_delivered_share = 0.1;
    statuses.read_share = 0.5;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let brand = Config::load(None, &Environment::default()).unwrap().brand;
    let (templates, _) = Templates::load(&root.join("templates"), &brand);
    let invitation = templates.get(&"survey-invitation".parse().unwrap()).unwrap();
    let body = invitation.body_for_approval(Language::Ar).unwrap().text;
    let rate = |country: &str, category: &str, micros| Rate {
        country: country.to_owned(),
        category: category.to_owned(),
        micros,
    };
    let rates = RATES.iter().flat_map(|(country, _, utility, marketing)| {
        [rate(country, "utility", *utility), rate(country, "marketing", *marketing)]
    });
    Settings {
        customers,
        statuses,
        templates: vec![Template::approved("survey_invitation", "ar", Category::Marketing, &body)],
        rates: rates.collect(),
        ..Setup::default().simulator
    }
}

fn micros(amount: &Value) -> i64 {
    Money::from_decimal(amount.as_str().expect("a decimal as text"), Currency::USD).unwrap().micros
}

/// Somebody writes, and gets so many answers.
async fn answers(barid: &Barid, phone: &str, n: usize) {
    barid.simulator_says(phone, "When are you open?").await;
    let mut sent = 0;
    let begin = std::time::Instant::now();
    while sent < n {
        let body = json!({ "phone_number": phone, "text": format!("Answer {sent}.") });
        let request = barid.http.post(format!("http://{}/api/whatsapp/send-message", barid.listen));
        let answer = request.bearer_auth(TOKEN).json(&body).send().await.unwrap();
        // The window opens when what they wrote is applied.
        if answer.json::<Value>().await.unwrap()["state"] == "planned" {
            sent += 1;
        }
        assert!(begin.elapsed() < PATIENCE, "no window\n{}", tail(&barid.log()));
    }
}

async fn both_books_say_the_same(n: usize, store_url: Option<String>) {
    let people = audience(n);
    let rates = tempfile::tempdir().unwrap();
    std::fs::write(rates.path().join("card.toml"), card()).unwrap();
    let more = format!("[pricing]\nrates_dir = \"{}\"\ntimezone = \"UTC\"\n", rates.path().display());
    let setup = Setup { more, simulator: simulator(), store_url, ..Setup::default() };
    let barid = Barid::start_with(setup, &people).await;
    barid.start_campaign("survey").await;
    let run = barid.settle("survey").await;
    let of_run = independent(&barid.simulator.ledger());
    let ledger = barid.simulator.ledger();
    assert_eq!(micros(&run["cost"]["amount"]), of_run.0, "{of_run:?} {run}\n{}", tail(&barid.log()));
    let by_kind = |kind: &str| ledger.iter().filter(|row| row.priced_as.starts_with(kind)).count();
    let kinds = ["regular utility", "regular marketing", "free_entry_point"].map(by_kind);
    assert!(
        kinds.iter().all(|n| *n > 0) && of_run.1 > 0 && of_run.2 > 0,
        "{kinds:?} {of_run:?}\n{}",
        tail(&barid.log())
    );
    assert!(ledger.iter().any(|row| row.failed_code.is_some()), "some failed");

    // Free words cost, too; they are of no campaign.
    answers(&barid, &people[0].phone, 5).await;
    tokio::time::timeout(PATIENCE, barid.simulator.quiet()).await.expect("the simulator becomes quiet");
    barid.settle("survey").await;
    let whole = independent(&barid.simulator.ledger());
    let today = barid::domain::pricing::Tariff::default().day(SystemClock.now());
    let report = || async {
        let from = today.yesterday().unwrap();
        barid.get(&format!("/api/v1/reports/costs?from={from}&to={}", today.tomorrow().unwrap())).await
    };
    let begin = std::time::Instant::now();
    let mut shown = report().await;
    while micros(&shown["total"]["cost"]) != whole.0 && begin.elapsed() < PATIENCE {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        shown = report().await;
    }
    assert_eq!(micros(&shown["total"]["cost"]), whole.0, "{whole:?}\n{:#}", shown["total"]);
    let n = |value: &Value| value.as_u64().unwrap();
    assert_eq!((n(&shown["total"]["charged"]), n(&shown["total"]["free"])), (whole.1, whole.2));
    // Every list comes to the same sum.
    for list in ["by_day", "by_campaign", "by_channel", "by_country", "by_category", "by_language", "rows"] {
        let sum: i64 = shown[list].as_array().unwrap().iter().map(|row| micros(&row["cost"])).sum();
        assert_eq!(sum, whole.0, "{list}");
    }
    // The difference between estimate and booking is explained to the last micro-unit.
    let sides = &shown["sides"];
    let explained: i64 = sides["explained"].as_array().unwrap().iter().map(|one| micros(&one["amount"])).sum();
    assert_eq!(explained, micros(&sides["total"]["booked"]) - micros(&sides["total"]["estimated"]), "{sides:#}");
    assert_eq!(n(&sides["total"]["meta_messages"]), whole.1 + whole.2, "{:#}", sides["total"]);
    let of_egypt = |key: &str| -> i64 {
        let rows = sides["rows"].as_array().unwrap().iter().filter(|row| row["country"] == "EG");
        rows.filter(|row| !row[key].is_null()).map(|row| micros(&row[key])).sum()
    };
    assert_eq!(of_egypt("meta"), of_egypt("booked"), "Meta's analytics, where nothing goes by volume");
    let counted = |category: &str| -> i64 {
        let sum: Vec<&Value> =
            shown["by_category"].as_array().unwrap().iter().filter(|row| row["name"] == category).collect();
        sum.first().map_or(0, |row| micros(&row["cost"]))
    };
    let metrics = barid.metrics().await;
    // What was estimated as marketing and told as utility was taken back from a counter that cannot go back.
    for category in ["utility", "service"] {
        let head = format!("barid_cost_micros_total{{category=\"{category}\",channel=\"whatsapp\"}} ");
        let value: i64 = metrics.lines().find_map(|line| line.strip_prefix(&head)).unwrap().parse().unwrap();
        assert_eq!(value, counted(category), "{category}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mixed_run_costs_what_the_ledger_says_to_the_last_micro_unit() {
    both_books_say_the_same(600, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mixed_run_costs_the_same_on_postgres() {
    both_books_say_the_same(300, Some(crate::postgres::fresh_database().await)).await;
}

/// `cargo test --test it -- --ignored a_hundred_thousand`: minutes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; the same with fewer people runs always"]
async fn a_hundred_thousand_messages_cost_what_the_ledger_says() {
    both_books_say_the_same(100_000, None).await;
}
