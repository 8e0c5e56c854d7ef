//! Meta's limits of a template, counted in Unicode scalar values.
//!
//! Source: `/documentation/business-messaging/whatsapp/templates/{overview, components}`, checked 2026-11.

use crate::domain::problem::{Place, Problem};

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

/// An address: https, with at most one variable, at its very end.
pub(super) fn url(
    problems: &mut Vec<Problem>,
    place: &Place,
    approved: &str,
    n_variables: usize,
    ends_with_variable: bool,
) {
    at_most(problems, place, "the address of the button", approved, URL_MAX);
    if !approved.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with("{{")) {
        problems.push(place.problem("the address of a button must begin with `https://` and a fixed host"));
    }
    if n_variables > 1 || (n_variables == 1 && !ends_with_variable) {
        problems.push(place.problem("the address of a button may have one variable, at its very end"));
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
