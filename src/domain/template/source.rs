//! From the files of a template to a [`MessageTemplate`], with everything wrong in them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::header::{Header, MediaHeader, SampleFile};
use super::manifest::{ButtonKind, ButtonManifest, HeaderManifest, LocalText, Manifest, MediaManifest, Sample};
use super::text::Text;
use super::values::json;
use super::{Brand, Button, ByLanguage, Form, MessageTemplate, RenderError, Values, limits};
use crate::domain::ids::TemplateName;
use crate::domain::language::Language;
use crate::domain::problem::{Place, Problem, did_you_mean};

/// A file: its path as the operator knows it, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// For messages.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// A file beside those of a template that are read, such as the picture of its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBeside {
    /// Where it is.
    pub path: String,
    /// How large it is.
    pub bytes: u64,
}

/// The files of one template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSource {
    /// The name of its folder.
    pub name: TemplateName,
    /// `template.toml`
    pub manifest: SourceFile,
    /// `ar.hbs`
    pub ar: SourceFile,
    /// `en.hbs`
    pub en: SourceFile,
    /// `sample.toml`
    pub sample: SourceFile,
    /// Partials by name, one source for each language.
    pub partials: BTreeMap<String, ByLanguage<SourceFile>>,
    /// Whatever else is in the folder, by name.
    pub beside: BTreeMap<String, FileBeside>,
}

impl MessageTemplate {
    /// Compiles a template and checks it: every variable known, rendered in both languages with its sample, Meta's limits held.
    ///
    /// # Errors
    /// Everything that is wrong, each with file and line.
    pub fn compile(source: &TemplateSource, brand: &Brand) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut keep = |wrong: Vec<Problem>| problems.extend(wrong);
        let manifest = Manifest::parse(&source.manifest.path, &source.manifest.text).map_err(&mut keep).ok();
        let sample = Sample::parse(&source.sample.path, &source.sample.text).map_err(&mut keep).ok();
        let bodies = ByLanguage {
            ar: body(source, Language::Ar).map_err(&mut keep).ok(),
            en: body(source, Language::En).map_err(&mut keep).ok(),
        };
        let (Some(manifest), Some(sample)) = (manifest, sample) else { return Err(told_once(problems)) };
        let ar = bodies.ar.map(|body| form(source, &manifest, body, Language::Ar, &mut problems));
        let en = bodies.en.map(|body| form(source, &manifest, body, Language::En, &mut problems));
        check_buttons(source, &manifest, &mut problems);
        for form in [&ar, &en].into_iter().flatten() {
            check_variables(form, &source.sample.path, &sample, &mut problems);
        }
        let (Some(ar), Some(en)) = (ar, en) else { return Err(told_once(problems)) };
        let template = Self {
            name: source.name.clone(),
            approved_name: manifest.name,
            category: manifest.category,
            format: manifest.format,
            forms: ByLanguage { ar, en },
            samples: ByLanguage {
                ar: sample_values(&sample, brand, Language::Ar),
                en: sample_values(&sample, brand, Language::En),
            },
        };
        if problems.is_empty() {
            for language in Language::ALL {
                check_sample(&template, source, language, &mut problems);
            }
        }
        if problems.is_empty() { Ok(template) } else { Err(told_once(problems)) }
    }
}

/// What is shared by both languages is looked at twice.
fn told_once(mut problems: Vec<Problem>) -> Vec<Problem> {
    let mut told = Vec::new();
    problems.retain(|problem| {
        let is_new = !told.contains(problem);
        told.push(problem.clone());
        is_new
    });
    problems
}

fn file_of(source: &TemplateSource, language: Language) -> &SourceFile {
    match language {
        Language::Ar => &source.ar,
        Language::En => &source.en,
    }
}

fn partials_of(source: &TemplateSource, language: Language) -> BTreeMap<String, (String, String)> {
    let file = |file: &SourceFile| (file.path.clone(), file.text.clone());
    source.partials.iter().map(|(name, files)| (name.clone(), file(files.get(language)))).collect()
}

fn body(source: &TemplateSource, language: Language) -> Result<Text, Vec<Problem>> {
    let file = file_of(source, language);
    Text::compile(&file.path, &file.text, language, &partials_of(source, language))
}

/// Compiles a text of the manifest; problems are told at its line there.
fn small_text(
    text: &str,
    place: &Place,
    language: Language,
    source: &TemplateSource,
    problems: &mut Vec<Problem>,
) -> Option<Text> {
    match Text::compile(&source.manifest.path, text, language, &partials_of(source, language)) {
        Ok(text) => Some(text),
        Err(wrong) => {
            problems.extend(wrong.into_iter().map(|problem| place.problem(problem.message)));
            None
        }
    }
}

fn form(
    source: &TemplateSource,
    manifest: &Manifest,
    body: Text,
    language: Language,
    problems: &mut Vec<Problem>,
) -> Form {
    let named = manifest.format == super::ParameterFormat::Named;
    let place = Place::file(file_of(source, language).path.clone());
    limits::body(problems, &place, &body.with_placeholders(named), body.ends());
    let header = manifest.header.as_ref().and_then(|header| match header {
        HeaderManifest::Text(text) => {
            let (text, place) = text.in_language(language);
            let text = small_text(text, place, language, source, problems)?;
            limits::header(problems, place, &text.with_placeholders(named), text.parameters(false).len());
            Some(Header::Text(text))
        }
        HeaderManifest::Media(written) => media_header(written, language, source, problems).map(Header::Media),
    });
    let footer = manifest.footer.as_ref().map(|footer| {
        let (text, place) = footer.in_language(language);
        limits::footer(problems, place, text);
        text.clone()
    });
    let buttons: Vec<Button> =
        manifest.buttons.iter().filter_map(|written| button(written, language, source, problems)).collect();
    let code = match language {
        Language::Ar => &manifest.codes.0,
        Language::En => &manifest.codes.1,
    };
    let content_sid = match language {
        Language::Ar => &manifest.content_sids.0,
        Language::En => &manifest.content_sids.1,
    };
    Form { code: code.clone(), header, body, footer, buttons, content_sid: content_sid.clone() }
}

fn media_header(
    written: &MediaManifest,
    language: Language,
    source: &TemplateSource,
    problems: &mut Vec<Problem>,
) -> Option<MediaHeader> {
    let (name, name_place) = written.sample.in_language(language);
    let (link, link_place) = written.link.in_language(language);
    let filename = written.filename.as_ref().map(|filename| filename.in_language(language));
    let kind = written.kind;
    let found = source.beside.get(name);
    let mime_type = limits::sample(problems, name_place, kind, name, found.map(|file| file.bytes));
    if let Some((filename, place)) = filename {
        limits::filename(problems, place, filename);
    }
    let link = small_text(link, link_place, language, source, problems)?;
    check_address(problems, link_place, "the header", &link);
    let sample =
        SampleFile { path: found?.path.clone(), name: name.clone(), mime_type: mime_type?, bytes: found?.bytes };
    Some(MediaHeader { kind, sample, link, filename: filename.map(|(name, _)| name.clone()) })
}

fn check_address(problems: &mut Vec<Problem>, place: &Place, of_what: &str, address: &Text) {
    let ends_with_variable = address.ends().is_some_and(|(_, last)| last.is_empty());
    let approved = address.with_placeholders(false);
    limits::url(problems, place, of_what, &approved, address.parameters(false).len(), ends_with_variable);
}

fn button(
    written: &ButtonManifest,
    language: Language,
    source: &TemplateSource,
    problems: &mut Vec<Problem>,
) -> Option<Button> {
    let (label, place): &(String, Place) = LocalText::in_language(&written.text, language);
    limits::button_text(problems, place, label);
    let text = label.clone();
    Some(match &written.kind {
        ButtonKind::Url(url) => {
            let address = small_text(url, &written.place, language, source, problems)?;
            check_address(problems, &written.place, "a button", &address);
            Button::Url { text, address }
        }
        ButtonKind::QuickReply(payload) => {
            limits::payload(problems, &written.place, payload);
            Button::QuickReply { text, payload: payload.clone() }
        }
        ButtonKind::Phone(phone) => {
            limits::phone(problems, &written.place, phone);
            Button::Phone { text, phone: phone.clone() }
        }
    })
}

fn check_buttons(source: &TemplateSource, manifest: &Manifest, problems: &mut Vec<Problem>) {
    let place = Place::file(source.manifest.path.clone());
    let kinds: Vec<&str> = manifest
        .buttons
        .iter()
        .map(|button| match button.kind {
            ButtonKind::Url(_) => "url",
            ButtonKind::QuickReply(_) => "quick-reply",
            ButtonKind::Phone(_) => "phone",
        })
        .collect();
    limits::buttons(problems, &place, &kinds);
}

fn sample_values(sample: &Sample, brand: &Brand, language: Language) -> Values {
    let known: Map<String, Json> =
        sample.contact.iter().map(|(name, value)| (name.clone(), json(value.in_language(language)))).collect();
    Values::new(language, &sample.values, brand).with_known_of_contact(known)
}

/// A variable that the sample does not have is taken for a misspelling: otherwise the first to notice would be a customer.
fn check_variables(form: &Form, path: &str, sample: &Sample, problems: &mut Vec<Problem>) {
    for variable in form.variables() {
        let names: Vec<&str> = variable.path.iter().map(String::as_str).collect();
        let message = match names.as_slice() {
            ["brand", "name" | "signature"] => continue,
            ["contact", name] if sample.contact.contains_key(*name) => continue,
            [name] if sample.values.contains_key(*name) => continue,
            ["brand", ..] => format!("there is no `{}`; there are `brand.name`, `brand.signature`", variable.name()),
            ["contact", name] => format!(
                "unknown variable `contact.{name}`; give it a sample under `[contact]` in {path}{}",
                did_you_mean(name, sample.contact.keys().map(String::as_str))
            ),
            [name] => format!(
                "unknown variable `{name}`; give it a sample under `[values]` in {path}{}",
                did_you_mean(name, sample.values.keys().map(String::as_str))
            ),
            _ => format!("unknown variable `{}`; values are not nested", variable.name()),
        };
        problems.push(variable.place.problem(message));
    }
}

fn check_sample(template: &MessageTemplate, source: &TemplateSource, language: Language, problems: &mut Vec<Problem>) {
    let values = template.samples.get(language);
    let form = template.forms.get(language);
    let place = Place::file(file_of(source, language).path.clone());
    let mut check = |text: &Text, check: fn(&mut Vec<Problem>, &Place, &str)| match text.render(values.context()) {
        Ok(rendered) => check(problems, &place, &rendered),
        Err(error) => {
            problems.push(place.problem(format!("cannot be rendered with the sample {}: {error}", source.sample.path)));
        }
    };
    check(&form.body, limits::rendered_body);
    if let Some(Header::Text(header)) = &form.header {
        check(header, limits::rendered_header);
    }
    if problems.is_empty()
        && let Err(error) = template.content(values)
        && !matches!(error, RenderError::TooLong { .. })
    {
        problems.push(place.problem(format!("cannot be rendered with the sample {}: {error}", source.sample.path)));
    }
}
