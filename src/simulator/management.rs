//! Everything of the Graph API that is not sending: numbers, accounts, templates, token, subscriptions, media.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::dice::{Dice, Stream, mix};
use super::graph_error::GraphError;
use super::limits::Usage;
use super::media::{Origin, allowed, read_multipart};
use super::people::lock;
use super::server::Incoming;
use super::settings::{
    Button, ButtonKind, Category, Header, HeaderFormat, Number, ParameterFormat, Template, TemplateStatus, TokenState,
};
use super::world::World;

/// Pages of list edges unless `limit` says otherwise.
const PAGE: usize = 25;

/// Whether the token of a call is good, or how Meta refuses it.
pub(super) fn authorize(world: &World, incoming: &Incoming) -> Result<(), GraphError> {
    let Some(token) = incoming.token() else {
        return Err(GraphError::new(104, ""));
    };
    if token != world.settings.token {
        return Err(GraphError::token(467, "Invalid OAuth access token - Cannot parse access token"));
    }
    match token_state(world) {
        TokenState::Valid => Ok(()),
        TokenState::Expired => Err(GraphError::token(463, "Error validating access token: Session has expired")),
        TokenState::Revoked => Err(GraphError::token(
            467,
            "Error validating access token: The session is invalid because the user logged out",
        )),
        TokenState::NoAccess => Err(GraphError::new(200, "")),
    }
}

fn token_state(world: &World) -> TokenState {
    let expires = world.settings.token_expires_at;
    if expires != 0 && world.clock.millis() / 1000 >= expires { TokenState::Expired } else { world.faults.load().token }
}

/// `GET /debug_token?input_token=`: always 200, even for a bad token.
pub(super) fn debug_token(world: &World, incoming: &Incoming) -> Result<Value, GraphError> {
    let settings = &world.settings;
    let app_token = format!("{}|{}", settings.app_id, settings.app_secret);
    if incoming.token().is_none_or(|token| token != settings.token && token != app_token) {
        return Err(GraphError::token(467, "Invalid OAuth access token - Cannot parse access token"));
    }
    let input =
        incoming.query("input_token").ok_or_else(|| GraphError::invalid("The parameter input_token is required."))?;
    let subcode = match token_state(world) {
        _ if input != settings.token => Some((467, "Invalid OAuth access token data.")),
        TokenState::Valid | TokenState::NoAccess => None,
        TokenState::Expired => Some((463, "Error validating access token: Session has expired")),
        TokenState::Revoked => Some((467, "The session was invalidated explicitly using an API call")),
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

/// `GET /{phone-number-id}`.
pub(super) fn number(world: &World, at: u16, incoming: &Incoming) -> Value {
    let fields = incoming.query("fields");
    let defaults = ["display_phone_number", "verified_name", "quality_rating"];
    chosen(number_node(world, at), fields.as_deref(), &defaults)
}

/// `GET /{waba-id}/phone_numbers`.
pub(super) fn numbers(world: &World, account: &str, incoming: &Incoming) -> Result<Value, GraphError> {
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
pub(super) fn account(world: &World, id: &str, incoming: &Incoming) -> Value {
    let Some(number) = world.settings.numbers.iter().find(|number| number.business_account_id == id) else {
        return json!({"id": id});
    };
    let node = json!({
        "id": id, "name": number.verified_name, "timezone_id": "1", "currency": "USD", "country": "SA", "status": "ACTIVE",
        "account_review_status": "APPROVED", "business_verification_status": "verified", "ownership_type": "SELF",
        "message_template_namespace": "00000000_0000_0000_0000_000000000001",
        "whatsapp_business_manager_messaging_limit": tier_name(world, number),
        "owner_business_info": {"id": number.portfolio, "name": number.verified_name},
        "health_status": health(world, number, "WABA", id),
    });
    chosen(
        node,
        incoming.query("fields").as_deref(),
        &["name", "timezone_id", "currency", "message_template_namespace"],
    )
}

/// `GET /{waba-id}/message_templates`.
pub(super) fn templates(world: &World, account: &str, incoming: &Incoming) -> Result<Value, GraphError> {
    let fields = incoming.query("fields");
    let wanted =
        |filter: &str, value: &str| incoming.query(filter).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
    let defaults = ["name", "parameter_format", "components", "language", "status", "category"];
    let mut rows = Vec::new();
    for template in world.templates.all() {
        let node = template_node(world, &template);
        let text = |key: &str| node[key].as_str().unwrap_or_default().to_owned();
        if ["name", "language", "status", "category"].iter().all(|key| wanted(key, &text(key))) {
            rows.push(chosen(node, fields.as_deref(), &defaults));
        }
    }
    page(world, incoming, &format!("{account}/message_templates"), rows)
}

/// Meta's id of a template: the same at every start.
pub(super) fn template_id(world: &World, template: &Template) -> u64 {
    let text = template.name.bytes().chain([0]).chain(template.language.bytes());
    let hash = text.fold(world.settings.seed, |sum, byte| mix(sum, u64::from(byte)));
    1_300_000_000_000_000 + hash % 99_999_999_999_999
}

/// `GET /{template-id}`, if there is such a template.
pub(super) fn template(world: &World, id: &str, incoming: &Incoming) -> Option<Value> {
    let id: u64 = id.parse().ok()?;
    let template = world.templates.all().into_iter().find(|template| template_id(world, template) == id)?;
    let defaults = ["name", "parameter_format", "components", "language", "status", "category"];
    Some(chosen(template_node(world, &template), incoming.query("fields").as_deref(), &defaults))
}

fn template_node(world: &World, template: &Template) -> Value {
    let mut components = Vec::new();
    if let Some(header) = &template.header {
        components.push(json!({"type": "HEADER", "format": header.format, "text": header.text}));
    }
    components.push(json!({"type": "BODY", "text": template.body}));
    components.extend(template.footer.iter().map(|text| json!({"type": "FOOTER", "text": text})));
    if !template.buttons.is_empty() {
        let mut buttons = json!(template.buttons);
        for button in buttons.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            button.retain(|_, value| !value.is_null());
        }
        components.push(json!({"type": "BUTTONS", "buttons": buttons}));
    }
    let rejected = if template.status == TemplateStatus::Rejected { "INVALID_FORMAT" } else { "NONE" };
    json!({
        "id": template_id(world, template).to_string(), "name": template.name, "language": template.language, "status": template.status,
        "category": template.category, "parameter_format": template.parameter_format, "components": components,
        "rejected_reason": rejected, "quality_score": {"score": "GREEN", "date": world.clock.millis() / 1000},
    })
}

/// A template as it is handed in for approval.
#[derive(Debug, Deserialize)]
struct Submission {
    name: String,
    language: String,
    category: Category,
    #[serde(default)]
    parameter_format: ParameterFormat,
    components: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    format: Option<HeaderFormat>,
    text: Option<String>,
    #[serde(default)]
    buttons: Vec<SubmittedButton>,
    example: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct SubmittedButton {
    #[serde(rename = "type")]
    kind: ButtonKind,
    #[serde(default)]
    text: String,
    url: Option<String>,
    phone_number: Option<String>,
}

/// `POST /{waba-id}/message_templates`: answered as pending, approved by the time anybody looks.
pub(super) fn submit_template(world: &World, body: &[u8]) -> Result<Value, GraphError> {
    let submission: Submission =
        serde_json::from_slice(body).map_err(|error| GraphError::invalid(format!("Invalid parameter: {error}")))?;
    let mut template = Template::approved(&submission.name, &submission.language, submission.category, "");
    template.parameter_format = submission.parameter_format;
    for part in submission.components {
        let has_variable = part.text.as_deref().is_some_and(|text| !super::settings::placeholders(text).is_empty());
        if has_variable && part.example.is_none() {
            return Err(GraphError::invalid(format!("Component {} has variables but no example.", part.kind)));
        }
        match part.kind.to_ascii_uppercase().as_str() {
            "HEADER" => {
                template.header = Some(Header { format: part.format.unwrap_or(HeaderFormat::Text), text: part.text })
            }
            "BODY" => template.body = part.text.unwrap_or_default(),
            "FOOTER" => template.footer = part.text,
            "BUTTONS" => {
                let buttons = part.buttons.into_iter();
                template.buttons = buttons
                    .map(|b| Button { kind: b.kind, text: b.text, url: b.url, phone_number: b.phone_number })
                    .collect();
            }
            other => return Err(GraphError::invalid(format!("Component type {other} is not simulated."))),
        }
    }
    let body = template.body.trim();
    if body.starts_with("{{") || body.ends_with("}}") {
        return Err(
            GraphError::invalid("Variables may not be at the start or end of the body.").with_subcode(2_388_299)
        );
    }
    if let Some(problem) = template.problem() {
        return Err(GraphError::invalid(format!("Invalid parameter: {problem}")));
    }
    let id = template_id(world, &template).to_string();
    let category = template.category;
    world.templates.put(template);
    Ok(json!({"id": id, "status": "PENDING", "category": category}))
}

/// `GET`, `POST` and `DELETE` of `/{waba-id}/subscribed_apps`.
pub(super) async fn subscribed_apps(world: &World, id: &str, incoming: &Incoming) -> Result<Value, GraphError> {
    #[derive(Debug, Default, Deserialize)]
    struct Override {
        override_callback_uri: Option<String>,
        verify_token: Option<String>,
    }
    let account = world.account(id).ok_or_else(|| GraphError::unknown_object(incoming.method.as_str(), id))?;
    let subscription = || account.subscription.write().unwrap_or_else(PoisonError::into_inner);
    match incoming.method.as_str() {
        "GET" => {
            let now = subscription().clone();
            let app = json!({"id": world.settings.app_id, "link": "https://example.org", "name": "Simulated sender"});
            let mut entry = json!({"whatsapp_business_api_data": app});
            if let Some(url) = &now.override_url {
                entry["override_callback_uri"] = json!(url.as_ref());
            }
            Ok(json!({"data": if now.subscribed { vec![entry] } else { Vec::new() }}))
        }
        "POST" => {
            let wish: Override = if incoming.body.is_empty() {
                Override::default()
            } else {
                serde_json::from_slice(&incoming.body)
                    .map_err(|error| GraphError::invalid(format!("Invalid parameter: {error}")))?
            };
            if let Some(url) = &wish.override_callback_uri {
                let token = wish.verify_token.as_deref().unwrap_or_default();
                super::webhook::verify(world, url, token).await.map_err(|why| GraphError::new(2200, why))?;
            }
            let mut now = subscription();
            now.subscribed = true;
            now.override_url = wish.override_callback_uri.map(Arc::from);
            Ok(json!({"success": true}))
        }
        _ => {
            subscription().subscribed = false;
            Ok(json!({"success": true}))
        }
    }
}

/// `POST /{phone-number-id}/media`.
pub(super) fn upload(world: &World, number: u16, incoming: &Incoming) -> Result<Value, GraphError> {
    let content_type = incoming.content_type.as_deref().unwrap_or_default();
    let upload = read_multipart(content_type, &incoming.body);
    let upload = upload.ok_or_else(|| GraphError::invalid("The body is not multipart/form-data."))?;
    if upload.messaging_product.as_deref() != Some("whatsapp") {
        return Err(GraphError::invalid("The parameter messaging_product is required."));
    }
    let (part_type, bytes) = upload.file.ok_or_else(|| GraphError::invalid("The parameter file is required."))?;
    let mime_type = if part_type.is_empty() { upload.kind.unwrap_or_default() } else { part_type };
    let max = allowed(&mime_type);
    let max = max.ok_or_else(|| {
        GraphError::invalid(format!("Param file must be a file with one of the supported types, received {mime_type}."))
    })?;
    if bytes.is_empty() || bytes.len() > max {
        return Err(GraphError::invalid(format!(
            "Param file has {} bytes; between 1 and {max} are allowed.",
            bytes.len()
        )));
    }
    let id = world.media.put(number, mime_type, bytes, Origin::Uploaded, world.clock.millis());
    Ok(json!({"id": id.to_string()}))
}

/// `GET /{media-id}`, if there is such a file (for that number, if one is named).
pub(super) fn media(world: &World, id: &str, incoming: &Incoming) -> Option<Value> {
    let now = world.clock.millis();
    let item = world.media.get(id, now)?;
    if incoming.query("phone_number_id").is_some_and(|wanted| world.number(&wanted) != Some(item.number)) {
        return None;
    }
    Some(json!({
        "messaging_product": "whatsapp", "url": media_url(world, id), "mime_type": item.mime_type, "sha256": item.sha256_hex(),
        "file_size": item.bytes.len(), "id": id,
    }))
}

/// An address for a file, good for five minutes.
pub(super) fn media_url(world: &World, id: &str) -> String {
    format!("{}/whatsapp_business/attachments/?{}", world.base_url, world.media.query(id, world.clock.millis()))
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

/// A challenge for the verification of a callback address.
pub(super) fn challenge(world: &World) -> String {
    (Dice::new(world.settings.seed, Stream::Trace, world.clock.micros().unsigned_abs()).next() % 9_000_000_000
        + 1_000_000_000)
        .to_string()
}
