use jiff::civil::Date;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::*;
use crate::domain::country::CountryCode;
use crate::domain::money::{Currency, Money};

const MARKETS: &str = include_str!("../../../config/rates/markets.toml");
const RULES: &str = include_str!("../../../config/rates/rules.toml");
const EXAMPLE: &str = include_str!("../../../config/rates/second-hand-2026.toml.example");
const COUNTRIES: [&str; 12] = ["SA", "AE", "EG", "QA", "KW", "IQ", "OM", "BH", "US", "DE", "JP", "KE"];

fn tariff() -> Tariff {
    let markets = read_markets("markets.toml", MARKETS).unwrap();
    let mut card = Card::default();
    read_card("card.toml", EXAMPLE, Currency::USD, &markets, &mut card).unwrap();
    Tariff { markets, rules: read_rules("rules.toml", RULES).unwrap(), card, ..Tariff::flat(Currency::USD) }
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn sale(country: &str, category: PriceCategory, on: &str) -> Sale {
    Sale {
        category,
        country: Some(country.parse().unwrap()),
        on: date(on),
        in_window: false,
        in_entry_point: false,
        charged_before: 0,
        sent_before: 0,
        flat_micros: 5_000,
    }
}

/// A sale drawn from everything that can come.
fn any_sale(random: &mut StdRng) -> Sale {
    let country: Option<CountryCode> =
        random.random_bool(0.9).then(|| COUNTRIES[random.random_range(0..COUNTRIES.len())].parse().unwrap());
    let day = random.random_range(0..900);
    Sale {
        category: PriceCategory::ALL[random.random_range(0..PriceCategory::ALL.len())],
        country,
        on: date("2025-01-01").saturating_add(jiff::Span::new().days(day)),
        in_window: random.random(),
        in_entry_point: random.random_bool(0.2),
        charged_before: random.random_range(0..5_000_000),
        sent_before: random.random_range(0..3_000),
        flat_micros: random.random_range(0..20_000),
    }
}

fn any_told(random: &mut StdRng) -> ToldPrice {
    let kind = match random.random_range(0..3) {
        0 => ToldKind::Charged,
        _ => ToldKind::Free(FreeBecause::ALL[random.random_range(0..FreeBecause::ALL.len())]),
    };
    let category =
        random.random_bool(0.8).then(|| PriceCategory::ALL[random.random_range(0..PriceCategory::ALL.len())]);
    let currency = if random.random() { Currency::USD } else { "SAR".parse().unwrap() };
    let amount = random.random_bool(0.2).then(|| Money { micros: random.random_range(0..90_000), currency });
    ToldPrice { kind, category, amount }
}

fn seed() -> u64 {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    seed
}

#[test]
fn the_days_on_which_rules_change_are_those_of_the_file() {
    let tariff = tariff();
    let free = |category, on, in_window| {
        tariff.charge(&Sale { in_window, ..sale("SA", category, on) }).free_because().map(FreeBecause::name)
    };
    use PriceCategory::{Marketing, Service, Utility};
    assert_eq!(free(Service, "2026-09-30", true), Some("service-window"));
    assert_eq!(free(Service, "2026-10-01", true), None);
    assert_eq!(free(Utility, "2026-09-30", true), Some("service-window"));
    assert_eq!(free(Utility, "2026-09-30", false), None);
    assert_eq!(free(Utility, "2026-10-01", true), None);
    assert_eq!(free(Marketing, "2026-09-30", true), None);
    let came_by_an_advertisement = Sale { in_entry_point: true, ..sale("SA", Marketing, "2026-11-22") };
    assert_eq!(tariff.charge(&came_by_an_advertisement), Charge::Free(FreeBecause::EntryPoint));
}

#[test]
fn the_monthly_share_ends_with_its_last_message() {
    let mut tariff = tariff();
    tariff.rules.push(FreeRule {
        because: FreeBecause::MonthlyShare,
        categories: vec![PriceCategory::Service],
        from: Some(date("2026-10-01")),
        until: None,
        in_window: false,
        in_entry_point: false,
        first_in_month: Some(1_000),
    });
    let nth = |sent_before| tariff.charge(&Sale { sent_before, ..sale("SA", PriceCategory::Service, "2026-11-22") });
    assert_eq!(nth(999), Charge::Free(FreeBecause::MonthlyShare));
    assert_eq!(nth(1_000), Charge::Paid { micros: 10_700, source: Source::Card });
    assert!(tariff.has_monthly_share(PriceCategory::Service, date("2026-11-22")));
    assert!(!tariff.has_monthly_share(PriceCategory::Utility, date("2026-11-22")));
}

#[test]
fn every_sale_has_one_charge_and_reasons_that_hold() {
    let tariff = tariff();
    let mut random = StdRng::seed_from_u64(seed());
    for _ in 0..20_000 {
        let sale = any_sale(&mut random);
        let charge = tariff.charge(&sale);
        assert!(charge.micros() >= 0, "{sale:?}");
        match charge {
            Charge::Free(because) => {
                let rule =
                    tariff.rules.iter().find(|rule| rule.because == because && rule.holds(sale.category, sale.on));
                let rule = rule.expect("a rule says so");
                assert!(sale.in_window >= rule.in_window && sale.in_entry_point >= rule.in_entry_point);
            }
            Charge::Paid { micros, source: Source::Flat } => {
                assert!(micros == sale.flat_micros && tariff.rate(sale.category, sale.country, sale.on).is_none());
            }
            Charge::Paid { micros, source } => {
                assert_eq!(source, Source::Card);
                // More volume never costs more, and the flat price has no say.
                let later = Sale { charged_before: sale.charged_before + random.random_range(0..90_000_000), ..sale };
                assert!(tariff.paid(&later).micros() <= micros);
                assert_eq!(tariff.charge(&Sale { flat_micros: sale.flat_micros + 1, ..sale }), charge);
            }
        }
    }
}

#[test]
fn what_is_told_wins_and_the_difference_says_how() {
    let tariff = tariff();
    let mut random = StdRng::seed_from_u64(seed());
    for _ in 0..20_000 {
        let (sale, told) = (any_sale(&mut random), any_told(&mut random));
        let estimated = settle(&tariff, &sale, None);
        assert_eq!((estimated.basis, estimated.difference), (Basis::Estimate, Difference::None));
        assert_eq!((estimated.charge, estimated.estimate), (tariff.charge(&sale), tariff.charge(&sale)));
        let booked = settle(&tariff, &sale, Some(&told));
        assert_eq!((booked.basis, booked.estimate), (Basis::Callback, estimated.charge));
        match told.kind {
            ToldKind::Free(because) => assert_eq!(booked.charge, Charge::Free(because)),
            ToldKind::Charged => {
                assert!(booked.charge.is_paid());
                let own = told.amount.filter(|amount| amount.currency == Currency::USD);
                if let Some(amount) = own {
                    assert_eq!(booked.charge, Charge::Paid { micros: amount.micros, source: Source::Told });
                }
            }
        }
        assert_eq!(booked.category, told.category.unwrap_or(sale.category));
        if booked.difference == Difference::None {
            assert_eq!(booked.charge.micros(), booked.estimate.micros(), "{sale:?} {told:?}");
        }
        assert_eq!(ToldPrice::from_words(&told.to_words()), Some(told));
    }
}

#[test]
fn volume_is_priced_message_by_message() {
    let tariff = tariff();
    let utility = sale("AE", PriceCategory::Utility, "2026-11-22");
    // Sums are the same however the month is cut.
    let sum = |range: std::ops::Range<u64>| -> i64 {
        range.map(|n| tariff.charge(&Sale { charged_before: 99_000 + n, ..utility }).micros()).sum()
    };
    assert_eq!(sum(0..2_000), 1_000 * 15_700 + 1_000 * 14_900);
    assert_eq!(sum(0..777) + sum(777..2_000), sum(0..2_000));
}

#[test]
fn a_country_is_in_one_market_on_each_day() {
    let tariff = tariff();
    let of = |country: &str, on| {
        tariff.markets.of(Some(country.parse().unwrap()), date(on)).map(|market| market.to_string())
    };
    for (country, on, market) in [
        ("QA", "2026-06-30", "Rest of Middle East"),
        ("QA", "2026-07-01", "Qatar"),
        ("OM", "2026-09-30", "Rest of Middle East"),
        ("OM", "2026-10-01", "Oman"),
        ("MA", "2026-10-01", "Morocco"),
        ("KZ", "2026-09-30", "Other"),
        ("PR", "2026-10-01", "Rest of Latin America"),
        ("CA", "2026-10-01", "North America"),
        ("IS", "2026-10-01", "Other"),
    ] {
        assert_eq!(of(country, on).as_deref(), Some(market), "{country} {on}");
    }
    assert_eq!(tariff.markets.of(None, date("2026-10-01")), None, "a number without a country is in no market");
}

#[test]
fn names_of_categories_are_read_however_a_provider_writes_them() {
    for (told, category) in [
        ("authentication-international", PriceCategory::AuthenticationInternational),
        ("authentication_international", PriceCategory::AuthenticationInternational),
        ("MARKETING_LITE", PriceCategory::MarketingLite),
        ("referral_conversion", PriceCategory::Other),
        ("", PriceCategory::Other),
    ] {
        assert_eq!(PriceCategory::told(told), category);
    }
}
