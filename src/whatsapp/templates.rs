//! Templates on the wire: handing one in, and what Meta's list says of those that are there.
//!
//! Mirrors developers.facebook.com/documentation/business-messaging/whatsapp/templates/{template-management, components}, as checked on 2026-11-22.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::domain::live_check::TemplateFacts;
use crate::domain::template::{ApprovalButton, ApprovalHeader, ApprovalText, Category, ParameterFormat};
use crate::domain::template_approval::{Submission, WordedButton, Wording};

/// The body of `POST /{account}/message_templates`. It does not let Meta choose another category: Meta refuses instead, and a person decides.
/// `sample`: the handle of the header's sample; without one, where one is needed, the file is named in its place.
pub fn creation(submission: &Submission, sample: Option<&str>) -> Value {
    json!({
        "name": submission.name,
        "language": submission.language,
        "category": category(submission.category),
        "parameter_format": match submission.format {
            ParameterFormat::Named => "NAMED",
            ParameterFormat::Positional => "POSITIONAL",
        },
        "components": components(submission, sample),
    })
}

/// The body of `POST /{template-id}`: the components replace all that are there.
pub fn edit(submission: &Submission, sample: Option<&str>, with_category: bool) -> Value {
    let mut body = json!({"components": components(submission, sample)});
    if with_category {
        body["category"] = json!(category(submission.category));
    }
    body
}

fn category(category: Category) -> &'static str {
    match category {
        Category::Marketing => "MARKETING",
        Category::Utility => "UTILITY",
    }
}

fn components(submission: &Submission, sample: Option<&str>) -> Vec<Value> {
    let named = submission.format == ParameterFormat::Named;
    let mut components = Vec::new();
    match &submission.header {
        Some(ApprovalHeader::Text(line)) => {
            let example = example(line, named, "header_text", json!(samples(line)));
            components.push(with(json!({"type": "HEADER", "format": "TEXT", "text": line.text}), example));
        }
        Some(ApprovalHeader::Media { media, sample: file }) => {
            let handle = sample.map_or_else(|| format!("(the handle of {})", file.name), str::to_owned);
            let format = media.name().to_ascii_uppercase();
            components.push(json!({"type": "HEADER", "format": format, "example": {"header_handle": [handle]}}));
        }
        None => {}
    }
    let body = &submission.body;
    let example = example(body, named, "body_text", json!([samples(body)]));
    components.push(with(json!({"type": "BODY", "text": body.text}), example));
    if let Some(footer) = &submission.footer {
        components.push(json!({"type": "FOOTER", "text": footer}));
    }
    if !submission.buttons.is_empty() {
        components
            .push(json!({"type": "BUTTONS", "buttons": submission.buttons.iter().map(button).collect::<Vec<_>>()}));
    }
    components
}

fn samples(text: &ApprovalText) -> Vec<&str> {
    text.samples.iter().map(|sample| sample.text.as_str()).collect()
}

/// Meta wants one for each variable, and none where there is no variable. `key`: for positional ones, which stand in `positional`.
fn example(text: &ApprovalText, named: bool, key: &str, positional: Value) -> Option<Value> {
    if text.samples.is_empty() {
        return None;
    }
    if !named {
        return Some(json!({ key: positional }));
    }
    let samples: Vec<Value> = text
        .samples
        .iter()
        .map(|sample| json!({"param_name": sample.name.as_deref().unwrap_or_default(), "example": sample.text}))
        .collect();
    Some(json!({ format!("{key}_named_params"): samples }))
}

fn with(mut component: Value, example: Option<Value>) -> Value {
    if let Some(example) = example {
        component["example"] = example;
    }
    component
}

fn button(button: &ApprovalButton) -> Value {
    match button {
        ApprovalButton::Url { text, url, sample } => {
            let mut made = json!({"type": "URL", "text": text, "url": url});
            if let Some(sample) = sample {
                made["example"] = json!([sample]);
            }
            made
        }
        ApprovalButton::QuickReply { text } => json!({"type": "QUICK_REPLY", "text": text}),
        ApprovalButton::Phone { text, phone } => json!({"type": "PHONE_NUMBER", "text": text, "phone_number": phone}),
    }
}

/// Fields that the list is asked for: those that it does not give by itself, too.
pub(super) const FIELDS: &str =
    "name,language,status,category,parameter_format,components,rejected_reason,quality_score";

/// One row of the list. What we do not know is passed over: Meta adds fields and words.
#[derive(Deserialize)]
pub(super) struct Row {
    #[serde(default)]
    id: String,
    name: String,
    language: String,
    status: String,
    category: String,
    #[serde(default)]
    parameter_format: Option<String>,
    #[serde(default)]
    rejected_reason: Option<String>,
    #[serde(default)]
    quality_score: Option<Quality>,
    #[serde(default)]
    components: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Quality {
    #[serde(default)]
    score: Option<String>,
}

impl From<Row> for TemplateFacts {
    fn from(row: Row) -> Self {
        let reason = row.rejected_reason.filter(|reason| reason != "NONE").unwrap_or_default();
        Self {
            wording: wording(&row.components),
            id: row.id,
            name: row.name,
            language: row.language,
            status: row.status,
            category: row.category,
            quality: row.quality_score.and_then(|quality| quality.score).unwrap_or_default(),
            rejected_reason: reason,
            format: row.parameter_format.unwrap_or_default(),
        }
    }
}

fn wording(components: &[Map<String, Value>]) -> Wording {
    let text = |component: &Map<String, Value>, key: &str| -> String {
        component.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let of = |kind: &str| components.iter().find(|component| text(component, "type").eq_ignore_ascii_case(kind));
    let header = of("HEADER").map(|header| match text(header, "format").as_str() {
        "TEXT" | "" => text(header, "text"),
        media => format!("({})", media.to_ascii_lowercase()),
    });
    let body = of("BODY").map(|body| text(body, "text")).unwrap_or_default();
    let footer = of("FOOTER").map(|footer| text(footer, "text"));
    let buttons = of("BUTTONS").and_then(|buttons| buttons.get("buttons")).and_then(Value::as_array);
    let buttons = buttons.into_iter().flatten().filter_map(Value::as_object).map(|button| {
        let label = text(button, "text");
        match text(button, "type").as_str() {
            "URL" => WordedButton::new("url", &label, Some(&text(button, "url"))),
            "PHONE_NUMBER" => WordedButton::new("phone", &label, Some(&text(button, "phone_number"))),
            other => WordedButton::new(&other.to_ascii_lowercase().replace('_', "-"), &label, None),
        }
    });
    Wording::new(header.as_deref(), &body, footer.as_deref(), buttons)
}

/// What to do about what Meta says against a template that was handed in.
pub(super) fn remedy(code: Option<i64>, subcode: Option<i64>) -> &'static str {
    match (code, subcode) {
        (_, Some(2_388_023)) => {
            "a template of this name was deleted lately and blocks it for 30 days: give it another `name`"
        }
        (_, Some(2_388_024)) => {
            "there is one of this name and language already: `barid template sync` reads it, and pushing again edits it"
        }
        (_, Some(2_388_293)) => {
            "it has too many variables for so little text: write more words, or use fewer variables"
        }
        (_, Some(2_388_299)) => "it begins or ends with a variable: put words around it",
        (Some(190), _) => "`barid job run verify-token` says what is wrong with the access token",
        (Some(3 | 10 | 200..=299), _) => {
            "give the access token the permission `whatsapp_business_management` for this account"
        }
        (Some(1 | 2), _) => "that is Meta's own trouble: push it again in some minutes",
        (Some(4 | 17 | 613 | 80_007 | 80_008), _) => "too much was asked of Meta: push it again in an hour",
        _ => "change that in the template's folder and push it again",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::campaign::CampaignValue;
    use crate::domain::language::Language;
    use crate::domain::template::{Brand, FileBeside, MessageTemplate, SourceFile, TemplateSource};

    const BUTTONS: &str = "
[header]
text = { ar = \"طرد {{parcel}}\", en = \"Parcel {{parcel}}\" }
[footer]
text = { ar = \"مستودع ٤\", en = \"Depot 4\" }
[[buttons]]
type = \"quick-reply\"
text = { ar = \"مساعدة\", en = \"Help\" }
payload = \"help\"
[[buttons]]
type = \"url\"
text = { ar = \"تتبّع\", en = \"Track\" }
url = \"https://example.org/t/{{parcel}}\"
[[buttons]]
type = \"phone\"
text = { ar = \"اتصل\", en = \"Call\" }
phone = \"+966112345678\"
";

    fn submission(format: &str, more: &str, language: Language) -> Submission {
        let file = |path: &str, text: String| SourceFile { path: path.to_owned(), text };
        let source = TemplateSource {
            name: "parcel-update".parse().unwrap(),
            manifest: file(
                "template.toml",
                format!(
                    "name = \"parcel_update\"\ncategory = \"utility\"\nparameter_format = \"{format}\"\n\
                     language_codes = {{ ar = \"ar\", en = \"en_US\" }}\n{more}"
                ),
            ),
            ar: file(
                "ar.hbs",
                "مرحبًا {{contact.name}}، طردك {{parcel}} في الطريق يا {{contact.name}} اليوم.\n".to_owned(),
            ),
            en: file(
                "en.hbs",
                "Hello {{contact.name}},\nparcel {{parcel}} is on its way, {{contact.name}}, today.\n".to_owned(),
            ),
            sample: file(
                "sample.toml",
                "[contact]\nname = { ar = \"أمل\", en = \"Nadia\" }\n[values]\nparcel = \"P-1\"\n".to_owned(),
            ),
            partials: BTreeMap::new(),
            beside: [("slip.pdf".to_owned(), FileBeside { path: "slip.pdf".to_owned(), bytes: 9 })].into(),
        };
        let brand = Brand { name: CampaignValue::from("Depot 4"), signature: CampaignValue::from("Depot 4") };
        let template = MessageTemplate::compile(&source, &brand).unwrap();
        Submission::of(&template, language).unwrap()
    }

    #[test]
    fn a_template_with_everything_and_named_parameters() {
        assert_eq!(
            creation(&submission("named", BUTTONS, Language::En), None),
            json!({
                "name": "parcel_update", "language": "en_US", "category": "UTILITY", "parameter_format": "NAMED",
                "components": [
                    {"type": "HEADER", "format": "TEXT", "text": "Parcel {{parcel}}",
                     "example": {"header_text_named_params": [{"param_name": "parcel", "example": "P-1"}]}},
                    {"type": "BODY", "text": "Hello {{contact_name}},\nparcel {{parcel}} is on its way, {{contact_name}}, today.",
                     "example": {"body_text_named_params": [
                         {"param_name": "contact_name", "example": "Nadia"}, {"param_name": "parcel", "example": "P-1"}]}},
                    {"type": "FOOTER", "text": "Depot 4"},
                    {"type": "BUTTONS", "buttons": [
                        {"type": "QUICK_REPLY", "text": "Help"},
                        {"type": "URL", "text": "Track", "url": "https://example.org/t/{{1}}",
                         "example": ["https://example.org/t/P-1"]},
                        {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+966112345678"}]},
                ],
            })
        );
    }

    #[test]
    fn a_template_with_positional_parameters_in_arabic() {
        let isolated = "\u{2068}P-1\u{2069}";
        assert_eq!(
            creation(&submission("positional", BUTTONS, Language::Ar), None),
            json!({
                "name": "parcel_update", "language": "ar", "category": "UTILITY", "parameter_format": "POSITIONAL",
                "components": [
                    {"type": "HEADER", "format": "TEXT", "text": "طرد {{1}}", "example": {"header_text": [isolated]}},
                    {"type": "BODY", "text": "مرحبًا {{1}}، طردك {{2}} في الطريق يا {{3}} اليوم.",
                     "example": {"body_text": [["أمل", isolated, "أمل"]]}},
                    {"type": "FOOTER", "text": "مستودع ٤"},
                    {"type": "BUTTONS", "buttons": [
                        {"type": "QUICK_REPLY", "text": "مساعدة"},
                        // An address has no direction: marks in it would lead elsewhere.
                        {"type": "URL", "text": "تتبّع", "url": "https://example.org/t/{{1}}",
                         "example": ["https://example.org/t/P-1"]},
                        {"type": "PHONE_NUMBER", "text": "اتصل", "phone_number": "+966112345678"}]},
                ],
            })
        );
    }

    #[test]
    fn a_header_of_media_brings_the_handle_of_its_sample_and_comes_back_as_the_same_words() {
        let header =
            "[header]\nmedia = \"document\"\nsample = \"slip.pdf\"\nlink = \"https://example.org/{{parcel}}\"\n";
        let ours = submission("named", header, Language::En);
        let component =
            |handle: &str| json!({"type": "HEADER", "format": "DOCUMENT", "example": {"header_handle": [handle]}});
        assert_eq!(creation(&ours, Some("4::aW"))["components"][0], component("4::aW"));
        assert_eq!(edit(&ours, Some("4::aW"), false)["components"][0], component("4::aW"));
        assert_eq!(creation(&ours, None)["components"][0], component("(the handle of slip.pdf)"));
        let mut row = creation(&ours, Some("4::aW"));
        row["status"] = json!("APPROVED");
        let facts = TemplateFacts::from(serde_json::from_value::<Row>(row).unwrap());
        assert_eq!(facts.wording, ours.wording());
        assert_eq!(ours.wording().lines()[0], "header: (document)");
    }

    #[test]
    fn an_edit_brings_all_components_and_the_category_only_where_it_changes() {
        let ours = submission("named", "", Language::En);
        assert_eq!(edit(&ours, None, false), json!({"components": creation(&ours, None)["components"]}));
        assert_eq!(edit(&ours, None, true)["category"], "UTILITY");
    }

    #[test]
    fn what_was_handed_in_comes_back_as_the_same_words() {
        for language in Language::ALL {
            let ours = submission("named", BUTTONS, language);
            let mut row = creation(&ours, None);
            row["status"] = json!("APPROVED");
            row["id"] = json!("1300000000000001");
            let facts = TemplateFacts::from(serde_json::from_value::<Row>(row).unwrap());
            assert_eq!(facts.wording, ours.wording());
            assert_eq!(
                (facts.format.as_str(), facts.quality.as_str(), facts.rejected_reason.as_str()),
                ("NAMED", "", "")
            );
        }
    }

    #[test]
    fn each_refusal_has_a_remedy_that_fits_it() {
        for (code, subcode, says) in [
            (Some(100), Some(2_388_024), "pushing again edits it"),
            (Some(100), Some(7), "template's folder"),
            (Some(190), Some(463), "verify-token"),
            (Some(80_007), None, "in an hour"),
            (Some(200), None, "whatsapp_business_management"),
        ] {
            assert!(remedy(code, subcode).contains(says), "{code:?} {subcode:?}");
        }
    }

    #[test]
    fn a_row_with_what_we_do_not_have_is_read_all_the_same() {
        let row = json!({
            "name": "old", "language": "en", "status": "REJECTED", "category": "UTILITY", "rejected_reason": "SCAM",
            "quality_score": {"score": "RED", "date": 1}, "sub_category": "X",
            "components": [
                {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://a.example/x"]}},
                {"type": "BODY", "text": "Hi"},
                {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "text": "Copy"}]},
                {"type": "CAROUSEL", "cards": []},
            ],
        });
        let facts = TemplateFacts::from(serde_json::from_value::<Row>(row).unwrap());
        assert_eq!(facts.wording.lines(), ["header: (image)", "body: Hi", "button: copy-code “Copy”"]);
        assert_eq!((facts.quality.as_str(), facts.rejected_reason.as_str()), ("RED", "SCAM"));
    }
}
