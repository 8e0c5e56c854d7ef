//! Charging what has arrived, once for each attempt, whatever the order and repetition of statuses.
//!
//! What is to be charged is collected while facts are applied and priced when all of them are known, because a price may depend on how many
//! messages of its market were charged in the month: such counts are raised and read in the same transaction, and only where a price depends
//! on them. A charge by estimate stays open for the callback that puts it right.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::encode::millis;
use super::sql::{Db, Row, Sql, Table, args};
use crate::domain::budget::{day_number, month_number};
use crate::domain::channel::Channel;
use crate::domain::country::CountryCode;
use crate::domain::ids::SenderName;
use crate::domain::language::Language;
use crate::domain::money::Currency;
use crate::domain::pricing::{
    Basis, Charge, Difference, FreeBecause, PriceCategory, Sale, Settlement, Source, Tariff, ToldKind, ToldPrice,
    settle,
};

/// Attempts beyond this share the last bit. No list of waits is so long.
const ATTEMPT_MAX: u16 = 62;

/// How the scope of a market begins, whose messages are counted together.
pub(super) const SCOPE_OF_MARKET: &str = "market ";

/// The bit of an attempt.
pub(super) fn bit_of(attempt: u16) -> i64 {
    1 << (attempt.clamp(1, ATTEMPT_MAX) - 1)
}

/// What is known of a message that is charged.
#[derive(Debug, Clone)]
pub(super) struct Bill {
    pub(super) message: i64,
    pub(super) attempt: u16,
    pub(super) channel: Channel,
    pub(super) campaign: String,
    pub(super) language: Language,
    pub(super) sender: SenderName,
    /// As what it was sent.
    pub(super) category: PriceCategory,
    pub(super) country: Option<CountryCode>,
    /// Free words go inside an open window only; of templates nobody asked.
    pub(super) in_window: bool,
    /// When it arrived.
    pub(super) at: Timestamp,
    /// What it costs where no card has a rate for it.
    pub(super) flat_micros: i64,
    pub(super) told: Option<ToldPrice>,
    /// Whether it was charged before a callback told its price, so that only the difference is booked.
    pub(super) puts_right: bool,
}

/// What was booked for a message, beside what was booked for it before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Booked {
    pub(super) message: i64,
    /// More (or less) than before.
    pub(super) more_micros: i64,
}

/// What was charged in one transaction, for whoever counts: channel, category and micro-units.
pub(super) type Charged = BTreeMap<(Channel, PriceCategory), i64>;

/// Everything by which sums are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct DayKey {
    day: i64,
    campaign: String,
    channel: &'static str,
    country: String,
    category: &'static str,
    language: &'static str,
    basis: &'static str,
    source: &'static str,
    free: &'static str,
    difference: &'static str,
}

/// Count, micro-units, and what they would have been by estimate.
type Sums = (i64, i64, i64);

/// A charge as its row has it.
struct Entry {
    at: i64,
    country: String,
    settlement: Settlement,
}

/// How often what a price depends on was there before a message: for each, the count in the record after this transaction, less those of
/// this transaction that come after it.
#[derive(Default)]
struct Volumes {
    next: HashMap<(i64, String, PriceCategory), i64>,
}

impl Volumes {
    /// Raises the counts by these keys, and keeps what they were before.
    async fn raise(
        &mut self,
        db: &Db<'_, DatabaseTransaction>,
        keys: impl Iterator<Item = (i64, String, PriceCategory)>,
    ) -> Sql<()> {
        let mut more: BTreeMap<(i64, String, PriceCategory), i64> = BTreeMap::new();
        keys.for_each(|key| *more.entry(key).or_default() += 1);
        if more.is_empty() {
            return Ok(());
        }
        // In the order of their keys, so that two transactions do not wait for each other.
        let table = Table::new()
            .int("month", more.keys().map(|key| key.0))
            .text("scope", more.keys().map(|key| key.1.as_str()))
            .text("category", more.keys().map(|key| key.2.name()))
            .int("n", more.values().copied());
        let sql = "INSERT INTO price_volumes (month, scope, category, n) SELECT month, scope, category, n FROM {} WHERE TRUE \
                   ON CONFLICT (month, scope, category) DO UPDATE SET n = price_volumes.n + excluded.n \
                   RETURNING month, scope, category, n";
        for row in db.all(sql, args![table]).await? {
            let mut row = Row::of(&row, "price_volumes");
            let key = (row.int()?, row.text()?, row.parsed(PriceCategory::named)?);
            let after = row.int()?;
            let before = after - more.get(&key).copied().unwrap_or(0);
            self.next.insert(key, before);
        }
        Ok(())
    }

    /// How many were there before the next one of this key.
    fn before(&mut self, key: (i64, String, PriceCategory)) -> u64 {
        self.next.get_mut(&key).map_or(0, |next| {
            let before = u64::try_from(*next).unwrap_or(0);
            *next += 1;
            before
        })
    }
}

/// Prices and books what arrived; answers what that is for each message, and what to count.
pub(super) async fn book(
    db: &Db<'_, DatabaseTransaction>,
    tariff: &Tariff,
    shard: i64,
    bills: Vec<Bill>,
) -> Sql<(Vec<Booked>, Charged)> {
    if bills.is_empty() {
        return Ok(Default::default());
    }
    let before = entries_of(db, &bills).await?;
    let settlements = settlements(db, tariff, &bills).await?;
    let (mut days, mut charged, mut booked) = (BTreeMap::<DayKey, Sums>::new(), Charged::new(), Vec::new());
    let mut rows = Vec::new();
    for (bill, settlement) in bills.iter().zip(settlements) {
        let known = before.get(&(bill.message, bill.attempt));
        // Somebody else's row (from before a crash of arithmetic, or of a record put together by hand) is not charged again.
        if known.is_some() != bill.puts_right {
            continue;
        }
        let mut add = |at: i64, country: &str, settlement: &Settlement, n: i64| {
            let day = Timestamp::from_millisecond(at).map(|at| day_number(tariff.day(at))).unwrap_or(0);
            let sums = days.entry(key(day, bill, country, settlement)).or_default();
            sums.0 += n;
            sums.1 += n * settlement.charge.micros();
            sums.2 += n * settlement.estimate.micros();
        };
        let (at, country) = match known {
            Some(known) => (known.at, known.country.clone()),
            None => (millis(bill.at), bill.country.map(|country| country.to_string()).unwrap_or_default()),
        };
        // It is put right where it was booked, on its own day; what we had estimated stays what it was.
        let settlement = match known {
            Some(known) => Settlement { estimate: known.settlement.estimate, ..settlement },
            None => settlement,
        };
        if let Some(known) = known {
            add(at, &country, &known.settlement, -1);
        }
        add(at, &country, &settlement, 1);
        let more_micros = settlement.charge.micros() - known.map_or(0, |known| known.settlement.charge.micros());
        *charged.entry((bill.channel, settlement.category)).or_default() += more_micros;
        booked.push(Booked { message: bill.message, more_micros });
        rows.push((bill, Entry { at, country, settlement }));
    }
    write_entries(db, tariff, rows).await?;
    write_days(db, days, tariff.currency, shard).await?;
    Ok((booked, charged))
}

/// What each of them costs.
async fn settlements(db: &Db<'_, DatabaseTransaction>, tariff: &Tariff, bills: &[Bill]) -> Sql<Vec<Settlement>> {
    // Cards and rules are about Meta's own prices. Other channels cost what was reserved for them.
    let flat = Tariff { zone: tariff.zone.clone(), ..Tariff::flat(tariff.currency) };
    let tariff_of = |bill: &Bill| if bill.channel == Channel::Whatsapp { tariff } else { &flat };
    let mut sales: Vec<Sale> = bills
        .iter()
        .map(|bill| Sale {
            category: bill.category,
            country: bill.country,
            on: tariff.day(bill.at),
            in_window: bill.in_window,
            in_entry_point: false,
            charged_before: 0,
            sent_before: 0,
            flat_micros: bill.flat_micros,
        })
        .collect();
    let mut volumes = Volumes::default();
    // First what was sent in the month, because whether a message is charged may depend on it; then what was charged.
    let share_of = |bill: &Bill, sale: &Sale| {
        let counts = !bill.puts_right && tariff_of(bill).has_monthly_share(sale.category, sale.on);
        counts.then(|| (month_number(sale.on), format!("number {}", bill.sender), sale.category))
    };
    volumes.raise(db, bills.iter().zip(&sales).filter_map(|(bill, sale)| share_of(bill, sale))).await?;
    for (bill, sale) in bills.iter().zip(&mut sales) {
        if let Some(key) = share_of(bill, sale) {
            sale.sent_before = volumes.before(key);
        }
    }
    let stepped_of = |bill: &Bill, sale: &Sale| {
        let category = bill.told.and_then(|told| told.category).unwrap_or(sale.category);
        let is_charged = match bill.told.map(|told| told.kind) {
            Some(kind) => kind == ToldKind::Charged,
            None => tariff_of(bill).charge(sale).is_paid(),
        };
        let (market, rate) = tariff_of(bill).rate(category, sale.country, sale.on)?;
        (is_charged && rate.is_stepped())
            .then(|| (month_number(sale.on), format!("{SCOPE_OF_MARKET}{market}"), category))
    };
    volumes.raise(db, bills.iter().zip(&sales).filter_map(|(bill, sale)| stepped_of(bill, sale))).await?;
    for (bill, sale) in bills.iter().zip(&mut sales) {
        if let Some(key) = stepped_of(bill, sale) {
            sale.charged_before = volumes.before(key);
        }
    }
    Ok(bills.iter().zip(&sales).map(|(bill, sale)| settle(tariff_of(bill), sale, bill.told.as_ref())).collect())
}

fn key(day: i64, bill: &Bill, country: &str, settlement: &Settlement) -> DayKey {
    let (source, free) = words(settlement.charge);
    DayKey {
        day,
        campaign: bill.campaign.clone(),
        channel: bill.channel.name(),
        country: country.to_owned(),
        category: settlement.category.name(),
        language: bill.language.code(),
        basis: settlement.basis.name(),
        source,
        free,
        difference: settlement.difference.name(),
    }
}

/// Where an amount comes from, and why there is none.
const fn words(charge: Charge) -> (&'static str, &'static str) {
    match charge {
        Charge::Paid { source, .. } => (source.name(), ""),
        Charge::Free(because) => ("", because.name()),
    }
}

/// The charges that are to be put right, as they are.
async fn entries_of(db: &Db<'_, DatabaseTransaction>, bills: &[Bill]) -> Sql<HashMap<(i64, u16), Entry>> {
    let mut wanted: Vec<i64> = bills.iter().filter(|bill| bill.puts_right).map(|bill| bill.message).collect();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT message_id, attempt, at, country, category, micros, estimated_micros, basis, source, free, difference \
               FROM charges WHERE message_id {}";
    let mut found = HashMap::new();
    for row in db.all(sql, args![wanted]).await? {
        let mut row = Row::of(&row, "charges");
        let (id, at, country) = ((row.int()?, row.small()?), row.int()?, row.text()?);
        let category = row.parsed(PriceCategory::named)?;
        let (micros, estimated) = (row.int()?, row.int()?);
        let basis = row.parsed(Basis::named)?;
        let (source, free) = (row.text()?, row.text()?);
        let charge = match FreeBecause::named(&free) {
            Some(because) => Charge::Free(because),
            None => Charge::Paid { micros, source: Source::named(&source).ok_or_else(|| row.impossible())? },
        };
        let difference = row.parsed(Difference::named)?;
        // What is kept of an estimate is its amount.
        let estimate = Charge::Paid { micros: estimated, source: Source::Flat };
        found.insert(
            id,
            Entry { at, country, settlement: Settlement { charge, category, basis, estimate, difference } },
        );
    }
    Ok(found)
}

async fn write_entries(db: &Db<'_, DatabaseTransaction>, tariff: &Tariff, mut rows: Vec<(&Bill, Entry)>) -> Sql<()> {
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_unstable_by_key(|(bill, _)| (bill.message, bill.attempt));
    let market = |bill: &Bill, entry: &Entry| {
        let on = Timestamp::from_millisecond(entry.at).map(|at| tariff.day(at));
        let market = on.ok().and_then(|on| tariff.markets.of(bill.country, on));
        market.filter(|_| bill.channel == Channel::Whatsapp).map(ToString::to_string).unwrap_or_default()
    };
    let settled = || rows.iter().map(|(_, entry)| &entry.settlement);
    let table = Table::new()
        .int("message_id", rows.iter().map(|(bill, _)| bill.message))
        .int("attempt", rows.iter().map(|(bill, _)| i64::from(bill.attempt)))
        .int("at", rows.iter().map(|(_, entry)| entry.at))
        .text("channel", rows.iter().map(|(bill, _)| bill.channel.name()))
        .text("country", rows.iter().map(|(_, entry)| entry.country.as_str()))
        .text("market", rows.iter().map(|(bill, entry)| market(bill, entry)))
        .text("category", settled().map(|settled| settled.category.name()))
        .int("micros", settled().map(|settled| settled.charge.micros()))
        .int("estimated_micros", settled().map(|settled| settled.estimate.micros()))
        .text("basis", settled().map(|settled| settled.basis.name()))
        .text("source", settled().map(|settled| words(settled.charge).0))
        .text("free", settled().map(|settled| words(settled.charge).1))
        .text("difference", settled().map(|settled| settled.difference.name()));
    db.run(
        "INSERT INTO charges (message_id, attempt, at, channel, country, market, category, micros, estimated_micros, basis, source, free, \
         difference, currency) SELECT message_id, attempt, at, channel, country, market, category, micros, estimated_micros, basis, source, \
         free, difference, ? FROM {} WHERE TRUE \
         ON CONFLICT (message_id, attempt) DO UPDATE SET category = excluded.category, micros = excluded.micros, basis = excluded.basis, \
         source = excluded.source, free = excluded.free, difference = excluded.difference",
        args![tariff.currency.code(), table],
    )
    .await
    .map(drop)
}

async fn write_days(
    db: &Db<'_, DatabaseTransaction>,
    days: BTreeMap<DayKey, Sums>,
    currency: Currency,
    shard: i64,
) -> Sql<()> {
    let days: Vec<_> = days.into_iter().filter(|(_, sums)| *sums != (0, 0, 0)).collect();
    if days.is_empty() {
        return Ok(());
    }
    let keys = || days.iter().map(|(key, _)| key);
    let table = Table::new()
        .int("day", keys().map(|key| key.day))
        .text("campaign", keys().map(|key| key.campaign.as_str()))
        .text("channel", keys().map(|key| key.channel))
        .text("country", keys().map(|key| key.country.as_str()))
        .text("category", keys().map(|key| key.category))
        .text("language", keys().map(|key| key.language))
        .text("basis", keys().map(|key| key.basis))
        .text("source", keys().map(|key| key.source))
        .text("free", keys().map(|key| key.free))
        .text("difference", keys().map(|key| key.difference))
        .int("n", days.iter().map(|(_, sums)| sums.0))
        .int("micros", days.iter().map(|(_, sums)| sums.1))
        .int("estimated_micros", days.iter().map(|(_, sums)| sums.2));
    db.run(
        "INSERT INTO cost_days (day, shard, campaign, channel, country, category, language, currency, basis, source, free, difference, n, \
         micros, estimated_micros) SELECT day, ?, campaign, channel, country, category, language, ?, basis, source, free, difference, n, \
         micros, estimated_micros FROM {} WHERE TRUE \
         ON CONFLICT (day, shard, campaign, channel, country, category, language, currency, basis, source, free, difference) \
         DO UPDATE SET n = cost_days.n + excluded.n, micros = cost_days.micros + excluded.micros, \
         estimated_micros = cost_days.estimated_micros + excluded.estimated_micros",
        args![shard, currency.code(), table],
    )
    .await
    .map(drop)
}
