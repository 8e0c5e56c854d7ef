//! Everything of the Graph API that is not sending: token, budget, lists; and one file for each kind of node.

mod analytics;
mod files;
mod nodes;
mod submissions;
mod subscription;
mod templates;
mod uploads;

use std::collections::HashSet;

use serde_json::{Map, Value, json};

pub(super) use self::files::{media, media_url, upload};
pub(super) use self::nodes::{account, number, numbers};
pub(super) use self::submissions::{create_template, edit_template};
pub(super) use self::subscription::subscribed_apps;
pub(super) use self::templates::{template, template_id, templates};
pub(super) use self::uploads::{Uploads, open_upload, upload_bytes};
use super::dice::mix;
use super::graph_error::GraphError;
use super::limits::Usage;
use super::people::lock;
use super::server::Incoming;
use super::settings::TokenState;
use super::world::World;

/// Pages of list edges unless `limit` says otherwise.
const PAGE: usize = 25;

/// Whether the token of a call is good, or how Meta refuses it.
pub(super) fn authorize(world: &World, incoming: &Incoming) -> Result<(), GraphError> {
    let Some(token) = incoming.token() else {
        return Err(GraphError::new(104, ""));
    };
    match state_of(world, &token).ok_or_else(cannot_parse)? {
        TokenState::Valid => Ok(()),
        TokenState::Expired => Err(GraphError::token(463, "Error validating access token: Session has expired")),
        TokenState::Revoked => Err(GraphError::token(
            467,
            "Error validating access token: The session is invalid because the user logged out",
        )),
        TokenState::NoAccess => Err(GraphError::new(200, "")),
    }
}

fn cannot_parse() -> GraphError {
    GraphError::token(467, "Invalid OAuth access token - Cannot parse access token")
}

/// How a token stands; `None`: it is none of ours.
fn state_of(world: &World, token: &str) -> Option<TokenState> {
    if world.settings.next_token.as_deref() == Some(token) {
        return Some(TokenState::Valid);
    }
    (token == world.settings.token).then(|| token_state(world))
}

fn token_state(world: &World) -> TokenState {
    let expires = world.settings.token_expires_at;
    if expires != 0 && world.clock.millis() / 1000 >= expires { TokenState::Expired } else { world.faults.load().token }
}

/// `GET /debug_token?input_token=`: always 200, even for a bad token.
pub(super) fn debug_token(world: &World, incoming: &Incoming) -> Result<Value, GraphError> {
    let settings = &world.settings;
    let app_token = format!("{}|{}", settings.app_id, settings.app_secret);
    if incoming.token().is_none_or(|token| token != app_token && state_of(world, &token).is_none()) {
        return Err(cannot_parse());
    }
    let input =
        incoming.query("input_token").ok_or_else(|| GraphError::invalid("The parameter input_token is required."))?;
    let subcode = match state_of(world, &input) {
        None => Some((467, "Invalid OAuth access token data.")),
        Some(TokenState::Valid | TokenState::NoAccess) => None,
        Some(TokenState::Expired) => Some((463, "Error validating access token: Session has expired")),
        Some(TokenState::Revoked) => Some((467, "The session was invalidated explicitly using an API call")),
    };
    if let Some((subcode, message)) = subcode {
        let error = json!({"code": 190, "message": message, "subcode": subcode});
        return Ok(json!({"data": {"app_id": settings.app_id, "error": error, "is_valid": false, "scopes": []}}));
    }
    let accounts: HashSet<&String> = settings.numbers.iter().map(|number| &number.business_account_id).collect();
    let mut accounts: Vec<&String> = accounts.into_iter().collect();
    accounts.sort();
    let scopes = ["whatsapp_business_management", "whatsapp_business_messaging"];
    let granular = scopes.map(|scope| json!({"scope": scope, "target_ids": accounts}));
    Ok(json!({"data": {
        "app_id": settings.app_id, "type": "SYSTEM_USER", "application": "Simulated sender", "data_access_expires_at": 0,
        "expires_at": settings.token_expires_at, "is_valid": true, "issued_at": world.clock.millis() / 1000 - 3600,
        "scopes": scopes, "granular_scopes": granular, "user_id": "122000000000001",
    }}))
}

/// Takes one call from the hourly budget of an account; the usage goes into a header of the answer.
pub(super) fn budget(world: &World, account: &str) -> (Result<(), GraphError>, Option<(String, Usage)>) {
    let Some(state) = world.account(account) else { return (Ok(()), None) };
    let (free, usage) = lock(&state.management).take(world.clock.millis());
    let result =
        if free { Ok(()) } else { Err(GraphError::new(80_007, "Too many management calls for this account.")) };
    (result, Some((account.to_owned(), usage)))
}

fn chosen(node: Value, fields: Option<&str>, defaults: &[&str]) -> Value {
    let Value::Object(mut all) = node else { return node };
    let mut kept = Map::new();
    let asked: Vec<&str> =
        fields.map_or_else(|| defaults.to_vec(), |fields| fields.split(',').map(str::trim).collect());
    for field in asked {
        // `health_status{...}` asks for a part; all of it is given.
        let name = field.split(['{', '.']).next().unwrap_or(field);
        if let Some(value) = all.remove(name) {
            kept.insert(name.to_owned(), value);
        }
    }
    if let Some(id) = all.remove("id") {
        kept.insert("id".to_owned(), id);
    }
    Value::Object(kept)
}

/// One page of a list; a cursor is the place of its row.
fn page(world: &World, incoming: &Incoming, edge: &str, rows: Vec<Value>) -> Result<Value, GraphError> {
    let limit = match incoming.query("limit") {
        Some(limit) => limit
            .parse()
            .ok()
            .filter(|limit| *limit > 0)
            .ok_or_else(|| GraphError::invalid("Param limit must be a positive integer."))?,
        None => PAGE,
    };
    let cursor = |at: usize| format!("{:x}", mix(world.settings.seed, at as u64));
    let start = match incoming.query("after").filter(|after| !after.is_empty()) {
        Some(after) => (0..rows.len())
            .position(|at| cursor(at) == after)
            .map(|at| at + 1)
            .ok_or_else(|| GraphError::new(131_059, ""))?,
        None => 0,
    };
    let end = (start + limit).min(rows.len());
    let mut paging = json!({});
    if start < end {
        let after = cursor(end - 1);
        paging = json!({"cursors": {"before": cursor(start), "after": after}});
        if end < rows.len() {
            let mut next = format!("{}/{}/{edge}?limit={limit}&after={after}", world.base_url, incoming.version);
            for kept in ["fields", "name", "language", "status", "category"] {
                if let Some(value) = incoming.raw_query(kept) {
                    next.push_str(&format!("&{kept}={value}"));
                }
            }
            paging["next"] = json!(next);
        }
    }
    let rows: Vec<Value> = rows.into_iter().skip(start).take(limit).collect();
    Ok(json!({"data": rows, "paging": paging}))
}
