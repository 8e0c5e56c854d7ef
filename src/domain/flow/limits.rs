//! Meta's limits of free-form messages, counted in Unicode scalar values.
//!
//! Sources: `/documentation/business-messaging/whatsapp/messages/{text-messages, interactive-reply-buttons-messages,
//! interactive-list-messages}`, checked 2026-11.

use crate::domain::problem::{Place, Problem};

/// Of a text.
pub(super) const TEXT_MAX: usize = 4096;
/// Of what stands above buttons, and above a list: its page says 4096, Meta's own OpenAPI file 1024; the lesser one is right for both.
pub(super) const BODY_MAX: usize = 1024;
/// Buttons of one message.
pub(super) const BUTTONS_MAX: usize = 3;
/// Of a button's title, and of the label that opens a list.
pub(super) const BUTTON_TITLE_MAX: usize = 20;
/// Rows of one list.
pub(super) const ROWS_MAX: usize = 10;
/// Of a row's title.
pub(super) const ROW_TITLE_MAX: usize = 24;
/// Of a row's description.
pub(super) const ROW_DESCRIPTION_MAX: usize = 72;
/// Of what a row carries (a button may carry 256): flow, step and choice have room in it.
#[cfg(test)]
pub(super) const ROW_ID_MAX: usize = 200;

pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}

/// A short text that is shown as it stands: not empty, not too long, one line, nothing to fill in.
pub(super) fn label(place: &Place, what: &str, text: &str, most: usize) -> Option<Problem> {
    let n = length(text);
    if text.trim().is_empty() {
        Some(place.problem(format!("{what} is empty")))
    } else if n > most {
        Some(place.problem(format!("{what} has {n} characters, but Meta allows {most}; shorten it")))
    } else if text.contains("{{") {
        Some(place.problem(format!("{what} cannot have variables; put them into `text`")))
    } else if text.contains(char::is_control) {
        Some(place.problem(format!("{what} must be one line")))
    } else {
        None
    }
}

/// The text, or as much of it as there is room for.
pub(super) fn cut(text: String, most: usize) -> String {
    if length(&text) <= most {
        return text;
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}
