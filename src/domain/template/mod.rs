//! What a template says: one Handlebars text for each language that serves four uses.
//!
//! 1. the body that Meta approves ([`MessageTemplate::body_for_approval`]),
//! 2. the parameters that are sent with the approved template ([`MessageTemplate::content`]),
//! 3. the free-form text inside the service window and
//! 4. the text of other channels ([`MessageTemplate::text`]).
//!
//! How a text maps to Meta's parameters:
//! - Each `{{expression}}`, helpers and all, is one parameter: `{{date contact.visit style="short"}}` is filled with the finished
//!   date. Partials are put in place before, so an expression in a partial counts where the partial stands.
//! - Named (the default): a parameter is called after its expression (`contact.name` → `contact_name`, `{{number contact.points}}` →
//!   `number_contact_points`, a second one of that name gets `_2`). The same expression twice is the same parameter, sent once.
//! - Positional: `{{1}}`, `{{2}}`, … in the order of the text; the same expression twice is two parameters.
//! - Blocks (`{{#if}}`) are refused: Meta approves one fixed text.
//! - The header may have one expression, the address of a button one at its very end; the footer and labels have none.
//! - A header of media has an address that each message brings, with at most one expression at its very end, and a file beside the manifest that
//!   is shown to those who approve.
//! - `brand.name` and `brand.signature` are parameters too, so that a change of the configuration needs no new approval.
//!
//! Variables are `contact.name`, `contact.ATTRIBUTE`, `brand.name`, `brand.signature` and the values of the campaign. One that
//! `sample.toml` does not know is an error at load; one that a contact lacks is an error at rendering that names the variable and
//! never the person.

mod cldr;
mod compile;
mod direction;
mod free_text;
mod header;
mod helpers;
mod limits;
mod manifest;
mod source;
mod spans;
mod text;
mod values;

use std::collections::BTreeSet;

use crate::domain::ids::TemplateName;
use crate::domain::language::Language;
use crate::domain::message::{
    ButtonParameter, ButtonValue, Content, HeaderParameter, MediaKind, MediaSource, TemplateContent, TemplateParameter,
};

pub use free_text::{FreeText, FreeVariable, read_texts};
use header::Header;
pub use header::{ApprovalHeader, SampleFile};
pub use manifest::{Category, ParameterFormat, read_values};
pub use source::{FileBeside, SourceFile, TemplateSource};
pub use spans::span_in_words;
use text::{Text, Variable};
pub use values::{Brand, Values};

/// One of something for each language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByLanguage<T> {
    /// In Arabic.
    pub ar: T,
    /// In English.
    pub en: T,
}

impl<T> ByLanguage<T> {
    /// The one for that language.
    pub fn get(&self, language: Language) -> &T {
        match language {
            Language::Ar => &self.ar,
            Language::En => &self.en,
        }
    }
}

/// A template, compiled and checked. Rendering it touches nothing but memory.
#[derive(Debug, Clone)]
pub struct MessageTemplate {
    name: TemplateName,
    approved_name: String,
    category: Category,
    format: ParameterFormat,
    forms: ByLanguage<Form>,
    samples: ByLanguage<Values>,
}

/// A template in one language.
#[derive(Debug, Clone)]
struct Form {
    /// Meta's language code.
    code: String,
    header: Option<Header>,
    body: Text,
    footer: Option<String>,
    buttons: Vec<Button>,
    /// Twilio's stored content that says the same.
    content_sid: Option<String>,
}

#[derive(Debug, Clone)]
enum Button {
    Url { text: String, address: Text },
    QuickReply { text: String, payload: String },
    Phone { text: String, phone: String },
}

impl Form {
    fn variables(&self) -> impl Iterator<Item = &Variable> {
        let addresses = self.buttons.iter().filter_map(|button| match button {
            Button::Url { address, .. } => Some(address),
            _ => None,
        });
        self.header.iter().map(Header::text).chain([&self.body]).chain(addresses).flat_map(Text::variables)
    }
}

/// Why a text could not be made. Names the variable, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Nothing is known for it.
    #[error("there is no value for `{variable}`; give the contact one, or write `default` in the template")]
    Missing {
        /// Which variable.
        variable: String,
    },
    /// There is a value, but a helper cannot use it.
    #[error("the value of `{variable}` cannot be used: {because}")]
    Wrong {
        /// Which variable.
        variable: String,
        /// What the helper says.
        because: String,
    },
    /// Longer than Meta takes.
    #[error("the {part} would have {n} characters, but Meta allows {max}")]
    TooLong {
        /// `body` or `header`.
        part: &'static str,
        /// How many it has.
        n: usize,
        /// How many it may have.
        max: usize,
    },
}

/// A text as Meta approves it, with a sample for each placeholder.
#[derive(Clone, PartialEq, Eq)]
pub struct ApprovalText {
    /// With `{{1}}` or `{{name}}`.
    pub text: String,
    /// The samples, in order.
    pub samples: Vec<TemplateParameter>,
}

/// A button as Meta approves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalButton {
    /// Opens an address.
    Url {
        /// Its label.
        text: String,
        /// The address, `{{1}}` at its end where it has a variable.
        url: String,
        /// The whole address with the sample, where it has a variable.
        sample: Option<String>,
    },
    /// Answers.
    QuickReply {
        /// Its label.
        text: String,
    },
    /// Calls.
    Phone {
        /// Its label.
        text: String,
        /// The number.
        phone: String,
    },
}

impl MessageTemplate {
    /// The name of its folder.
    pub fn name(&self) -> &TemplateName {
        &self.name
    }

    /// Meta's name of it.
    pub fn approved_name(&self) -> &str {
        &self.approved_name
    }

    /// Meta's language code of a language.
    pub fn language_code(&self, language: Language) -> &str {
        &self.forms.get(language).code
    }

    /// Twilio's id (`HX…`) of the stored content that says the same as a call of this template, if there is one.
    pub fn content_sid(&self, call: &TemplateContent) -> Option<&str> {
        let of_this = self.approved_name == call.name;
        let form = Language::ALL.into_iter().map(|language| self.forms.get(language));
        form.filter(|form| of_this && form.code == call.language_code).find_map(|form| form.content_sid.as_deref())
    }

    /// Meta's price class.
    pub fn category(&self) -> Category {
        self.category
    }

    /// How its parameters are told apart.
    pub fn parameter_format(&self) -> ParameterFormat {
        self.format
    }

    /// The values that a campaign must bring, in either language.
    pub fn required_values(&self) -> BTreeSet<&str> {
        self.values_where(|variable| !variable.is_optional)
    }

    /// The values that a campaign may bring, in either language.
    pub fn known_values(&self) -> BTreeSet<&str> {
        self.values_where(|_| true)
    }

    fn values_where(&self, wanted: impl Fn(&Variable) -> bool) -> BTreeSet<&str> {
        let variables = Language::ALL.into_iter().flat_map(|language| self.forms.get(language).variables());
        variables
            .filter(|variable| wanted(variable))
            .filter_map(|variable| match variable.path.as_slice() {
                [name] => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The made-up values of `sample.toml`.
    pub fn sample(&self, language: Language) -> &Values {
        self.samples.get(language)
    }

    /// The sample with a campaign's values in place of the made-up ones: what a preview shows.
    pub fn sample_with(&self, campaign: &crate::domain::campaign::CampaignValues, language: Language) -> Values {
        campaign.iter().fold(self.samples.get(language).clone(), |values, (name, value)| {
            values.with(name, &value.in_language(language).to_string())
        })
    }

    /// The call of the approved template with its parameters, in the language of the values.
    ///
    /// # Errors
    /// When a value is missing or of no use, or the text gets too long.
    pub fn content(&self, values: &Values) -> Result<Content, RenderError> {
        let form = self.forms.get(values.language());
        let header = match &form.header {
            Some(Header::Text(header)) => {
                let parameters = self.parameters(header, values)?;
                fits("header", header.length_with(&parameters), limits::HEADER_MAX)?;
                parameters.into_iter().next().map(HeaderParameter::Text)
            }
            Some(Header::Media(header)) => Some(HeaderParameter::Media {
                media: header.kind,
                source: MediaSource::Link(rendered_address(&header.link, values)?),
                filename: header.filename.clone(),
            }),
            None => None,
        };
        let body = self.parameters(&form.body, values)?;
        fits("body", form.body.length_with(&body), limits::BODY_MAX)?;
        let mut buttons = Vec::new();
        for (index, button) in (0_u8..).zip(&form.buttons) {
            let value = match button {
                Button::Url { address, .. } => match address.parameters(false).first() {
                    Some(expression) => {
                        ButtonValue::UrlSuffix(suffix(&address.parameter(expression, values.context())?))
                    }
                    None => continue,
                },
                Button::QuickReply { payload, .. } => ButtonValue::Payload(payload.clone()),
                Button::Phone { .. } => continue,
            };
            buttons.push(ButtonParameter { index, value });
        }
        Ok(Content::Template(TemplateContent {
            name: self.approved_name.clone(),
            language_code: form.code.clone(),
            header,
            body,
            buttons,
        }))
    }

    fn parameters(&self, text: &Text, values: &Values) -> Result<Vec<TemplateParameter>, RenderError> {
        let named = self.format == ParameterFormat::Named;
        text.parameters(named)
            .into_iter()
            .map(|expression| {
                let text = text.parameter(expression, values.context())?;
                Ok(TemplateParameter { name: named.then(|| expression.name.clone()), text })
            })
            .collect()
    }

    /// The whole message as plain text, in the language of the values: header, body, footer, and addresses of buttons. Of a header that is a
    /// document, its address; pictures and films are left out.
    ///
    /// # Errors
    /// When a value is missing or of no use.
    pub fn text(&self, values: &Values) -> Result<String, RenderError> {
        let form = self.forms.get(values.language());
        let mut parts = Vec::new();
        match &form.header {
            Some(Header::Text(header)) => parts.push(header.render(values.context())?),
            Some(Header::Media(header)) if header.kind == MediaKind::Document => {
                let name = header.filename.as_ref().map_or_else(String::new, |name| format!("{name}: "));
                parts.push(name + &rendered_address(&header.link, values)?);
            }
            Some(Header::Media(_)) | None => {}
        }
        parts.push(form.body.render(values.context())?);
        for button in &form.buttons {
            match button {
                Button::Url { text, address } => parts.push(format!("{text}: {}", rendered_address(address, values)?)),
                Button::Phone { text, phone } => parts.push(format!("{text}: {phone}")),
                Button::QuickReply { .. } => {}
            }
        }
        parts.extend(form.footer.clone());
        Ok(parts.join("\n\n"))
    }

    /// The body as Meta approves it.
    ///
    /// # Errors
    /// Never for a template that was loaded: its sample was rendered then.
    pub fn body_for_approval(&self, language: Language) -> Result<ApprovalText, RenderError> {
        self.for_approval(&self.forms.get(language).body, language)
    }

    /// The line above the text where a channel has one: the header, if the template has one of text.
    ///
    /// # Errors
    /// As for [`Self::text`].
    pub fn subject(&self, values: &Values) -> Result<Option<String>, RenderError> {
        let form = self.forms.get(values.language());
        match &form.header {
            Some(Header::Text(header)) => header.render(values.context()).map(Some),
            Some(Header::Media(_)) | None => Ok(None),
        }
    }

    /// The header as Meta approves it, if there is one.
    ///
    /// # Errors
    /// Never for a template that was loaded: its sample was rendered then.
    pub fn header_for_approval(&self, language: Language) -> Result<Option<ApprovalHeader>, RenderError> {
        let approval = |header: &Header| match header {
            Header::Text(text) => self.for_approval(text, language).map(ApprovalHeader::Text),
            Header::Media(header) => Ok(ApprovalHeader::Media { media: header.kind, sample: header.sample.clone() }),
        };
        self.forms.get(language).header.as_ref().map(approval).transpose()
    }

    fn for_approval(&self, text: &Text, language: Language) -> Result<ApprovalText, RenderError> {
        let named = self.format == ParameterFormat::Named;
        Ok(ApprovalText {
            text: text.with_placeholders(named),
            samples: self.parameters(text, self.samples.get(language))?,
        })
    }

    /// The footer, if there is one.
    pub fn footer(&self, language: Language) -> Option<&str> {
        self.forms.get(language).footer.as_deref()
    }

    /// The buttons as Meta approves them.
    ///
    /// # Errors
    /// Never for a template that was loaded: its sample was rendered then.
    pub fn buttons_for_approval(&self, language: Language) -> Result<Vec<ApprovalButton>, RenderError> {
        let values = self.samples.get(language);
        let approval = |button: &Button| {
            Ok(match button {
                Button::Url { text, address } => ApprovalButton::Url {
                    text: text.clone(),
                    url: address.with_placeholders(false),
                    sample: (!address.is_fixed()).then(|| rendered_address(address, values)).transpose()?,
                },
                Button::QuickReply { text, .. } => ApprovalButton::QuickReply { text: text.clone() },
                Button::Phone { text, phone } => ApprovalButton::Phone { text: text.clone(), phone: phone.clone() },
            })
        };
        self.forms.get(language).buttons.iter().map(approval).collect()
    }
}

/// The address of a button with its value.
fn rendered_address(address: &Text, values: &Values) -> Result<String, RenderError> {
    let fixed = address.ends().map_or_else(|| address.with_placeholders(false), |(first, _)| first.to_owned());
    match address.parameters(false).first() {
        Some(expression) => Ok(fixed + &suffix(&address.parameter(expression, values.context())?)),
        None => Ok(fixed),
    }
}

/// A value as the end of an address: what an address cannot hold is percent-encoded, and marks of direction, which would lead elsewhere, are left
/// out.
fn suffix(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in direction::cleaned(value).bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/?&=#%+:,;@!$'()*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn fits(part: &'static str, n: usize, max: usize) -> Result<(), RenderError> {
    if n > max { Err(RenderError::TooLong { part, n, max }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
