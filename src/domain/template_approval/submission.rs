//! A template as it is handed in for approval, in one language.

use std::fmt;

use super::wording::{WordedButton, Wording};
use crate::domain::language::Language;
use crate::domain::template::{
    ApprovalButton, ApprovalHeader, ApprovalText, Category, MessageTemplate, ParameterFormat, RenderError,
};

/// What the provider is to approve, with a sample for each placeholder.
#[derive(Clone, PartialEq, Eq)]
pub struct Submission {
    /// The provider's name of it.
    pub name: String,
    /// The provider's language code, such as `ar` or `en_US`.
    pub language: String,
    /// The price class that our file asks for.
    pub category: Category,
    /// How parameters are told apart.
    pub format: ParameterFormat,
    /// The line above.
    pub header: Option<ApprovalHeader>,
    /// The text.
    pub body: ApprovalText,
    /// The line below.
    pub footer: Option<String>,
    /// The buttons, in their order.
    pub buttons: Vec<ApprovalButton>,
}

impl Submission {
    /// That of a template.
    ///
    /// # Errors
    /// Never for a template that was loaded: its sample was rendered then.
    pub fn of(template: &MessageTemplate, language: Language) -> Result<Self, RenderError> {
        Ok(Self {
            name: template.approved_name().to_owned(),
            language: template.language_code(language).to_owned(),
            category: template.category(),
            format: template.parameter_format(),
            header: template.header_for_approval(language)?,
            body: template.body_for_approval(language)?,
            footer: template.footer(language).map(str::to_owned),
            buttons: template.buttons_for_approval(language)?,
        })
    }

    /// What people will read of it.
    pub fn wording(&self) -> Wording {
        let buttons = self.buttons.iter().map(|button| match button {
            ApprovalButton::Url { text, url, .. } => WordedButton::new("url", text, Some(url)),
            ApprovalButton::QuickReply { text } => WordedButton::new("quick-reply", text, None),
            ApprovalButton::Phone { text, phone } => WordedButton::new("phone", text, Some(phone)),
        });
        let header = self.header.as_ref().map(ApprovalHeader::wording);
        Wording::new(header.as_deref(), &self.body.text, self.footer.as_deref(), buttons)
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Submission({} in {})", self.name, self.language)
    }
}
