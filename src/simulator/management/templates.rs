//! Templates: listed and read.
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-management, checked 2026-11-22.

use serde_json::{Value, json};

use super::{chosen, page};
use crate::simulator::dice::mix;
use crate::simulator::graph_error::GraphError;
use crate::simulator::server::Incoming;
use crate::simulator::settings::{HeaderFormat, Template, TemplateStatus};
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
pub(in crate::simulator) fn template_id(world: &World, template: &Template) -> u64 {
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
        let example = json!({"header_handle": ["https://scontent.example/sample"]});
        components.push(match header.format {
            HeaderFormat::Text => json!({"type": "HEADER", "format": header.format, "text": header.text}),
            HeaderFormat::Location => json!({"type": "HEADER", "format": header.format}),
            _ => json!({"type": "HEADER", "format": header.format, "example": example}),
        });
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
    let reason = template.rejected_reason.as_deref().unwrap_or("INVALID_FORMAT");
    let rejected = if template.status == TemplateStatus::Rejected { reason } else { "NONE" };
    json!({
        "id": template_id(world, template).to_string(), "name": template.name, "language": template.language, "status": template.status,
        "category": template.category, "parameter_format": template.parameter_format, "components": components,
        "rejected_reason": rejected, "quality_score": {"score": template.quality, "date": world.clock.millis() / 1000},
    })
}
