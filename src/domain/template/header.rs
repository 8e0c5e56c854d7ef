//! What stands above the text of a template: a line, or a picture, film or document.

use super::ApprovalText;
use super::text::Text;
use crate::domain::message::MediaKind;

/// The header of a template in one language.
#[derive(Debug, Clone)]
pub(super) enum Header {
    Text(Text),
    Media(MediaHeader),
}

impl Header {
    /// What of it is rendered.
    pub(super) fn text(&self) -> &Text {
        match self {
            Self::Text(text) => text,
            Self::Media(header) => &header.link,
        }
    }
}

/// A header that is a picture, film or document.
#[derive(Debug, Clone)]
pub(super) struct MediaHeader {
    pub(super) kind: MediaKind,
    pub(super) sample: SampleFile,
    /// Where the provider fetches what people get.
    pub(super) link: Text,
    /// Of a document: the name that people see.
    pub(super) filename: Option<String>,
}

/// A file that shows those who approve a template what its header will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleFile {
    /// Where it is.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Its MIME type, by the ending of its name.
    pub mime_type: &'static str,
    /// How large it was when the template was loaded.
    pub bytes: u64,
}

/// A header as Meta approves it.
#[derive(Clone, PartialEq, Eq)]
pub enum ApprovalHeader {
    /// A line.
    Text(ApprovalText),
    /// A picture, film or document, different with each message.
    Media {
        /// Which.
        media: MediaKind,
        /// An example of it.
        sample: SampleFile,
    },
}

impl ApprovalHeader {
    /// The line, if it is one.
    pub const fn line(&self) -> Option<&ApprovalText> {
        match self {
            Self::Text(text) => Some(text),
            Self::Media { .. } => None,
        }
    }

    /// The example of its media, if it has one.
    pub const fn sample(&self) -> Option<&SampleFile> {
        match self {
            Self::Text(_) => None,
            Self::Media { sample, .. } => Some(sample),
        }
    }

    /// What people read of it; of media, which kind.
    pub fn wording(&self) -> String {
        match self {
            Self::Text(text) => text.text.clone(),
            Self::Media { media, .. } => format!("({})", media.name()),
        }
    }
}
