//! The whole table as it stands in the documentation.

use std::fmt::Write as _;

use super::code::{self, Provider};
use crate::domain::failure::FailureClass;

/// The page, made from the tables.
pub(super) fn page() -> String {
    let mut page = String::from(
        "# Every code of a provider, and what follows from it\n\
         Made from the code by `barid explain --markdown`; a test compares. A refusal has one of sixteen classes, and a class answers\n\
         four questions: is it tried again, what slows down or stops for others, may another channel take over, must a person look. A\n\
         code in none of the tables is `unrecognised`: counted, logged once, and never the end of the service.\n\n\
         ## Classes\n\
         | class | what it is | tried again? | slows or stops | other channel? | alert? | what you do |\n|---|---|---|---|---|---|---|\n",
    );
    for class in FailureClass::ALL {
        let cells = [
            &format!("`{}`", class.name()),
            class.explanation(),
            &class.retry().words(),
            class.slow().words(),
            class.fallback_words(),
            class.alert_words(),
            class.advice(),
        ];
        row(&mut page, &cells);
    }
    let all = code::all();
    for (provider, title) in [
        (Provider::Meta, "Meta: codes, and below them subcodes"),
        (Provider::Twilio, "Twilio: SMS, and WhatsApp by Twilio"),
        (Provider::Smtp, "SMTP: replies, and below them enhanced codes"),
    ] {
        let _ =
            write!(page, "\n## {title}\n| code | class | title | what it means and what to do |\n|---|---|---|---|\n");
        for code in all.iter().filter(|code| code.provider == provider) {
            row(&mut page, &[&code.code, &format!("`{}`", code.class.name()), code.title, code.meaning]);
        }
    }
    page
}

fn row(page: &mut String, cells: &[&str]) {
    for cell in cells {
        let _ = write!(page, "| {} ", cell.replace('|', "\\|"));
    }
    page.push_str("|\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_is_what_the_code_does() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/explain/failure_codes.md");
        let page = page();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap();
        assert!(
            written == page,
            "src/cli/explain/failure_codes.md differs from the code; make it anew with \
             `UPDATE_DOCS=1 cargo test --lib the_documentation_is_what_the_code_does`"
        );
    }
}
