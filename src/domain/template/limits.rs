//! Meta's limits of a template, counted in Unicode scalar values.
//!
//! Source: `/documentation/business-messaging/whatsapp/templates/{overview, components}`, checked 2026-11.

use crate::domain::message::MediaKind;
use crate::domain::problem::{Place, Problem, listed};

/// Of the name.
const NAME_MAX: usize = 512;
/// Of the body, both as approved and with its values (templates of a body only may be longer; we do not rely on it).
pub(super) const BODY_MAX: usize = 1024;
/// Of the header, with its value.
pub(super) const HEADER_MAX: usize = 60;
/// Of the footer.
const FOOTER_MAX: usize = 60;
/// Of a button's label.
const BUTTON_TEXT_MAX: usize = 25;
/// Of a button's address.
const URL_MAX: usize = 2000;
/// Of the name that people see of a document; Meta says none.
const FILENAME_MAX: usize = 240;
/// Of a button's phone number.
const PHONE_MAX: usize = 20;
/// Buttons of one template.
const BUTTONS_MAX: usize = 10;
/// Buttons that open an address.
const URL_BUTTONS_MAX: usize = 2;
/// Of a payload: Meta's 128 (unconfirmed) less room for the reference that is added when sending.
const PAYLOAD_MAX: usize = 64;

pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}

fn at_most(problems: &mut Vec<Problem>, place: &Place, what: &str, text: &str, most: usize) {
    let n = length(text);
    if n == 0 {
        problems.push(place.problem(format!("{what} is empty")));
    } else if n > most {
        problems.push(place.problem(format!("{what} has {n} characters, but Meta allows {most}; shorten it")));
    }
}

pub(super) fn name(problems: &mut Vec<Problem>, place: &Place, name: &str) {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(fits) {
        problems.push(place.problem(format!(
            "`name` is `{name}`, but Meta allows only lower-case letters, digits and `_`, at most {NAME_MAX}"
        )));
    }
}

pub(super) fn language_code(problems: &mut Vec<Problem>, place: &Place, language: &str, code: &str) {
    let (main, region) = code.split_once('_').map_or((code, None), |(main, region)| (main, Some(region)));
    let region_fits = region.is_none_or(|region| region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase()));
    if main != language || !region_fits {
        problems.push(place.problem(format!(
            "the language code for `{language}` is `{code}`, but must be `{language}` or one of its regions such as `{language}_{}`",
            if language == "ar" { "SA" } else { "US" }
        )));
    }
}

pub(super) fn body(problems: &mut Vec<Problem>, place: &Place, approved: &str, ends: Option<(&str, &str)>) {
    at_most(problems, place, "the body", approved, BODY_MAX);
    if let Some((first, last)) = ends {
        if first.trim().is_empty() {
            problems.push(place.problem("the body begins with a variable, which Meta refuses; put a word before it"));
        }
        if last.trim().is_empty() {
            problems.push(place.problem("the body ends with a variable, which Meta refuses; put a word after it"));
        }
    }
}

pub(super) fn rendered_body(problems: &mut Vec<Problem>, place: &Place, text: &str) {
    at_most(problems, place, "the body with its sample values", text, BODY_MAX);
}

pub(super) fn header(problems: &mut Vec<Problem>, place: &Place, approved: &str, n_variables: usize) {
    at_most(problems, place, "the header", approved, HEADER_MAX);
    if approved.contains('\n') {
        problems.push(place.problem("the header has more than one line; Meta allows one"));
    }
    if n_variables > 1 {
        problems.push(place.problem(format!("the header has {n_variables} variables, but Meta allows one")));
    }
}

pub(super) fn rendered_header(problems: &mut Vec<Problem>, place: &Place, text: &str) {
    at_most(problems, place, "the header with its sample value", text, HEADER_MAX);
}

/// The kind of file that shows those who approve what a header will be, by its ending, and how large it may be.
/// Source: `/docs/graph-api/guides/upload` and `/documentation/business-messaging/whatsapp/business-phone-numbers/media`, checked 2026-11.
const IMAGES: &[(&str, &str)] = &[("jpg", "image/jpeg"), ("jpeg", "image/jpeg"), ("png", "image/png")];
const VIDEOS: &[(&str, &str)] = &[("mp4", "video/mp4")];
const DOCUMENTS: &[(&str, &str)] = &[("pdf", "application/pdf")];
const MIB: u64 = 1024 * 1024;

/// The MIME type of the sample of a header; what is wrong with it is told at `place`.
pub(super) fn sample(
    problems: &mut Vec<Problem>,
    place: &Place,
    kind: MediaKind,
    name: &str,
    bytes: Option<u64>,
) -> Option<&'static str> {
    let (types, most) = match kind {
        MediaKind::Image => (IMAGES, 5 * MIB),
        MediaKind::Video => (VIDEOS, 16 * MIB),
        // The manifest has no other kinds.
        MediaKind::Document | MediaKind::Audio | MediaKind::Sticker => (DOCUMENTS, 100 * MIB),
    };
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let found = types.iter().find(|(known, _)| ending.as_deref() == Some(*known)).map(|(_, mime_type)| *mime_type);
    if found.is_none() {
        let endings = listed(types.iter().map(|(ending, _)| *ending));
        problems.push(place.problem(format!(
            "the sample of the header is `{name}`, but for `{}` it must end in {endings}",
            kind.name()
        )));
    }
    match bytes {
        None => {
            problems.push(place.problem(format!(
                "there is no file `{name}` beside template.toml; add it: Meta's reviewers are shown it"
            )))
        }
        Some(0) => problems.push(place.problem(format!("the file `{name}` is empty"))),
        Some(bytes) if bytes > most => problems.push(place.problem(format!(
            "the file `{name}` has {bytes} bytes, but Meta takes {most} for `{}`; make it smaller",
            kind.name()
        ))),
        Some(_) => {}
    }
    found
}

pub(super) fn filename(problems: &mut Vec<Problem>, place: &Place, name: &str) {
    at_most(problems, place, "the `filename` of the header", name, FILENAME_MAX);
    if name.contains("{{") {
        problems.push(place.problem("the `filename` of the header cannot have variables"));
    }
}

pub(super) fn footer(problems: &mut Vec<Problem>, place: &Place, text: &str) {
    at_most(problems, place, "the footer", text, FOOTER_MAX);
    if text.contains("{{") {
        problems.push(place.problem("the footer cannot have variables"));
    }
}

pub(super) fn button_text(problems: &mut Vec<Problem>, place: &Place, text: &str) {
    at_most(problems, place, "the label of the button", text, BUTTON_TEXT_MAX);
    if text.contains("{{") {
        problems.push(place.problem("the label of a button cannot have variables"));
    }
}

/// An address: https, with at most one variable, at its very end. `of_what`: `the button`.
pub(super) fn url(
    problems: &mut Vec<Problem>,
    place: &Place,
    of_what: &str,
    approved: &str,
    n_variables: usize,
    ends_with_variable: bool,
) {
    at_most(problems, place, &format!("the address of {of_what}"), approved, URL_MAX);
    if !approved.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with("{{")) {
        problems.push(place.problem(format!("the address of {of_what} must begin with `https://` and a fixed host")));
    }
    if n_variables > 1 || (n_variables == 1 && !ends_with_variable) {
        problems.push(place.problem(format!("the address of {of_what} may have one variable, at its very end")));
    }
}

pub(super) fn payload(problems: &mut Vec<Problem>, place: &Place, payload: &str) {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if payload.is_empty() || payload.len() > PAYLOAD_MAX || !payload.chars().all(fits) {
        problems.push(
            place.problem(format!(
                "the payload of a button must be 1 to {PAYLOAD_MAX} letters, digits, `-`, `_` and `.`"
            )),
        );
    }
}

pub(super) fn phone(problems: &mut Vec<Problem>, place: &Place, phone: &str) {
    let digits = phone.strip_prefix('+').unwrap_or_default();
    if digits.len() < 5 || phone.len() > PHONE_MAX || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        problems.push(place.problem("the phone number of a button must be `+` and its digits with the country code"));
    }
}

/// How many buttons there may be of which kind, and that quick replies stand together. `kinds` are the words of the manifest.
pub(super) fn buttons(problems: &mut Vec<Problem>, place: &Place, kinds: &[&str]) {
    let count = |kind: &str| kinds.iter().filter(|known| **known == kind).count();
    if kinds.len() > BUTTONS_MAX {
        problems.push(place.problem(format!("there are {} buttons, but Meta allows {BUTTONS_MAX}", kinds.len())));
    }
    if count("url") > URL_BUTTONS_MAX {
        problems.push(place.problem(format!("there are more than {URL_BUTTONS_MAX} buttons that open an address")));
    }
    if count("phone") > 1 {
        problems.push(place.problem("there is more than one button that calls a number"));
    }
    let groups = kinds.chunk_by(|a, b| (*a == "quick-reply") == (*b == "quick-reply")).count();
    if groups > 2 {
        problems.push(place.problem("quick replies must stand together, before or after the other buttons"));
    }
}
