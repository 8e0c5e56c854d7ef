//! `template.toml`: what Meta knows about a template beside the text of its body.

use super::limits;
use crate::domain::campaign::{CampaignValue, CampaignValues, Scalar};
use crate::domain::document::{Node, NodeValue, Read, Table, one_of};
use crate::domain::language::Language;
use crate::domain::message::MediaKind;
use crate::domain::problem::{Place, Problem};

/// Meta's price class of a template.
/// Source: `/documentation/business-messaging/whatsapp/templates/template-categorization`, checked 2026-11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Anything promotional or mixed.
    Marketing,
    /// Follow-up to something the person did or asked for.
    Utility,
}

impl Category {
    /// Every category that we send.
    pub const ALL: [Self; 2] = [Self::Marketing, Self::Utility];

    /// The word in files; Meta writes it in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::Utility => "utility",
        }
    }
}

/// How Meta tells the parameters of a template apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterFormat {
    /// `{{first_name}}`
    Named,
    /// `{{1}}`
    Positional,
}

impl ParameterFormat {
    const ALL: [Self; 2] = [Self::Named, Self::Positional];

    /// The word in files; Meta writes it in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Positional => "positional",
        }
    }
}

/// A text for each language, with its place.
#[derive(Debug, Clone)]
pub(super) struct LocalText {
    pub(super) ar: (String, Place),
    pub(super) en: (String, Place),
}

impl LocalText {
    pub(super) fn in_language(&self, language: Language) -> &(String, Place) {
        match language {
            Language::Ar => &self.ar,
            Language::En => &self.en,
        }
    }
}

/// A header as written.
#[derive(Debug, Clone)]
pub(super) enum HeaderManifest {
    /// A line of text.
    Text(LocalText),
    /// A picture, film or document.
    Media(Box<MediaManifest>),
}

/// A header of media as written.
#[derive(Debug, Clone)]
pub(super) struct MediaManifest {
    pub(super) kind: MediaKind,
    /// The name of a file beside the manifest: what is shown to those who approve.
    pub(super) sample: LocalText,
    /// What people get; may end in one expression.
    pub(super) link: LocalText,
    /// Of a document: the name that people see.
    pub(super) filename: Option<LocalText>,
}

/// A button as written.
#[derive(Debug, Clone)]
pub(super) struct ButtonManifest {
    pub(super) place: Place,
    pub(super) text: LocalText,
    pub(super) kind: ButtonKind,
}

/// What a button does.
#[derive(Debug, Clone)]
pub(super) enum ButtonKind {
    /// Opens an address; the source may end in one expression.
    Url(String),
    /// Answers with a payload.
    QuickReply(String),
    /// Calls a number.
    Phone(String),
}

/// The whole of `template.toml`.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) codes: (String, String),
    pub(super) category: Category,
    pub(super) format: ParameterFormat,
    pub(super) header: Option<HeaderManifest>,
    pub(super) footer: Option<LocalText>,
    pub(super) buttons: Vec<ButtonManifest>,
    /// Twilio's stored content of it, Arabic and English.
    pub(super) content_sids: (Option<String>, Option<String>),
}

impl Manifest {
    pub(super) fn parse(path: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let node = Node::parse(path, text)?;
        let (manifest, problems, _) = Table::read_document(&node, Self::read);
        match manifest {
            Some(manifest) if problems.is_empty() => Ok(manifest),
            _ => Err(problems),
        }
    }

    fn read(table: &Table<'_>) -> Option<Self> {
        let name: Option<String> = table.required("name");
        let checked = |table: &Table<'_>, key, check: &dyn Fn(&mut Vec<Problem>, &Place)| {
            let mut problems = Vec::new();
            check(&mut problems, table.node(key).map_or_else(|| table.place(), |node| &node.place));
            problems.into_iter().for_each(|problem| table.note(problem));
        };
        if let Some(name) = &name {
            checked(table, "name", &|problems, place| limits::name(problems, place, name));
        }
        let codes = table.table("language_codes", |codes| {
            let code = |language: Language| {
                let key = language.code();
                let code: Option<String> = codes.required(key);
                if let Some(code) = &code {
                    checked(codes, key, &|problems, place| limits::language_code(problems, place, key, code));
                }
                code
            };
            (code(Language::Ar), code(Language::En))
        });
        let category = table.required::<Category>("category");
        let format = table.or("parameter_format", ParameterFormat::Named);
        let header = table.optional_table("header", header).flatten();
        let footer = table.optional_table("footer", |footer| local_text(footer, "text")).flatten();
        let buttons = table.tables("buttons", button);
        let content_sids = table
            .optional_table("twilio", |twilio| (content_sid(twilio, "ar"), content_sid(twilio, "en")))
            .unwrap_or_default();
        Some(Self {
            name: name?,
            codes: (codes.0?, codes.1?),
            category: category?,
            format: format?,
            header,
            footer,
            buttons: buttons.into_iter().collect::<Option<_>>()?,
            content_sids,
        })
    }
}

/// `[twilio.ar] content_sid`: Twilio's id of the same text, stored and approved there.
fn content_sid(table: &Table<'_>, language: &'static str) -> Option<String> {
    let sid = table.optional_table(language, |table| table.required::<String>("content_sid")).flatten()?;
    let digits = sid.strip_prefix("HX").unwrap_or_default();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        table.problem(language, format!("`content_sid` is `{sid}`, but must be `HX` and 32 hexadecimal digits"));
    }
    Some(sid)
}

/// The words for media of a header; Meta has no others.
const HEADER_MEDIA: [MediaKind; 3] = [MediaKind::Image, MediaKind::Video, MediaKind::Document];

impl Read for MediaKind {
    fn read(node: &Node) -> Result<Self, String> {
        one_of(node, HEADER_MEDIA, Self::name)
    }
}

fn header(table: &Table<'_>) -> Option<HeaderManifest> {
    if table.node("media").is_none() {
        return local_text(table, "text").map(HeaderManifest::Text);
    }
    let kind = table.required::<MediaKind>("media");
    if table.node("text").is_some() {
        table.problem("text", "a header has either `text` or `media`; leave one out");
    }
    let (sample, link) = (one_or_both(table, "sample"), one_or_both(table, "link"));
    let filename = table.node("filename").and_then(|_| one_or_both(table, "filename"));
    if filename.is_some() && kind.is_some_and(|kind| kind != MediaKind::Document) {
        table.problem("filename", "only a document has a `filename`; leave it out");
    }
    Some(HeaderManifest::Media(Box::new(MediaManifest { kind: kind?, sample: sample?, link: link?, filename })))
}

/// A text that is the same in both languages, or one for each.
fn one_or_both(table: &Table<'_>, key: &'static str) -> Option<LocalText> {
    let place = match table.node(key) {
        Some(node) if matches!(node.value, NodeValue::Table(_)) => return local_text(table, key),
        Some(node) => node.place.clone(),
        None => table.place().clone(),
    };
    let text: String = table.required(key)?;
    Some(LocalText { ar: (text.clone(), place.clone()), en: (text, place) })
}

fn local_text(table: &Table<'_>, key: &'static str) -> Option<LocalText> {
    let has_text = table.node(key).is_some();
    if !has_text {
        table.problem_here(format!("`{key}` is missing; write `{key} = {{ ar = \"…\", en = \"…\" }}`"));
        return None;
    }
    table.table(key, |texts| {
        let placed = |key| {
            let text: Option<String> = texts.required(key);
            text.zip(texts.node(key).map(|node| node.place.clone()))
        };
        let (ar, en) = (placed("ar"), placed("en"));
        Some(LocalText { ar: ar?, en: en? })
    })
}

fn button(table: &Table<'_>) -> Option<ButtonManifest> {
    let kind = table.node("type").and_then(|_| table.required::<String>("type"));
    let text = local_text(table, "text");
    let place = table.place().clone();
    let kind = match kind.as_deref() {
        Some("url") => table.required("url").map(ButtonKind::Url),
        Some("quick-reply") => table.required("payload").map(ButtonKind::QuickReply),
        Some("phone") => table.required("phone").map(ButtonKind::Phone),
        other => {
            let given = other.map_or_else(|| "missing".to_owned(), |other| format!("`{other}`"));
            table.problem("type", format!("`type` is {given}, but must be one of `url`, `quick-reply`, `phone`"));
            let _: (Option<String>, Option<String>, Option<String>) =
                (table.optional("url"), table.optional("payload"), table.optional("phone"));
            None
        }
    };
    Some(ButtonManifest { place, text: text?, kind: kind? })
}

impl Read for Category {
    fn read(node: &Node) -> Result<Self, String> {
        if matches!(&node.value, NodeValue::Text(text) if text == "authentication") {
            return Err(
                "is `authentication`, which is not supported: one-time codes have rules of their own".to_owned()
            );
        }
        one_of(node, Self::ALL, Self::name)
    }
}

impl Read for ParameterFormat {
    fn read(node: &Node) -> Result<Self, String> {
        one_of(node, Self::ALL, Self::name)
    }
}

impl Read for CampaignValue {
    fn read(node: &Node) -> Result<Self, String> {
        let NodeValue::Table(table) = &node.value else {
            return Scalar::read(node).map(Self::Same);
        };
        if let Some(stray) = table.keys().find(|key| !matches!(key.as_str(), "ar" | "en")) {
            return Err(format!(
                "has `{stray}`, but a table holds one value for each language: `{{ ar = …, en = … }}`"
            ));
        }
        let side = |key: &str| {
            let node =
                table.get(key).ok_or_else(|| format!("has no value for `{key}`; write `{{ ar = …, en = … }}`"))?;
            Scalar::read(node)
        };
        Ok(Self::ByLanguage { ar: side("ar")?, en: side("en")? })
    }
}

impl Read for Scalar {
    fn read(node: &Node) -> Result<Self, String> {
        match &node.value {
            NodeValue::Text(text) if text.trim().is_empty() => Err("is empty; Meta refuses empty values".to_owned()),
            NodeValue::Text(text) | NodeValue::Decimal(text) | NodeValue::Datetime(text) => {
                Ok(Self::Text(text.clone()))
            }
            NodeValue::Integer(number) => Ok(Self::Integer(*number)),
            other => Err(format!("must be a text, a number, a date or `{{ ar = …, en = … }}`, not {}", other.kind())),
        }
    }
}

/// Reads a table of values whose names are free, with the place of each.
pub fn read_values(table: &Table<'_>, key: &'static str) -> (CampaignValues, Vec<(String, Place)>) {
    let mut values = CampaignValues::new();
    let mut places = Vec::new();
    for (name, node) in table.entries(key) {
        match CampaignValue::read(node) {
            Ok(value) => {
                values.insert(name.to_owned(), value);
            }
            Err(wrong) => table.note(node.place.problem(format!("`{name}` {wrong}"))),
        }
        places.push((name.to_owned(), node.place.clone()));
    }
    (values, places)
}

/// `sample.toml`: made-up values with which a template is shown and checked.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    pub(super) contact: CampaignValues,
    pub(super) values: CampaignValues,
}

impl Sample {
    pub(super) fn parse(path: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let node = Node::parse(path, text)?;
        let (sample, problems, _) = Table::read_document(&node, |table| Self {
            contact: read_values(table, "contact").0,
            values: read_values(table, "values").0,
        });
        if problems.is_empty() { Ok(sample) } else { Err(problems) }
    }
}
