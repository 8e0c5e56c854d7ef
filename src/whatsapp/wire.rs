//! The body of `POST /{phone-number-id}/messages`, borrowed from what is sent.
//!
//! Mirrors developers.facebook.com/documentation/business-messaging/whatsapp/messages/{send-messages, text-messages,
//! image-messages, interactive-reply-buttons-messages, interactive-list-messages, template-messages}, as checked on 2026-11-22.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::domain::ids::CallbackReference;
use crate::domain::message::{
    ButtonParameter, ButtonValue, Content, Envelope, HeaderParameter, ListRow, ListSection, MediaKind, MediaSource,
    Recipient, ReplyButton, TemplateContent, TemplateParameter,
};

/// The JSON of one send, ready to be written.
///
/// # Errors
/// Never for our own types: they hold nothing that JSON cannot say.
pub(super) fn body(envelope: &Envelope, content: &Content) -> Result<Vec<u8>, serde_json::Error> {
    // Large enough for a usual template, so that the buffer grows once at most.
    let mut bytes = Vec::with_capacity(768);
    serde_json::to_writer(&mut bytes, &Send::new(envelope, content))?;
    Ok(bytes)
}

/// The envelope of all kinds (page *send-messages*). Exactly one of the last five members is there, named by `type`.
#[derive(Serialize)]
struct Send<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    /// With its plus sign: without one Meta puts the calling code of our own number in front (page *phone-numbers*, February 2026).
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    /// The business-scoped user id, where the number is withheld (page *business-scoped-user-ids*, 2026-06-29).
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context<'a>>,
    #[serde(serialize_with = "as_text")]
    biz_opaque_callback_data: &'a CallbackReference,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    content: Body<'a>,
}

fn as_text<S: Serializer>(reference: &&CallbackReference, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(reference)
}

impl<'a> Send<'a> {
    fn new(envelope: &'a Envelope, content: &'a Content) -> Self {
        let (to, recipient) = match &envelope.to {
            Recipient::Phone(number) => (Some(number.e164()), None),
            Recipient::Bsuid(id) => (None, Some(id.as_str())),
        };
        let content = Body(content);
        Self {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to,
            recipient,
            context: envelope.in_reply_to.as_ref().map(|id| Context { message_id: id.as_str() }),
            biz_opaque_callback_data: &envelope.reference,
            kind: content.name(),
            content,
        }
    }
}

#[derive(Serialize)]
struct Context<'a> {
    message_id: &'a str,
}

/// One member whose key equals `type`.
struct Body<'a>(&'a Content);

impl Body<'_> {
    fn name(&self) -> &'static str {
        match self.0 {
            Content::Template(_) => "template",
            Content::Text { .. } => "text",
            Content::Buttons { .. } | Content::List { .. } => "interactive",
            Content::Media { media, .. } => media.name(),
        }
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        let name = self.name();
        match self.0 {
            Content::Template(template) => map.serialize_entry(name, &Template(template))?,
            Content::Text { body, preview_url } => {
                map.serialize_entry(name, &Text { preview_url: *preview_url, body })?
            }
            Content::Buttons { header, body, footer, buttons } => {
                let action = Action::Buttons { buttons: buttons.iter().map(Button::from).collect() };
                map.serialize_entry(name, &Interactive::new("button", header, body, footer, action))?;
            }
            Content::List { header, body, footer, button, sections } => {
                let action = Action::List { button, sections: sections.iter().map(Section::from).collect() };
                map.serialize_entry(name, &Interactive::new("list", header, body, footer, action))?;
            }
            Content::Media { media, source, caption, filename } => {
                map.serialize_entry(name, &Media::new(*media, source, caption.as_deref(), filename.as_deref()))?;
            }
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Text<'a> {
    preview_url: bool,
    body: &'a str,
}

/// Exactly one of `id` and `link` (pages *image-messages* and its siblings).
#[derive(Serialize)]
struct Media<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
}

impl<'a> Media<'a> {
    fn new(kind: MediaKind, source: &'a MediaSource, caption: Option<&'a str>, filename: Option<&'a str>) -> Self {
        let (id, link) = match source {
            MediaSource::Id(id) => (Some(id.as_str()), None),
            MediaSource::Link(link) => (None, Some(link.as_str())),
        };
        // Meta refuses a caption on audio and stickers, and knows a file name on documents only.
        let caption = caption.filter(|_| !matches!(kind, MediaKind::Audio | MediaKind::Sticker));
        let filename = filename.filter(|_| matches!(kind, MediaKind::Document));
        Self { id, link, caption, filename }
    }
}

#[derive(Serialize)]
struct Interactive<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header<'a>>,
    body: Line<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<Line<'a>>,
    action: Action<'a>,
}

impl<'a> Interactive<'a> {
    fn new(
        kind: &'static str,
        header: &'a Option<String>,
        body: &'a str,
        footer: &'a Option<String>,
        action: Action<'a>,
    ) -> Self {
        Self {
            kind,
            header: header.as_deref().map(|text| Header { kind: "text", text }),
            body: Line { text: body },
            footer: footer.as_deref().map(|text| Line { text }),
            action,
        }
    }
}

#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Action<'a> {
    Buttons { buttons: Vec<Button<'a>> },
    List { button: &'a str, sections: Vec<Section<'a>> },
}

#[derive(Serialize)]
struct Button<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    reply: Reply<'a>,
}

#[derive(Serialize)]
struct Reply<'a> {
    id: &'a str,
    title: &'a str,
}

impl<'a> From<&'a ReplyButton> for Button<'a> {
    fn from(button: &'a ReplyButton) -> Self {
        Self { kind: "reply", reply: Reply { id: &button.id, title: &button.title } }
    }
}

#[derive(Serialize)]
struct Section<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

impl<'a> From<&'a ListSection> for Section<'a> {
    fn from(section: &'a ListSection) -> Self {
        Self { title: section.title.as_deref(), rows: section.rows.iter().map(Row::from).collect() }
    }
}

impl<'a> From<&'a ListRow> for Row<'a> {
    fn from(row: &'a ListRow) -> Self {
        Self { id: &row.id, title: &row.title, description: row.description.as_deref() }
    }
}

/// `template` (page *template-messages*): components are left out where the approved template has no variables in them.
struct Template<'a>(&'a TemplateContent);

impl Serialize for Template<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(template) = self;
        let mut components = Vec::with_capacity(2 + template.buttons.len());
        if let Some(header) = &template.header {
            components.push(Component::Header { parameters: [Parameter::from(header)] });
        }
        if !template.body.is_empty() {
            components.push(Component::Body { parameters: template.body.iter().map(Parameter::from).collect() });
        }
        components.extend(template.buttons.iter().map(Component::from));
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &template.name)?;
        map.serialize_entry("language", &Language { code: &template.language_code })?;
        if !components.is_empty() {
            map.serialize_entry("components", &components)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Language<'a> {
    code: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Component<'a> {
    Header {
        parameters: [Parameter<'a>; 1],
    },
    Body {
        parameters: Vec<Parameter<'a>>,
    },
    /// `index` counts all buttons of the template, from `"0"`.
    Button {
        sub_type: &'static str,
        #[serde(serialize_with = "digit")]
        index: u8,
        parameters: [Parameter<'a>; 1],
    },
}

fn digit<S: Serializer>(index: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(index)
}

impl<'a> From<&'a ButtonParameter> for Component<'a> {
    fn from(button: &'a ButtonParameter) -> Self {
        let (sub_type, parameter) = match &button.value {
            ButtonValue::UrlSuffix(text) => ("url", Parameter::Text { parameter_name: None, text }),
            ButtonValue::Payload(payload) => ("quick_reply", Parameter::Payload { payload }),
            ButtonValue::CopyCode(coupon_code) => ("copy_code", Parameter::CouponCode { coupon_code }),
        };
        Self::Button { sub_type, index: button.index, parameters: [parameter] }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Parameter<'a> {
    Text {
        #[serde(skip_serializing_if = "Option::is_none")]
        parameter_name: Option<&'a str>,
        text: &'a str,
    },
    Payload {
        payload: &'a str,
    },
    CouponCode {
        coupon_code: &'a str,
    },
    Image {
        image: Media<'a>,
    },
    Video {
        video: Media<'a>,
    },
    Document {
        document: Media<'a>,
    },
}

impl<'a> From<&'a TemplateParameter> for Parameter<'a> {
    fn from(parameter: &'a TemplateParameter) -> Self {
        Self::Text { parameter_name: parameter.name.as_deref(), text: &parameter.text }
    }
}

impl<'a> From<&'a HeaderParameter> for Parameter<'a> {
    fn from(header: &'a HeaderParameter) -> Self {
        match header {
            HeaderParameter::Text(text) => text.into(),
            HeaderParameter::Media { media, source, filename } => {
                let object = Media::new(*media, source, None, filename.as_deref());
                match media {
                    MediaKind::Image | MediaKind::Sticker => Self::Image { image: object },
                    MediaKind::Video | MediaKind::Audio => Self::Video { video: object },
                    MediaKind::Document => Self::Document { document: object },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::MessageId;
    use crate::domain::phone_number::PhoneNumber;

    fn envelope() -> Envelope {
        Envelope {
            to: Recipient::Phone(PhoneNumber::from_e164("+966500000101").unwrap()),
            sender: "default".parse().unwrap(),
            reference: CallbackReference { store: "k7q2".into(), message: MessageId::new(77), attempt: 1 },
            in_reply_to: None,
        }
    }

    fn json(envelope: &Envelope, content: &Content) -> serde_json::Value {
        serde_json::from_slice(&body(envelope, content).unwrap()).unwrap()
    }

    #[test]
    fn a_template_carries_its_header_body_and_buttons() {
        let parameter =
            |name: Option<&str>, text: &str| TemplateParameter { name: name.map(str::to_owned), text: text.to_owned() };
        let template = Content::Template(TemplateContent {
            name: "parcel_update".into(),
            language_code: "en_US".into(),
            header: Some(HeaderParameter::Media {
                media: MediaKind::Document,
                source: MediaSource::Id("1122334455667788".into()),
                filename: Some("slip.pdf".into()),
            }),
            body: vec![parameter(Some("first_name"), "Nadia"), parameter(Some("parcel_no"), "P-7781")],
            buttons: vec![
                ButtonParameter { index: 0, value: ButtonValue::Payload("HELP-7781".into()) },
                ButtonParameter { index: 1, value: ButtonValue::UrlSuffix("P-7781".into()) },
                ButtonParameter { index: 2, value: ButtonValue::CopyCode("SPRING26".into()) },
            ],
        });
        insta::assert_json_snapshot!(json(&envelope(), &template));
        let positional = Content::Template(TemplateContent {
            name: "greeting".into(),
            language_code: "ar".into(),
            header: Some(HeaderParameter::Text(parameter(None, "مرحبا"))),
            body: vec![parameter(None, "نادية")],
            buttons: vec![],
        });
        insta::assert_json_snapshot!(json(&envelope(), &positional));
        let bare = Content::Template(TemplateContent {
            name: "hello".into(),
            language_code: "en".into(),
            header: None,
            body: vec![],
            buttons: vec![],
        });
        assert!(json(&envelope(), &bare)["template"].get("components").is_none());
    }

    #[test]
    fn text_names_the_message_that_it_answers() {
        let mut envelope = envelope();
        envelope.in_reply_to = Some("wamid.QUOTED==".parse().unwrap());
        let text = Content::Text { body: "سنتصل بك \u{2068}P-7781\u{2069}".into(), preview_url: false };
        insta::assert_json_snapshot!(json(&envelope, &text));
    }

    #[test]
    fn a_person_without_a_number_is_addressed_by_user_id() {
        let mut envelope = envelope();
        envelope.to = Recipient::Bsuid("SA.4410000000000000017".into());
        let sent = json(&envelope, &Content::Text { body: "x".into(), preview_url: true });
        assert_eq!((sent.get("to"), &sent["recipient"]), (None, &"SA.4410000000000000017".into()));
    }

    #[test]
    fn buttons_and_lists_are_interactive() {
        let buttons = Content::Buttons {
            header: Some("Visit".into()),
            body: "Is Tuesday fine?".into(),
            footer: None,
            buttons: vec![ReplyButton { id: "visit-yes".into(), title: "Yes".into() }],
        };
        insta::assert_json_snapshot!(json(&envelope(), &buttons));
        let list = Content::List {
            header: None,
            body: "Pick a slot".into(),
            footer: Some("Depot 4".into()),
            button: "Slots".into(),
            sections: vec![ListSection {
                title: Some("Tuesday".into()),
                rows: vec![ListRow { id: "tu-09".into(), title: "09:00".into(), description: Some("North".into()) }],
            }],
        };
        insta::assert_json_snapshot!(json(&envelope(), &list));
    }

    #[test]
    fn media_carries_only_what_its_kind_allows() {
        for kind in [MediaKind::Image, MediaKind::Video, MediaKind::Audio, MediaKind::Document, MediaKind::Sticker] {
            let media = Content::Media {
                media: kind,
                source: MediaSource::Link("https://cdn.example/a".into()),
                caption: Some("c".into()),
                filename: Some("f".into()),
            };
            let sent = json(&envelope(), &media);
            assert_eq!(sent["type"], kind.name());
            let object = &sent[kind.name()];
            assert_eq!(object["link"], "https://cdn.example/a");
            assert_eq!(object.get("caption").is_some(), !matches!(kind, MediaKind::Audio | MediaKind::Sticker));
            assert_eq!(object.get("filename").is_some(), kind == MediaKind::Document);
        }
    }
}
