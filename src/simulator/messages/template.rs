//! Do the parameters of a call fit the template that Meta holds?
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/messages/template-messages and support/error-codes, checked 2026-11-22.

use super::super::graph_error::GraphError;
use super::super::settings::{
    Button, ButtonKind, Header, HeaderFormat, ParameterFormat, Template, TemplateStatus, placeholders,
};
use super::validate::{at_most, check_media, required};
use super::wire::{Component, Parameter, TemplateCall};

/// Rendered body of a template that has other parts too.
const BODY_MAX: usize = 1024;
/// Rendered body of a template that is body only.
const BODY_ONLY_MAX: usize = 32_768;
/// A payload of a quick reply (seen with client libraries; Meta's page is silent).
const PAYLOAD_MAX: usize = 128;

/// What a valid template call holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filled {
    /// Values of the body in the order of its placeholders, header value first if it has one.
    pub(super) parameters: Vec<String>,
    /// For each button of the template: its payload, link end or code.
    pub(super) buttons: Vec<Option<String>>,
    /// Media that must have been uploaded.
    pub(super) media_ids: Vec<String>,
}

/// Whether the template may be sent at all.
pub(super) fn sendable(template: &Template) -> Result<(), GraphError> {
    match template.status {
        TemplateStatus::Approved => Ok(()),
        TemplateStatus::Paused => Err(GraphError::new(132_015, "Template is paused due to low quality.")),
        TemplateStatus::Disabled => {
            Err(GraphError::new(132_016, "Template has been paused too many times and is now disabled."))
        }
        TemplateStatus::Pending | TemplateStatus::Rejected | TemplateStatus::Archived => {
            Err(unknown(&template.name, &template.language))
        }
    }
}

/// The refusal for a template that has no such translation.
pub(super) fn unknown(name: &str, language: &str) -> GraphError {
    GraphError::new(132_001, format!("template name ({name}) does not exist in {language}"))
}

/// Name and language of the call, which must both be there.
pub(super) fn wanted<'a>(call: &'a TemplateCall<'a>) -> Result<(&'a str, &'a str), GraphError> {
    let name = required("template['name']", call.name.as_ref())?;
    let language = call.language.as_ref();
    if language.and_then(|language| language.policy.as_deref()).is_some_and(|policy| policy != "deterministic") {
        return Err(GraphError::invalid("Param template['language']['policy'] must be one of {DETERMINISTIC}."));
    }
    Ok((name, required("template['language']['code']", language.and_then(|language| language.code.as_ref()))?))
}

/// The values of a call for a template that is not known: taken as they come.
pub(super) fn unchecked(call: &TemplateCall<'_>) -> Filled {
    let mut filled = Filled::default();
    for component in &call.components {
        for parameter in &component.parameters {
            let value = parameter.text.as_ref().or(parameter.payload.as_ref()).map(|text| text.to_string());
            if component.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("button")) {
                filled.buttons.push(value);
            } else {
                filled.parameters.extend(value);
            }
        }
    }
    filled
}

/// Checks every part of the call against the template.
pub(super) fn fill(template: &Template, call: &TemplateCall<'_>) -> Result<Filled, GraphError> {
    let mut filled = Filled { buttons: vec![None; template.buttons.len()], ..Filled::default() };
    let (mut header, mut body) = (None, None);
    for component in &call.components {
        let kind = required("template['components']['type']", component.kind.as_ref())?;
        let slot = match () {
            () if kind.eq_ignore_ascii_case("header") => &mut header,
            () if kind.eq_ignore_ascii_case("body") => &mut body,
            () if kind.eq_ignore_ascii_case("button") => {
                button(template, component, &mut filled)?;
                continue;
            }
            () if kind.eq_ignore_ascii_case("carousel") || kind.eq_ignore_ascii_case("limited_time_offer") => continue,
            () => {
                return Err(GraphError::invalid(
                    "Param template['components']['type'] must be one of {HEADER, BODY, BUTTON, CAROUSEL, LIMITED_TIME_OFFER}.",
                ));
            }
        };
        if slot.replace(component.parameters.as_slice()).is_some() {
            return Err(GraphError::invalid(format!("The component {kind} is given twice.")));
        }
    }
    check_header(template.header.as_ref(), header.unwrap_or_default(), &mut filled)?;
    check_body(template, body.unwrap_or_default(), &mut filled)?;
    for (index, (button, given)) in template.buttons.iter().zip(&filled.buttons).enumerate() {
        if button.needs_parameter() && given.is_none() {
            let kind = kind_name(button.kind);
            return Err(GraphError::missing(format!(
                "buttons: Button at index {index} of type {kind} requires a parameter"
            )));
        }
    }
    Ok(filled)
}

fn check_header(header: Option<&Header>, given: &[Parameter<'_>], filled: &mut Filled) -> Result<(), GraphError> {
    let variables = header.and_then(|header| header.text.as_deref()).map_or(0, |text| placeholders(text).len());
    let Some(header) = header.filter(|header| header.format != HeaderFormat::Text || variables > 0) else {
        return count("header", given.len(), 0);
    };
    count("header", given.len(), 1)?;
    let parameter = &given[0];
    let kind = parameter.kind.as_deref().unwrap_or_default();
    let (expected, media) = match header.format {
        HeaderFormat::Text => {
            let text = value("header", parameter)?;
            at_most("header", text, 60)?;
            filled.parameters.push(text.to_owned());
            return Ok(());
        }
        HeaderFormat::Location if kind.eq_ignore_ascii_case("location") && parameter.location.is_some() => {
            return Ok(());
        }
        HeaderFormat::Location => ("LOCATION", None),
        HeaderFormat::Image => ("IMAGE", parameter.image.as_ref()),
        HeaderFormat::Video => ("VIDEO", parameter.video.as_ref()),
        HeaderFormat::Document => ("DOCUMENT", parameter.document.as_ref()),
    };
    match media {
        Some(media) if kind.eq_ignore_ascii_case(expected) => {
            filled.media_ids.extend(check_media(&expected.to_ascii_lowercase(), media, false)?.media_ids);
            Ok(())
        }
        _ => {
            let received = if kind.is_empty() { "UNKNOWN".to_owned() } else { kind.to_ascii_uppercase() };
            Err(GraphError::new(132_012, format!("header: Format mismatch, expected {expected}, received {received}")))
        }
    }
}

fn check_body(template: &Template, given: &[Parameter<'_>], filled: &mut Filled) -> Result<(), GraphError> {
    let expected = placeholders(&template.body);
    count("body", given.len(), expected.len())?;
    let mut length = template.body.chars().count();
    for (place, name) in expected.iter().enumerate() {
        let parameter = match template.parameter_format {
            ParameterFormat::Positional if given.iter().any(|parameter| parameter.parameter_name.is_some()) => {
                return Err(GraphError::new(
                    132_012,
                    "body: parameter_name is given, but the template has positional parameters",
                ));
            }
            // The placeholders may stand in any order in the text; the parameters are in the order of their numbers.
            ParameterFormat::Positional => {
                &given[name.parse::<usize>().map_or(place, |number| number.saturating_sub(1))]
            }
            ParameterFormat::Named => {
                given.iter().find(|parameter| parameter.parameter_name.as_deref() == Some(name)).ok_or_else(|| {
                    GraphError::new(132_012, format!("body: Parameter name is missing or empty, expected {name}"))
                })?
            }
        };
        let text = value("body", parameter)?;
        length += text.chars().count();
        length = length.saturating_sub(name.len() + 4);
        filled.parameters.push(text.to_owned());
    }
    let body_only = template.header.is_none() && template.footer.is_none() && template.buttons.is_empty();
    let max = if body_only { BODY_ONLY_MAX } else { BODY_MAX };
    if length > max {
        return Err(GraphError::new(
            132_005,
            format!("Translated text too long: body has {length} characters, at most {max} are allowed"),
        ));
    }
    Ok(())
}

fn button(template: &Template, component: &Component<'_>, filled: &mut Filled) -> Result<(), GraphError> {
    let index = required("template['components']['index']", component.index.as_ref())?;
    let sub_type = required("template['components']['sub_type']", component.sub_type.as_ref())?;
    let at = index.parse::<usize>().ok().filter(|at| *at < 10);
    let at = at.ok_or_else(|| GraphError::value("Param template['components']['index'] must be between 0 and 9."))?;
    let Some(button) = template.buttons.get(at) else {
        return Err(GraphError::new(132_018, format!("buttons: the template has no button at index {at}")));
    };
    let expected = kind_name(button.kind);
    if !sub_type.eq_ignore_ascii_case(expected) {
        return Err(GraphError::new(
            132_012,
            format!("buttons: Button at index {at} is of type {expected}, received {sub_type}"),
        ));
    }
    let [parameter] = component.parameters.as_slice() else {
        return Err(GraphError::new(
            132_000,
            format!("buttons: Button at index {at} takes 1 parameter, received {}", component.parameters.len()),
        ));
    };
    let text = match button.kind {
        ButtonKind::QuickReply => {
            let payload = required("payload", parameter.payload.as_ref())?;
            at_most("payload", payload, PAYLOAD_MAX)?;
            payload
        }
        ButtonKind::Url if button.needs_parameter() => {
            let text = value("buttons", parameter)?;
            at_most("url", text, 2000)?;
            text
        }
        ButtonKind::CopyCode => {
            let code = required("coupon_code", parameter.coupon_code.as_ref())?;
            at_most("coupon_code", code, 20)?;
            code
        }
        ButtonKind::Flow => "",
        ButtonKind::Url | ButtonKind::PhoneNumber => return Err(no_parameter(at, button)),
    };
    if filled.buttons[at].replace(text.to_owned()).is_some() {
        return Err(GraphError::invalid(format!("The button at index {at} is given twice.")));
    }
    Ok(())
}

fn no_parameter(at: usize, button: &Button) -> GraphError {
    GraphError::new(
        132_018,
        format!("buttons: Button at index {at} of type {} does not require parameters", kind_name(button.kind)),
    )
}

fn kind_name(kind: ButtonKind) -> &'static str {
    match kind {
        ButtonKind::QuickReply => "quick_reply",
        ButtonKind::Url => "url",
        ButtonKind::PhoneNumber => "phone_number",
        ButtonKind::CopyCode => "copy_code",
        ButtonKind::Flow => "flow",
    }
}

fn count(part: &str, given: usize, expected: usize) -> Result<(), GraphError> {
    if given == expected {
        return Ok(());
    }
    Err(GraphError::new(
        132_000,
        format!(
            "{part}: number of localizable_params ({given}) does not match the expected number of params ({expected})"
        ),
    ))
}

fn value<'a>(part: &str, parameter: &'a Parameter<'_>) -> Result<&'a str, GraphError> {
    let kind = required("template['components']['parameters']['type']", parameter.kind.as_ref())?;
    let text = match () {
        () if kind.eq_ignore_ascii_case("text") => parameter.text.as_deref(),
        () if kind.eq_ignore_ascii_case("currency") => {
            parameter.currency.as_ref().and_then(|f| f.fallback_value.as_deref())
        }
        () if kind.eq_ignore_ascii_case("date_time") => {
            parameter.date_time.as_ref().and_then(|f| f.fallback_value.as_deref())
        }
        () => {
            let received = kind.to_ascii_uppercase();
            return Err(GraphError::new(
                132_012,
                format!("{part}: Format mismatch, expected TEXT, received {received}"),
            ));
        }
    };
    let text = text.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| GraphError::missing("Parameter of type text is missing text value"))?;
    if text.contains(['\n', '\t', '\r']) || text.contains("     ") {
        return Err(GraphError::new(
            132_018,
            "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
        ));
    }
    Ok(text)
}
