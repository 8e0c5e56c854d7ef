//! Cells of CSV files that open in a spreadsheet without running anything.

/// The cell as it may be written. One that a spreadsheet would take for a formula gets an apostrophe before it, which shows it as
/// text and which an import takes off again. Not for telephone numbers: `+` and digits are a number to a spreadsheet and nothing worse,
/// and `'+966…` would be read by no other program.
pub(super) fn inert(text: &str) -> String {
    if is_formula(text) { format!("'{text}") } else { text.to_owned() }
}

fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_becomes_text() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+A1", "'+A1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("Amal", "Amal"),
            ("أمل", "أمل"),
            ("", ""),
            ("a=1", "a=1"),
        ] {
            assert_eq!(inert(text), cell);
        }
    }
}
