//! What the provider says by itself about our templates, numbers and accounts.

use jiff::Timestamp;

/// What the provider says by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeNews {
    /// The account that it is about, by the provider's id.
    pub account: Option<String>,
    /// When it was said, if the provider says so.
    pub at: Option<Timestamp>,
    /// What was said.
    pub notice: Notice,
}

/// What the provider says about our templates, numbers or accounts. Each `event` is one of the provider's words that we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A template may be sent in a language again, or no more.
    Template {
        /// The provider's name for it.
        name: String,
        /// The provider's code of the language.
        language: String,
        /// Whether it may be sent.
        may_send: bool,
        /// The provider's word.
        event: &'static str,
    },
    /// The account may send again, or no more.
    Account {
        /// Whether it may send.
        may_send: bool,
        /// The provider's word.
        event: &'static str,
        /// When it ends by itself, if the provider says so.
        until: Option<Timestamp>,
    },
    /// People block or report a number, or do so no more.
    Quality {
        /// Whether it may send at its pace.
        may_send: bool,
        /// The provider's word.
        event: &'static str,
    },
    /// Something that nothing follows from but that it is told.
    Told {
        /// What it is about: the provider's name for this kind of callback.
        about: &'static str,
        /// The provider's word, or an empty one.
        event: &'static str,
        /// Whether a person must look.
        alerts: bool,
    },
}
