//! A template as Meta holds it: its text decides how many parameters a call must bring.

use serde::{Deserialize, Serialize};

/// One translation of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// `[a-z0-9_]`, up to 512.
    pub name: String,
    /// Meta's language code: `ar`, `en`, `en_US`, …
    pub language: String,
    /// `MARKETING`, `UTILITY` or `AUTHENTICATION`.
    #[serde(default)]
    pub category: Category,
    /// Only `APPROVED` ones are sent.
    #[serde(default)]
    pub status: TemplateStatus,
    /// Whether parameters have numbers or names.
    #[serde(default)]
    pub parameter_format: ParameterFormat,
    /// The text with its placeholders: `{{1}}`, `{{2}}` or `{{first_name}}`.
    pub body: String,
    /// What stands above the text.
    #[serde(default)]
    pub header: Option<Header>,
    /// What stands below the text.
    #[serde(default)]
    pub footer: Option<String>,
    /// In the order in which they are shown, which is how calls count them.
    #[serde(default)]
    pub buttons: Vec<Button>,
    /// `GREEN`, `YELLOW`, `RED` or `UNKNOWN`.
    #[serde(default = "green")]
    pub quality: String,
    /// Why it was rejected, such as `PROMOTIONAL`.
    #[serde(default)]
    pub rejected_reason: Option<String>,
}

fn green() -> String {
    "GREEN".to_owned()
}

impl Template {
    /// An approved template with the given text, without header, footer and buttons; named parameters if the text has names in its placeholders.
    pub fn approved(name: &str, language: &str, category: Category, body: &str) -> Self {
        let named = placeholders(body).iter().any(|name| name.parse::<u32>().is_err());
        Self {
            name: name.to_owned(),
            language: language.to_owned(),
            category,
            status: TemplateStatus::Approved,
            parameter_format: if named { ParameterFormat::Named } else { ParameterFormat::Positional },
            body: body.to_owned(),
            header: None,
            footer: None,
            buttons: Vec::new(),
            quality: green(),
            rejected_reason: None,
        }
    }

    /// What is wrong with it, if anything.
    pub(in crate::simulator) fn problem(&self) -> Option<String> {
        let name_ok = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if !name_ok(&self.name) || self.name.len() > 512 {
            return Some("its name may only hold `a`-`z`, `0`-`9` and `_`, at most 512".to_owned());
        }
        if self.body.is_empty() || self.body.chars().count() > 1024 {
            return Some("its body must have 1 to 1024 characters".to_owned());
        }
        if self.parameter_format == ParameterFormat::Positional {
            let mut numbers: Vec<Option<usize>> = placeholders(&self.body).iter().map(|n| n.parse().ok()).collect();
            numbers.sort_unstable();
            if numbers.iter().enumerate().any(|(at, number)| *number != Some(at + 1)) {
                return Some(
                    "its placeholders must be `{{1}}`, `{{2}}`, … without gaps; or set `parameter_format = \"NAMED\"`"
                        .to_owned(),
                );
            }
        }
        let url_without_address = |button: &Button| button.kind == ButtonKind::Url && button.url.is_none();
        if self.buttons.len() > 10 || self.buttons.iter().any(url_without_address) {
            return Some("it may have at most 10 buttons, and a `URL` button needs `url`".to_owned());
        }
        None
    }
}

/// What stands above the text of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// What kind of header.
    pub format: HeaderFormat,
    /// Of a text header: its text, with at most one placeholder.
    #[serde(default)]
    pub text: Option<String>,
}

/// What kind of header a template has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the words of Meta's format field explain themselves")]
pub enum HeaderFormat {
    Text,
    Image,
    Video,
    Document,
    Location,
}

/// A button of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Button {
    /// What it does.
    #[serde(rename = "type")]
    pub kind: ButtonKind,
    /// What is written on it.
    pub text: String,
    /// Of a `URL` button: the address; with `{{1}}` at its end each call must bring that part.
    #[serde(default)]
    pub url: Option<String>,
    /// Of a `PHONE_NUMBER` button: the number.
    #[serde(default)]
    pub phone_number: Option<String>,
}

impl Button {
    /// A quick reply.
    pub fn quick_reply(text: &str) -> Self {
        Self { kind: ButtonKind::QuickReply, text: text.to_owned(), url: None, phone_number: None }
    }

    /// A link; `{{1}}` at the end of the address makes its last part a parameter.
    pub fn url(text: &str, url: &str) -> Self {
        Self { kind: ButtonKind::Url, text: text.to_owned(), url: Some(url.to_owned()), phone_number: None }
    }

    /// Whether calls must bring a parameter for it.
    pub(in crate::simulator) fn needs_parameter(&self) -> bool {
        match self.kind {
            ButtonKind::Url => self.url.as_deref().is_some_and(|url| url.contains("{{1}}")),
            ButtonKind::CopyCode => true,
            ButtonKind::QuickReply | ButtonKind::PhoneNumber | ButtonKind::Flow => false,
        }
    }
}

/// What a button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the words of Meta's type field explain themselves")]
pub enum ButtonKind {
    QuickReply,
    Url,
    PhoneNumber,
    CopyCode,
    Flow,
}

/// What a template is for; decides its price and its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the words of Meta's category field explain themselves")]
pub enum Category {
    Marketing,
    #[default]
    Utility,
    Authentication,
}

impl Category {
    /// As statuses and prices call it.
    pub(in crate::simulator) fn as_priced(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::Utility => "utility",
            Self::Authentication => "authentication",
        }
    }
}

/// Where a template stands with Meta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the words of Meta's status field explain themselves")]
pub enum TemplateStatus {
    #[default]
    Approved,
    Pending,
    Rejected,
    Paused,
    Disabled,
    Archived,
}

/// Whether parameters have numbers or names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the words of Meta's format field explain themselves")]
pub enum ParameterFormat {
    #[default]
    Positional,
    Named,
}

/// The names (or numbers) between `{{` and `}}`, each once, in the order of the text.
pub(in crate::simulator) fn placeholders(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        let name = name.trim();
        if !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
        rest = behind;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_once_and_in_order() {
        assert_eq!(placeholders("Hi {{first_name}}, {{ parcel }} of {{first_name}}"), ["first_name", "parcel"]);
        assert_eq!(placeholders("no {{ end"), Vec::<&str>::new());
    }

    #[test]
    fn a_template_knows_what_is_wrong_with_it() {
        let template = |body| Template::approved("welcome", "ar", Category::Utility, body);
        assert_eq!(template("{{1}} and {{2}}").problem(), None);
        assert_eq!(template("{{name}}").problem(), None);
        assert!(template("{{1}} and {{3}}").problem().is_some());
        assert!(Template { name: "Welcome-1".into(), ..template("x") }.problem().is_some());
    }
}
