//! What Meta's own analytics say of prices: a field of an account, worked out from the ledger.
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/analytics, checked 2026-11-22. A message counts when it was
//! delivered, on the day of its acceptance (days of UTC): the ledger keeps no other moment.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::simulator::graph_error::GraphError;
use crate::simulator::ledger::Status;
use crate::simulator::people::country;
use crate::simulator::world::World;

const DAY_S: i64 = 86_400;
/// Rows of the ledger that are looked at in one step.
const PAGE: usize = 4_096;

/// `GET /{waba-id}?fields=pricing_analytics.start(…).end(…).granularity(DAILY)…`; `asked` is what follows the name of the field.
pub(super) fn pricing(world: &World, account: &str, asked: &str) -> Result<Value, GraphError> {
    let time = |name: &str, missing: &'static str| -> Result<i64, GraphError> {
        let value = argument(asked, name).and_then(|value| value.parse().ok());
        value.ok_or_else(|| GraphError::invalid(missing))
    };
    let start = time("start", "The parameter start is required.")?;
    let end = time("end", "The parameter end is required.")?;
    match argument(asked, "granularity") {
        Some("DAILY") => {}
        Some("HALF_HOUR" | "MONTHLY") => {
            return Err(GraphError::invalid("The simulator knows the granularity DAILY only."));
        }
        _ => return Err(GraphError::invalid("The parameter granularity is required.")),
    }
    let dimensions = argument(asked, "dimensions").unwrap_or_default();
    let by = |dimension: &str| dimensions.contains(&format!("\"{dimension}\""));
    let (by_country, by_category, by_type) = (by("COUNTRY"), by("PRICING_CATEGORY"), by("PRICING_TYPE"));
    let with_cost = argument(asked, "metric_types").is_none_or(|types| types.contains("COST"));
    let mut points: BTreeMap<(i64, &str, String, String), (u64, i64)> = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = world.ledger.page(after, PAGE);
        if page.is_empty() {
            break;
        }
        after += page.len() as u64;
        for row in page {
            let accepted = row.accepted_ms / 1000;
            let is_of_account = world.settings.numbers[usize::from(row.number)].business_account_id == account;
            let arrived = row.has_arrived(Status::Delivered) || row.has_arrived(Status::Read);
            if !is_of_account || !arrived || !(start..end).contains(&accepted) {
                continue;
            }
            let (kind, category) = row.price_at(row.accepted_ms);
            let country = country(row.digits);
            let rate = world.settings.rates.iter().find(|rate| rate.country == country && rate.category == category);
            let micros = if kind == "regular" { rate.map_or(0, |rate| rate.micros) } else { 0 };
            let only = |wanted: bool, word: &str| if wanted { word.to_uppercase() } else { String::new() };
            let key = (
                accepted.div_euclid(DAY_S) * DAY_S,
                if by_country { country } else { "" },
                only(by_category, category),
                only(by_type, kind),
            );
            let point = points.entry(key).or_default();
            point.0 += 1;
            point.1 += micros;
        }
    }
    let points: Vec<Value> = points
        .into_iter()
        .map(|((day, country, category, kind), (volume, micros))| {
            let mut point = json!({"start": day, "end": day + DAY_S, "volume": volume});
            for (name, value) in [("country", country), ("pricing_category", &category), ("pricing_type", &kind)] {
                if !value.is_empty() {
                    point[name] = json!(value);
                }
            }
            // As Meta does: a JSON number, and nothing for accounts whose costs it does not tell.
            if with_cost && !world.settings.rates.is_empty() {
                let number = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
                point["cost"] = number.parse::<serde_json::Number>().map_or(Value::Null, Value::Number);
            }
            point
        })
        .collect();
    Ok(json!({"pricing_analytics": {"data": [{"data_points": points}]}, "id": account}))
}

/// What stands in the parentheses behind a name.
fn argument<'a>(asked: &'a str, name: &str) -> Option<&'a str> {
    let behind = asked.split_once(&format!(".{name}("))?.1;
    behind.split_once(')').map(|(value, _)| value.trim())
}
