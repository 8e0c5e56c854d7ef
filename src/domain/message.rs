//! What a message says and to whom it goes: two different types.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{CallbackReference, SenderName, WhatsAppId};
use crate::domain::phone_number::PhoneNumber;

/// To whom, from which of our numbers, and under which reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The person.
    pub to: Recipient,
    /// Which of our numbers.
    pub sender: SenderName,
    /// Comes back in every status of the message.
    pub reference: CallbackReference,
    /// The message that this one answers: shown quoted.
    pub in_reply_to: Option<WhatsAppId>,
}

/// How Meta finds the person.
#[derive(Clone, PartialEq, Eq)]
pub enum Recipient {
    /// By number.
    Phone(PhoneNumber),
    /// By business-scoped user id, where the number is withheld.
    Bsuid(String),
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Phone(_) => "Recipient::Phone(…)",
            Self::Bsuid(_) => "Recipient::Bsuid(…)",
        })
    }
}

/// What the message says. `Debug` names the kind only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// An approved template with its parameters.
    Template(TemplateContent),
    /// Free text, for an open service window.
    Text {
        /// At most 4096 characters.
        body: String,
        /// Whether Meta shows a card of the first link.
        preview_url: bool,
    },
    /// A question with up to three buttons.
    Buttons {
        /// Short line above.
        header: Option<String>,
        /// The question.
        body: String,
        /// Small print below.
        footer: Option<String>,
        /// One to three.
        buttons: Vec<ReplyButton>,
    },
    /// A question with a list of choices.
    List {
        /// Short line above.
        header: Option<String>,
        /// The question.
        body: String,
        /// Small print below.
        footer: Option<String>,
        /// The label that opens the list.
        button: String,
        /// One to ten sections, ten rows in all.
        sections: Vec<ListSection>,
    },
    /// An image, video, audio, document or sticker.
    Media {
        /// Which.
        media: MediaKind,
        /// Where it is.
        source: MediaSource,
        /// Text below; not for audio and stickers.
        caption: Option<String>,
        /// For documents: the name shown.
        filename: Option<String>,
    },
}

impl Content {
    /// The kind, as a word for logs and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Template(_) => "template",
            Self::Text { .. } => "text",
            Self::Buttons { .. } => "buttons",
            Self::List { .. } => "list",
            Self::Media { .. } => "media",
        }
    }

    /// Its words, as far as they are known here: of an approved template, its name.
    pub fn words(&self) -> &str {
        match self {
            Self::Text { body, .. } | Self::Buttons { body, .. } | Self::List { body, .. } => body,
            Self::Template(template) => &template.name,
            Self::Media { caption, .. } => caption.as_deref().unwrap_or_default(),
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content::{}", self.kind())
    }
}

/// A message in all its forms, as it was first made: later attempts and other channels say the same words.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// For WhatsApp.
    pub content: Content,
    /// As plain text, for channels without templates; `None` where no such channel is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The line above an e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

impl Rendered {
    /// Only what WhatsApp needs.
    pub const fn only(content: Content) -> Self {
        Self { content, text: None, subject: None }
    }
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.content, f)
    }
}

/// A call of an approved template.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateContent {
    /// Meta's name of it.
    pub name: String,
    /// Meta's language code, such as `en_US`.
    pub language_code: String,
    /// Values of the header, if it has a variable or media.
    pub header: Option<HeaderParameter>,
    /// Values of the body, in the order of the approved text.
    pub body: Vec<TemplateParameter>,
    /// Values of buttons.
    pub buttons: Vec<ButtonParameter>,
}

/// One value of a body.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateParameter {
    /// The name where the approved template has named parameters; `None` for positional ones.
    pub name: Option<String>,
    /// One line of text; no tabs, no runs of more than four spaces.
    pub text: String,
}

/// The value of a header.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HeaderParameter {
    /// A text variable.
    Text(TemplateParameter),
    /// A picture, film or document.
    Media {
        /// Which.
        media: MediaKind,
        /// Where it is.
        source: MediaSource,
        /// For documents: the name shown.
        filename: Option<String>,
    },
}

/// The value of one button.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ButtonParameter {
    /// Position among all buttons of the template, from 0.
    pub index: u8,
    /// What it takes.
    pub value: ButtonValue,
}

/// What a button takes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum ButtonValue {
    /// Appended to the button's stored address.
    UrlSuffix(String),
    /// Comes back when the person presses it.
    Payload(String),
    /// The code that the button copies.
    CopyCode(String),
}

/// A reply button.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyButton {
    /// Comes back when it is pressed; 1 to 256 characters.
    pub id: String,
    /// 1 to 20 characters.
    pub title: String,
}

/// A part of a list.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSection {
    /// Needed when there is more than one section; 24 characters.
    pub title: Option<String>,
    /// The choices.
    pub rows: Vec<ListRow>,
}

/// One choice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRow {
    /// Comes back when it is chosen; 200 characters.
    pub id: String,
    /// 24 characters.
    pub title: String,
    /// 72 characters.
    pub description: Option<String>,
}

/// A kind of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// JPEG or PNG.
    Image,
    /// MP4 or 3GPP.
    Video,
    /// AAC, AMR, MP3, MP4 audio or OGG.
    Audio,
    /// PDF, office files, plain text.
    Document,
    /// WebP.
    Sticker,
}

impl MediaKind {
    /// Meta's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }
}

/// Where media comes from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaSource {
    /// Uploaded before; Meta's id.
    Id(String),
    /// A public https address that Meta fetches.
    Link(String),
}
