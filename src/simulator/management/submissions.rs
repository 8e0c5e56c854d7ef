//! Templates that are handed in: created, and edited as far as Meta lets them.
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/templates/{template-management, components}, checked 2026-11-22.

use serde::Deserialize;
use serde_json::{Value, json};

use super::templates::template_id;
use crate::simulator::graph_error::GraphError;
use crate::simulator::people::lock;
use crate::simulator::settings::{
    Button, ButtonKind, Category, Header, HeaderFormat, ParameterFormat, Template, TemplateStatus, placeholders,
};
use crate::simulator::world::World;

/// Meta: an approved template may be edited once in a day and ten times in 30 days.
const DAY_MS: i64 = 24 * 3_600 * 1_000;
const EDITS_IN_30_DAYS: usize = 10;

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

/// What of a template is to be another.
#[derive(Debug, Deserialize)]
struct Edit {
    category: Option<Category>,
    components: Option<Vec<Part>>,
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
    example: Option<Value>,
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, GraphError> {
    serde_json::from_slice(body).map_err(|error| GraphError::invalid(format!("Invalid parameter: {error}")))
}

/// `POST /{waba-id}/message_templates`: answered as pending, whatever becomes of it.
pub(in crate::simulator) fn create_template(world: &World, body: &[u8]) -> Result<Value, GraphError> {
    let submission: Submission = read(body)?;
    if world.templates.find(&submission.name, &submission.language).is_some() {
        let details = format!("There is already {} content for this template.", submission.language);
        return Err(GraphError::invalid(details).with_subcode(2_388_024));
    }
    let mut template = Template::approved(&submission.name, &submission.language, submission.category, "");
    template.parameter_format = submission.parameter_format;
    fill(world, &mut template, submission.components)?;
    template.status = after_review(world);
    let (id, category) = (template_id(world, &template).to_string(), template.category);
    world.templates.put(template);
    Ok(json!({"id": id, "status": "PENDING", "category": category}))
}

/// `POST /{template-id}`; none if there is no such template.
pub(in crate::simulator) fn edit_template(world: &World, id: &str, body: &[u8]) -> Option<Result<Value, GraphError>> {
    let id: u64 = id.parse().ok()?;
    let found = world.templates.all().into_iter().find(|template| template_id(world, template) == id)?;
    Some(edited(world, id, &found, body))
}

fn edited(world: &World, id: u64, found: &Template, body: &[u8]) -> Result<Value, GraphError> {
    let edit: Edit = read(body)?;
    match found.status {
        TemplateStatus::Approved | TemplateStatus::Rejected | TemplateStatus::Paused => {}
        TemplateStatus::Pending | TemplateStatus::Disabled | TemplateStatus::Archived => {
            return Err(GraphError::invalid("Only approved, rejected or paused templates can be edited."));
        }
    }
    let mut template = found.clone();
    let now = world.clock.millis();
    let mut edits = lock(&world.template_edits);
    let before = edits.entry(id).or_default();
    if found.status == TemplateStatus::Approved {
        if edit.category.is_some_and(|category| category != found.category) {
            return Err(GraphError::invalid("The category of an approved template cannot be changed."));
        }
        before.retain(|at| now - at < 30 * DAY_MS);
        if before.last().is_some_and(|at| now - at < DAY_MS) || before.len() >= EDITS_IN_30_DAYS {
            return Err(GraphError::invalid(
                "An approved template can be edited once in 24 hours and 10 times in 30 days.",
            ));
        }
    }
    if let Some(category) = edit.category {
        template.category = category;
    }
    if let Some(components) = edit.components {
        (template.header, template.footer) = (None, None);
        template.body.clear();
        template.buttons.clear();
        fill(world, &mut template, components)?;
    }
    if found.status == TemplateStatus::Approved {
        before.push(now);
    }
    template.status = after_review(world);
    template.rejected_reason = None;
    world.templates.put(template);
    Ok(json!({"success": true}))
}

fn after_review(world: &World) -> TemplateStatus {
    if world.settings.review_templates { TemplateStatus::Pending } else { TemplateStatus::Approved }
}

fn fill(world: &World, template: &mut Template, components: Vec<Part>) -> Result<(), GraphError> {
    for part in components {
        let kind = part.kind.to_ascii_uppercase();
        let key = match kind.as_str() {
            "HEADER" => "header_text",
            _ => "body_text",
        };
        if let Some(text) = &part.text {
            exampled(&kind, key, text, template.parameter_format, part.example.as_ref())?;
        }
        match kind.as_str() {
            "HEADER" => {
                let format = part.format.unwrap_or(HeaderFormat::Text);
                let is_media = matches!(format, HeaderFormat::Image | HeaderFormat::Video | HeaderFormat::Document);
                let handle = part.example.as_ref().and_then(|example| example["header_handle"][0].as_str());
                let is_known = |handle: &str| world.uploads.has(handle, format, world.clock.millis());
                if is_media && !handle.is_some_and(is_known) {
                    return Err(GraphError::invalid(
                        "A media header needs an example with a header_handle of a file of its format that was uploaded.",
                    ));
                }
                template.header = Some(Header { format, text: part.text });
            }
            "BODY" => template.body = part.text.unwrap_or_default(),
            "FOOTER" => template.footer = part.text,
            "BUTTONS" => {
                for button in part.buttons {
                    let is_dynamic = button.url.as_deref().is_some_and(|url| url.contains("{{1}}"));
                    if is_dynamic && button.example.as_ref().and_then(|example| example[0].as_str()).is_none() {
                        return Err(GraphError::invalid("A button whose address has a variable needs an example."));
                    }
                    let SubmittedButton { kind, text, url, phone_number, .. } = button;
                    template.buttons.push(Button { kind, text, url, phone_number });
                }
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
    match template.problem() {
        Some(problem) => Err(GraphError::invalid(format!("Invalid parameter: {problem}"))),
        None => Ok(()),
    }
}

/// Whether each variable of a text has its example, in the form that its kind of parameters has.
fn exampled(
    kind: &str,
    key: &str,
    text: &str,
    format: ParameterFormat,
    example: Option<&Value>,
) -> Result<(), GraphError> {
    let variables = placeholders(text);
    if variables.is_empty() {
        return Ok(());
    }
    let missing = || GraphError::invalid(format!("Component {kind} has variables without an example."));
    let example = example.ok_or_else(missing)?;
    let all_there = match format {
        ParameterFormat::Named => {
            let given = example[format!("{key}_named_params")].as_array();
            let has = |name: &&str| {
                let is_it = |one: &Value| {
                    one["param_name"] == **name && one["example"].as_str().is_some_and(|it| !it.is_empty())
                };
                given.is_some_and(|given| given.iter().any(is_it))
            };
            variables.iter().all(has)
        }
        ParameterFormat::Positional => {
            let given = if key == "body_text" { &example[key][0] } else { &example[key] };
            let given = given.as_array();
            given.is_some_and(|given| {
                given.len() == variables.len() && given.iter().all(|one| one.as_str().is_some_and(|it| !it.is_empty()))
            })
        }
    };
    if all_there { Ok(()) } else { Err(missing()) }
}
