//! Our templates as Meta would hold them once approved: what the simulator is given, so that campaigns can be tried on it.

use crate::config::templates::Templates;
use crate::domain::language::Language;
use crate::domain::message::MediaKind;
use crate::domain::template::{
    ApprovalButton, ApprovalHeader, Category, MessageTemplate, ParameterFormat, RenderError,
};
use crate::simulator;

/// All of them in both languages.
///
/// # Errors
/// Never for templates that were loaded: their samples were rendered then.
pub(super) fn approved_templates(templates: &Templates) -> Result<Vec<simulator::Template>, RenderError> {
    templates.iter().flat_map(|template| Language::ALL.map(|language| approved(template, language))).collect()
}

fn approved(template: &MessageTemplate, language: Language) -> Result<simulator::Template, RenderError> {
    let header = template.header_for_approval(language)?;
    let buttons = template.buttons_for_approval(language)?;
    Ok(simulator::Template {
        name: template.approved_name().to_owned(),
        language: template.language_code(language).to_owned(),
        category: match template.category() {
            Category::Marketing => simulator::Category::Marketing,
            Category::Utility => simulator::Category::Utility,
        },
        status: simulator::TemplateStatus::Approved,
        parameter_format: match template.parameter_format() {
            ParameterFormat::Named => simulator::ParameterFormat::Named,
            ParameterFormat::Positional => simulator::ParameterFormat::Positional,
        },
        body: template.body_for_approval(language)?.text,
        header: header.map(simulated_header),
        footer: template.footer(language).map(str::to_owned),
        buttons: buttons.into_iter().map(button).collect(),
        quality: "GREEN".to_owned(),
        rejected_reason: None,
    })
}

fn simulated_header(header: ApprovalHeader) -> simulator::Header {
    let format = match &header {
        ApprovalHeader::Text(_) => simulator::HeaderFormat::Text,
        ApprovalHeader::Media { media: MediaKind::Image, .. } => simulator::HeaderFormat::Image,
        ApprovalHeader::Media { media: MediaKind::Video, .. } => simulator::HeaderFormat::Video,
        ApprovalHeader::Media { .. } => simulator::HeaderFormat::Document,
    };
    simulator::Header { format, text: header.line().map(|line| line.text.clone()) }
}

fn button(button: ApprovalButton) -> simulator::Button {
    match button {
        ApprovalButton::Url { text, url, .. } => simulator::Button::url(&text, &url),
        ApprovalButton::QuickReply { text } => simulator::Button::quick_reply(&text),
        ApprovalButton::Phone { text, phone } => {
            simulator::Button { kind: simulator::ButtonKind::PhoneNumber, text, url: None, phone_number: Some(phone) }
        }
    }
}
