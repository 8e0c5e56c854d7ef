//! Costs: each arrival is charged once, by what callbacks say, else by card and rules, whatever the order and repetition of statuses.

use std::sync::Arc;

use barid::domain::channel::Channel;
use barid::domain::delivery::Fact;
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::ids::{CallbackReference, MessageId};
use barid::domain::money::{Currency, Money};
use barid::domain::news::{ProviderStatus, StatusNews};
use barid::domain::pricing::{
    Card, FreeBecause, FreeRule, Market, Markets, PriceCategory, Rate, Step, Tariff, ToldKind, ToldPrice,
};
use barid::domain::start::StartAnswer;
use barid::ports::{Heard, Journal as _, Messages as _, RowNews, Start, Store as _};
use barid::store::{SqlStore, StoreSettings};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

use super::{
    Database, at, begin, heard, inbound, on_both_databases, people, run_to, seed, settings, status, wamid, words,
};

const UTILITY: i64 = 10_700;
const MARKETING: i64 = 50_100;
/// What the messages of these tests cost where the card says nothing.
const FLAT: i64 = 30_000;

/// Utility and marketing in Saudi Arabia.
fn tariff() -> Tariff {
    let market = Market { name: "Saudi Arabia".into(), countries: vec!["SA".parse().unwrap()], from: None };
    let markets = Markets::new(vec![market], None).unwrap();
    let mut card = Card::default();
    let name = Arc::clone(markets.named("Saudi Arabia").unwrap());
    let steps = [(PriceCategory::Utility, UTILITY), (PriceCategory::Marketing, MARKETING)];
    for (category, micros) in steps {
        let from = "2020-01-01".parse().unwrap();
        assert!(card.add(&name, category, Rate { from, steps: vec![Step { above: 0, micros }] }));
    }
    Tariff { markets, card, ..Tariff::flat(Currency::USD) }
}

async fn open(database: &Database, tariff: Tariff) -> SqlStore {
    let tariff = Arc::new(tariff);
    SqlStore::open(&database.url, &StoreSettings { tariff, ..settings() }).await.expect("the database is there")
}

fn told(kind: ToldKind, category: PriceCategory) -> ToldPrice {
    ToldPrice { kind, category: Some(category), amount: None }
}

async fn apply(store: &SqlStore, statuses: Vec<StatusNews>) {
    let row = store.append(barid::domain::news::Source::Meta, "{}".into(), at(6)).await.unwrap();
    store.apply(row, RowNews { statuses, ..RowNews::default() }, at(7)).await.unwrap();
}

/// What a message cost, and how often it was charged.
async fn charged(database: &Database, id: MessageId) -> Vec<String> {
    let sql = "SELECT CAST(micros AS TEXT) || ' ' || category || ' ' || basis || ' ' || free || ' ' || difference FROM charges \
               WHERE message_id = ID ORDER BY attempt";
    database.ask(&sql.replace("ID", &id.number().to_string())).await
}

/// A status with or without a price; a failed one carries none.
fn any_status(random: &mut StdRng, store: &SqlStore, id: MessageId) -> StatusNews {
    let kinds = [ProviderStatus::Sent, ProviderStatus::Delivered, ProviderStatus::Read];
    let which = random.random_range(0..3_usize);
    let news = status(store, id, kinds[which].clone());
    // As a provider does: what it says with one rank it always says.
    let price = match (id.number() % 3, which) {
        (0, _) | (_, 2) => None,
        (1, 0) => Some(told(ToldKind::Charged, PriceCategory::Utility)),
        (1, _) => Some(told(ToldKind::Charged, PriceCategory::Marketing)),
        (_, 0) => Some(told(ToldKind::Charged, PriceCategory::Utility)),
        (_, _) => Some(told(ToldKind::Free(FreeBecause::EntryPoint), PriceCategory::Utility)),
    };
    StatusNews { pricing: price, ..news }
}

/// What it must cost in the end, by the statuses that came.
fn expected(id: MessageId, came: &[StatusNews]) -> Vec<String> {
    let any = |status: &ProviderStatus| came.iter().any(|news| news.status == *status);
    if !any(&ProviderStatus::Delivered) && !any(&ProviderStatus::Read) {
        return vec![];
    }
    let at_arrival = came.iter().find(|news| news.status == ProviderStatus::Delivered).and_then(|news| news.pricing);
    let price = at_arrival.or_else(|| came.iter().find_map(|news| news.pricing));
    let line = match price.map(|price| (price.kind, price.category.unwrap())) {
        None => format!("{UTILITY} utility estimate  none"),
        Some((ToldKind::Charged, PriceCategory::Marketing)) => format!("{MARKETING} marketing callback  category"),
        Some((ToldKind::Charged, _)) => format!("{UTILITY} utility callback  none"),
        Some((ToldKind::Free(because), _)) => format!("0 utility callback {} free", because.name()),
    };
    assert!(id.number() % 3 != 0 || price.is_none());
    vec![line]
}

on_both_databases! {
    async fn an_arrival_is_charged_once_in_any_order_and_repetition(database: Database) {
        let store = open(&database, tariff()).await;
        let contacts = people(&store, 120).await;
        let (run, ids) = run_to(&store, &contacts).await;
        for id in &ids {
            assert_eq!(store.start(begin(*id, 0, at(60), at(1))).await.unwrap(), StartAnswer::Go);
        }
        let mut random = StdRng::seed_from_u64(seed());
        let mut all: Vec<StatusNews> = Vec::new();
        for id in &ids {
            for _ in 0..random.random_range(0..7) {
                all.push(any_status(&mut random, &store, *id));
            }
        }
        all.shuffle(&mut random);
        let mut rest = all.clone();
        while !rest.is_empty() {
            let n = random.random_range(1..=rest.len().min(40));
            apply(&store, rest.drain(..n).collect()).await;
            if random.random_bool(0.1) {
                database.assert_counts_are_exact(&store, run.id).await;
            }
        }
        for id in &ids {
            let came: Vec<StatusNews> = all
                .iter()
                .filter(|news| news.reference.as_ref().is_some_and(|reference| reference.message == *id))
                .cloned()
                .collect();
            assert_eq!(charged(&database, *id).await, expected(*id, &came), "{came:?}");
        }
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn each_attempt_that_arrives_is_charged_and_none_that_fails(database: Database) {
        let store = open(&database, tariff()).await;
        let contacts = people(&store, 2).await;
        let (run, ids) = run_to(&store, &contacts).await;
        let [twice, refused] = ids[..] else { panic!() };
        // The answer of the first call was never seen, and the silence was taken for a loss; both arrive.
        assert_eq!(store.start(begin(twice, 0, at(60), at(1))).await.unwrap(), StartAnswer::Go);
        store.learn(twice, 1, Fact::Unanswered { decide_at: at(2), because: "reset".to_owned() }, at(2)).await.unwrap();
        store.learn(twice, 1, Fact::SendAgain, at(2)).await.unwrap();
        assert_eq!(store.start(begin(twice, 1, at(60), at(3))).await.unwrap(), StartAnswer::Go);
        let attempt = |attempt, status_of| StatusNews {
            reference: Some(CallbackReference { store: store.tag().to_owned(), message: twice, attempt }),
            whatsapp_id: format!("wamid.{attempt}").parse().unwrap(),
            ..status(&store, twice, status_of)
        };
        apply(&store, vec![attempt(2, ProviderStatus::Delivered), attempt(2, ProviderStatus::Read)]).await;
        apply(&store, vec![attempt(1, ProviderStatus::Delivered), attempt(1, ProviderStatus::Read)]).await;
        assert_eq!(charged(&database, twice).await.len(), 2);
        // Told with `sent`, and then it failed.
        assert_eq!(store.start(begin(refused, 0, at(60), at(1))).await.unwrap(), StartAnswer::Go);
        let price = Some(told(ToldKind::Charged, PriceCategory::Utility));
        let failed = ProviderStatus::Failed(Refusal::new(FailureClass::Undeliverable, Some(131_026), ""));
        apply(&store, vec![StatusNews { pricing: price, ..status(&store, refused, ProviderStatus::Sent) }]).await;
        apply(&store, vec![status(&store, refused, failed)]).await;
        assert_eq!(charged(&database, refused).await, Vec::<String>::new());
        database.assert_counts_are_exact(&store, run.id).await;
    }

    async fn a_month_is_priced_step_by_step_across_transactions_and_stores(database: Database) {
        let mut stepped = tariff();
        stepped.card = Card::default();
        let market = Arc::clone(stepped.markets.named("Saudi Arabia").unwrap());
        let steps = vec![Step { above: 0, micros: 100 }, Step { above: 10, micros: 90 }, Step { above: 25, micros: 80 }];
        assert!(stepped.card.add(&market, PriceCategory::Utility, Rate { from: "2020-01-01".parse().unwrap(), steps }));
        let stores = [open(&database, stepped.clone()).await, if database.url.starts_with("sqlite") {
            // One process writes.
            open(&Database::sqlite(), stepped.clone()).await
        } else {
            open(&database, stepped).await
        }];
        let both = !database.url.starts_with("sqlite");
        let contacts = people(&stores[0], 60).await;
        let (run, ids) = run_to(&stores[0], &contacts).await;
        for id in &ids {
            assert_eq!(stores[0].start(begin(*id, 0, at(60), at(1))).await.unwrap(), StartAnswer::Go);
        }
        // A third of them is free, as the callback says, and counts for no step.
        let arrivals: Vec<StatusNews> = ids
            .iter()
            .map(|id| {
                let kind = if id.number() % 3 == 0 { ToldKind::Free(FreeBecause::ServiceWindow) } else { ToldKind::Charged };
                let pricing = Some(told(kind, PriceCategory::Utility));
                StatusNews { pricing, ..status(&stores[0], *id, ProviderStatus::Delivered) }
            })
            .collect();
        let applying = arrivals.chunks(7).enumerate().map(|(n, part)| {
            apply(&stores[if both { n % 2 } else { 0 }], part.to_vec())
        });
        futures_util::future::join_all(applying).await;
        let paid = ids.iter().filter(|id| id.number() % 3 != 0).count() as i64;
        let expected: i64 = (0..paid).map(|n| if n < 10 { 100 } else if n < 25 { 90 } else { 80 }).sum();
        let sum = database.ask("SELECT CAST(SUM(micros) AS TEXT) FROM charges").await;
        assert_eq!(sum, [expected.to_string()]);
        database.assert_counts_are_exact(&stores[0], run.id).await;
    }

    async fn the_monthly_share_of_a_number_is_free_and_then_charged(database: Database) {
        let rule = FreeRule {
            because: FreeBecause::MonthlyShare,
            categories: vec![PriceCategory::Service],
            from: None,
            until: None,
            in_window: false,
            in_entry_point: false,
            first_in_month: Some(3),
        };
        let store = open(&database, Tariff { rules: vec![rule], ..tariff() }).await;
        let contacts = people(&store, 1).await;
        let wrote = Heard { window_until: Some(at(90_000)), ..inbound(0, "wamid.in", "hello") };
        heard(&store, vec![wrote]).await;
        for n in 0..5 {
            let created = store.create(words(contacts[0], &format!("answer {n}")), at(1)).await.unwrap();
            let barid::ports::Created::New(id) = created else { panic!() };
            assert_eq!(store.start(begin(id, 0, at(60), at(30))).await.unwrap(), StartAnswer::Go);
            apply(&store, vec![status(&store, id, ProviderStatus::Delivered)]).await;
        }
        let lines = database.ask("SELECT CAST(micros AS TEXT) || free FROM charges ORDER BY message_id").await;
        assert_eq!(lines, ["0monthly-share", "0monthly-share", "0monthly-share", "5000", "5000"]);
        database.assert_costs_are_exact().await;
    }

    async fn another_channel_costs_what_was_reserved_until_its_price_is_told(database: Database) {
        let store = open(&database, tariff()).await;
        let contacts = people(&store, 3).await;
        let (_, ids) = run_to(&store, &contacts).await;
        for id in &ids {
            let number = id.number();
            database.change(&format!("UPDATE messages SET channel = 'sms' WHERE id = {number}")).await;
            let start = Start { channel: Channel::Sms, price_micros: 15_000, counts_for_tier: false, ..begin(*id, 0, at(60), at(1)) };
            assert_eq!(store.start(start).await.unwrap(), StartAnswer::Go);
            store.learn(*id, 1, Fact::Accepted(wamid(*id)), at(2)).await.unwrap();
            assert_eq!(charged(&database, *id).await, ["15000 utility estimate  none"]);
        }
        let priced = |id, micros, currency: &str| {
            let amount = Some(Money { micros, currency: currency.parse().unwrap() });
            let pricing = Some(ToldPrice { kind: ToldKind::Charged, category: None, amount });
            StatusNews { pricing, ..status(&store, id, ProviderStatus::Delivered) }
        };
        apply(&store, vec![priced(ids[0], 11_000, "USD"), priced(ids[1], 11_000, "EUR")]).await;
        apply(&store, vec![priced(ids[0], 11_000, "USD"), status(&store, ids[2], ProviderStatus::Delivered)]).await;
        assert_eq!(charged(&database, ids[0]).await, ["11000 utility callback  amount"]);
        assert_eq!(charged(&database, ids[1]).await, ["15000 utility estimate  none"], "euros cannot be added to dollars");
        assert_eq!(charged(&database, ids[2]).await, ["15000 utility estimate  none"]);
        database.assert_costs_are_exact().await;
    }

    async fn what_no_card_prices_is_flat_and_what_is_reserved_goes_back(database: Database) {
        let store = open(&database, Tariff::default()).await;
        let contacts = people(&store, 1).await;
        let (run, ids) = run_to(&store, &contacts).await;
        assert_eq!(store.start(begin(ids[0], 0, at(60), at(1))).await.unwrap(), StartAnswer::Go);
        let used = async || database.ask("SELECT CAST(micros AS TEXT) || ' ' || CAST(reserved AS TEXT) FROM budget_days").await;
        assert_eq!(used().await, [format!("0 {FLAT}")]);
        apply(&store, vec![status(&store, ids[0], ProviderStatus::Read)]).await;
        assert_eq!(charged(&database, ids[0]).await, [format!("{FLAT} utility estimate  none")]);
        assert_eq!(used().await, [format!("{FLAT} 0")]);
        database.assert_counts_are_exact(&store, run.id).await;
    }
}
