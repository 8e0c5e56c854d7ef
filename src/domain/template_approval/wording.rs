//! What people read of a template, line by line, and how two of them differ.

use serde::{Deserialize, Serialize};

/// Header, body, footer and buttons as lines, each behind the word for its part. What makes no difference to people (spaces at the end of a
/// line, the plus of a number) makes none here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wording(Vec<String>);

/// A button as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordedButton(String);

impl WordedButton {
    /// `kind`: `url`, `quick-reply`, `phone`, or the provider's word for one that we do not have; `target`: its address or number.
    pub fn new(kind: &str, text: &str, target: Option<&str>) -> Self {
        let target = target.map_or_else(String::new, |target| format!(" {}", target.trim().trim_start_matches('+')));
        Self(format!("{kind} “{}”{target}", text.trim()))
    }
}

impl Wording {
    /// Of these parts.
    pub fn new(
        header: Option<&str>,
        body: &str,
        footer: Option<&str>,
        buttons: impl IntoIterator<Item = WordedButton>,
    ) -> Self {
        let mut lines = Vec::new();
        let mut add = |part: &str, text: &str| {
            lines.extend(text.trim_end().lines().map(|line| format!("{part}: {}", line.trim_end())));
        };
        if let Some(header) = header {
            add("header", header);
        }
        add("body", body);
        if let Some(footer) = footer {
            add("footer", footer);
        }
        for WordedButton(button) in buttons {
            add("button", &button);
        }
        Self(lines)
    }

    /// Its lines.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffLine {
    /// In both.
    Same(String),
    /// Only as approved.
    Approved(String),
    /// Only in our file.
    Ours(String),
}

impl DiffLine {
    /// The sign before it, as in a unified diff: `-` goes away, `+` comes when our file is pushed.
    pub const fn sign(&self) -> char {
        match self {
            Self::Same(_) => ' ',
            Self::Approved(_) => '-',
            Self::Ours(_) => '+',
        }
    }

    /// The line.
    pub fn text(&self) -> &str {
        match self {
            Self::Same(text) | Self::Approved(text) | Self::Ours(text) => text,
        }
    }
}

/// How the approved words become ours; empty where they are the same.
pub fn diff(approved: &Wording, ours: &Wording) -> Vec<DiffLine> {
    if approved == ours {
        return Vec::new();
    }
    let (a, b) = (approved.lines(), ours.lines());
    // The length of the longest common run of lines from each pair of places on: a template has some dozens of lines at most.
    let mut common = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push(DiffLine::Same(a[i].clone()));
            i += 1;
            j += 1;
        } else if i < a.len() && (j == b.len() || common[i + 1][j] >= common[i][j + 1]) {
            lines.push(DiffLine::Approved(a[i].clone()));
            i += 1;
        } else {
            lines.push(DiffLine::Ours(b[j].clone()));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(approved: &Wording, ours: &Wording) -> Vec<String> {
        diff(approved, ours).iter().map(|line| format!("{} {}", line.sign(), line.text())).collect()
    }

    #[test]
    fn a_difference_names_the_part_and_keeps_what_is_the_same() {
        let call = |phone| WordedButton::new("phone", "Call", Some(phone));
        let approved =
            Wording::new(Some("Depot 4"), "Hello {{name}},\nit leaves today.\n", None, [call("966112345678")]);
        let ours = Wording::new(
            Some("Depot 4"),
            "Hello {{name}},  \nit leaves tomorrow.",
            Some("Reply STOP to end"),
            [call("+966112345678")],
        );
        assert_eq!(
            shown(&approved, &ours),
            [
                "  header: Depot 4",
                "  body: Hello {{name}},",
                "- body: it leaves today.",
                "+ body: it leaves tomorrow.",
                "+ footer: Reply STOP to end",
                "  button: phone “Call” 966112345678",
            ]
        );
        assert_eq!(diff(&ours, &ours.clone()), []);
    }

    #[test]
    fn a_difference_leads_from_one_to_the_other() {
        use rand::{Rng as _, SeedableRng as _};
        let seed = 20_261_128;
        let mut dice = rand::rngs::StdRng::seed_from_u64(seed);
        for round in 0..500 {
            let mut some =
                || Wording((0..dice.random_range(0..8)).map(|_| dice.random_range(0..4).to_string()).collect());
            let (approved, ours) = (some(), some());
            let lines = diff(&approved, &ours);
            if approved == ours {
                assert!(lines.is_empty(), "seed {seed}, round {round}");
                continue;
            }
            let side = |not: char| -> Vec<String> {
                lines.iter().filter(|line| line.sign() != not).map(|line| line.text().to_owned()).collect()
            };
            assert_eq!(side('+'), approved.lines(), "seed {seed}, round {round}");
            assert_eq!(side('-'), ours.lines(), "seed {seed}, round {round}");
        }
    }
}
