//! Business numbers and business accounts.
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/phone-numbers and support/health-status,
//! checked 2026-11-22.

use serde_json::{Value, json};

use super::{analytics, chosen, page, token_state};
use crate::simulator::graph_error::GraphError;
use crate::simulator::people::lock;
use crate::simulator::server::Incoming;
use crate::simulator::settings::{Number, TokenState};
use crate::simulator::world::World;

/// `GET /{phone-number-id}`.
pub(in crate::simulator) fn number(world: &World, at: u16, incoming: &Incoming) -> Value {
    let fields = incoming.query("fields");
    let defaults = ["display_phone_number", "verified_name", "quality_rating"];
    chosen(number_node(world, at), fields.as_deref(), &defaults)
}

/// `GET /{waba-id}/phone_numbers`.
pub(in crate::simulator) fn numbers(world: &World, account: &str, incoming: &Incoming) -> Result<Value, GraphError> {
    let fields = incoming.query("fields");
    let defaults = ["display_phone_number", "verified_name", "quality_rating", "status", "platform_type", "throughput"];
    let of_account = (0_u16..).zip(&world.settings.numbers).filter(|(_, number)| number.business_account_id == account);
    let rows = of_account.map(|(at, _)| chosen(number_node(world, at), fields.as_deref(), &defaults)).collect();
    page(world, incoming, &format!("{account}/phone_numbers"), rows)
}

fn number_node(world: &World, at: u16) -> Value {
    let number = &world.settings.numbers[usize::from(at)];
    let limit = lock(&world.numbers[usize::from(at)].traffic).limit;
    let connected = token_state(world) != TokenState::NoAccess;
    json!({
        "id": number.phone_number_id,
        "display_phone_number": format!("+{}", number.display_phone_number),
        "verified_name": number.verified_name,
        "quality_rating": number.quality_rating,
        "quality_score": {"score": number.quality_rating},
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "platform_type": "CLOUD_API",
        "status": if connected { "CONNECTED" } else { "RESTRICTED" },
        "account_mode": "LIVE",
        "throughput": {"level": if limit == 0 || limit > 80 { "HIGH" } else { "STANDARD" }},
        "whatsapp_business_manager_messaging_limit": tier_name(world, number),
        "is_official_business_account": false,
        "is_pin_enabled": true,
        "webhook_configuration": {"application": world.webhook_url.load().as_deref().map(|url| url.to_string())},
        "health_status": health(world, number, "PHONE_NUMBER", &number.phone_number_id),
    })
}

fn tier_name(world: &World, number: &Number) -> String {
    match world
        .settings
        .portfolios
        .iter()
        .find(|portfolio| portfolio.id == number.portfolio)
        .map_or(0, |portfolio| portfolio.limit)
    {
        0 => "TIER_UNLIMITED".to_owned(),
        limit if limit >= 1000 && limit.is_multiple_of(1000) => format!("TIER_{}K", limit / 1000),
        limit => format!("TIER_{limit}"),
    }
}

fn health(world: &World, number: &Number, kind: &str, id: &str) -> Value {
    let entity = |kind: &str, id: &str| json!({"entity_type": kind, "id": id, "can_send_message": "AVAILABLE"});
    json!({"can_send_message": "AVAILABLE", "entities": [
        entity(kind, id), entity("WABA", &number.business_account_id), entity("BUSINESS", &number.portfolio), entity("APP", &world.settings.app_id),
    ]})
}

/// `GET /{waba-id}`.
pub(in crate::simulator) fn account(world: &World, id: &str, incoming: &Incoming) -> Result<Value, GraphError> {
    let fields = incoming.query("fields");
    if let Some(asked) = fields.as_deref().and_then(|fields| fields.trim().strip_prefix("pricing_analytics")) {
        return analytics::pricing(world, id, asked);
    }
    let Some(number) = world.settings.numbers.iter().find(|number| number.business_account_id == id) else {
        return Ok(json!({"id": id}));
    };
    let node = json!({
        "id": id, "name": number.verified_name, "timezone_id": "1", "currency": "USD", "country": "SA", "status": "ACTIVE",
        "account_review_status": "APPROVED", "business_verification_status": "verified", "ownership_type": "SELF",
        "message_template_namespace": "00000000_0000_0000_0000_000000000001",
        "whatsapp_business_manager_messaging_limit": tier_name(world, number),
        "owner_business_info": {"id": number.portfolio, "name": number.verified_name},
        "health_status": health(world, number, "WABA", id),
    });
    Ok(chosen(node, fields.as_deref(), &["name", "timezone_id", "currency", "message_template_namespace"]))
}
