//! Templates: listed, read, handed in.
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-management, checked 2026-11-22.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{chosen, page};
use crate::simulator::dice::mix;
use crate::simulator::graph_error::GraphError;
use crate::simulator::server::Incoming;
use crate::simulator::settings::{
    Button, ButtonKind, Category, Header, HeaderFormat, ParameterFormat, Template, TemplateStatus, placeholders,
};
use crate::simulator::world::World;

/// `GET /{waba-id}/message_templates`.
pub(in crate::simulator) fn templates(world: &World, account: &str, incoming: &Incoming) -> Result<Value, GraphError> {
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
fn template_id(world: &World, template: &Template) -> u64 {
    let text = template.name.bytes().chain([0]).chain(template.language.bytes());
    let hash = text.fold(world.settings.seed, |sum, byte| mix(sum, u64::from(byte)));
    1_300_000_000_000_000 + hash % 99_999_999_999_999
}

/// `GET /{template-id}`, if there is such a template.
pub(in crate::simulator) fn template(world: &World, id: &str, incoming: &Incoming) -> Option<Value> {
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
pub(in crate::simulator) fn submit_template(world: &World, body: &[u8]) -> Result<Value, GraphError> {
    let submission: Submission =
        serde_json::from_slice(body).map_err(|error| GraphError::invalid(format!("Invalid parameter: {error}")))?;
    let mut template = Template::approved(&submission.name, &submission.language, submission.category, "");
    template.parameter_format = submission.parameter_format;
    for part in submission.components {
        let has_variable = part.text.as_deref().is_some_and(|text| !placeholders(text).is_empty());
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
