//! `[budget]`: what the whole installation may spend.

use crate::domain::budget::SpendingCaps;
use crate::domain::document::Table;
use crate::domain::money::Currency;
use crate::domain::pricing::{Amount, Tariff};
use crate::domain::schedule::Zone;

/// Reads it; amounts are in the currency of `[pricing]`, days and months begin where its costs are counted.
pub(super) fn read(table: &Table<'_>, tariff: Option<&Tariff>) -> Option<SpendingCaps> {
    let currency = tariff.map_or(Currency::USD, |tariff| tariff.currency);
    let amount = |key| {
        let amount: Amount = table.optional(key)?;
        match amount.in_currency(currency) {
            Ok(money) if money.micros > 0 => Some(money.micros),
            Ok(_) => {
                table.problem(
                    key,
                    format!("`{key}` is nothing, so that nothing could be sent; leave it out for no cap"),
                );
                None
            }
            Err(wrong) => {
                table.problem(key, format!("`{key}` {wrong}"));
                None
            }
        }
    };
    let (day_micros, month_micros) = (amount("day"), amount("month"));
    if let (Some(day), Some(month)) = (day_micros, month_micros)
        && day > month
    {
        table.problem("day", "`day` is more than `month`, so it would never be reached; make it less or leave it out");
    }
    let zone = tariff.map_or_else(Zone::utc, |tariff| tariff.zone.clone());
    Some(SpendingCaps { day_micros, month_micros, zone })
}
