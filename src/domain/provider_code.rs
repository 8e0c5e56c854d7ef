//! One line of a provider's code table, and how such a table is searched. The tables themselves belong to the adapters.

use crate::domain::failure::FailureClass;

/// Where a code is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// In the answer to a call.
    Answer,
    /// In a later callback about a message.
    Status,
    /// In a callback about a number, an account or an app.
    Account,
    /// In place of something that a customer sent.
    Inbound,
    /// In the answer to something other than sending: templates, registration, settings.
    Management,
    /// In a report on the health of an account.
    Health,
}

impl Path {
    /// What the operator reads.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Answer => "the answer to a call",
            Self::Status => "a later status of the message",
            Self::Account => "a notice about the number or account",
            Self::Inbound => "an inbound message",
            Self::Management => "management calls",
            Self::Health => "health reports",
        }
    }
}

/// A code, or a range of codes that mean the same to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// First code.
    pub from: i64,
    /// Last code; equal to the first for a single one.
    pub to: i64,
    /// What follows from it.
    pub class: FailureClass,
    /// Where it is met.
    pub paths: &'static [Path],
    /// The provider's title.
    pub title: &'static str,
    /// For the operator: what it means and what to do.
    pub meaning: &'static str,
}

impl Entry {
    /// The code, or the range as in `200-299`.
    pub fn codes(&self) -> String {
        if self.from == self.to { self.from.to_string() } else { format!("{}-{}", self.from, self.to) }
    }
}

/// The entry for a code in a table that is in the order of its codes.
pub fn found(table: &'static [Entry], code: i64) -> Option<&'static Entry> {
    let at = table.partition_point(|entry| entry.to < code);
    table.get(at).filter(|entry| entry.from <= code)
}

/// What is wrong with a table, for the tests of those who own one: entries out of order, overlapping, or without words.
pub fn faults(table: &[Entry]) -> Vec<String> {
    let unordered = table.windows(2).filter(|pair| pair[0].to >= pair[1].from).map(|pair| {
        let [before, after] = [pair[0].codes(), pair[1].codes()];
        format!("`{before}` is not before `{after}`")
    });
    let incomplete = table
        .iter()
        .filter(|entry| {
            let ends = entry.meaning.ends_with('.') || entry.title.is_empty() || entry.paths.is_empty();
            entry.from > entry.to || ends || entry.meaning.len() < 20
        })
        .map(|entry| format!("`{}` lacks a title, a path or a meaning without a full stop", entry.codes()));
    unordered.chain(incomplete).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn entry(from: i64, to: i64) -> Entry {
        Entry {
            from,
            to,
            class: FailureClass::Transient,
            paths: &[Path::Answer],
            title: "t",
            meaning: "long enough to be one",
        }
    }

    #[test]
    fn codes_are_found_alone_and_in_ranges_and_nothing_between() {
        const TABLE: &[Entry] = &[entry(1, 1), entry(5, 9), entry(10, 10)];
        let codes = |code| found(TABLE, code).map(Entry::codes);
        for (code, expected) in [(0, None), (1, Some("1")), (2, None), (5, Some("5-9")), (9, Some("5-9"))] {
            assert_eq!(codes(code).as_deref(), expected, "{code}");
        }
        assert_eq!(codes(i64::MAX), None);
        assert_eq!(codes(i64::MIN), None);
        assert!(faults(TABLE).is_empty());
    }

    #[test]
    fn a_table_out_of_order_or_without_words_is_found_out() {
        assert_eq!(faults(&[entry(5, 9), entry(9, 10)]).len(), 1);
        assert_eq!(faults(&[Entry { meaning: "", ..entry(1, 1) }]).len(), 1);
    }
}
