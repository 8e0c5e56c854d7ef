//! Is the call a message that Meta would take? Everything but templates, which have their own file.
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/messages/*, limits as of 2026-11-22.

use std::collections::HashSet;

use super::super::graph_error::GraphError;
use super::super::ledger::Kind;
use super::wire::{Action, Call, Interactive, Media, Section, Text};

/// Characters in the body of a text.
const TEXT_MAX: usize = 4096;
/// Characters in the caption of a picture, video or document.
const CAPTION_MAX: usize = 1024;
/// Characters in the body of an interactive message; a list may have more.
const INTERACTIVE_MAX: usize = 1024;
/// Characters in the body of a list message.
const LIST_MAX: usize = 4096;
/// Characters in a footer or text header.
const FOOTER_MAX: usize = 60;
/// Characters in what comes back with each status.
const OPAQUE_MAX: usize = 512;

/// What a valid call that is not a template holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// The text, caption or body.
    pub(super) text: Option<String>,
    /// What the person may press: id and title.
    pub(super) choices: Vec<(String, String)>,
    /// Media that must have been uploaded.
    pub(super) media_ids: Vec<String>,
}

/// Checks what all messages have in common and says which kind it is.
pub(super) fn envelope(call: &Call<'_>) -> Result<Kind, GraphError> {
    match call.messaging_product.as_deref() {
        None => return Err(GraphError::invalid("The parameter messaging_product is required.")),
        Some("whatsapp") => {}
        Some(_) => return Err(GraphError::invalid("Param messaging_product must be one of {WHATSAPP}.")),
    }
    if !matches!(call.recipient_type.as_deref(), None | Some("individual")) {
        return Err(GraphError::invalid("Param recipient_type must be one of {INDIVIDUAL}; groups are not simulated."));
    }
    if let Some(opaque) = &call.biz_opaque_callback_data {
        at_most("biz_opaque_callback_data", opaque, OPAQUE_MAX)?;
    }
    if let Some(context) = &call.context {
        wamid("context['message_id']", context.message_id.as_ref())?;
    }
    let kind = call.kind.as_deref().unwrap_or("text");
    let (kind, present) = match kind {
        "text" => (Kind::Text, call.text.is_some()),
        "image" => (Kind::Image, call.image.is_some()),
        "audio" => (Kind::Audio, call.audio.is_some()),
        "video" => (Kind::Video, call.video.is_some()),
        "document" => (Kind::Document, call.document.is_some()),
        "sticker" => (Kind::Sticker, call.sticker.is_some()),
        "location" => (Kind::Location, call.location.is_some()),
        "contacts" => (Kind::Contacts, call.contacts.is_some()),
        "reaction" => (Kind::Reaction, call.reaction.is_some()),
        "interactive" => (Kind::Interactive, call.interactive.is_some()),
        "template" => (Kind::Template, call.template.is_some()),
        _ => {
            return Err(GraphError::invalid(
                "Param type must be one of {AUDIO, CONTACTS, DOCUMENT, IMAGE, INTERACTIVE, LOCATION, REACTION, STICKER, TEMPLATE, TEXT, VIDEO}.",
            ));
        }
    };
    if present { Ok(kind) } else { Err(GraphError::missing(format!("The parameter {} is required.", kind.name()))) }
}

/// Checks the part that belongs to the kind; templates have their own check.
pub(super) fn content(kind: Kind, call: &Call<'_>) -> Result<Content, GraphError> {
    let media = |media: &Option<Media<'_>>, caption: bool| {
        media.as_ref().map_or_else(|| Ok(Content::default()), |given| check_media(kind.name(), given, caption))
    };
    match kind {
        Kind::Text => {
            let body = call.text.as_ref().and_then(|text| text.body.as_ref());
            let body = required("text['body']", body)?;
            at_most("text['body']", body, TEXT_MAX)?;
            Ok(Content { text: Some(body.to_owned()), ..Content::default() })
        }
        Kind::Image => media(&call.image, true),
        Kind::Video => media(&call.video, true),
        Kind::Document => media(&call.document, true),
        Kind::Audio => media(&call.audio, false),
        Kind::Sticker => media(&call.sticker, false),
        Kind::Location => {
            let place = call.location.as_ref();
            let ends = [
                ("location['latitude']", place.and_then(|place| place.latitude.as_ref()), 90.0),
                ("location['longitude']", place.and_then(|place| place.longitude.as_ref()), 180.0),
            ];
            for (name, given, bound) in ends {
                let degrees = required(name, given)?.parse::<f64>();
                if !degrees.is_ok_and(|degrees| degrees.abs() <= bound) {
                    return Err(GraphError::value(format!(
                        "Param {name} must be degrees between -{bound} and {bound}."
                    )));
                }
            }
            Ok(Content::default())
        }
        Kind::Contacts => {
            let cards = call.contacts.as_deref().unwrap_or_default();
            if cards.is_empty() {
                return Err(GraphError::missing("The parameter contacts is required."));
            }
            for card in cards {
                let name = card.name.as_ref().and_then(|name| name.formatted_name.as_ref());
                required("contacts['name']['formatted_name']", name)?;
            }
            Ok(Content::default())
        }
        Kind::Reaction => {
            let reaction = call.reaction.as_ref();
            wamid("reaction['message_id']", reaction.and_then(|reaction| reaction.message_id.as_ref()))?;
            if call.context.is_some() {
                return Err(GraphError::invalid("A reaction cannot be a contextual reply."));
            }
            let emoji = reaction.and_then(|reaction| reaction.emoji.as_ref());
            emoji
                .map(|emoji| Content { text: Some(emoji.to_string()), ..Content::default() })
                .ok_or_else(|| GraphError::missing("The parameter reaction['emoji'] is required."))
        }
        Kind::Interactive => {
            call.interactive.as_ref().map_or_else(|| Ok(Content::default()), |given| interactive(given))
        }
        Kind::Template => Ok(Content::default()),
    }
}

/// Checks a media object: an id or a link, not both; a caption only where there may be one.
pub(super) fn check_media(of: &str, media: &Media<'_>, caption: bool) -> Result<Content, GraphError> {
    let media_ids = match (&media.id, &media.link) {
        (Some(id), None) if !id.is_empty() => vec![id.to_string()],
        (None, Some(link)) if link.starts_with("http://") || link.starts_with("https://") => Vec::new(),
        (None, Some(_)) => {
            return Err(GraphError::invalid(format!("Param {of}['link'] is not a valid URI.")));
        }
        (Some(_), Some(_)) => {
            return Err(GraphError::invalid(format!("Only one of {of}['id'] and {of}['link'] may be given.")));
        }
        _ => {
            return Err(GraphError::missing(format!("One of the parameters {of}['id'] and {of}['link'] is required.")));
        }
    };
    match &media.caption {
        Some(_) if !caption => {
            return Err(GraphError::invalid(format!("Unexpected key \"caption\" on param \"{of}\".")));
        }
        Some(text) => at_most(&format!("{of}['caption']"), text, CAPTION_MAX)?,
        None => {}
    }
    if media.filename.is_some() && of != "document" {
        return Err(GraphError::invalid(format!("Unexpected key \"filename\" on param \"{of}\".")));
    }
    if media.voice.is_some() && of != "audio" {
        return Err(GraphError::invalid(format!("Unexpected key \"voice\" on param \"{of}\".")));
    }
    Ok(Content { text: media.caption.as_ref().map(|text| text.to_string()), media_ids, choices: Vec::new() })
}

fn interactive(message: &Interactive<'_>) -> Result<Content, GraphError> {
    let kind = required("interactive['type']", message.kind.as_ref())?;
    let action = message
        .action
        .as_ref()
        .ok_or_else(|| GraphError::missing("The parameter interactive['action'] is required."))?;
    let body_max = if kind == "list" { LIST_MAX } else { INTERACTIVE_MAX };
    let body = message.body.as_ref().and_then(|body| body.text.as_ref());
    if !matches!(kind, "product" | "catalog_message") || body.is_some() {
        at_most("interactive['body']['text']", required("interactive['body']['text']", body)?, body_max)?;
    }
    if let Some(footer) = message.footer.as_ref() {
        at_most(
            "interactive['footer']['text']",
            required("interactive['footer']['text']", footer.text.as_ref())?,
            FOOTER_MAX,
        )?;
    }
    let media_ids = header(message, kind)?;
    let choices = match kind {
        "button" => buttons(action)?,
        "list" => list(action)?,
        "cta_url" => {
            let parameters = action.parameters.as_ref();
            let label = required(
                "interactive['action']['parameters']['display_text']",
                parameters.and_then(|p| p.display_text.as_ref()),
            )?;
            at_most("interactive['action']['parameters']['display_text']", label, 20)?;
            let url = required("interactive['action']['parameters']['url']", parameters.and_then(|p| p.url.as_ref()))?;
            if !(url.starts_with("http://") || url.starts_with("https://")) {
                return Err(GraphError::invalid(
                    "Param interactive['action']['parameters']['url'] is not a valid URI.",
                ));
            }
            named(action, "cta_url")?
        }
        "flow" => {
            let parameters = action.parameters.as_ref();
            required("flow_message_version", parameters.and_then(|p| p.flow_message_version.as_ref()))?;
            let flow = parameters.and_then(|p| p.flow_id.as_ref().or(p.flow_name.as_ref()));
            required("flow_id", flow)?;
            at_most("flow_cta", required("flow_cta", parameters.and_then(|p| p.flow_cta.as_ref()))?, 30)?;
            named(action, "flow")?
        }
        "location_request_message" => named(action, "send_location")?,
        "request_contact_info" | "catalog_message" | "address_message" => named(action, kind)?,
        "product" | "product_list" | "carousel" => Vec::new(),
        _ => {
            return Err(GraphError::invalid(
                "Param interactive['type'] must be one of {BUTTON, LIST, CTA_URL, FLOW, LOCATION_REQUEST_MESSAGE, PRODUCT, PRODUCT_LIST, CATALOG_MESSAGE, CAROUSEL}.",
            ));
        }
    };
    Ok(Content { text: body.map(|text| text.to_string()), choices, media_ids })
}

fn header(message: &Interactive<'_>, kind: &str) -> Result<Vec<String>, GraphError> {
    let Some(header) = &message.header else { return Ok(Vec::new()) };
    let format = required("interactive['header']['type']", header.kind.as_ref())?;
    if kind == "list" && format != "text" {
        return Err(GraphError::invalid("Param interactive['header']['type'] must be text for a list."));
    }
    let media = match format {
        "text" => {
            at_most(
                "interactive['header']['text']",
                required("interactive['header']['text']", header.text.as_ref())?,
                FOOTER_MAX,
            )?;
            return Ok(Vec::new());
        }
        "image" => &header.image,
        "video" => &header.video,
        "document" => &header.document,
        _ => {
            return Err(GraphError::invalid(
                "Param interactive['header']['type'] must be one of {TEXT, IMAGE, VIDEO, DOCUMENT}.",
            ));
        }
    };
    let media = media
        .as_ref()
        .ok_or_else(|| GraphError::missing(format!("The parameter interactive['header']['{format}'] is required.")))?;
    check_media(format, media, false).map(|content| content.media_ids)
}

fn named(action: &Action<'_>, name: &str) -> Result<Vec<(String, String)>, GraphError> {
    match action.name.as_deref() {
        Some(given) if given == name => Ok(Vec::new()),
        _ => Err(GraphError::invalid(format!("Param interactive['action']['name'] must be {name}."))),
    }
}

fn buttons(action: &Action<'_>) -> Result<Vec<(String, String)>, GraphError> {
    if !(1..=3).contains(&action.buttons.len()) {
        return Err(GraphError::value("Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3"));
    }
    let mut choices = Vec::with_capacity(action.buttons.len());
    for button in &action.buttons {
        if button.kind.as_deref() != Some("reply") {
            return Err(GraphError::invalid("Param interactive['action']['buttons']['type'] must be reply."));
        }
        let reply = button.reply.as_ref();
        let id =
            required("interactive['action']['buttons']['reply']['id']", reply.and_then(|reply| reply.id.as_ref()))?;
        let title = required(
            "interactive['action']['buttons']['reply']['title']",
            reply.and_then(|reply| reply.title.as_ref()),
        )?;
        at_most("interactive['action']['buttons']['reply']['id']", id, 256)?;
        at_most("interactive['action']['buttons']['reply']['title']", title, 20)?;
        choices.push((id.to_owned(), title.to_owned()));
    }
    unique(&choices, "reply buttons")?;
    if choices.iter().map(|(_, title)| title).collect::<HashSet<_>>().len() < choices.len() {
        return Err(GraphError::value("Duplicated title: the titles of reply buttons must be unique."));
    }
    Ok(choices)
}

fn list(action: &Action<'_>) -> Result<Vec<(String, String)>, GraphError> {
    at_most(
        "interactive['action']['button']",
        required("interactive['action']['button']", action.button.as_ref())?,
        20,
    )?;
    let rows = action.sections.iter().map(|section| section.rows.len()).sum::<usize>();
    if !(1..=10).contains(&action.sections.len()) || !(1..=10).contains(&rows) {
        return Err(GraphError::value("A list has 1 to 10 sections and 1 to 10 rows in all of them together."));
    }
    let mut choices = Vec::with_capacity(rows);
    for section in &action.sections {
        check_section(section, action.sections.len() > 1)?;
        for row in &section.rows {
            let id = required("row['id']", row.id.as_ref())?;
            let title = required("row['title']", row.title.as_ref())?;
            at_most("row['id']", id, 200)?;
            at_most("row['title']", title, 24)?;
            if let Some(description) = &row.description {
                at_most("row['description']", description, 72)?;
            }
            choices.push((id.to_owned(), title.to_owned()));
        }
    }
    unique(&choices, "rows")?;
    Ok(choices)
}

fn check_section(section: &Section<'_>, title_required: bool) -> Result<(), GraphError> {
    match &section.title {
        Some(title) => at_most("section['title']", title, 24),
        None if title_required => {
            Err(GraphError::missing("The parameter section['title'] is required with more than one section."))
        }
        None => Ok(()),
    }
}

fn unique(choices: &[(String, String)], of: &str) -> Result<(), GraphError> {
    let ids: HashSet<&str> = choices.iter().map(|(id, _)| id.as_str()).collect();
    if ids.len() == choices.len() {
        Ok(())
    } else {
        Err(GraphError::value(format!("Duplicated id: the ids of {of} must be unique.")))
    }
}

/// The value of a member that must be there and not empty.
pub(super) fn required<'a>(name: &str, given: Option<&'a Text<'a>>) -> Result<&'a str, GraphError> {
    match given {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(GraphError::missing(format!("The parameter {name} is required."))),
    }
}

/// Refuses a text that is too long, counted in characters.
pub(super) fn at_most(name: &str, text: &str, max: usize) -> Result<(), GraphError> {
    // Most texts are shorter in bytes already, which needs no counting.
    if text.len() <= max || text.chars().count() <= max {
        return Ok(());
    }
    Err(GraphError::invalid(format!("Param {name} must be at most {max} characters long.")))
}

fn wamid(name: &str, given: Option<&Text<'_>>) -> Result<(), GraphError> {
    match given {
        Some(id) if id.starts_with("wamid.") => Ok(()),
        Some(_) => Err(GraphError::value(format!("Param {name} is not a valid whatsapp message id."))),
        None => Err(GraphError::missing(format!("The parameter {name} is required."))),
    }
}
